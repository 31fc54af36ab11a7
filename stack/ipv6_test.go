package stack_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

func TestEcho6(t *testing.T) { // RFC 4443, 4.2
	k := staticKit6(t, still())
	k.meet6(tester6)
	k.meet6(testerLL)
	k.send(echo6(tester6, node6, "ping"))
	k.want("an echo comes back whole", `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "ping"`)
	k.send(echo6(testerLL, nodeLL, ""))
	k.want("between link-local addresses, too", `00:01 fe80::ff:fe00:2 > fe80::1 ICMP6 echo-reply id 7 seq 1 ""`)
	k.send(echo6(tester6, allNodes, "all"))
	k.want("a group is answered from an address of its own", `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "all"`)
	k.send(echo6(testerLL, allNodes, "all"))
	k.want("whose scope is that of the one who asks", `00:01 fe80::ff:fe00:2 > fe80::1 ICMP6 echo-reply id 7 seq 1 "all"`)
}

func TestPacketsThatAreDropped6(t *testing.T) { // RFC 8200, 3; RFC 4291, 2.5 to 2.7
	k := staticKit6(t, still())
	k.meet6(tester6)
	mcast := func(s string) ipv6.Addr { return ipv6.MustParseAddr(s) }
	for _, tt := range []struct {
		name  string
		frame []byte
		why   stats.Drop
	}{
		{"another version", func() []byte { f := echo6(tester6, node6, "x"); f[14] = 0x40; return f }(), stats.IPVersion},
		{"cut in its header", echo6(tester6, node6, "x")[:14+39], stats.IPInvalid},
		{"shorter than its payload length", frame6(ipv6.Header{NextHeader: codec.UDP, PayloadLen: 9}, make([]byte, 8)), stats.IPLength},
		{"from a group", echo6(allNodes, node6, "x"), stats.IPSource},
		{"from the loopback address", echo6(ipv6.Loopback, node6, "x"), stats.IPSource},
		{"from an address of ours", echo6(node6, node6, "x"), stats.IPSource},
		{"from an address of IPv4", echo6(mcast("::ffff:192.0.2.1"), node6, "x"), stats.IPSource},
		{"to the loopback address", echo6(tester6, ipv6.Loopback, "x"), stats.IPDestination},
		{"to another host", echo6(tester6, mcast("2001:db8::99"), "x"), stats.IPDestination},
		{"to a group of the interface itself", echo6(tester6, mcast("ff01::1"), "x"), stats.OtherStation + 0},
		{"an echo from ::", frame6From("::", node6), stats.ICMPIgnored},
		{"a bad checksum", func() []byte { f := echo6(tester6, node6, "x"); f[len(f)-1] ^= 1; return f }(), stats.ICMPChecksum},
		{"ICMPv6 cut short", icmp6(ipv6.Header{}, []byte{128, 0, 0, 0}), stats.ICMPInvalid},
		{"an unknown message that is no error", icmp6(ipv6.Header{}, []byte{200, 0, 0, 0, 0, 0, 0, 0}), stats.ICMPUnknown},
		{"UDP without checksum", frame6(ipv6.Header{NextHeader: codec.UDP}, octets6(t, "0007000700080000")), stats.UDPChecksum},
	} {
		before := k.node.Stats().Drops
		k.send(tt.frame)
		k.quiet(tt.name)
		after := k.node.Stats().Drops
		if tt.why == stats.OtherStation || tt.why == stats.UDPChecksum {
			continue // silence is what counts
		}
		if after[tt.why] != before[tt.why]+1 {
			t.Errorf("%s: not counted as %v", tt.name, tt.why)
		}
	}
}

func frame6From(src string, dst ipv6.Addr) []byte {
	m := icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 1, 1))
	s := ipv6.MustParseAddr(src)
	icmpv6.Seal(m, ipv6.Pseudo(s, dst, codec.ICMPv6))
	return frameFrom6(testerMAC, ipv6.Header{NextHeader: codec.ICMPv6, HopLimit: 64, Src: s, Dst: dst, PayloadLen: uint16(len(m))}, m)
}

