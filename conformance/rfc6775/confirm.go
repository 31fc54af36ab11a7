package rfc6775

import (
	"net"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

// A fault is what is wrong with a message, and the requirement by which it has no effect.
type fault struct {
	name, requirement string
	conds             []packet.Cond
}

func (f fault) String() string { return f.name }

// others counts an assertion of what the other cases of a grid are about.
func others(p *probe.P, faults []fault, f fault) {
	for _, o := range faults {
		if o.requirement != f.requirement {
			p.Meets(o.requirement)
		}
	}
}

// claimed has each fault's requirement be proven by a target that overlooks it.
func claimed(faults []fault) check.Claims {
	c := check.Proves(faults[0].requirement, mutate.Gullible())
	seen := map[string]bool{faults[0].requirement: true}
	for _, f := range faults {
		if !seen[f.requirement] {
			seen[f.requirement] = true
			c = c.And(f.requirement, mutate.Gullible())
		}
	}
	return c
}

// ofNothing is an option whose length is 0, which ends nowhere.
var ofNothing = ndp.RawOption(200, 0, 0, 0, 0, 0, 0, 0)

// faulty are confirmations that are not valid (RFC 6775, 8.2.1), or are about nothing that is being asked for (8.2.5).
var faulty = []fault{
	{"checksum", "RFC6775:8.2.1-2", []packet.Cond{icmpv6.Checksum.Is(0x1234)}},
	{"registered address is a group", "RFC6775:8.2.1-5", []packet.Cond{ndp.DADAddr.Is(ipv6.MustAddr("ff02::1:ff00:1"))}},
	{"option of length 0", "RFC6775:8.2.1-6", []packet.Cond{ndp.DADOptions.Is(ofNothing)}},
	{"source is unspecified", "RFC6775:8.2.1-7", []packet.Cond{ipv6.Src.Is(ipv6.Unspecified)}},
	{"source is a group", "RFC6775:8.2.1-7", []packet.Cond{ipv6.Src.Is(ipv6.MustAddr("ff05::1"))}},
	{"other EUI-64", "RFC6775:8.2-7", []packet.Cond{ndp.DADEUI64.Is(net.HardwareAddr{2, 7, 7, 7, 7, 7, 7, 7})}},
	{"other address", "RFC6775:8.2.5-1", []packet.Cond{ndp.DADAddr.Is(ipv6.MustAddr("2001:db8:1::7777"))}},
}

// asked lets a host register its address, and gives the question of the router about it.
func (w world) asked(t *probe.Tester, minutes uint16) *packet.Frame {
	t.Send(w.register(t, minutes))
	return w.lan.Expect(ndp.DAR(ndp.DADAddr.Is(t.IP())), probe.For(), probe.Within(soon), probe.Because("the border router is to be asked"))
}

// taken lets the address of a host be registered.
func (w world) taken(t *probe.Tester, minutes uint16) {
	at := w.Now() - time.Microsecond
	w.lan.Send(w.confirmation(w.asked(t, minutes), 0))
	w.Wait(time.Second)
	if len(w.after(ndp.Advert(ndp.NAStatus.Is(0)), at)) == 0 {
		w.Inconclusive("the target did not accept the registration of %v", t.IP())
	}
}

// wrapped is a packet with an Authentication Header whose value cannot be right, in front of its message.
func wrapped(f *packet.Frame) packet.Template {
	b := f.Packet()
	src, _ := ipv6.Src.Of(f)
	dst, _ := ipv6.Dst.Of(f)
	ah := append([]byte{58, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, 12)...)
	return ipv6.Header(ipv6.Src.Is(src), ipv6.Dst.Is(dst), ipv6.NextHeader.Is(51), ipv6.HopLimit.Is(64)).Then(packet.Payload(append(ah, b[40:]...)))
}

func init() {
	check.Grid(suite, "nd.router.confirmation.invalid", "a confirmation that is not valid, or about nothing that was asked, has no effect",
		claimed(faulty).Needs(routerNeeds...), faulty,
		func(p *probe.P, f fault) {
			w := begun(p)
			dar := w.asked(w.host(1), 77)
			w.overlooked(f.requirement, w.confirmation(dar, 0).With(f.conds...), w.confirmation(dar, 0))
			others(p, faulty, f)
		})

	suite.It("nd.router.confirmation.short", "a confirmation below 32 octets has no effect",
		check.Proves("RFC6775:8.2.1-4", mutate.Gullible()).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			good := w.confirmation(w.asked(w.host(1), 77), 0)
			b := w.lan.Framed(good).Packet()
			cut := icmpv6.Message(icmpv6.Type.Is(ndp.TypeDAC), icmpv6.Code.Is(0)).Then(packet.Payload(b[44:len(b)-1])).
				With(ipv6.Src.Is(w.border()), ipv6.Dst.Is(w.address()), ipv6.HopLimit.Is(64))
			w.overlooked("RFC6775:8.2.1-4", cut, good)
		})

	suite.It("nd.router.confirmation.authentic", "a confirmation whose authentication cannot be right has no effect",
		check.Proves("RFC6775:8.2.1-1", mutate.Gullible()).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			good := w.confirmation(w.asked(w.host(1), 77), 0)
			w.overlooked("RFC6775:8.2.1-1", wrapped(w.lan.Framed(good)), good)
		})

	ignored := []fault{
		{"hop limit 1", "RFC6775:8.2.1-9", []packet.Cond{ipv6.HopLimit.Is(1)}},
		{"hop limit 255", "RFC6775:4.4-5", []packet.Cond{ipv6.HopLimit.Is(255)}},
		{"reserved octet", "RFC6775:4.4-9", []packet.Cond{ndp.DADReserved.Is(9)}},
		{"unknown option", "RFC6775:8.2.1-8", []packet.Cond{ndp.DADOptions.Is(ndp.Option(200, 1, 2, 3, 4, 5, 6))}},
	}
	check.Grid(suite, "nd.router.confirmation.ignored", "of a confirmation the hop limit, the reserved octet and unknown options are not looked at",
		check.Proves("RFC6775:8.2.1-9", mutate.Ignores(ndp.DAC().With(ipv6.HopLimit.Is(1)))).
			And("RFC6775:4.4-5", mutate.Ignores(ndp.DAC().With(ipv6.HopLimit.Is(255)))).
			And("RFC6775:4.4-9", mutate.Ignores(ndp.DAC(ndp.DADReserved.Is(9)))).
			And("RFC6775:8.2.1-8", mutate.Ignores(ndp.DAC(ndp.DADOptions.Where("there", func(b []byte) bool { return len(b) > 0 })))).Needs(routerNeeds...),
		ignored,
		func(p *probe.P, f fault) {
			w := begun(p)
			dar := w.asked(w.host(1), 77)
			at := w.Now() - time.Microsecond
			w.lan.Send(w.confirmation(dar, 0).With(f.conds...))
			p.Wait(500 * time.Millisecond)
			p.That(f.requirement, "answers to the host", len(w.after(ndp.Advert(ndp.NAStatus.Is(0)), at)), gomega.BeNumerically(">=", 1))
			others(p, ignored, f)
		})

	suite.It("nd.router.confirmation.late", "neither a request nor a confirmation changes what is registered already",
		check.Proves("RFC6775:8.2.5-3", mutate.Hushed(ndp.DAC(ndp.DADStatus.Is(1)), toHost())).
			And("RFC6775:8.2.3-5", mutate.Hushed(ndp.DAR(ndp.DADLifetime.Is(0)), toHost())).
			And("RFC6775:3.4-2", mutate.Hushed(ndp.DAR(ndp.DADLifetime.Is(5)), toHost())).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			dar := w.asked(t, 77)
			w.lan.Send(w.confirmation(dar, 0))
			p.Wait(time.Second)
			if !w.passes(t) {
				p.Inconclusive("the target passes nothing on to a host that has registered")
			}
			request := func(eui net.HardwareAddr, minutes uint) packet.Template {
				return ndp.DAR(ndp.DADAddr.Is(t.IP()), ndp.DADEUI64.Is(eui), ndp.DADLifetime.Is(minutes)).With(ipv6.Src.Is(w.border()), ipv6.Dst.Is(w.address()))
			}
			w.lan.Send(request(net.HardwareAddr{2, 7, 7, 7, 7, 7, 7, 7}, 5))
			p.That("RFC6775:3.4-2", "a packet for the host is passed on after a request for somebody else", w.passes(t), gomega.BeTrue())
			w.lan.Send(request(t.Host().MAC, 0))
			p.That("RFC6775:8.2.3-5", "a packet for the host is passed on after a request to remove it", w.passes(t), gomega.BeTrue())
			w.lan.Send(w.confirmation(dar, ndp.StatusDuplicate))
			p.That("RFC6775:8.2.5-3", "a packet for the host is passed on after another confirmation", w.passes(t), gomega.BeTrue())
		})

	suite.It("nd.router.confirmation.error", "after a confirmation of an error nothing is left of the registration: the next one is asked about anew",
		check.Proves("RFC6775:8.2.5-2", mutate.Drops(ndp.DAR(ndp.DADLifetime.Is(77)), 1)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			w.lan.Send(w.confirmation(w.asked(t, 77), ndp.StatusDuplicate))
			p.Wait(2 * time.Second)
			at := w.Now() - time.Microsecond
			t.Send(w.register(t, 77))
			p.Wait(time.Second)
			p.That("RFC6775:8.2.5-2", "requests about the address, which is registered once more", len(w.after(ndp.DAR(ndp.DADAddr.Is(t.IP())), at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.router.request.form", "a request is of type 157, 32 octets long, and goes to the address of the border router",
		check.Proves("RFC6775:4.4-1", mutate.Field(ndp.DAR(), ndp.DADOptions.Is(make([]byte, 4)))).
			And("RFC6775:4.4-3", mutate.Field(ndp.DAR(), ipv6.Dst.Is(ipv6.MustAddr("fe80::9")))).
			And("RFC6775:8-1", mutate.Missing(ndp.DAR())).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			at := w.Now() - time.Microsecond
			t.Send(w.register(t, 77))
			p.Wait(time.Second)
			dars := w.after(ndp.DAR(), at)
			p.That("RFC6775:8-1", "requests to the border router", len(dars), gomega.BeNumerically(">=", 1))
			for _, dar := range dars {
				p.That("RFC6775:4.4-1", "the length of the message", len(dar.Packet())-40, gomega.Equal(32))
				p.Must("RFC6775:4.4-3", dar, ipv6.Dst.Is(w.border()))
			}
		})

	suite.It("nd.unconfigured", "a node that does not do this kind of Neighbor Discovery discards requests and confirmations",
		check.Proves("RFC6775:11-1", mutate.Forge(ndp.DAR(), ndp.DAC())),
		func(p *probe.P) {
			lan := p.IPv6()
			local := lan.Host()
			lan.Send(ndp.DAR(ndp.DADAddr.Is(local.IP6), ndp.DADEUI64.Is(local.MAC), ndp.DADLifetime.Is(60)))
			lan.Send(ndp.DAC(ndp.DADAddr.Is(local.IP6), ndp.DADEUI64.Is(local.MAC), ndp.DADLifetime.Is(60)))
			id := lan.Serial()
			lan.Ask(icmpv6.Echo(id, 1, nil), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For())
			p.That("RFC6775:11-1", "confirmations and errors", len(lan.Seen(ndp.DAC()))+len(lan.Seen(ndp.DAR()))+len(lan.Seen(icmpv6.Error())), gomega.BeZero())
		})
}

// overlooked sends the target a bad confirmation, which has no effect, and then a good one, which the host is told of.
func (w world) overlooked(req string, bad, good packet.Template) {
	at := w.Now() - time.Microsecond
	w.lan.SendBad(bad, good)
	w.Wait(300 * time.Millisecond)
	w.That(req, "answers to the host", len(w.after(anyNA, at)), gomega.BeZero())
	w.lan.Send(good)
	w.Wait(300 * time.Millisecond)
	if len(w.after(anyNA, at)) == 0 {
		w.Inconclusive("the target did not answer the host after a good confirmation either")
	}
}

// in is an address of the network with an identifier.
func (w world) in(id byte) netip.Addr {
	a := w.lan.Net().Prefix6.Addr().As16()
	a[15] = id
	return netip.AddrFrom16(a)
}
