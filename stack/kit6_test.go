package stack_test

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/udp"
)

var (
	tester6  = ipv6.MustParseAddr("2001:db8::1")
	node6    = ipv6.MustParseAddr("2001:db8::2")
	testerLL = ipv6.MustParseAddr("fe80::1")
	nodeLL   = ipv6.MustParseAddr("fe80::ff:fe00:2") // the EUI-64 of nodeMAC
	allNodes = ipv6.AllNodes
)

// still is a node of IPv6 that says nothing of its own accord.
func still() config.Config {
	return config.Config{IPv6: config.IPv6{DAD: config.Off, RouterSolicit: config.Off, MLD: config.Off}}
}

// newKit6 is a node that has IPv6 on its link, and not IPv4.
func newKit6(t testing.TB, c config.Config) *kit {
	k := bareKit6(t, c)
	if err := k.node.EnableIPv6(k.eth); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	return k
}

// statickit6 is one that says nothing of its own accord and has an address of global scope.
func staticKit6(t testing.TB, c config.Config) *kit {
	k := newKit6(t, c)
	if err := k.node.AddAddress(k.eth, netip.PrefixFrom(node6.Netip(), 64)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	return k
}

func bareKit6(t testing.TB, c config.Config) *kit {
	k := &kit{t: t, loop: clock.New()}
	near, far := wire.New(k.loop, wire.Config{})
	k.far = far
	far.Start(driver.Frames(func(b []byte) { k.frames = append(k.frames, append([]byte(nil), b...)) }))
	var err error
	if k.node, err = stack.New(k.loop, c); err != nil {
		t.Fatal(err)
	}
	if k.eth, err = k.node.AddEthernet(near, nodeMAC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.t.Helper()
		for _, f := range k.frames {
			t.Errorf("a frame that nothing claimed: %s", show(f))
		}
		if err := k.node.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// frame6 is a packet in a frame; zero fields get what is usual. The payload length is that of the payload unless it is set.
func frame6(h ipv6.Header, payload []byte) []byte {
	if h.HopLimit == 0 {
		h.HopLimit = 64
	}
	if h.Src.IsUnspecified() {
		h.Src = tester6
	}
	if h.Dst.IsUnspecified() {
		h.Dst = node6
	}
	if h.PayloadLen == 0 {
		h.PayloadLen = uint16(len(payload))
	}
	return frameFrom6(testerMAC, h, payload)
}

func frameFrom6(src ethernet.MAC, h ipv6.Header, payload []byte) []byte {
	to := nodeMAC
	if h.Dst.IsMulticast() {
		to = ethernet.Multicast6(h.Dst)
	}
	b := ethernet.Append(nil, ethernet.Header{Dst: to, Src: src, Type: ethernet.TypeIPv6})
	return append(ipv6.Append(b, h), payload...)
}

// icmp6 is a message of ICMPv6 in a frame; its checksum is filled in.
func icmp6(h ipv6.Header, m []byte) []byte {
	src, dst := h.Src, h.Dst
	if src.IsUnspecified() {
		src = tester6
	}
	if dst.IsUnspecified() {
		dst = node6
	}
	m = append([]byte(nil), m...)
	icmpv6.Seal(m, ipv6.Pseudo(src, dst, codec.ICMPv6))
	h.NextHeader = codec.ICMPv6
	return frame6(h, m)
}

// nd6 is a message of Neighbor Discovery: hop limit 255, from ::, if src is so.
func nd6(src, dst ipv6.Addr, m []byte) []byte {
	m = append([]byte(nil), m...)
	icmpv6.Seal(m, ipv6.Pseudo(src, dst, codec.ICMPv6))
	return frameFrom6(testerMAC, ipv6.Header{
		NextHeader: codec.ICMPv6, HopLimit: 255, Src: src, Dst: dst, PayloadLen: uint16(len(m)),
	}, m)
}

func echo6(src, dst ipv6.Addr, body string) []byte {
	return icmp6(ipv6.Header{Src: src, Dst: dst}, append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 7, 1)), body...))
}

func udpMessage6(src, dst ipv6.Addr, from, to uint16, body []byte) []byte {
	m := append(udp.Append(nil, udp.Header{SrcPort: from, DstPort: to}), body...)
	udp.Seal(m, ipv6.Pseudo(src, dst, codec.UDP))
	return m
}

func udp6(from, to uint16, body string) []byte {
	return frame6(ipv6.Header{NextHeader: codec.UDP}, udpMessage6(tester6, node6, from, to, []byte(body)))
}

// solicit6 is a neighbor solicitation of the tester for an address of the node.
func solicit6(src, target ipv6.Addr) []byte {
	m := icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: target})
	if !src.IsUnspecified() {
		m = icmpv6.AppendLinkAddr(m, icmpv6.SourceLinkAddr, testerMAC.Addr())
	}
	return nd6(src, target.SolicitedNode(), m)
}

// advert6 is a neighbor advertisement of the tester; flags are of R, S, O.
func advert6(target, dst ipv6.Addr, flags string, at ethernet.MAC) []byte {
	m := icmpv6.Neighbor{Type: icmpv6.NeighborAdvert, Target: target}
	for _, f := range flags {
		switch f {
		case 'R':
			m.Router = true
		case 'S':
			m.Solicited = true
		case 'O':
			m.Override = true
		}
	}
	b := icmpv6.AppendNeighbor(nil, m)
	if !at.IsZero() {
		b = icmpv6.AppendLinkAddr(b, icmpv6.TargetLinkAddr, at.Addr())
	}
	return nd6(target, dst, b)
}

