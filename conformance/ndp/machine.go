package ndp

import (
	"fmt"
	"net"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// place is the link address in a message.
type place string

const (
	same    place = "the same address"
	other   place = "another address"
	nowhere place = "no address"
)

// A step is a message that meets a neighbour in a state, and the states that may follow.
type step struct {
	in    state
	what  string // message
	s, o  uint   // of an advertisement
	link  place
	next  []state
	moves bool // the address in the message is used from now on
	reqs  []string
}

func (s step) String() string {
	what := s.what
	if what == "NA" {
		what = fmt.Sprintf("NA S=%d O=%d", s.s, s.o)
	}
	return fmt.Sprintf("%s, %s, %s", s.in, what, s.link)
}

func (s step) Proves() []string { return s.reqs }

// steps is RFC 4861, 7.2.5 for advertisements in states that have a link address; where appendix C says otherwise the body
// of the text counts.
func advertSteps() (all []step) {
	for _, in := range []state{reachable, stale, delay, probing} {
		for _, s := range []uint{0, 1} {
			for _, o := range []uint{0, 1} {
				for _, at := range []place{same, other, nowhere} {
					x := step{in: in, what: "NA", s: s, o: o, link: at}
					switch {
					case o == 0 && at == other && in == reachable: // I, a
						x.next, x.reqs = []state{stale}, []string{"RFC4861:7.2.5-8"}
						if s == 1 {
							x.reqs = append(x.reqs, "RFC4861:C-10")
						} else {
							x.reqs = append(x.reqs, "RFC4861:7.3.1-5")
						}
						x.reqs = append(x.reqs, "RFC4861:4.4-11")
					case o == 0 && at == other: // I, b
						x.next, x.reqs = []state{in}, []string{"RFC4861:7.2.5-9", "RFC4861:4.4-11"}
						if s == 1 {
							x.reqs = append(x.reqs, "RFC4861:C-11")
						}
					case s == 1: // II
						x.next, x.moves, x.reqs = []state{reachable}, at == other, []string{"RFC4861:7.2.5-11", "RFC4861:7.3.3-5", "RFC4861:7.3.1-1"}
						switch {
						case o == 0 && at == same:
							x.reqs = append(x.reqs, "RFC4861:C-8")
						case o == 1 && at != nowhere:
							x.reqs = append(x.reqs, "RFC4861:C-12")
						}
						if in == delay {
							x.reqs = append(x.reqs, "RFC4861:7.3.3-10")
						}
					case at == other: // II, S clear
						x.next, x.moves, x.reqs = []state{stale}, true, []string{"RFC4861:7.2.5-12", "RFC4861:C-15", "RFC4861:7.3.2-4"}
					default:
						x.next, x.reqs = []state{in}, []string{"RFC4861:7.2.5-13", "RFC4861:7.3.1-5"}
						switch {
						case o == 1 && at == same:
							x.reqs = append(x.reqs, "RFC4861:C-14")
						case at == same:
							x.reqs = append(x.reqs, "RFC4861:C-13")
						}
					}
					if o == 1 && at == other {
						x.reqs = append(x.reqs, "RFC4861:7.2.5-10", "RFC4861:4.4-10")
					}
					all = append(all, x)
				}
			}
		}
	}
	return all
}

// otherSteps are those of solicitations, router advertisements and Redirects (7.2.3, 6.3.4, 8.3, appendix C).
func otherSteps() (all []step) {
	for _, in := range []state{reachable, stale, delay, probing} {
		for _, what := range []string{"NS", "RA", "Redirect"} {
			for _, at := range []place{same, other, nowhere} {
				x := step{in: in, what: what, link: at}
				req := map[string][3]string{
					"NS":       {"RFC4861:7.2.3-6", "RFC4861:7.2.3-7", "RFC4861:7.2.3-5"},
					"RA":       {"RFC4861:6.3.4-20", "RFC4861:7.3.1-4", "RFC4861:6.3.4-16"},
					"Redirect": {"RFC4861:8.3-5", "RFC4861:8.3-6", "RFC4861:8.3-3"},
				}[what]
				switch at {
				case other:
					x.next, x.moves, x.reqs = []state{stale}, true, []string{req[0], req[2], "RFC4861:C-24", "RFC4861:7.3.3-17"}
				case same:
					x.next, x.reqs = []state{in}, []string{req[1], "RFC4861:C-26"}
				case nowhere:
					x.next, x.reqs = []state{in}, []string{"RFC4861:7.2-3"}
				}
				if what == "NS" && in == stale { // the answer is the first packet that it is sent
					x.next = []state{stale, delay}
				}
				all = append(all, x)
			}
		}
	}
	return all
}

// on takes the message of a step for a mutation: its kind and flags.
func heard(n target.Net, conds ...packet.Cond) packet.Template { return told(n, conds...) }

// routerLL is a neighbour that is a router, too.
var routerLL = ipv6.MustAddr("fe80::99")

var (
	asSolicited   = ndp.Solicited.Is(1)
	asUnsolicited = ndp.Solicited.Is(0)
	isOther       = func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Testers[1].MAC) }
	isSame        = func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Testers[0].MAC) }
)

