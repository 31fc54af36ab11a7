package stack_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/ip/ipv6/slaac"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// prompt is a node whose random delays are none, so that instants can be told; it solicits no routers and reports no groups.
func prompt() config.Config {
	return config.Config{IPv6: config.IPv6{RSDelay: -1, RouterSolicit: config.Off, MLD: config.Off}}
}

// advertise6 is a router advertisement of the tester with options.
func advertise6(m icmpv6.RouterAdvertisement, options ...[]byte) []byte {
	b := icmpv6.AppendRouterAdvertisement(nil, m)
	b = icmpv6.AppendLinkAddr(b, icmpv6.SourceLinkAddr, testerMAC.Addr())
	return nd6(testerLL, ipv6.AllNodes, append(b, slices.Concat(options...)...))
}

func prefix6(s string, valid, preferred uint32) []byte {
	p := netip.MustParsePrefix(s)
	return icmpv6.AppendPrefix(nil, icmpv6.Prefix{
		Bits: uint8(p.Bits()), OnLink: true, Autonomous: true, Valid: valid, Preferred: preferred, Prefix: p.Addr().As16(),
	})
}

// addresses6 lists the node's addresses of IPv6, in one line each.
func (k *kit) addresses6() string {
	var all []string
	for _, a := range k.node.Addresses6(k.eth) {
		s := a.Prefix.String()
		if a.Tentative {
			s += " tentative"
		}
		if a.Deprecated {
			s += " deprecated"
		}
		if a.Temporary {
			s += " temporary"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func (k *kit) wantAddresses6(why, want string) {
	k.t.Helper()
	if got := k.addresses6(); got != want {
		k.t.Errorf("%s:\n got %s\nwant %s", why, got, want)
	}
}

func (k *kit) lifetimes6(why string, a ipv6.Addr, preferred, valid time.Duration) {
	k.t.Helper()
	for _, x := range k.node.Addresses6(k.eth) {
		if x.Prefix.Addr().As16() == a {
			if p, v := x.Preferred-k.loop.Now(), x.Valid-k.loop.Now(); p != preferred || v != valid {
				k.t.Errorf("%s: preferred %v, valid %v; want %v, %v", why, p, v, preferred, valid)
			}
			return
		}
	}
	k.t.Errorf("%s: there is no %v", why, a)
}

const dadLL = "33:33:ff:00:00:02 :: > ff02::1:ff00:2 ICMP6 neighbor-solicitation fe80::ff:fe00:2 nonce"

func TestDuplicateAddressDetection(t *testing.T) { // RFC 4862, 5.4
	c := prompt()
	c.IPv6.DADTransmits = 3
	k := newKit6(t, c)
	var events []string
	k.node.OnAddress = func(_ *stack.Interface, p netip.Prefix, e stack.AddressEvent) {
		events = append(events, p.String()+" "+e.String())
	}
	k.advance(0)
	k.want("the first", dadLL)
	k.advance(time.Second - 1)
	k.quiet("RETRANS_TIMER")
	k.advance(1)
	k.want("the second", dadLL)
	k.advance(time.Second)
	k.want("the third", dadLL)
	k.wantAddresses6("still", "fe80::ff:fe00:2/64 tentative")
	k.send(solicit6(testerLL, nodeLL))
	k.quiet("a tentative address is not answered for (5.4.3)")
	k.advance(time.Second - 1)
	k.wantAddresses6("still", "fe80::ff:fe00:2/64 tentative")
	k.advance(1)
	k.wantAddresses6("nobody has it", "fe80::ff:fe00:2/64")
	if want := []string{"fe80::ff:fe00:2/64 ready"}; !slices.Equal(events, want) {
		t.Errorf("events %v, want %v", events, want)
	}
}

func TestFirstSolicitationIsDelayed(t *testing.T) { // RFC 4862, 5.4.2
	seen := map[time.Duration]bool{}
	for seed := range uint64(20) {
		c := prompt()
		c.Seed, c.IPv6.RSDelay = seed, time.Second
		k := newKit6(t, c)
		for len(k.frames) == 0 {
			if ran, err := k.loop.Step(time.Second); !ran || err != nil {
				t.Fatalf("nothing came within a second: %v", err)
			}
		}
		seen[k.loop.Now()] = true
		k.want("it comes within a second", dadLL)
		k.advance(time.Minute)
	}
	if len(seen) < 15 {
		t.Errorf("%d instants of 20 are different: at random they are", len(seen))
	}
}

func TestDuplicates(t *testing.T) { // RFC 4862, 5.4.3 to 5.4.5
	dad := func(nonce []byte) []byte {
		m := icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: node6})
		if nonce != nil {
			m = icmpv6.AppendOption(m, icmpv6.Option{Type: icmpv6.Nonce, Data: nonce})
		}
		return nd6(ipv6.Addr{}, node6.SolicitedNode(), m)
	}
	for _, tt := range []struct {
		name      string
		frame     []byte
		duplicate bool
	}{
		{"an advertisement", advert6(node6, ipv6.AllNodes, "O", testerMAC), true},
		{"a solicitation from ::", dad(nil), true},
		{"one with another nonce", dad([]byte("other!")), true},
		{"a solicitation from an address", solicit6(tester6, node6), false},
		{"an advertisement of another address", advert6(tester6, ipv6.AllNodes, "O", testerMAC), false},
	} {
		k := newKit6(t, prompt())
		k.advance(time.Minute)
		k.frames = nil
		if err := k.node.AddAddress(k.eth, netip.PrefixFrom(node6.Netip(), 64)); err != nil {
			t.Fatal(err)
		}
		k.advance(time.Second / 2)
		k.want("the solicitation", "33:33:ff:00:00:02 :: > ff02::1:ff00:2 ICMP6 neighbor-solicitation 2001:db8::2 nonce")
		k.send(tt.frame)
		k.advance(time.Minute)
		k.quiet(tt.name)
		want := "fe80::ff:fe00:2/64, 2001:db8::2/64"
		if tt.duplicate {
			want = "fe80::ff:fe00:2/64"
		}
		k.wantAddresses6(tt.name, want)
	}
}

func TestLinkThatEchoes(t *testing.T) { // RFC 7527, 4
	k := newKit6(t, prompt())
	k.advance(0)
	echo := k.want("the solicitation", dadLL)
	k.advance(time.Second / 2)
	k.send(echo)
	k.wantAddresses6("our own solicitation is no duplicate", "fe80::ff:fe00:2/64 tentative")
	for range 3 {
		k.advance(time.Second)
		k.want("it asks again, three times", dadLL)
	}
	k.advance(time.Second)
	k.wantAddresses6("the link echoes no more", "fe80::ff:fe00:2/64")
}

func TestLinkThatEchoesWithoutNonces(t *testing.T) { // RFC 4862, appendix A
	c := prompt()
	c.IPv6.EnhancedDAD = config.Off
	k := newKit6(t, c)
	echo := k.want("the solicitation", strings.TrimSuffix(dadLL, " nonce"))
	echo = append([]byte(nil), echo...)
	k.send(echo)
	k.advance(time.Second)
	k.wantAddresses6("what we sent ourselves is no duplicate", "fe80::ff:fe00:2/64")
}

func TestDuplicateOfTheLinkAddressDisablesIPv6(t *testing.T) { // RFC 4862, 5.4.5
	k := newKit6(t, prompt())
	k.advance(0)
	k.want("the solicitation", dadLL)
	k.send(advert6(nodeLL, ipv6.AllNodes, "O", testerMAC))
	k.advance(time.Minute)
	k.send(advertise6(icmpv6.RouterAdvertisement{Lifetime: 1800}, prefix6("2001:db8::/64", 7200, 3600)))
	k.advance(time.Minute)
	k.send(echo6(testerLL, ipv6.AllNodes, "anybody?"))
	k.quiet("the interface is not used for IPv6")
	k.wantAddresses6("there is none", "")
	k.eth.SetUp(false)
	k.eth.SetUp(true)
	k.advance(time.Minute)
	k.want("another link is another chance", dadLL)
	k.wantAddresses6("nobody has it there", "fe80::ff:fe00:2/64")
}

func TestAddressesFromPrefixes(t *testing.T) { // RFC 4862, 5.5.3 and 5.5.4
	k := newKit6(t, prompt())
	k.advance(time.Second)
	k.want("the link-local address", dadLL)
	formed := ipv6.MustParseAddr("2001:db8::ff:fe00:2")
	for name, option := range map[string][]byte{
		"a prefix of 63 bits": prefix6("2001:db8::/63", 7200, 3600),
		"the link-local one":  prefix6("fe80::/64", 7200, 3600),
		"preferred beyond":    prefix6("2001:db8::/64", 3600, 7200),
		"a lifetime of 0":     prefix6("2001:db8::/64", 0, 0),
	} {
		k.send(advertise6(icmpv6.RouterAdvertisement{}, option))
		k.advance(2 * time.Second)
		k.quiet(name)
	}
	k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6("2001:db8::/64", 10000, 9000)))
	k.want("one that is free", "33:33:ff:00:00:02 :: > ff02::1:ff00:2 ICMP6 neighbor-solicitation 2001:db8::ff:fe00:2 nonce")
	k.advance(time.Second)
	k.wantAddresses6("is there", "fe80::ff:fe00:2/64, 2001:db8::ff:fe00:2/64")
	k.lifetimes6("as advertised", formed, 8999*time.Second, 9999*time.Second)
	k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6("2001:db8::/64", 60, 30)))
	k.lifetimes6("no less than two hours", formed, 30*time.Second, 2*time.Hour)
	k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6("2001:db8::/64", 7201, 30)))
	k.lifetimes6("more than two hours is believed", formed, 30*time.Second, 7201*time.Second)
	k.advance(2 * time.Second)
	k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6("2001:db8::/64", 10, 5)))
	k.lifetimes6("less than two hours left stay", formed, 5*time.Second, 7199*time.Second)
	k.advance(5*time.Second - 1)
	k.wantAddresses6("preferred", "fe80::ff:fe00:2/64, 2001:db8::ff:fe00:2/64")
	k.advance(1)
	k.wantAddresses6("to the nanosecond", "fe80::ff:fe00:2/64, 2001:db8::ff:fe00:2/64 deprecated")
	k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6("2001:db8::/64", 8000, 10)))
	k.wantAddresses6("and again", "fe80::ff:fe00:2/64, 2001:db8::ff:fe00:2/64")
	k.advance(8000*time.Second - 1)
	k.wantAddresses6("valid", "fe80::ff:fe00:2/64, 2001:db8::ff:fe00:2/64 deprecated")
	k.advance(1)
	k.wantAddresses6("to the nanosecond", "fe80::ff:fe00:2/64")
}

