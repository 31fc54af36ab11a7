package netconn_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
)

// stream is a body of n octets that differ, made as it is read.
type stream struct{ n, at int }

func (s *stream) Read(b []byte) (int, error) {
	if s.at == s.n {
		return 0, io.EOF
	}
	k := min(len(b), s.n-s.at)
	for i := range b[:k] {
		x := s.at + i
		b[i] = byte(x ^ x>>8 ^ x>>16)
	}
	s.at += k
	return k, nil
}

func (s *stream) hash() string {
	h := sha256.New()
	_, _ = io.Copy(h, &stream{n: s.n}) // neither fails
	return fmt.Sprintf("%x", h.Sum(nil))
}

// hashing answers an upload with its hash, and anything else with a stream.
func hashing(size int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.Copy(w, &stream{n: size}) // the client counts
			return
		}
		h := sha256.New()
		if _, err := io.Copy(h, r.Body); err == nil {
			fmt.Fprintf(w, "%x", h.Sum(nil))
		}
	}
}

// Bodies of many times the size of all buffers, in both directions at once, by several clients; by a link that takes its
// time, and by one that is bad.
func TestLargeBodies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		wire   wire.Config
		faults fault.Faults
		size   int
	}{
		{"clean", wire.Config{}, fault.Faults{}, 8 << 20},
		{"slow", wire.Config{BitRate: 100e6, Delay: 20 * time.Millisecond}, fault.Faults{}, 4 << 20},
		{"bad", wire.Config{Delay: time.Millisecond}, fault.Faults{Loss: 0.02, Duplicate: 0.02, Reorder: 0.02, Corrupt: 0.02}, 2 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newWeb(t, tt.wire, tt.faults, &http.Server{Handler: hashing(tt.size)})
				client := http.Client{Transport: x.transport}
				want := (&stream{n: tt.size}).hash()
				var all sync.WaitGroup
				for range 3 {
					all.Go(func() {
						r, err := client.Post(x.url, "application/octet-stream", &stream{n: tt.size})
						if err != nil {
							t.Error(err)
							return
						}
						if got, err := io.ReadAll(r.Body); err != nil || string(got) != want {
							t.Errorf("upload: %s, %v", got, err)
						}
						closeAll(t, r.Body)
					})
					all.Go(func() {
						r, err := client.Get(x.url)
						if err != nil {
							t.Error(err)
							return
						}
						h := sha256.New()
						if n, err := io.Copy(h, r.Body); err != nil || fmt.Sprintf("%x", h.Sum(nil)) != want {
							t.Errorf("download: %d octets, %v", n, err)
						}
						closeAll(t, r.Body)
					})
				}
				all.Wait()
				x.close()
			})
		})
	}
}

// The server's deadlines: for a header that does not come, a body that does not come, an answer that nobody reads, and
// the next request on a connection that is kept.
func TestServerDeadlines(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   func(s *http.Server)
		says  string
		reads bool // else the client leaves the answer alone
		after time.Duration
	}{
		{"half a header", func(s *http.Server) { s.ReadHeaderTimeout = 3 * time.Second }, "GET / HTTP/1.1\r\nHo", true, 3 * time.Second},
		{"half a body", func(s *http.Server) { s.ReadTimeout = 4 * time.Second }, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", true, 4 * time.Second},
		{"no next request", func(s *http.Server) { s.IdleTimeout = 5 * time.Second }, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", true, 5 * time.Second},
		{"an answer that nobody reads", func(s *http.Server) { s.WriteTimeout = 6 * time.Second }, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, 6 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan time.Duration, 1)
				began := time.Now()
				var s http.Server
				tt.set(&s)
				s.ConnState = func(_ net.Conn, state http.ConnState) {
					if state == http.StateClosed {
						ended <- time.Since(began)
					}
				}
				s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.Copy(io.Discard, r.Body); err == nil && r.Method == http.MethodGet {
						_, _ = io.Copy(w, &stream{n: 64 << 20})
					}
				})
				x := newWeb(t, wire.Config{}, fault.Faults{}, &s)
				c := x.dial()
				began = time.Now()
				if _, err := io.WriteString(c, tt.says); err != nil {
					t.Error(err)
				}
				if tt.reads {
					if _, err := io.Copy(io.Discard, c); err != nil {
						t.Errorf("the connection ended with %v", err)
					}
				}
				if d := <-ended; d < tt.after || d > tt.after+time.Second {
					t.Errorf("ended after %v, want %v", d, tt.after)
				}
				closeAll(t, c)
				x.close()
			})
		})
	}
}

// A client that has enough in the middle: the server learns of it, in the handler's context, or by a write that fails.
func TestCancellation(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, x *web, told <-chan error)
	}{
		{"while it waits for an answer", func(t *testing.T, x *web, told <-chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(2*time.Second, cancel)
			r, _ := http.NewRequestWithContext(ctx, http.MethodPut, x.url, http.NoBody)
			if _, err := x.transport.RoundTrip(r); !errors.Is(err, context.Canceled) {
				t.Errorf("the client: %v", err)
			}
			if err := <-told; !errors.Is(err, context.Canceled) {
				t.Errorf("the handler: %v", err)
			}
		}},
		{"in the answer", func(t *testing.T, x *web, told <-chan error) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, x.url, http.NoBody)
			a, err := x.transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, a.Body, 1<<20); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			if _, err := io.Copy(io.Discard, a.Body); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the client: %v", err)
			}
			closeAll(t, a.Body)
			if err := <-told; err == nil {
				t.Error("the handler wrote to the end")
			}
		}},
		{"in the request", func(t *testing.T, x *web, told <-chan error) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			body, slow := io.Pipe()
			go func() {
				_, _ = io.WriteString(slow, "and then nothing")
				<-ctx.Done()
				_ = slow.CloseWithError(ctx.Err()) // RoundTrip waits for who reads the body
			}()
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, x.url, body)
			if _, err := x.transport.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the client: %v", err)
			}
			if err := <-told; err == nil {
				t.Error("the handler has read to the end")
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan error, 1)
				x := newWeb(t, wire.Config{}, fault.Faults{}, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					var err error
					switch r.Method {
					case http.MethodPut:
						<-r.Context().Done()
						err = r.Context().Err()
					case http.MethodGet:
						_, err = io.Copy(w, &stream{n: 64 << 20})
					default:
						_, err = io.Copy(io.Discard, r.Body)
					}
					told <- err
				})})
				tt.do(t, x, told)
				x.close()
			})
		})
	}
}

// Requests by many at once on connections that are kept, made anew, or closed by the server.
func TestManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWeb(t, wire.Config{Delay: time.Millisecond}, fault.Faults{}, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/close") {
				w.Header().Set("Connection", "close")
			}
			_, _ = io.WriteString(w, r.URL.Path)
		})})
		x.transport.MaxIdleConnsPerHost = 8
		client := http.Client{Transport: x.transport, Timeout: time.Minute}
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				for j := range 10 {
					path := fmt.Sprintf("%d/%d", i, j)
					if j%3 == 0 {
						path += "/close"
					}
					r, err := client.Get(x.url + path)
					if err != nil {
						t.Error(err)
						return
					}
					if b, err := io.ReadAll(r.Body); err != nil || string(b) != "/"+path {
						t.Errorf("%q, %v", b, err)
					}
					closeAll(t, r.Body)
				}
			})
		}
		all.Wait()
		x.close()
	})
}
