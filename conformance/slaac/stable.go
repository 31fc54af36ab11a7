package slaac

import (
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
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Opaque and stable identifiers: RFC 7217. What a target would call itself shows in its probes.

// identifier is the last 64 bits of an address.
func identifier(a netip.Addr) (id [8]byte) {
	b := a.As16()
	copy(id[:], b[8:])
	return id
}

// reserved tells whether an identifier must not be used (RFC 5453).
func reserved(id [8]byte) bool {
	anycast := id[0] == 0xfd && id[7] >= 0x80
	for _, b := range id[1:7] {
		anycast = anycast && b == 0xff
	}
	ethernet := id[0] == 2 && id[1] == 0 && id[2] == 0x5e && id[3] == 0xff && id[4] == 0xfe
	return id == [8]byte{} || anycast || ethernet
}

// calls is a target that probes for another address: the prefix it takes with the identifier of other.
func calls(on packet.Template, what, other string) mutate.Mutation {
	return mutate.Instead(on, what, func(f *packet.Frame) []packet.Cond {
		a, _ := ndp.NSTarget.Of(f)
		return []packet.Cond{ndp.NSTarget.Is(withIdentifierOf(netip.PrefixFrom(a, 64), ipv6.MustAddr(other)))}
	})
}

// byMAC is a target that makes identifiers of its link address.
func byMAC(on packet.Template) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		return calls(on, "an identifier made of the link address", ipv6.LinkLocal(n.Target.MAC).String())
	})
}

// probed are the addresses in a prefix that the target has probed for since an instant, in order, each once.
func probed(lan *probe.Tester, net netip.Prefix, since time.Duration) (all []netip.Addr) {
	seen := map[netip.Addr]bool{}
	for _, f := range lan.Seen(probesIn(net)) {
		a, _ := ndp.NSTarget.Of(f)
		if f.At >= since && !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	return all
}

// theOne is the only address of a prefix that has been probed for since.
func theOne(lan *probe.Tester, net netip.Prefix, since time.Duration) netip.Addr {
	all := probed(lan, net, since)
	if len(all) != 1 {
		lan.Inconclusive("in %s the target probes for %v", net, all)
	}
	return all[0]
}

// numbered are n prefixes.
func numbered(n int) (all []netip.Prefix) {
	for i := range n {
		all = append(all, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0xb0, 0, byte(i)}), 64))
	}
	return all
}

