package slaac

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Lifetimes: RFC 4862, 5.5.3 (e) and 5.5.4.

// told is a lifetime in seconds, as an option has it.
type told uint32

func (t told) String() string {
	if t == ndp.Infinite {
		return "for ever"
	}
	return fmt.Sprintf("%d s", uint32(t))
}

// lasting is the time, negative for ever.
func (t told) lasting() time.Duration {
	if t == ndp.Infinite {
		return -1
	}
	return time.Duration(t) * time.Second
}

// A refresh is an advertisement for an address that is there: how long it is valid still, and what is received.
type refresh struct{ remaining, valid, preferred told }

func (r refresh) String() string {
	return fmt.Sprintf("%v left, %v received, preferred %v", r.remaining, r.valid, r.preferred)
}

// stays is for how long the address is valid then (RFC 4862, 5.5.3 (e)), and by which rule.
func (r refresh) stays() (valid told, rules []string) {
	const two = 7200
	switch {
	case r.valid > two:
		return r.valid, []string{"RFC4862:5.5.3-14"}
	case r.valid > r.remaining:
		return r.valid, []string{"RFC4862:5.5.3-15"}
	case r.remaining <= two:
		return r.remaining, []string{"RFC4862:5.5.3-16"}
	}
	return two, []string{"RFC4862:5.5.3-18"}
}

// Proves are the requirements of the case.
func (r refresh) Proves() []string {
	_, rules := r.stays()
	if r.preferred == 0 {
		return append(rules, "RFC4862:5.5.3-13")
	}
	return append(rules, "RFC4862:5.5.3-12")
}

// refreshes is the grid of what may be left and what may be received, on both sides of each edge.
func refreshes() (all []refresh) {
	for _, left := range []told{10, 3600, 7199, 7200, 7201, 7300, 86400, 2592000, ndp.Infinite} {
		for n, valid := range []told{0, 1, 10, 11, 3599, 3600, 7198, 7199, 7200, 7201, 7299, 7301, 86399, 86401, 2592000, ndp.Infinite} {
			preferred := []told{valid, 0, min(valid, 5), valid / 2}[n%4]
			all = append(all, refresh{left, valid, preferred})
		}
	}
	return all
}

func init() {
	ra := ndp.RouterAdvert()
	secondIgnored := mutate.DeafAfter(1, ra, ra)
	lies := func(how string, change func(*agent.Lifetimes)) mutate.Mutation {
		return mutate.Tells(how, func(_ agent.Request, r *agent.Reply) {
			for i := range r.Addrs {
				if l := r.Addrs[i].Lifetimes; l != nil && prefix2.Contains(r.Addrs[i].Addr) {
					change(l)
				}
			}
		})
	}
	check.Grid(suite, "slaac.lifetime.two-hours", "a valid lifetime is not shortened to less than two hours by what anybody may have said; the preferred one follows the advertisement",
		check.Proves("RFC4862:5.5.3-14", secondIgnored).
			And("RFC4862:5.5.3-15", mutate.DeafAfter(1, ndp.RouterAdvert(ndp.Lifetime.Not(0)), ndp.RouterAdvert(ndp.Lifetime.Not(0)))).
			And("RFC4862:5.5.3-16", lies("does as it is told, with less than two hours left", func(l *agent.Lifetimes) {
				if l.Valid >= 0 && l.Valid <= twoHours {
					l.Valid = min(l.Valid, 5*time.Second)
				}
			})).
			And("RFC4862:5.5.3-18", lies("shortens it to one hour", func(l *agent.Lifetimes) {
				if l.Valid > twoHours-3*time.Second && l.Valid <= twoHours {
					l.Valid = time.Hour
				}
			})).
			And("RFC4862:5.5.3-12", lies("does not shorten the preferred lifetime", func(l *agent.Lifetimes) { l.Preferred = l.Valid + time.Hour })).
			And("RFC4862:5.5.3-13", mutate.Tells("never deprecates", func(_ agent.Request, r *agent.Reply) {
				for i := range r.Addrs {
					if r.Addrs[i].State == "deprecated" {
						r.Addrs[i].State = "preferred"
					}
				}
			})).
			Needs(target.SLAAC, target.Management6, target.Agent),
		refreshes(),
		func(p *probe.P, c refresh) {
			r := router(p)
			offers(r, offered(prefix2, uint32(c.remaining), min(5, uint32(c.remaining))))
			a := formed(p, prefix2)
			offers(r, offered(prefix2, uint32(c.valid), uint32(c.preferred)))
			alive(r.LinkLocal())
			valid, rules := c.stays()
			if c.preferred == 0 {
				deprecates(p, a.Addr)
			}
			a, _ = p.Address(a.Addr)
			each(rules, func(req string) { lasts(p, req, "the address", a, valid.lasting(), c.preferred.lasting()) })
			if c.preferred == 0 {
				p.That("RFC4862:5.5.3-13", "the state of the address", a.State, gomega.Equal("deprecated"))
				return
			}
			lasts(p, "RFC4862:5.5.3-12", "the address", a, valid.lasting(), c.preferred.lasting())
			p.That("RFC4862:5.5.3-12", "the state of the address", a.State, gomega.Equal("preferred"))
		})

	suite.It("slaac.lifetime.latest", "of two routers that say different things, the one that spoke last is believed",
		check.Proves("RFC4862:5.6-2", secondIgnored).Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			r := router(p)
			offers(r, offered(prefix2, 90000, 80000))
			a := formed(p, prefix2)
			other := r.As(1).Router()
			offers(other, offered(prefix2, 10000, 5000))
			alive(r.LinkLocal())
			a, _ = p.Address(a.Addr)
			lasts(p, "RFC4862:5.6-2", "the address", a, 10000*time.Second, 5000*time.Second)
			offers(r, offered(prefix2, 90000, 80000))
			alive(r.LinkLocal())
			a, _ = p.Address(a.Addr)
			lasts(p, "RFC4862:5.6-2", "the address", a, 90000*time.Second, 80000*time.Second)
		})

	expiry()
	deprecated()
}

