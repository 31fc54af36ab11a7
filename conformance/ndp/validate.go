package ndp

import (
	"strconv"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

// A fault makes a message invalid.
type fault struct {
	name string
	reqs []string
	bad  func(t *probe.Tester, good packet.Template) packet.Template
	// good is the message without the fault where it differs from the usual one.
	good func(t *probe.Tester, good packet.Template) packet.Template
}

func (f fault) String() string   { return f.name }
func (f fault) Proves() []string { return f.reqs }

// pair is the bad message and its good twin.
func (f fault) pair(t *probe.Tester, usual packet.Template) (bad, good packet.Template) {
	good = usual
	if f.good != nil {
		good = f.good(t, usual)
	}
	return f.bad(t, good), good
}

// with is a fault that some fields make.
func with(name string, reqs []string, conds ...packet.Cond) fault {
	return fault{name: name, reqs: reqs, bad: func(_ *probe.Tester, good packet.Template) packet.Template { return good.With(conds...) }}
}

// cut is a fault of length: the first n octets of the message, with lengths and checksum that fit.
func cut(name string, reqs []string, n int) fault {
	return fault{name: name, reqs: reqs, bad: func(t *probe.Tester, good packet.Template) packet.Template {
		f := kit.Framed(t, good)
		src, _ := ipv6.Src.Of(f)
		dst, _ := ipv6.Dst.Of(f)
		kind, _ := icmpv6.Type.Of(f)
		return ipv6.Header(ipv6.HopLimit.Is(255), ipv6.Src.Is(src), ipv6.Dst.Is(dst)).
			Then(icmpv6.Message(icmpv6.Type.Is(kind)), packet.Payload(f.Body(ipv6.Proto)[4:n]))
	}}
}

// common are the faults that any message can have. ids are the requirements about hop limit, checksum, code, length and
// option length; least is the length below which it is too short, options the field of its options.
func common(ids [5]string, least int, options packet.Field[[]byte]) []fault {
	var all []fault
	for _, hops := range []uint{0, 1, 64, 254} {
		all = append(all, with("hop limit "+itoa(hops), ids[:1], ipv6.HopLimit.Is(hops)))
	}
	all = append(all, with("checksum", ids[1:2], icmpv6.Checksum.Is(0xbad0)))
	for _, code := range []uint{1, 128, 255} {
		all = append(all, with("code "+itoa(code), ids[2:3], icmpv6.Code.Is(code)))
	}
	for _, n := range []int{4, least - 8, least - 1} {
		if all[len(all)-1].name != "length "+itoa(uint(n)) {
			all = append(all, cut("length "+itoa(uint(n)), ids[3:4], n))
		}
	}
	zero := []string{ids[4], "RFC4861:4.6-3"}
	for _, kind := range []byte{ndp.MTUType, 253} {
		o := ndp.RawOption(kind, 0, 0, 0, 0, 0, 5, 0xdc)
		all = append(all, fault{name: "option " + itoa(uint(kind)) + " of length 0", reqs: zero, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			valid, _ := options.Of(kit.Framed(t, good))
			return good.With(options.Is(ndp.Options(valid, o)))
		}})
	}
	return all
}

func itoa(v uint) string { return strconv.FormatUint(uint64(v), 10) }

// gullible claims that every fault of a table is seen.
func gullible(faults []fault) check.Claims {
	var c check.Claims
	seen := map[string]bool{}
	for _, f := range faults {
		for _, req := range f.reqs {
			if !seen[req] {
				seen[req] = true
				c = c.And(req, mutate.Gullible())
			}
		}
	}
	return c
}

// unanswered asserts for each requirement of a fault that nothing like answer has come since an instant.
func unanswered(t *probe.Tester, f fault, since time.Duration, answer packet.Template) {
	n := 0
	for _, got := range t.Seen(answer) {
		if got.At >= since {
			n++
		}
	}
	for _, req := range f.reqs {
		t.That(req, "the message has no effect: no "+answer.String(), n, gomega.BeZero())
	}
}

