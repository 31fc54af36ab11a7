package judge

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/capture"
)

func judgeOne(opts Options, f Frame) ([]Finding, []Count) {
	j := New(opts)
	return j.Frame(f), j.NotJudged()
}

// Frames that look odd and break nothing.
func TestNothingToFind(t *testing.T) {
	udp := udpOf()
	noChecksum := udpOf(func(s *segment) { s.checksum = 0 })
	for _, tt := range []struct {
		name   string
		opts   Options
		before []step
		frame  []byte
	}{
		{"a unicast request is a poll (RFC 1122, 2.3.2.1)", Options{}, nil, arpOf(arpAsk, func(p *arpPacket) { p.dst = macB })},
		{"a gratuitous reply is broadcast", Options{}, nil, arpOf(arpAnswer, func(p *arpPacket) { p.dst, p.tha, p.tpa = broadcastMAC, macA, ipA })},
		{"ar$tha of a request may hold anything", Options{}, nil, arpOf(arpAsk, func(p *arpPacket) { p.tha = broadcastMAC })},
		{"a host may have several hardware addresses", Options{}, nil, arpOf(arpAnswer, func(p *arpPacket) { p.sha[5]++ })},
		{"a reply to one of two requesters", Options{}, []step{
			heard(arpOf(arpAsk, func(p *arpPacket) { p.sha, p.spa, p.tpa = macB, "192.0.2.8", ipA })),
			heard(arpOf(arpAsk, func(p *arpPacket) { p.sha, p.spa, p.tpa = macB, ipB, ipA }))}, arpOf(arpAnswer)},
		{"hardware type 6 with SNAP (RFC 1042)", Options{}, nil, frame{dst: broadcastMAC, src: macA, kind: -1,
			snap: []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 6}, body: arpOf(arpAsk, func(p *arpPacket) { p.hrd = 6 })[14:]}.bytes()},
		{"hardware type 6 as in the request, without SNAP", Options{},
			[]step{heard(arpOf(arpAsk, func(p *arpPacket) { p.hrd, p.sha, p.spa, p.tpa = 6, macB, ipB, ipA }))},
			arpOf(arpAnswer, func(p *arpPacket) { p.hrd = 6 })},
		{"ARP for trailers (RFC 893)", Options{}, nil, arpOf(arpAsk, func(p *arpPacket) { p.pro = 0x1001 })},
		{"the same identification with DF", Options{}, []step{said(ip(protoUDP, udp))}, ip(protoUDP, udp)},
		{"a checksum left out (RFC 768)", Options{}, []step{said(ip(protoUDP, noChecksum))}, ip(protoUDP, noChecksum)},
		{"octets behind the UDP length may be options (RFC 9868)", Options{}, nil, ip(protoUDP, udpOf(func(s *segment) { s.extra = []byte{0, 0} }))},
		{"a trailer behind the shortest frame is no padding", Options{}, nil, ip(protoUDP, udp, func(h *header) { h.pad = []byte{0, 0, 0, 0, 1, 2, 3, 4, 5, 6} })},
		{"what may be a directed broadcast goes to all", Options{}, nil, ip(protoUDP, udp, func(h *header) { h.linkDst, h.dst = broadcastMAC, "192.0.2.63" })},
		{"loopback without link addresses", Options{}, nil, loopback(ip(protoUDP, udp, func(h *header) { h.src, h.dst = "127.0.0.1", "127.0.0.1" }))},
		{"merged segments", Options{}, nil, ip(protoTCP, tcpOf(func(s *tcpSegment) { s.data = make([]byte, 8980) }))},
		{"merged segments without a total length", Options{}, nil, zeroTotal(ip(protoTCP, tcpOf(func(s *tcpSegment) { s.data = make([]byte, 8980) })))},
		{"a report without an address (RFC 3376, 4.2.13)", Options{}, nil,
			igmpOf(igmpMessage(igmpV3Report, 0, []byte{0, 0, 0, 0}), "224.0.0.22", func(h *header) { h.src = "0.0.0.0" })},
		{"a header's quote of a datagram shorter than 8 octets", Options{}, nil,
			ip(protoICMP, icmpOf(icmpUnreachable, 2, make([]byte, 4), datagramOf(sent(99, raw([]byte{1})))))},
		{"an error about a reassembled datagram", Options{}, []step{heard(sent(protoUDP, udp, func(h *header) { h.frag = 0x2000 }))},
			ip(protoICMP, icmpOf(icmpUnreachable, 3, make([]byte, 4), datagramOf(sent(protoUDP, udp, func(h *header) { h.frag = 0 }))))},
		{"echo replies of several hosts to a broadcast", Options{},
			[]step{heard(sent(protoICMP, icmpOf(icmpEcho, 0, []byte{0, 1, 0, 1}, nil), func(h *header) { h.dst = "192.0.2.255" }))},
			ip(protoICMP, icmpOf(icmpEchoReply, 0, []byte{0, 1, 0, 1}, nil))},
		{"a VLAN tag", Options{}, nil, tagged(ip(protoUDP, udp))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := findings(tt.opts, tt.before, tt.frame); len(got) > 0 {
				t.Errorf("findings: %v\n% x", got, tt.frame)
			}
		})
	}
}

