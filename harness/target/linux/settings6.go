//go:build linux

package linux

import "github.com/conform-stack/conform/harness/target"

// The settings of IPv6 come in tables, one a wish: what a check does not ask for keeps the kernel from speaking before it is
// spoken to.
var (
	withIPv6 = []target.Setting{
		{Name: "net.ipv6.conf.all.disable_ipv6", Value: "0", Why: "the check asks for IPv6"},
		{Name: "net.ipv6.conf.default.disable_ipv6", Value: "0", Why: "the check asks for IPv6"},
		{Name: "net.ipv6.conf.default.use_tempaddr", Value: "0", Why: "the kernel's default, which distributions change"},
		{Name: "net.ipv6.conf.default.addr_gen_mode", Value: "0", Why: "the kernel's default, which distributions change: EUI-64"},
		{Name: "net.ipv6.conf.default.accept_ra", Value: "1", Why: "the kernel's default, which distributions change"},
	}
	noDAD = []target.Setting{
		{Name: "net.ipv6.conf.default.accept_dad", Value: "0", Why: "addresses are usable at once"},
		{Name: "net.ipv6.conf.default.dad_transmits", Value: "0", Why: "addresses are usable at once"},
	}
	withDAD = []target.Setting{
		{Name: "net.ipv6.conf.default.enhanced_dad", Value: "0", Why: "the check is about RFC 4862 alone"},
	}
	noRS = []target.Setting{
		{Name: "net.ipv6.conf.default.router_solicitations", Value: "0", Why: "no frames before the check's own"},
	}
	router6 = []target.Setting{
		{Name: "net.ipv6.conf.all.forwarding", Value: "1", Why: "the check asks for a router"},
		{Name: "net.ipv6.conf.default.forwarding", Value: "1", Why: "the check asks for a router"},
	}
	opaque = []target.Setting{
		{Name: "net.ipv6.conf.default.stable_secret", Value: "2001:db8:5ec:4e7::1", Why: "RFC 7217: the check asks for opaque identifiers"},
		{Name: "net.ipv6.conf.default.addr_gen_mode", Value: "2", Why: "RFC 7217: the check asks for opaque identifiers"},
	}
	temporary = []target.Setting{
		{Name: "net.ipv6.conf.default.use_tempaddr", Value: "2", Why: "RFC 8981: the check asks for temporary addresses"},
	}
	routeInfo = []target.Setting{
		{Name: "net.ipv6.conf.default.accept_ra_rtr_pref", Value: "1", Why: "RFC 4191, 3.1: the check asks for preferences of routers"},
		{Name: "net.ipv6.conf.default.accept_ra_rt_info_max_plen", Value: "128", Why: "RFC 4191, 3.1: the check asks for routes of routers"},
	}
	forRFC6DAD = []target.Setting{
		{Name: "net.ipv6.conf.default.accept_dad", Value: "2", Why: "RFC 4862, 5.4.5: a duplicate of the link address ends the use of IPv6 on the interface"},
	}
	forRFC6Temp = []target.Setting{
		{Name: "net.ipv6.conf.default.temp_valid_lft", Value: "172800", Why: "RFC 8981, 3.8: TEMP_VALID_LIFETIME is 2 days"},
	}
	forRFC6 = []target.Setting{
		{Name: "net.ipv6.icmp.ratelimit", Value: "0", Why: "RFC 4443, 2.4: the errors are due; by default one destination gets one a second"},
	}
)

// unheard is the setting of worlds that are not about MLD: the kernel has no switch for it.
var unheard = target.Setting{
	Name: "reports and dones of MLD", Value: "not shown", Why: "only checks that are about MLD see those of the groups that every host is in",
}

// isListenerReport tells whether a frame is a report or a done of MLD: behind a Hop-by-Hop Options header of 8 octets.
func isListenerReport(frame []byte) bool {
	const at = 14 + 40 // of what follows the IPv6 header
	if len(frame) < at+9 || frame[12] != 0x86 || frame[13] != 0xdd || frame[20] != 0 || frame[at] != 58 || frame[at+1] != 0 {
		return false
	}
	kind := frame[at+8]
	return kind == 131 || kind == 132 || kind == 143
}

func (x wants) settings6() (tables [][]target.Setting) {
	if x.forwarding6 {
		tables = append(tables, router6) // first, for it resets others
	}
	tables = append(tables, withIPv6)
	switch {
	case !x.dad:
		tables = append(tables, noDAD)
	case !x.enhancedDAD:
		tables = append(tables, withDAD)
	}
	if !x.slaac {
		tables = append(tables, noRS)
	}
	if x.stableIID {
		tables = append(tables, opaque)
	}
	if x.tempAddrs {
		tables = append(tables, temporary)
	}
	if x.routeInfo {
		tables = append(tables, routeInfo)
	}
	if x.rfc && x.dad {
		tables = append(tables, forRFC6DAD)
	}
	if x.rfc && x.tempAddrs {
		tables = append(tables, forRFC6Temp)
	}
	if x.rfc && !x.errorRate {
		tables = append(tables, forRFC6)
	}
	return tables
}
