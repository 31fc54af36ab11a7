package slaac

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// What routers tell of DNS: RFC 8106. The target tells by its agent which servers it would ask, and where it looks for names.

func server(n int) netip.Addr { return lastOctet(ipv6.MustAddr("2001:db8:53::"), byte(n)) }

func servers(ns ...int) (all []netip.Addr) {
	for _, n := range ns {
		all = append(all, server(n))
	}
	return all
}

// tellsDNS advertises options.
func tellsDNS(r *probe.Router, options ...[]byte) {
	r.Advertise(ndp.RAOptions.Is(ndp.Options(append([][]byte{ndp.SourceLink(r.MAC())}, options...)...)))
	alive(r.LinkLocal())
}

// malformed is an option that is not valid, or one that is; what stands behind it in the advertisement is valid.
type malformed struct {
	kit.Aspect
	option []byte
	known  bool
}

// rawRDNSS is an option with a length and so many octets of addresses.
func rawRDNSS(length byte, octets []byte) []byte {
	b := append([]byte{ndp.RDNSSType, length, 0, 0}, binary.BigEndian.AppendUint32(nil, 600)...)
	return append(b, octets...)
}

func rawDNSSL(length byte, octets ...byte) []byte {
	b := append([]byte{ndp.DNSSLType, length, 0, 0}, binary.BigEndian.AppendUint32(nil, 600)...)
	return append(b, octets...)
}

// askDNS are mutations of what the agent tells.
func askDNS(how string, change func(*agent.Reply)) mutate.Mutation {
	return mutate.Replies(how, mutate.Verb(agent.Resolver), change)
}