// na is a mutation that misreads or overlooks the advertisements of a step: S, O and link address as they were sent.
func na(s, o uint, at func(target.Net) packet.Cond, f func(n target.Net, when packet.Template) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		conds := []packet.Cond{ndp.Solicited.Is(s), ndp.Override.Is(o), ipv6NotAll}
		if at != nil {
			conds = append(conds, at(n))
		}
		return f(n, heard(n, conds[:2]...).With(conds[2:]...))
	})
}

// ipv6NotAll spares the advertisement to all nodes with which the check prepares.
var ipv6NotAll = ipv6.HopLimit.Is(255)

func as(conds ...packet.Cond) func(target.Net, packet.Template) mutate.Mutation {
	return func(_ target.Net, when packet.Template) mutate.Mutation { return mutate.Misreads(when, conds...) }
}

func ignored(_ target.Net, when packet.Template) mutate.Mutation { return mutate.Ignores(when) }

// reads is a target that takes messages of a kind from or about the unused address for others.
func reads(what string, at place, as func(n target.Net) packet.Cond) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		if as == nil {
			return mutate.Ignores(message(n, what, at))
		}
		return mutate.Misreads(message(n, what, at), as(n))
	})
}

// message is that of otherSteps, as a template to recognise it.
func message(n target.Net, what string, at place) packet.Template {
	mac := n.Testers[0].MAC
	if at == other {
		mac = n.Testers[1].MAC
	}
	link := map[string]packet.Field[net.HardwareAddr]{"NS": ndp.NSLink, "RA": ndp.RALink, "Redirect": ndp.RDLink}[what]
	c := link.Is(mac)
	if at == nowhere {
		c = link.None()
	}
	t := map[string]packet.Template{
		"NS":       ndp.Solicitation(),
		"RA":       ndp.RouterAdvert(),
		"Redirect": ndp.Redirect(routerLL, remote),
	}[what]
	if what == "Redirect" {
		return t.With(c)
	}
	return t.With(c, ethernet.Src.Is(mac))
}

