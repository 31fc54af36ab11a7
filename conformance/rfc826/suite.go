// Package rfc826 checks the Address Resolution Protocol on Ethernet: RFC 826 and the rules that RFC 1122, section 2.3.2,
// adds.
//
// What a target has in its table is seen by where it then sends.
package rfc826

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("rfc826", "RFC 826: Address Resolution Protocol").On(target.Ethernet).Strangers()

// ping sends an echo from t and gives the reply, so that one sees which link address the target has for t.
func ping(t *probe.Tester) *packet.Frame {
	id := t.Serial()
	return t.Ask(icmpv4.Echo(id, 1, nil), icmpv4.EchoReply(icmpv4.ID.Is(id)))
}

// toLink asserts for a requirement that f went to t's link address.
func toLink(t *probe.Tester, requirement string, f *packet.Frame) {
	t.Must(requirement, f, ethernet.Dst.Is(t.MAC()))
}
