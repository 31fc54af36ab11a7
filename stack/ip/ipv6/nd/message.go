package nd

import (
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// message is one being processed, with its options.
type message struct {
	*ipv6.Message
	options *options
}

// ignored counts that a valid message has no effect here.
func (m *message) ignored() { m.In.Stats.Drop(stats.NDIgnored) }

// options are those that are known, of one message. All others are skipped (RFC 4861, 4.6).
type options struct {
	source, target link.Addr
	nonce          []byte
	mtu            uint32 // 0: none
	all            []byte // for those that may be repeated
}

// parse reads options. It is false when one has length 0 or is cut short: then the message is not valid.
func (o *options) parse(b []byte, addrLen int) bool {
	*o = options{all: b}
	for len(b) > 0 {
		x, rest, err := icmpv6.ParseOption(b)
		if err != nil {
			return false
		}
		switch x.Type {
		case icmpv6.SourceLinkAddr:
			if a, ok := linkAddr(x, addrLen); ok && o.source.IsZero() {
				o.source = a
			}
		case icmpv6.TargetLinkAddr:
			if a, ok := linkAddr(x, addrLen); ok && o.target.IsZero() {
				o.target = a
			}
		case icmpv6.Nonce:
			o.nonce = x.Data
		case icmpv6.MTUOption:
			if mtu, ok := x.MTU(); ok {
				o.mtu = mtu
			}
		}
		b = rest
	}
	return true
}

// linkAddr reads a link address, where this station's own has n octets. Where that is eight, two have room in an option of
// eight octets and eight in one of sixteen (RFC 4944, 8).
func linkAddr(o icmpv6.Option, n int) (link.Addr, bool) {
	if n == 8 {
		switch o.Len() {
		case 8:
			n = 2
		case 16:
		default:
			return link.Addr{}, false
		}
	}
	return o.LinkAddr(n)
}

// Message implements ipv6.Handler: it validates a message (RFC 4861, 6.1, 7.1, 8.1) and acts on it. One that came with a
// Fragment header is not valid (RFC 6980, 5).
func (n *ND) Message(raw *ipv6.Message) {
	l := n.Link(raw.In)
	if l == nil {
		raw.In.Stats.Drop(stats.NDIgnored)
		return
	}
	if raw.HopLimit != hopLimit || raw.Bytes[1] != 0 || raw.Fragmented || !n.act(l, &message{raw, &n.opts}) {
		raw.In.Stats.Drop(stats.NDInvalid)
	}
}

// act is false for a message that is not valid.
func (n *ND) act(l *Link, m *message) bool {
	addrLen := l.own().Len()
	o := m.options
	switch icmpv6.Type(m.Bytes[0]) {
	case icmpv6.NeighborSolicit: // 7.1.1
		ns, rest, err := icmpv6.ParseNeighbor(m.Bytes)
		if err != nil || ns.Target.IsMulticast() || !o.parse(rest, addrLen) {
			return false
		}
		if m.Src.IsUnspecified() && (!m.Dst.IsSolicitedNode() || !o.source.IsZero()) {
			return false
		}
		if l.registry == nil || !l.registry.Solicited(m.heard(l), ns.Target) {
			l.solicited(m, ns.Target)
		}
	case icmpv6.NeighborAdvert: // 7.1.2
		na, rest, err := icmpv6.ParseNeighbor(m.Bytes)
		if err != nil || na.Target.IsMulticast() || m.Dst.IsMulticast() && na.Solicited || !o.parse(rest, addrLen) {
			return false
		}
		if l.registry == nil || !l.registry.Advertised(m.heard(l), na.Target) {
			l.advertised(m, na)
		}
	case icmpv6.RouterAdvert: // 6.1.2
		ra, rest, err := icmpv6.ParseRouterAdvertisement(m.Bytes)
		if err != nil || !m.Src.IsLinkLocal() || !o.parse(rest, addrLen) {
			return false
		}
		l.routerAdvertised(m, ra)
	case icmpv6.RouterSolicit: // 6.1.1
		if !o.parse(m.Bytes[icmpv6.SolicitLen:], addrLen) || m.Src.IsUnspecified() && !o.source.IsZero() {
			return false
		}
		if l.registry != nil {
			l.registry.RouterSolicited(m.heard(l))
		} else {
			l.routerSolicited(m)
		}
	case icmpv6.Redirect: // 8.1
		r, rest, err := icmpv6.ParseRedirection(m.Bytes)
		if err != nil || !m.Src.IsLinkLocal() || r.Dst.IsMulticast() || !o.parse(rest, addrLen) ||
			!r.Target.IsLinkLocal() && r.Target != r.Dst {
			return false
		}
		if hop, out, ok := n.ipv6.Next(r.Dst); !ok || hop != m.Src || out != l.Iface {
			return false
		}
		l.redirected(m, r)
	}
	return true
}
