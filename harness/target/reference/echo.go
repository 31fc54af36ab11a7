package reference

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/socket"
)

// addEcho runs the UDP echo service of RFC 862 on all addresses.
func (w *world) addEcho() error {
	if w.node.IPv4 != nil {
		if err := w.echoOn(socket.Inet, netip.IPv4Unspecified()); err != nil {
			return err
		}
	}
	if w.node.IPv6 != nil {
		if err := w.echoOn(socket.Inet6, netip.IPv6Unspecified()); err != nil {
			return err
		}
	}
	for _, l := range w.links {
		l.net.Service = netip.AddrPortFrom(l.net.Target.IP4, echoPort)
		if l.tester != nil {
			l.net.Service = netip.AddrPortFrom(l.net.Target.IP6, echoPort)
		}
	}
	return nil
}

// echoOn serves one family.
func (w *world) echoOn(family socket.Family, any netip.Addr) error {
	s, err := w.node.Sockets.Open(family, socket.Dgram, 0)
	if err == nil && any.Is6() {
		err = s.SetOption(socket.IPV6V6Only, socket.Value{Int: 1})
	}
	if err == nil {
		err = s.Bind(netip.AddrPortFrom(any, echoPort))
	}
	if err != nil {
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
	return nil
}
