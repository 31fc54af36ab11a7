package slaac

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// How temporary addresses come and go: RFC 8981, 3.4 to 3.8.

// A pace is a configuration of a target: how long addresses last, and what renewing one may take.
type pace struct {
	preferred, valid time.Duration
	transmits        int
}

func (c pace) String() string {
	return fmt.Sprintf("preferred %v, valid %v, %d probes", c.preferred, c.valid, c.transmits)
}

// Config is the node's.
func (c pace) Config() []string {
	return []string{
		fmt.Sprintf("CONFIG_NET_IPV6_PE_TEMP_PREFERRED_LIFETIME=%d", c.preferred/time.Minute),
		fmt.Sprintf("CONFIG_NET_IPV6_PE_TEMP_VALID_LIFETIME=%d", c.valid/time.Minute),
		fmt.Sprintf("CONFIG_CONFORM_IPV6_DAD_TRANSMITS=%d", c.transmits),
	}
}

// regen is REGEN_ADVANCE.
func (c pace) regen() time.Duration { return 2*time.Second + 3*time.Duration(c.transmits)*retrans }

func renewal(temp, dad []target.Feature) {
	refreshed := func(r *probe.Router) { offers(r, offered(prefix2, month, week)) }

	suite.It("slaac.temporary.capped", "no advertisement makes a temporary address last longer than it could when it was made; one may shorten it",
		check.Proves("RFC8981:3.4-3", tooValid).
			And("RFC8981:3.4-4", forMonth).
			And("RFC8981:3.4-2", mutate.DeafAfter(2, ndp.RouterAdvert(), ndp.RouterAdvert())).Needs(temp...).Slow(),
		func(p *probe.P) {
			r := router(p)
			refreshed(r)
			first := temporaryOf(p, prefix2)
			made := p.Now()
			p.Wait(long(p, 5*time.Hour, 4*time.Second))
			refreshed(r)
			alive(r.LinkLocal())
			age := p.Now() - made
			a, _ := p.Address(first.Addr)
			p.Between("RFC8981:3.4-3", "how long it is valid still", a.Lifetimes.Valid, 0, first.Lifetimes.Valid-age+time.Second)
			p.Between("RFC8981:3.4-4", "how long it is preferred still", a.Lifetimes.Preferred, 0, first.Lifetimes.Preferred-age+time.Second)
			offers(r, offered(prefix2, 10000, 5000))
			alive(r.LinkLocal())
			a, _ = p.Address(first.Addr)
			lasts(p, "RFC8981:3.4-2", "the temporary address", a, 10000*time.Second, 5000*time.Second)
		})

	all := append(append([]target.Feature{}, dad...), target.Kconfig)
	once := mutate.Tells("makes no others", func(_ agent.Request, r *agent.Reply) {
		n := 0
		for _, a := range r.Addrs {
			if a.Temporary {
				n++
			}
		}
		if n > 1 {
			r.Addrs = r.Addrs[:len(r.Addrs)-1]
		}
	})
	both := mutate.Tells("never deprecates", func(_ agent.Request, r *agent.Reply) {
		for i := range r.Addrs {
			if r.Addrs[i].State == "deprecated" {
				r.Addrs[i].State = "preferred"
			}
		}
	})
	older := mutate.Instead(udp.Datagram(udp.DstPort.Is(discard)), "from an older address", func(f *packet.Frame) []packet.Cond {
		return []packet.Cond{ipv6.Src.Is(ipv6.MustAddr("2001:db8:a5::1"))}
	})
	check.Grid(suite, "slaac.temporary.renewed", "a temporary address gets a successor REGEN_ADVANCE before it is deprecated",
		check.Proves("RFC8981:3.1-3", once).
			And("RFC8981:3.5-1", once).
			And("RFC8981:3.6-1", once).
			And("RFC8981:3.6-2", once).
			And("RFC8981:3.5-2", both).
			And("RFC8981:3.1-2", older).
			And("RFC8981:3.5-4", mutate.Tells("is slow", slowSuccessor)).
			And("RFC8981:3.5-5", mutate.Tells("is slow to renew", slowSuccessor)).
			And("RFC8981:3.8-4", mutate.Tells("is slow to make another", slowSuccessor)).
			And("RFC8981:3.6-3", once).
			And("RFC8981:3.6-4", tooValid).
			And("RFC8981:3.8-7", lacks).
			Needs(all...),
		[]pace{{day, 2 * day, 1}, {time.Minute, 2 * time.Minute, 1}, {5 * time.Minute, 20 * time.Minute, 3}, {time.Minute, 3 * time.Minute, 0}, {time.Minute, 2 * time.Minute, 10}, {2 * time.Minute, 3 * time.Minute, 10}},
		func(p *probe.P, c pace) {
			r := router(p)
			p.Wait(15 * time.Second)
			refreshed(r)
			count := func() int { return len(temporaries(p, prefix2)) }
			that(p, "there is a temporary address", until(p, time.Second, func() bool { return count() == 1 }), "RFC8981:3.8-7")
			if count() != 1 {
				return
			}
			a := temporaries(p, prefix2)[0]
			end := p.Now() + a.Lifetimes.Preferred
			p.Between("RFC8981:3.6-4", "how long it is valid", a.Lifetimes.Valid, c.valid-2*time.Second, c.valid)
			p.Between("RFC8981:3.6-3", "how long it is preferred", a.Lifetimes.Preferred, c.preferred*6/10-2*time.Second, c.preferred)
			p.That("RFC8981:3.8-7", "how long it is preferred, beside REGEN_ADVANCE", a.Lifetimes.Preferred, gomega.BeNumerically(">", c.regen()))
			p.Wait(end - c.regen() - 50*time.Millisecond - p.Now())
			p.That("RFC8981:3.5-5", "temporary addresses before the time of renewal", count(), gomega.Equal(1))
			p.That("RFC8981:3.8-4", "temporary addresses before the time of renewal", count(), gomega.Equal(1))
			renewed := until(p, 100*time.Millisecond, func() bool { return count() == 2 })
			that(p, "there is a successor", renewed, "RFC8981:3.1-3", "RFC8981:3.5-1", "RFC8981:3.5-4", "RFC8981:3.5-5", "RFC8981:3.6-1", "RFC8981:3.6-2", "RFC8981:3.6-3", "RFC8981:3.8-4")
			if !renewed {
				return
			}
			p.Wait(end + 50*time.Millisecond - p.Now())
			var fresh []netip.Addr
			for _, x := range temporaries(p, prefix2) {
				if x.State == "preferred" {
					fresh = append(fresh, x.Addr)
				}
			}
			most := 1
			if shortest := c.preferred * 6 / 10; shortest < 2*c.regen() { // successors are renewed themselves meanwhile
				most += 1 + int(c.regen()/(shortest-c.regen()))
			}
			p.That("RFC8981:3.5-2", "temporary addresses that are preferred, when the first is not any more", len(fresh), gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", most)))
			p.That("RFC8981:3.5-2", "the state of the first", state(p, a.Addr), gomega.Equal("deprecated"))
			lan := r.In(prefix2)
			_ = lan.UDP(0).SendTo([]byte("new"), netip.AddrPortFrom(lan.IP(), discard))
			p.Must("RFC8981:3.1-2", lan.Expect(udp.Datagram(udp.DstPort.Is(discard)), probe.For()), ipv6.Src.In(fresh...))
			that(p, "the deprecated one answers", answers(lan, a.Addr), "RFC8981:3.1-2")
		})

	suite.It("slaac.temporary.zero", "a preferred lifetime of 0 deprecates temporary addresses, and no others take their place; a longer one brings them back",
		check.Proves("RFC8981:3.5-3", mutate.Tells("replaces it", func(r agent.Request, reply *agent.Reply) {
			old := slices.ContainsFunc(reply.Addrs, func(a agent.Address) bool { return a.Temporary && a.State == "deprecated" })
			if r.Do == agent.Addrs && old {
				reply.Addrs = append(reply.Addrs, agent.Address{Addr: ipv6.MustAddr("2001:db8:a5::1:1"), State: "preferred", Temporary: true, Lifetimes: &agent.Lifetimes{}})
			}
		})).
			And("RFC8981:3.4-2", mutate.DeafAfter(1, ndp.RouterAdvert(), ndp.RouterAdvert())).
			And("RFC8981:3.4-5", mutate.DeafAfter(3, ndp.RouterAdvert(), ndp.RouterAdvert())).
			And("RFC8981:3.5-1", ofTemporary("makes no successor", func(a *agent.Address) bool {
				return a.Lifetimes.Valid < tempValid-day+time.Hour || a.Lifetimes.Valid > tempValid-10*time.Minute
			})).
			Needs(temp...),
		func(p *probe.P) {
			r := router(p)
			refreshed(r)
			a := temporaryOf(p, prefix2)
			offers(r, offered(prefix2, month, 0))
			p.Wait(long(p, time.Minute, time.Second))
			now := temporaries(p, prefix2)
			p.That("RFC8981:3.5-3", "temporary addresses", len(now), gomega.Equal(1))
			deprecates(p, a.Addr)
			p.That("RFC8981:3.4-2", "the state of the address", state(p, a.Addr), gomega.Equal("deprecated"))
			preferred := func() (n int) {
				for _, x := range temporaries(p, prefix2) {
					if x.State == "preferred" {
						n++
					}
				}
				return n
			}
			refreshed(r)
			p.Wait(fence(p))
			p.That("RFC8981:3.4-5", "temporary addresses that are preferred again", preferred(), gomega.Equal(1))
			// A prefix that was not for temporary addresses at first gets one when it is.
			offers(r, offered(ula, 1000, 0))
			alive(r.LinkLocal())
			offers(r, offered(ula, month, week))
			p.Wait(fence(p))
			p.That("RFC8981:3.4-5", "temporary addresses of the other prefix", len(temporaries(p, ula)), gomega.Equal(1))
			if !p.Virtual() {
				p.Meets("RFC8981:3.5-1")
				return
			}
			p.Wait(23*time.Hour + 59*time.Minute)
			p.That("RFC8981:3.5-1", "temporary addresses that are preferred a day later", preferred(), gomega.Equal(1))
		})
}

// slowSuccessor hides an address that is about to be preferred.
func slowSuccessor(_ agent.Request, r *agent.Reply) {
	var kept []agent.Address
	n := 0
	for _, a := range r.Addrs {
		if a.Temporary {
			if n++; n > 1 && a.State == "tentative" || n > 1 && r.Addrs[len(r.Addrs)-2].State == "preferred" {
				continue
			}
		}
		kept = append(kept, a)
	}
	r.Addrs = kept
}

func onAndOff(temp, dad []target.Feature) {
	in2 := probesIn(prefix2)
	suite.It("slaac.temporary.duplicate", "when somebody has a temporary address another one is tried, some times, and then no more",
		check.Proves("RFC8981:3.4-13", mutate.Drops(in2, 2)).
			And("RFC8981:3.8-8", mutate.Drops(in2, 3)).
			And("RFC8981:3.4-15", mutate.Repeat(in2, 12*time.Second)).Needs(dad...).Slow(),
		func(p *probe.P) {
			r := router(p)
			p.Wait(3 * time.Second)
			offers(r, offered(prefix2, month, week))
			answered := map[netip.Addr]bool{}
			public := map[netip.Addr]bool{}
			for quiet := p.Now(); p.Now()-quiet < 5*time.Second && len(answered) < 20; p.Wait(20 * time.Millisecond) {
				for _, f := range r.Seen(in2) {
					a, _ := ndp.NSTarget.Of(f)
					if answered[a] || public[a] {
						continue
					}
					quiet = p.Now()
					if x, ok := p.Address(a); ok && !x.Temporary {
						public[a] = true
						continue
					}
					p.Wait(20 * time.Millisecond)
					answered[a] = true
					r.Send(ndp.Unsolicited(a))
				}
			}
			p.That("RFC8981:3.4-13", "temporary addresses that were tried", len(answered), gomega.BeNumerically(">", 1))
			p.That("RFC8981:3.8-8", "temporary addresses that were tried", len(answered), gomega.BeNumerically(">=", 3))
			p.Forget()
			refreshedOnce := r.Advert(r.Prefixes(offered(prefix2, month, week)))
			r.Send(refreshedOnce)
			r.Never(in2, 10*time.Second, probe.For("RFC8981:3.4-15"), probe.Because("no others are tried on this link"))
			p.That("RFC8981:3.4-15", "temporary addresses that were tried", len(answered), gomega.BeNumerically("<", 8))
		})

	suite.It("slaac.temporary.logged", "when no temporary address is free that is told to the management",
		check.Proves("RFC8981:3.4-14", mutate.Mute("IPV6_DAD_FAILED")).Needs(append([]target.Feature{target.Events}, dad...)...),
		func(p *probe.P) {
			s := p.Subscribe(ipv6Events)
			r := router(p)
			p.Wait(3 * time.Second)
			offers(r, offered(prefix2, month, week))
			answered := map[netip.Addr]bool{}
			for end := p.Now() + 10*time.Second; p.Now() < end; p.Wait(20 * time.Millisecond) {
				for _, f := range r.Seen(in2) {
					a, _ := ndp.NSTarget.Of(f)
					if x, ok := p.Address(a); !answered[a] && ok && x.Temporary {
						answered[a] = true
						r.Send(ndp.Unsolicited(a))
					}
				}
			}
			failed := 0
			for _, name := range probe.Names(s.Events()) {
				if name == "IPV6_DAD_FAILED" {
					failed++
				}
			}
			p.That("RFC8981:3.4-14", "failures that were told", failed, gomega.BeNumerically(">=", 3))
		})

	suite.It("slaac.temporary.link", "on another link the temporary addresses are gone, and there are new ones",
		check.Proves("RFC8981:3.6-5", mutate.Unheeded("does not see that the link is another", mutate.Verb(agent.LinkDown, agent.LinkUp))).
			And("RFC8981:3.6-6", mutate.Unheeded("does not see that it is elsewhere", mutate.Verb(agent.LinkDown, agent.LinkUp))).
			And("RFC8981:3.1-5", mutate.Unheeded("keeps its addresses", mutate.Verb(agent.LinkDown, agent.LinkUp))).Needs(temp...),
		func(p *probe.P) {
			r := router(p)
			offers(r, offered(prefix2, month, week))
			a := temporaryOf(p, prefix2)
			p.LinkDown()
			p.Wait(time.Second)
			p.LinkUp()
			p.Wait(long(p, time.Second, 2*time.Second))
			for _, req := range []string{"RFC8981:3.6-5", "RFC8981:3.1-5"} {
				p.That(req, "the state of the address", state(p, a.Addr), gomega.Equal("none"))
			}
			offers(r, offered(prefix2, month, week))
			b := temporaryOf(p, prefix2)
			p.That("RFC8981:3.6-6", "the new temporary address", b.Addr, gomega.Not(gomega.Equal(a.Addr)))
		})

	always := func(how string) mutate.Mutation {
		return mutate.Tells(how, func(_ agent.Request, r *agent.Reply) {
			for i := range r.Addrs {
				r.Addrs[i].Temporary = true
			}
		})
	}
	// The worlds of the other checks have them on.
	suite.It("slaac.temporary.off", "temporary addresses can be turned off",
		check.Proves("RFC8981:3.7-1", always("has one none the less")).
			And("RFC8981:3.7-2", always("has one always")).
			And("RFC6724:5-17", always("has no others")).
			Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			r := router(p)
			offers(r, offered(prefix2, month, week))
			formed(p, prefix2)
			p.Wait(fence(p))
			for _, req := range []string{"RFC8981:3.7-1", "RFC8981:3.7-2", "RFC6724:5-17"} {
				p.That(req, "temporary addresses, being off", temporaries(p, prefix2), gomega.BeEmpty())
			}
		})
}
