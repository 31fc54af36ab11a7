package ndp_test

import (
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

var (
	mac, other = net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 9}
	env        = packet.Env{
		Local:   target.Host{MAC: mac, IP6: ipv6.MustAddr("2001:db8::1"), LinkLocal: ipv6.MustAddr("fe80::1")},
		Peer:    target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP6: ipv6.MustAddr("2001:db8::2")},
		Network: ipv6.Proto,
	}
	group = ipv6.MustAddr("ff15::123")
	one   = ipv6.MustAddr("2001:db8::11")
)

func build(t packet.Template) *packet.Frame { return packet.Dissect(target.Ethernet, t.Build(env)) }

// The rest of each message behind the checksum, with the header that it has by default.
func TestMessages(t *testing.T) {
	prefix := ndp.Advertised(netip.MustParsePrefix("2001:db8:5::/64")).Lasting(10, 5)
	for _, c := range []struct {
		name     string
		t        packet.Template
		src, dst string
		hops     uint
		want     string
	}{
		{"solicitation", ndp.Solicitation(), "2001:db8::1", "ff02::1:ff00:2", 255, "8700" + "00000000" + "20010db8000000000000000000000002" + "0101020000000001"},
		{"another", ndp.Solicit(ipv6.MustAddr("fe80::aa:bbcc")), "2001:db8::1", "ff02::1:ffaa:bbcc", 255, "8700" + "00000000" + "fe800000000000000000000000aabbcc" + "0101020000000001"},
		{"probe", ndp.Probe(one), "::", "ff02::1:ff00:11", 255, "8700" + "00000000" + "20010db8000000000000000000000011"},
		{"probe with a nonce", ndp.Probe(one, ndp.NSOptions.Is(ndp.Nonce([]byte{1, 2, 3, 4, 5, 6}))), "::", "ff02::1:ff00:11", 255,
			"8700" + "00000000" + "20010db8000000000000000000000011" + "0e01010203040506"},
		{"advertisement", ndp.Advert(), "2001:db8::1", "2001:db8::2", 255, "8800" + "60000000" + "20010db8000000000000000000000001" + "0201020000000001"},
		{"unsolicited", ndp.Unsolicited(one, ndp.NALink.None()), "2001:db8::1", "ff02::1", 255, "8800" + "20000000" + "20010db8000000000000000000000011"},
		{"router solicitation", ndp.RouterSolicit(), "fe80::1", "ff02::2", 255, "8500" + "00000000" + "0101020000000001"},
		{"router advertisement", ndp.RouterAdvert(ndp.Managed.Is(1), ndp.Preference.Is(3), ndp.RAOptions.Is(ndp.Options(prefix.Option(), ndp.MTU(1400)))),
			"fe80::1", "ff02::1", 255, "8600" + "409807080000000000000000" +
				"030440c0" + "0000000a00000005" + "00000000" + "20010db8000500000000000000000000" + "0501000000000578"},
		{"redirect", ndp.Redirect(env.Local.LinkLocal, one, ndp.RDLink.Is(other)), "fe80::1", "2001:db8::2", 255, "8900" + "00000000" +
			"fe800000000000000000000000000001" + "20010db8000000000000000000000011" + "0201020000000009"},
		{"length of zero", ndp.Solicitation(ndp.NSOptions.Is(ndp.RawOption(1, 0, mac...))), "2001:db8::1", "ff02::1:ff00:2", 255,
			"8700" + "00000000" + "20010db8000000000000000000000002" + "0100020000000001"},
		{"query", mld.GeneralQuery(10000), "fe80::1", "ff02::1", 1, "8200" + "27100000" + "00000000000000000000000000000000"},
		{"report", mld.Heard(group), "fe80::1", "ff15::123", 1, "8300" + "00000000" + "ff150000000000000000000000000123"},
		{"query of version 2", mld.SpecificQuery2(group, 1000, one), "fe80::1", "ff15::123", 1,
			"8200" + "03e80000" + "ff150000000000000000000000000123" + "027d0001" + "20010db8000000000000000000000011"},
		{"report of version 2", mld.To(ipv6.AllMLDRouters, mld.Report2(mld.Records.Is(mld.Encode(mld.ToEx(group), mld.Allow(group, one))))), "fe80::1", "ff02::16", 1,
			"8f00" + "00000002" + "04000000ff150000000000000000000000000123" + "05000001ff150000000000000000000000000123" + "20010db8000000000000000000000011"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			f := build(c.t)
			g.Expect(f).To(packet.Like(c.t), "what was built is what was asked for")
			g.Expect(f).To(packet.Like(ipv6.Header(ipv6.HopLimit.Is(c.hops), ipv6.Src.Is(ipv6.MustAddr(c.src)), ipv6.Dst.Is(ipv6.MustAddr(c.dst)))))
			m := append(f.Header(icmpv6.Proto)[:2:2], f.Body(icmpv6.Proto)...)
			g.Expect(hex.EncodeToString(m)).To(Equal(c.want))
		})
	}
}

