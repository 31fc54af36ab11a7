package packet_test

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

var env = packet.Env{
	Local:   target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
	Peer:    target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
	Network: ipv4.Proto,
}

func dissect(b []byte) *packet.Frame { return packet.Dissect(target.Ethernet, b) }

// Frames as a kernel sent them (its own checksums), and the templates that make the same bytes.
func TestBuild(t *testing.T) {
	kernel := packet.Env{
		Local:   target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0x0a, 1}, IP4: netip.MustParseAddr("10.0.0.1")},
		Peer:    target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0x0a, 2}, IP4: netip.MustParseAddr("10.0.0.2")},
		Network: ipv4.Proto,
	}
	for _, tt := range []struct {
		name string
		t    packet.Template
		want string
	}{
		{"ARP request", arp.Request(kernel.Peer.IP4),
			"ffffffffffff020000000a0108060001080006040001020000000a010a0000010000000000000a000002"},
		{"UDP", ipv4.Header(ipv4.ID.Is(0x9ab1), ipv4.DF.Is(1)).Then(
			udp.Datagram(udp.SrcPort.Is(0xc3b6), udp.DstPort.Is(9999)), packet.Payload([]byte("x\n"))),
			"020000000a02020000000a0108004500001e9ab1400040118c1b0a0000010a000002c3b6270f000a8907780a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			got := hex.EncodeToString(tt.t.Build(kernel))
			g.Expect(got).To(HaveLen(120), "padded to the smallest Ethernet frame")
			g.Expect(got).To(HavePrefix(tt.want))
			g.Expect(strings.Trim(got[len(tt.want):], "0")).To(BeEmpty())
		})
	}
}

func TestWhatATemplateSetsIsLeftAlone(t *testing.T) {
	g := NewWithT(t)
	f := dissect(udp.Datagram(udp.DstPort.Is(7), udp.Checksum.Is(0x1234)).Build(env))
	sum, _ := udp.Checksum.Of(f)
	g.Expect(sum).To(Equal(uint(0x1234)))
	length, _ := udp.Length.Of(f)
	g.Expect(length).To(Equal(uint(8)), "and the rest is filled in")
}

func TestCompareNamesTheFields(t *testing.T) {
	g := NewWithT(t)
	f := dissect(arp.Packet(arp.Op.Is(arp.OpReply), arp.PType.Is(0x86dd)).Build(env))
	has, diffs := arp.Request(env.Peer.IP4, arp.PType.Is(0x0800)).Compare(f)
	g.Expect(has).To(BeTrue())
	g.Expect(diffs).To(Equal([]packet.Diff{{"ar$op", "request (1)", "reply (2)"}, {"ar$pro", "0x0800", "0x86dd"}}))
	has, _ = udp.Datagram().Compare(f)
	g.Expect(has).To(BeFalse(), "another protocol is not a field that differs")
}

func TestConditions(t *testing.T) {
	f := dissect(ipv4.Header(ipv4.TTL.Is(9), ipv4.MF.Is(1), ipv4.Offset.Is(5)).Build(env))
	for _, tt := range []struct {
		cond  packet.Cond
		holds bool
	}{
		{ipv4.TTL.Is(9), true}, {ipv4.TTL.Is(10), false},
		{ipv4.TTL.In(1, 9), true}, {ipv4.TTL.In(1, 2), false},
		{ipv4.TTL.Not(9), false}, {ipv4.TTL.Not(8), true},
		{ipv4.TTL.Where("odd", func(v uint) bool { return v%2 == 1 }), true},
		{ipv4.MF.Is(1), true}, {ipv4.DF.Is(1), false}, {ipv4.Reserved.Is(0), true}, {ipv4.Offset.Is(5), true},
		{udp.SrcPort.Is(1), false},
	} {
		if got := len(packet.Check(f, tt.cond)) == 0; got != tt.holds {
			t.Errorf("%s on %s: %v, want %v", tt.cond, f, got, tt.holds)
		}
	}
}

