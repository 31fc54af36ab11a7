package netconn_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/conform-stack/conform/stack/socket/netconn"
)

// net/http over the node, server and clients: connections that are kept, bodies larger than any buffer, all at once.
func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		l := listenTCP(t, n)
		server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			body, err := io.ReadAll(r.Body) // all of it first: HTTP/1.1 is not read and written at the same time
			if err != nil {
				t.Error(err)
			}
			if _, err := w.Write(body); err != nil {
				t.Error(err)
			}
		})}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		d := netconn.Dialer{Door: n, System: n.Sockets}
		transport := &http.Transport{DialContext: d.DialContext}
		client := http.Client{Transport: transport}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 3 {
					body := bytes.Repeat([]byte(fmt.Sprintf("%d.%d ", i, j)), 50_000)
					r, err := client.Post("http://"+l.Addr().String()+"/", "text/plain", bytes.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					back, err := io.ReadAll(r.Body)
					if err != nil || !bytes.Equal(back, body) || r.StatusCode != http.StatusOK {
						t.Errorf("%s: %d of %d octets, %v", r.Status, len(back), len(body), err)
					}
					closeAll(t, r.Body)
				}
			})
		}
		all.Wait()
		transport.CloseIdleConnections()
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
		closeAll(t, n)
	})
}
