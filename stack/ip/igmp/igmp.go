// Package igmp is the host's side of IGMP (RFC 3376, with RFC 2236 and RFC 1112 towards older queriers): its messages. When
// they are sent says package membership.
package igmp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv4"
	"github.com/conform-stack/conform/stack/ip/membership"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/wire"
)

var ( // never written
	allHosts   = netip.AddrFrom4([4]byte{224, 0, 0, 1})
	allRouters = netip.AddrFrom4([4]byte{224, 0, 0, 2})
	reporters  = netip.AddrFrom4([4]byte{224, 0, 0, 22})
)

// Host is IGMP on a node.
type Host struct {
	*membership.Host
	ipv4    *ipv4.Layer
	pool    *packet.Pool
	version int // the highest that is spoken
}

// New makes IGMP for a node. The configuration is resolved.
func New(l *clock.Loop, c config.Config, x *ip.Demux, y *ipv4.Layer, pool *packet.Pool) *Host {
	h := &Host{ipv4: y, pool: pool, version: c.IGMPVersion}
	h.Host = membership.New(l, h, membership.Config{
		Latest: 3, Version: c.IGMPVersion, MaxSources: 366, Random: random.New(c.Seed, "igmp"),
	})
	x.Handle(ip.V4, wire.IGMP, h)
	y.SetReporter(h)
	return h
}

// GroupChanged implements ipv4.Reporter.
func (h *Host) GroupChanged(i *iface.Iface, group netip.Addr) {
	if !i.Loopback {
		h.Host.GroupChanged(i, group)
	}
}