func TestStableIdentifiers(t *testing.T) { // RFC 7217
	form := func(seed uint64, prefix string) string {
		c := prompt()
		c.Seed, c.IPv6.StableIID, c.IPv6.DAD = seed, config.On, config.Off
		k := newKit6(t, c)
		k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6(prefix, 7200, 3600)))
		return k.addresses6()
	}
	a := form(1, "2001:db8::/64")
	if a != form(1, "2001:db8::/64") {
		t.Error("not the same in the same subnet")
	}
	id := func(s string) string { return s[strings.LastIndex(s, "db8")+4:] }
	for _, other := range []string{form(2, "2001:db8::/64"), form(1, "2001:db9::/64")} {
		if id(a) == id(other) {
			t.Errorf("the same elsewhere: %s, %s", a, other)
		}
	}
	if strings.Contains(a, "ff:fe") {
		t.Errorf("made of the link address: %s", a)
	}
}

func TestStableIdentifierIsTriedAgain(t *testing.T) { // RFC 7217, 6
	c := prompt()
	c.IPv6.StableIID = config.On
	k := newKit6(t, c)
	tries := map[ipv6.Addr]bool{}
	var delays []time.Duration
	for range 3 {
		at := k.loop.Now()
		for len(k.frames) == 0 && k.loop.Now() < at+time.Second {
			if _, err := k.loop.Step(at + time.Second); err != nil {
				t.Fatal(err)
			}
		}
		delays = append(delays, k.loop.Now()-at)
		n, _, err := icmpv6.ParseNeighbor(k.next("a solicitation within IDGEN_DELAY")[54:])
		if err != nil {
			t.Fatal(err)
		}
		tries[n.Target] = true
		k.send(advert6(n.Target, ipv6.AllNodes, "O", testerMAC))
	}
	if delays[1] == delays[2] || delays[1] == 0 || delays[2] == time.Second {
		t.Errorf("delays %v: they are random", delays)
	}
	k.advance(time.Hour)
	k.quiet("three are enough")
	if len(tries) != 3 {
		t.Errorf("%d different addresses, want 3", len(tries))
	}
}

