package probe

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/vlan"
)

// VLAN is the tester on a VLAN of its link, with addresses of a subnet of its own: the first is the tester's, the second
// the target's. What it sends has the tag, with priority 0 unless a template says another, and what it expects has to have
// it; ARP requests for its address are answered with it.
func (t *Tester) VLAN(vid uint, subnet netip.Prefix) *Tester {
	other := *t
	other.env.Tags = vlan.Tagged(vid)
	other.env.Local.IP4 = subnet.Masked().Addr().Next()
	other.env.Peer.IP4 = other.env.Local.IP4.Next()
	t.answers = append(t.answers, responder{fmt.Sprintf("ARP of VLAN %d", vid), other.answerTaggedARP})
	return &other
}

// answerTaggedARP answers requests on the tester's VLAN for its address.
func (t *Tester) answerTaggedARP(f *packet.Frame) {
	request := arp.Request(t.env.Local.IP4)
	if f.On == t.link && t.onVLAN(f) && request.Matches(f) {
		t.log.Note(f, "answered by the tester")
		peer := t.env.Peer
		peer.IP4, _ = arp.SenderIP.Of(f)
		t.reflex(f.On, arp.Reply(arp.TargetMAC.Is(peer.MAC)).Build(packet.Env{Local: t.env.Local, Peer: peer, Tags: t.env.Tags}))
	}
}

// onVLAN tells whether a frame is of the tester's VLAN. A tester on none looks at all frames.
func (t *Tester) onVLAN(f *packet.Frame) bool { return len(t.env.Tags) == 0 || t.env.Tags.Matches(f) }

// AddVLAN gives the target an interface of a tag on its first link, and its index; the error is what the target says.
func (p *P) AddVLAN(vid uint) (index int, err error) {
	r, err := p.call(agent.Request{Do: agent.AddVLAN, Value: int(vid)})
	return r.Value, err
}

// RemoveVLAN takes it away.
func (p *P) RemoveVLAN(vid uint) error {
	_, err := p.call(agent.Request{Do: agent.DelVLAN, Value: int(vid)})
	return err
}