func loopback(b []byte) []byte { b = slices.Clone(b); clear(b[:12]); return b }

func tagged(b []byte) []byte { return join(b[:12], []byte{0x81, 0, 0, 5}, b[12:]) }

func zeroTotal(b []byte) []byte {
	b = slices.Clone(b)
	b[16], b[17] = 0, 0
	copy(b[14:34], seal(b[14:34], 10))
	return b
}

func TestWhatIsBehindATagIsJudged(t *testing.T) {
	got, _ := judgeOne(Options{}, Frame{Link: capture.Ethernet, FromTarget: true, Data: tagged(ip(protoUDP, udpOf(), func(h *header) { h.ttl = 0 }))})
	if !slices.Equal(names(got), []string{"ipv4.ttl"}) || got[0].Offset != 14+4+8 {
		t.Errorf("findings %v, want ipv4.ttl at octet 26", got)
	}
}

func TestFramesOfOthersAreContext(t *testing.T) {
	for _, r := range rows() {
		if got, counts := judgeOne(r.opts, Frame{Link: capture.Ethernet, Data: r.bad}); got != nil || counts != nil {
			t.Errorf("%s: a frame that is not the target's has findings %v, counts %v", r.rule, got, counts)
		}
	}
}

// A cut frame is judged as far as it goes: never is the cut itself a fault.
func TestCutFrames(t *testing.T) {
	for _, r := range rows() {
		for n := range r.good {
			j := New(r.opts)
			for _, s := range r.before {
				j.Frame(Frame{Link: capture.Ethernet, Data: s.frame, FromTarget: s.fromTarget})
			}
			if got := j.Frame(Frame{Link: capture.Ethernet, Data: r.good[:n], FromTarget: true, Truncated: true}); len(got) > 0 {
				t.Errorf("the good frame of %s, cut to %d of %d octets: %v", r.rule, n, len(r.good), got)
			}
		}
	}
}

func TestChecksumNotReady(t *testing.T) {
	b := ip(protoUDP, udpOf(func(s *segment) { s.checksum = 0x0101 }), func(h *header) { h.checksum = 0 })
	got, counts := judgeOne(Options{}, Frame{Link: capture.Ethernet, Data: b, FromTarget: true, ChecksumNotReady: true})
	if len(got) > 0 || !slices.Equal(counts, []Count{{"checksums left to a network card", 1}}) {
		t.Errorf("findings %v, not judged %v", got, counts)
	}
}

func TestNotJudged(t *testing.T) {
	j := New(Options{})
	for _, f := range []Frame{
		{Link: capture.LinkFDDI, Data: []byte{1, 2, 3}},
		{Link: capture.Ethernet, Data: frame{kind: 0x88cc, body: make([]byte, 40)}.bytes()},
		{Link: capture.Ethernet, Data: frame{kind: 0x88cc, body: make([]byte, 40)}.bytes()},
		{Link: capture.Ethernet, Data: ip(99, raw(make([]byte, 20)))},
		{Link: capture.Ethernet, Data: []byte{1, 2, 3}},
	} {
		f.FromTarget = true
		if got := j.Frame(f); len(got) > 0 {
			t.Errorf("findings %v", got)
		}
	}
	want := []Count{{"LLDP", 2}, {"IP protocol 99", 1}, {"frames shorter than their link header", 1}, {"link type fddi", 1}}
	if got := j.NotJudged(); !slices.Equal(got, want) {
		t.Errorf("not judged %v, want %v", got, want)
	}
	if Reads(capture.LinkFDDI) || !Reads(capture.Ethernet) || !Reads(capture.IEEE802154) {
		t.Error("Reads is wrong about FDDI, Ethernet or IEEE 802.15.4")
	}
}