// chain makes a packet of headers in front of an echo request: each is given its Next Header here.
func chain(dst ipv6.Addr, headers ...[]byte) []byte {
	m := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 7, 1)), "x"...)
	icmpv6.Seal(m, ipv6.Pseudo(tester6, dst, codec.ICMPv6))
	var payload []byte
	for i, h := range headers {
		h = append([]byte(nil), h[1:]...) // the first octet says what it is
		h[0] = byte(codec.ICMPv6)
		if i+1 < len(headers) {
			h[0] = headers[i+1][0]
		}
		payload = append(payload, h...)
	}
	first := codec.ICMPv6
	if len(headers) > 0 {
		first = codec.Protocol(headers[0][0])
	}
	return frame6(ipv6.Header{NextHeader: first, Dst: dst}, append(payload, m...))
}

func options(p codec.Protocol, o ipv6.Options) []byte {
	return append([]byte{byte(p)}, ipv6.AppendOptions(nil, ipv6.OptionsHeader{Options: o})...)
}

func routing(typ, left uint8) []byte {
	return append([]byte{byte(codec.Routing)}, ipv6.AppendRouting(nil, ipv6.RoutingHeader{Type: typ, SegsLeft: left, Data: make([]byte, 20)})...)
}

func atomic() []byte {
	return append([]byte{byte(codec.Fragment)}, ipv6.AppendFragment(nil, ipv6.FragmentHeader{ID: 1})...)
}

const echoReply6 = `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "x"`

// Headers in any order and any number of times are taken (RFC 8200, 4.1); what cannot be is told with the octet where it
// stands (4, 4.4).
func TestExtensionHeaders(t *testing.T) {
	pad := ipv6.Options(nil).Pad()
	hbh, dst := options(codec.HopByHop, pad), options(codec.DestOpts, pad)
	problem := func(code, at int) string {
		return fmt.Sprintf("00:01 2001:db8::2 > 2001:db8::1 ICMP6 parameter-problem code %d at %d [", code, at)
	}
	for _, tt := range []struct {
		name    string
		headers [][]byte
		want    string // "": dropped silently
	}{
		{"none", nil, echoReply6},
		{"each once, in the order recommended", [][]byte{hbh, dst, routing(2, 0), atomic(), dst}, echoReply6},
		{"another order", [][]byte{atomic(), dst, routing(0, 0), dst}, echoReply6},
		{"many", [][]byte{dst, dst, dst, dst, dst, dst, dst, dst}, echoReply6},
		{"more than are looked at", append(make17(dst), dst), ""},
		{"hop-by-hop not first", [][]byte{dst, hbh}, problem(1, 40)},
		{"hop-by-hop twice", [][]byte{hbh, hbh}, problem(1, 40)},
		{"routing type 0 with segments left", [][]byte{routing(0, 1)}, problem(0, 42)},
		{"an unknown routing type with segments left", [][]byte{dst, routing(99, 2)}, problem(0, 50)},
		{"an unknown next header", [][]byte{dst, {99, 0, 0, 0, 0, 0, 0, 0, 0}}, problem(1, 40)},
		{"an unknown next header at once", [][]byte{{99, 0, 0, 0, 0, 0, 0, 0, 0}}, problem(1, 6)},
		{"no next header", [][]byte{dst, {59, 0, 0, 0, 0, 0, 0, 0, 0}}, ""},
		{"a header longer than the packet", [][]byte{{byte(codec.DestOpts), 0, 99, 0, 0, 0, 0, 0, 0}}, ""},
	} {
		k := staticKit6(t, still())
		k.know6(tester6, testerMAC)
		k.send(chain(node6, tt.headers...))
		switch {
		case tt.want == "":
			k.quiet(tt.name)
		case strings.HasSuffix(tt.want, "["):
			if got := show(k.next(tt.name)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s:\n got %s\nwant %s...", tt.name, got, tt.want)
			}
		default:
			k.want(tt.name, tt.want)
		}
	}
}

func make17(h []byte) (all [][]byte) {
	for range 16 {
		all = append(all, h)
	}
	return all
}

