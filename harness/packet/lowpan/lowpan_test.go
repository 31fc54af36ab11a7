package lowpan_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

func host(n byte) target.Host {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, n}
	return target.Host{
		MAC: mac, ShortAddr: net.HardwareAddr{0, n},
		IP6: netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 5: 1, 15: n}), LinkLocal: netip.AddrFrom16([16]byte{0xfe, 0x80, 15: n}),
	}
}

func env() packet.Env {
	e := packet.Env{Local: host(1), Peer: host(2), Network: ipv6.Proto, Link: target.IEEE802154, PAN: 0xabcd, Numbers: &packet.Numbers{}}
	e.Contexts[0] = netip.MustParsePrefix("2001:db8:1::/64")
	return e
}

// octets are those of a frame's payload.
func carried(f *packet.Frame) string { return hex.EncodeToString(f.Body(ieee802154.Proto)) }

func reader(e packet.Env) *packet.Reader { return &packet.Reader{Link: e.Link, Contexts: e.Contexts} }

func TestTheShortestForm(t *testing.T) {
	e := env()
	for _, tt := range []struct {
		name string
		t    packet.Template
		want string // of the headers
	}{
		{"link-local, all elided", icmpv6.Echo(1, 1, nil).With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal)), "7a333a8000"},
		{"context 0, identifiers in line", icmpv6.Echo(1, 1, nil).With(ipv6.Src.Is(ipv6.MustAddr("2001:db8:1::7")), ipv6.Dst.Is(ipv6.MustAddr("2001:db8:1::ff:fe00:8"))), "7a563a" + "0000000000000007"},
		{"context 0, all elided", icmpv6.Echo(1, 1, nil), "7a773a8000"},
		{"to all nodes", icmpv6.Echo(1, 1, nil).With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(ipv6.AllNodes), ipv6.HopLimit.Is(255)), "7b3b3a01"},
		{"traffic class", icmpv6.Echo(1, 1, nil).With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal), ipv6.TrafficClass.Is(0xb9)), "72336e3a"},
		{"flow label and ECN", icmpv6.Echo(1, 1, nil).With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal), ipv6.TrafficClass.Is(2), ipv6.FlowLabel.Is(0xabcde)), "6a338abcde3a"},
		{"ports of 4 bits", udp.Datagram(udp.SrcPort.Is(0xf0b3), udp.DstPort.Is(0xf0bf)).With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal)), "7e33f33f"},
		{"one port of 8 bits", udp.Datagram(udp.SrcPort.Is(0x1234), udp.DstPort.Is(0xf0c0)).With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal)), "7e33f11234c0"},
		{"padding elided", ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, 9))).Then(udp.Datagram(udp.SrcPort.Is(0xf0b3), udp.DstPort.Is(0xf0bf))).With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal)), "7e33e7031e0109f33f"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			b := tt.t.Build(e)
			f := reader(e).Dissect(b)
			g.Expect(f.Err).NotTo(HaveOccurred())
			g.Expect(carried(f)).To(HavePrefix(tt.want))
			g.Expect(f.Packet()).To(Equal(tt.t.Packet(e)))
		})
	}
}

// Every encoding that there is, forced on a packet that it can tell: it decompresses to that packet.
func TestForcedEncodings(t *testing.T) {
	e := env()
	g := NewWithT(t)
	f := reader(e).Dissect(icmpv6.Echo(1, 1, []byte("x")).With(lowpan.TF.Is(0), lowpan.HLIM.Is(0), lowpan.SAC.Is(0), lowpan.SAM.Is(0), lowpan.CIDs.Is(0)).Build(e))
	g.Expect(f.Err).NotTo(HaveOccurred())
	g.Expect(f).To(packet.Like(lowpan.IPHC(lowpan.TF.Is(0), lowpan.CID.Is(1), lowpan.SAM.Is(0), lowpan.DAC.Is(1), lowpan.InlineHops.Is(64)).Then(icmpv6.EchoRequest(icmpv6.ID.Is(1)))))

	lost := reader(e).Dissect(icmpv6.Echo(1, 1, nil).With(lowpan.SAC.Is(0), lowpan.SAM.Is(3)).Build(e))
	src, _ := ipv6.Src.Of(lost)
	g.Expect(src).To(Equal(e.Local.LinkLocal), "what cannot be derived is sent all the same")

	for _, reserved := range []packet.Template{
		icmpv6.Echo(1, 1, nil).With(lowpan.DAC.Is(1), lowpan.DAM.Is(0), lowpan.M.Is(0)),
		icmpv6.Echo(1, 1, nil).With(lowpan.DAC.Is(1), lowpan.DAM.Is(2), lowpan.M.Is(1)),
	} {
		f := reader(e).Dissect(reserved.Build(e))
		g.Expect(f.Err).To(MatchError(lowpan.ErrReserved))
		g.Expect(f.Has(ipv6.Proto)).To(BeFalse())
	}
	unknown := reader(e).Dissect(icmpv6.Echo(1, 1, nil).With(lowpan.CIDs.Is(0x70), lowpan.SAC.Is(1), lowpan.SAM.Is(1)).Build(e))
	g.Expect(unknown.Err).To(MatchError(lowpan.ErrContext))
}

