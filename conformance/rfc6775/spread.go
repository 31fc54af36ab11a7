package rfc6775

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var (
	farBorder = ipv6.MustAddr("2001:db8:1::9:9") // another border router
	farPrefix = netip.MustParsePrefix("2001:db8:77::/64")
)

// abroOf is what the border router's option says in a message of a router.
func abroOf(options []byte) (version uint32, minutes uint16, border netip.Addr) {
	for _, o := range ndp.FindOptions(options, ndp.ABROType) {
		version, minutes, border, _ = ndp.ABROOf(o)
	}
	return version, minutes, border
}

// about are advertisements that a border router stands for.
func about(border netip.Addr, such ...func(version uint32) bool) packet.Template {
	return ndp.RouterAdvert(ndp.RAOptions.Where("of border router "+border.String(), func(b []byte) bool {
		v, _, a := abroOf(b)
		return a == border && (len(such) == 0 || such[0](v))
	}))
}

// said is an advertisement of the first tester, with what a border router stands for.
func (w world) said(version uint32, minutes uint16, border netip.Addr, options ...[]byte) packet.Template {
	all := append([][]byte{ndp.SourceLink(w.lan.MAC())}, options...)
	return ndp.RouterAdvert(ndp.RAOptions.Is(ndp.Options(append(all, ndp.ABRO(version, minutes, border))...))).
		With(ipv6.Src.Is(w.lan.Host().LinkLocal), ipv6.Dst.Is(w.lan.Net().Target.LinkLocal))
}

// farOption is the prefix of another border router, in which nobody makes an address.
func farOption(valid, preferred uint32) []byte {
	x := ndp.Advertised(farPrefix)
	x.OnLink, x.Autonom, x.Valid, x.Preferred = false, false, valid, preferred
	return x.Option()
}

// tells are the advertisements that another host gets when it asks.
func (w world) tells() []*packet.Frame {
	at := w.Now() - time.Microsecond
	host := w.lan.As(1)
	host.Send(ndp.RouterSolicit())
	w.Wait(soon)
	return w.after(anyRA.With(ipv6.Dst.Is(host.Host().LinkLocal)), at)
}

// tellsOf is that of one border router; nil when there is none.
func (w world) tellsOf(border netip.Addr) *packet.Frame {
	for _, ra := range w.tells() {
		if about(border).Matches(ra) {
			return ra
		}
	}
	return nil
}

// contextsIn and prefixesIn are what an advertisement tells.
func contextsIn(f *packet.Frame) (all []ndp.Context) {
	if f == nil {
		return nil
	}
	for _, o := range ndp.Find(f, ndp.CtxType) {
		c, _ := ndp.ContextOf(o)
		all = append(all, c)
	}
	return all
}

func prefixesIn(f *packet.Frame) (all []netip.Prefix) {
	if f == nil {
		return nil
	}
	for _, o := range ndp.Find(f, ndp.PrefixType) {
		x, _ := ndp.PrefixOf(o)
		all = append(all, x.Prefix)
	}
	return all
}

// respelled is a target whose advertisements have other options of a kind.
func respelled(what string, kind byte, change func(o []byte) [][]byte) mutate.Mutation {
	return mutate.Instead(anyRA, what, func(f *packet.Frame) []packet.Cond {
		b, _ := ndp.RAOptions.Of(f)
		all, _ := ndp.SplitOptions(b)
		var out []byte
		for _, o := range all {
			if o[0] != kind {
				out = append(out, o...)
				continue
			}
			out = append(out, slices.Concat(change(slices.Clone(o))...)...)
		}
		return []packet.Cond{ndp.RAOptions.Is(out)}
	})
}

// reheard is a target that sees other options in advertisements of the tester with a version of a border router.
func reheard(version uint32, minutes uint16, change func(o []byte)) mutate.Mutation {
	return mutate.MisreadsAs(ndp.RouterAdvert(ndp.RAOptions.Where("of that version", func(b []byte) bool {
		v, m, _ := abroOf(b)
		return v == version && m == minutes
	})), "with another border router option", func(f *packet.Frame) [][]byte {
		b, _ := ndp.RAOptions.Of(f)
		all, _ := ndp.SplitOptions(bytes.Clone(b))
		for _, o := range all {
			if o[0] == ndp.ABROType {
				change(o)
			}
		}
		return f.Rewrites(ndp.RAOptions.Is(slices.Concat(all...)))
	})
}

func context(id byte, prefix string, minutes uint16) ndp.Context {
	return ndp.Context{ID: id, Prefix: netip.MustParsePrefix(prefix), Lifetime: minutes, Compress: true}
}

