// Package all brings in the tables of all protocols, for programs that print whatever frame they meet.
package all

import (
	_ "github.com/conform-stack/conform/harness/packet/arp"
	_ "github.com/conform-stack/conform/harness/packet/ethernet"
	_ "github.com/conform-stack/conform/harness/packet/icmpv4"
	_ "github.com/conform-stack/conform/harness/packet/icmpv6"
	_ "github.com/conform-stack/conform/harness/packet/ieee802154"
	_ "github.com/conform-stack/conform/harness/packet/igmp"
	_ "github.com/conform-stack/conform/harness/packet/ipv4"
	_ "github.com/conform-stack/conform/harness/packet/ipv6"
	_ "github.com/conform-stack/conform/harness/packet/llc"
	_ "github.com/conform-stack/conform/harness/packet/lowpan"
	_ "github.com/conform-stack/conform/harness/packet/mld"
	_ "github.com/conform-stack/conform/harness/packet/ndp"
	_ "github.com/conform-stack/conform/harness/packet/tcp"
	_ "github.com/conform-stack/conform/harness/packet/udp"
	_ "github.com/conform-stack/conform/harness/packet/vlan"
	_ "github.com/conform-stack/conform/harness/packet/zep"
)