func TestUncompressedHC1AndMesh(t *testing.T) {
	g := NewWithT(t)
	e := env()
	plain := icmpv6.Echo(7, 1, []byte("hello"))
	local := plain.With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal))
	datagram := udp.Datagram(udp.SrcPort.Is(61617), udp.DstPort.Is(61620)).Then(packet.Payload([]byte("abc")))
	for _, tt := range []struct {
		t    packet.Template
		want string
	}{
		{lowpan.Uncompressed().Then(plain), "4160000000"},
		{lowpan.HC1(lowpan.HC1Src.Is(3), lowpan.HC1Dst.Is(3), lowpan.HC1TF.Is(1)).Then(local), "42fc40"},
		{lowpan.HC1(lowpan.HC1Src.Is(0), lowpan.HC1Dst.Is(0), lowpan.HC1TF.Is(0), lowpan.HC1Next.Is(0)).Then(plain), "420040" + "20010db800010000" + "0000000000000001" + "20010db800010000" + "0000000000000002" + "0000000" + "3a" + "0"},
		{lowpan.HC1(lowpan.HC1Src.Is(3), lowpan.HC1Dst.Is(3), lowpan.HC1TF.Is(1), lowpan.HCUDP.Is(0xe0)).Then(datagram.With(ipv6.Src.Is(e.Local.LinkLocal), ipv6.Dst.Is(e.Peer.LinkLocal))), "42fbe04014"},
		{lowpan.Mesh().Then(lowpan.BC0(lowpan.BC0Sequence.Is(9)), local), "8e" + "0200000000000001" + "0200000000000002" + "5009" + "7a33"},
		{lowpan.Mesh(lowpan.DeepHops.Is(40), lowpan.Originator.Is(net.HardwareAddr{0, 9})).Then(local), "af280009" + "0200000000000002"},
		{lowpan.Paging(1).Then(local), "f17a33"},
	} {
		f := reader(e).Dissect(tt.t.Build(e))
		g.Expect(f.Err).NotTo(HaveOccurred())
		g.Expect(carried(f)).To(HavePrefix(tt.want))
		g.Expect(f.Has(icmpv6.Proto) || f.Has(udp.Proto)).To(BeTrue(), f.String())
		if !f.Has(lowpan.MeshProto) {
			g.Expect(f.Packet()).To(Equal(tt.t.Packet(e)), f.String())
		}
	}
}

