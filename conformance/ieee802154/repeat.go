package ieee802154

import (
	"bytes"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/probe"
)

// What is not acknowledged is sent again: section 6.7.4.3.

const (
	ackWait = 864 * time.Microsecond // macAckWaitDuration at 2450 MHz
	over    = 500 * time.Millisecond // by then the last repeat is out, also with the longest backoffs
)

// unacknowledged has the target answer an echo, without the tester acknowledging that, and gives what came.
func unacknowledged(lan *probe.Tester) []*packet.Frame {
	lan.Acknowledge(false)
	lan.ShowRepeats(true)
	request, reply := echo(lan)
	lan.Forget()
	lan.Ask(request, reply, probe.For())
	lan.Wait(over)
	return lan.Seen(reply)
}

func init() {
	suite.It("mac.repeat", "a frame that is not acknowledged is sent again, a few times, the same and not too soon",
		check.Proves("IEEE802154:6.7.4.3-1", mutate.Drops(replies, 1)).
			And("IEEE802154:6.7.4.3-2", renumbered()).
			And("IEEE802154:6.7.4.3-3", mutate.Repeat(replies, 100*time.Microsecond)),
		func(p *probe.P) {
			lan := p.IPv6()
			sent := unacknowledged(lan)
			p.That("IEEE802154:6.7.4.3-1", "frames, with macMaxFrameRetries 1 to 7", len(sent),
				gomega.And(gomega.BeNumerically(">=", 2), gomega.BeNumerically("<=", 8)))
			first, _ := ieee802154.Sequence.Of(sent[0])
			for i, f := range sent[1:] {
				p.Must("IEEE802154:6.7.4.3-2", f, ieee802154.Sequence.Is(first))
				p.That("IEEE802154:6.7.4.3-3", "time to the next one", f.At-sent[i].At, gomega.BeNumerically(">=", ackWait))
			}
		})
	suite.It("mac.repeat.acknowledged", "a frame that was acknowledged is not sent again",
		check.Proves("IEEE802154:6.7.4.3-4", mutate.Repeat(replies, 5*time.Millisecond)),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.ShowRepeats(true)
			request, reply := echo(lan)
			lan.Ask(request, reply, probe.For())
			lan.Never(reply, over, probe.For("IEEE802154:6.7.4.3-4"))
		})
	suite.It("mac.repeat.other-ack", "an acknowledgement of another frame does not count",
		check.Proves("IEEE802154:6.7.4.3-5", mutate.Hushed(ieee802154.AnyAck(), replies)),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Acknowledge(false)
			lan.ShowRepeats(true)
			request, reply := echo(lan)
			first := lan.Ask(request, reply, probe.For())
			n, _ := ieee802154.Sequence.Of(first)
			lan.Send(ieee802154.Ack((n + 1) & 0xff))
			lan.Expect(reply, probe.For("IEEE802154:6.7.4.3-5"), probe.Within(over))
		})
	suite.It("mac.repeat.received", "a frame that comes again is acknowledged again",
		check.Proves("IEEE802154:6.7.4.3-8", mutate.Drops(ieee802154.AnyAck(ieee802154.Sequence.Is(seq)), 1)),
		func(p *probe.P) {
			lan := p.IPv6()
			request, _ := echo(lan, ieee802154.Sequence.Is(seq))
			frame := lan.Build(request)
			ack := ieee802154.AnyAck(ieee802154.Sequence.Is(seq))
			lan.Forget()
			lan.SendBytes(frame)
			lan.Expect(ack, probe.For())
			lan.Wait(3 * time.Millisecond)
			lan.SendBytes(bytes.Clone(frame))
			lan.Wait(over)
			p.That("IEEE802154:6.7.4.3-8", "acknowledgements of the two", len(lan.Seen(ack)), gomega.Equal(2))
		})
}

// renumbered is a target whose every frame has a number of its own.
func renumbered() mutate.Mutation {
	n := byte(0)
	return mutate.Octets(replies, "with a new number each", func(b []byte) []byte {
		n++
		b[2] = n
		return resealed(b)
	})
}

// resealed mends the FCS.
func resealed(b []byte) []byte {
	sum := ieee802154.Sum(b[:len(b)-2])
	b[len(b)-2], b[len(b)-1] = byte(sum), byte(sum>>8)
	return b
}
