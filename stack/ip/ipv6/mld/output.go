package mld

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/membership"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
)

// Filter implements membership.Protocol.
func (h *Host) Filter(i *iface.Iface, group netip.Addr) ip.Filter {
	return h.ipv6.GroupFilter(i, group)
}

// Addressed implements membership.Protocol.
func (h *Host) Addressed(i *iface.Iface) bool {
	_, ok := h.ipv6.LinkLocal(i)
	return ok
}

// Room implements membership.Protocol.
func (h *Host) Room(i *iface.Iface) int {
	const headers = wire6.HeaderLen + 8 + icmpv6.HeaderLen // of IP, with router alert, and of the report
	return h.ipv6.MTU(i) - headers
}

// Report implements membership.Protocol.
func (h *Host) Report(i *iface.Iface, records []membership.Record) {
	b := icmpv6.Append(nil, icmpv6.Report2(len(records)))
	for _, r := range records {
		rec := icmpv6.Record{Type: icmpv6.RecordType(r.Type), Group: r.Group.As16()}
		for _, s := range r.Sources {
			rec.Sources = rec.Sources.Append(s.As16())
		}
		b = icmpv6.AppendRecord(b, rec)
	}
	h.send(i, wire6.MLDv2Routers, b)
}

// ReportOld implements membership.Protocol.
func (h *Host) ReportOld(i *iface.Iface, _ int, group netip.Addr) {
	h.send(i, group.As16(), icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerReport, Group: group.As16()}))
}

// Leave implements membership.Protocol.
func (h *Host) Leave(i *iface.Iface, group netip.Addr) {
	h.send(i, wire6.AllRouters, icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerDone, Group: group.As16()}))
}

// send sends a message: hop limit 1, router alert, from the link-local address or :: (RFC 3810, 5; RFC 3590, 4).
func (h *Host) send(i *iface.Iface, to wire6.Addr, b []byte) {
	src, _ := h.ipv6.LinkLocal(i)
	if h.ipv6.SendMessage(ipv6.Raw{Out: i, Src: src, Dst: to, HopLimit: 1, Alert: true}, b) {
		i.Stats.MLD.Sent++
	}
}