func init() {

	adverts := advertSteps()
	check.Grid(suite, "ndp.state.advert", "a neighbour's state and link address follow what its advertisements say",
		proves(
			claim{"RFC4861:7.2.5-8", na(1, 0, isOther, ignored)},
			claim{"RFC4861:C-10", na(1, 0, isOther, as(ndp.Override.Is(1)))},
			claim{"RFC4861:7.3.1-5", na(0, 0, nil, as(asSolicited, ndp.Override.Is(1)))},
			claim{"RFC4861:4.4-11", na(0, 0, isOther, as(ndp.Override.Is(1)))},
			claim{"RFC4861:7.2.5-9", na(0, 0, isOther, as(ndp.Override.Is(1)))},
			claim{"RFC4861:C-11", na(1, 0, isOther, as(ndp.Override.Is(1)))},
			claim{"RFC4861:7.2.5-11", na(1, 0, isSame, as(asUnsolicited))},
			claim{"RFC4861:7.3.3-5", na(1, 0, nil, as(asUnsolicited))},
			claim{"RFC4861:7.3.1-1", na(1, 1, nil, as(asUnsolicited))},
			claim{"RFC4861:C-8", na(1, 0, isSame, ignored)},
			claim{"RFC4861:C-12", na(1, 1, isOther, as(asUnsolicited))},
			claim{"RFC4861:7.3.3-10", na(1, 1, nil, as(asUnsolicited))},
			claim{"RFC4861:7.2.5-12", na(0, 1, isOther, as(asSolicited))},
			claim{"RFC4861:C-15", na(0, 1, isOther, as(ndp.Override.Is(0)))},
			claim{"RFC4861:7.3.2-4", na(0, 1, isOther, as(asSolicited))},
			claim{"RFC4861:7.2.5-13", na(0, 1, isSame, as(asSolicited))},
			claim{"RFC4861:C-14", na(0, 1, isSame, as(asSolicited))},
			claim{"RFC4861:C-13", na(0, 0, isSame, as(asSolicited))},
			claim{"RFC4861:7.2.5-10", na(1, 1, isOther, as(ndp.NALink.None()))},
			claim{"RFC4861:4.4-10", na(0, 1, isOther, ignored)},
		).Slow(), adverts, func(p *probe.P, s step) {
			x := nobodyOn(p.IPv6())
			x.reach(s.in)
			x.Send(x.advert(s.s, s.o, x.at(s.link)))
			x.judged(s)
		})

	others := otherSteps()
	misplaced := func(f packet.Field[net.HardwareAddr], i int) func(n target.Net) packet.Cond {
		return func(n target.Net) packet.Cond { return f.Is(n.Testers[i].MAC) }
	}
	check.Grid(suite, "ndp.state.other", "a neighbour's state and link address follow what other messages say of it",
		proves(
			claim{"RFC4861:7.2.3-6", reads("NS", other, nil)},
			claim{"RFC4861:7.2.3-5", reads("NS", other, misplaced(ndp.NSLink, 0))},
			claim{"RFC4861:7.2.3-7", reads("NS", same, misplaced(ndp.NSLink, 1))},
			claim{"RFC4861:6.3.4-20", reads("RA", other, nil)},
			claim{"RFC4861:6.3.4-16", reads("RA", other, misplaced(ndp.RALink, 0))},
			claim{"RFC4861:7.3.1-4", reads("RA", same, misplaced(ndp.RALink, 1))},
			claim{"RFC4861:8.3-5", reads("Redirect", other, nil)},
			claim{"RFC4861:8.3-3", reads("Redirect", other, misplaced(ndp.RDLink, 0))},
			claim{"RFC4861:8.3-6", reads("Redirect", same, misplaced(ndp.RDLink, 1))},
			claim{"RFC4861:C-24", reads("NS", other, nil)},
			claim{"RFC4861:7.3.3-17", reads("RA", other, misplaced(ndp.RALink, 0))},
			claim{"RFC4861:C-26", reads("NS", same, misplaced(ndp.NSLink, 1))},
			claim{"RFC4861:7.2-3", reads("NS", nowhere, misplaced(ndp.NSLink, 1))},
		).Slow(), others, func(p *probe.P, s step) {
			lan := p.IPv6()
			x := nobodyOn(lan)
			if s.what != "NS" { // it is a router
				x = nobodyAt(lan.LinkLocal(), routerLL)
			}
			if s.what == "Redirect" { // another router sends it
				lan.Router().Advertise()
				wayOf(lan, remote)
			}
			x.reach(s.in)
			from := x.Tester
			if s.link == other {
				from = x.Tester.As(1).Claiming(x.IP())
			}
			switch s.what {
			case "NS":
				m := ndp.Solicitation()
				if s.link == nowhere {
					m = m.With(ndp.NSLink.None())
				}
				from.Send(m)
			case "RA":
				m := ndp.RouterAdvert(ndp.Lifetime.Is(0)).With(ipv6.Src.Is(x.IP()))
				if s.link == nowhere {
					m = m.With(ndp.RALink.None())
				}
				from.Send(m)
			case "Redirect":
				m := ndp.Redirect(x.IP(), remote)
				if mac := x.at(s.link); mac != nil {
					m = m.With(ndp.RDLink.Is(mac))
				}
				lan.Send(m)
			}
			x.judged(s)
		})

	fresh := []step{
		{in: incomplete, what: "NA", s: 0, o: 0, link: same, next: []state{stale, delay}, moves: true, reqs: []string{"RFC4861:7.2.5-3", "RFC4861:7.2.5-5", "RFC4861:C-4"}},
		{in: incomplete, what: "NA", s: 0, o: 1, link: same, next: []state{stale, delay}, moves: true, reqs: []string{"RFC4861:7.2.5-5", "RFC4861:C-4"}},
		{in: incomplete, what: "NA", s: 1, o: 0, link: same, next: []state{reachable}, moves: true, reqs: []string{"RFC4861:7.2.5-3", "RFC4861:7.2.5-4", "RFC4861:C-5"}},
		{in: incomplete, what: "NA", s: 1, o: 1, link: same, next: []state{reachable}, moves: true, reqs: []string{"RFC4861:7.2.5-4", "RFC4861:C-5"}},
		{in: incomplete, what: "NA", s: 1, o: 1, link: nowhere, next: []state{incomplete}, reqs: []string{"RFC4861:7.2.5-2", "RFC4861:C-6"}},
		{in: incomplete, what: "NA", s: 0, o: 0, link: nowhere, next: []state{incomplete}, reqs: []string{"RFC4861:7.2.5-2", "RFC4861:C-6"}},
		{in: incomplete, what: "NS", link: same, next: []state{stale, delay}, moves: true, reqs: []string{"RFC4861:C-23"}},
		{in: "no entry", what: "NS", link: same, next: []state{stale, delay}, moves: true, reqs: []string{"RFC4861:C-22", "RFC4861:7.2.3-3", "RFC4861:7.2.3-4", "RFC4861:7.3.3-16"}},
		{in: "no entry", what: "NA", s: 1, o: 1, link: same, next: []state{incomplete}, reqs: []string{"RFC4861:7.2.5-1"}},
		{in: "no entry", what: "NA", s: 0, o: 1, link: same, next: []state{incomplete}, reqs: []string{"RFC4861:7.2.5-1"}},
	}
	check.Grid(suite, "ndp.state.first", "a neighbour whose link address is not known is entered as the message says",
		proves(
			claim{"RFC4861:7.2.5-3", na(1, 0, isSame, ignored)},
			claim{"RFC4861:7.2.5-4", na(1, 1, isSame, as(asUnsolicited))},
			claim{"RFC4861:7.2.5-5", na(0, 1, isSame, as(asSolicited))},
			claim{"RFC4861:C-4", na(0, 0, isSame, as(asSolicited))},
			claim{"RFC4861:C-5", na(1, 0, isSame, as(asUnsolicited))},
			claim{"RFC4861:7.2.5-2", na(1, 1, nil, func(n target.Net, when packet.Template) mutate.Mutation {
				return mutate.Misreads(when, isSame(n))
			})},
			claim{"RFC4861:C-6", na(0, 0, nil, func(n target.Net, when packet.Template) mutate.Mutation {
				return mutate.Misreads(when, isSame(n))
			})},
			claim{"RFC4861:C-23", reads("NS", same, nil)},
			claim{"RFC4861:C-22", reads("NS", same, nil)},
			claim{"RFC4861:7.2.3-3", reads("NS", same, func(target.Net) packet.Cond { return ndp.NSLink.None() })},
			claim{"RFC4861:7.2.3-4", reads("NS", same, misplaced(ndp.NSLink, 1))},
			claim{"RFC4861:7.3.3-16", reads("NS", same, misplaced(ndp.NSLink, 1))},
			claim{"RFC4861:7.2.5-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Forge(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(icmpv6.EchoRequest()), ipv6.Header(ipv6.Dst.Is(n.Unused6)).Then(icmpv6.EchoReply(icmpv6.ID.Is(2))))
			})},
		).Slow(), fresh, func(p *probe.P, s step) {
			x := nobodyOn(p.IPv6())
			if s.in == incomplete {
				x.reach(incomplete)
			}
			if s.what == "NS" {
				x.Send(ndp.Solicitation())
			} else {
				x.Send(x.advert(s.s, s.o, x.at(s.link)))
			}
			x.judged(s)
		})
}

// at is the link address that a step's message has.
func (x nobody) at(where place) net.HardwareAddr {
	switch where {
	case same:
		return x.MAC()
	case other:
		return x.mac2
	}
	return nil
}

// judged looks what the step has led to.
func (x nobody) judged(s step) {
	x.settled()
	in, at := x.shown()
	want := x.MAC()
	if s.moves && s.link == other {
		want = x.mac2
	}
	var may []any
	for _, n := range s.next {
		may = append(may, n)
	}
	for _, req := range s.reqs {
		if x.That(req, "the state that follows", in, gomega.BeElementOf(may...)) && in != incomplete {
			x.That(req, "the link address that is used", at.String(), gomega.Equal(want.String()))
		}
	}
}
