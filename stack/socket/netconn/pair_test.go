package netconn_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/socket/netconn"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// web is a server of HTTP on one node and a client on another, with a link between them. Both nodes are on one loop, whose
// door is the client's.
type web struct {
	t              *testing.T
	client, server *stack.Node
	http           *http.Server
	transport      *http.Transport
	url            string
	served         chan error
}

func newWeb(t *testing.T, w wire.Config, f fault.Faults, s *http.Server) *web {
	t.Helper()
	loop := clock.New()
	near, far := wire.New(loop, w)
	at := func(d driver.Device, last byte) *stack.Node {
		n, err := stack.New(loop, config.Config{Seed: uint64(last)})
		if err != nil {
			t.Fatal(err)
		}
		eth, err := n.AddEthernet(d, ethernet.MAC{2, 0, 0, 0, 0, last})
		if err == nil {
			err = n.AddAddress(eth, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24))
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	x := &web{t: t, client: at(fault.New(loop, near, fault.Config{Seed: 1, Send: f, Receive: f}), 1), server: at(far, 2), http: s}
	x.client.GoLive()
	l, err := netconn.ListenTCP(x.client, x.server.Sockets, netip.MustParseAddrPort("192.0.2.2:80"))
	if err != nil {
		t.Fatal(err)
	}
	x.url = "http://192.0.2.2/"
	x.served = make(chan error, 1)
	go func() { x.served <- s.Serve(l) }()
	d := netconn.Dialer{Door: x.client, System: x.client.Sockets}
	x.transport = &http.Transport{DialContext: d.DialContext}
	return x
}

// dial makes a connection to the server, for those who speak HTTP badly.
func (x *web) dial() net.Conn {
	x.t.Helper()
	d := netconn.Dialer{Door: x.client, System: x.client.Sockets}
	c, err := d.DialContext(x.t.Context(), "tcp", "192.0.2.2:80")
	if err != nil {
		x.t.Fatal(err)
	}
	return c
}

// close ends everything; what is still going on has a minute.
func (x *web) close() {
	x.t.Helper()
	x.transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	err := x.http.Shutdown(ctx)
	if e := <-x.served; e != http.ErrServerClosed {
		err = errors.Join(err, e)
	}
	x.client.Do(func() { err = errors.Join(err, x.server.Close()) })
	if err = errors.Join(err, x.client.Close()); err != nil {
		x.t.Error(err)
	}
}
