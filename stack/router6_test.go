package stack_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// newRouter6 is a router between the link of the kit, 2001:db8::/64, and another one, 2001:db8:1::/64, of MTU 1280, whose
// only other station is at farHost.
func newRouter6(t *testing.T, c config.Config) (k *kit, far *[][]byte) {
	c.IPv6.Forwarding = config.On
	k = staticKit6(t, c)
	near, end := wire.New(k.loop, wire.Config{})
	far = new([][]byte)
	end.Start(driver.Frames(func(b []byte) { *far = append(*far, append([]byte(nil), b...)) }))
	eth, err := k.node.AddEthernet(near, ethernet.MAC{2, 0, 0, 0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	eth.SetMTU(1280)
	if err := k.node.AddAddress(eth, netip.MustParsePrefix("2001:db8:1::2/64")); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.know6(tester6, testerMAC)
	k.node.ND.Link(eth.Iface).Cache().Set(farHost.Netip(), ethernet.MAC{2, 0, 0, 0, 1, 1}.Addr())
	return k, far
}

var farHost = ipv6.MustParseAddr("2001:db8:1::1")

func TestForwarding6(t *testing.T) { // RFC 8200, 3; RFC 4443, 3; RFC 4291, 2.5
	send := func(src, dst ipv6.Addr, hops uint8, n int) []byte {
		return frame6(ipv6.Header{NextHeader: codec.UDP, Src: src, Dst: dst, HopLimit: hops}, udpMessage6(src, dst, 1, 2, make([]byte, n)))
	}
	for _, tt := range []struct {
		name  string
		frame []byte
		far   string // what leaves by the other link
		near  string // what the source is told
	}{
		{"to the other link", send(tester6, farHost, 64, 0), "hlim 63 UDP 1 > 2", ""},
		{"with its last hop but one", send(tester6, farHost, 2, 0), "hlim 1 UDP 1 > 2", ""},
		{"with its last hop", send(tester6, farHost, 1, 0), "", "time-exceeded code 0"},
		{"larger than the other link takes", send(tester6, farHost, 64, 1233), "", "packet-too-big mtu 1280"},
		{"as large as it takes", send(tester6, farHost, 64, 1232), "hlim 63 UDP 1 > 2", ""},
		{"without a route", send(tester6, ipv6.MustParseAddr("2001:db9::1"), 64, 0), "", "unreachable code 0"},
		{"from a link-local address", send(testerLL, farHost, 64, 0), "", "fe80::1 ICMP6 unreachable code 2"},
		{"to a link-local address", send(tester6, ipv6.MustParseAddr("fe80::77"), 64, 0), "", "quiet"},
		{"from ::", frameFrom6(testerMAC, ipv6.Header{NextHeader: codec.UDP, HopLimit: 64, Dst: farHost, PayloadLen: 8}, make([]byte, 8)), "", "quiet"},
	} {
		k, far := newRouter6(t, still())
		k.know6(testerLL, testerMAC)
		k.send(tt.frame)
		switch {
		case tt.far == "" && len(*far) > 0:
			t.Errorf("%s: forwarded: %s", tt.name, show((*far)[0]))
		case tt.far != "" && (len(*far) != 1 || !strings.Contains(show((*far)[0]), tt.far)):
			t.Errorf("%s: %d frames, want one with %s", tt.name, len(*far), tt.far)
		}
		if tt.near == "" || tt.near == "quiet" {
			k.quiet(tt.name)
		} else if got := show(k.next(tt.name)); !strings.Contains(got, tt.near) {
			t.Errorf("%s:\n got %s\nwant ...%s...", tt.name, got, tt.near)
		}
	}
}

func TestHopByHopOptionsOnTheWay(t *testing.T) { // RFC 8200, 4.2 and 4.3
	packet := func(option ipv6.OptionType) []byte {
		o := ipv6.AppendOptions(nil, ipv6.OptionsHeader{Next: codec.UDP, Options: ipv6.Options(nil).Append(option, nil).Pad()})
		return frame6(ipv6.Header{NextHeader: codec.HopByHop, Dst: farHost}, append(o, udpMessage6(tester6, farHost, 1, 2, nil)...))
	}
	k, far := newRouter6(t, still())
	k.send(packet(0x3e))
	if len(*far) != 1 {
		t.Errorf("one that may be skipped: %d forwarded", len(*far))
	}
	k.send(packet(0x7e))
	k.quiet("one that asks to be dropped silently")
	k.send(packet(0xbe))
	if got := show(k.next("one that asks for an error")); !strings.Contains(got, "parameter-problem code 2 at 42 ") {
		t.Error(got)
	}
	if len(*far) != 1 {
		t.Errorf("%d forwarded", len(*far))
	}
}

func TestRouterRedirects6(t *testing.T) { // RFC 4861, 8.2
	k, _ := newRouter6(t, still())
	neighbour := ipv6.MustParseAddr("2001:db8::7")
	k.know6(neighbour, ethernet.MAC{2, 0, 0, 0, 0, 7})
	k.send(frame6(ipv6.Header{NextHeader: codec.UDP, Dst: neighbour}, udpMessage6(tester6, neighbour, 1, 2, nil)))
	if got, want := show(k.next("a redirect")), "00:01 fe80::ff:fe00:2 > 2001:db8::1 ICMP6 redirect 2001:db8::7 by 2001:db8::7 target 02:00:00:00:00:07 option 4, 56 octets"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	k.want("and the packet goes on", "00:07 2001:db8::1 > 2001:db8::7 hlim 63 UDP 1 > 2 \"\"")
}

func TestRouterAnswersAnycast(t *testing.T) { // RFC 4291, 2.6.1; RFC 4861, 7.2.7
	k, _ := newRouter6(t, still())
	k.send(echo6(tester6, ipv6.MustParseAddr("2001:db8::"), "x"))
	k.want("subnet-router anycast is answered, from another address", echoReply6)
	k.send(solicit6(tester6, ipv6.MustParseAddr("2001:db8::")))
	k.quiet("who asks where it is is told after a random delay")
	k.within("and without Override", time.Second,
		"00:01 fe80::ff:fe00:2 > 2001:db8::1 ICMP6 neighbor-advertisement 2001:db8:: R S target 02:00:00:00:00:02")
}

func TestRouterAdvertises(t *testing.T) { // RFC 4861, 6.2
	c := still()
	c.IPv6.Forwarding, c.IPv6.RouterAdvertise = config.On, config.On
	k := staticKit6(t, c)
	k.frames = nil // it advertises itself unasked
	if err := k.node.Advertise(k.eth, nd.Advertisement{RouterAdvertisement: icmpv6.RouterAdvertisement{HopLimit: 64}, MTU: 1400}); err != nil {
		t.Fatal(err)
	}
	var at []time.Duration
	const advert = "33:33:00:00:00:01 fe80::ff:fe00:2 > ff02::1 ICMP6 router-advertisement hlim 64 lifetime 1800 source 02:00:00:00:00:02 " +
		"mtu 1400 prefix 2001:db8::/64 valid 2592000 preferred 604800 L A"
	collect := func(d time.Duration) {
		t.Helper()
		for until := k.loop.Now() + d; ; {
			ran, err := k.loop.Step(until)
			if err != nil {
				t.Fatal(err)
			}
			if !ran {
				k.loop.MoveTo(until)
				return
			}
			if len(k.frames) > 0 {
				k.want("an advertisement", advert)
				at = append(at, k.loop.Now())
			}
		}
	}
	collect(2 * time.Hour)
	for i := 1; i < len(at); i++ {
		got := at[i] - at[i-1]
		if i <= 2 && got > 16*time.Second || i > 2 && (got < 200*time.Second || got > 600*time.Second) {
			t.Errorf("interval %d is %v", i, got)
		}
	}
	solicit := nd6(testerLL, ipv6.AllRouters, icmpv6.AppendLinkAddr(icmpv6.Append(nil, icmpv6.Header{Type: icmpv6.RouterSolicit}), icmpv6.SourceLinkAddr, testerMAC.Addr()))
	collect(10 * time.Second)
	at = nil
	start := k.loop.Now()
	for range 5 {
		k.far.Send(solicit)
	}
	collect(5 * time.Second)
	if len(at) != 1 || at[0]-start > 500*time.Millisecond {
		t.Errorf("five solicitations are answered at %v after %v", at, start)
	}
	k.node.ND.Link(k.eth.Iface).StopAdvertising()
	k.advance(0)
	if got := show(k.next("a last one")); !strings.Contains(got, "lifetime 0 ") {
		t.Error(got)
	}
	k.advance(time.Hour)
	k.quiet("and no more")
}

// A host is configured by a router and reaches a host behind it.
func TestHostBehindRouter(t *testing.T) {
	loop := clock.New()
	newNode := func(seed uint64, c config.Config) *stack.Node {
		c.Seed = seed
		n, err := stack.New(loop, c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		return n
	}
	add := func(n *stack.Node, end *wire.End, last byte) *stack.Interface {
		i, err := n.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, 0, last})
		if err == nil {
			err = n.EnableIPv6(i)
		}
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	a1, a2 := wire.New(loop, wire.Config{})
	b1, b2 := wire.New(loop, wire.Config{})
	r := newNode(1, config.Config{IPv6: config.IPv6{Forwarding: config.On, RouterAdvertise: config.On}})
	for k, end := range []*wire.End{a2, b2} {
		i := add(r, end, byte(0x10+k))
		p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, byte(k + 1), 15: 1}), 64)
		if err := r.AddAddress(i, p); err != nil {
			t.Fatal(err)
		}
	}
	x, y := newNode(2, config.Config{}), newNode(3, config.Config{})
	add(x, a1, 1)
	yi := add(y, b1, 2)
	if err := loop.Run(time.Minute); err != nil {
		t.Fatal(err)
	}
	var at netip.Addr
	for _, a := range y.Addresses6(yi) {
		if !a.Prefix.Addr().IsLinkLocalUnicast() {
			at = a.Prefix.Addr()
		}
	}
	if !at.IsValid() {
		t.Fatal("the host has no address of global scope")
	}
	ky := &kit{t: t, loop: loop, node: y}
	ky.echoService6(7)
	kx := &kit{t: t, loop: loop, node: x}
	s := kx.open6(5000)
	if err := s.SendTo([]byte("across"), netip.AddrPortFrom(at, 7)); err != nil {
		t.Fatal(err)
	}
	if err := loop.Run(loop.Now() + time.Second); err != nil {
		t.Fatal(err)
	}
	m, err := s.Recv(make([]byte, 10))
	if err != nil || m.From != netip.AddrPortFrom(at, 7) || m.TTL != 63 {
		t.Errorf("an echo from %v, hop limit %d, %v", m.From, m.TTL, err)
	}
}