// The two high bits of an unknown option, to this host and to a group (RFC 8200, 4.2).
func TestUnknownOptions(t *testing.T) {
	const problem = "00:01 2001:db8::2 > 2001:db8::1 ICMP6 parameter-problem code 2 at "
	for _, p := range []codec.Protocol{codec.HopByHop, codec.DestOpts} {
		for _, tt := range []struct {
			option         ipv6.OptionType
			host, allNodes string
		}{
			{0x1e, echoReply6, echoReply6},
			{0x5e, "", ""},
			{0x9e, problem + "45", problem + "45"},
			{0xde, problem + "45", ""},
		} {
			k := staticKit6(t, still())
			k.know6(tester6, testerMAC)
			o := ipv6.Options{0, 0, 0}.Append(tt.option, []byte("?")).Pad()
			for _, x := range []struct {
				dst  ipv6.Addr
				want string
			}{{node6, tt.host}, {allNodes, tt.allNodes}} {
				k.send(chain(x.dst, options(p, o)))
				if name := fmt.Sprintf("option %#x in %v to %v", tt.option, p, x.dst); x.want == "" {
					k.quiet(name)
				} else if got := show(k.next(name)); !strings.HasPrefix(got, x.want) {
					t.Errorf("%s:\n got %s\nwant %s...", name, got, x.want)
				}
			}
		}
	}
}

func TestOptionsAreBounded(t *testing.T) { // RFC 8504, 5.3
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	many := func(n int) []byte {
		var o ipv6.Options
		for range n {
			o = o.Append(0x1e, nil)
		}
		return options(codec.DestOpts, o.Pad())
	}
	k.send(chain(node6, many(64)))
	k.want("as many as are looked at", echoReply6)
	k.send(chain(node6, many(65)))
	k.quiet("one more")
}

func TestErrorsQuoteWhatFits(t *testing.T) { // RFC 4443, 2.4 (c) and 3.1
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	for _, n := range []int{0, 1184, 1185, 1400} {
		k.send(udp6(9, 9, strings.Repeat("x", n)))
		f := k.next("an unreachable port is told")
		if want := min(14+40+8+40+8+n, 14+1280); len(f) != want {
			t.Errorf("data of %d octets: the frame has %d octets, want %d", n, len(f), want)
		}
		if want := "00:01 2001:db8::2 > 2001:db8::1 ICMP6 unreachable code 4 ["; !strings.HasPrefix(show(f), want) {
			t.Errorf("got %s\nwant %s...", show(f), want)
		}
	}
}

func TestNoErrorsAboutThese6(t *testing.T) { // RFC 4443, 2.4 (e)
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	dst := options(codec.DestOpts, ipv6.Options(nil).Append(0x9e, nil).Pad())
	in := func(src, to ipv6.Addr, m []byte) []byte {
		m = append([]byte(nil), m...)
		icmpv6.Seal(m, ipv6.Pseudo(src, to, codec.ICMPv6))
		o := append([]byte(nil), dst[1:]...)
		o[0] = byte(codec.ICMPv6)
		p := append(o, m...)
		return frameFrom6(testerMAC, ipv6.Header{NextHeader: codec.DestOpts, HopLimit: 64, Src: src, Dst: to, PayloadLen: uint16(len(p))}, p)
	}
	for _, tt := range []struct {
		name  string
		frame []byte
	}{
		{"an error", in(tester6, node6, make([]byte, 56))},
		{"an error of an unknown type", in(tester6, node6, append([]byte{100}, make([]byte, 55)...))},
		{"a redirect", in(tester6, node6, append([]byte{137}, make([]byte, 39)...))},
		{"what is from ::", in(ipv6.Addr{}, node6, append([]byte{128}, make([]byte, 7)...))},
		{"what is to a group, but for two errors", frame6(ipv6.Header{NextHeader: 99, Dst: allNodes}, make([]byte, 8))},
	} {
		k.send(tt.frame)
		k.quiet(tt.name)
	}
}

func TestErrorsAreLimited6(t *testing.T) { // RFC 4443, 2.4 (f)
	c := still()
	c.IPv6.ICMPRate, c.IPv6.ICMPBurst = 10, 3
	k := staticKit6(t, c)
	k.know6(tester6, testerMAC)
	send := func(n, want int, why string) {
		t.Helper()
		for range n {
			k.send(udp6(9, 9, ""))
		}
		if len(k.frames) != want {
			t.Errorf("%s: %d errors, want %d", why, len(k.frames), want)
		}
		k.frames = nil
	}
	send(10, 3, "a burst")
	k.advance(100*time.Millisecond - 1)
	send(1, 0, "a nanosecond before the next")
	k.advance(1)
	send(2, 1, "then one more")
}

