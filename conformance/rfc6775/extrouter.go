package rfc6775

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var router2Needs = append([]target.Feature{target.Registers2}, routerNeeds...)

// begun2 is begun, with a border router and a router before it that know RFC 8505.
func begun2(p *probe.P) world {
	w := start(p)
	w.registeredBy(600, ndp.CIO(ndp.CapE|ndp.CapL|ndp.CapD|ndp.CapB))
	p.Wait(30 * time.Second)
	return w
}

// A claim2 is a registration as RFC 8505 has it: of an address, from a link-local one.
type claim2 struct {
	at     *probe.Tester // where it is registered from
	from   netip.Addr    // its link-local address when not valid
	addr   netip.Addr
	option ndp.EARO
}

// register2 is the solicitation of a registration with the target.
func (w world) register2(c claim2) packet.Template {
	if !c.from.IsValid() {
		c.from = c.at.Host().LinkLocal
	}
	if c.option.ROVR == nil {
		c.option.ROVR = c.at.Host().MAC
	}
	return ndp.Solicitation(ndp.NSTarget.Is(c.addr), ndp.NSOptions.Is(ndp.Options(ndp.SourceLink(c.at.MAC()), c.option.Option()))).
		With(ipv6.Src.Is(c.from), ipv6.Dst.Is(w.lan.Net().Target.LinkLocal))
}

// minutes77 is an option with a transaction id, and lifetime 77.
func minutes77(tid byte) ndp.EARO { return ndp.EARO{Flags: 3, TID: tid, Lifetime: 77} }

// settles sends a registration, lets the border router agree to it if it is asked, and gives what the target answers.
func (w world) settles(ns packet.Template) *packet.Frame {
	at := w.Now() - time.Microsecond
	before := len(w.lan.Seen(ndp.DAR()))
	w.lan.Send(ns)
	for range 10 {
		w.Wait(100 * time.Millisecond)
		dars := w.lan.Seen(ndp.DAR())
		for _, dar := range dars[before:] {
			w.agree(dar, 0)
		}
		before = len(dars)
	}
	return last(w.after(anyNA, at))
}

func last(fs []*packet.Frame) *packet.Frame {
	if len(fs) == 0 {
		return nil
	}
	return fs[len(fs)-1]
}

// agree is the border router's answer to a request of either kind.
func (w world) agree(dar *packet.Frame, status byte) {
	d, ok := ndp.DuplicateOf(dar)
	if !ok { // who asks so has no answer
		return
	}
	src, _ := ipv6.Src.Of(dar)
	d.Status, d.Options = status, nil
	w.lan.Send(ndp.DAC(d.Conds()...).With(ipv6.Src.Is(w.border()), ipv6.Dst.Is(src)))
}

// statusIn is that of an answer; -1 without one.
func statusIn(na *packet.Frame) int {
	if na == nil {
		return -1
	}
	v, ok := ndp.NAStatus.Of(na)
	if !ok {
		return -1
	}
	return int(v)
}

// earoIn is the option of a message.
func earoIn(f *packet.Frame) ndp.EARO {
	if f == nil {
		return ndp.EARO{}
	}
	e, _ := ndp.EAROOf(first0(ndp.Find(f, ndp.AROType)))
	return e
}

// reaches tells whether the target passes a packet for an address on to a link address.
func (w world) reaches(a netip.Addr, at net.HardwareAddr) bool {
	id := w.lan.Serial()
	since := w.Now()
	w.lan.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Src.Is(remote), ipv6.Dst.Is(a)))
	w.Wait(500 * time.Millisecond)
	return len(w.after(icmpv6.EchoRequest(icmpv6.ID.Is(id)).With(ieee802154.Dst.Is(at)), since)) > 0
}

// rovrOf is an identifier of so many octets.
func rovrOf(octets int) (b []byte) {
	for i := range octets {
		b = append(b, byte(0x41+i))
	}
	return b
}

