package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/socket/netconn"
)

// serve gives a node the services of conform up at an address, as far as it has the protocols. end ends them.
func serve(n *stack.Node, addr netip.Addr) (end func() error, names string, err error) {
	var (
		running sync.WaitGroup
		ends    []func() error
		all     []string
		at      = func(port uint16) netip.AddrPort { return netip.AddrPortFrom(addr, port) }
	)
	end = func() error {
		var err error
		for _, f := range ends {
			err = errors.Join(err, f())
		}
		running.Wait()
		return err
	}
	fail := func(err error) (func() error, string, error) { return nil, "", errors.Join(err, end()) }
	if n.Config.Have.UDP.On() {
		c, err := netconn.ListenPacket(n, n.Sockets, at(7))
		if err != nil {
			return fail(err)
		}
		ends, all = append(ends, c.Close), append(all, "UDP echo on port 7")
		running.Go(func() { echoPackets(c) })
	}
	if n.Config.TCP.Enabled.On() {
		l, err := netconn.ListenTCP(n, n.Sockets, at(7))
		if err != nil {
			return fail(err)
		}
		ends, all = append(ends, l.Close), append(all, "TCP echo on port 7")
		running.Go(func() { echoStreams(l) })
		web, err := netconn.ListenTCP(n, n.Sockets, at(80))
		if err != nil {
			return fail(err)
		}
		s := &http.Server{Handler: counters(n), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute}
		ends, all = append(ends, s.Close), append(all, "HTTP on port 80")
		running.Go(func() { _ = s.Serve(web) }) // until it is closed
	}
	return end, strings.Join(all, ", "), nil
}

// echoPackets sends back what comes, until the socket is closed.
func echoPackets(c *netconn.PacketConn) {
	buf := make([]byte, 65535)
	for {
		n, from, err := c.ReadFrom(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			continue // the fate of an earlier answer
		}
		_, _ = c.WriteTo(buf[:n], from) // an answer that cannot be sent is one that gets lost
	}
}

// echoStreams sends back what comes on each connection, to its end (RFC 862), until the listener is closed.
func echoStreams(l *netconn.Listener) {
	for {
		c, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			continue // a connection that is gone already
		}
		go func() { // it ends with the node, if not before
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}()
	}
}

// counters shows the counters of a node.
func counters(n *stack.Node) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var text string
		n.Do(func() { text = n.StatsText(nil) })
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // else the client is gone
	})
}
