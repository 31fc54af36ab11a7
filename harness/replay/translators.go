package replay

import (
	"bytes"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// A translator knows what of one header depends on who is who. It gives every length and checksum too, so that nothing
// is mended: checksums move by the difference that the addresses make (RFC 1624).
type translator struct {
	proto *packet.Proto
	conds func(t *translation, f *packet.Frame) []packet.Cond
}

// translators has a line a protocol.
func translators() []translator {
	return []translator{
		{ethernet.Proto, translateEthernet}, {ieee802154.Proto, translateIEEE802154}, {arp.Proto, translateARP}, {ipv4.Proto, translateIPv4},
		{tcp.Proto, translateTCP}, {udp.Proto, translateUDP}, {icmpv4.Proto, translateICMP},
		{ipv6.Proto, translateIPv6}, {icmpv6.Proto, translateICMPv6}, {ndp.NS, translateND}, {ndp.NA, translateND}, {ndp.RS, translateND}, {ndp.RA, translateND},
		{igmp.Proto, translateIGMP}, {igmp.Query3, translateQuery3}, {igmp.Report3Proto, translateReport3},
	}
}

// ends are the addresses of the hosts that a frame goes between.
func ends(f *packet.Frame) (from, to netip.Addr) {
	if f.Has(arp.Proto) {
		from, _ = arp.SenderIP.Of(f)
		to, _ = arp.TargetIP.Of(f)
		return from, to
	}
	if f.Has(ipv6.Proto) {
		from, _ = ipv6.Src.Of(f)
		to, _ = ipv6.Dst.Of(f)
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
	if said := t.said[saidKeyOf(q)]; len(said) >= len(live) { // shorter, it is another packet than the one of the capture
		live = said[:len(live)]
	}
	return []packet.Cond{packet.Data.Is(live), icmpv4.Checksum.Is(adjust(sum, q.Bytes, live))}
}

// No message of versions 1 and 2 names a host.
func translateIGMP(_ *translation, f *packet.Frame) []packet.Cond {
	sum, _ := igmp.Checksum.Of(f)
	return []packet.Cond{igmp.Checksum.Is(sum)}
}

func translateQuery3(t *translation, f *packet.Frame) []packet.Cond {
	sum, _ := igmp.Query3Checksum.Of(f)
	n, _ := igmp.NumSources.Of(f)
	sources, _ := igmp.Sources.Of(f)
	live := bytes.Clone(sources)
	for at := 0; at+4 <= len(live); at += 4 {
		copy(live[at:], t.ip(netip.AddrFrom4([4]byte(live[at:at+4]))).AsSlice())
	}
	return []packet.Cond{igmp.Sources.Is(live), igmp.NumSources.Is(n), igmp.Query3Checksum.Is(adjust(sum, sources, live))}
}

// translateReport3 translates the sources of group records. Records that name no host stay what they are, to the octet.
func translateReport3(t *translation, f *packet.Frame) []packet.Cond {
	sum, _ := igmp.Report3Checksum.Of(f)
	n, _ := igmp.NumRecords.Of(f)
	conds := []packet.Cond{igmp.NumRecords.Is(n), igmp.Report3Checksum.Is(sum)}
	before := igmp.Encode(igmp.RecordsOf(f)...)
	records := igmp.RecordsOf(f)
	for _, r := range records {
		for i, s := range r.Sources {
			r.Sources[i] = t.ip(s)
		}
	}
	live := igmp.Encode(records...)
	if bytes.Equal(live, before) {
		return conds
	}
	return append(conds, igmp.Records.Is(live), igmp.Report3Checksum.Is(adjust(sum, before, live)))
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
