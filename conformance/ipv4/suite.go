// Package ipv4 checks the Internet Protocol of one host on one link: RFC 791, RFC 815, RFC 6864 and RFC 1122, sections 3.1,
// 3.2.1 and 3.3.
//
// Most checks ask with an ICMP echo, which needs nothing on the target. Where the RFC speaks of what a host sends of its
// own accord, or of what reaches the transport layer, the agent opens sockets. The first tester is the default gateway.
package ipv4

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("ipv4", "Internet Protocol: RFC 791, RFC 815, RFC 6864, RFC 1122 section 3").On(target.Ethernet)

// anyEcho and anyReply are every echo and every reply that is not in fragments.
var (
	anyEcho  = icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho))
	anyReply = icmpv4.EchoReply()
)

// twin is as long as data and has the same 16-bit words in another order: no checksum of the Internet tells them apart.
func twin(data []byte) []byte {
	b := append([]byte(nil), data...)
	for i := 0; i+4 <= len(b); i += 4 {
		copy(b[i:], data[i+2:i+4])
		copy(b[i+2:], data[i:i+2])
	}
	return b
}

// An echo is a frame with an echo, and what replies to it.
type echo struct {
	Bytes []byte
	reply packet.Template
}

// asked is an echo of its own with data.
func asked(t *probe.Tester, data []byte, conds ...packet.Cond) echo {
	id := t.Serial()
	return echo{t.Build(icmpv4.Echo(id, 1, data).With(conds...)), icmpv4.EchoReply(icmpv4.ID.Is(id))}
}

// replyTo is the echo reply to a frame with an echo.
func replyTo(f *packet.Frame) packet.Template {
	id, _ := icmpv4.ID.Of(f)
	return icmpv4.EchoReply(icmpv4.ID.Is(id))
}

// sendAll sends frames in the given order of their indices.
func sendAll(t *probe.Tester, frames []packet.Template, order ...int) {
	for _, i := range order {
		t.Send(frames[i])
	}
}

// alive shows, after what must not have an answer, that the target still answers.
func alive(t *probe.Tester) {
	f := asked(t, nil)
	t.SendBytes(f.Bytes)
	t.Expect(f.reply, probe.For(), probe.Because("the target is alive"))
}

// offLink is an address that no link of a world has (RFC 5737).
var offLink = netip.MustParseAddr("203.0.113.9")
