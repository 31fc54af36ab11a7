package judge

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// mld is a message of MLDv1 (RFC 2710) or MLDv2 (RFC 3810).
type mld struct {
	*icmpv6
	version int
	group   netip.Addr // of messages in the format of version 1, and of queries
	alert   bool       // there is a Router Alert option in a Hop-by-Hop Options header
	records []mldRecord
	promise int // number of records
	left    int // octets behind the last record; -1 when one runs beyond the end
	end     int // offset of them
}

type mldRecord struct {
	at   int
	kind uint8
	aux  uint8
	n    int
}

var mldRouters = netip.MustParseAddr("ff02::16")

func readMLD(m *icmpv6) {
	x := &mld{icmpv6: m, version: 1}
	switch {
	case m.is(icmp6Report2):
		x.version = 2
		x.readRecords()
	case len(m.m) < 24:
		m.skip("MLD messages that are too short")
		return
	case m.is(icmp6Query) && len(m.m) >= 28:
		x.version = 2
	}
	if x.version == 1 {
		x.group = netip.AddrFrom16([16]byte(m.m[8:24]))
	}
	for _, h := range m.chain {
		if h.kind != protoHopByHop {
			continue
		}
		m.eachOption(func(_ int, o []byte) *fault {
			x.alert = x.alert || len(o) == 4 && o[0] == 5
			return nil
		})
	}
	apply(m.scene, mldRules, x)
}

func (x *mld) readRecords() {
	x.promise = int(binary.BigEndian.Uint16(x.m[6:]))
	at := 8
	for range x.promise {
		if len(x.m) < at+20 {
			x.left = -1
			break
		}
		n, aux := int(binary.BigEndian.Uint16(x.m[at+2:])), x.m[at+1]
		end := at + 20 + 16*n + 4*int(aux)
		if len(x.m) < end {
			x.left = -1
			break
		}
		x.records = append(x.records, mldRecord{x.base + at, x.m[at], aux, n})
		at = end
	}
	x.end = x.base + at
	if x.left == 0 {
		x.left = len(x.m) - at
	}
}

// sender is the fault that a message does not come from a link-local address; a report may come from none (RFC 3590).
func (x *mld) sender(version int) *fault {
	may := x.src.IsLinkLocalUnicast() || x.src.IsUnspecified() && !x.is(icmp6Query)
	return when(x.version == version && !may, x.at+8, x.src, "a link-local address")
}

func (x *mld) hop(version int) *fault {
	if x.version != version {
		return nil
	}
	return differs(x.at+7, x.hops, 1)
}

func (x *mld) unalert(version int) *fault {
	return when(x.version == version && !x.alert, x.at+40, "no such option", "Router Alert")
}

// any tells whether a record is such as bad says.
func (x *mld) any(bad func(mldRecord) bool, got, want string) *fault {
	if i := slices.IndexFunc(x.records, bad); i >= 0 {
		return &fault{x.records[i].at, got, want}
	}
	return nil
}

var mldRules = []rule[mld]{
	{Rule{"mld.source", "RFC2710:3-2", "source address", "version 1 messages come from a link-local address"}, func(x *mld) *fault { return x.sender(1) }},
	{Rule{"mldv2.source", "RFC3810:5-1", "source address", "version 2 messages come from a link-local address"}, func(x *mld) *fault { return x.sender(2) }},
	{Rule{"mld.hop-limit", "RFC2710:3-3", "hop limit", "version 1 messages have hop limit 1"}, func(x *mld) *fault { return x.hop(1) }},
	{Rule{"mldv2.hop-limit", "RFC3810:5-2", "hop limit", "version 2 messages have hop limit 1"}, func(x *mld) *fault { return x.hop(2) }},
	{Rule{"mld.alert", "RFC2710:3-4", "options", "version 1 messages carry Router Alert in a Hop-by-Hop Options header"}, func(x *mld) *fault { return x.unalert(1) }},
	{Rule{"mldv2.alert", "RFC3810:5-3", "options", "version 2 messages carry Router Alert in a Hop-by-Hop Options header"}, func(x *mld) *fault { return x.unalert(2) }},
	{Rule{"mld.code", "RFC2710:3.2-1", "code", "the code is 0"},
		func(x *mld) *fault {
			return x.code(0, icmp6Query, icmp6Report, icmp6Done)
		}},
	{Rule{"mld.delay", "RFC2710:3.4-2", "maximum response delay", "it is 0 in reports and dones"},
		func(x *mld) *fault {
			return when(x.is(icmp6Report, icmp6Done) && x.m[4]|x.m[5] != 0, x.base+4, octet(x.m, 4), "0")
		}},
	{Rule{"mld.reserved", "RFC2710:3.5-1", "reserved", "the reserved field is zero"},
		func(x *mld) *fault { return when(x.version == 1 && x.m[6]|x.m[7] != 0, x.base+6, octet(x.m, 7), "0") }},
	{Rule{"mld.length", "RFC2710:3.7-1", "length", "a message of version 1 has 24 octets"},
		func(x *mld) *fault {
			return when(x.is(icmp6Report, icmp6Done) && len(x.m) > 24, x.base+24, fmt.Sprintf("%d octets", len(x.m)), "24")
		}},
	{Rule{"mld.report.destination", "RFC2710:4-19", "destination address", "a version 1 report goes to the group that it reports"},
		func(x *mld) *fault {
			return when(x.is(icmp6Report) && x.dst != x.group, x.at+24, x.dst, x.group.String())
		}},
	{Rule{"mld.done.destination", "RFC2710:4-23", "destination address", "a done goes to all routers"},
		func(x *mld) *fault {
			return when(x.is(icmp6Done) && x.dst != allRouters6, x.at+24, x.dst, allRouters6.String())
		}},
	{Rule{"mldv2.report.destination", "RFC3810:5.2.14-1", "destination address", "a version 2 report goes to ff02::16"},
		func(x *mld) *fault {
			return when(x.is(icmp6Report2) && x.dst != mldRouters, x.at+24, x.dst, mldRouters.String())
		}},
	{Rule{"mldv2.report.reserved", "RFC3810:5.2.1-1", "reserved", "the reserved fields are zero"},
		func(x *mld) *fault {
			return when(x.is(icmp6Report2) && x.m[1]|x.m[4]|x.m[5] != 0, x.base+4, fmt.Sprintf("%d, %d, %d", x.m[1], x.m[4], x.m[5]), "0, 0, 0")
		}},
	{Rule{"mldv2.report.records", "RFC3810:5.2.3-1", "number of records", "a report holds as many records as it says"},
		func(x *mld) *fault {
			return when(x.left < 0 && x.whole, x.base+6, x.promise, fmt.Sprintf("the %d that are there whole", len(x.records)))
		}},
	{Rule{"mldv2.report.rest", "RFC3810:5.2.11-3", "additional data", "nothing is sent behind the last record"},
		func(x *mld) *fault { return when(x.left > 0, x.end, fmt.Sprintf("%d octets", x.left), "none") }},
	{Rule{"mldv2.report.aux", "RFC3810:5.2.10-1", "aux data len", "no auxiliary data is sent"},
		func(x *mld) *fault {
			return x.any(func(r mldRecord) bool { return r.aux != 0 }, "auxiliary data", "none")
		}},
	{Rule{"mldv2.report.is-in", "RFC3810:5.2.12-2", "number of sources", "MODE_IS_INCLUDE has sources"},
		func(x *mld) *fault {
			return x.any(func(r mldRecord) bool { return r.kind == 1 && r.n == 0 }, "0", "1 or more")
		}},
}
