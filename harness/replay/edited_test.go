package replay_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/fixtures/pcaps"
	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/target"
)

// edit changes the packets of a capture; nil leaves a packet out.
type edit func(p capture.Packet) *capture.Packet

// rewrite sets fields of packet n, with lengths and checksums made anew.
func rewrite(n int, conds func(f *packet.Frame) []packet.Cond) edit {
	return func(p capture.Packet) *capture.Packet {
		if p.Number == n {
			link := target.Ethernet
			if p.LinkType == capture.IEEE802154 {
				link = target.IEEE802154
			}
			f := packet.Dissect(link, p.Data)
			p.Data = f.Rewrite(conds(f)...)
			p.Original = len(p.Data)
		}
		return &p
	}
}

// set sets fields of packet n.
func set(n int, conds ...packet.Cond) edit {
	return rewrite(n, func(*packet.Frame) []packet.Cond { return conds })
}

// setQuoted sets fields of the packet that packet n quotes.
func setQuoted(n int, conds ...packet.Cond) edit {
	return rewrite(n, func(f *packet.Frame) []packet.Cond {
		return []packet.Cond{packet.Data.Is(f.Quoted().Rewrite(conds...))}
	})
}

// flip changes one octet of packet n's data.
func flip(n, at int) edit {
	return rewrite(n, func(f *packet.Frame) []packet.Cond {
		d, _ := packet.Data.Of(f)
		d[at] ^= 0xff
		return []packet.Cond{packet.Data.Is(d)}
	})
}