func init() {
	suite.It("nd.spread.two", "what two border routers say is passed on in two advertisements, each with its own",
		check.Proves("RFC6775:6.3-2", mutate.Missing(about(farBorder).With(unicast))).
			And("RFC6775:8.1.5-2", mutate.Instead(about(farBorder), "with the prefixes of both", func(f *packet.Frame) []packet.Cond {
				b, _ := ndp.RAOptions.Of(f)
				x := ndp.Advertised(netip.MustParsePrefix("2001:db8:1::/64"))
				x.OnLink = false
				return []packet.Cond{ndp.RAOptions.Is(ndp.Options(b, x.Option()))}
			})).
			And("RFC6775:8.1.3-2", mutate.Instead(about(farBorder), "without its contexts", func(f *packet.Frame) []packet.Cond {
				b, _ := ndp.RAOptions.Of(f)
				return []packet.Cond{ndp.RAOptions.Is(without(b, ndp.CtxType))}
			})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			w.lan.Send(w.said(7, 1000, farBorder, farOption(9000, 9000), context(4, "2001:db8:cc::/48", 100).Option()))
			p.Wait(time.Second)
			ra := w.tellsOf(farBorder)
			p.That("RFC6775:6.3-2", "an advertisement for the other border router", ra != nil, gomega.BeTrue())
			if ra == nil {
				return
			}
			p.That("RFC6775:8.1.5-2", "the prefixes in it", prefixesIn(ra), gomega.Equal([]netip.Prefix{farPrefix}))
			b, _ := ndp.RAOptions.Of(ra)
			version, minutes, _ := abroOf(b)
			p.That("RFC6775:8.1.3-2", "version and lifetime", []int{int(version), int(minutes)}, gomega.Equal([]int{7, 1000}))
			p.That("RFC6775:8.1.3-2", "prefixes and contexts", []int{len(prefixesIn(ra)), len(contextsIn(ra))}, gomega.Equal([]int{1, 1}))
		})

	suite.It("nd.spread.lifetime", "when the time of a border router is over, in minutes, nothing is told of it any more; time 0 is a week",
		check.Proves("RFC6775:6.3-3", reheard(7, 2, func(o []byte) { o[7] = 200 })).
			And("RFC6775:4.3-5", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(about(euiOf(n.Prefix6, net.HardwareAddr{2, 9, 9, 9, 9, 9, 9, 9})).With(unicast))
			})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			w.lan.Send(w.said(7, 2, farBorder, farOption(9000, 9000)))
			p.Wait(100 * time.Second)
			p.That("RFC6775:6.3-3", "an advertisement for it after 100 s", w.tellsOf(farBorder) != nil, gomega.BeTrue())
			p.Wait(20 * time.Second)
			p.That("RFC6775:6.3-3", "an advertisement for it after two minutes", w.tellsOf(farBorder) != nil, gomega.BeFalse())
			p.That("RFC6775:4.3-5", "an advertisement for the one of lifetime 0", w.tellsOf(w.border()) != nil, gomega.BeTrue())
		})

	suite.It("nd.spread.version", "what an older version says is ignored; the same one and a newer one are taken in",
		check.Proves("RFC6775:8.1.3-4", reheard(0x10004, 100, func(o []byte) { o[5] = 9 })).
			And("RFC6775:8.1.3-5", reheard(0x10005, 200, func(o []byte) { o[3] = 1 })).
			And("RFC6775:8.1.3-3", reheard(0x20000, 300, func(o []byte) { o[4], o[5] = 0, 0 })).
			And("RFC6775:4.3-3", respelled("with the halves of the version exchanged", ndp.ABROType, func(o []byte) [][]byte {
				o[2], o[3], o[4], o[5] = o[4], o[5], o[2], o[3]
				return [][]byte{o}
			})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			say := func(version uint32, minutes uint16, id byte) (got []int) {
				w.lan.Send(w.said(version, minutes, farBorder, farOption(9000, 9000), context(id, "2001:db8:cc::/48", 100).Option()))
				p.Wait(time.Second)
				ra := w.tellsOf(farBorder)
				if ra == nil {
					p.Inconclusive("the target passes on nothing of the border router %v", farBorder)
				}
				b, _ := ndp.RAOptions.Of(ra)
				v, m, _ := abroOf(b)
				for _, c := range contextsIn(ra) {
					got = append(got, int(c.ID))
				}
				slices.Sort(got)
				return append(got, int(v), int(m))
			}
			p.That("RFC6775:4.3-3", "context, version and lifetime", say(0x10005, 60, 1), gomega.Equal([]int{1, 0x10005, 60}))
			p.That("RFC6775:8.1.3-4", "context, version and lifetime after an older one", say(0x10004, 100, 2), gomega.Equal([]int{1, 0x10005, 60}))
			p.That("RFC6775:8.1.3-5", "the lifetime after the same one", say(0x10005, 200, 1), gomega.Equal([]int{1, 0x10005, 200}))
			p.That("RFC6775:8.1.3-3", "context, version and lifetime after a newer one", say(0x20000, 300, 3), gomega.Equal([]int{3, 0x20000, 300}))
		})

	suite.It("nd.spread.left", "of lifetimes what is left is told",
		check.Proves("RFC6775:8.1.4-1", respelled("with lifetimes as they came", ndp.PrefixType, func(o []byte) [][]byte {
			binary.BigEndian.PutUint32(o[4:], 9000)
			return [][]byte{o}
		})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			w.lan.Send(w.said(7, 1000, farBorder, farOption(9000, 8000), context(4, "2001:db8:cc::/48", 100).Option()))
			p.Wait(1200 * time.Second)
			ra := w.tellsOf(farBorder)
			if ra == nil {
				p.Inconclusive("the target passes on nothing of the border router %v", farBorder)
			}
			x, _ := ndp.PrefixOf(first0(ndp.Find(ra, ndp.PrefixType)))
			p.That("RFC6775:8.1.4-1", "how long the prefix is valid", int(x.Valid), gomega.And(gomega.BeNumerically(">=", 7790), gomega.BeNumerically("<=", 7800)))
			p.That("RFC6775:8.1.4-1", "how long it is preferred", int(x.Preferred), gomega.And(gomega.BeNumerically(">=", 6790), gomega.BeNumerically("<=", 6800)))
			for _, c := range contextsIn(ra) {
				p.That("RFC6775:8.1.4-1", "how long the context is valid", int(c.Lifetime), gomega.And(gomega.BeNumerically(">=", 79), gomega.BeNumerically("<=", 80)))
			}
		})

	suite.It("nd.spread.all", "news are told to all routers up to three times, at distances, and then now and then",
		check.Proves("RFC6775:8.1.5-4", mutate.Late(about(farBorder).With(multicast), 5*time.Minute)).
			And("RFC6775:8.1.5-3", mutate.Drops(about(farBorder).With(multicast), 3)).
			And("RFC6775:9-2", mutate.Repeat(about(farBorder).With(multicast), 5*time.Second)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			at := w.Now()
			w.lan.Send(w.said(7, 1000, farBorder, farOption(9000, 9000)))
			p.Wait(50 * time.Second)
			soon := w.after(about(farBorder).With(multicast), at)
			p.That("RFC6775:8.1.5-4", "advertisements to all in 50 s", len(soon), gomega.And(gomega.BeNumerically(">=", 1), gomega.BeNumerically("<=", 4)))
			for _, d := range gaps(soon) {
				p.Between("RFC6775:9-2", "between two of them", d, 10*time.Second-access, time.Minute)
			}
			p.Wait(30 * time.Minute)
			p.That("RFC6775:8.1.5-3", "advertisements to all in half an hour", len(w.after(about(farBorder).With(multicast), at)), gomega.BeNumerically(">", max(3, len(soon))))
		})

	suite.It("nd.spread.contexts", "contexts are told in options of their length, whose rest is zero, one for each of sixteen",
		check.Proves("RFC6775:4.2-1", respelled("with the length of the context elsewhere", ndp.CtxType, func(o []byte) [][]byte {
			o[2], o[4] = 0, o[2]
			return [][]byte{o}
		})).
			And("RFC6775:4.2-2", respelled("with contexts of 64 bits only", ndp.CtxType, func(o []byte) [][]byte {
				if o[2] > 64 {
					o[1] = 2
					return [][]byte{o[:16]}
				}
				return [][]byte{o}
			})).
			And("RFC6775:4.2-5", respelled("with reserved bits", ndp.CtxType, func(o []byte) [][]byte {
				o[3] |= 0x80
				return [][]byte{o}
			})).
			And("RFC6775:4.2-9", respelled("with octets behind the context", ndp.CtxType, func(o []byte) [][]byte {
				o[15] = 1
				return [][]byte{o}
			})).
			And("RFC6775:4.2-10", respelled("with each context twice", ndp.CtxType, func(o []byte) [][]byte { return [][]byte{o, o} })).
			And("RFC6775:4.2-6", mutate.MisreadsAs(anyRA, "without contexts that have reserved bits", func(f *packet.Frame) [][]byte {
				b, _ := ndp.RAOptions.Of(f)
				var kept []byte
				all, _ := ndp.SplitOptions(b)
				for _, o := range all {
					if o[0] != ndp.CtxType || o[3]&0xe0 == 0 {
						kept = append(kept, o...)
					}
				}
				return f.Rewrites(ndp.RAOptions.Is(kept))
			})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			want := map[byte]netip.Prefix{}
			options := [][]byte{farOption(9000, 9000)}
			for id := range byte(16) {
				c := context(id, "2001:db8:cc::/48", 100)
				if id%2 == 1 {
					c = context(id, "2001:db8:cc:1:aa00::/72", 100)
				}
				a := c.Prefix.Addr().As16()
				a[5] = id
				c.Prefix = netip.PrefixFrom(netip.AddrFrom16(a), c.Prefix.Bits())
				c.Reserved = id % 8
				want[id] = c.Prefix
				o := c.Option()
				o[15] |= 0x0f * (1 - id%2) // what is behind the context, in an option that is not as it should be
				options = append(options, o)
			}
			w.lan.Send(w.said(7, 1000, farBorder, options...))
			p.Wait(time.Second)
			ra := w.tellsOf(farBorder)
			if ra == nil {
				p.Inconclusive("the target passes on nothing of the border router %v", farBorder)
			}
			got := map[byte]netip.Prefix{}
			all := ndp.Find(ra, ndp.CtxType)
			for _, o := range all {
				bits := int(o[2])
				units := 2
				if bits > 64 {
					units = 3
				}
				c, _ := ndp.ContextOf(append(slices.Clone(o), make([]byte, 8)...))
				got[c.ID] = c.Prefix.Masked()
				p.That("RFC6775:4.2-1", "the length of the context", bits, gomega.BeElementOf(48, 72))
				p.That("RFC6775:4.2-2", "the length of the option", int(o[1]), gomega.Equal(units))
				p.That("RFC6775:4.2-5", "the reserved bits", []int{int(o[3] >> 5), int(o[4]), int(o[5])}, gomega.Equal([]int{0, 0, 0}))
				if len(o) == 16 && bits == 48 {
					p.That("RFC6775:4.2-9", "the octets behind the context", []byte(o[14:16]), gomega.Equal([]byte{0, 0}))
				}
			}
			p.That("RFC6775:4.2-10", "options of contexts", len(all), gomega.Equal(16))
			p.That("RFC6775:4.2-6", "the contexts", got, gomega.Equal(want))
		})

	suite.It("nd.spread.abro", "the option of a border router is of type 35, 24 octets long, with the two halves of the version, the lifetime and the address",
		check.Proves("RFC6775:4.3-2", respelled("with the lifetime before the version", ndp.ABROType, func(o []byte) [][]byte {
			o[2], o[3], o[6], o[7] = o[6], o[7], o[2], o[3]
			return [][]byte{o}
		})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			w.lan.Send(w.said(0x00010002, 0x1234, farBorder, farOption(9000, 9000)))
			p.Wait(time.Second)
			ra := w.tellsOf(farBorder)
			if ra == nil {
				p.Inconclusive("the target passes on nothing of the border router %v", farBorder)
			}
			want := append([]byte{35, 3, 0, 2, 0, 1, 0x12, 0x34}, farBorder.AsSlice()...)
			p.That("RFC6775:4.3-2", "the option", first0(ndp.Find(ra, ndp.ABROType)), gomega.Equal(want))
		})

	suite.It("nd.spread.preference", "a router that has lost its way to the border router says that it is of low preference",
		check.Proves("RFC6775:6-5", mutate.Field(anyRA.With(unicast), ndp.Preference.Is(0))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			w.lan.Send(w.advertisement(w.lan, 0))
			p.Wait(time.Second)
			for _, ra := range w.tells() {
				life, _ := ndp.Lifetime.Of(ra)
				pref, _ := ndp.Preference.Of(ra)
				p.That("RFC6775:6-5", "the preference of an advertisement with a lifetime", life == 0 || pref == 3, gomega.BeTrue())
			}
			p.Meets("RFC6775:6-5")
		})

	suite.It("nd.spread.hop", "an advertisement with the longest lifetime of a router is one",
		check.Proves("RFC6775:6.3-8", mutate.Field(anyRA.With(unicast), ndp.Lifetime.Is(9000))).
			Needs(routerNeeds...).Configured("CONFIG_CONFORM_IPV6_RA_LIFETIME=65535"),
		func(p *probe.P) {
			w := begun(p)
			for _, ra := range w.tells() {
				p.Must("RFC6775:6.3-8", ra, ndp.Lifetime.Is(0xffff))
			}
		})
}
