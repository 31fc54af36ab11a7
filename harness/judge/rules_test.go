package judge

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/requirement"
)

// target is a host whose addresses are known.
var target = Options{Target: &Target{MAC: macA[:], Addrs: []netip.Addr{netip.MustParseAddr(ipA)}, Prefix: netip.MustParsePrefix("192.0.2.0/24")}}

// A step is a frame before the one that is judged: the tester's, or the target's.
type step struct {
	frame      []byte
	fromTarget bool
}

func heard(b []byte) step { return step{b, false} }
func said(b []byte) step  { return step{b, true} }

// A row is one rule: what came before, a frame in which nothing is wrong, and the same frame with one fault.
type row struct {
	rule      string
	why       string // for a second row of a rule
	opts      Options
	before    []step
	good, bad []byte
	link      capture.LinkType // 0 is Ethernet
}

func findings(opts Options, before []step, b []byte) []Finding {
	return findingsOn(capture.Ethernet, opts, before, b)
}

func findingsOn(link capture.LinkType, opts Options, before []step, b []byte) []Finding {
	j := New(opts)
	for i, s := range before {
		j.Frame(Frame{Time: time.Duration(i+1) * time.Millisecond, Link: link, Data: s.frame, FromTarget: s.fromTarget})
	}
	return j.Frame(Frame{Time: time.Second, Link: link, Data: b, FromTarget: true})
}

func names(all []Finding) []string {
	out := []string{}
	for _, f := range all {
		out = append(out, f.Rule)
	}
	return out
}

func TestEachRule(t *testing.T) {
	tested := map[string]bool{}
	for _, r := range rows() {
		tested[r.rule] = true
		name := r.rule
		if r.why != "" {
			name += "/" + r.why
		}
		t.Run(name, func(t *testing.T) {
			link := cmp.Or(r.link, capture.Ethernet)
			if got := findingsOn(link, r.opts, r.before, r.good); len(got) != 0 {
				t.Errorf("the good frame has findings: %v\n% x", got, r.good)
			}
			got := findingsOn(link, r.opts, r.before, r.bad)
			if !slices.Equal(names(got), []string{r.rule}) {
				t.Errorf("the spoiled frame has findings %v, want %s\n% x", got, r.rule, r.bad)
				return
			}
			f := got[0]
			if f.Got == "" || f.Want == "" || f.Got == f.Want || f.Offset < 0 || f.Offset > len(r.bad) || strings.Contains(f.String(), "\n") {
				t.Errorf("the finding does not explain itself: %+v", f)
			}
		})
	}
	for _, r := range Rules() {
		if !tested[r.Name] {
			t.Errorf("rule %s has no row: nobody knows whether it can find anything", r.Name)
		}
	}
}

func TestRulesAreInTheCatalogue(t *testing.T) {
	catalogue, err := requirement.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Name] {
			t.Errorf("two rules are called %s", r.Name)
		}
		seen[r.Name] = true
		if _, ok := catalogue.Get(r.Requirement); !ok {
			t.Errorf("rule %s stands for %s, which the catalogue does not hold", r.Name, r.Requirement)
		}
		if r.Field == "" || r.Text == "" {
			t.Errorf("rule %s lacks a field or a text", r.Name)
		}
	}
	var table strings.Builder
	if err := PrintRules(&table); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(table.String(), "\n"); n != len(Rules())+1 {
		t.Errorf("the printed table has %d lines, want one a rule and a heading:\n%s", n, table.String())
	}
}

func rows() []row {
	return slices.Concat(ethernetRows(), arpRows(), ipv4Rows(), optionRows(), icmpRows(), icmpErrorRows(), udpRows(), tcpRows(), igmpRows(),
		ipv6Rows(), icmpv6Rows(), icmpv6ErrorRows(), ndRows(), mldRows(), udp6Rows(), macRows(), lowpanRows())
}

