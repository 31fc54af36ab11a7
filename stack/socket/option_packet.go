package socket

import (
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
)

// Options of SOL_PACKET.
const (
	PacketIgnoreOutgoing Option = "PACKET_IGNORE_OUTGOING" // frames that this host sends are not wanted
	PacketAddMembership  Option = "PACKET_ADD_MEMBERSHIP"  // Index of the interface; Int: PACKET_MR_PROMISC
	PacketDropMembership Option = "PACKET_DROP_MEMBERSHIP" // the same
)

// PacketMRPromisc is the membership that shows frames for other stations: the interface is promiscuous for as long as a
// socket is a member. It is the only one that there is; groups are joined by the protocols that want them.
const PacketMRPromisc = 1

var packetOptions = map[Option]row{ // never written
	PacketIgnoreOutgoing: toggle(ofPacket, func(s *Socket) *bool { return &s.link.ignores }),
	PacketAddMembership:  {ofPacket, (*Socket).addLinkMembership, nil},
	PacketDropMembership: {ofPacket, (*Socket).dropLinkMembership, nil},
}

// linkMembership is one of a Packet socket, which may have it several times.
type linkMembership struct{ in *iface.Iface }

// promiscuity is of an interface that Packet sockets have made promiscuous.
type promiscuity struct {
	members int
	ours    bool // it was not before, and is not to be afterwards
}

func (s *Socket) addLinkMembership(v Value) error {
	in := s.system.byIndex(v.Index)
	switch {
	case in == nil:
		return errno.ENODEV
	case v.Int != PacketMRPromisc:
		return errno.EINVAL
	}
	y := s.system
	p := y.promisc[in]
	if p == nil {
		p = &promiscuity{}
		changed, err := in.SetPromiscuous(true)
		if err != nil {
			return errno.EOPNOTSUPP
		}
		p.ours = changed
		if y.promisc == nil {
			y.promisc = map[*iface.Iface]*promiscuity{}
		}
		y.promisc[in] = p
	}
	p.members++
	s.link.members = append(s.link.members, linkMembership{in})
	return nil
}

// dropLinkMembership ends one membership; EADDRNOTAVAIL says that there is none.
func (s *Socket) dropLinkMembership(v Value) error {
	done := false
	s.link.leave(func(m linkMembership) bool {
		if done || m.in.Index != v.Index || v.Int != PacketMRPromisc {
			return false
		}
		done = true
		return true
	})
	if !done {
		return errno.EADDRNOTAVAIL
	}
	return nil
}

// leave ends memberships.
func (e *linkEndpoint) leave(which func(linkMembership) bool) {
	y := e.socket.system
	e.members = slices.DeleteFunc(e.members, func(m linkMembership) bool {
		if !which(m) {
			return false
		}
		p := y.promisc[m.in]
		if p.members--; p.members == 0 {
			delete(y.promisc, m.in)
			if p.ours {
				_, _ = m.in.SetPromiscuous(false) // a device that could be made so can be made another
			}
		}
		return true
	})
}