func init() {
	probing := func(t *probe.Tester, _ packet.Template) packet.Template { return ndp.Probe(t.TargetIP()) }
	solicitations := append(common([5]string{"RFC4861:7.1.1-1", "RFC4861:7.1.1-2", "RFC4861:7.1.1-3", "RFC4861:7.1.1-4", "RFC4861:7.1.1-6"}, 24, ndp.NSOptions),
		with("target all nodes", []string{"RFC4861:7.1.1-5"}, ndp.NSTarget.Is(ipv6.AllNodes)),
		fault{name: "target solicited-node group", reqs: []string{"RFC4861:7.1.1-5"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ndp.NSTarget.Is(ipv6.SolicitedNode(t.TargetIP())), ipv6.Dst.Is(ipv6.SolicitedNode(t.TargetIP())))
		}},
		fault{name: "from nobody to the target", reqs: []string{"RFC4861:7.1.1-7"}, good: probing, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ipv6.Dst.Is(t.TargetIP()))
		}},
		fault{name: "from nobody to all nodes", reqs: []string{"RFC4861:7.1.1-7"}, good: probing, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ipv6.Dst.Is(ipv6.AllNodes))
		}},
		fault{name: "from nobody with link address", reqs: []string{"RFC4861:7.1.1-8"}, good: probing, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ndp.NSLink.Is(t.MAC()))
		}},
		fault{name: "unassigned target", reqs: []string{"RFC4861:7.2.3-1"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ndp.NSTarget.Is(t.UnusedIP()), ipv6.Dst.Is(ipv6.SolicitedNode(t.TargetIP())))
		}},
		fault{name: "target that differs in scope", reqs: []string{"RFC4861:7.2.3-1"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ndp.NSTarget.Is(ipv6.MustAddr("2001:db8:aaaa::2")), ipv6.Dst.Is(t.TargetIP()))
		}},
	)
	check.Grid(suite, "ndp.ns.invalid", "an invalid Neighbor Solicitation is not answered", gullible(solicitations), solicitations,
		func(p *probe.P, f fault) {
			lan := p.IPv6()
			bad, good := f.pair(lan, ndp.Solicitation())
			lan.Silent(bad, good, ndp.Advert(), probe.For(f.reqs...))
		})

	adverts := append(common([5]string{"RFC4861:7.1.2-1", "RFC4861:7.1.2-2", "RFC4861:7.1.2-3", "RFC4861:7.1.2-4", "RFC4861:7.1.2-7"}, 24, ndp.NAOptions),
		with("target all nodes", []string{"RFC4861:7.1.2-5"}, ndp.NATarget.Is(ipv6.AllNodes)),
		fault{name: "target solicited-node group", reqs: []string{"RFC4861:7.1.2-5"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ndp.NATarget.Is(ipv6.SolicitedNode(t.IP())))
		}},
		fault{name: "solicited to all nodes", reqs: []string{"RFC4861:7.1.2-6"},
			good: func(t *probe.Tester, _ packet.Template) packet.Template { return ndp.Unsolicited(t.IP()) },
			bad: func(t *probe.Tester, good packet.Template) packet.Template {
				return good.With(ndp.Solicited.Is(1))
			}},
	)
	check.Grid(suite, "ndp.na.invalid", "an invalid Neighbor Advertisement resolves no address", gullible(adverts), adverts,
		func(p *probe.P, f fault) {
			x := nobodyOn(p.IPv6())
			reply := x.echo()
			x.Expect(x.solicits(), probe.For())
			since := x.Now()
			bad, good := f.pair(x.Tester, ndp.Advert())
			x.SendBad(bad, good)
			kit.Alive(x.lan)
			unanswered(x.Tester, f, since, reply)
			x.Send(good)
			if len(x.Seen(reply)) == 0 {
				x.Expect(reply, probe.For(), probe.Because("the same without its fault resolves the address"))
			}
		})

	routers := append(common([5]string{"RFC4861:6.1.2-2", "RFC4861:6.1.2-3", "RFC4861:6.1.2-4", "RFC4861:6.1.2-5", "RFC4861:6.1.2-6"}, 16, ndp.RAOptions),
		fault{name: "from a global address", reqs: []string{"RFC4861:6.1.2-1"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ipv6.Src.Is(t.IP()))
		}},
		with("from nobody", []string{"RFC4861:6.1.2-1"}, ipv6.Src.Is(ipv6.Unspecified)),
	)
	check.Grid(suite, "ndp.ra.invalid", "an invalid Router Advertisement tells nothing", gullible(routers), routers,
		func(p *probe.P, f fault) {
			w := routed(p)
			lan := w.lan
			before, _ := ipv6.HopLimit.Of(lan.Ping())
			bad, good := f.pair(lan, ndp.RouterAdvert(ndp.CurHopLimit.Is(77)))
			lan.SendBad(bad, good)
			after, _ := ipv6.HopLimit.Of(lan.Ping())
			for _, req := range f.reqs {
				p.That(req, "the hop limit stays as it was", after, gomega.Equal(before))
			}
			// One that is too short may be read as if a lifetime of 0 stood where it ends.
			all(p, "who forwards", named(w.way(own(lan.Net(), farNet, 1))), named(lan.MAC()), f.reqs...)
			lan.Send(good)
			if hops, _ := ipv6.HopLimit.Of(lan.Ping()); hops != 77 {
				p.Inconclusive("the same without its fault has no effect either: the hop limit is %d", hops)
			}
		})

	redirects := append(common([5]string{"RFC4861:8.1-2", "RFC4861:8.1-3", "RFC4861:8.1-4", "RFC4861:8.1-5", "RFC4861:8.1-9"}, 40, ndp.RDOptions),
		fault{name: "from a global address", reqs: []string{"RFC4861:8.1-1"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ipv6.Src.Is(t.IP()))
		}},
		fault{name: "from a host that is no router", reqs: []string{"RFC4861:8.1-6"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ipv6.Src.Is(t.As(2).Host().LinkLocal))
		}},
		with("for a group", []string{"RFC4861:8.1-7"}, ndp.RDDst.Is(ipv6.MustAddr("ff0e::123"))),
		fault{name: "to a global address that is not the destination", reqs: []string{"RFC4861:8.1-8"}, bad: func(t *probe.Tester, good packet.Template) packet.Template {
			return good.With(ndp.RDTarget.Is(t.As(1).IP()))
		}},
	)
	check.Grid(suite, "ndp.redirect.invalid", "an invalid Redirect changes no way", gullible(redirects), redirects,
		func(p *probe.P, f fault) {
			w := routed(p)
			dst := own(w.lan.Net(), farNet, 1)
			better := w.lan.As(1).Host()
			bad, good := f.pair(w.lan, ndp.Redirect(better.LinkLocal, dst, ndp.RDLink.Is(better.MAC)))
			w.lan.SendBad(bad, good)
			by := w.way(dst)
			for _, req := range f.reqs {
				p.That(req, "packets go by the router still", by.String(), gomega.Equal(w.lan.MAC().String()))
			}
			w.lan.Send(good)
			if by = w.way(dst); by.String() != better.MAC.String() {
				p.Inconclusive("the same without its fault has no effect either: packets go by %v", by)
			}
		})
}