func TestTemporaryAddresses(t *testing.T) { // RFC 8981
	c := prompt()
	c.IPv6.TempAddresses, c.IPv6.DAD = config.On, config.Off
	const regen = 2 * time.Second // REGEN_ADVANCE without DAD
	k := newKit6(t, c)
	refresh := func() {
		k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6("2001:db8::/64", 2592000, 604800)))
	}
	temporary := func() (all []slaac.Info) {
		for _, a := range k.node.Addresses6(k.eth) {
			if a.Temporary {
				all = append(all, a)
			}
		}
		return all
	}
	refresh()
	first := temporary()
	if len(first) != 1 || len(k.node.Addresses6(k.eth)) != 3 {
		t.Fatalf("addresses: %s", k.addresses6())
	}
	if p, v := first[0].Preferred, first[0].Valid; p > 24*time.Hour || p < 24*time.Hour*6/10 || v != 48*time.Hour {
		t.Errorf("preferred %v, valid %v", p, v)
	}
	k.advance(first[0].Preferred - regen - 1 - k.loop.Now())
	if n := len(temporary()); n != 1 {
		t.Errorf("%d before its time", n)
	}
	k.advance(1)
	two := temporary()
	if len(two) != 2 || two[0].Prefix.Addr() == two[1].Prefix.Addr() {
		t.Fatalf("a successor comes in time: %s", k.addresses6())
	}
	k.advance(regen)
	if two = temporary(); !two[0].Deprecated || two[1].Deprecated {
		t.Errorf("the first is deprecated, its successor is not: %s", k.addresses6())
	}
	for range 30 {
		refresh()
		k.advance(24 * time.Hour)
		if n := len(temporary()); n > 5 {
			t.Fatalf("%d temporary addresses", n)
		}
	}
	if a, _ := k.node.IPv6.LinkLocal(k.eth.Iface); a != nodeLL {
		t.Errorf("link-local address %v", a)
	}
}

