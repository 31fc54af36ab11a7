package ipv4

import (
	"slices"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// maxRedirects is how many destinations may be redirected at a time; the oldest gives way.
const maxRedirects = 64

// redirects are gateways that others have recommended, by destination (RFC 1122, 3.2.2.2 and 3.3.1.2). Redirects for a
// network are taken as for the host.
type redirects struct {
	entries []redirected
}

type redirected struct {
	dst, gateway ipv4.Addr
	out          *iface.Iface
}

func (r *redirects) init() { r.entries = make([]redirected, 0, maxRedirects) }

// of is the gateway for a destination, on an interface; nil when there is none.
func (r *redirects) of(dst ipv4.Addr) (ipv4.Addr, *iface.Iface) {
	for i := range r.entries {
		if e := &r.entries[i]; e.dst == dst {
			return e.gateway, e.out
		}
	}
	return ipv4.Addr{}, nil
}

func (r *redirects) set(e redirected) {
	r.forget(e.dst)
	if len(r.entries) == maxRedirects {
		r.entries = append(r.entries[:0], r.entries[1:]...)
	}
	r.entries = append(r.entries, e)
}

func (r *redirects) forget(dst ipv4.Addr) {
	for i := range r.entries {
		if r.entries[i].dst == dst {
			r.entries = append(r.entries[:i], r.entries[i+1:]...)
			return
		}
	}
}

// detach forgets what goes by an interface.
func (r *redirects) detach(i *iface.Iface) {
	r.entries = slices.DeleteFunc(r.entries, func(e redirected) bool { return e.out == i })
}

// redirect acts on a Redirect about a datagram, unless it recommends a gateway that is not on the link by which it came,
// or comes from other than the gateway in use (RFC 1122, 3.2.2.2).
func (y *Layer) redirect(in *iface.Iface, from ipv4.Addr, m icmpv4.Header, about *ipv4.Header) {
	gateway := m.Gateway()
	l := y.subnet(gateway, in)
	by, err := y.Path(&ip.Send{Dst: about.Dst.Netip()})
	switch {
	case y.config.Forwarding.On(), // routers use routing protocols (RFC 1812, 5.2.7.2)
		m.Code > icmpv4.RedirectHostTOS,
		l == nil, y.isOwn(gateway), !y.singleHost(gateway), gateway == from,
		err != nil, by.Out != in,
		y.classify(about.Dst) != other, // nobody redirects those
		by.Hop.Addr != from.Netip():    // neighbours and other gateways may not
		in.Stats.Drop(stats.ICMPIgnored)
		return
	}
	y.redirects.set(redirected{about.Dst, gateway, in})
}