func ethernetRows() []row {
	udp := udpOf()
	small := udpOf(func(s *segment) { s.data = nil })
	snap := func(h *header) { h.snap = snapIP }
	return []row{
		{rule: "ethernet.short", opts: Options{Wire: true},
			good: ip(protoUDP, small, func(h *header) { h.pad = make([]byte, 18) }),
			bad:  ip(protoUDP, small, func(h *header) { h.pad = make([]byte, 17) })},
		{rule: "ethernet.padding",
			good: ip(protoUDP, small, func(h *header) { h.pad = make([]byte, 18) }),
			bad:  ip(protoUDP, small, func(h *header) { h.pad = append(make([]byte, 17), 1) })},
		{rule: "ethernet.padding", why: "of ARP",
			good: arpOf(arpAsk, func(p *arpPacket) { p.behindTheData = make([]byte, 18) }),
			bad:  arpOf(arpAsk, func(p *arpPacket) { p.behindTheData = append([]byte{9}, make([]byte, 17)...) })},
		{rule: "802.3.padding",
			good: ip(protoUDP, small, snap, func(h *header) { h.pad = make([]byte, 10) }),
			bad:  ip(protoUDP, small, snap, func(h *header) { h.pad = append(make([]byte, 9), 1) })},
		{rule: "ethernet.mtu", opts: Options{Wire: true},
			good: ip(protoUDP, udpOf(func(s *segment) { s.data = make([]byte, 1472) })),
			bad:  ip(protoUDP, udpOf(func(s *segment) { s.data = make([]byte, 1473) }))},
		{rule: "ethernet.mtu", why: "a message that no card merges",
			good: ip(protoICMP, icmpOf(icmpEcho, 0, make([]byte, 4), make([]byte, 1472))),
			bad:  ip(protoICMP, icmpOf(icmpEcho, 0, make([]byte, 4), make([]byte, 1473)))},
		{rule: "802.3.mtu", opts: Options{Wire: true},
			good: ip(protoUDP, udpOf(func(s *segment) { s.data = make([]byte, 1464) }), snap),
			bad:  ip(protoUDP, udpOf(func(s *segment) { s.data = make([]byte, 1465) }), snap)},
		{rule: "802.3.length",
			good: ip(protoUDP, udp, snap),
			bad:  ip(protoUDP, udp, snap, func(h *header) { h.lengthFld = 1000 })},
		{rule: "802.2.ip-sap",
			good: frame{dst: macB, src: macA, kind: -1, snap: []byte{0x42, 0x42, 3}, body: make([]byte, 43)}.bytes(),
			bad:  frame{dst: macB, src: macA, kind: -1, snap: []byte{6, 6, 3}, body: make([]byte, 43)}.bytes()},
		{rule: "802.2.control",
			good: ip(protoUDP, udp, snap),
			bad:  ip(protoUDP, udp, func(h *header) { h.snap = []byte{0xaa, 0xaa, 0x13, 0, 0, 0, 8, 0} })},
		{rule: "ethernet.broadcast-unicast",
			good: ip(protoUDP, udp, func(h *header) { h.linkDst, h.dst = broadcastMAC, "255.255.255.255" }),
			bad:  ip(protoUDP, udp, func(h *header) { h.linkDst = broadcastMAC })},
		{rule: "ethernet.ip-broadcast",
			good: ip(protoUDP, udp, func(h *header) { h.linkDst, h.dst = broadcastMAC, "255.255.255.255" }),
			bad:  ip(protoUDP, udp, func(h *header) { h.dst = "255.255.255.255" })},
		{rule: "ethernet.ip-multicast",
			good: ip(protoUDP, udp, func(h *header) { h.dst = "239.129.2.3" }),
			bad:  ip(protoUDP, udp, func(h *header) { h.dst, h.linkDst = "239.129.2.3", [6]byte{1, 0, 0x5e, 0x81, 2, 3} })},
	}
}

