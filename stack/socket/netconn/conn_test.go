package netconn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/socket/netconn"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func listenTCP(t *testing.T, n *stack.Node) *netconn.Listener {
	t.Helper()
	l, err := netconn.ListenTCP(n, n.Sockets, loopback)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// connect makes a connection of a node with itself.
func connect(t *testing.T, n *stack.Node) (client, server *netconn.Conn) {
	t.Helper()
	l := listenTCP(t, n)
	client, err := netconn.DialTCP(t.Context(), n, n.Sockets, netip.AddrPort{}, addrPort(l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	return client, server
}

func closeAll(t *testing.T, all ...io.Closer) {
	t.Helper()
	for _, c := range all {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStreamGoesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		client, server := connect(t, n)
		if client.LocalAddr().String() != server.RemoteAddr().String() || client.RemoteAddr().String() != server.LocalAddr().String() {
			t.Errorf("client %v to %v, server %v to %v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
		}
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB, more than any buffer has at first
		var all sync.WaitGroup
		all.Go(func() {
			if k, err := io.Copy(server, server); k != int64(len(data)) || err != nil {
				t.Errorf("echoed %d, %v", k, err)
			}
			if err := server.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if k, err := client.Write(data); k != len(data) || err != nil {
				t.Errorf("wrote %d, %v", k, err)
			}
			if err := client.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		back, err := io.ReadAll(client)
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("read %d octets, %v", len(back), err)
		}
		all.Wait()
		if _, err := client.Write([]byte("x")); !errors.Is(err, errno.EPIPE) {
			t.Errorf("write behind CloseWrite: %v", err)
		}
		closeAll(t, client, server, n)
	})
}

// What one Write was given stays together.
func TestWritesAreNotTorn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		client, server := connect(t, n)
		const writers, size = 4, 300_000
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				if _, err := client.Write(bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
					t.Error(err)
				}
			})
		}
		go func() {
			all.Wait()
			if err := client.CloseWrite(); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(server)
		if err != nil || len(got) != writers*size {
			t.Fatalf("read %d, %v", len(got), err)
		}
		for i := 0; i < len(got); i += size {
			if bytes.Count(got[i:i+size], got[i:i+1]) != size {
				t.Errorf("torn at %d", i)
			}
		}
		closeAll(t, client, server, n)
	})
}

func TestStreamDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		client, server := connect(t, n)
		start := time.Now()
		client.SetReadDeadline(start.Add(3 * time.Second))
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if time.Since(start) != 3*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("read: %v after %v", err, time.Since(start))
		}
		client.SetWriteDeadline(start.Add(time.Minute)) // nobody reads
		k, err := client.Write(make([]byte, 64<<20))
		if time.Since(start) != time.Minute || !errors.Is(err, os.ErrDeadlineExceeded) || k == 0 || k == 64<<20 {
			t.Errorf("wrote %d, %v after %v", k, err, time.Since(start))
		}
		client.SetDeadline(time.Time{})
		// SO_RCVTIMEO, without any deadline.
		err = server.Control(func(s *socket.Socket) error {
			return s.SetOption(socket.SORcvTimeo, socket.Value{Duration: 5 * time.Second})
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, server, int64(k)); err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("SO_RCVTIMEO: %v after %v", err, time.Since(start))
		}
		closeAll(t, client, server, n)
	})
}

// A reader whose deadline has come does not take the news away from another one.
func TestDeadlineOfOneReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		l := listenTCP(t, n)
		got := make(chan error, 2)
		for range 2 {
			go func() {
				c, err := l.Accept()
				if err == nil {
					err = c.Close()
				}
				got <- err
			}()
		}
		synctest.Wait()
		var all []io.Closer
		for range 2 {
			c, err := netconn.DialTCP(t.Context(), n, n.Sockets, netip.AddrPort{}, addrPort(l.Addr()))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		for range 2 {
			if err := <-got; err != nil {
				t.Error(err)
			}
		}
		l.SetDeadline(time.Now().Add(time.Second))
		if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("accept: %v", err)
		}
		closeAll(t, append(all, l, n)...)
	})
}

func TestCloseWakesStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		client, server := connect(t, n)
		l := listenTCP(t, n)
		var all sync.WaitGroup
		waits := func(what string, f func() error) {
			all.Go(func() {
				if err := f(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		for range 2 {
			waits("read", func() error { _, err := client.Read(make([]byte, 1)); return err })
			waits("write", func() error { _, err := client.Write(make([]byte, 64<<20)); return err })
			waits("accept", func() error { _, err := l.Accept(); return err })
		}
		synctest.Wait()
		closeAll(t, client, l)
		all.Wait()
		if err := client.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second Close: %v", err)
		}
		for what, err := range map[string]error{
			"no delay": client.SetNoDelay(true), "deadline": client.SetDeadline(time.Now()), "close write": client.CloseWrite(),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s on a closed connection: %v", what, err)
			}
		}
		waits("read, when the node is closed", func() error { _, err := server.Read(make([]byte, 64<<20)); return err })
		closeAll(t, n)
		all.Wait()
		_, err := netconn.DialTCP(t.Context(), n, n.Sockets, netip.AddrPort{}, loopback)
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("dial on a closed node: %v", err)
		}
	})
}

func TestHowStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		client, server := connect(t, n)
		if err := server.SetLinger(0); err != nil {
			t.Error(err)
		}
		closeAll(t, server)
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, errno.ECONNRESET) || !strings.HasSuffix(err.Error(), ": ECONNRESET") {
			t.Errorf("reset: %v", err)
		}
		other, peer := connect(t, n)
		for _, err := range []error{other.SetNoDelay(false), other.SetKeepAlive(true), other.CloseRead()} {
			if err != nil {
				t.Error(err)
			}
		}
		if k, err := other.Read(make([]byte, 1)); k != 0 || err != io.EOF {
			t.Errorf("read behind CloseRead: %d, %v", k, err)
		}
		l := listenTCP(t, n)
		nobody := addrPort(l.Addr())
		closeAll(t, l)
		_, err := netconn.DialTCP(t.Context(), n, n.Sockets, netip.AddrPort{}, nobody)
		if want := "dial tcp " + nobody.String() + ": ECONNREFUSED"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		closeAll(t, client, other, peer, n)
	})
}

// blackHole is a live node on a link where nobody answers.
func blackHole(t *testing.T) *stack.Node {
	loop := clock.New()
	near, _ := wire.New(loop, wire.Config{})
	n, err := stack.New(loop, config.Config{})
	if err != nil {
		t.Fatal(err)
	}
	mac := ethernet.MAC{2, 0, 0, 0, 0, 1}
	eth, err := n.AddEthernet(near, mac)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.AddAddress(eth, netip.MustParsePrefix("192.0.2.1/24")); err != nil {
		t.Fatal(err)
	}
	eth.Ethernet.Neighbours().Set(netip.MustParseAddr("192.0.2.9"), ethernet.MAC{2, 0, 0, 0, 0, 9}.Addr())
	n.GoLive()
	return n
}

// A dial ends with its context, and leaves nothing behind.
func TestDialEndsWithItsContext(t *testing.T) {
	for _, tt := range []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"deadline", func(c context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(c, 2*time.Second)
		}, os.ErrDeadlineExceeded},
		{"cancelled", func(c context.Context) (context.Context, context.CancelFunc) {
			c, cancel := context.WithCancel(c)
			time.AfterFunc(2*time.Second, cancel)
			return c, cancel
		}, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := blackHole(t)
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				start := time.Now()
				_, err := netconn.DialTCP(ctx, n, n.Sockets, netip.AddrPort{}, netip.MustParseAddrPort("192.0.2.9:80"))
				if !errors.Is(err, tt.want) || time.Since(start) != 2*time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				cancel()
				if _, err := netconn.DialTCP(ctx, n, n.Sockets, netip.AddrPort{}, netip.MustParseAddrPort("192.0.2.9:80")); !errors.Is(err, tt.want) {
					t.Errorf("begun after the end: %v", err)
				}
				n.Do(func() {
					if k := n.Sockets.Len(); k != 0 {
						t.Errorf("%d sockets are left open", k)
					}
				})
				closeAll(t, n)
			})
		})
	}
}

func TestDialer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		l, u := listenTCP(t, n), listen(t, n)
		names := map[string][]netip.Addr{
			"two.test": {netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}, // nobody listens at the first
			"six.test": {netip.MustParseAddr("::ffff:127.0.0.1")},
		}
		d := netconn.Dialer{Door: n, System: n.Sockets, Resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
			if a := names[name]; a != nil {
				return a, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		}}
		_, tcp, _ := net.SplitHostPort(l.Addr().String())
		_, udp, _ := net.SplitHostPort(u.LocalAddr().String())
		for _, tt := range []struct{ network, address, err string }{
			{"tcp", "127.0.0.1:" + tcp, ""},
			{"tcp4", "two.test:" + tcp, ""},
			{"tcp", "six.test:" + tcp, ""},
			{"udp", "127.0.0.1:" + udp, ""},
			{"tcp", "127.0.0.9:" + tcp, "dial tcp 127.0.0.9:" + tcp + ": ECONNREFUSED"},
			{"tcp6", "127.0.0.1:" + tcp, "dial tcp6: address 127.0.0.1: no address of this network"},
			{"tcp", "nobody.test:1", "dial tcp: lookup nobody.test: no such host"},
			{"tcp", "127.0.0.1", "dial tcp: address 127.0.0.1: missing port in address"},
			{"sctp", "127.0.0.1:1", "dial sctp: unknown network sctp"},
			{"tcp5", "127.0.0.1:1", "dial tcp5: unknown network tcp5"},
		} {
			c, err := d.DialContext(t.Context(), tt.network, tt.address)
			switch {
			case tt.err == "" && err != nil, tt.err != "" && (err == nil || err.Error() != tt.err):
				t.Errorf("%s %s: %v, want %q", tt.network, tt.address, err, tt.err)
			case err == nil:
				closeAll(t, c)
			}
		}
		closeAll(t, l, u, n)
	})
}

func TestConnectedPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		b := listen(t, n)
		a, err := netconn.DialUDP(n, n.Sockets, netip.AddrPort{}, b.LocalAddr().(*net.UDPAddr).AddrPort())
		if err != nil {
			t.Fatal(err)
		}
		if a.RemoteAddr().String() != b.LocalAddr().String() || b.RemoteAddr() != nil {
			t.Errorf("peers %v and %v", a.RemoteAddr(), b.RemoteAddr())
		}
		if _, err := a.Write([]byte("hello")); err != nil {
			t.Error(err)
		}
		buf := make([]byte, 10)
		k, from, err := b.ReadFrom(buf)
		if err != nil || string(buf[:k]) != "hello" {
			t.Errorf("read %q, %v", buf[:k], err)
		}
		if _, err := b.WriteTo([]byte("back"), from); err != nil {
			t.Error(err)
		}
		if k, err := a.Read(buf); err != nil || string(buf[:k]) != "back" {
			t.Errorf("read %q, %v", buf[:k], err)
		}
		c := listen(t, n)
		if _, err := c.WriteTo([]byte("from somebody else"), a.LocalAddr()); err != nil {
			t.Error(err)
		}
		if err := a.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		if _, err := a.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("what does not come from the peer: %v", err)
		}
		closeAll(t, b, c)
		closeAll(t, a, n)
	})
}
