// Package rfc8931 checks the selective recovery of fragments below IPv6, at both of its ends.
package rfc8931

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("rfc8931", "RFC 8931: recovery of 6LoWPAN fragments").
	On(target.IEEE802154).Needing(target.IPv6, target.Recovers)

// settles is by when fragments and their acknowledgments have come.
const settles = 400 * time.Millisecond

// part is how many octets of the small packet of the checks are in a fragment.
const part = 24

// ping is an echo that no other is taken for, as it is encoded, and its answer, which fits into a frame.
func ping(lan *probe.Tester) (encoded []byte, reply packet.Template) {
	id := lan.Serial()
	ip := icmpv6.Echo(id, 1, kit.Pattern(16)).Packet(lan.Env())
	return append([]byte{lowpan.DispatchIPv6}, ip...), icmpv6.EchoReply(icmpv6.ID.Is(id))
}

// fragments are those of the small packet: the last of them asks for an acknowledgment.
func fragments(encoded []byte, tag uint) []packet.Template {
	return lowpan.Recoverables(encoded, tag, part)
}

// sendAll puts fragments on the link, in time for a target that keeps few frames.
func sendAll(lan *probe.Tester, parts ...packet.Template) {
	for _, p := range parts {
		lan.Send(p)
		lan.Wait(2 * time.Millisecond)
	}
}

// anyFragment, firstFragment and laterFragment are what the target or the tester sends.
var (
	anyFragment   = lowpan.RFrag()
	firstFragment = lowpan.RFrag(lowpan.FragmentNumber.Is(0), lowpan.FragmentOffset.Not(0))
	laterFragment = lowpan.RFrag(lowpan.FragmentNumber.Not(0))
	reset         = lowpan.RFrag(lowpan.FragmentOffset.Is(0))
	anyAck        = lowpan.RFragAck()
	null          = lowpan.RFragAck(lowpan.Bitmap.Is(lowpan.Null))
	full          = lowpan.RFragAck(lowpan.Bitmap.Is(lowpan.Full))
)

// asking is a fragment that asks for an acknowledgment.
func asking(t packet.Template) packet.Template { return t.With(lowpan.AckRequest.Is(1)) }

// bits is the bitmap with sequence numbers.
func bits(sequences ...uint) (b uint) {
	for _, s := range sequences {
		b |= 1 << (31 - s)
	}
	return b
}

// A sent is a fragment that the target sent.
type sent struct {
	at                                   time.Duration
	tag, sequence, size, offset, e, asks uint
	data                                 []byte
	frame                                *packet.Frame
}

// collect gives the fragments that the target has sent, in the order in which they came, resets among them.
func collect(lan *probe.Tester) (all []sent) {
	for _, f := range lan.Seen(ieee802154.Data()) {
		s := sent{frame: f, at: f.At}
		var ok bool
		if s.tag, ok = lowpan.RecoveryTag.Of(f); !ok {
			continue
		}
		s.sequence, _ = lowpan.FragmentNumber.Of(f)
		s.size, _ = lowpan.FragmentSize.Of(f)
		s.offset, _ = lowpan.FragmentOffset.Of(f)
		s.e, _ = lowpan.Congestion.Of(f)
		s.asks, _ = lowpan.AckRequest.Of(f)
		s.data = lowpan.EncodedOf(f)
		all = append(all, s)
	}
	return all
}

// provoke has the target send the answer to an echo of n octets of data, in fragments, and waits until it has asked for an
// acknowledgment. Which fragments those are it gives.
func provoke(lan *probe.Tester, n int, reqs ...string) []sent {
	before := len(collect(lan))
	ip := icmpv6.Echo(lan.Serial(), 1, kit.Pattern(n)).Packet(lan.Env())
	parts := lowpan.Recoverables(append([]byte{lowpan.DispatchIPv6}, ip...), 0x55, 80)
	for _, p := range parts[:len(parts)-1] {
		lan.Send(p)
		lan.Wait(2 * time.Millisecond)
	}
	lan.Ask(parts[len(parts)-1], asking(anyFragment), probe.Within(5*time.Second), probe.For(reqs...), probe.Because("the answer fits into no frame"))
	return collect(lan)[before:]
}

// begun is provoke that waits for any fragment.
func begun(lan *probe.Tester, n int, reqs ...string) {
	ip := icmpv6.Echo(lan.Serial(), 1, kit.Pattern(n)).Packet(lan.Env())
	sendAll(lan, lowpan.Recoverables(append([]byte{lowpan.DispatchIPv6}, ip...), 0x55, 80)...)
	lan.Expect(anyFragment, probe.Within(5*time.Second), probe.For(reqs...), probe.Because("the answer fits into no frame"))
}

// idle wants no fragment of a datagram from now on.
func idle(p *probe.P, lan *probe.Tester, req string, tag uint) {
	lan.Wait(settles)
	before := len(of(collect(lan), tag))
	lan.Wait(waits)
	p.That(req, "fragments since", len(of(collect(lan), tag))-before, gomega.BeZero())
}

// acknowledge tells the target what has come.
func acknowledge(lan *probe.Tester, tag, bitmap uint, conds ...packet.Cond) {
	lan.Send(lowpan.RFragAck(lowpan.AckTag.Is(tag), lowpan.Bitmap.Is(bitmap)).With(conds...))
}