func TestAddressesAreBounded6(t *testing.T) {
	c := prompt()
	c.IPv6.DAD = config.Off
	k := newKit6(t, c)
	for n := range 1000 {
		p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, byte(n >> 8), byte(n)}), 64)
		k.send(advertise6(icmpv6.RouterAdvertisement{}, prefix6(p.String(), 7200, 3600)))
	}
	if n := len(k.node.Addresses6(k.eth)); n != 32 {
		t.Errorf("%d addresses, want 32", n)
	}
	if n := len(k.node.ND.Link(k.eth.Iface).Prefixes()); n != 16 {
		t.Errorf("%d prefixes, want 16", n)
	}
}

func TestOptimisticAddresses(t *testing.T) { // RFC 4429
	c := prompt()
	c.IPv6.OptimisticDAD = config.On
	k := newKit6(t, c)
	k.advance(0)
	k.want("duplicates are looked for", dadLL)
	k.send(solicit6(testerLL, nodeLL))
	k.want("and meanwhile the address is answered for, without Override",
		"00:01 fe80::ff:fe00:2 > fe80::1 ICMP6 neighbor-advertisement fe80::ff:fe00:2 S target 02:00:00:00:00:02")
	k.send(echo6(testerLL, nodeLL, "x"))
	k.want("and used", `00:01 fe80::ff:fe00:2 > fe80::1 ICMP6 echo-reply id 7 seq 1 "x"`)
	other := ipv6.MustParseAddr("fe80::99")
	k.send(echo6(other, nodeLL, "x"))
	k.advance(time.Second / 2)
	k.quiet("but not to ask for neighbours (3.2)")
	k.send(advert6(nodeLL, ipv6.AllNodes, "O", testerMAC))
	k.wantAddresses6("somebody has it", "")
	k.advance(time.Hour)
}

func TestInterfaceThatComesBack6(t *testing.T) { // RFC 4862, 5.4.2; RFC 4861, 6.3.7
	c := prompt()
	c.IPv6.RouterSolicit, c.IPv6.RSBackoff = config.On, config.Off
	c.IPv6.RSCount = 1
	k := newKit6(t, c)
	if err := k.node.AddAddress(k.eth, netip.PrefixFrom(node6.Netip(), 64)); err != nil {
		t.Fatal(err)
	}
	k.advance(time.Minute)
	k.frames = nil
	k.send(advertise6(icmpv6.RouterAdvertisement{Lifetime: 1800, HopLimit: 9}, prefix6("2001:db8:7::/64", 7200, 3600)))
	k.advance(time.Minute)
	k.frames = nil
	k.wantAddresses6("configured", "fe80::ff:fe00:2/64, 2001:db8::2/64, 2001:db8:7::ff:fe00:2/64")
	k.eth.SetUp(false)
	k.advance(time.Hour)
	k.wantAddresses6("what was learned of the link is gone", "2001:db8::2/64")
	k.eth.SetUp(true)
	k.advance(0)
	k.want("what was set by hand is looked for again", "33:33:ff:00:00:02 :: > ff02::1:ff00:2 ICMP6 neighbor-solicitation 2001:db8::2 nonce")
	k.want("and a link-local address formed", dadLL)
	k.advance(time.Second)
	k.want("then routers are asked", "33:33:00:00:00:02 fe80::ff:fe00:2 > ff02::2 ICMP6 router-solicitation source 02:00:00:00:00:02")
	k.wantAddresses6("there are no others", "2001:db8::2/64, fe80::ff:fe00:2/64")
	if h := k.node.IPv6.HopLimit(k.eth.Iface); h != 64 {
		t.Errorf("hop limit %d of the link before", h)
	}
}