// The same datagram is found faulty on every link type that carries it.
func TestLinkTypes(t *testing.T) {
	d := datagramOf(ip(protoUDP, udpOf(), func(h *header) { h.ttl = 0 }))
	for _, tt := range []struct {
		link   capture.LinkType
		header []byte
	}{
		{capture.RawIP, nil},
		{capture.IPv4, nil},
		{capture.Null, []byte{2, 0, 0, 0}},
		{capture.Null, []byte{0, 0, 0, 2}},
		{capture.LinuxSLL, join(make([]byte, 14), []byte{8, 0})},
		{capture.LinuxSLL2, join([]byte{8, 0}, make([]byte, 18))},
	} {
		got, _ := judgeOne(Options{}, Frame{Link: tt.link, Data: join(tt.header, d), FromTarget: true})
		if !slices.Equal(names(got), []string{"ipv4.ttl"}) || got[0].Offset != len(tt.header)+8 {
			t.Errorf("%v: findings %v, want ipv4.ttl at octet %d", tt.link, got, len(tt.header)+8)
		}
	}
}

func TestCheckOffload(t *testing.T) {
	h := header{src: ipA, dst: ipB, proto: protoUDP}
	pseudo := int(slowSum(h.pseudo(8 + 22)))
	for _, tt := range []struct {
		name              string
		frame             []byte
		transport, header Signature
	}{
		{"right", ip(protoUDP, udpOf()), Computed, Computed},
		{"pseudo header only", ip(protoUDP, udpOf(func(s *segment) { s.checksum = pseudo })), Unfinished, Computed},
		{"wrong", ip(protoUDP, udpOf(func(s *segment) { s.checksum = pseudo + 1 })), Wrong, Computed},
		{"left out", ip(protoUDP, udpOf(func(s *segment) { s.checksum = 0 })), NoSignature, Computed},
		{"a fragment", ip(protoUDP, udpOf(), func(h *header) { h.frag = 0x2000 }), NoSignature, Computed},
		{"header left out", ip(protoUDP, udpOf(), func(h *header) { h.checksum = 0 }), Computed, Unfinished},
		{"header wrong", ip(protoUDP, udpOf(), func(h *header) { h.checksum = 1 }), Computed, Wrong},
		{"ICMP", ip(protoICMP, icmpOf(icmpEcho, 0, make([]byte, 4), nil)), NoSignature, Computed},
	} {
		c, ok := CheckOffload(capture.Ethernet, tt.frame)
		if !ok || c.Transport != tt.transport || c.Header != tt.header || c.Source.String() != ipA {
			t.Errorf("%s: %+v, %v; want transport %d, header %d", tt.name, c, ok, tt.transport, tt.header)
		}
	}
	if _, ok := CheckOffload(capture.Ethernet, arpOf(arpAsk)); ok {
		t.Error("ARP has no IPv4 header")
	}
}

func TestFindingString(t *testing.T) {
	got := findings(Options{}, nil, ip(protoUDP, udpOf(), func(h *header) { h.ttl = 0 }))
	want := "RFC1122:3.2.1.7-1 time to live: got 0, want 1 or more (octet 22; a datagram with TTL 0 is not sent)"
	if len(got) != 1 || got[0].String() != want {
		t.Errorf("%v\nwant %s", got, want)
	}
}

// The law: whatever octets come, every finding is of a rule in the table, points into the frame or at its end, and
// the judge keeps nothing of the frame: when the caller writes over it, later verdicts stay the same.
func FuzzFrame(f *testing.F) {
	for _, r := range rows() {
		f.Add(uint16(capture.Ethernet), r.good, r.bad)
	}
	f.Add(uint16(capture.RawIP), datagramOf(ip(protoUDP, udpOf())), []byte{0x45})
	known := map[string]bool{}
	for _, r := range Rules() {
		known[r.Name] = true
	}
	f.Fuzz(func(t *testing.T, link uint16, first, second []byte) {
		kept, spoiled := New(Options{}), New(Options{})
		l := capture.LinkType(link)
		kept.Frame(Frame{Link: l, Data: first, FromTarget: true})
		again := bytes.Clone(first)
		spoiled.Frame(Frame{Link: l, Data: again, FromTarget: true})
		clear(again)
		want := kept.Frame(Frame{Link: l, Data: second, FromTarget: true})
		got := spoiled.Frame(Frame{Link: l, Data: second, FromTarget: true})
		if !slices.Equal(got, want) {
			t.Fatalf("findings %v, but %v when the frame before is kept", got, want)
		}
		for _, found := range got {
			if !known[found.Rule] || found.Offset < 0 || found.Offset > len(second) || strings.Contains(found.String(), "\n") {
				t.Fatalf("finding %+v of a frame of %d octets", found, len(second))
			}
		}
	})
}
