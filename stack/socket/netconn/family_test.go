package netconn_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/conform-stack/conform/stack/socket/netconn"
)

// What listens without saying where takes connections of both versions of IP; what says so, of one.
func TestBothVersionsOfIP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := live(t)
		d := netconn.Dialer{Door: n, System: n.Sockets}
		for _, tt := range []struct {
			local    string
			v4, v6   bool
			wantAddr string
		}{
			{"", true, true, "::"},
			{"[::]:0", true, true, "::"},
			{"0.0.0.0:0", true, false, "0.0.0.0"},
			{"[::1]:0", false, true, "::1"},
			{"127.0.0.1:0", true, false, "127.0.0.1"},
		} {
			var local netip.AddrPort
			if tt.local != "" {
				local = netip.MustParseAddrPort(tt.local)
			}
			l, err := netconn.ListenTCP(n, n.Sockets, local)
			if err != nil {
				t.Fatal(err)
			}
			host, port, _ := net.SplitHostPort(l.Addr().String())
			if host != tt.wantAddr {
				t.Errorf("%q listens at %s, want %s", tt.local, host, tt.wantAddr)
			}
			for address, want := range map[string]bool{"127.0.0.1": tt.v4, "::1": tt.v6} {
				c, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(address, port))
				if (err == nil) != want {
					t.Errorf("%q called at %s: %v", tt.local, address, err)
				}
				if err != nil {
					continue
				}
				s, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				if s.LocalAddr().String() != c.RemoteAddr().String() || s.RemoteAddr().String() != c.LocalAddr().String() {
					t.Errorf("%v to %v, and %v to %v", c.LocalAddr(), c.RemoteAddr(), s.RemoteAddr(), s.LocalAddr())
				}
				if _, err := c.Write([]byte("x")); err != nil {
					t.Error(err)
				}
				if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
					t.Error(err)
				}
				closeAll(t, c, s)
			}
			closeAll(t, l)
		}
		u, err := netconn.ListenPacket(n, n.Sockets, netip.AddrPort{})
		if err != nil {
			t.Fatal(err)
		}
		port := u.LocalAddr().(*net.UDPAddr).Port
		for _, address := range []string{"127.0.0.1", "::1"} {
			to := &net.UDPAddr{IP: net.ParseIP(address), Port: port}
			if _, err := u.WriteTo([]byte("x"), to); err != nil {
				t.Error(err)
			}
			if _, from, err := u.ReadFrom(make([]byte, 1)); err != nil || from.String() != to.String() {
				t.Errorf("from %v, %v; want %v", from, err, to)
			}
		}
		closeAll(t, u, n)
	})
}
