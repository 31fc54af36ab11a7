package judge

import (
	"fmt"
	"net/netip"
)

// igmp is a message of IGMPv1 (RFC 1112, appendix I), IGMPv2 (RFC 2236) or IGMPv3 (RFC 3376).
type igmp struct {
	*ipv4
	m       []byte
	base    int
	version int // of the message; 0 for types of other protocols
	group   netip.Addr
	alert   bool // the header has the Router Alert option
}

const (
	igmpQuery    = 0x11
	igmpV1Report = 0x12
	igmpV2Report = 0x16
	igmpLeave    = 0x17
	igmpV3Report = 0x22
)

var (
	allSystems   = netip.AddrFrom4([4]byte{224, 0, 0, 1})
	allRouters   = netip.AddrFrom4([4]byte{224, 0, 0, 2})
	igmpv3Router = netip.AddrFrom4([4]byte{224, 0, 0, 22})
)

func readIGMP(p *ipv4) {
	m := &igmp{ipv4: p, m: p.payload, base: p.at + p.ihl()}
	switch {
	case len(m.m) < 8 && !p.whole:
		p.skip("IGMP messages cut off")
		return
	case len(m.m) >= 8:
		m.group = netip.AddrFrom4([4]byte(m.m[4:8]))
		m.version = m.versionOf()
		if m.version == 0 {
			p.skip(fmt.Sprintf("IGMP type %#02x", m.m[0]))
			return
		}
	}
	for _, o := range parseOptions(p).all {
		m.alert = m.alert || o.kind == optAlert
	}
	before := len(p.found)
	apply(p.scene, igmpRules, m)
	if m.version == 3 && len(p.found) == before {
		apply(p.scene, igmpv3Rules, readIGMPv3(m))
	}
}

// versionOf tells the version of a message by RFC 3376, section 7.1, for queries.
func (m *igmp) versionOf() int {
	switch m.m[0] {
	case igmpV1Report:
		return 1
	case igmpV2Report, igmpLeave:
		return 2
	case igmpV3Report:
		return 3
	case igmpQuery:
		switch {
		case m.total-m.ihl() >= 12:
			return 3
		case m.m[1] == 0:
			return 1
		}
		return 2
	}
	return 0
}

func (m *igmp) is(types ...byte) bool {
	for _, t := range types {
		if len(m.m) >= 8 && m.m[0] == t {
			return true
		}
	}
	return false
}

func (m *igmp) ttlOf(version int) *fault {
	if m.version != version {
		return nil
	}
	return differs(m.at+8, m.ttl, 1)
}

func (m *igmp) alertOf(version int) *fault {
	return when(m.version == version && !m.alert, m.at+20, "no such option", "Router Alert")
}

func (m *igmp) checksumOf(version int) *fault {
	if m.version != version || !m.whole {
		return nil
	}
	return badChecksum(m.base, m.m, 2)
}

func (m *igmp) destination(want netip.Addr, types ...byte) *fault {
	return when(m.is(types...) && m.dst != want, m.at+16, m.dst, want.String())
}

