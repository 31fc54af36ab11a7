// Package ethernet checks how IP goes over Ethernet: RFC 894, RFC 1042 and RFC 1122, section 2.3.
//
// A host on Ethernet speaks RFC 894. That it also reads the frames of RFC 1042 is asked of all (a SHOULD of RFC 1122);
// what follows from that, only of a target that declares it. What a frame of the target must be in whatever format it
// sends, the judge looks at in every check.
package ethernet

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("ethernet", "IP over Ethernet: RFC 894, RFC 1042, RFC 1122 section 2.3").On(target.Ethernet)

// anyReply is every echo reply.
var anyReply = icmpv4.EchoReply()

const (
	header = 14 // octets of Ethernet
	least  = 46 // octets in the data field of a frame
	mtu    = 1500
)

// echo is an echo of its own with data, and the reply to it.
func echo(p *probe.P, data []byte) (request, reply packet.Template) {
	id := p.Serial()
	return ipv4.Header().Then(icmpv4.Echo(id, 1, data)), icmpv4.EchoReply(icmpv4.ID.Is(id))
}

// alive shows, after what must not have an answer, that the target still answers.
func alive(t *probe.Tester) {
	request, reply := echo(t.P, nil)
	t.Ask(request, reply, probe.For(), probe.Because("the target is alive"))
}

// datagram is every frame of the target for the tester that does not hold ARP, whatever is in it.
func datagram(t *probe.Tester) packet.Template {
	return ethernet.Frame(ethernet.Src.Is(t.TargetMAC()), ethernet.Dst.Is(t.MAC()), ethernet.Type.Not(0x0806))
}
