package igmp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/membership"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/igmp"
	wire4 "github.com/conform-stack/conform/stack/wire/ipv4"
)

// Filter implements membership.Protocol.
func (h *Host) Filter(i *iface.Iface, group netip.Addr) ip.Filter {
	return h.ipv4.GroupFilter(i, group)
}

// Addressed implements membership.Protocol. It is true: without an address, reports come from 0.0.0.0 (RFC 3376, 4.2.13), and nothing asks for them again.
func (*Host) Addressed(*iface.Iface) bool { return true }

// Room implements membership.Protocol.
func (*Host) Room(i *iface.Iface) int {
	const headers = wire4.MinHeader + 4 + 8 // of IP, with router alert, and of the report
	return i.MTU() - headers
}

// Report implements membership.Protocol.
func (h *Host) Report(i *iface.Iface, records []membership.Record) {
	var packed igmp.Records
	for _, r := range records {
		rec := igmp.Record{Type: igmp.RecordType(r.Type), Group: r.Group.As4()}
		for _, s := range r.Sources {
			rec.SourceSet = append(rec.SourceSet, igmp.SourcesFrom(s.As4())...)
		}
		packed = packed.Append(rec)
	}
	h.send(i, reporters, igmp.AppendReport(nil, igmp.ReportV3{Records: packed}))
}

// ReportOld implements membership.Protocol.
func (h *Host) ReportOld(i *iface.Iface, version int, group netip.Addr) {
	t := igmp.V2Report
	if version == 1 {
		t = igmp.V1Report
	}
	h.send(i, group, igmp.Append(nil, igmp.Header{Type: t, Group: group.As4()}))
}

// Leave implements membership.Protocol.
func (h *Host) Leave(i *iface.Iface, group netip.Addr) {
	h.send(i, allRouters, igmp.Append(nil, igmp.Header{Type: igmp.V2Leave, Group: group.As4()}))
}

// send sends a message: TTL 1, precedence Internetwork Control, router alert (RFC 3376, 4).
func (h *Host) send(i *iface.Iface, to netip.Addr, b []byte) {
	igmp.Seal(b)
	p := h.pool.Copy(ip.Headroom, b)
	if p == nil {
		i.Stats.Drop(stats.NoBuffer)
		return
	}
	s := ip.Send{
		Dst: to, Protocol: wire.IGMP, TTL: 1, TOS: 0xc0, Options: wire4.Options(nil).AppendRouterAlert(),
		Fragment: ip.FragmentNever, Out: i, AnySource: true,
	}
	by, err := h.ipv4.Path(&s)
	if err != nil { // the interface is down
		p.Free()
		return
	}
	i.Stats.IGMP.Sent++
	_ = h.ipv4.Output(p, &s, by) // counted there
}
