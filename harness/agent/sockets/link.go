//go:build linux

package sockets

import (
	"encoding/binary"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

// networkOrder is a protocol as packet(7) wants it: in the order of octets of the network.
func networkOrder(protocol int) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, uint16(protocol)))
}

// kindsOfFrames are the values of sll_pkttype.
var kindsOfFrames = map[uint8]string{ // never written
	unix.PACKET_HOST: "host", unix.PACKET_BROADCAST: "broadcast", unix.PACKET_MULTICAST: "multicast",
	unix.PACKET_OTHERHOST: "other", unix.PACKET_OUTGOING: "outgoing",
}

func sockaddrLink(a *agent.LinkAddr) unix.Sockaddr {
	to := &unix.SockaddrLinklayer{Protocol: networkOrder(a.Protocol), Ifindex: a.Ifindex, Halen: uint8(len(a.Addr))}
	copy(to.Addr[:], a.Addr)
	return to
}

// linkOf is nil for an address that is none of a link.
func linkOf(s unix.Sockaddr) *agent.LinkAddr {
	a, ok := s.(*unix.SockaddrLinklayer)
	if !ok {
		return nil
	}
	return &agent.LinkAddr{
		Protocol: int(networkOrder(int(a.Protocol))), Ifindex: a.Ifindex, Kind: kindsOfFrames[a.Pkttype],
		Addr: append([]byte(nil), a.Addr[:min(int(a.Halen), len(a.Addr))]...),
	}
}

// bindLink is bind(2) of a packet socket, which takes the protocol and the interface.
func (s *socket) bindLink(to *agent.LinkAddr) agent.Reply {
	if to == nil {
		return fail(unix.EINVAL)
	}
	if err := s.control(func(fd int) error { return unix.Bind(fd, sockaddrLink(to)) }); err != nil {
		return fail(err)
	}
	return s.linkName()
}

func (s *socket) linkName() (r agent.Reply) {
	err := s.control(func(fd int) error {
		a, err := unix.Getsockname(fd)
		if r.Link = linkOf(a); r.Link != nil {
			r.Link.Kind = "" // it is of frames that were received
		}
		return err
	})
	return reply(r, err)
}

// linkMembership is struct packet_mreq: Iface is the interface, Value the kind, Data the address of a group.
func linkMembership(r agent.Request) ([]byte, error) {
	if len(r.Data) > 8 {
		return nil, unix.EINVAL
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(r.Iface))
	b = binary.NativeEndian.AppendUint16(b, uint16(r.Value))
	b = binary.NativeEndian.AppendUint16(b, uint16(len(r.Data)))
	return append(append(b, r.Data...), make([]byte, 8-len(r.Data))...), nil
}
