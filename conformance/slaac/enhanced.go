package slaac

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Enhanced duplicate address detection: RFC 7527.

// nonceOf is the nonce of a solicitation; nil without one.
func nonceOf(f *packet.Frame) []byte {
	for _, o := range ndp.Find(f, ndp.NonceType) {
		return o[2:]
	}
	return nil
}

// withNonce is a mutation that gives frames like on this nonce, or none.
func withNonce(on packet.Template, field packet.Field[[]byte], nonce []byte) mutate.Mutation {
	if nonce == nil {
		return mutate.Field(on, field.Is(nil))
	}
	return mutate.Field(on, field.Is(ndp.Nonce(nonce)))
}

func init() {
	one := []byte("always")
	suite.It("slaac.nonce.probes", "each probe has a nonce of its own, in an option of type 14",
		check.Proves("RFC7527:4.1-1", withNonce(anyProbe, ndp.NSOptions, make([]byte, 6))).
			And("RFC7527:4.1-3", withNonce(anyProbe, ndp.NSOptions, nil)).
			And("RFC7527:4-1", mutate.Field(anyProbe, ndp.NSOptions.Is(ndp.Option(15, []byte("nonce!")...)))).
			And("RFC7527:4.3-1", withNonce(probesIn(linkHere), ndp.NSOptions, nil)).
			And("RFC7527:4-2", withNonce(anyProbe, ndp.NSOptions, one)).
			Needs(target.DAD, target.EnhancedDAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second)
			for n := range 4 {
				p.AddAddress(netip.PrefixFrom(lastOctet(more.Addr(), byte(0x80+n)), 64))
				p.Wait(delay + retrans)
			}
			fs := lan.Seen(anyProbe)
			if len(fs) < 5 {
				p.Inconclusive("there are %d probes", len(fs))
			}
			seen := map[string]bool{}
			for _, f := range fs {
				n := nonceOf(f)
				each([]string{"RFC7527:4-1", "RFC7527:4.1-3", "RFC7527:4.3-1"}, func(r string) {
					p.That(r, "octets of the nonce", len(n), gomega.Equal(6))
				})
				p.That("RFC7527:4.1-1", "the nonce", bytes.Equal(n, make([]byte, 6)), gomega.BeFalse())
				seen[hex.EncodeToString(n)] = true
			}
			p.That("RFC7527:4-2", "different nonces", len(seen), gomega.Equal(len(fs)))
		})

	suite.It("slaac.nonce.others", "other messages have no nonce",
		check.Proves("RFC7527:4-3", withNonce(ndp.Solicitation(ndp.NSLink.Is([]byte{2, 0, 0, 0, 0, 2})), ndp.NSOptions, one)).
			Needs(target.DAD, target.EnhancedDAD),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second)
			x := lan.Claiming(ipv6.MustAddr("2001:db8:1::66:66"))
			x.Send(icmpv6.Echo(1, 1, nil))
			f := x.Expect(ndp.Solicit(x.IP()), probe.For(), probe.Because("the address is to be resolved"))
			p.That("RFC7527:4-3", "the nonce", nonceOf(f), gomega.BeNil())
			f = lan.Ask(ndp.Solicitation(), ndp.Advert(ndp.NATarget.Is(lan.TargetIP())), probe.For())
			p.That("RFC7527:4-3", "the nonce", nonceOf(f), gomega.BeNil())
		})

	looped := []string{"RFC7527:4.2-1", "RFC7527:4.2-4", "RFC7527:4.1-2", "RFC4862:5.4.3-5"}
	suite.It("slaac.nonce.looped", "a probe that comes back is no duplicate: some more are sent, with other nonces, and then the address is used",
		check.Proves("RFC7527:4.2-1", withNonceSeen("other!")).
			And("RFC7527:4.2-4", withNonceSeen("wrong!")).
			And("RFC7527:4.1-2", withNonceSeen("lost!!")).
			And("RFC4862:5.4.3-5", withNonceSeen("theirs")).
			And("RFC7527:4.1-5", mutate.Drops(moreNS, 2)).
			And("RFC7527:4.1-6", mutate.FieldFrom(1, moreNS, ndp.NSOptions.Is(ndp.Nonce(one)))).
			And("RFC7527:4.1-7", mutate.Repeat(moreNS, 6*retrans)).
			And("RFC7527:4.1-9", mutate.Tells("is never sure of an address", func(_ agent.Request, r *agent.Reply) { setState(r, more.Addr(), "preferred", "tentative") })).
			Needs(target.DAD, target.EnhancedDAD, target.Management6, target.Agent).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second)
			p.AddAddress(more)
			f := lan.Expect(moreNS, probe.For(), probe.Within(soon), probe.Because("the address is new"))
			p.Wait(100 * time.Millisecond)
			lan.SendBytes(f.Bytes)
			p.Wait(retrans / 2)
			each(looped, func(r string) {
				p.That(r, "the state of the address", state(p, more.Addr()), gomega.Equal("tentative"))
			})
			until(p, 6*retrans, func() bool { return usable(p, more.Addr()) })
			each(append(looped, "RFC7527:4.1-9"), func(r string) {
				p.That(r, "the state of the address in the end", state(p, more.Addr()), gomega.Equal("preferred"))
			})
			ready := p.Now()
			p.Wait(5 * retrans)
			fs := lan.Seen(moreNS)
			p.That("RFC7527:4.1-5", "solicitations", len(fs), gomega.Equal(4))
			nonces := map[string]bool{}
			for i, f := range fs {
				nonces[hex.EncodeToString(nonceOf(f))] = true
				if i > 1 {
					p.Between("RFC7527:4.1-5", "from one solicitation to the next", f.At-fs[i-1].At, retrans-wire, retrans+late(p))
				}
			}
			p.That("RFC7527:4.1-6", "different nonces", len(nonces), gomega.Equal(len(fs)))
			last := fs[len(fs)-1].At
			p.Between("RFC7527:4.1-7", "from the last solicitation to the use of the address", ready-last, retrans-wire, retrans+late(p))
		})

	check.Grid(suite, "slaac.nonce.duplicate", "a probe with another nonce, or without one, is somebody else's",
		check.Proves("RFC7527:4.2-5", mutate.Ignores(their())).
			And("RFC7527:5-1", mutate.Ignores(ndp.Probe(more.Addr()))).
			Needs(target.DAD, target.EnhancedDAD, target.Management6, target.Agent),
		[]rival{
			{kit.About("another nonce", "RFC7527:4.2-5", "RFC7527:5-1"), their(ndp.NSOptions.Is(ndp.Nonce([]byte("other!"))))},
			{kit.About("none", "RFC7527:5-1"), their()},
			{kit.About("a longer nonce", "RFC7527:4.2-5", "RFC7527:5-1"), their(ndp.NSOptions.Is(ndp.Nonce([]byte("a longer nonce"))))},
		},
		func(p *probe.P, r rival) {
			lan := probing(p)
			lan.Send(r.says)
			that(p, "the address is given up", taken(lan), r.Requirements...)
		})

	suite.It("slaac.nonce.unanswered", "without an answer, and without an echo, the address is used RetransTimer after the last probe",
		check.Proves("RFC7527:4.1-4", hasty).Needs(target.DAD, target.EnhancedDAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second)
			p.AddAddress(more)
			f := lan.Expect(moreNS, probe.For(), probe.Within(soon), probe.Because("the address is new"))
			until(p, 3*retrans, func() bool { return usable(p, more.Addr()) })
			p.Between("RFC7527:4.1-4", "from the last solicitation to the use of the address", p.Now()-f.At, retrans-wire, retrans+late(p))
		})

	suite.It("slaac.nonce.logged", "an address that is lost to another nonce is told to the management",
		check.Proves("RFC7527:4.2-6", mutate.Mute("IPV6_DAD_FAILED")).
			Needs(target.DAD, target.EnhancedDAD, target.Management6, target.Agent, target.Events),
		func(p *probe.P) {
			s := p.Subscribe(ipv6Events)
			lan := probing(p)
			lan.Send(their(ndp.NSOptions.Is(ndp.Nonce([]byte("other!")))))
			p.Wait(retrans)
			p.That("RFC7527:4.2-6", "events", probe.Names(s.Events()), gomega.ContainElement("IPV6_DAD_FAILED"))
		})
}

// withNonceSeen is a target that sees another nonce in what comes back.
func withNonceSeen(nonce string) mutate.Mutation {
	return mutate.Misreads(ndp.Solicit(more.Addr()), ndp.NSOptions.Is(ndp.Nonce([]byte(nonce))))
}

// lastOctet is an address with another last octet.
func lastOctet(a netip.Addr, n byte) netip.Addr {
	b := a.As16()
	b[15] = n
	return netip.AddrFrom16(b)
}