func arpRows() []row {
	ask, answer := arpOf(arpAsk), arpOf(arpAnswer)
	asked := []step{heard(arpOf(arpAsk, func(p *arpPacket) { p.src, p.sha, p.spa, p.tpa = macB, macB, ipB, ipA }))}
	spoil := func(rule string, op uint16, change func(p *arpPacket)) row {
		good := ask
		if op == arpAnswer {
			good = answer
		}
		return row{rule: rule, good: good, bad: arpOf(op, change)}
	}
	known := func(r row, why string) row { r.opts, r.why = target, why; return r }
	return []row{
		spoil("arp.request.hrd", arpAsk, func(p *arpPacket) { p.hrd = 6 }),
		spoil("arp.request.pro", arpAsk, func(p *arpPacket) { p.pro = typeARP }),
		spoil("arp.request.hln", arpAsk, func(p *arpPacket) { p.hln = 8 }),
		spoil("arp.request.pln", arpAsk, func(p *arpPacket) { p.pln = 6 }),
		spoil("arp.op", arpAsk, func(p *arpPacket) { p.op = 0 }),
		spoil("arp.request.short", arpAsk, func(p *arpPacket) { p.cut = 1 }),
		spoil("arp.reply.short", arpAnswer, func(p *arpPacket) { p.cut = 4 }),
		spoil("arp.request.sha", arpAsk, func(p *arpPacket) { p.sha[0] |= 1 }),
		spoil("arp.reply.sha", arpAnswer, func(p *arpPacket) { p.sha = [6]byte{} }),
		known(spoil("arp.reply.sha", arpAnswer, func(p *arpPacket) { p.sha[5]++ }), "known"),
		spoil("arp.request.spa", arpAsk, func(p *arpPacket) { p.spa = "224.0.0.1" }),
		known(spoil("arp.request.spa", arpAsk, func(p *arpPacket) { p.spa = "192.0.2.77" }), "known"),
		spoil("arp.reply.spa", arpAnswer, func(p *arpPacket) { p.spa = "0.0.0.0" }),
		spoil("arp.request.multicast", arpAsk, func(p *arpPacket) { p.dst = [6]byte{1, 0, 0x5e, 0, 0, 1} }),
		spoil("arp.request.group", arpAsk, func(p *arpPacket) { p.tpa = "224.0.0.9" }),
		spoil("arp.request.ll-broadcast", arpAsk, func(p *arpPacket) { p.tpa = "169.254.255.255" }),
		{rule: "arp.probe.tha", good: arpOf(arpAsk, func(p *arpPacket) { p.spa = "0.0.0.0" }),
			bad: arpOf(arpAsk, func(p *arpPacket) { p.spa, p.tha = "0.0.0.0", broadcastMAC })},
		{rule: "arp.request.link-local", good: arpOf(arpAsk, func(p *arpPacket) { p.spa = "169.254.1.2" }),
			bad: arpOf(arpAsk, func(p *arpPacket) { p.spa, p.dst = "169.254.1.2", macB })},
		{rule: "arp.reply.link-local", good: arpOf(arpAnswer, func(p *arpPacket) { p.spa, p.dst = "169.254.1.2", broadcastMAC }),
			bad: arpOf(arpAnswer, func(p *arpPacket) { p.spa = "169.254.1.2" })},
		spoil("arp.reply.types", arpAnswer, func(p *arpPacket) { p.hrd = 2 }),
		spoil("arp.reply.types", arpAnswer, func(p *arpPacket) { p.hrd = 6 }),
		{rule: "arp.reply.target", why: "address", before: asked, good: answer, bad: arpOf(arpAnswer, func(p *arpPacket) { p.tpa = "192.0.2.9" })},
		{rule: "arp.reply.target", why: "hardware", before: asked, good: answer, bad: arpOf(arpAnswer, func(p *arpPacket) { p.tha[5]++; p.dst[5]++ })},
		spoil("arp.reply.destination", arpAnswer, func(p *arpPacket) { p.dst[5]++ }),
		spoil("arp.reply.broadcast", arpAnswer, func(p *arpPacket) { p.dst = broadcastMAC }),
	}
}

func ipv4Rows() []row {
	udp := udpOf()
	eight := raw(make([]byte, 16))
	good := ip(protoUDP, udp)
	spoil := func(rule string, change func(h *header)) row {
		return row{rule: rule, good: good, bad: ip(protoUDP, udp, change)}
	}
	known := func(r row, why string) row { r.opts, r.why = target, why; return r }
	whole := func(h *header) { h.frag = 0 }
	another := func(h *header) { h.frag, h.id = 0, 8 }
	part := func(frag uint16) []byte { return ip(protoUDP, eight, func(h *header) { h.frag = frag }) }
	return []row{
		spoil("ipv4.version", func(h *header) { h.first = 0x55 }),
		{rule: "ipv4.short", good: good, bad: good[:14+19]},
		{rule: "ipv4.short", why: "options", good: good, bad: ip(protoUDP, raw(nil), func(h *header) { h.first, h.total = 0x46, 24 })},
		spoil("ipv4.ihl", func(h *header) { h.first = 0x44 }),
		spoil("ipv4.total-length", func(h *header) { h.total = 51 }),
		spoil("ipv4.total-length", func(h *header) { h.total = 19 }),
		spoil("ipv4.checksum", func(h *header) { h.checksum = 0x1234 }),
		spoil("ipv4.ttl", func(h *header) { h.ttl = 0 }),
		spoil("ipv4.reserved-flag", func(h *header) { h.frag |= 0x8000 }),
		{rule: "ipv4.fragment.multiple", good: part(0x2000), bad: ip(protoUDP, raw(make([]byte, 17)), func(h *header) { h.frag = 0x2000 })},
		{rule: "ipv4.fragment.df", good: part(0x2002), bad: part(0x6002)},
		{rule: "ipv4.fragment.end", good: part(0x1ffb), bad: part(0x1ffc)},
		spoil("ipv4.source.broadcast", func(h *header) { h.src = "255.255.255.255" }),
		known(spoil("ipv4.source.broadcast", func(h *header) { h.src = "192.0.2.255" }), "directed"),
		spoil("ipv4.source.multicast", func(h *header) { h.src = "224.0.0.5" }),
		spoil("ipv4.source.own", func(h *header) { h.src = "127.0.0.1" }),
		known(spoil("ipv4.source.own", func(h *header) { h.src = "192.0.2.9" }), "known"),
		{rule: "ipv4.source.own", why: "none", good: ip(protoICMP, icmpOf(icmpEcho, 0, make([]byte, 4), nil)),
			bad: ip(protoICMP, icmpOf(icmpEcho, 0, make([]byte, 4), nil), func(h *header) { h.src = "0.0.0.0" })},
		spoil("ipv4.destination.zero", func(h *header) { h.dst = "0.0.0.0" }),
		{rule: "ipv4.id.reuse", why: "whole", before: []step{said(ip(protoUDP, udp, whole))}, good: ip(protoUDP, udp, another), bad: ip(protoUDP, udp, whole)},
		{rule: "ipv4.id.reuse", why: "fragments", before: []step{said(part(0x2000)), said(part(0x2002))}, good: part(0x0004), bad: part(0x2000)},
		{rule: "ipv4.id.reuse", why: "mirrored: other data", opts: Options{Mirrored: true}, before: []step{said(ip(protoUDP, udp, whole))},
			good: ip(protoUDP, udp, whole), bad: ip(protoUDP, udpOf(func(s *segment) { s.data[0] = 'T' }), whole)},
	}
}

