// Package vlan checks tagged frames: IEEE 802.1Q as an end station has it, with interfaces of tags as Zephyr has them.
//
// What needs no VLAN of the target is asked of any Ethernet: frames of VLANs that it is not in, and priority tags.
package vlan

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/vlan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("vlan", "VLANs: IEEE 802.1Q").On(target.Ethernet)

// Tags: two that the target has where a check says so, and one that it has never.
const (
	own     = 7
	other   = 8
	unknown = 9
)

// subnets are those of the VLANs, of documentation addresses (RFC 5737).
var subnets = map[uint]netip.Prefix{ // never written
	own: netip.MustParsePrefix("203.0.113.0/25"), other: netip.MustParsePrefix("203.0.113.128/25"),
}

// joined gives the target an interface of a tag, with an address, and is the tester on that VLAN. Each knows the other's
// link address.
func joined(lan *probe.Tester, vid uint) *probe.Tester {
	index, err := lan.AddVLAN(vid)
	if err != nil {
		lan.Inconclusive("the target refused VLAN %d: %v", vid, err)
	}
	on := lan.VLAN(vid, subnets[vid])
	if err := lan.AddAddressTo(index, netip.PrefixFrom(on.TargetIP(), subnets[vid].Bits())); err != nil {
		lan.Inconclusive("the target refused %s on VLAN %d: %v", on.TargetIP(), vid, err)
	}
	on.Send(arp.Request(on.TargetIP()))
	lan.Expect(arp.Packet(arp.Op.Is(arp.OpReply), arp.SenderIP.Is(on.TargetIP())), probe.For())
	return on
}

// echo is a request that no other has the identifier of, and its answer.
func echo(t *probe.Tester) (request, reply packet.Template) {
	id := t.Serial()
	return icmpv4.Echo(id, 1, make([]byte, 56)), icmpv4.EchoReply(icmpv4.ID.Is(id))
}

// onVLAN is the template of whatever has the tag.
var onVLAN = vlan.Tagged(own)