func TestUnsolicitedAdvertisement(t *testing.T) { // RFC 4861, 7.2.6
	c := prompt()
	c.IPv6.UnsolicitedNA = config.On
	k := newKit6(t, c)
	k.advance(time.Second)
	k.want("duplicates are looked for", dadLL)
	k.want("and all are told", "33:33:00:00:00:01 fe80::ff:fe00:2 > ff02::1 ICMP6 neighbor-advertisement fe80::ff:fe00:2 O target 02:00:00:00:00:02")
}

// The same seed gives the same frames at the same instants, another one others.
func TestSeedsDecide6(t *testing.T) {
	run := func(seed uint64) string {
		k := bareKit6(t, config.Config{Seed: seed, IPv6: config.IPv6{TempAddresses: config.On, StableIID: config.On}})
		if err := k.node.EnableIPv6(k.eth); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		ra := advertise6(icmpv6.RouterAdvertisement{Lifetime: 1800, Reachable: 10000}, prefix6("2001:db8:7::/64", 7200, 3600))
		for step := range 30 {
			k.advance(time.Second)
			for _, f := range k.frames {
				fmt.Fprintf(&log, "%v %x\n", k.loop.Now(), f)
			}
			k.frames = nil
			if step%10 == 5 {
				k.far.Send(ra)
			}
		}
		return log.String()
	}
	a, b := run(7), run(7)
	if a != b {
		t.Errorf("two runs of one seed differ:\n%s\n%s", a, b)
	}
	if a == run(8) {
		t.Error("two seeds give one run")
	}
}

// A world that is quiet: what is kept is in use at once, and makes the interface form no link-local address of its own.
func TestKeptAddresses6(t *testing.T) {
	k := bareKit6(t, config.Config{IPv6: config.IPv6{RouterSolicit: config.Off, MLD: config.Off}})
	for _, p := range []string{"fe80::2/64", "2001:db8::2/64"} {
		if err := k.node.KeepAddress(k.eth, netip.MustParsePrefix(p)); err != nil {
			t.Fatal(err)
		}
	}
	k.advance(time.Hour)
	k.quiet("nothing is said of them")
	k.wantAddresses6("there are no others", "fe80::2/64, 2001:db8::2/64")
	k.know6(testerLL, testerMAC)
	k.send(echo6(testerLL, ipv6.MustParseAddr("fe80::2"), "x"))
	k.want("they are in use", `00:01 fe80::2 > fe80::1 ICMP6 echo-reply id 7 seq 1 "x"`)
}

// Link-local addresses of both versions live on one interface: what happens to one is nothing to the other.
func TestLinkLocalAddressesOfBothVersions(t *testing.T) {
	c := prompt()
	c.LinkLocal4 = config.On
	k := bareKit6(t, c)
	if err := k.node.EnableIPv6(k.eth); err != nil {
		t.Fatal(err)
	}
	k.advance(time.Minute)
	k.wantAddresses6("one of IPv6", "fe80::ff:fe00:2/64")
	v4 := func() (all []netip.Addr) {
		for _, a := range k.eth.Addresses() {
			if a.Addr().Is4() {
				all = append(all, a.Addr())
			}
		}
		return all
	}
	if a := v4(); len(a) != 1 || !a[0].IsLinkLocalUnicast() {
		t.Fatalf("addresses of IPv4: %v", a)
	}
	if err := k.node.AddAddress(k.eth, subnet); err != nil { // RFC 3927, 1.9: it takes the place of the other
		t.Fatal(err)
	}
	if _, ok := k.eth.Address(nodeLL.Netip()); !ok || len(v4()) != 1 {
		t.Errorf("addresses: %v", k.eth.Addresses())
	}
	k.node.RemoveAddress(k.eth, subnet.Addr())
	k.advance(time.Minute)
	if a := v4(); len(a) != 1 || !a[0].IsLinkLocalUnicast() {
		t.Errorf("addresses of IPv4 at the end: %v", a)
	}
	k.frames = nil
}