func TestNeighborResolution(t *testing.T) { // RFC 4861, 7.2.2
	k := staticKit6(t, still())
	s := k.open6(5000)
	const ask = "33:33:ff:00:00:01 2001:db8::2 > ff02::1:ff00:1 ICMP6 neighbor-solicitation 2001:db8::1 source 02:00:00:00:00:02"
	to := netip.AddrPortFrom(tester6.Netip(), 7)
	if err := s.SendTo([]byte("a"), to); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("all are asked", ask)
	k.advance(time.Second - 1)
	k.quiet("not yet again")
	k.advance(1)
	k.want("a second time", ask)
	k.send(advert6(tester6, node6, "SO", testerMAC))
	k.want("what waited is sent", `00:01 2001:db8::2 > 2001:db8::1 UDP 5000 > 7 "a"`)
	if got, _ := k.node.ND.Link(k.eth.Iface).Cache().State(tester6.Netip()); got != neigh.Reachable {
		t.Errorf("state %v", got)
	}
	far := netip.MustParseAddr("2001:db8::99")
	if err := s.Connect(netip.AddrPortFrom(far, 7)); err != nil {
		t.Fatal(err)
	}
	if err := s.Send([]byte("b")); err != nil {
		t.Fatal(err)
	}
	k.advance(3*time.Second - 1)
	if len(k.frames) != 3 {
		t.Errorf("%d solicitations, want 3", len(k.frames))
	}
	k.frames = nil
	if err := s.TakeError(); err != nil {
		t.Errorf("too early: %v", err)
	}
	k.advance(1)
	if err := s.TakeError(); err != errno.EHOSTUNREACH {
		t.Errorf("nobody answered: %v", err)
	}
}

func TestNeighborUnreachability(t *testing.T) { // RFC 4861, 7.3.3; RFC 7048
	k := staticKit6(t, still())
	k.meet6(tester6)
	s := k.open6(5000)
	send := func() {
		t.Helper()
		if err := s.SendTo([]byte("a"), netip.AddrPortFrom(tester6.Netip(), 7)); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
	}
	const datagram = `00:01 2001:db8::2 > 2001:db8::1 UDP 5000 > 7 "a"`
	const unicast = "00:01 2001:db8::2 > 2001:db8::1 ICMP6 neighbor-solicitation 2001:db8::1 source 02:00:00:00:00:02"
	const all = "33:33:ff:00:00:01 2001:db8::2 > ff02::1:ff00:1 ICMP6 neighbor-solicitation 2001:db8::1 source 02:00:00:00:00:02"
	send()
	k.want("a stale neighbour is used", datagram)
	k.advance(5*time.Second - 1)
	k.quiet("DELAY_FIRST_PROBE_TIME")
	k.advance(1)
	k.want("the first probe", unicast)
	k.advance(2 * time.Second)
	k.want("the second", unicast)
	k.want("the third", unicast)
	k.advance(time.Second)
	k.want("then all are asked", all)
	send()
	k.want("and it is used all the same", datagram)
	k.send(advert6(tester6, node6, "S", testerMAC))
	k.advance(time.Hour)
	k.quiet("after an answer")
}