func TestRewriteMendsWhatTheFieldBreaks(t *testing.T) {
	g := NewWithT(t)
	whole := icmpv4.Echo(1, 2, []byte("odd")).Build(env)
	f := dissect(whole)
	for _, cond := range []packet.Cond{icmpv4.ID.Is(77), ipv4.TTL.Is(3), ipv4.Src.Is(env.Peer.IP4), packet.Data.Is([]byte("longer data than before, by some way so that no padding is needed"))} {
		got := dissect(f.Rewrite(cond))
		g.Expect(packet.Check(got, cond)).To(BeEmpty())
		g.Expect(packet.Sum(got.Header(ipv4.Proto))).To(Equal(uint16(0xffff)), "IPv4 checksum after %s", cond)
		g.Expect(packet.Sum(got.Header(icmpv4.Proto), got.Body(icmpv4.Proto))).To(Equal(uint16(0xffff)), "ICMP checksum after %s", cond)
		length, _ := ipv4.TotalLength.Of(got)
		g.Expect(length).To(Equal(uint(28 + len(got.Body(icmpv4.Proto)))))
	}
	g.Expect(f.Rewrite()).To(Equal(whole), "no change, the same bytes")
}

func TestOptionsSetTheHeaderLength(t *testing.T) {
	g := NewWithT(t)
	f := dissect(ipv4.Header(ipv4.Options.Is([]byte{1, 1, 1, 1, 1})).Then(udp.Datagram()).Build(env))
	ihl, _ := ipv4.IHL.Of(f)
	g.Expect(ihl).To(Equal(uint(7)))
	o, _ := ipv4.Options.Of(f)
	g.Expect(o).To(Equal([]byte{1, 1, 1, 1, 1, 0, 0, 0}))
}

func TestConditionsThatCannotBeSent(t *testing.T) {
	g := NewWithT(t)
	g.Expect(func() { ipv4.Header(ipv4.TTL.In(1, 2)).Build(env) }).To(PanicWith("packet: IPv4.time to live=1 or 2 is a condition, it cannot be sent"))
	g.Expect(func() { ipv4.Header(udp.SrcPort.Is(1)) }).To(PanicWith("packet: source port is a field of UDP, not of IPv4"))
}

func TestLike(t *testing.T) {
	g := NewWithT(t)
	f := dissect(arp.Reply().Build(env))
	g.Expect(f).To(packet.Like(arp.Reply()))
	g.Expect(f).NotTo(packet.Like(ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast))))
	m := packet.Like(arp.Request(env.Peer.IP4))
	ok, err := m.Match(f)
	g.Expect(ok, err).To(BeFalse())
	g.Expect(m.FailureMessage(f)).To(Equal("want ARP ar$op=request (1) ar$tpa=192.0.2.2\n" +
		"got  02:00:00:00:00:01 > 02:00:00:00:00:02, ARP reply 192.0.2.1 is-at 02:00:00:00:00:01\n" +
		"     ar$op is reply (2), want request (1)"))
	_, err = m.Match("text")
	g.Expect(err).To(MatchError("packet.Like compares a *packet.Frame, not a string"))
}

func FuzzDissect(f *testing.F) { // law: whatever arrives is printed, and rewriting nothing cuts nothing
	f.Add(arp.Request(env.Peer.IP4).Build(env))
	f.Add(icmpv4.Echo(1, 2, []byte("x")).Build(env))
	f.Add(ipv4.Header(ipv4.Options.Is([]byte{7, 7, 4, 0, 0, 0, 0})).Then(udp.Datagram()).Build(env))
	f.Fuzz(func(t *testing.T, b []byte) {
		fr := dissect(b)
		_ = fr.String()
		if got := fr.Rewrite(); len(got) < len(b) {
			t.Errorf("rewriting nothing cut %d octets to %d", len(b), len(got))
		}
	})
}
