package ethernet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	wire "github.com/conform-stack/conform/stack/wire/ethernet"
)

// maxVLAN is the highest identifier of a VLAN; 4095 is reserved, and 0 is no VLAN but a priority only (IEEE 802.1Q, 9.6).
const maxVLAN = 4094

// Why there is no such VLAN.
var (
	ErrVLANTaken = errors.New("ethernet: the tag has an interface already")
	ErrVLANBelow = errors.New("ethernet: a VLAN stands on a real interface, not on another VLAN")
)

// A VLAN is a virtual interface: one tag of IEEE 802.1Q on an Ethernet. Frames with the tag are its frames, without it;
// the priority in the tag is that of the packet, both ways. It has the address of the station below and its own groups,
// neighbours and counters. A frame with two tags, of IEEE 802.1Q or 802.1ad, is nobody's.
type VLAN struct {
	Iface *iface.Iface
	Link  *Link
	ID    uint16

	below *Link
}

// AddVLAN makes the virtual interface of a tag, 1 to 4094, which is down.
func (l *Link) AddVLAN(id uint16, index int, name string, s *stats.Node, c neigh.Config) (*VLAN, error) {
	switch {
	case id == 0 || id > maxVLAN:
		return nil, fmt.Errorf("ethernet: the tag is %d; a VLAN has one from 1 to %d", id, maxVLAN)
	case l.iface.Lower() != nil:
		return nil, ErrVLANBelow
	case l.vlan(id) != nil:
		return nil, ErrVLANTaken
	}
	v := &VLAN{ID: id, below: l}
	v.Iface = iface.NewVirtual(index, name, l.iface, s, v.wrap)
	v.Iface.Kind = iface.KindVLAN
	v.Link = New(v.Iface, l.mac, c)
	if l.vlans == nil {
		l.iface.WatchState(l.carry)
	}
	l.vlans = append(l.vlans, v)
	return v, nil
}

// VLANs are those on this interface. The slice is not the caller's to write.
func (l *Link) VLANs() []*VLAN { return l.vlans }

// Remove takes the VLAN off its interface: its tag is unknown from now on. The Iface is still to be closed.
func (v *VLAN) Remove() {
	kept := make([]*VLAN, 0, len(v.below.vlans))
	for _, o := range v.below.vlans {
		if o != v {
			kept = append(kept, o)
		}
	}
	v.below.vlans = kept
}

// carry tells those above whether this interface is up.
func (l *Link) carry(was, is iface.State) {
	if on := is.Oper == iface.OperUp; on != (was.Oper == iface.OperUp) {
		for _, v := range l.vlans {
			v.Iface.Carrier(on)
		}
	}
}

func (l *Link) vlan(id uint16) *VLAN {
	for _, v := range l.vlans {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// anyVLANWants tells whether the frame is for a group that the VLAN of its tag has joined.
func (l *Link) anyVLANWants(h wire.Header) bool {
	v := l.vlan(h.TCI.VLAN())
	return h.Tagged && v != nil && v.Link.groups[h.Dst] > 0
}

// vlanInput gives a tagged frame to the interface of its tag, without the tag.
func (l *Link) vlanInput(p *packet.Packet, h wire.Header) {
	v := l.vlan(h.TCI.VLAN())
	if v == nil {
		l.iface.Drop(p, stats.UnknownVLAN)
		return
	}
	const addrs = 2 * len(wire.MAC{})
	b := p.Bytes()
	copy(b[wire.TagLen:], b[:addrs])
	p.TrimFront(wire.TagLen)
	v.Iface.Enter(p)
}

// wrap puts the tag into a frame.
func (v *VLAN) wrap(p *packet.Packet) bool {
	if p.Headroom() < wire.TagLen {
		v.Iface.Drop(p, stats.NoBuffer)
		return false
	}
	const addrs = 2 * len(wire.MAC{})
	p.Prepend(wire.TagLen)
	b := p.Bytes()
	copy(b[:addrs], b[wire.TagLen:])
	binary.BigEndian.PutUint16(b[addrs:], uint16(wire.TypeVLAN))
	binary.BigEndian.PutUint16(b[addrs+2:], uint16(wire.MakeTCI(p.Priority, false, v.ID)))
	return true
}