func TestAnswersToSolicitations(t *testing.T) { // RFC 4861, 7.1.1, 7.2.3, 7.2.4
	k := staticKit6(t, still())
	k.send(solicit6(tester6, node6))
	k.want("who asks is told", "00:01 2001:db8::2 > 2001:db8::1 ICMP6 neighbor-advertisement 2001:db8::2 S O target 02:00:00:00:00:02")
	k.send(solicit6(ipv6.Addr{}, node6))
	k.want("who looks for duplicates, too, and all with it",
		"33:33:00:00:00:01 2001:db8::2 > ff02::1 ICMP6 neighbor-advertisement 2001:db8::2 O target 02:00:00:00:00:02")
	good := solicit6(tester6, node6)
	spoil := func(f func(b []byte)) []byte {
		b := append([]byte(nil), good[54:]...)
		f(b)
		return nd6(tester6, node6.SolicitedNode(), b)
	}
	hop := append([]byte(nil), good...)
	hop[21] = 254
	cut := icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: node6})
	withSource := icmpv6.AppendLinkAddr(append([]byte(nil), cut...), icmpv6.SourceLinkAddr, testerMAC.Addr())
	fragmented := func() []byte {
		m := append([]byte(nil), good[54:]...)
		p := append(ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: codec.ICMPv6}), m...)
		return frameFrom6(testerMAC, ipv6.Header{NextHeader: codec.Fragment, HopLimit: 255, Src: tester6, Dst: node6.SolicitedNode(), PayloadLen: uint16(len(p))}, p)
	}()
	before := k.node.Stats().Drops[stats.NDInvalid]
	bad := []struct {
		name  string
		frame []byte
	}{
		{"hop limit 254", hop},
		{"code 1", spoil(func(b []byte) { b[1] = 1 })},
		{"cut short", nd6(tester6, node6.SolicitedNode(), cut[:23])},
		{"a group as target", spoil(func(b []byte) { b[8] = 0xff })},
		{"an option of length 0", spoil(func(b []byte) { b[25] = 0 })},
		{"an option beyond the end", spoil(func(b []byte) { b[25] = 2 })},
		{"from :: with a link address", nd6(ipv6.Addr{}, node6.SolicitedNode(), withSource)},
		{"from :: to the address itself", nd6(ipv6.Addr{}, node6, cut)},
		{"in a fragment (RFC 6980)", fragmented},
	}
	for _, tt := range bad {
		k.send(tt.frame)
		k.quiet(tt.name)
	}
	if n := k.node.Stats().Drops[stats.NDInvalid] - before; n != uint64(len(bad)) {
		t.Errorf("%d messages were not valid, want %d", n, len(bad))
	}
	k.send(nd6(tester6, node6.SolicitedNode(), spoil(func(b []byte) { b[24] = 200 })[54:]))
	k.want("an unknown option is skipped", "00:01 2001:db8::2 > 2001:db8::1 ICMP6 neighbor-advertisement 2001:db8::2 S O target 02:00:00:00:00:02")
}

// The cases of RFC 4861, 7.2.5, in each state.
func TestAdvertisements6(t *testing.T) {
	other := ethernet.MAC{2, 0, 0, 0, 0, 9}
	for _, tt := range []struct {
		from  neigh.State
		flags string
		at    ethernet.MAC
		to    neigh.State
		link  ethernet.MAC
	}{
		{neigh.None, "SO", testerMAC, neigh.None, ethernet.MAC{}},
		{neigh.Incomplete, "S", testerMAC, neigh.Reachable, testerMAC},
		{neigh.Incomplete, "", testerMAC, neigh.Stale, testerMAC},
		{neigh.Incomplete, "SO", ethernet.MAC{}, neigh.Incomplete, ethernet.MAC{}},
		{neigh.Reachable, "S", other, neigh.Stale, testerMAC},
		{neigh.Reachable, "SO", other, neigh.Reachable, other},
		{neigh.Reachable, "O", other, neigh.Stale, other},
		{neigh.Reachable, "O", testerMAC, neigh.Reachable, testerMAC},
		{neigh.Stale, "S", other, neigh.Stale, testerMAC},
		{neigh.Stale, "S", testerMAC, neigh.Reachable, testerMAC},
		{neigh.Stale, "S", ethernet.MAC{}, neigh.Reachable, testerMAC},
		{neigh.Stale, "O", other, neigh.Stale, other},
		{neigh.Stale, "", other, neigh.Stale, testerMAC},
		{neigh.Probe, "S", other, neigh.Probe, testerMAC},
		{neigh.Probe, "SO", other, neigh.Reachable, other},
	} {
		t.Run(fmt.Sprintf("%v %s %v", tt.from, tt.flags, tt.at), func(t *testing.T) {
			k := staticKit6(t, still())
			s := k.open6(5000)
			use := func() {
				t.Helper()
				if err := s.SendTo([]byte("a"), netip.AddrPortFrom(tester6.Netip(), 7)); err != nil {
					t.Fatal(err)
				}
				k.advance(0)
			}
			switch tt.from {
			case neigh.Incomplete:
				use()
			case neigh.Stale:
				k.node.ND.Link(k.eth.Iface).Cache().Heard(tester6.Netip(), neigh.Report{Addr: testerMAC.Addr(), Create: true, Override: true})
			case neigh.Reachable:
				use()
				k.send(advert6(tester6, node6, "S", testerMAC))
			case neigh.Probe:
				k.meet6(tester6)
				use()
				k.advance(5 * time.Second)
			}
			cache := k.node.ND.Link(k.eth.Iface).Cache()
			if got, _ := cache.State(tester6.Netip()); got != tt.from {
				t.Fatalf("begins in %v", got)
			}
			k.send(advert6(tester6, node6, tt.flags, tt.at))
			got, at := cache.State(tester6.Netip())
			want := ""
			if tt.link != (ethernet.MAC{}) {
				want = tt.link.String()
			}
			if got != tt.to || want != "" && at.String() != want {
				t.Errorf("%v at %v, want %v at %v", got, at, tt.to, tt.link)
			}
			k.frames = nil
		})
	}
}

