package replay

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

// A translation says who the hosts of the capture are in the live world. What a protocol learns while it is played, such
// as the initial sequence number that the target chose, belongs here too: messages are translated when their turn comes.
type translation struct {
	hosts              []played
	target             played
	unused, liveUnused netip.Addr             // the address that nobody has
	said               map[fragmentKey][]byte // IPv4 packets as the target said them, by what identifies them in the capture
}

type played struct {
	host Host
	live target.Host
}

// ip is a in the live world. Addresses of no host of the scenario stay what they are.
func (t *translation) ip(a netip.Addr) netip.Addr {
	for _, p := range t.hosts {
		if p.host.IP == a {
			return p.live.IP4
		}
	}
	if a == t.unused && a.IsValid() {
		return t.liveUnused
	}
	return a
}

// mac is m in the live world. Hosts behind one router share its link address, so the IP address that goes with m decides.
func (t *translation) mac(m net.HardwareAddr, ip netip.Addr) net.HardwareAddr {
	var found net.HardwareAddr
	for _, p := range t.hosts {
		switch {
		case !bytes.Equal(p.host.MAC, m):
		case p.host.IP == ip:
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
	if !live.Has(ipv4.Proto) {
		return
	}
	if t.said == nil {
		t.said = map[fragmentKey][]byte{}
	}
	t.said[fragmentKeyOf(captured)] = append(bytes.Clone(live.Header(ipv4.Proto)), live.Body(ipv4.Proto)...)
}

// message translates m and gives its frames, as many as it had.
func (t *translation) message(m *message) [][]byte {
	if len(m.parts) == 1 {
		return [][]byte{t.frame(m.parts[0])}
	}
	whole := packet.Dissect(m.frame.Link, t.frame(m.frame))
	data := whole.Body(ipv4.Proto)
	var frames [][]byte
	for _, p := range m.parts {
		b := t.frame(p)
		copy(b[len(head(p)):], data[fragmentAt(p):][:len(p.Body(ipv4.Proto))])
		frames = append(frames, b)
	}
	return frames
}

// whole translates m as if it had come whole.
func (t *translation) whole(m *message) *packet.Frame {
	return packet.Dissect(m.frame.Link, t.frame(m.frame))
}

// minFrame is what an Ethernet frame is padded to, without its check sequence. A capture made on the sending host shows
// frames before that.
const minFrame = 60

// frame translates one frame. A checksum that was wrong stays wrong.
func (t *translation) frame(f *packet.Frame) []byte {
	b := t.rewrite(f)
	if short := minFrame - len(b); short > 0 {
		b = append(b, make([]byte, short)...)
	}
	return b
}

func (t *translation) rewrite(f *packet.Frame) []byte {
	var conds []packet.Cond
	for _, tr := range translators() {
		if f.Has(tr.proto) {
			conds = append(conds, tr.conds(t, f)...)
		}
	}
	return f.Rewrite(conds...)
}

// A translator knows what of one header depends on who is who. It gives every length and checksum too, so that nothing
// is mended: checksums move by the difference that the addresses make (RFC 1624).
type translator struct {
	proto *packet.Proto
	conds func(t *translation, f *packet.Frame) []packet.Cond
}

// translators has a line a protocol.
func translators() []translator {
	return []translator{
		{ethernet.Proto, translateEthernet}, {arp.Proto, translateARP}, {ipv4.Proto, translateIPv4},
		{udp.Proto, translateUDP}, {icmpv4.Proto, translateICMP},
	}
}

func translateEthernet(t *translation, f *packet.Frame) []packet.Cond {
	from, to := ends(f)
	src, _ := ethernet.Src.Of(f)
	dst, _ := ethernet.Dst.Of(f)
	return []packet.Cond{ethernet.Src.Is(t.mac(src, from)), ethernet.Dst.Is(t.macTo(dst, to))}
}

// ends are the addresses of the hosts that a frame goes between.
func ends(f *packet.Frame) (from, to netip.Addr) {
	if f.Has(arp.Proto) {
		from, _ = arp.SenderIP.Of(f)
		to, _ = arp.TargetIP.Of(f)
		return from, to
	}
	from, _ = ipv4.Src.Of(f)
	to, _ = ipv4.Dst.Of(f)
	return from, to
}

func translateARP(t *translation, f *packet.Frame) []packet.Cond {
	spa, tpa := ends(f)
	sha, _ := arp.SenderMAC.Of(f)
	tha, _ := arp.TargetMAC.Of(f)
	return []packet.Cond{
		arp.SenderMAC.Is(t.mac(sha, spa)), arp.SenderIP.Is(t.ip(spa)), arp.TargetMAC.Is(t.mac(tha, tpa)), arp.TargetIP.Is(t.ip(tpa)),
	}
}

func translateIPv4(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := ends(f)
	length, _ := ipv4.TotalLength.Of(f)
	sum, _ := ipv4.Checksum.Of(f)
	return []packet.Cond{
		ipv4.TotalLength.Is(length), ipv4.Src.Is(t.ip(src)), ipv4.Dst.Is(t.ip(dst)),
		ipv4.Checksum.Is(adjust(sum, addresses(src, dst), addresses(t.ip(src), t.ip(dst)))),
	}
}

func translateUDP(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := ends(f)
	length, _ := udp.Length.Of(f)
	sum, _ := udp.Checksum.Of(f)
	if sum != 0 { // 0 is none (RFC 768), and a sum of 0 is sent as its complement
		if sum = adjust(sum, addresses(src, dst), addresses(t.ip(src), t.ip(dst))); sum == 0 {
			sum = 0xffff
		}
	}
	return []packet.Cond{udp.Length.Is(length), udp.Checksum.Is(sum)}
}

// translateICMP translates the packet that an error quotes, which is as the target said it if it was the target's.
func translateICMP(t *translation, f *packet.Frame) []packet.Cond {
	sum, _ := icmpv4.Checksum.Of(f)
	if !isError(f) {
		return []packet.Cond{icmpv4.Checksum.Is(sum)}
	}
	q := f.Quoted()
	if q == nil {
		return []packet.Cond{icmpv4.Checksum.Is(sum)}
	}
	live := t.rewrite(q)
	if said := t.said[fragmentKeyOf(q)]; len(said) >= len(live) { // shorter, it is another packet than the one of the capture
		live = said[:len(live)]
	}
	return []packet.Cond{packet.Data.Is(live), icmpv4.Checksum.Is(adjust(sum, q.Bytes, live))}
}

func addresses(src, dst netip.Addr) []byte { return append(src.AsSlice(), dst.AsSlice()...) }

// adjust is the checksum sum after the octets before, at an even place, have become after (RFC 1624, equation 3). Both
// have the same length.
func adjust(sum uint, before, after []byte) uint {
	if bytes.Equal(before, after) {
		return sum
	}
	parts := []byte{byte(^sum >> 8), byte(^sum)}
	for _, b := range before {
		parts = append(parts, ^b)
	}
	if len(before)%2 == 1 {
		parts = append(parts, 0xff) // the complement of the zero octet behind an odd end
	}
	return packet.Checksum(parts, after)
}
