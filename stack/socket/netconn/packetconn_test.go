package netconn_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/socket/netconn"
)

// live makes a node that talks to itself.
func live(t *testing.T) *stack.Node {
	n, err := stack.New(clock.New(), config.Config{})
	if err != nil {
		t.Fatal(err)
	}
	n.GoLive()
	return n
}

func listen(t *testing.T, n *stack.Node) *netconn.PacketConn {
	c, err := netconn.ListenPacket(n, n.Sockets, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDatagramsGoThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		a, b := listen(t, n), listen(t, n)
		var all sync.WaitGroup
		const messages = 20
		for range 2 { // two readers of one connection
			all.Go(func() {
				buf := make([]byte, 100)
				for range messages / 2 {
					k, from, err := b.ReadFrom(buf)
					if err != nil || string(buf[:k]) != "hello" || from.String() != a.LocalAddr().String() {
						t.Errorf("read %q from %v, %v", buf[:k], from, err)
						return
					}
				}
			})
		}
		for range messages {
			if k, err := a.WriteTo([]byte("hello"), b.LocalAddr()); k != 5 || err != nil {
				t.Errorf("wrote %d, %v", k, err)
			}
		}
		all.Wait()
		if err := errors.Join(a.Close(), b.Close(), n.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		c := listen(t, n)
		read := func() (time.Duration, error) {
			start := time.Now()
			_, _, err := c.ReadFrom(make([]byte, 1))
			return time.Since(start), err
		}
		c.SetReadDeadline(time.Now().Add(3 * time.Second))
		if after, err := read(); after != 3*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline in 3 s: %v after %v", err, after)
		}
		var timeout net.Error
		if after, err := read(); after != 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("a deadline that has passed: %v after %v", err, after)
		}
		c.SetReadDeadline(time.Time{})
		go func() {
			time.Sleep(5 * time.Second)
			c.SetReadDeadline(time.Now().Add(-time.Hour))
		}()
		if after, err := read(); after != 5*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a past deadline set while it waits: %v after %v", err, after)
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		go func() {
			time.Sleep(time.Second / 2)
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
		}()
		if after, err := read(); after != 10*time.Second+time.Second/2 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline moved while it waits: %v after %v", err, after)
		}
		if err := errors.Join(c.Close(), n.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		c := listen(t, n)
		c.SetDeadline(time.Now().Add(-1))
		if _, err := c.WriteTo([]byte("x"), c.LocalAddr()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write after its deadline: %v", err)
		}
		c.SetWriteDeadline(time.Time{})
		if _, err := c.WriteTo([]byte("x"), c.LocalAddr()); err != nil {
			t.Errorf("write without deadline: %v", err)
		}
		c.Close()
		n.Close()
	})
}

func TestCloseWakesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		c := listen(t, n)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, _, err := c.ReadFrom(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("a read that waited: %v", err)
				}
			})
		}
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second Close: %v", err)
		}
		if _, err := c.WriteTo(nil, c.LocalAddr()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write on a closed connection: %v", err)
		}
		if err := c.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("deadline of a closed connection: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestNodeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		c := listen(t, n)
		waits := make(chan error)
		go func() {
			_, _, err := c.ReadFrom(make([]byte, 1))
			waits <- err
		}()
		synctest.Wait()
		n.Close()
		if err := <-waits; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read that waited when the node was closed: %v", err)
		}
		if _, _, err := c.ReadFrom(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read on a closed node: %v", err)
		}
		if _, err := netconn.ListenPacket(n, n.Sockets, netip.AddrPort{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("listen on a closed node: %v", err)
		}
		c.Close()
	})
}

func TestListenErrors(t *testing.T) {
	n := live(t)
	defer n.Close()
	_, err := netconn.ListenPacket(n, n.Sockets, netip.MustParseAddrPort("192.0.2.9:7"))
	if err == nil || err.Error() != "listen udp 192.0.2.9:7: EADDRNOTAVAIL" {
		t.Errorf("an address that is not the node's: %v", err)
	}
}