// expiry is what time does to an address.
func expiry() {
	undying := mutate.Misreads(ndp.RouterAdvert(), ndp.RAOptions.Is(offered(prefix2, ndp.Infinite, 4).Option()))
	check.Grid(suite, "slaac.lifetime.ends", "an address is deprecated when its preferred lifetime ends, and gone when its valid lifetime does",
		check.Proves("RFC4862:5.5.4-1", mutate.Tells("is never deprecated", func(_ agent.Request, r *agent.Reply) {
			for i := range r.Addrs {
				if r.Addrs[i].State == "deprecated" {
					r.Addrs[i].State = "preferred"
				}
			}
		})).
			And("RFC4862:2-6", mutate.Misreads(ndp.RouterAdvert(), ndp.RAOptions.Is(offered(prefix2, 1800, 900).Option()))).
			And("RFC4862:5.5.4-10", undying).
			And("RFC4862:2-4", mutate.Forge(ipv6.Header(in(ipv6.Dst, prefix2)).Then(icmpv6.EchoRequest()), ipv6.Header(ipv6.Src.Is(ipv6.MustAddr("2001:db8:a5::1"))).Then(icmpv6.EchoReply()))).
			And("RFC4862:5.5.4-11", mutate.Forge(ipv6.Header(ipv6.Dst.Is(ipv6.AllNodes)).Then(icmpv6.EchoRequest()), ipv6.Header(ipv6.Src.Is(ipv6.MustAddr("2001:db8:a5::1"))).Then(icmpv6.EchoReply()))).
			And("RFC4862:5.5.4-12", mutate.Forge(ndp.Solicitation(in(ndp.NSTarget, prefix2)), ndp.Advert(ndp.NATarget.Is(ipv6.MustAddr("2001:db8:a5::1"))))).
			And("RFC4862:5.5.4-5", mutate.Ignores(ipv6.Header(in(ipv6.Dst, prefix2)).Then(icmpv6.EchoRequest()))).
			Needs(target.SLAAC, target.Management6, target.Agent).Slow(),
		[]told{1, 4, 7200, 604800},
		func(p *probe.P, preferred told) {
			if !p.Virtual() && preferred > 4 {
				preferred = 2
			}
			valid := 2 * preferred
			r := router(p)
			from := p.Now()
			offers(r, offered(prefix2, uint32(valid), uint32(preferred)))
			a := formed(p, prefix2)
			lan := r.In(prefix2).Facing(a.Addr)
			slack := 20 * time.Millisecond
			if !p.Virtual() {
				slack = time.Second + 100*time.Millisecond // a target may count in seconds
			}
			p.Wait(from + preferred.lasting() - slack - p.Now())
			p.That("RFC4862:5.5.4-1", "its state before the end of its preferred lifetime", state(p, a.Addr), gomega.Equal("preferred"))
			p.That("RFC4862:2-6", "its state before the end of its preferred lifetime", state(p, a.Addr), gomega.Equal("preferred"))
			until(p, 2*slack, func() bool { return state(p, a.Addr) != "preferred" })
			each([]string{"RFC4862:5.5.4-1", "RFC4862:2-6"}, func(req string) {
				p.That(req, "its state behind the end of its preferred lifetime", state(p, a.Addr), gomega.Equal("deprecated"))
			})
			that(p, "a deprecated address answers", answers(lan, a.Addr), "RFC4862:5.5.4-5")
			p.Wait(from + valid.lasting() - slack - p.Now())
			p.That("RFC4862:2-6", "its state before the end of its valid lifetime", state(p, a.Addr), gomega.Equal("deprecated"))
			until(p, 2*slack, func() bool { return state(p, a.Addr) == "none" })
			each([]string{"RFC4862:5.5.4-10", "RFC4862:2-6"}, func(req string) {
				p.That(req, "addresses behind the end of the valid lifetime", addressesIn(p, prefix2), gomega.BeEmpty())
			})
			p.Forget()
			at := p.Now()
			id := p.Serial()
			lan.Send(icmpv6.Echo(id, 1, nil))
			lan.Send(ndp.Solicit(a.Addr))
			lan.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes), ipv6.Src.Is(lan.LinkLocal().IP())), anyReply, probe.For())
			p.Wait(fence(p))
			since := func(t packet.Template) (n int) {
				for _, f := range lan.Seen(t) {
					if f.At >= at {
						n++
					}
				}
				return n
			}
			p.That("RFC4862:5.5.4-12", "answers to what is sent to it", since(icmpv6.EchoReply(icmpv6.ID.Is(id)))+since(ndp.Advert(in(ndp.NATarget, prefix2))), gomega.BeZero())
			each([]string{"RFC4862:2-4", "RFC4862:5.5.4-11"}, func(req string) {
				p.That(req, "packets from it", since(ipv6.Header(in(ipv6.Src, prefix2))), gomega.BeZero())
			})
		})

	suite.It("slaac.lifetime.link-local", "a link-local address never times out",
		check.Proves("RFC4862:5.3-4", mutate.Tells("has it end", func(_ agent.Request, r *agent.Reply) {
			for i := range r.Addrs {
				if l := r.Addrs[i].Lifetimes; l != nil && r.Addrs[i].Addr.IsLinkLocalUnicast() {
					l.Valid = time.Hour
				}
			}
		})).Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			own := lan.LinkLocal().TargetIP()
			p.Wait(long(p, 365*24*time.Hour, time.Second))
			a, ok := p.Address(own)
			that(p, "it is there", ok && a.State == "preferred", "RFC4862:5.3-4")
			lasts(p, "RFC4862:5.3-4", "it", a, -1, -1)
			that(p, "it answers", answers(lan, own), "RFC4862:5.3-4")
		})
}