// meet6 makes an address of the tester known to the node; it is STALE there.
func (k *kit) meet6(a ipv6.Addr) {
	k.t.Helper()
	k.send(solicit6(a, nodeLL))
	k.next("the answer to the solicitation that introduces the tester")
}

// meet6At does so for a station.
func (k *kit) know6(a ipv6.Addr, at ethernet.MAC) {
	k.node.ND.Link(k.eth.Iface).Cache().Set(a.Netip(), at.Addr())
}

// showIP6 leaves out what is usual: hop limit 64, or 255 in Neighbor Discovery, and the flow label.
func showIP6(b []byte, verify bool) string {
	h, payload, err := ipv6.Parse(b)
	if err == nil && verify {
		err = ipv6.Verify(b, h)
	}
	if err != nil {
		return "IP6 " + err.Error()
	}
	s := h.Src.String() + " > " + h.Dst.String()
	usual := uint8(64)
	if h.NextHeader == codec.ICMPv6 && len(payload) > 0 && payload[0] >= 133 && payload[0] <= 137 {
		usual = 255
	}
	if h.HopLimit != usual {
		s += " hlim " + itoa(int(h.HopLimit))
	}
	if h.TrafficClass != 0 {
		s += " class " + itoa(int(h.TrafficClass))
	}
	return s + showUpper6(h, h.NextHeader, payload, verify)
}

func showUpper6(h ipv6.Header, next codec.Protocol, payload []byte, verify bool) string {
	switch next {
	case codec.HopByHop, codec.DestOpts:
		o, rest, err := ipv6.ParseOptions(payload)
		if err != nil {
			return " options " + err.Error()
		}
		return " [" + o.Options.String() + "]" + showUpper6(h, o.Next, rest, verify)
	case codec.Fragment:
		f, rest, err := ipv6.ParseFragment(payload)
		if err != nil {
			return " fragment " + err.Error()
		}
		s := " frag " + itoa(int(f.Offset))
		if f.More {
			s += "+"
		}
		return s + " len " + itoa(len(rest))
	case codec.ICMPv6:
		if verify && icmpv6.Verify(payload, ipv6.Pseudo(h.Src, h.Dst, codec.ICMPv6)) != nil {
			return " ICMP6 bad checksum"
		}
		return " " + showICMP6(payload)
	case codec.UDP:
		u, body, err := udp.Parse(payload)
		if err == nil && verify {
			err = udp.Verify(payload, u, ipv6.Pseudo(h.Src, h.Dst, codec.UDP))
		}
		if err != nil {
			return " UDP " + err.Error()
		}
		return " UDP " + itoa(int(u.SrcPort)) + " > " + itoa(int(u.DstPort)) + " " + text(body)
	}
	return " " + next.String() + " " + text(payload)
}

func showICMP6(b []byte) string {
	m, body, err := icmpv6.Parse(b)
	if err != nil {
		return "ICMP6 " + err.Error()
	}
	s, options := m.String(), []byte(nil)
	switch {
	case m.Type.IsError():
		return s + " [" + showIP6(body, false) + "]"
	case m.Type == icmpv6.RouterSolicit:
		options = body
	case m.Type == icmpv6.RouterAdvert:
		if ra, rest, err := icmpv6.ParseRouterAdvertisement(b); err == nil {
			s, options = ra.String(), rest
		}
	case m.Type == icmpv6.NeighborSolicit, m.Type == icmpv6.NeighborAdvert:
		if n, rest, err := icmpv6.ParseNeighbor(b); err == nil {
			s, options = n.String(), rest
		}
	case m.Type == icmpv6.Redirect:
		if r, rest, err := icmpv6.ParseRedirection(b); err == nil {
			s, options = r.String(), rest
		}
	case m.Type == icmpv6.ListenerReport, m.Type == icmpv6.ListenerDone, m.Type == icmpv6.ListenerQuery:
		if l, _, err := icmpv6.ParseListener(b); err == nil {
			return l.String()
		}
	case m.Type == icmpv6.ListenerReport2:
		for range m.Word & 0xffff {
			rec, rest, err := icmpv6.ParseRecord(body)
			if err != nil {
				return s + " " + err.Error()
			}
			s, body = s+" "+rec.String(), rest
		}
		return s
	default:
		return s + " " + text(body)
	}
	for len(options) > 0 {
		o, rest, err := icmpv6.ParseOption(options)
		if err != nil {
			return s + " " + err.Error()
		}
		if o.Type == icmpv6.Nonce {
			s += " nonce"
		} else {
			s += " " + o.String()
		}
		options = rest
	}
	return s
}

// open6 opens a bound UDP socket of IPv6.
func (k *kit) open6(port uint16) *socket.Socket {
	return k.bound(socket.Inet6, netip.IPv6Unspecified(), port)
}

// echoService6 answers every datagram to a port.
func (k *kit) echoService6(port uint16) *socket.Socket { return k.echoes(k.open6(port)) }

func octets6(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
