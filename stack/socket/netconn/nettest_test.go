package netconn_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/conform-stack/conform/stack/socket/netconn"
)

// What every net.Conn promises, by the tests of those who know: deadlines that come, move and have passed, calls that are
// made at the same time, a Close in their midst.
func TestConnKeepsItsPromises(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		n := live(t)
		l := listenTCP(t, n)
		client, err := netconn.DialTCP(t.Context(), n, n.Sockets, netip.AddrPort{}, addrPort(l.Addr()))
		if err != nil {
			return nil, nil, nil, errors.Join(err, n.Close())
		}
		server, err := l.Accept()
		if err != nil {
			return nil, nil, nil, errors.Join(err, n.Close())
		}
		stop = func() {
			_, _ = client.Close(), server.Close() // the test may have closed them
			if err := errors.Join(l.Close(), n.Close()); err != nil {
				t.Error(err)
			}
		}
		return client, server, stop, nil
	})
}
