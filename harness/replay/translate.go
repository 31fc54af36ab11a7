package replay

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

// A translation says who the hosts of the capture are in the live world. What a protocol learns while it is played, such
// as the initial sequence number that the target chose, belongs here too: messages are translated when their turn comes.
type translation struct {
	hosts              []played
	target             played
	streams            []*stream
	unused, liveUnused netip.Addr             // the address that nobody has
	said               map[fragmentKey][]byte // IPv4 packets as the target said them, by what identifies them in the capture
	pan                uint16                 // of the live world, on IEEE 802.15.4
}

type played struct {
	host Host
	live target.Host
}

// ip is a in the live world. Addresses of no host of the scenario stay what they are.
func (t *translation) ip(a netip.Addr) netip.Addr {
	for _, p := range t.hosts {
		if p.host.has(a) {
			return liveAddr(a, p.live)
		}
	}
	if a == t.unused && a.IsValid() {
		return t.liveUnused
	}
	if a.IsMulticast() && a.Is6() {
		a, _ = t.group(a)
	}
	return a
}

// mac is m in the live world. Hosts behind one router share its link address, so the IP address that goes with m decides.
func (t *translation) mac(m net.HardwareAddr, ip netip.Addr) net.HardwareAddr {
	var found net.HardwareAddr
	for _, p := range t.hosts {
		switch {
		case !bytes.Equal(p.host.MAC, m):
		case p.host.has(ip):
			return p.live.MAC
		case found == nil:
			found = p.live.MAC
		}
	}
	if found != nil {
		return found
	}
	return m
}

// macTo is where frames to m go in the live world: to the target, if it is what has that link address.
func (t *translation) macTo(m net.HardwareAddr, ip netip.Addr) net.HardwareAddr {
	if bytes.Equal(m, t.target.host.MAC) {
		return t.target.live.MAC
	}
	return t.mac(m, ip)
}

// learn keeps what the target said for a packet of the capture, so that an ICMP error can quote it.
func (t *translation) learn(captured, live *packet.Frame) {
	if network(live) == nil {
		return
	}
	if t.said == nil {
		t.said = map[fragmentKey][]byte{}
	}
	n := network(live)
	t.said[saidKeyOf(captured)] = append(bytes.Clone(live.Header(n)), live.Body(n)...)
}

// saidKeyOf tells the packets of a capture from each other as far as an error can be about them. Those of IPv6 have no
// identification; the ports of UDP take its place.
func saidKeyOf(f *packet.Frame) fragmentKey {
	k := fragmentKeyOf(f)
	if src, ok := udp.SrcPort.Of(f); ok && f.Has(ipv6.Proto) && !isFragment(f) {
		dst, _ := udp.DstPort.Of(f)
		k.protocol, k.id = protocolUDP, src<<16|dst
	}
	return k
}

// message translates m and gives its frames: as many as it had, but for one that its link compresses, which may take
// more or fewer.
func (t *translation) message(m *message) [][]byte {
	switch {
	case m.frame.Derived():
		return m.frame.Rewrites(t.conds(m.frame)...)
	case len(m.parts) == 1:
		return [][]byte{t.frame(m.parts[0])}
	}
	whole := packet.Dissect(m.frame.Link, t.frame(m.frame))
	data := dataOf(whole)
	var frames [][]byte
	for _, p := range m.parts {
		b := t.frame(p)
		copy(b[len(head(p)):], data[fragmentAt(p):][:len(dataOf(p))])
		frames = append(frames, b)
	}
	return frames
}

// whole translates m as if it had come whole.
func (t *translation) whole(m *message) *packet.Frame {
	if !m.frame.Derived() {
		return packet.Dissect(m.frame.Link, t.frame(m.frame))
	}
	r := &packet.Reader{Link: m.frame.Link, Contexts: m.frame.Contexts()}
	var whole *packet.Frame
	for _, b := range t.message(m) {
		whole = r.Dissect(b)
	}
	return whole
}

// minFrame is what an Ethernet frame is padded to, without its check sequence. A capture made on the sending host shows
// frames before that.
const minFrame = 60

// frame translates one frame. A checksum that was wrong stays wrong.
func (t *translation) frame(f *packet.Frame) []byte {
	b := t.rewrite(f)
	if short := minFrame - len(b); short > 0 && f.Link == target.Ethernet {
		b = append(b, make([]byte, short)...)
	}
	return b
}

func (t *translation) rewrite(f *packet.Frame) []byte { return f.Rewrite(t.conds(f)...) }

// conds are the fields of f that depend on who is who.
func (t *translation) conds(f *packet.Frame) (conds []packet.Cond) {
	for _, tr := range translators() {
		if f.Has(tr.proto) {
			conds = append(conds, tr.conds(t, f)...)
		}
	}
	return conds
}