// capturedAs is the fixture's capture with its packets edited.
func capturedAs(t *testing.T, name string, e edit) []byte {
	t.Helper()
	f, err := pcaps.Files.Open(name + ".pcap")
	if err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := capture.NewWriter(&out, capture.SectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id := -1
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out.Bytes()
		}
		if err == nil && id < 0 {
			id, err = w.AddInterface(capture.Interface{LinkType: p.LinkType})
		}
		if err != nil {
			t.Fatal(err)
		}
		if edited := e(p); edited != nil {
			if err := w.Write(id, *edited); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// loadEdited is the fixture's scenario with its capture edited.
func loadEdited(t *testing.T, name string, e edit) (*replay.Scenario, error) {
	t.Helper()
	yaml, err := fs.ReadFile(pcaps.Files, name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	list, err := replay.LoadFS(fstest.MapFS{name + ".yaml": {Data: yaml}, name + ".pcap": {Data: capturedAs(t, name, e)}})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// A capture that holds a wrong answer fails, and the failure names the field, the packet and both values.
func TestAWrongAnswerInTheCapture(t *testing.T) {
	const ping, closed = "linux-arp-ping4", "linux-udp-closed"
	for _, tt := range []struct {
		name    string
		fixture string
		edit    edit
		live    bool             // on the kernel too
		want    []replay.Failure // but for Kind and Text
	}{
		{"hardware address", ping, set(3, arp.SenderMAC.Is(net.HardwareAddr{2, 0, 0, 0, 0x0a, 0xff})), true,
			[]replay.Failure{{Requirement: "RFC826:RX-13", Packet: 3, Field: "ARP ar$sha", Want: "02:00:00:00:0a:ff", Got: "02:00:00:00:00:02"}}},
		{"opcode", ping, set(3, arp.Op.Is(3)), false,
			[]replay.Failure{{Requirement: "RFC826:RX-14", Packet: 3, Field: "ARP ar$op", Want: "3", Got: "reply (2)"}}},
		{"target protocol address", ping, set(3, arp.TargetIP.Is(netip.MustParseAddr("10.0.0.9"))), false,
			[]replay.Failure{{Requirement: "RFC826:RX-12", Packet: 3, Field: "ARP ar$tpa", Want: "10.0.0.9", Got: "192.0.2.1"}}},
		{"broadcast reply", ping, set(3, ethernet.Dst.Is(ethernet.Broadcast)), false,
			[]replay.Failure{{Requirement: "RFC826:RX-15", Packet: 3, Field: "Ethernet destination", Want: "ff:ff:ff:ff:ff:ff", Got: "02:00:00:00:00:01"}}},
		{"one octet of the data", ping, flip(7, 41), true, []replay.Failure{
			{Requirement: "RFC792:EC-2", Packet: 7, Field: "ICMP data", Want: "octet 41 = 0xd6", Got: "octet 41 = 0x29"},
			{Requirement: "RFC1122:3.2.2.6-6", Packet: 7, Field: "ICMP data", Want: "octet 41 = 0xd6", Got: "octet 41 = 0x29"},
		}},
		{"less data", ping, set(5, packet.Data.Is([]byte("short"))), false, nil},
		{"sequence number", ping, set(9, icmpv4.Seq.Is(30)), false,
			[]replay.Failure{{Requirement: "RFC792:EC-5", Packet: 9, Field: "ICMP sequence number", Want: "30", Got: "3"}}},
		{"identifier", ping, set(9, icmpv4.ID.Is(1)), true,
			[]replay.Failure{{Requirement: "RFC792:EC-4", Packet: 9, Field: "ICMP identifier", Want: "1", Got: "17731"}}},
		{"code", closed, set(4, icmpv4.Code.Is(icmpv4.CodeHost)), false,
			[]replay.Failure{{Requirement: "RFC792:DU-2", Packet: 4, Field: "ICMP code", Want: "1", Got: "3"}}},
		{"quoted port", closed, setQuoted(4, udp.DstPort.Is(9998)), true, []replay.Failure{
			{Requirement: "RFC1122:3.2.2-3", Packet: 4, Field: "quoted UDP destination port", Want: "9998", Got: "9999"},
			{Requirement: "RFC1122:3.2.2-3", Packet: 4, Field: "quoted UDP checksum", Want: "", Got: ""},
			{Requirement: "RFC1122:3.2.2-3", Packet: 4, Field: "quoted data", Want: "octet 3 = 0x0e", Got: "octet 3 = 0x0f"},
		}},
		{"quoted time to live", closed, setQuoted(4, ipv4.TTL.Is(63)), false, []replay.Failure{
			{Requirement: "RFC1122:3.2.2-3", Packet: 4, Field: "quoted IPv4 time to live", Want: "63", Got: "64"},
			{Requirement: "RFC1122:3.2.2-3", Packet: 4, Field: "quoted IPv4 header checksum", Want: "", Got: ""},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			s, err := loadEdited(t, tt.fixture, tt.edit)
			g.Expect(err).NotTo(HaveOccurred())
			for name, on := range targets(t) {
				if name != "fake" && !tt.live {
					continue
				}
				r := run(t, s, on, replay.Options{Roles: []string{"responder"}})[0]
				g.Expect(r.Err).NotTo(HaveOccurred(), name)
				g.Expect(r.Passed()).To(BeFalse(), name)
				if tt.want == nil { // the data's length is that of the fixture
					g.Expect(r.Failures[0].Field).To(Equal("ICMP data"), name)
					continue
				}
				g.Expect(r.Failures).To(HaveLen(len(tt.want)), "%s:\n%s", name, problems([]replay.Result{r}))
				for i, f := range r.Failures {
					want := tt.want[i]
					g.Expect([]any{f.Requirement, f.Packet, f.Field}).To(Equal([]any{want.Requirement, want.Packet, want.Field}), "%s:\n%s", name, f.Text)
					if want.Want != "" && name == "fake" {
						g.Expect([]string{f.Want, f.Got}).To(Equal([]string{want.Want, want.Got}), name)
					}
				}
			}
		})
	}
}

// What a target reports of its memberships is held against the capture, repeated or not.
func TestAWrongReportInTheCapture(t *testing.T) {
	const join = "linux-igmpv3-mldv2-join-leave"
	group, other := netip.MustParseAddr("239.1.2.3"), netip.MustParseAddr("239.9.9.9")
	for _, tt := range []struct {
		name string
		edit edit
		live bool             // on the kernel too, where it takes seconds
		want []replay.Failure // but for Kind and Text
	}{
		{"record type of the join", set(1, igmp.Records.Is(igmp.Encode(igmp.IsEx(group)))), true, []replay.Failure{
			{Requirement: "RFC3376:4.2.12-1", Packet: 1, Field: "IGMPv3 report record type", Want: "2 in IS_EX(239.1.2.3 {})", Got: "4 in TO_EX(239.1.2.3 {})"},
		}},
		{"record type of the repeated leave", set(7, igmp.Records.Is(igmp.Encode(igmp.ToEx(group)))), false, []replay.Failure{
			{Requirement: "RFC3376:4.2.12-2", Packet: 7, Field: "IGMPv3 report record type", Want: "4 in TO_EX(239.1.2.3 {})", Got: "3 in TO_IN(239.1.2.3 {})"},
			{Requirement: "RFC3376:5.1-5", Packet: 7, Field: "IGMPv3 report record type", Want: "4 in TO_EX(239.1.2.3 {})", Got: "3 in TO_IN(239.1.2.3 {})"},
		}},
		{"group", set(4, igmp.Records.Is(igmp.Encode(igmp.ToEx(other)))), false, []replay.Failure{
			{Requirement: "RFC3376:4.2.4-1", Packet: 4, Field: "IGMPv3 report record group", Want: "239.9.9.9 in TO_EX(239.9.9.9 {})", Got: "239.1.2.3 in TO_EX(239.1.2.3 {})"},
		}},
		{"sources", set(5, igmp.Records.Is(igmp.Encode(igmp.ToIn(group, netip.MustParseAddr("203.0.113.1"))))), false, []replay.Failure{
			{Requirement: "RFC3376:4.2.7-1", Packet: 5, Field: "IGMPv3 report record sources"},
			{Requirement: "RFC3376:5.1-6", Packet: 5, Field: "IGMPv3 report record sources"},
		}},
		{"destination", set(1, ipv4.Dst.Is(igmp.AllRouters)), true, []replay.Failure{
			{Requirement: "RFC3376:4.2.14-1", Packet: 1, Field: "IPv4 destination", Want: "224.0.0.2", Got: "224.0.0.22"},
		}},
		{"time to live", set(5, ipv4.TTL.Is(2)), false, []replay.Failure{
			{Requirement: "RFC3376:4-2", Packet: 5, Field: "IPv4 time to live", Want: "2", Got: "1"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			s, err := loadEdited(t, join, tt.edit)
			g.Expect(err).NotTo(HaveOccurred())
			for name, on := range targets(t) {
				if name == "linux" && !tt.live {
					continue
				}
				r := run(t, s, on, replay.Options{})[0]
				g.Expect(r.Err).NotTo(HaveOccurred(), name)
				g.Expect(r.Failures).To(HaveLen(len(tt.want)), "%s:\n%s", name, problems([]replay.Result{r}))
				for i, f := range r.Failures {
					want := tt.want[i]
					g.Expect([]any{f.Requirement, f.Packet, f.Field}).To(Equal([]any{want.Requirement, want.Packet, want.Field}), "%s:\n%s", name, f.Text)
					if want.Want != "" {
						g.Expect([]string{f.Want, f.Got}).To(Equal([]string{want.Want, want.Got}), name)
					}
				}
			}
		})
	}
}

// The MTU that a router names is that of its second link.
func TestAWrongMTUInTheCapture(t *testing.T) {
	g := NewWithT(t)
	s, err := loadEdited(t, "linux-pmtu-ping4-df", set(2, icmpv4.MTU.Is(1300)))
	g.Expect(err).NotTo(HaveOccurred())
	for name, on := range targets(t) {
		r := run(t, s, on, replay.Options{Roles: []string{"router"}})[0]
		g.Expect(r.Failures).To(HaveLen(1), "%s:\n%s", name, problems([]replay.Result{r}))
		f := r.Failures[0]
		g.Expect([]any{f.Requirement, f.Packet, f.Field, f.Want, f.Got}).To(Equal([]any{"RFC1191:4-2", 2, "ICMP next-hop MTU", "1300", "1280"}), name)
	}
}

func TestTheTextOfAFailure(t *testing.T) {
	g := NewWithT(t)
	s, err := loadEdited(t, "linux-arp-ping4", set(3, arp.SenderMAC.Is(net.HardwareAddr{2, 0, 0, 0, 0x0a, 0xff})))
	g.Expect(err).NotTo(HaveOccurred())
	r := run(t, s, &fake{}, replay.Options{Roles: []string{"responder"}})[0]
	g.Expect(r.Failures[0].Text).To(Equal(`capture            packet 3 of linux-arp-ping4.pcap: 02:00:00:00:0a:02 > 02:00:00:00:0a:01, ARP reply 10.0.0.2 is-at 02:00:00:00:0a:ff
sent         0 ms  02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP request who-has 192.0.2.2 tell 192.0.2.1
want               02:00:00:00:00:02 > 02:00:00:00:00:01, ARP reply 192.0.2.2 is-at 02:00:00:00:0a:ff
got        0.1 ms  02:00:00:00:00:02 > 02:00:00:00:00:01, ARP reply 192.0.2.2 is-at 02:00:00:00:00:02
                   ar$sha is 02:00:00:00:00:02, want 02:00:00:00:0a:ff`))
}

func TestAMaskedFieldIsNotCompared(t *testing.T) {
	g := NewWithT(t)
	s, err := loadEdited(t, "linux-udp-closed", set(4, icmpv4.Code.Is(icmpv4.CodeHost)))
	g.Expect(err).NotTo(HaveOccurred())
	s.Masks = []replay.Mask{{Field: "ICMP code", Why: "for this test"}}
	g.Expect(problems(run(t, s, &fake{}, replay.Options{Roles: []string{"responder"}}))).To(BeEmpty())
}

// cutTo keeps the first n octets of each packet, as a small snapshot length does.
func cutTo(n int) edit {
	return func(p capture.Packet) *capture.Packet {
		p.Data = p.Data[:min(n, len(p.Data))]
		return &p
	}
}

func TestCutPackets(t *testing.T) {
	g := NewWithT(t)
	s, err := loadEdited(t, "linux-arp-ping4", cutTo(60))
	g.Expect(err).NotTo(HaveOccurred())
	results := run(t, s, &fake{}, replay.Options{})
	g.Expect(problems(results)).To(BeEmpty(), "both halves are refilled alike")
	g.Expect(results[0].Packets[3].Why).To(Equal("refilled with zero octets: the capture has cut it"))
	g.Expect(results[0].Packets[1].Why).To(BeEmpty())

	_, err = loadEdited(t, "linux-arp-ping4", cutTo(38))
	g.Expect(err).To(MatchError("linux-arp-ping4.yaml: packet 2 is cut to 38 of its 42 octets, and what is missing cannot be made up: record with a larger snapshot length"))
	_, err = loadEdited(t, "linux-udp-closed", cutTo(60))
	g.Expect(err).To(MatchError(ContainSubstring("packet 4 is cut to 60 of its 72 octets")), "what an error quotes cannot be made up")
}