const discard = 9

// deprecated is what may be done with an address that is deprecated: RFC 4862, 5.5.4.
func deprecated() {
	fromNew := mutate.Field(ipv6.Header(ipv6.Src.Is(more.Addr())), ipv6.Src.Is(ipv6.MustAddr("2001:db8:1::2")))
	suite.It("slaac.deprecated.source", "a deprecated address starts nothing new while there is another one; who asks for it gets it",
		check.Proves("RFC4862:5.5.4-3", mutate.Field(udp.Datagram(udp.DstPort.Is(discard)), ipv6.Src.Is(more.Addr()))).
			And("RFC4862:2-2", mutate.Field(udp.Datagram(udp.DstPort.Is(discard)), ipv6.Src.Is(more.Addr()))).
			And("RFC4862:5.5.4-4", fromNew).
			Needs(target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			p.AddDeprecated(more)
			peer := ipv6.MustAddr("2001:db8:1::76") // closer to it than to the other
			lan.Owns(peer)
			to := netip.AddrPortFrom(peer, discard)
			if err := lan.UDP(0).SendTo([]byte("new"), to); err != nil {
				p.Inconclusive("the target refused to send: %v", err)
			}
			f := lan.Expect(udp.Datagram(udp.DstPort.Is(discard)), probe.For())
			p.Must("RFC4862:5.5.4-3", f, ipv6.Src.Is(lan.TargetIP()))
			p.Must("RFC4862:2-2", f, ipv6.Src.Is(lan.TargetIP()))
			if err := lan.UDPAt(netip.AddrPortFrom(more.Addr(), 0)).SendTo([]byte("old"), to); err != nil {
				p.Fail("RFC4862:5.5.4-4", probe.Value, "the application may use the deprecated address: %v", err)
				return
			}
			p.Must("RFC4862:5.5.4-4", lan.Expect(udp.Datagram(udp.DstPort.Is(discard)), probe.For()), ipv6.Src.Is(more.Addr()))
		})

	suite.It("slaac.deprecated.only", "a deprecated address is used for what is new when there is no other",
		check.Proves("RFC4862:5.5.4-9", mutate.Missing(udp.Datagram(udp.DstPort.Is(discard)))).
			Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			r := router(p)
			offers(r, offered(prefix, 10000, 0))
			a := formed(p, prefix)
			lan := r.In(prefix).Facing(a.Addr)
			if !deprecates(p, a.Addr) {
				p.Inconclusive("the address is %s", a.State)
			}
			_ = lan.UDP(0).SendTo([]byte("new"), netip.AddrPortFrom(lan.IP(), discard))
			f := lan.Expect(udp.Datagram(udp.DstPort.Is(discard)), probe.For("RFC4862:5.5.4-9"))
			p.Must("RFC4862:5.5.4-9", f, ipv6.Src.Is(a.Addr))
		})

	suite.It("slaac.deprecated.connection", "a connection goes on from an address that has been deprecated, and others begin to it",
		check.Proves("RFC4862:5.5.4-2", mutate.Missing(tcp.Segment(tcp.PSHBit.Is(1)))).
			And("RFC4862:5.5.4-6", mutate.Drops(tcp.Segment(tcp.Control(tcp.SYN|tcp.ACK)), 1)).
			And("RFC4862:5.5.4-5", mutate.Ignores(udp.Datagram(udp.DstPort.Is(4000)))).
			And("RFC4862:2-2", mutate.DeafAfter(1, tcp.Segment(tcp.Control(tcp.SYN)), tcp.Segment(tcp.Control(tcp.SYN)))).
			Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			r := router(p)
			offers(r, offered(prefix, 100000, 90000))
			a := formed(p, prefix)
			lan := r.In(prefix).Facing(a.Addr)
			l := lan.Listen(4001, 4)
			c := lan.TCPTo(4001)
			first := l.Accept()
			c.Handshake()
			s := first.Socket(time.Second)
			if s == nil {
				p.Inconclusive("the target accepts no connection")
			}
			offers(r, offered(prefix, 100000, 0))
			alive(r.LinkLocal())
			if !deprecates(p, a.Addr) {
				p.Inconclusive("the address is not deprecated")
			}
			s.Write([]byte("still here"))
			c.Expect(c.DataFrom(), probe.For("RFC4862:5.5.4-2"), probe.Because("the connection goes on"))
			u := lan.UDP(4000).Recv()
			lan.Send(udp.Datagram(udp.DstPort.Is(4000)).Then(packet.Payload([]byte("datagram"))))
			got, _ := u.Delivered()
			p.That("RFC4862:5.5.4-5", "what came to the deprecated address", string(got.Data), gomega.Equal("datagram"))
			second := lan.TCPTo(4001)
			second.Send(tcp.SYN, nil)
			f := second.Expect(second.From(tcp.SYN|tcp.ACK), probe.For("RFC4862:5.5.4-6", "RFC4862:2-2"))
			p.Must("RFC4862:5.5.4-6", f, ipv6.Src.Is(a.Addr))
			p.Must("RFC4862:2-2", f, ipv6.Src.Is(a.Addr))
		})
}