func init() {
	known := []target.Feature{target.SLAAC, target.Resolver, target.Agent}
	none := askDNS("knows of no servers", func(r *agent.Reply) { r.Servers = nil })
	noNames := askDNS("knows of no domains", func(r *agent.Reply) { r.Domains = nil })
	reversed := askDNS("turns the order round", func(r *agent.Reply) { slices.Reverse(r.Servers) })
	turned := askDNS("turns the order of domains round", func(r *agent.Reply) { slices.Reverse(r.Domains) })
	undying := askDNS("never forgets a server", func(r *agent.Reply) {
		for _, a := range servers(1, 2, 3) {
			if !slices.Contains(r.Servers, a) {
				r.Servers = append(r.Servers, a)
			}
		}
	})
	sticky := askDNS("never forgets a domain", func(r *agent.Reply) {
		for _, d := range []string{"a.example", "b.example"} {
			if !slices.Contains(r.Domains, d) {
				r.Domains = append(r.Domains, d)
			}
		}
	})

	suite.It("slaac.dns.kept", "servers and domains of an advertisement are kept in order",
		check.Proves("RFC8106:1.2-1", none).
			And("RFC8106:5.1-1", askDNS("keeps one server", func(r *agent.Reply) { r.Servers = r.Servers[:min(1, len(r.Servers))] })).
			And("RFC8106:5.1-2", mutate.Ignores(ndp.RouterAdvert(ndp.Has(ndp.RAOptions, ndp.RDNSS(600, servers(1, 2)...))))).
			And("RFC8106:5.1-3", askDNS("keeps two servers", func(r *agent.Reply) { r.Servers = r.Servers[:min(2, len(r.Servers))] })).
			And("RFC8106:5.1-4", askDNS("makes up a server", func(r *agent.Reply) { r.Servers = append(r.Servers, server(99)) })).
			And("RFC8106:6.2-5", reversed).
			And("RFC8106:5.3.1-6", reversed).
			And("RFC8106:5.3.1-7", none).
			And("RFC8106:5.3.1-8", askDNS("keeps three servers", func(r *agent.Reply) { r.Servers = r.Servers[:min(2, len(r.Servers))] })).
			And("RFC8106:5.2-1", noNames).
			And("RFC8106:5.2-2", noNames).
			And("RFC8106:5.2-7", askDNS("takes labels for names", func(r *agent.Reply) { r.Domains = strings.Split(strings.Join(r.Domains, "."), ".") })).
			And("RFC8106:6.1-1", none).
			And("RFC8106:6.3-1", turned).Needs(known...),
		func(p *probe.P) {
			r := router(p)
			tellsDNS(r, ndp.RDNSS(600, servers(1, 2)...), ndp.RDNSS(600, server(3)), ndp.DNSSL(600, "a.example", "b.sub.example"), ndp.DNSSL(600, "x"))
			got := p.NameServers()
			// Which of two options comes first is left open; within one, the order counts.
			either := gomega.Or(gomega.Equal(servers(1, 2, 3)), gomega.Equal(servers(3, 1, 2)))
			each([]string{"RFC8106:1.2-1", "RFC8106:5.1-1", "RFC8106:5.1-2", "RFC8106:5.1-3", "RFC8106:5.1-4", "RFC8106:6.2-5", "RFC8106:5.3.1-6", "RFC8106:5.3.1-7", "RFC8106:6.1-1"}, func(req string) {
				p.That(req, "the servers", got, either)
			})
			p.That("RFC8106:5.3.1-8", "servers that are kept", len(got), gomega.BeNumerically(">=", 3))
			names := p.SearchList()
			domains := gomega.Or(gomega.Equal([]string{"a.example", "b.sub.example", "x"}), gomega.Equal([]string{"x", "a.example", "b.sub.example"}))
			each([]string{"RFC8106:5.2-1", "RFC8106:5.2-2", "RFC8106:5.2-7", "RFC8106:6.3-1"}, func(req string) {
				p.That(req, "the domains", names, domains)
			})
		})

	var cases []malformed
	add := func(name string, known bool, option []byte, reqs ...string) {
		cases = append(cases, malformed{kit.About(name, reqs...), option, known})
	}
	one := server(9).AsSlice()
	add("RDNSS, length 1", false, rawRDNSS(1, nil), "RFC8106:5.3.1-1", "RFC8106:5.3.1-5")
	add("RDNSS, length 2", false, rawRDNSS(2, one[:8]), "RFC8106:5.3.1-1", "RFC8106:5.3.1-5")
	add("RDNSS, length 4", false, rawRDNSS(4, append(slices.Clone(one), 0, 0, 0, 0, 0, 0, 0, 0)), "RFC8106:5.3.1-2", "RFC8106:5.3.1-5")
	add("RDNSS, length 6", false, rawRDNSS(6, append(append(slices.Clone(one), server(8).AsSlice()...), 0, 0, 0, 0, 0, 0, 0, 0)), "RFC8106:5.3.1-2", "RFC8106:5.3.1-5")
	for _, a := range []string{"ff02::fb", "ff0e::1", "::"} {
		add("RDNSS, "+a, false, ndp.RDNSS(600, ipv6.MustAddr(a)), "RFC8106:5.3.1-3", "RFC8106:5.3.1-5")
	}
	add("DNSSL, length 1", false, rawDNSSL(1), "RFC8106:5.3.1-4", "RFC8106:5.3.1-5")
	add("DNSSL, a label beyond the end", false, rawDNSSL(2, 9, 'e', 'x', 'a', 'm', 'p', 'l', 'e'), "RFC8106:5.3.1-5")
	add("DNSSL, compressed", false, rawDNSSL(2, 1, 'a', 0xc0, 0, 0, 0, 0, 0), "RFC8106:5.3.1-5")
	reserved := ndp.RDNSS(600, server(9))
	reserved[2], reserved[3] = 0xff, 0xff
	add("RDNSS, reserved bits", true, reserved, "RFC8106:5.1-6", "RFC8106:5.1-5")
	add("RDNSS, for ever", true, ndp.RDNSS(ndp.Infinite, server(9)), "RFC8106:5.1-6")
	add("RDNSS, link-local", true, ndp.RDNSS(600, ipv6.MustAddr("fe80::53")), "RFC8106:5.1-10")
	made := func(a netip.Addr) mutate.Mutation {
		return askDNS("takes what is not valid", func(r *agent.Reply) { r.Servers = append([]netip.Addr{a}, r.Servers...) })
	}
	check.Grid(suite, "slaac.dns.invalid", "an option that is not valid is discarded, and the others are not",
		check.Proves("RFC8106:5.3.1-1", made(server(9))).
			And("RFC8106:5.3.1-2", made(server(8))).
			And("RFC8106:5.3.1-3", made(ipv6.MustAddr("ff02::fb"))).
			And("RFC8106:5.3.1-4", askDNS("takes what is not valid", func(r *agent.Reply) { r.Domains = append(r.Domains, "") })).
			And("RFC8106:5.3.1-5", askDNS("discards them all", func(r *agent.Reply) { r.Servers = nil })).
			And("RFC8106:5.1-6", none).
			And("RFC8106:5.1-5", mutate.Ignores(ndp.RouterAdvert(ndp.Has(ndp.RAOptions, reserved)))).
			And("RFC8106:5.1-10", none).Needs(known...),
		cases,
		func(p *probe.P, c malformed) {
			r := router(p)
			tellsDNS(r, c.option, ndp.RDNSS(600, server(1)), ndp.DNSSL(600, "a.example"))
			got, names := p.NameServers(), p.SearchList()
			each(c.Requirements, func(req string) {
				if c.known {
					p.That(req, "servers that are known", len(got), gomega.Equal(2))
					return
				}
				p.That(req, "the servers", got, gomega.Equal(servers(1)))
				p.That(req, "the domains", names, gomega.Equal([]string{"a.example"}))
			})
			if c.Name == "RDNSS, link-local" {
				p.Observed("RFC8106:5.1-10", "servers %v", got)
			}
		})

	suite.It("slaac.dns.zone", "a server with a link-local address is known by the zone of its link",
		check.Proves("RFC8106:5.1-11", askDNS("leaves the zone out", func(r *agent.Reply) {
			for i, a := range r.Servers {
				r.Servers[i] = a.WithZone("")
			}
		})).
			And("RFC8106:5.1-12", askDNS("leaves zones out", func(r *agent.Reply) {
				for i, a := range r.Servers {
					r.Servers[i] = a.WithZone("")
				}
			})).Needs(known...),
		func(p *probe.P) {
			r := router(p)
			tellsDNS(r, ndp.RDNSS(600, ipv6.MustAddr("fe80::53")))
			got := p.NameServers()
			for _, req := range []string{"RFC8106:5.1-11", "RFC8106:5.1-12"} {
				p.That(req, "servers", len(got), gomega.Equal(1))
				if len(got) == 1 {
					p.That(req, "its zone", got[0].Zone(), gomega.Not(gomega.BeEmpty()))
				}
			}
		})

	lifetimes := check.Proves("RFC8106:6.1-2", undying).
		And("RFC8106:6.1-3", mutate.DeafAfter(1, ndp.RouterAdvert(), ndp.RouterAdvert())).
		And("RFC8106:6.1-4", undying).
		And("RFC8106:6.2-6", undying).
		And("RFC8106:5.1-6", undying).
		And("RFC8106:5.1-8", none).
		And("RFC8106:6.2-2", mutate.DeafAfter(1, ndp.RouterAdvert(), ndp.RouterAdvert())).
		And("RFC8106:5.2-3", sticky).
		And("RFC8106:5.2-5", noNames).
		And("RFC8106:6.3-1", sticky)
	check.Grid(suite, "slaac.dns.lifetime", "a server and a domain last for their lifetimes, which another option for them renews", lifetimes.Needs(known...).Slow(),
		[]told{1, 3, 1800, 86400, ndp.Infinite},
		func(p *probe.P, lifetime told) {
			r := router(p)
			from := p.Now()
			say := func() { tellsDNS(r, ndp.RDNSS(uint32(lifetime), server(1)), ndp.DNSSL(uint32(lifetime), "a.example")) }
			say()
			span := lifetime.span()
			if lifetime == ndp.Infinite {
				span = long(p, 365*day, 5*time.Second)
			}
			p.Wait(from + span*9/10 - p.Now())
			say()
			p.Wait(span - 40*time.Millisecond)
			reqs := []string{"RFC8106:6.1-3", "RFC8106:6.2-2", "RFC8106:5.1-8", "RFC8106:5.1-6"}
			each(reqs, func(req string) {
				p.That(req, "servers, before the end of the lifetime that was renewed", p.NameServers(), gomega.Equal(servers(1)))
			})
			each([]string{"RFC8106:5.2-5", "RFC8106:6.3-1", "RFC8106:5.2-3"}, func(req string) {
				p.That(req, "domains, before the end of the lifetime that was renewed", p.SearchList(), gomega.Equal([]string{"a.example"}))
			})
			ends := []string{"RFC8106:6.1-2", "RFC8106:6.1-4", "RFC8106:6.2-6", "RFC8106:5.1-6"}
			p.Wait(80 * time.Millisecond)
			if lifetime == ndp.Infinite {
				each(ends, p.Meets)
				return
			}
			each(ends, func(req string) { p.That(req, "servers, behind the end", p.NameServers(), gomega.BeEmpty()) })
			each([]string{"RFC8106:6.3-1", "RFC8106:5.2-3"}, func(req string) { p.That(req, "domains, behind the end", p.SearchList(), gomega.BeEmpty()) })
		})

	suite.It("slaac.dns.zero", "a lifetime of 0 takes a server or a domain away, and no other",
		check.Proves("RFC8106:5.1-9", undying).
			And("RFC8106:6.2-1", mutate.DeafAfter(1, ndp.RouterAdvert(), ndp.RouterAdvert())).
			And("RFC8106:5.2-6", sticky).
			And("RFC8106:6.3-1", sticky).Needs(known...),
		func(p *probe.P) {
			r := router(p)
			tellsDNS(r, ndp.RDNSS(600, servers(1, 2, 3)...), ndp.DNSSL(600, "a.example", "b.example", "c.example"))
			tellsDNS(r, ndp.RDNSS(0, server(2), server(9)), ndp.DNSSL(0, "b.example", "z.example"))
			each([]string{"RFC8106:5.1-9", "RFC8106:6.2-1"}, func(req string) { p.That(req, "the servers", p.NameServers(), gomega.Equal(servers(1, 3))) })
			each([]string{"RFC8106:5.2-6", "RFC8106:6.3-1"}, func(req string) {
				p.That(req, "the domains", p.SearchList(), gomega.Equal([]string{"a.example", "c.example"}))
			})
		})

	suite.It("slaac.dns.newest", "a server that is new is asked before those that are known",
		check.Proves("RFC8106:6.2-3", reversed).And("RFC8106:6.3-1", turned).Needs(known...),
		func(p *probe.P) {
			r := router(p)
			tellsDNS(r, ndp.RDNSS(600, servers(1, 2)...), ndp.DNSSL(600, "a.example"))
			tellsDNS(r, ndp.RDNSS(600, servers(3, 4)...), ndp.DNSSL(600, "b.example"))
			p.That("RFC8106:6.2-3", "the servers", p.NameServers(), gomega.Equal(servers(3, 4, 1, 2)))
			p.That("RFC8106:6.3-1", "the domains", p.SearchList(), gomega.Equal([]string{"b.example", "a.example"}))
		})

	suite.It("slaac.dns.full", "when there is no room for more, the one that ends first gives way",
		check.Proves("RFC8106:6.2-4", undying).And("RFC8106:6.3-1", sticky).Needs(known...),
		func(p *probe.P) {
			r := router(p)
			tellsDNS(r, ndp.RDNSS(100, servers(1, 2, 3)...), ndp.DNSSL(100, "a.example", "b.example"))
			for n := 4; n < 200; n++ {
				tellsDNS(r, ndp.RDNSS(uint32(600+n), server(n)), ndp.DNSSL(uint32(600+n), fmt.Sprintf("n%d.example", n)))
			}
			got := p.NameServers()
			if len(got) >= 199 {
				p.Inconclusive("there is room for %d servers", len(got))
			}
			p.That("RFC8106:6.2-4", "the first of all", got[0], gomega.Equal(server(199)))
			p.That("RFC8106:6.2-4", "those that end first", got, gomega.Not(gomega.ContainElements(server(1))))
			p.That("RFC8106:6.3-1", "the domains", p.SearchList(), gomega.And(gomega.ContainElement("n199.example"), gomega.Not(gomega.ContainElement("a.example"))))
		})

	suite.It("slaac.dns.router", "servers outlive the router that told of them",
		check.Proves("RFC8106:6.1-5", none).Needs(known...),
		func(p *probe.P) {
			r := p.IPv6().Router(ndp.Lifetime.Is(2))
			tellsDNS(r, ndp.RDNSS(600, server(1)))
			p.Wait(3 * time.Second)
			p.That("RFC8106:6.1-5", "the servers, the router being none any more", p.NameServers(), gomega.Equal(servers(1)))
			r.Advertise(ndp.Lifetime.Is(0))
			alive(r.LinkLocal())
			p.That("RFC8106:6.1-5", "the servers, the router having said so", p.NameServers(), gomega.Equal(servers(1)))
		})
}
