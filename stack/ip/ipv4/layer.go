// Package ipv4 is IPv4 on a node (RFC 791, with the rules for hosts of RFC 1122, 3) with ICMP (RFC 792).
//
// A datagram that comes in passes: header checks (input), destination and source (address), options (option),
// reassembly, and then its protocol; or, on a router, forward. One that goes out passes: path, output, fragment. Errors
// leave by icmperror, which knows about which datagrams none may be sent.
package ipv4

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// A Layer is IPv4 on a node.
type Layer struct {
	Routes ip.Table
	// Default is the interface for groups that nothing else says one for; nil means the first that is up.
	Default func() *iface.Iface
	Events  event.Sink // is told of groups and path MTUs; may be nil

	loop   *clock.Loop
	config config.Config // resolved
	demux  *ip.Demux
	pool   *packet.Pool // of packets made here
	stats  *stats.Node

	ifaces []*iface.Iface
	locals []local
	groups memberships

	ids       idents
	reasm     reassembly
	pmtu      pathMTU
	redirects redirects
	limit     ip.Bucket

	datagram ip.Datagram           // given to upper layers; one is delivered at a time
	fate     ip.Error              // likewise
	options  [ipv4.MaxOptions]byte // of the datagram being sent
	echoed   [ipv4.MaxOptions]byte // of the answer being made
	looped   packet.Queue
	loopedIn []*iface.Iface // by which each of looped came
	loopOn   clock.Timer
}

// New makes IPv4 for a node. The configuration is resolved.
func New(l *clock.Loop, c config.Config, x *ip.Demux, pool *packet.Pool, s *stats.Node) *Layer {
	y := &Layer{loop: l, config: c, demux: x, pool: pool, stats: s}
	y.ids.init(random.New(c.Seed, "ipv4.id"), c.IDLifetime)
	y.reasm.init(y)
	y.pmtu.init(y)
	y.redirects.init()
	y.groups.init()
	y.limit = ip.NewBucket(c.ICMPRate, c.ICMPBurst)
	y.loopOn.Init(l, y.drainLooped)
	if c.Have.ICMPv4.On() {
		x.Handle(ip.V4, wire.ICMPv4, icmp{y})
	}
	return y
}

// Attach puts IPv4 on an interface.
func (y *Layer) Attach(i *iface.Iface) {
	y.ifaces = append(y.ifaces, i)
	i.Handle(iface.IPv4, y)
	i.Watch(y.refresh)
	y.refresh()
	if !i.Loopback {
		y.groups.hold(i, allHosts) // RFC 1112, 7.2; RFC 1122, 3.3.7
		y.tellGroup(event.IPv4MaddrAdd, event.IPv4McastJoin, i, allHosts.Netip())
	}
}

// Detach takes IPv4 off an interface that is down and has no addresses or routes. Memberships of groups on it end, and
// nobody on the link is told.
func (y *Layer) Detach(i *iface.Iface) {
	y.ifaces = slices.DeleteFunc(y.ifaces, func(x *iface.Iface) bool { return x == i })
	y.forgetGroups(i)
	y.redirects.detach(i)
	y.refresh()
}

// Close frees what is held.
func (y *Layer) Close() {
	y.reasm.clear()
	y.pmtu.clear()
	y.looped.Clear()
	y.loopedIn = nil
	y.loopOn.Stop()
}

// drop frees a datagram that IPv4 does not take further, and counts why at an interface.
func drop(at *iface.Iface, p *packet.Packet, why stats.Drop) {
	p.Free()
	at.Stats.DropIPv4(why)
}

// Unreachable implements iface.L3: the next hop of a datagram did not answer. A dead gateway is passed over from now on
// (RFC 1122, 3.3.1.4 and 3.3.1.5); when there is another one the datagram goes by it.
func (y *Layer) Unreachable(out *iface.Iface, p *packet.Packet) {
	h, payload, err := ipv4.Parse(p.Bytes())
	if err != nil {
		p.Free()
		return
	}
	now := y.loop.Now()
	y.redirects.forget(h.Dst)
	if r, ok := y.Routes.Lookup(h.Dst.Netip(), out, now); ok && r.Gateway.IsValid() && !y.onLink(h.Dst) {
		if y.Routes.Dead(r.Gateway, now+gatewayDead, now) {
			if other, ok := y.Routes.Lookup(h.Dst.Netip(), nil, now); ok && other.Gateway.IsValid() && other.Gateway != r.Gateway {
				other.Out.Output(iface.IPv4, p, iface.Hop{Addr: other.Gateway})
				return
			}
		}
	}
	if y.isOwn(h.Src) {
		y.fate = ip.Error{Fate: ip.HostUnreachable, Src: h.Src.Netip(), Dst: h.Dst.Netip(), Protocol: h.Protocol, Quote: payload}
		y.demux.Error(&y.fate)
	} else { // it was forwarded (RFC 1812, 4.3.3.1)
		y.sendError(out, p, icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.HostUnreachable})
	}
	p.Free()
}

// gatewayDead is how long a gateway that did not answer is passed over.
const gatewayDead = time.Minute