var igmpRules = []rule[igmp]{
	{Rule{"igmp.short", "RFC2236:2-4", "length", "a message has at least 8 octets"},
		func(m *igmp) *fault {
			return when(len(m.m) < 8, m.base, fmt.Sprintf("%d octets", len(m.m)), "8 or more")
		}},
	{Rule{"igmpv1.ttl", "RFC1112:I-11", "time to live", "version 1 messages have TTL 1"},
		func(m *igmp) *fault { return m.ttlOf(1) }},
	{Rule{"igmpv2.ttl", "RFC2236:2-2", "time to live", "version 2 messages have TTL 1"},
		func(m *igmp) *fault { return m.ttlOf(2) }},
	{Rule{"igmpv3.ttl", "RFC3376:4-2", "time to live", "version 3 messages have TTL 1"},
		func(m *igmp) *fault { return m.ttlOf(3) }},
	{Rule{"igmpv2.alert", "RFC2236:2-3", "options", "version 2 messages carry the Router Alert option"},
		func(m *igmp) *fault { return m.alertOf(2) }},
	{Rule{"igmpv3.alert", "RFC3376:4-4", "options", "version 3 messages carry the Router Alert option"},
		func(m *igmp) *fault { return m.alertOf(3) }},
	{Rule{"igmpv3.tos", "RFC3376:4-3", "type of service", "version 3 messages have precedence Internetwork Control"},
		func(m *igmp) *fault {
			return when(m.version == 3 && m.header[1] != 0xc0, m.at+1, fmt.Sprintf("%#02x", m.header[1]), "0xc0")
		}},
	{Rule{"igmpv1.checksum", "RFC1112:I-5", "checksum", "the checksum is the ones' complement of the ones' complement sum of the message"},
		func(m *igmp) *fault { return m.checksumOf(1) }},
	{Rule{"igmpv2.checksum", "RFC2236:2.3-1", "checksum", "the checksum is the ones' complement of the ones' complement sum of the IP payload"},
		func(m *igmp) *fault { return m.checksumOf(2) }},
	{Rule{"igmpv3.checksum", "RFC3376:4.1.2-1", "checksum", "the checksum covers the whole IP payload"},
		func(m *igmp) *fault { return m.checksumOf(3) }},
	{Rule{"igmpv1.unused", "RFC1112:I-4", "unused", "the unused octet of a version 1 report is zero"},
		func(m *igmp) *fault {
			return when(m.is(igmpV1Report) && m.m[1] != 0, m.base+1, octet(m.m, 1), "0")
		}},
	{Rule{"igmpv2.max-response-time", "RFC2236:2.2-2", "max response time", "the max response time is 0 in reports and leaves"},
		func(m *igmp) *fault {
			return when(m.is(igmpV2Report, igmpLeave) && m.m[1] != 0, m.base+1, octet(m.m, 1), "0")
		}},
	{Rule{"igmpv1.group", "RFC1112:I-6", "group address", "a version 1 report has the reported group as group address"},
		func(m *igmp) *fault {
			return when(m.is(igmpV1Report) && !m.group.IsMulticast(), m.base+4, m.group, "a group")
		}},
	{Rule{"igmpv2.group", "RFC2236:2.4-2", "group address", "a report or leave has the group as group address"},
		func(m *igmp) *fault {
			return when(m.is(igmpV2Report, igmpLeave) && !m.group.IsMulticast(), m.base+4, m.group, "a group")
		}},
	{Rule{"igmp.query.group", "RFC2236:2.4-1", "group address", "the group address of a query is 0 or the group queried"},
		func(m *igmp) *fault {
			return when(m.is(igmpQuery) && !m.group.IsUnspecified() && !m.group.IsMulticast(), m.base+4, m.group, "0 or a group")
		}},
	{Rule{"igmpv1.all-systems", "RFC1112:I-14", "group address", "no version 1 report is sent for 224.0.0.1"},
		func(m *igmp) *fault {
			return when(m.is(igmpV1Report) && m.group == allSystems, m.base+4, m.group, "another group")
		}},
	{Rule{"igmpv2.all-systems", "RFC2236:6-21", "group address", "no report or leave is sent for 224.0.0.1"},
		func(m *igmp) *fault {
			return when(m.is(igmpV2Report, igmpLeave) && m.group == allSystems, m.base+4, m.group, "another group")
		}},
	{Rule{"igmpv1.report.destination", "RFC1112:I-10", "destination address", "a version 1 report goes to the group that it reports"},
		func(m *igmp) *fault {
			if !m.group.IsMulticast() {
				return nil
			}
			return m.destination(m.group, igmpV1Report)
		}},
	{Rule{"igmpv2.report.destination", "RFC2236:3-6", "destination address", "a version 2 report goes to the group that it reports"},
		func(m *igmp) *fault {
			if !m.group.IsMulticast() {
				return nil
			}
			return m.destination(m.group, igmpV2Report)
		}},
	{Rule{"igmpv2.leave.destination", "RFC2236:9-1", "destination address", "a leave goes to 224.0.0.2"},
		func(m *igmp) *fault { return m.destination(allRouters, igmpLeave) }},
	{Rule{"igmpv3.report.destination", "RFC3376:4.2.14-1", "destination address", "a version 3 report goes to 224.0.0.22"},
		func(m *igmp) *fault { return m.destination(igmpv3Router, igmpV3Report) }},
	{Rule{"igmp.query.general.destination", "RFC2236:3-1", "destination address", "a general query goes to 224.0.0.1"},
		func(m *igmp) *fault {
			if !m.group.IsUnspecified() {
				return nil
			}
			return m.destination(allSystems, igmpQuery)
		}},
	{Rule{"igmp.query.specific.destination", "RFC2236:9-2", "destination address", "a group-specific query goes to the group"},
		func(m *igmp) *fault {
			if !m.group.IsMulticast() {
				return nil
			}
			return m.destination(m.group, igmpQuery)
		}},
}

func octet(b []byte, at int) string {
	if at >= len(b) {
		return ""
	}
	return fmt.Sprintf("%#02x", b[at])
}
