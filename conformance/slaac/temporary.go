package slaac

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Temporary addresses: RFC 8981.

const (
	day           = 24 * time.Hour
	tempValid     = 2 * day // TEMP_VALID_LIFETIME
	tempPreferred = day     // TEMP_PREFERRED_LIFETIME
	maxDesync     = tempPreferred * 4 / 10
	week          = 7 * 86400
	month         = 30 * 86400
)

// temporaries are the temporary addresses of a prefix.
func temporaries(p *probe.P, net netip.Prefix) (all []agent.Address) {
	for _, a := range addressesIn(p, net) {
		if a.Temporary {
			all = append(all, a)
		}
	}
	return all
}

// temporaryOf is the only one, when it is in use.
func temporaryOf(p *probe.P, net netip.Prefix) agent.Address {
	var all []agent.Address
	until(p, 5*time.Second, func() bool { all = temporaries(p, net); return len(all) > 0 && all[0].State != "tentative" })
	if len(all) != 1 || all[0].Lifetimes == nil {
		p.Inconclusive("the temporary addresses in %s are %v", net, all)
	}
	return all[0]
}

// untemporary is a target that has no temporary addresses, or says other things of them.
func ofTemporary(how string, change func(*agent.Address) bool) mutate.Mutation {
	return mutate.Tells(how, func(_ agent.Request, r *agent.Reply) {
		var kept []agent.Address
		for _, a := range r.Addrs {
			if !a.Temporary || change(&a) {
				kept = append(kept, a)
			}
		}
		r.Addrs = kept
	})
}

var (
	lacks    = ofTemporary("has no temporary addresses", func(*agent.Address) bool { return false })
	forMonth = ofTemporary("takes the lifetimes of the prefix", func(a *agent.Address) bool {
		a.Lifetimes = &agent.Lifetimes{Valid: month * time.Second, Preferred: week * time.Second}
		return true
	})
	tooValid = ofTemporary("has it valid for a week", func(a *agent.Address) bool { a.Lifetimes.Valid = week * time.Second; return true })
	tooNice  = ofTemporary("has it preferred for as long as it is valid", func(a *agent.Address) bool { a.Lifetimes.Preferred = a.Lifetimes.Valid; return true })
)

// capped is what a prefix lasts, and a temporary address of it.
type capped struct{ valid, preferred told }

func (c capped) String() string { return fmt.Sprintf("valid %v, preferred %v", c.valid, c.preferred) }

func (c capped) made() bool { return c.preferred > 5 } // REGEN_ADVANCE: 2 s + 3 * 1 * 1 s

// Proves are the requirements of the case.
func (c capped) Proves() []string {
	switch {
	case c.preferred == 0:
		return []string{"RFC8981:3.4-10"}
	case !c.made():
		return []string{"RFC8981:3.4-9"}
	}
	reqs := []string{"RFC8981:3.4-7", "RFC8981:3.4-8", "RFC8981:3.4-1", "RFC8981:3.4-5", "RFC8981:3.1-6", "RFC8981:3.4-11"}
	if c.valid > told(tempValid/time.Second) {
		reqs = append(reqs, "RFC8981:3.8-1", "RFC8981:3.4-3")
	}
	if c.preferred > told(tempPreferred/time.Second) {
		reqs = append(reqs, "RFC8981:3.8-2", "RFC8981:3.8-5", "RFC8981:3.4-4")
	}
	return reqs
}