func TestRouterTellsOfHostsThatDoNotAnswer(t *testing.T) { // RFC 4861, 7.2.2; RFC 4443, 3.1
	k, far := newRouter6(t, still())
	dst := ipv6.MustParseAddr("2001:db8:1::77")
	k.send(frame6(ipv6.Header{NextHeader: codec.UDP, Dst: dst}, udpMessage6(tester6, dst, 1, 2, nil)))
	k.advance(3*time.Second - 1)
	k.quiet("it is being asked for")
	k.advance(1)
	if got, want := show(k.next("then the source is told")), "00:01 2001:db8::2 > 2001:db8::1 ICMP6 unreachable code 3 [2001:db8::1 > 2001:db8:1::77"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s\nwant %s...", got, want)
	}
	if len(*far) != 3 {
		t.Errorf("%d solicitations, want 3", len(*far))
	}
}

func TestRouterIsInTheGroupsOfRouters(t *testing.T) { // RFC 4291, 2.8
	k, _ := newRouter6(t, still())
	for _, g := range []string{"ff02::2", "ff05::2"} {
		k.send(echo6(tester6, ipv6.MustParseAddr(g), "x"))
		k.want(g, echoReply6)
	}
	h := staticKit6(t, still())
	h.send(echo6(tester6, ipv6.AllRouters, "x"))
	h.quiet("a host is not")
}