func TestUDPOverIPv6(t *testing.T) {
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	k.know6(testerLL, testerMAC)
	k.echoService6(7)
	k.send(udp6(5000, 7, "hello"))
	k.want("an echo", `00:01 2001:db8::2 > 2001:db8::1 UDP 7 > 5000 "hello"`)
	k.send(frame6(ipv6.Header{NextHeader: codec.UDP, Src: testerLL, Dst: nodeLL}, udpMessage6(testerLL, nodeLL, 5000, 7, []byte("link"))))
	k.want("one between link-local addresses", `00:01 fe80::ff:fe00:2 > fe80::1 UDP 7 > 5000 "link"`)
}

func TestLinkLocalAddressesHaveAZone(t *testing.T) { // RFC 4007
	k := staticKit6(t, still())
	k.know6(testerLL, testerMAC)
	s := k.open6(5000)
	k.send(frame6(ipv6.Header{NextHeader: codec.UDP, Src: testerLL, Dst: nodeLL}, udpMessage6(testerLL, nodeLL, 9, 5000, []byte("x"))))
	m, err := s.Recv(make([]byte, 10))
	if err != nil || m.From != netip.MustParseAddrPort("[fe80::1%eth0]:9") || m.To != netip.MustParseAddr("fe80::ff:fe00:2%eth0") {
		t.Errorf("from %v to %v, %v", m.From, m.To, err)
	}
	for _, to := range []string{"[fe80::1%eth0]:9", "[fe80::1%2]:9"} {
		if err := s.SendTo([]byte("y"), netip.MustParseAddrPort(to)); err != nil {
			t.Errorf("to %s: %v", to, err)
		}
		k.advance(0)
		k.want("by that interface", `00:01 fe80::ff:fe00:2 > fe80::1 UDP 5000 > 9 "y"`)
	}
	if err := s.SendTo([]byte("y"), netip.MustParseAddrPort("[fe80::1%eth7]:9")); err == nil {
		t.Errorf("to a zone that there is not: %v", err)
	}
	for _, a := range []string{"[fe80::ff:fe00:2%eth0]:6000", "[2001:db8::2]:6000", "[::1]:6000"} {
		s, err := k.node.Sockets.Open(socket.Inet6, socket.Dgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Bind(netip.MustParseAddrPort(a)); err != nil {
			t.Errorf("bind %s: %v", a, err)
		}
	}
}

func TestLoopback6(t *testing.T) {
	k := staticKit6(t, still())
	k.echoService6(7)
	s := k.open6(5000)
	for _, to := range []string{"[::1]:7", "[2001:db8::2]:7", "[fe80::ff:fe00:2%eth0]:7"} {
		a := netip.MustParseAddrPort(to)
		if err := s.SendTo([]byte("self"), a); err != nil {
			t.Errorf("to %v: %v", a, err)
		}
		k.advance(0)
		m, err := s.Recv(make([]byte, 10))
		if err != nil || m.From != a {
			t.Errorf("from %v, %v; want %v", m.From, err, a)
		}
	}
	if err := s.Connect(netip.MustParseAddrPort("[::1]:9")); err != nil {
		t.Fatal(err)
	}
	if err := s.Send([]byte("nobody")); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	if err := s.TakeError(); err != errno.ECONNREFUSED {
		t.Errorf("a closed port here: %v", err)
	}
}

func TestErrorsReachTheirSocket6(t *testing.T) { // RFC 4443, 3
	for _, tt := range []struct {
		m    icmpv6.Header
		want error
	}{
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.NoRoute}, errno.ENETUNREACH},
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.Prohibited}, errno.EHOSTUNREACH},
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.AddressUnreachable}, errno.EHOSTUNREACH},
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.PortUnreachable}, errno.ECONNREFUSED},
		{icmpv6.Header{Type: icmpv6.TimeExceeded}, errno.EHOSTUNREACH},
		{icmpv6.BadParameter(icmpv6.UnknownNextHeader, 6), errno.ENOPROTOOPT},
		{icmpv6.Header{Type: 99}, errno.EPROTO}, // unknown errors, too (2.4 (a))
	} {
		k := staticKit6(t, still())
		k.know6(tester6, testerMAC)
		s := k.open6(5000)
		if err := s.Connect(netip.AddrPortFrom(tester6.Netip(), 9)); err != nil {
			t.Fatal(err)
		}
		if err := s.Send([]byte("x")); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		sent := k.next("the datagram")[14:]
		k.send(icmp6(ipv6.Header{}, append(icmpv6.Append(nil, tt.m), sent...)))
		if err := s.TakeError(); err != tt.want {
			t.Errorf("%v: the socket hears %v, want %v", tt.m, err, tt.want)
		}
	}
}

