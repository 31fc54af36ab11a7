package probe

import (
	"bytes"
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan" // frames are dissected alike in all checks
	"github.com/conform-stack/conform/harness/target"
)

// env is the first tester of a link, speaking to the target.
func (p *P) env(link int, network *packet.Proto) packet.Env {
	env := packet.Of(p.nets[link])
	env.Network, env.Numbers = network, &p.numbers
	env.Contexts = p.readers[link].Contexts
	return env
}

// senderOf is the link address that a frame came from.
func senderOf(f *packet.Frame) net.HardwareAddr {
	if a, ok := lowpan.Originator.Of(f); ok {
		return a
	}
	if a, ok := ieee802154.Src.Of(f); ok {
		return a
	}
	a, _ := ethernet.Src.Of(f)
	return a
}

// SetContext makes a prefix known by which addresses are compressed on the tester's link, in what comes and in what it
// sends from now on; the zero Prefix forgets it. It tells the target nothing.
func (t *Tester) SetContext(id int, prefix netip.Prefix) {
	t.env.Contexts[id] = prefix
	t.readers[t.link].Contexts[id] = prefix
}

// Short is the tester speaking from its short address on a link of IEEE 802.15.4, with the link-local address of it. What is
// secured there a target opens only if it has been told whose address that is.
func (t *Tester) Short() *Tester {
	if t.env.Security.On() && !t.cfg.Info.Has(target.Securing) {
		t.Inconclusive("frames are secured, and the target does not know whose the tester's short address is")
	}
	other := *t
	h := &other.env.Local
	h.MAC, h.LinkLocal = h.ShortAddr, target.LinkLocalOf(h.ShortAddr)
	if other.local {
		h.IP6 = h.LinkLocal
	}
	return &other
}

// ToShort is the tester speaking to the target's short address on a link of IEEE 802.15.4, with the link-local address of it.
func (t *Tester) ToShort() *Tester {
	other := *t
	h := &other.env.Peer
	h.MAC, h.LinkLocal = h.ShortAddr, target.LinkLocalOf(h.ShortAddr)
	if other.local {
		h.IP6 = h.LinkLocal
	}
	return &other
}

// Acknowledge says whether the testers' radio acknowledges the frames for them that ask for it, as it does from the
// beginning. The check is inconclusive where that cannot be chosen.
func (t *Tester) Acknowledge(on bool) {
	w, ok := t.world.(target.Radio)
	if !ok || !w.Acknowledge(t.link, on) {
		t.Inconclusive("nobody can stop the tester's radio from acknowledging")
	}
}

// ShowRepeats says whether checks see frames that the target's MAC repeats because it had no acknowledgement.
func (t *Tester) ShowRepeats(on bool) { t.showRepeats = on }

// repeated is the last frame of a station.
type repeated struct {
	link  int
	frame []byte
	at    time.Duration
}

// repeatTime is how long a MAC may go on repeating a frame: the retries of IEEE 802.15.4 are over long before, those of a
// link through a network of ours hardly.
const repeatTime = 500 * time.Millisecond

// repeats tells whether a frame is the one before it of its station once more, whose acknowledgement was lost or late: the
// same octets, the sequence number among them. Nobody but a check about it wants to see it.
func (p *P) repeats(ev target.Event) bool {
	if p.nets[ev.Link].Link != target.IEEE802154 || len(ev.Frame) < 3 || ev.Frame[0]&0x20 == 0 || p.showRepeats {
		return false
	}
	for i := range p.heard {
		h := &p.heard[i]
		if h.link == ev.Link && bytes.Equal(h.frame, ev.Frame) {
			again := ev.At-h.at < repeatTime
			h.at = ev.At
			return again
		}
	}
	if len(p.heard) == 8 {
		p.heard = p.heard[1:]
	}
	p.heard = append(p.heard, repeated{ev.Link, bytes.Clone(ev.Frame), ev.At})
	return false
}