func TestFragments(t *testing.T) {
	g := NewWithT(t)
	e := env()
	data := bytes.Repeat([]byte("0123456789"), 120)
	frames := icmpv6.Echo(3, 4, data).Frames(e)
	g.Expect(len(frames)).To(BeNumerically(">", 10))
	r := reader(e)
	for i, b := range frames {
		g.Expect(len(b)).To(BeNumerically("<=", 127))
		f := r.Dissect(b)
		g.Expect(f.Err).NotTo(HaveOccurred())
		g.Expect(f.Has(ipv6.Proto)).To(Equal(i == len(frames)-1), "only the last one completes the packet")
		if i == len(frames)-1 {
			g.Expect(f).To(packet.Like(icmpv6.EchoRequest(icmpv6.ID.Is(3)).Then(packet.Payload(data))))
			other := f.Rewrites(icmpv6.ID.Is(99))
			g.Expect(len(other)).To(Equal(len(frames)))
			var whole *packet.Frame
			for _, b := range other {
				whole = r.Dissect(b)
			}
			g.Expect(whole).To(packet.Like(icmpv6.EchoRequest(icmpv6.ID.Is(99)).Then(packet.Payload(data))))
		}
	}
	ip := icmpv6.Echo(3, 4, data).Packet(e)
	r = reader(e)
	parts := lowpan.SplitEvery(ip, 77, 96)
	for i := len(parts) - 1; i >= 0; i-- { // the first one last
		f := r.Dissect(parts[i].Build(e))
		g.Expect(f.Has(ipv6.Proto)).To(Equal(i == 0))
		if i == 0 {
			g.Expect(f.Packet()).To(Equal(ip))
		}
	}
	r = reader(e)
	r.Dissect(lowpan.Part(ip, 1, 0, 96).Build(e))
	g.Expect(r.Dissect(lowpan.Part(ip, 1, 88, 184).Build(e)).Err).To(HaveOccurred(), "overlap")
}

func TestRewritingAFrame(t *testing.T) {
	g := NewWithT(t)
	e := env()
	f := reader(e).Dissect(icmpv6.Echo(3, 4, []byte("x")).Build(e))
	other := f.Again(f.Rewrite(ipv6.HopLimit.Is(3), ieee802154.AckRequest.Is(0)))
	g.Expect(other).To(packet.Like(icmpv6.EchoRequest().With(ipv6.HopLimit.Is(3), ieee802154.AckRequest.Is(0))))
	g.Expect(other.Err).NotTo(HaveOccurred())
	bits := f.Again(f.Rewrite(lowpan.SAM.Is(2)))
	g.Expect(bits.Has(lowpan.IPHCProto)).To(BeTrue())
	sum := func(f *packet.Frame) uint { v, _ := ieee802154.FCS.Of(f); return v }
	for _, f := range []*packet.Frame{f, other, bits} {
		g.Expect(sum(f)).To(Equal(uint(ieee802154.Sum(f.Bytes[:len(f.Bytes)-2]))))
	}
	g.Expect(sum(f.Again(f.Rewrite(ieee802154.FCS.Is(0x1234))))).To(Equal(uint(0x1234)))
	g.Expect(sum(f.Again(icmpv6.Echo(1, 1, nil).With(ieee802154.FCS.Is(0x4321)).Build(e)))).To(Equal(uint(0x4321)))
}

// Random packets with random contexts: what is compressed is decompressed to itself.
func TestCompressThenExpandIsTheIdentity(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 20000 {
		ip, a := randomPacket(r)
		b := lowpan.Encode(ip, a)
		got, err := lowpan.Expand(b, a)
		if err != nil || !bytes.Equal(got, ip) {
			t.Fatalf("packet %d: %x\nencoded %x\nexpanded %x, %v\naround %+v", n, ip, b, got, err, a)
		}
	}
}