func init() {
	local := func(n target.Net) packet.Template { return anyNA.With(ndp.NATarget.Is(n.Testers[1].LinkLocal)) }
	suite.It("nd.ext.router.local", "a link-local address is registered at once, without the border router",
		check.Proves("RFC8505:5.6-3", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(ndp.Solicit(n.Testers[1].LinkLocal), ndp.DAR(ndp.DADAddr.Is(n.Testers[1].LinkLocal)))
		})).
			And("RFC8505:5.6-10", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Late(local(n), 3*time.Second) })).
			And("RFC8505:5.6-9", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(local(n), ndp.NAStatus.Is(5)) })).
			Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.lan.As(1)
			at := w.Now() - time.Microsecond
			t.Send(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: minutes77(240)}))
			p.Wait(time.Second)
			nas := w.after(anyNA, at)
			p.That("RFC8505:5.6-10", "answers within a second", len(nas), gomega.BeNumerically(">=", 1))
			p.That("RFC8505:5.6-9", "the status of the answer", statusIn(last(nas)), gomega.BeElementOf(0, -1))
			p.That("RFC8505:5.6-3", "requests to the border router about it", len(w.after(ndp.DAR(ndp.DADAddr.Is(t.Host().LinkLocal)), at)), gomega.BeZero())
		})

	suite.It("nd.ext.router.form", "an address is asked about in the extended form, and answered by the target, with the option of the request",
		check.Proves("RFC8505:4.2-1", mutate.Field(ndp.DAR(), ndp.DADReserved.Is(9))).
			And("RFC8505:4.2-2", mutate.Field(ndp.DAR(), icmpv6.Code.Is(0x11))).
			And("RFC8505:4.2-4", mutate.Field(ndp.DAR(), icmpv6.Code.Is(0))).
			And("RFC8505:4.2-5", mutate.Field(ndp.DAR(), icmpv6.Code.Is(2))).
			And("RFC8505:5.4-1", mutate.Field(ndp.DAR(), ndp.DADOptions.Is(make([]byte, 8)))).
			And("RFC8505:5.6-12", mutate.Missing(ndp.DAR(ndp.DADLifetime.Is(77)))).
			And("RFC8505:5.5-5", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(ndp.Advert(ndp.NALifetime.Is(77)), ndp.NATarget.Is(n.Target.LinkLocal))
			})).
			And("RFC8505:6-4", mutate.Field(ndp.Advert(ndp.NALifetime.Is(77)), ndp.NAFlags.Is(2))).
			And("RFC8505:4.1-1", mutate.Field(ndp.Advert(ndp.NALifetime.Is(77)), ndp.NATID.Is(0))).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: ndp.EARO{Flags: 3, TID: 240, Lifetime: 60}}))
			at := w.Now() - time.Microsecond
			na := w.settles(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(241)}))
			dars := w.after(ndp.DAR(), at)
			p.That("RFC8505:5.6-12", "requests to the border router", len(dars), gomega.BeNumerically(">=", 1))
			for _, dar := range dars {
				p.Must("RFC8505:4.2-1", dar, ndp.DADReserved.Is(241))
				code, _ := icmpv6.Code.Of(dar)
				p.That("RFC8505:4.2-2", "the upper half of the code", code>>4, gomega.Equal(uint(0)))
				p.That("RFC8505:4.2-4", "the lower half of the code", code&15, gomega.Not(gomega.Equal(uint(0))))
				p.That("RFC8505:4.2-5", "the lower half of the code", code&15, gomega.Equal(uint(1)))
				p.That("RFC8505:5.4-1", "the length of the message", len(dar.Packet())-40, gomega.Equal(32))
			}
			if na == nil {
				p.Inconclusive("the target did not answer")
			}
			p.Must("RFC8505:5.5-5", na, ndp.NATarget.Is(t.IP()))
			e := earoIn(na)
			p.That("RFC8505:6-4", "the T flag", e.Flags&1, gomega.Equal(byte(1)))
			want := ndp.EARO{Flags: 3, TID: 241, Lifetime: 77, ROVR: t.Host().MAC}.Option()
			got := slices.Clone(first0(ndp.Find(na, ndp.AROType)))
			if len(got) > 4 {
				got[4] |= 2 // R may be given back or not
			}
			p.That("RFC8505:4.1-1", "the option", got, gomega.Equal(want))
		})

	long := func(code uint) packet.Template { return ndp.DAR(icmpv6.Code.Is(code)) }
	sized := func(units byte) packet.Template {
		return ndp.Solicitation(ndp.NSARO.Where(fmt.Sprintf("of length %d", units), func(o []byte) bool { return len(o) > 1 && o[1] == units }))
	}
	check.Grid(suite, "nd.ext.router.rovr", "an identifier of 64, 128, 192 or 256 bits goes whole to the border router and comes back",
		check.Proves("RFC8505:4.1-3", mutate.Misreads(sized(4), ndp.NSARO.Is(ndp.EARO{Flags: 3, TID: 241, Lifetime: 77, ROVR: rovrOf(8)}.Option()))).
			And("RFC8505:4.1-17", mutate.Ignores(sized(3))).
			And("RFC8505:5.1-2", mutate.Ignores(sized(5))).
			And("RFC8505:4.2-6", mutate.Field(long(2), icmpv6.Code.Is(1))).
			And("RFC8505:9.3-1", mutate.Field(long(4), icmpv6.Code.Is(3))).
			And("RFC8505:4.2-8", mutate.Ignores(ndp.DAC(icmpv6.Code.Is(3)))).Needs(router2Needs...),
		[]int{64, 128, 192, 256},
		func(p *probe.P, bits int) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: ndp.EARO{Flags: 3, TID: 240, Lifetime: 60, ROVR: rovrOf(bits / 8)}}))
			at := w.Now() - time.Microsecond
			na := w.settles(w.register2(claim2{at: t, addr: t.IP(), option: ndp.EARO{Flags: 3, TID: 241, Lifetime: 77, ROVR: rovrOf(bits / 8)}}))
			var dar *packet.Frame
			for _, f := range w.after(ndp.DAR(), at) {
				dar = f
			}
			for _, req := range []string{"RFC8505:4.1-17", "RFC8505:5.1-2"} {
				p.That(req, "a request about the address", dar != nil, gomega.BeTrue())
			}
			if dar == nil {
				return
			}
			code, _ := icmpv6.Code.Of(dar)
			for _, req := range []string{"RFC8505:4.2-6", "RFC8505:9.3-1"} {
				p.That(req, "the code of the request", int(code), gomega.Equal(bits/64))
			}
			p.That("RFC8505:4.1-3", "the length of the request", len(dar.Packet())-40, gomega.Equal(24+bits/8))
			p.That("RFC8505:4.2-8", "the identifier in the answer to the host", earoIn(na).ROVR, gomega.Equal(rovrOf(bits/8)))
		})

	suite.It("nd.ext.router.border", "to a border router that nobody said to know RFC 8505 go the first 64 bits of an identifier",
		check.Proves("RFC8505:6.4-3", mutate.Field(ndp.DAR(), ndp.DADEUI64.Is(rovrOf(16)[8:]))).
			And("RFC8505:6.4-2", mutate.Instead(ndp.DAR(), "with the whole identifier", func(f *packet.Frame) []packet.Cond {
				d, _ := ndp.DuplicateOf(f)
				d.ROVR, d.Code = rovrOf(16), 2
				return d.Conds()
			})).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: ndp.EARO{Flags: 3, TID: 240, Lifetime: 60, ROVR: rovrOf(16)}}))
			at := w.Now() - time.Microsecond
			t.Send(w.register2(claim2{at: t, addr: t.IP(), option: ndp.EARO{Flags: 3, TID: 241, Lifetime: 77, ROVR: rovrOf(16)}}))
			p.Wait(500 * time.Millisecond)
			dars := w.after(ndp.DAR(), at)
			p.That("RFC8505:6.4-2", "requests to the border router", len(dars), gomega.BeNumerically(">=", 1))
			for _, dar := range dars {
				p.That("RFC8505:6.4-2", "the length of the request", len(dar.Packet())-40, gomega.Equal(32))
				p.Must("RFC8505:6.4-3", dar, ndp.DADEUI64.Is(net.HardwareAddr(rovrOf(8))))
			}
		})

	suite.It("nd.ext.router.old", "a host that knows RFC 6775 only is registered as it wants, with requests of RFC 6775; its link-local address without",
		check.Proves("RFC8505:6.2-1", mutate.Ignores(ndp.Solicitation(ndp.NSLifetime.Is(77)))).
			And("RFC8505:6.2-2", mutate.Missing(toHost())).
			And("RFC8505:6.2-3", mutate.Field(ndp.DAR(ndp.DADLifetime.Is(77)), icmpv6.Code.Is(1))).
			And("RFC8505:6.2-4", mutate.Field(ndp.Advert(ndp.NALifetime.Is(77)), ndp.NAARO.None())).
			And("RFC8505:6.2-5", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Forge(ndp.Solicitation(ndp.NSLifetime.Is(78)), ndp.DAR(ndp.DADAddr.Is(n.Testers[1].LinkLocal)))
			})).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.host(1)
			at := w.Now() - time.Microsecond
			t.Send(w.register(t, 78).With(ipv6.Src.Is(t.Host().LinkLocal)))
			p.Wait(500 * time.Millisecond)
			p.That("RFC8505:6.2-5", "requests about a link-local address", len(w.after(ndp.DAR(ndp.DADAddr.Is(t.Host().LinkLocal)), at)), gomega.BeZero())
			na := w.settles(w.register(t, 77))
			dar := last(w.after(ndp.DAR(), at))
			p.That("RFC8505:6.2-1", "a request about its address", dar != nil, gomega.BeTrue())
			if dar != nil {
				p.Must("RFC8505:6.2-3", dar, icmpv6.Code.Is(0), ndp.DADReserved.Is(0))
			}
			p.That("RFC8505:6.2-4", "the answer has a registration, with status", statusIn(na), gomega.Equal(0))
			p.That("RFC8505:6.2-2", "a packet for it is passed on", w.passes(t), gomega.BeTrue())
		})

	check.Grid(suite, "nd.ext.router.ignored", "reserved bits are not looked at, nor is the transaction id without its flag",
		check.Proves("RFC8505:4.1-8", mutate.Ignores(ndp.Solicitation(ndp.NSFlags.Is(0xf3)))).
			And("RFC8505:4.1-13", mutate.Misreads(ndp.Solicitation(ndp.NSFlags.Is(0)), ndp.NSFlags.Is(1))).Needs(router2Needs...),
		[]string{"bits", "id"},
		func(p *probe.P, which string) {
			w := begun2(p)
			t := w.host(1)
			if which == "bits" {
				na := w.settles(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: ndp.EARO{Flags: 0xf3, TID: 240, Lifetime: 60}}))
				p.That("RFC8505:4.1-8", "the status of the answer", statusIn(na), gomega.Equal(0))
				p.Meets("RFC8505:4.1-13")
				return
			}
			for _, tid := range []uint{30, 20} {
				na := w.settles(w.register(t, 77, ndp.NSFlags.Is(0), ndp.NSTID.Is(tid)))
				p.That("RFC8505:4.1-13", "the status of the answer", statusIn(na), gomega.Equal(0))
			}
			p.Meets("RFC8505:4.1-8")
		})
}