func init() {
	temp := []target.Feature{target.SLAAC, target.TempAddrs, target.Management6, target.Agent}
	dad := append([]target.Feature{target.DAD}, temp...)
	made := mutate.Tells("makes one none the less", func(r agent.Request, reply *agent.Reply) {
		if r.Do == agent.Addrs {
			reply.Addrs = append(reply.Addrs, agent.Address{Addr: ipv6.MustAddr("2001:db8:a5::1:1"), State: "preferred", Temporary: true, Lifetimes: &agent.Lifetimes{}})
		}
	})
	check.Grid(suite, "slaac.temporary.lifetimes", "each prefix gives one temporary address, with the lifetimes of the prefix or its own, whichever are less; none that would be renewed at once",
		check.Proves("RFC8981:3.4-1", lacks).
			And("RFC8981:3.4-5", lacks).
			And("RFC8981:3.1-6", made).
			And("RFC8981:3.4-11", ofTemporary("has an address that is in no prefix", func(a *agent.Address) bool { a.Addr = ipv6.MustAddr("2001:db8:a6::1"); return true })).
			And("RFC8981:3.4-7", tooValid).
			And("RFC8981:3.4-8", tooNice).
			And("RFC8981:3.4-3", forMonth).
			And("RFC8981:3.4-4", forMonth).
			And("RFC8981:3.8-1", tooValid).
			And("RFC8981:3.8-2", forMonth).
			And("RFC8981:3.8-5", ofTemporary("has it preferred for half a day", func(a *agent.Address) bool { a.Lifetimes.Preferred = day / 2; return true })).
			And("RFC8981:3.4-9", made).
			And("RFC8981:3.4-10", made).Needs(dad...),
		[]capped{{month, week}, {ndp.Infinite, ndp.Infinite}, {172801, 86401}, {172800, 40000}, {90000, 40000}, {7200, 3600}, {month, 100}, {100, 8}, {100, 5}, {month, 1}, {100, 0}, {month, 0}},
		func(p *probe.P, c capped) {
			r := router(p)
			p.Wait(3 * time.Second)
			from := p.Now()
			offers(r, offered(prefix2, uint32(c.valid), uint32(c.preferred)))
			want := 1
			if c.made() { // which some stacks do when the stable one has passed its probes
				until(p, 3*time.Second, func() bool { return len(temporaries(p, prefix2)) > 0 })
			} else {
				want = 0
				p.Wait(long(p, 3*time.Second, 500*time.Millisecond))
			}
			all := temporaries(p, prefix2)
			each(c.Proves(), func(req string) { p.That(req, "temporary addresses of the prefix", len(all), gomega.Equal(want)) })
			if want == 0 || len(all) != 1 || all[0].Lifetimes == nil {
				return
			}
			age := p.Now() - from + time.Second
			valid, most := min(c.valid.span(), tempValid), min(c.preferred.span(), tempPreferred)
			least := min(c.preferred.span(), tempPreferred-maxDesync)
			for _, req := range c.Proves() {
				switch req {
				case "RFC8981:3.4-7", "RFC8981:3.4-3", "RFC8981:3.8-1":
					p.Between(req, "how long it is valid", all[0].Lifetimes.Valid, valid-age, valid)
				case "RFC8981:3.4-8", "RFC8981:3.4-4", "RFC8981:3.8-2", "RFC8981:3.8-5":
					p.Between(req, "how long it is preferred", all[0].Lifetimes.Preferred, least-age, most)
				}
			}
		})

	suite.It("slaac.temporary.source", "a temporary address is the source of what the host begins; it is probed for, and has a group of its own",
		check.Proves("RFC8981:3.1-1", mutate.Field(udp.Datagram(udp.DstPort.Is(discard)), ipv6.Src.Is(ipv6.MustAddr("2001:db8:a5::99")))).
			And("RFC8981:3.4-12", mutate.Drops(probesIn(prefix2), 1)).
			And("RFC8981:4-1", mutate.Missing(mld.Report2())).
			Needs(append([]target.Feature{target.Multicast6}, dad...)...),
		func(p *probe.P) {
			r := router(p)
			p.Wait(3 * time.Second)
			offers(r, ndp.Advertised(prefix2))
			a := temporaryOf(p, prefix2)
			p.Wait(3 * retrans) // the other one
			p.That("RFC8981:3.4-12", "the addresses that are probed for", probed(r.Tester, prefix2, 0), gomega.ContainElement(a.Addr))
			all := addressesIn(p, prefix2)
			for _, x := range all {
				p.That("RFC8981:3.4-12", "the addresses that are probed for", probed(r.Tester, prefix2, 0), gomega.ContainElement(x.Addr))
			}
			group := false
			for _, f := range r.Seen(mld.Report2()) {
				group = group || tells(f, ipv6.SolicitedNode(a.Addr))
			}
			that(p, "its solicited-node group is reported", group, "RFC8981:4-1")
			lan := r.In(prefix2)
			_ = lan.UDP(0).SendTo([]byte("new"), netip.AddrPortFrom(lan.IP(), discard))
			p.Must("RFC8981:3.1-1", lan.Expect(udp.Datagram(udp.DstPort.Is(discard)), probe.For()), ipv6.Src.Is(a.Addr))
		})

	sameID := ofTemporary("has the same identifier everywhere", func(a *agent.Address) bool {
		a.Addr = withIdentifierOf(netip.PrefixFrom(a.Addr, 64), ipv6.MustAddr("::5134:5678:9abc:def0"))
		return true
	})
	suite.It("slaac.temporary.identifier", "identifiers are random, and lifetimes differ at random",
		check.Proves("RFC8981:3.1-7", sameID).
			And("RFC8981:3.3.1-2", ofTemporary("never sets the u bit", func(a *agent.Address) bool {
				b := a.Addr.As16()
				b[8] &^= 2
				a.Addr = netip.AddrFrom16(b)
				return true
			})).
			And("RFC8981:3.3.1-3", ofTemporary("has a reserved identifier", func(a *agent.Address) bool {
				a.Addr = withIdentifierOf(netip.PrefixFrom(a.Addr, 64), ipv6.MustAddr("::fdff:ffff:ffff:ff80"))
				return true
			})).
			And("RFC8981:3.1-4", forMonth).
			And("RFC8981:3.8-6", ofTemporary("does not draw DESYNC_FACTOR", func(a *agent.Address) bool { a.Lifetimes.Preferred = tempPreferred; return true })).
			Needs(temp...),
		func(p *probe.P) {
			r := router(p)
			nets := numbered(14)
			var samples []time.Duration
			seen, ones, n := map[[8]byte]bool{}, 0, 0
			for round := 0; round < 6 && n < 32; round++ {
				from := p.Now()
				for i := 0; i < len(nets); i += 2 {
					offers(r, offered(nets[i], month, week), offered(nets[i+1], month, week))
				}
				alive(r.LinkLocal())
				age := p.Now() - from
				for _, net := range nets {
					for _, a := range temporaries(p, net) {
						id := identifier(a.Addr)
						p.That("RFC8981:3.1-7", "the identifier was used before", seen[id], gomega.BeFalse())
						p.That("RFC8981:3.3.1-3", "the identifier is a reserved one", reserved(id), gomega.BeFalse())
						seen[id] = true
						ones += int(id[0] >> 1 & 1)
						n++
						samples = append(samples, tempPreferred-a.Lifetimes.Preferred-age)
					}
				}
				p.LinkDown()
				p.Wait(200 * time.Millisecond)
				p.LinkUp()
				p.Wait(2 * time.Second)
			}
			if n < 30 {
				p.Inconclusive("there are %d temporary addresses", n)
			}
			p.That("RFC8981:3.3.1-2", "identifiers with the u bit", ones, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", n)))
			different := map[time.Duration]bool{}
			for _, s := range samples {
				different[s.Truncate(time.Second)] = true
			}
			p.That("RFC8981:3.1-4", "different lifetimes", len(different), gomega.BeNumerically(">", n/2))
			p.Uniform("RFC8981:3.8-6", "DESYNC_FACTOR", samples, 0, maxDesync)
		})

	renewal(temp, dad)
	onAndOff(temp, dad)
}

// span is the time; for ever is longer than all others.
func (t told) span() time.Duration {
	if t == ndp.Infinite {
		return 100 * 365 * day
	}
	return t.lasting()
}
