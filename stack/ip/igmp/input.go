package igmp

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/membership"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/igmp"
	wire4 "github.com/conform-stack/conform/stack/wire/ipv4"
)

// Input implements ip.Upper.
func (h *Host) Input(p *packet.Packet, d *ip.Datagram) ip.Verdict {
	defer p.Free()
	d.In.Stats.IGMP.Received++
	b := p.Bytes()
	if len(b) < igmp.HeaderLen || igmp.Verify(b) != nil {
		d.In.Stats.Drop(stats.IGMPInvalid)
		return ip.Accepted
	}
	head, _, err := igmp.Parse(b)
	switch {
	case err != nil: // a version 3 report: for routers
		d.In.Stats.Drop(stats.IGMPIgnored)
	case head.Type == igmp.Query:
		if !h.query(b, head, d) {
			d.In.Stats.Drop(stats.IGMPInvalid)
		}
	case head.Type == igmp.V1Report || head.Type == igmp.V2Report:
		h.Reported(d.In, head.Group.Netip())
	default:
		d.In.Stats.Drop(stats.IGMPIgnored) // RFC 3376, 4: silently
	}
	return ip.Accepted
}

// Error implements ip.Upper: nobody has to learn that a report did not arrive.
func (*Host) Error(*ip.Error) {}

// query takes in a query. It is false for one that is not acceptable.
func (h *Host) query(b []byte, head igmp.Header, d *ip.Datagram) bool {
	version := head.Version(len(b))
	if h.version < 3 && version != 1 { // octets behind the first eight are nothing to version 2 (RFC 2236, 2.5)
		version = 2
		if head.MaxResp == 0 {
			version = 1
		}
	}
	general := version == 1 || head.Group.IsUnspecified() // version 1 has no other (RFC 1112, appendix I)
	switch {
	case version == 0, // RFC 3376, 7.1
		!general && !head.Group.IsMulticast(),
		general && d.Cast == packet.Multicast && d.Dst != allHosts, // 9.1
		h.version == 3 && version > 1 && !hasRouterAlert(d):        // 5.2, 9.1
		return false
	}
	q := membership.Query{Group: head.Group.Netip(), General: general, MaxResp: time.Duration(head.MaxResp) * time.Second / 10}
	switch version {
	case 1:
		q.MaxResp = membership.QueryResponse // 7.2.1
	case 3:
		full, _, err := igmp.ParseQuery(b)
		if err != nil {
			return false
		}
		q.MaxResp = full.MaxResp.MaxRespTime()
		q.Latest, q.Robustness, q.Interval = true, int(full.QRV), full.QQIC.Interval()
		q.Sources = make([]netip.Addr, full.SourceSet.Len())
		for i := range q.Sources {
			q.Sources[i] = full.SourceSet.At(i).Netip()
		}
	}
	if version < 3 && general {
		h.HeardOlder(d.In, version)
	}
	h.Query(d.In, q)
	return true
}

func hasRouterAlert(d *ip.Datagram) bool {
	_, ok := wire4.Options(d.Options).Find(wire4.RouterAlert)
	return ok
}
