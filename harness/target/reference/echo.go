package reference

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/socket"
)

// addEcho runs the UDP echo service of RFC 862 on all addresses.
func (w *world) addEcho() error {
	s, err := w.node.Sockets.Open(socket.Inet, socket.Dgram, 0)
	if err != nil {
		return err
	}
	if err := s.Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), echoPort)); err != nil {
		return err
	}
	buf := make([]byte, maxDatagram)
	s.OnReady(func() {
		for s.Readable() {
			m, err := s.Recv(buf)
			if err != nil {
				continue // the fate of an earlier answer
			}
			_ = s.SendTo(buf[:m.N], m.From) // an answer that cannot be sent is one that gets lost
		}
	})
	for _, l := range w.links {
		l.net.Service = netip.AddrPortFrom(l.net.Target.IP4, echoPort)
	}
	return nil
}
