package icmpv4

import (
	"bytes"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// fromTarget is every ICMP datagram and fragment of one that is not the tester's.
func fromTarget(host *probe.Tester) packet.Template {
	return ipv4.Header(ipv4.Protocol.Is(1), ipv4.Src.Is(host.TargetIP()))
}

// echoMessage asks with an echo of n octets of data, in fragments of at most 576 octets, and gives the ICMP message that
// the target answers with, whole or in fragments; nil when nothing comes before the answer to a later echo.
func echoMessage(host *probe.Tester, n int) []byte {
	whole := kit.Framed(host, icmpv4.Echo(host.Serial(), 1, kit.Pattern(n)).With(ipv4.ID.Is(0x7000+host.Serial())))
	for _, part := range ipv4.SplitEvery(whole, 552) {
		host.Send(part)
	}
	fence := host.Serial()
	host.Ask(icmpv4.Echo(fence, 2, nil), icmpv4.EchoReply(icmpv4.ID.Is(fence)), probe.For(), probe.Because("the target is alive"))
	byID := map[uint][]*packet.Frame{}
	for _, f := range host.Seen(fromTarget(host)) {
		id, _ := ipv4.ID.Of(f)
		if answer, ok := icmpv4.ID.Of(f); ok && answer == fence {
			continue
		}
		byID[id] = append(byID[id], f)
		if message, err := ipv4.Join(byID[id]); err == nil {
			return message
		}
	}
	return nil
}

func init() {
	// 576 octets is what every host reassembles (RFC 1122, 3.3.2).
	cut := mutate.Field(ipv4.Header(ipv4.Protocol.Is(1), ipv4.TotalLength.Where("above 500", func(n uint) bool { return n > 500 })), packet.Data.Is(kit.Pattern(500)))
	suite.It("icmp.echo.fragments", "an echo in fragments comes back with all its data",
		check.Proves("RFC1122:3.2.2.6-6", cut),
		func(p *probe.P) {
			message := echoMessage(p.IPv4(), 548)
			p.That("RFC1122:3.2.2.6-6", "the reply holds the data of the echo", message, endsIn(kit.Pattern(548)))
		})

	// A host that cannot fragment cuts the reply to the MTU.
	firstOnly := mutate.Field(ipv4.Header(ipv4.Protocol.Is(1), ipv4.MF.Is(1), ipv4.Offset.Is(0)), ipv4.MF.Is(0), ipv4.TotalLength.Is(500))
	check.Grid(suite, "icmp.echo.large", "an echo beyond what every host reassembles is dropped, or comes back with all its data",
		check.Proves("RFC1122:3.2.2.6-6", firstOnly),
		[]int{1473, 4000, 65507},
		func(p *probe.P, n int) {
			message := echoMessage(p.IPv4(), n)
			if len(message) == p.Net().MTU-20 {
				n = len(message) - 8
			}
			if message == nil {
				p.Meets("RFC1122:3.2.2.6-6")
				p.Step("the target does not reassemble a datagram of %d octets", n+28)
				return
			}
			p.That("RFC1122:3.2.2.6-6", "the reply holds the data of the echo", message, endsIn(kit.Pattern(n)))
		})
}

// endsIn matches an ICMP message with the given data behind its 8 octets of header.
func endsIn(data []byte) *carries { return &carries{data} }

type carries struct{ data []byte }

// Match compares an ICMP message; nil is none.
func (c *carries) Match(actual any) (bool, error) {
	message, _ := actual.([]byte)
	return len(message) >= 8 && bytes.Equal(message[8:], c.data), nil
}

func (c *carries) FailureMessage(actual any) string {
	message, _ := actual.([]byte)
	if len(message) < 8 {
		return "no whole reply came"
	}
	return "the data differs: " + describe(message[8:], c.data)
}

func (c *carries) NegatedFailureMessage(any) string { return "the data is the same" }