func init() {
	stable := []target.Feature{target.StableIID, target.SLAAC, target.DAD, target.Management6, target.Agent}
	suite.It("slaac.stable.identifier", "identifiers are opaque, other ones in other prefixes, and the same again in the same prefix",
		check.Proves("RFC7217:5-1", byMAC(anyProbe)).
			And("RFC7217:5-3", byMAC(probesIn(prefix2))).
			And("RFC7217:5-4", byMAC(probesIn(linkHere))).
			And("RFC7217:5-5", byMAC(probesIn(ula))).
			And("RFC7217:4-2", calls(anyProbe, "the same identifier everywhere", "::1234:5678:9abc:def0")).
			And("RFC7217:5-12", calls(probesIn(netip.MustParsePrefix("2000::/3")), "the same identifier in all prefixes", "::1234:5678:9abc:def0")).
			And("RFC7217:4-1", mutate.FieldFrom(1, probesIn(prefix2), ndp.NSTarget.Is(ipv6.MustAddr("2001:db8:a5::1234:5678:9abc:def0")))).
			And("RFC7217:5-25", mutate.FieldFrom(1, probesIn(linkHere), ndp.NSTarget.Is(ipv6.MustAddr("fe80::1234:5678:9abc:def0")))).
			And("RFC7217:5-22", calls(anyProbe, "a reserved identifier", "::fdff:ffff:ffff:ff99")).
			Needs(stable...).Slow(),
		func(p *probe.P) {
			r := p.IPv6().Router(ndp.Lifetime.Is(1800))
			nets := []netip.Prefix{prefix2, prefix, ula}
			eui := identifier(ipv6.LinkLocal(r.TargetMAC()))
			about := map[netip.Prefix]string{linkHere: "RFC7217:5-4", prefix2: "RFC7217:5-3", prefix: "RFC7217:5-1", ula: "RFC7217:5-5"}
			round := func() (ids map[netip.Prefix][8]byte) {
				since := p.Now()
				p.Wait(delay + 2*retrans)
				offers(r, ndp.Advertised(prefix2), ndp.Advertised(prefix), ndp.Advertised(ula))
				p.Wait(delay + 2*retrans)
				ids = map[netip.Prefix][8]byte{}
				for _, net := range append(nets, linkHere) {
					ids[net] = identifier(theOne(r.Tester, net, since))
				}
				return ids
			}
			first := round()
			different := map[[8]byte]bool{}
			for net, id := range first {
				different[id] = true
				p.That(about[net], "the identifier in "+net.String(), id, gomega.Not(gomega.Equal(eui)))
				p.That("RFC7217:5-1", "the identifier in "+net.String(), id, gomega.Not(gomega.Equal(eui)))
				p.That("RFC7217:5-22", "the identifier is a reserved one", reserved(id), gomega.BeFalse())
			}
			p.That("RFC7217:4-2", "different identifiers", len(different), gomega.Equal(len(first)))
			p.That("RFC7217:5-12", "different identifiers", len(different), gomega.Equal(len(first)))
			p.LinkDown()
			p.Wait(time.Second)
			p.LinkUp()
			second := round()
			p.That("RFC7217:4-1", "the identifiers when the interface has come back", second, gomega.Equal(first))
			p.That("RFC7217:5-25", "the identifiers when the interface has come back", second, gomega.Equal(first))
		})

	suite.It("slaac.stable.bits", "no bit of an identifier has a meaning, and lifetimes are those that are advertised",
		check.Proves("RFC7217:5-27", mutate.Instead(anyProbe, "identifiers without the u bit", func(f *packet.Frame) []packet.Cond {
			a, _ := ndp.NSTarget.Of(f)
			b := a.As16()
			b[8] &^= 2
			return []packet.Cond{ndp.NSTarget.Is(netip.AddrFrom16(b))}
		})).
			And("RFC7217:4-4", mutate.Tells("has other lifetimes", func(_ agent.Request, r *agent.Reply) {
				for i := range r.Addrs {
					if l := r.Addrs[i].Lifetimes; l != nil {
						l.Valid = time.Hour
					}
				}
			})).Needs(stable...).Slow(),
		func(p *probe.P) {
			r := p.IPv6().Router(ndp.Lifetime.Is(1800))
			p.Wait(delay + 2*retrans)
			nets := numbered(12)
			var all []ndp.Prefix
			for _, n := range nets {
				all = append(all, offered(n, 10000, 5000))
			}
			r.Advertise(r.Prefixes(all[:6]...))
			r.Advertise(r.Prefixes(all[6:]...))
			p.Wait(delay + retrans/2)
			ones, n := map[int]int{}, 0
			for _, net := range nets {
				for _, a := range probed(r.Tester, net, 0) {
					id := identifier(a)
					ones[0] += int(id[0] >> 1 & 1)
					ones[1] += int(id[0] & 1)
					n++
				}
			}
			if n < 12 {
				p.Inconclusive("the target forms %d addresses of 12", n)
			}
			// A bit that is drawn is the same in all twelve with a chance of one in two thousand.
			p.That("RFC7217:5-27", "identifiers with the u bit", ones[0], gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", n)))
			p.That("RFC7217:5-27", "identifiers with the g bit", ones[1], gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", n)))
			for _, a := range addressesIn(p, nets[0]) {
				since := 4 * time.Second
				lasts(p, "RFC7217:4-4", "the address", agent.Address{Lifetimes: &agent.Lifetimes{
					Valid: max(a.Lifetimes.Valid, 10000*time.Second-since), Preferred: max(a.Lifetimes.Preferred, 5000*time.Second-since),
				}}, a.Lifetimes.Valid, a.Lifetimes.Preferred)
				p.Between("RFC7217:4-4", "the valid lifetime", a.Lifetimes.Valid, 10000*time.Second-since, 10000*time.Second)
			}
		})

	suite.It("slaac.stable.off", "the algorithm can be turned off: identifiers are made of the link address",
		check.Proves("RFC7217:5-6", calls(probesIn(linkHere), "an opaque identifier", "::1234:5678:9abc:def0")).Needs(target.DAD, target.Management6),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(delay + 2*retrans)
			p.That("RFC7217:5-6", "the link-local address", theOne(lan, linkHere, 0), gomega.Equal(ipv6.LinkLocal(lan.TargetMAC())))
		})

	suite.It("slaac.stable.interfaces", "each interface has identifiers of its own",
		check.Proves("RFC7217:5-26", calls(probesIn(linkHere), "the same identifier everywhere", "::1234:5678:9abc:def0")).
			Needs(target.StableIID, target.DAD, target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(delay + 2*retrans)
			near, far := theOne(lan, linkHere, 0), identifier(theOne(lan.Link(1), linkHere, 0))
			p.That("RFC7217:5-26", "the identifier on the second link", far, gomega.Not(gomega.Equal(identifier(near))))
		})

	suite.It("slaac.stable.used", "an identifier that is used on the interface already counts as a duplicate",
		check.Proves("RFC7217:5-23", mutate.DeafAfter(1, ndp.RouterAdvert(), ndp.RouterAdvert())).
			And("RFC7217:5-24", mutate.Tells("has no other", func(_ agent.Request, r *agent.Reply) {
				for i, a := range r.Addrs {
					if prefix2.Contains(a.Addr) {
						r.Addrs = r.Addrs[:i+1]
						return
					}
				}
			})).Needs(stable...).Slow(),
		func(p *probe.P) {
			r := p.IPv6().Router(ndp.Lifetime.Is(1800))
			p.Wait(delay + 2*retrans)
			offers(r, ndp.Advertised(prefix2))
			p.Wait(delay + 2*retrans)
			a := theOne(r.Tester, prefix2, 0)
			p.LinkDown()
			p.Wait(time.Second)
			p.LinkUp()
			p.Wait(delay + retrans)
			p.AddAddress(netip.PrefixFrom(a, 64))
			p.Wait(delay + 2*retrans)
			offers(r, ndp.Advertised(prefix2))
			p.Wait(2*delay + 2*retrans)
			for _, req := range []string{"RFC7217:5-23", "RFC7217:5-24"} {
				p.That(req, "addresses of the prefix, beside that set by hand", len(addressesIn(p, prefix2)), gomega.BeNumerically(">", 1))
			}
		})

	conflicts(stable)
}

// conflicts is RFC 7217, 6: somebody has each address that the target tries.
func conflicts(stable []target.Feature) {
	in2 := probesIn(prefix2)
	suite.It("slaac.stable.conflict", "when somebody has the address another identifier is tried, some times, each after a random delay",
		check.Proves("RFC7217:6-1", mutate.Drops(in2, 1)).
			And("RFC7217:5-16", calls(in2, "the same identifier again", "::1234:5678:9abc:def0")).
			And("RFC7217:6-3", mutate.Drops(in2, 2)).
			And("RFC7217:7-1", mutate.Drops(in2, 2)).
			And("RFC7217:6-4", mutate.Repeat(in2, 15*time.Second)).
			And("RFC7217:6-6", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.FieldFrom(2, in2, ndp.NSTarget.Is(ipv6.FromMAC(prefix2, n.Target.MAC)))
			})).
			And("RFC7217:5-15", mutate.FieldFrom(3, in2, ndp.NSTarget.Is(ipv6.MustAddr("2001:db8:a5::1234:5678:9abc:def0")))).
			And("RFC7217:6-2", mutate.Punctual(in2, ndp.Advert(in(ndp.NATarget, prefix2)), 1500*time.Millisecond)).
			And("RFC7217:7-2", mutate.Lags(in2, 1, 2500*time.Millisecond)).
			Needs(stable...).Slow(),
		func(p *probe.P) {
			r := p.IPv6().Router(ndp.Lifetime.Is(1800))
			eui := ipv6.FromMAC(prefix2, r.TargetMAC())
			var first []netip.Addr
			var delays []time.Duration
			for n := range int(long(p, 8, 2)) {
				if n > 0 {
					p.LinkDown()
					p.Wait(time.Second)
					p.LinkUp()
				}
				p.Wait(delay + 2*retrans)
				since := p.Now()
				offers(r, ndp.Advertised(prefix2))
				at := time.Duration(0)
				answered := map[netip.Addr]bool{}
				for quiet := p.Now(); p.Now()-quiet < 5*time.Second && len(answered) < 20; p.Wait(20 * time.Millisecond) {
					for _, f := range r.Seen(in2) {
						a, _ := ndp.NSTarget.Of(f)
						if f.At < since || answered[a] {
							continue
						}
						if answered[a] = true; at != 0 {
							delays = append(delays, f.At-at)
						}
						p.Wait(50 * time.Millisecond)
						r.Send(ndp.Unsolicited(a))
						at, quiet = p.Now(), p.Now()
					}
				}
				tried := probed(r.Tester, prefix2, since)
				if n == 0 {
					first = tried
					p.That("RFC7217:6-1", "addresses that were tried", len(tried), gomega.BeNumerically(">", 1))
					p.That("RFC7217:5-16", "addresses that were tried", len(tried), gomega.BeNumerically(">", 1))
					each([]string{"RFC7217:6-3", "RFC7217:7-1"}, func(req string) {
						p.That(req, "addresses that were tried", len(tried), gomega.BeNumerically(">=", 3))
					})
					p.That("RFC7217:6-4", "addresses that were tried", len(tried), gomega.BeNumerically("<", 20))
					p.That("RFC7217:6-6", "the addresses that were tried", tried, gomega.Not(gomega.ContainElement(eui)))
					p.Forget()
					r.Never(in2, 20*time.Second, probe.For("RFC7217:6-4"), probe.Because("their number is limited"))
					continue
				}
				if len(tried) > 0 {
					// It begins with counter 0 again, or with the one that it has recorded (RFC 7217, 6).
					p.That("RFC7217:5-15", "the first address of another time is one of the first time", first, gomega.ContainElement(tried[0]))
				}
			}
			p.Meets("RFC7217:7-2")
			for _, d := range delays {
				p.Between("RFC7217:7-2", "from the conflict to the next address", d, 0, time.Second+delay+late(p))
			}
			if len(delays) < 2 {
				p.Meets("RFC7217:6-2")
				return
			}
			least, most := slices.Min(delays), slices.Max(delays)
			// Of fifteen delays that are drawn, all within a tenth of the range has a chance of less than one in 10^12.
			p.That("RFC7217:6-2", "by how much the delays differ", most-least, gomega.BeNumerically(">", 100*time.Millisecond))
		})
}
