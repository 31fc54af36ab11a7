// Package conformance links all suites into a program.
package conformance

import (
	_ "github.com/conform-stack/conform/conformance/datapath"
	_ "github.com/conform-stack/conform/conformance/ethernet"
	_ "github.com/conform-stack/conform/conformance/forwarding"
	_ "github.com/conform-stack/conform/conformance/icmpv4"
	_ "github.com/conform-stack/conform/conformance/icmpv6"
	_ "github.com/conform-stack/conform/conformance/iface"
	_ "github.com/conform-stack/conform/conformance/igmp"
	_ "github.com/conform-stack/conform/conformance/ipv4"
	_ "github.com/conform-stack/conform/conformance/ipv4ll"
	_ "github.com/conform-stack/conform/conformance/ipv6"
	_ "github.com/conform-stack/conform/conformance/mgmt"
	_ "github.com/conform-stack/conform/conformance/mld"
	_ "github.com/conform-stack/conform/conformance/ndp"
	_ "github.com/conform-stack/conform/conformance/pmtu6"
	_ "github.com/conform-stack/conform/conformance/rfc5227"
	_ "github.com/conform-stack/conform/conformance/rfc6282"
	_ "github.com/conform-stack/conform/conformance/rfc6775"
	_ "github.com/conform-stack/conform/conformance/rfc826"
	_ "github.com/conform-stack/conform/conformance/router6"
	_ "github.com/conform-stack/conform/conformance/sockets"
	_ "github.com/conform-stack/conform/conformance/stats"
	_ "github.com/conform-stack/conform/conformance/tcp"
	_ "github.com/conform-stack/conform/conformance/udp"
	_ "github.com/conform-stack/conform/conformance/vlan"
)
