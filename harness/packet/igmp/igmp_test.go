package igmp_test

import (
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/target"
)

var (
	env = packet.Env{
		Local: target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
		Peer:  target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
	}
	group = netip.MustParseAddr("239.129.2.3")
	one   = netip.MustParseAddr("198.51.100.1")
	two   = netip.MustParseAddr("198.51.100.2")
)

func build(t packet.Template) *packet.Frame { return packet.Dissect(target.Ethernet, t.Build(env)) }

// The octets were worked out by hand from the figures of the RFCs.
func TestMessagesAsOctets(t *testing.T) {
	for _, c := range []struct {
		name string
		t    packet.Template
		want string // the IP payload with a checksum of zero
		dst  netip.Addr
	}{
		{"version 1 query", igmp.V1Query(), "1100000000000000", igmp.AllSystems},
		{"version 2 general query", igmp.GeneralQuery(100), "1164000000000000", igmp.AllSystems},
		{"version 2 group-specific query", igmp.GroupQuery(group, 10), "110a0000ef810203", group},
		{"version 1 report", igmp.Heard(1, group), "12000000ef810203", group},
		{"version 2 report", igmp.Heard(2, group), "16000000ef810203", group},
		{"version 3 general query", igmp.GeneralQuery3(0x8a), "118a000000000000027d0000", igmp.AllSystems},
		{"version 3 specific query", igmp.SpecificQuery3(group, 1, one), "11010000ef810203" + "027d0001" + "c6336401", group},
		{"version 3 report", igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(igmp.ToEx(group), igmp.Allow(group, one))))),
			"2200000000000002" + "04000000ef810203" + "05000001ef810203c6336401", igmp.AllV3Routers},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			f := build(c.t)
			body := f.Body(ipv4.Proto)
			g.Expect(packet.Sum(body)).To(Equal(uint16(0xffff)), "the checksum")
			body[2], body[3] = 0, 0
			g.Expect(hex.EncodeToString(body)).To(Equal(c.want))
			g.Expect(f).To(packet.Like(ipv4.Header(ipv4.Dst.Is(c.dst), ipv4.TTL.Is(1), ipv4.Protocol.Is(2))))
		})
	}
}

func TestRecordsCompareAsSets(t *testing.T) {
	g := NewWithT(t)
	f := build(igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(igmp.IsIn(group, two, one), igmp.IsEx(igmp.AllRouters))))))
	g.Expect(f).To(packet.Like(igmp.Report3(igmp.Tells(igmp.IsIn(group, one, two)))))
	g.Expect(f).To(packet.Like(igmp.Report3(igmp.TellsOnly(igmp.IsEx(igmp.AllRouters), igmp.IsIn(group, one, two)))))
	g.Expect(f).NotTo(packet.Like(igmp.Report3(igmp.TellsOnly(igmp.IsIn(group, one, two)))))
	g.Expect(f).NotTo(packet.Like(igmp.Report3(igmp.Tells(igmp.IsEx(group, one, two)))))
	g.Expect(f).NotTo(packet.Like(igmp.Report3(igmp.Tells(igmp.IsIn(group, one)))))
	g.Expect(f).NotTo(packet.Like(igmp.Message()), "the format of the older versions is another protocol")
	g.Expect(f.String()).To(ContainSubstring("IS_IN(239.129.2.3 {198.51.100.1 198.51.100.2}), IS_EX(224.0.0.2 {})"))
}

func TestRewriteMendsCountsAndChecksums(t *testing.T) {
	g := NewWithT(t)
	f := build(igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(igmp.ToEx(group))))))
	f = packet.Dissect(target.Ethernet, f.Rewrite(igmp.Records.Is(igmp.Encode(igmp.ToIn(group), igmp.Block(group, one, two)))))
	n, _ := igmp.NumRecords.Of(f)
	g.Expect(n).To(Equal(uint(2)))
	g.Expect(packet.Sum(f.Body(ipv4.Proto))).To(Equal(uint16(0xffff)))
	g.Expect(igmp.RecordsOf(f)).To(HaveLen(2))
}

// The version of a query follows from its length; what is behind the fields of a message is data.
func TestWhereAMessageEnds(t *testing.T) {
	g := NewWithT(t)
	extra := packet.Payload([]byte{1, 2, 3})
	g.Expect(build(igmp.GeneralQuery(1).Then(extra)).Has(igmp.Proto)).To(BeTrue(), "11 octets are no version 3 query")
	long := build(igmp.SpecificQuery3(group, 1, one).Then(extra))
	sources, _ := igmp.Sources.Of(long)
	g.Expect(sources).To(Equal(one.AsSlice()))
	g.Expect(long).To(packet.Like(packet.Payload([]byte{1, 2, 3})))

	short := build(igmp.SpecificQuery3(group, 1, one).With(igmp.NumSources.Is(9)))
	g.Expect(short.Has(igmp.Query3)).To(BeTrue(), "sources that are not there")
	cut := build(igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.NumRecords.Is(7), igmp.Records.Is(igmp.Encode(igmp.ToEx(group))))))
	g.Expect(igmp.RecordsOf(cut)).To(HaveLen(1), "records that are not there")
}
