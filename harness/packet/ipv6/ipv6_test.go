package ipv6_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

var env = packet.Env{
	Local:   target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP6: ipv6.MustAddr("2001:db8::1"), LinkLocal: ipv6.MustAddr("fe80::1")},
	Peer:    target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP6: ipv6.MustAddr("2001:db8::2"), LinkLocal: ipv6.MustAddr("fe80::2")},
	Network: ipv6.Proto,
}

func build(t packet.Template) *packet.Frame { return packet.Dissect(target.Ethernet, t.Build(env)) }

// sound fails the test unless the checksum over a message with these addresses is right, in the test's own words.
func sound(t *testing.T, protocol byte, src, dst netip.Addr, message []byte) {
	t.Helper()
	s, d := src.As16(), dst.As16()
	b := append(append([]byte(nil), s[:]...), d[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(message)))
	b = append(append(b, 0, 0, 0, protocol), message...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	sum := 0
	for i := 0; i < len(b); i += 2 {
		sum += int(b[i])<<8 | int(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if sum != 0xffff {
		t.Errorf("the checksum is wrong: the sum is %#x", sum)
	}
}

func TestAPlainPacket(t *testing.T) {
	g := NewWithT(t)
	f := build(icmpv6.Echo(7, 9, []byte("abc")).With(ipv6.TrafficClass.Is(0xb8), ipv6.FlowLabel.Is(0xabcde)))
	g.Expect(f.Err).NotTo(HaveOccurred())
	g.Expect(f.Header(ipv6.Proto)).To(Equal(append([]byte{0x6b, 0x8a, 0xbc, 0xde, 0, 11, 58, 64}, append(env.Local.IP6.AsSlice(), env.Peer.IP6.AsSlice()...)...)))
	g.Expect(f).To(packet.Like(icmpv6.EchoRequest(icmpv6.ID.Is(7), icmpv6.Seq.Is(9)).Then(packet.Payload([]byte("abc")))))
	sound(t, 58, env.Local.IP6, env.Peer.IP6, f.Body(ipv6.Proto))
}

func TestExtensionHeaders(t *testing.T) {
	g := NewWithT(t)
	last := ipv6.MustAddr("2001:db8::77")
	f := build(ipv6.Header().Then(
		ipv6.HopByHop(ipv6.HopOptions.Is(ipv6.RouterAlert(0))),
		ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, 1, 2, 3, 4, 5, 6, 7))),
		ipv6.RouteType0(1, last),
		udp.Datagram(udp.DstPort.Is(7)), packet.Payload([]byte("x"))))
	g.Expect(f.Err).NotTo(HaveOccurred())
	g.Expect(f.Header(ipv6.HopByHopProto)).To(Equal([]byte{60, 0, 5, 2, 0, 0, 1, 0}))
	g.Expect(f.Header(ipv6.DestProto)).To(Equal([]byte{43, 1, 0x1e, 7, 1, 2, 3, 4, 5, 6, 7, 1, 3, 0, 0, 0}))
	g.Expect(f).To(packet.Like(ipv6.Header(ipv6.NextHeader.Is(0), ipv6.PayloadLength.Is(8+16+24+9)).Then(
		ipv6.Routing(ipv6.RouteNext.Is(17), ipv6.RouteLength.Is(2), ipv6.SegmentsLeft.Is(1)), udp.Datagram(udp.Length.Is(9)))))
	sound(t, 17, env.Local.IP6, last, f.Body(ipv6.RoutingProto))

	used := build(ipv6.RouteType0(0, last).Then(udp.Datagram()))
	sound(t, 17, env.Local.IP6, env.Peer.IP6, used.Body(ipv6.RoutingProto))
	g.Expect(build(ipv6.Destination()).Header(ipv6.DestProto)).To(Equal([]byte{59, 0, 1, 4, 0, 0, 0, 0}))
}

// What the tables cannot make sense of is there as far as it goes.
func TestMalformed(t *testing.T) {
	g := NewWithT(t)
	long := build(ipv6.HopByHop(ipv6.HopLength.Is(9)).Then(udp.Datagram()))
	g.Expect(long.Has(ipv6.HopByHopProto)).To(BeTrue())
	g.Expect(long.Has(udp.Proto)).To(BeFalse())
	g.Expect(build(ipv6.Header(ipv6.NextHeader.Is(253)).Then(packet.Payload([]byte("x")))).Body(ipv6.Proto)).To(Equal([]byte("x")))
	short := build(icmpv6.Echo(1, 1, []byte("abcdef")).With(ipv6.PayloadLength.Is(10)))
	g.Expect(short).To(packet.Like(packet.Payload([]byte("ab"))), "the payload length ends the packet")
	beyond := build(icmpv6.Echo(1, 1, nil).With(ipv6.PayloadLength.Is(1000)))
	g.Expect(beyond.Has(icmpv6.EchoProto)).To(BeTrue())
	g.Expect(packet.Dissect(target.Ethernet, beyond.Bytes[:40]).Err).To(HaveOccurred())
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name      string
		in        []byte
		types     []byte
		malformed bool
	}{
		{"none", nil, nil, false},
		{"one octet of padding has no length", []byte{0, 0, 5, 2, 0, 0}, []byte{0, 0, 5}, false},
		{"no length octet", []byte{1}, nil, true},
		{"beyond the header", []byte{0xc2, 4, 0, 0, 0}, nil, true},
	} {
		all, err := ipv6.SplitOptions(c.in)
		var types []byte
		for _, o := range all {
			types = append(types, o[0])
		}
		if !bytes.Equal(types, c.types) || errors.Is(err, ipv6.ErrOption) != c.malformed {
			t.Errorf("%s: got types %v and %v", c.name, types, err)
		}
	}
	for n := range 20 {
		if got := ipv6.Pad(n); len(got) != n {
			t.Errorf("Pad(%d) has %d octets", n, len(got))
		}
	}
}