func TestFlowLabels(t *testing.T) { // RFC 6437, 3
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	label := func(from, to uint16) uint32 {
		t.Helper()
		s := k.open6(from)
		defer s.Close()
		if err := s.SendTo(nil, netip.AddrPortFrom(tester6.Netip(), to)); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		h, _, err := ipv6.Parse(k.next("a datagram")[14:])
		if err != nil {
			t.Fatal(err)
		}
		return h.FlowLabel
	}
	a, again, b := label(1000, 2000), label(1000, 2000), label(1000, 2001)
	if a != again || a == b || a == 0 {
		t.Errorf("labels %x and %x of one flow, %x of another", a, again, b)
	}
}

func TestGroups6(t *testing.T) {
	k := staticKit6(t, still())
	g := netip.MustParseAddr("ff05::1:3")
	s := k.open6(5000)
	group := ipv6.Addr(g.As16())
	datagram := frame6(ipv6.Header{NextHeader: codec.UDP, Dst: group}, udpMessage6(tester6, group, 9, 5000, []byte("x")))
	received := func(why string, want uint64) {
		t.Helper()
		k.send(datagram)
		if n := k.node.Stats().IPv6.Received; n != want {
			t.Errorf("%s: %d received, want %d", why, n, want)
		}
	}
	received("no member yet", 0)
	k.node.IPv6.SetFilter(s, k.eth.Iface, g, ip.Filter{Exclude: true})
	received("a member", 1)
	received("still", 2)
	k.node.IPv6.SetFilter(s, k.eth.Iface, g, ip.Filter{})
	received("no member any more", 2)
	if err := s.SendTo([]byte("y"), netip.AddrPortFrom(g, 9)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("to a group, with the hop limit for those", `33:33:00:01:00:03 2001:db8::2 > ff05::1:3 hlim 1 UDP 5000 > 9 "y"`)
}

func TestGroupsAreBounded6(t *testing.T) {
	c := still()
	c.IPv6.MaxGroups = 3
	k := staticKit6(t, c)
	join := func(s *socket.Socket, n int) error {
		g := netip.AddrFrom16([16]byte{0xff, 5, 14: 9, 15: byte(n)})
		return s.SetOption(socket.IPV6JoinGroup, socket.Value{Group: g, Index: k.eth.Index})
	}
	a, b := k.open6(5000), k.open6(5001)
	for n := range 3 {
		if err := join(a, n); err != nil {
			t.Errorf("group %d: %v", n, err)
		}
	}
	if err := join(b, 2); err != nil {
		t.Errorf("one that is joined already: %v", err)
	}
	if err := join(b, 3); err != errno.ENOBUFS {
		t.Errorf("a fourth: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := join(b, 3); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestIPv6IsOffUntilItIsAskedFor(t *testing.T) {
	k := bareKit6(t, config.Config{})
	k.advance(time.Hour)
	k.quiet("an interface that was not asked to have IPv6")
	k.send(solicit6(testerLL, nodeLL))
	k.quiet("it does not answer either")
	c := config.Config{IPv6: config.IPv6{Enabled: config.Off}}
	k = bareKit6(t, c)
	if err := k.node.EnableIPv6(k.eth); err == nil {
		t.Error("IPv6 came up, which the configuration leaves out")
	}
	if err := k.node.AddAddress(k.eth, netip.MustParsePrefix("2001:db8::2/64")); err == nil {
		t.Error("an address of IPv6 without IPv6")
	}
}