func randomPacket(r *rand.Rand) ([]byte, lowpan.Around) {
	octets := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	link := func() net.HardwareAddr { return octets([]int{2, 8}[r.IntN(2)]) }
	a := lowpan.Around{Src: link(), Dst: link(), PAN: uint16(r.Uint32())}
	for i := range a.Contexts {
		if r.IntN(2) == 0 {
			a.Contexts[i] = netip.PrefixFrom(netip.AddrFrom16([16]byte(octets(16))), r.IntN(129)).Masked()
		}
	}
	address := func(l net.HardwareAddr, group bool) []byte {
		b := octets(16)
		iid := lowpan.IID(l)
		switch r.IntN(6) {
		case 0:
			copy(b[8:], iid[:])
		case 1:
			copy(b[8:], []byte{0, 0, 0, 0xff, 0xfe, 0})
		}
		switch r.IntN(4) {
		case 0:
			copy(b, []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0})
		case 1, 2:
			if p := a.Contexts[r.IntN(16)]; p.IsValid() {
				c := p.Addr().As16()
				copy(b[:p.Bits()/8], c[:])
			}
		}
		if group && r.IntN(3) == 0 {
			zeros := []int{0, 9, 11, 13}[r.IntN(4)]
			b[0] = 0xff
			clear(b[2 : 2+zeros])
		}
		return b
	}
	var e packet.Env
	src, dst := netip.AddrFrom16([16]byte(address(a.Src, false))), netip.AddrFrom16([16]byte(address(a.Dst, true)))
	pick := func(vs ...uint) packet.Cond { return ipv6.HopLimit.Is(vs[r.IntN(len(vs))]) }
	t := ipv6.Header(ipv6.Src.Is(src), ipv6.Dst.Is(dst), pick(1, 64, 255, 9),
		ipv6.TrafficClass.Is([]uint{0, 2, 0xb8, 0xff}[r.IntN(4)]), ipv6.FlowLabel.Is([]uint{0, 0xabcde}[r.IntN(2)]))
	if r.IntN(4) == 0 {
		t = t.Then(ipv6.HopByHop(ipv6.HopOptions.Is(ipv6.Option(0x1e, octets(r.IntN(20))...))))
	}
	if r.IntN(4) == 0 {
		t = t.Then(ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, octets(r.IntN(20))...))))
	}
	if r.IntN(8) == 0 {
		t = t.Then(ipv6.Header(ipv6.Src.Is(src), ipv6.Dst.Is(dst)))
	}
	e.Network = ipv6.Proto
	port := func() uint { return []uint{0xf0b0, 0xf0bf, 0xf0c0, 0x1234}[r.IntN(4)] }
	if r.IntN(2) == 0 {
		t = t.Then(udp.Datagram(udp.SrcPort.Is(port()), udp.DstPort.Is(port())), packet.Payload(octets(r.IntN(30))))
	} else {
		t = t.Then(icmpv6.Echo(1, 2, octets(r.IntN(30))))
	}
	return t.Packet(e), a
}

func TestGHC(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		data := make([]byte, r.IntN(200))
		for i := range data {
			data[i] = []byte{0, 0, 0, 1, 2, byte(r.Uint32())}[r.IntN(6)]
		}
		dictionary := lowpan.Dictionary(host(1).IP6, host(2).IP6)
		code := lowpan.Deflate(data, dictionary)
		got, err := lowpan.Inflate(code, dictionary)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%x\ncode %x\ngot %x, %v", data, code, got, err)
		}
	}
	g := NewWithT(t)
	e := env()
	zeros := make([]byte, 40)
	for _, tt := range []packet.Template{
		lowpan.IPHC().Then(lowpan.ICMPGHC(), icmpv6.Echo(1, 2, zeros)),
		lowpan.IPHC().Then(lowpan.UDPGHC(lowpan.P.Is(0)), udp.Datagram(udp.DstPort.Is(9)), packet.Payload(zeros)),
		lowpan.IPHC().Then(lowpan.ExtNHC(lowpan.NHCID.Is(0xb)), lowpan.UDPNHC(), ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, 1, 2, 3))), udp.Datagram(udp.DstPort.Is(9)), packet.Payload(zeros)),
	} {
		f := reader(e).Dissect(tt.Build(e))
		g.Expect(f.Err).NotTo(HaveOccurred(), fmt.Sprintf("%v: % x", f, f.Bytes))
		g.Expect(f.Packet()).To(Equal(tt.Packet(e)), fmt.Sprintf("%v", f))
	}
}

// No input panics, and what is cut short says so.
func FuzzDissect(f *testing.F) {
	e := env()
	for _, t := range []packet.Template{icmpv6.Echo(1, 1, []byte("abc")), lowpan.Mesh().Then(icmpv6.Echo(1, 1, nil)), lowpan.HC1(lowpan.HCUDP.Is(0xe0)).Then(udp.Datagram())} {
		f.Add(t.Build(e))
	}
	f.Add(lowpan.First(100, 1, 0x7a, 0x33, 58).Build(e))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader(e)
		for range 2 {
			fr := r.Dissect(b)
			_ = fr.String()
			fr.Views()
			fr.Rewrites(ieee802154.Sequence.Is(9), ipv6.HopLimit.Is(7), lowpan.SAM.Is(1))
		}
	})
}
