// Package mld is the listener's side of MLD (RFC 3810, with RFC 2710 towards older queriers): its messages. When they are
// sent says package membership.
//
// Before an interface has a link-local address reports come from ::, and are made again when it has one (RFC 3590).
package mld

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/membership"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// Host is MLD on a node.
type Host struct {
	*membership.Host
	ipv6    *ipv6.Layer
	version int // the highest that is spoken
}

// New makes MLD for a node and tells IPv6 of it. The configuration is resolved.
func New(l *clock.Loop, c config.Config, y *ipv6.Layer) *Host {
	h := &Host{ipv6: y, version: c.IPv6.MLDVersion}
	h.Host = membership.New(l, h, membership.Config{
		Latest: 2, Version: c.IPv6.MLDVersion, MaxSources: 256, Random: random.New(c.Seed, "mld"),
	})
	y.Listening = h
	y.SetReporter(h)
	return h
}

// Message implements ipv6.Handler.
func (h *Host) Message(msg *ipv6.Message) {
	s := msg.In.Stats
	t := icmpv6.Type(msg.Bytes[0])
	if t == icmpv6.ListenerReport2 || t == icmpv6.ListenerDone { // for routers
		s.Drop(stats.MLDIgnored)
		return
	}
	l, rest, err := icmpv6.ParseListener(msg.Bytes)
	if err != nil || msg.HopLimit != 1 || !msg.Alert { // RFC 3810, 6.2; RFC 2710, 5
		s.Drop(stats.MLDInvalid)
		return
	}
	if t == icmpv6.ListenerReport {
		if !msg.Src.IsLinkLocal() && !msg.Src.IsUnspecified() || !l.Group.IsMulticast() {
			s.Drop(stats.MLDInvalid)
			return
		}
		h.Reported(msg.In, l.Group.Netip())
		return
	}
	if !msg.Src.IsLinkLocal() || !h.query(msg, l, rest) {
		s.Drop(stats.MLDInvalid)
	}
}

// query takes in a query. It is false for one that is not acceptable.
func (h *Host) query(msg *ipv6.Message, l icmpv6.Listener, rest []byte) bool {
	general := l.Group.IsUnspecified()
	if !general && !l.Group.IsMulticast() { // where it was sent to does not matter: 5.1.15
		return false
	}
	q := membership.Query{Group: l.Group.Netip(), General: general, MaxResp: icmpv6.Milliseconds(uint32(l.MaxDelay))}
	if len(rest) == 0 || h.version < 2 { // octets behind the first 24 are nothing to version 1 (RFC 2710, 3.7)
		h.HeardOlder(msg.In, 1)
		h.Query(msg.In, q)
		return true
	}
	full, _, err := icmpv6.ParseQuery2(rest) // fewer than 28 octets: of no version (8.1)
	if err != nil {
		return false
	}
	q.MaxResp = icmpv6.MaxResp(l.MaxDelay)
	q.Latest, q.Robustness, q.Interval = true, int(full.QRV), icmpv6.QueryInterval(full.QQIC)
	q.Sources = make([]netip.Addr, full.Sources.Len())
	for i := range q.Sources {
		q.Sources[i] = full.Sources.At(i).Netip()
	}
	h.Query(msg.In, q)
	return true
}