func TestLinkOptionIsAField(t *testing.T) {
	g := NewWithT(t)
	f := build(ndp.Advert(ndp.NAOptions.Is(ndp.Options(ndp.Nonce(make([]byte, 6)), ndp.TargetLink(mac)))))
	g.Expect(f).To(packet.Like(ndp.Advert(ndp.NALink.Is(mac))))
	changed := packet.Dissect(target.Ethernet, f.Rewrite(ndp.NALink.Is(other)))
	g.Expect(changed).To(packet.Like(ndp.Advert(ndp.NALink.Is(other), ndp.Has(ndp.NAOptions, ndp.Nonce(make([]byte, 6))))))
	gone := packet.Dissect(target.Ethernet, f.Rewrite(ndp.NALink.None()))
	g.Expect(gone).To(packet.Like(ndp.Advert(ndp.NALink.None())))
	g.Expect(gone.Body(ipv6.Proto)).To(HaveLen(24 + 8))
	length, _ := ipv6.PayloadLength.Of(gone)
	g.Expect(length).To(Equal(uint(32)), "the length is mended")
	back := packet.Dissect(target.Ethernet, gone.Rewrite(ndp.NALink.Is(mac)))
	g.Expect(back).To(packet.Like(ndp.Advert(ndp.NALink.Is(mac))))
}

func TestSplitOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		want int
		bad  bool
	}{
		{"none", nil, 0, false},
		{"two", ndp.Options(ndp.MTU(1500), ndp.SourceLink(mac)), 2, false},
		{"length 0", ndp.Options(ndp.MTU(1500), ndp.RawOption(1, 0, mac...)), 1, true},
		{"beyond the end", ndp.RawOption(1, 2, mac...), 0, true},
		{"seven octets", ndp.MTU(1500)[:7], 0, true},
	} {
		all, err := ndp.SplitOptions(c.in)
		if len(all) != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %d options and %v", c.name, len(all), err)
		}
	}
	p := ndp.Advertised(netip.MustParsePrefix("2001:db8:5::/60"))
	got, ok := ndp.PrefixOf(p.Option())
	got.HostBits = netip.Addr{}
	if !ok || got != p {
		t.Errorf("%+v, want %+v", got, p)
	}
	if o := ndp.DNSSL(7, "a.example"); hex.EncodeToString(o) != "1f03000000000007"+"0161076578616d706c65000000000000" {
		t.Errorf("DNSSL %x", o)
	}
	if o := ndp.RouteInfo(netip.MustParsePrefix("2001:db8::/32"), 3, 9); hex.EncodeToString(o) != "1802201800000009"+"20010db800000000" {
		t.Errorf("route information %x", o)
	}
}

func TestShortMessagesAreData(t *testing.T) {
	g := NewWithT(t)
	f := build(icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeNeighborSolicit)).Then(packet.Payload(make([]byte, 19))))
	g.Expect(f.Has(ndp.NS)).To(BeFalse())
	g.Expect(f).To(packet.Like(icmpv6.Message().Then(packet.Payload(make([]byte, 19)))))
	q := build(mld.To(ipv6.AllNodes, icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeMLDQuery)).Then(packet.Payload(make([]byte, 22)))))
	g.Expect(q.Has(mld.V1)).To(BeTrue(), "between 24 and 28 octets a query is of version 1 in format")
	cut := build(mld.To(ipv6.AllMLDRouters, mld.Report2(mld.NumRecords.Is(7), mld.Records.Is(mld.Encode(mld.ToEx(group))))))
	g.Expect(mld.RecordsOf(cut)).To(HaveLen(1), "records that are not there")
}

// A link address has the length that its option says: RFC 4944, section 8.
func TestLinkAddressesOfAllLengths(t *testing.T) {
	for _, a := range []net.HardwareAddr{{0x12, 0x34}, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 0, 0, 1}} {
		g := NewWithT(t)
		f := build(ndp.Solicitation(ndp.NSLink.Is(a)))
		got, ok := ndp.NSLink.Of(f)
		g.Expect(ok).To(BeTrue())
		g.Expect(got).To(Equal(a))
		f = packet.Dissect(target.Ethernet, f.Rewrite(ndp.NSLink.Is(mac)))
		got, _ = ndp.NSLink.Of(f)
		g.Expect(got).To(Equal(mac))
	}
}