func optionRows() []row {
	udp := udpOf()
	with := func(frag uint16, o ...byte) []byte {
		return ip(protoUDP, udp, func(h *header) { h.options, h.frag = o, frag })
	}
	route := []byte{optRecord, 7, 4, 0, 0, 0, 0, 0}
	stamp := []byte{optTimestamp, 8, 5, 0, 0, 0, 0, 0}
	loose := []byte{optLoose, 7, 4, 192, 0, 2, 7, 0}
	strict := []byte{optStrict, 7, 4, 192, 0, 2, 7, 0}
	nop := []byte{optNop, optNop, optNop, 0}
	twice := func(o []byte) []byte { return append(append([]byte{optNop}, o[:7]...), o[:8]...) }
	spoil := func(o []byte, at int, v byte) []byte { o = slices.Clone(o); o[at] = v; return o }
	const df, later = 0x4000, 0x0004
	return []row{
		{rule: "ipv4.option.length", good: with(df, route...), bad: with(df, spoil(route, 1, 1)...)},
		{rule: "ipv4.option.beyond", good: with(df, route...), bad: with(df, spoil(route, 1, 9)...)},
		{rule: "ipv4.option.beyond", why: "without a length", good: with(df, nop...), bad: with(df, spoil(nop, 3, optAlert)...)},
		{rule: "ipv4.option.padding", good: with(df, optNop, 0, 0, 0), bad: with(df, optNop, 0, 0, 1)},
		{rule: "ipv4.option.copied", good: with(later, optAlert, 4, 0, 0), bad: with(later, 25, 4, 0, 0)},
		{rule: "ipv4.option.record-route.copied", good: with(df, route...), bad: with(later, route...)},
		{rule: "ipv4.option.timestamp.copied", good: with(df, stamp...), bad: with(later, stamp...)},
		{rule: "ipv4.option.record-route.pointer", good: with(df, route...), bad: with(df, spoil(route, 2, 3)...)},
		{rule: "ipv4.option.loose-route.pointer", good: with(df, loose...), bad: with(df, spoil(loose, 2, 3)...)},
		{rule: "ipv4.option.strict-route.pointer", good: with(df, strict...), bad: with(df, spoil(strict, 2, 0)...)},
		{rule: "ipv4.option.timestamp.pointer", good: with(df, stamp...), bad: with(df, spoil(stamp, 2, 4)...)},
		{rule: "ipv4.option.timestamp.flag", good: with(df, stamp...), bad: with(df, spoil(stamp, 3, 2)...)},
		{rule: "ipv4.option.record-route.once", good: with(df, route...), bad: with(df, twice(route)...)},
		{rule: "ipv4.option.timestamp.once", good: with(df, stamp...), bad: with(df, append(slices.Clone(stamp), stamp...)...)},
		{rule: "ipv4.option.security.once", good: with(df, optSecurity, 4, 0, 0), bad: with(df, optSecurity, 4, 0, 0, optSecurity, 4, 0, 0)},
		{rule: "ipv4.option.one-route", good: with(df, loose...), bad: with(df, append(append([]byte{optNop}, loose[:7]...), strict...)...)},
		{rule: "ipv4.option.stream", good: with(df, optAlert, 4, 0, 0), bad: with(df, optStream, 4, 0, 0)},
		{rule: "ipv4.option.group", good: with(df, loose...), bad: with(df, spoil(loose, 3, 224)...)},
	}
}
