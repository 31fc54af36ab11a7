package probe

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
)

// A Router is a tester as an IPv6 router: it says what is on the link and where to send the rest.
type Router struct {
	*Tester
	conds []packet.Cond
}

// Router is the tester as a router whose advertisements have these fields and the defaults of ndp.RouterAdvert. It sends
// none by itself; AnswerRS lets it answer solicitations, and Neighbor Solicitations are answered with the R flag set.
func (t *Tester) Router(conds ...packet.Cond) *Router {
	r := &Router{Tester: t, conds: conds}
	t.answers = slices.DeleteFunc(t.answers, func(r responder) bool { return r.name == "ND" })
	t.answers = append(t.answers, responder{"ND", r.answerND})
	return r
}

// answerND answers for the router with the R flag, and for the other testers without.
func (r *Router) answerND(f *packet.Frame) {
	want, ok := ndp.NSTarget.Of(f)
	if !ok || f.On != r.link || want != r.Host().IP6 && want != r.Host().LinkLocal {
		r.Tester.answerND(f)
		return
	}
	env := r.env
	env.Peer.MAC = senderOf(f)
	src, _ := ipv6.Src.Of(f)
	answer := ndp.Advert(ndp.NATarget.Is(want), ndp.Router.Is(1)).With(ipv6.Src.Is(want))
	if src.IsUnspecified() {
		src, answer = ipv6.AllNodes, answer.With(ndp.Solicited.Is(0))
	}
	r.log.Note(f, "answered by the router")
	r.reflexes(f.On, answer.With(ipv6.Dst.Is(src)).Frames(env))
}

// Advert is an advertisement of the router, with other fields or more.
func (r *Router) Advert(conds ...packet.Cond) packet.Template {
	return ndp.RouterAdvert(append(slices.Clone(r.conds), conds...)...)
}

// Advertise sends an advertisement.
func (r *Router) Advertise(conds ...packet.Cond) { r.Send(r.Advert(conds...)) }

// Prefixes is the field of an advertisement's options with prefixes, and the router's link address.
func (r *Router) Prefixes(ps ...ndp.Prefix) packet.Cond {
	options := [][]byte{ndp.SourceLink(r.MAC())}
	for _, p := range ps {
		options = append(options, p.Option())
	}
	return ndp.RAOptions.Is(ndp.Options(options...))
}

// AnswerRS lets the router answer Router Solicitations with an advertisement to all nodes.
func (r *Router) AnswerRS() {
	r.answers = append(r.answers, responder{"RS", func(f *packet.Frame) {
		if f.On == r.link && f.Has(ndp.RS) {
			r.log.Note(f, "answered by the router")
			r.reflexes(f.On, r.Frames(r.Advert()))
		}
	}})
}

// Configure advertises a prefix for autoconfiguration, with the lifetimes of ndp.Advertised, and waits until the target
// has an address in it. It gives the router as a host with an address in the prefix, facing that of the target. It is
// preparation, and takes the feature SLAAC.
func (r *Router) Configure(p netip.Prefix) *Tester { return r.ConfigureAs(ndp.Advertised(p)) }

// ConfigureAs is Configure with flags and lifetimes of one's own.
func (r *Router) ConfigureAs(p ndp.Prefix) *Tester {
	r.Advertise(r.Prefixes(p))
	return r.In(p.Prefix).FindTarget()
}

// In is the tester with an address in a prefix of 64 bits: the identifier is that of the address it has.
func (t *Tester) In(p netip.Prefix) *Tester {
	ip, id := p.Masked().Addr().As16(), t.IP().As16()
	copy(ip[8:], id[8:])
	other := *t
	other.local = false
	return other.Owns(netip.AddrFrom16(ip))
}

// Ping asks the target for an echo and gives the reply: preparation, unless the options say otherwise.
func (t *Tester) Ping(opts ...Option) *packet.Frame {
	id := t.Serial()
	if len(opts) == 0 {
		opts = []Option{For()}
	}
	return t.Ask(icmpv6.Echo(id, 1, nil), icmpv6.EchoReply(icmpv6.ID.Is(id)), opts...)
}