func TestSplitAndJoinAreInverse(t *testing.T) {
	g := NewWithT(t)
	data := make([]byte, 93)
	for i := range data {
		data[i] = byte(i)
	}
	whole := build(ipv6.Header(ipv6.FlowLabel.Is(0x12345), ipv6.HopLimit.Is(9)).Then(
		ipv6.HopByHop(ipv6.HopOptions.Is(ipv6.RouterAlert(0))), ipv6.Destination(), ipv6.RouteType0(0, env.Peer.IP6),
		ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, 9))), udp.Datagram(), packet.Payload(data)))
	var fragments []*packet.Frame
	for i, p := range ipv6.SplitEvery(whole, 0xdeadbeef, 40) {
		f := build(p)
		fragments = append(fragments, f)
		more := uint(0)
		if i < 2 {
			more = 1
		}
		g.Expect(f).To(packet.Like(ipv6.Header(ipv6.FlowLabel.Is(0x12345), ipv6.HopLimit.Is(9)).Then(
			ipv6.HopByHop(ipv6.HopNext.Is(60)), ipv6.Destination(ipv6.DestNext.Is(43)), ipv6.Routing(ipv6.RouteNext.Is(44)),
			ipv6.Fragment(ipv6.FragNext.Is(60), ipv6.FragOffset.Is(uint(5*i)), ipv6.FragMore.Is(more), ipv6.FragID.Is(0xdeadbeef)))))
		_, err := ipv6.Join(fragments)
		g.Expect(err == nil).To(Equal(i == 2))
	}
	g.Expect(fragments).To(HaveLen(3))
	fragments[0], fragments[2] = fragments[2], fragments[0]
	g.Expect(ipv6.Join(fragments)).To(Equal(ipv6.Fragmentable(whole)))
	again, err := ipv6.Whole(fragments)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Bytes).To(Equal(whole.Bytes))
	_, err = ipv6.Join(append(fragments, fragments[1]))
	g.Expect(err).To(MatchError(ContainSubstring("overlaps")))
	_, err = ipv6.Join(fragments[:2])
	g.Expect(err).To(MatchError(ipv6.ErrIncomplete))

	plain := build(icmpv6.Echo(1, 1, data))
	one, err := ipv6.Whole([]*packet.Frame{build(ipv6.Part(plain, 1, 0, 48)), build(ipv6.Part(plain, 1, 48, 101))})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(one.Bytes).To(Equal(plain.Bytes))
	atomic := build(ipv6.Atomic(plain, 5))
	g.Expect(atomic).To(packet.Like(ipv6.Fragment(ipv6.FragMore.Is(0)).Then(icmpv6.EchoRequest())), "an atomic fragment is read on")
}

func TestAddresses(t *testing.T) {
	g := NewWithT(t)
	a := ipv6.MustAddr("2001:db8::ab:cdef:1234")
	g.Expect(ipv6.SolicitedNode(a)).To(Equal(ipv6.MustAddr("ff02::1:ffef:1234")))
	g.Expect(ipv6.LinkLocal(net.HardwareAddr{2, 0, 0, 0, 0, 2})).To(Equal(ipv6.MustAddr("fe80::ff:fe00:2")))
	f := build(icmpv6.Echo(1, 1, nil).With(ipv6.Dst.Is(ipv6.SolicitedNode(a))))
	g.Expect(f).To(packet.Like(ethernet.Frame(ethernet.Dst.Is(net.HardwareAddr{0x33, 0x33, 0xff, 0xef, 0x12, 0x34}))))
}

func TestQuotes(t *testing.T) {
	g := NewWithT(t)
	sent := build(udp.Datagram(udp.DstPort.Is(9)).Then(packet.Payload(make([]byte, 1400))))
	answer := build(icmpv6.Unreachable(icmpv6.CodePort).Then(icmpv6.About(sent)))
	g.Expect(answer).To(packet.Like(icmpv6.Error().Then(packet.PayloadWith(icmpv6.Quotes(sent)))))
	g.Expect(len(answer.Body(ipv6.Proto)) + 40).To(Equal(1280))
	g.Expect(answer.Quoted()).To(packet.Like(ipv6.Header(ipv6.Dst.Is(env.Peer.IP6)).Then(udp.Datagram(udp.DstPort.Is(9)))))
	less := build(icmpv6.Unreachable(icmpv6.CodePort).Then(packet.Payload(answer.Quoted().Bytes[:100])))
	g.Expect(less).NotTo(packet.Like(icmpv6.Error().Then(packet.PayloadWith(icmpv6.Quotes(sent)))))
	g.Expect(less).To(packet.Like(icmpv6.Error().Then(packet.PayloadWith(icmpv6.QuotesSome(sent)))))
	g.Expect(packet.Dissect(target.Ethernet, answer.Rewrite(icmpv6.Code.Is(1)))).To(packet.Like(icmpv6.Unreachable(1)))
	sound(t, 58, env.Local.IP6, env.Peer.IP6, packet.Dissect(target.Ethernet, answer.Rewrite(icmpv6.Code.Is(1))).Body(ipv6.Proto))
}
