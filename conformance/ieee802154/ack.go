package ieee802154

import (
	"net"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/probe"
)

// Acknowledgements: sections 6.7.4.1, 6.7.4.2 and 7.3.3.

const (
	turnaround = 192 * time.Microsecond // aTurnaroundTime at 2450 MHz
	onTheWay   = 10 * time.Millisecond  // both ways through a network that stands for the air
)

func init() {
	suite.It("mac.ack", "a data frame for the station that asks for it is acknowledged, at its time, by its number",
		check.Proves("IEEE802154:6.7.4.2-1", mutate.Missing(acks)).
			And("IEEE802154:7.3.3-2", mutate.Field(acks, ieee802154.Sequence.Is(seq^1))).
			And("IEEE802154:7.3.3-3", mutate.Field(acks, ieee802154.Pending.Is(1))).
			And("IEEE802154:7.3.3-1", mutate.Field(acks, ieee802154.AckRequest.Is(1))).
			And("IEEE802154:6.7.4.2-3", mutate.Late(acks, 50*time.Millisecond)),
		func(p *probe.P) {
			lan := p.IPv6()
			request, _ := echo(lan, ieee802154.Sequence.Is(seq))
			at := p.Now()
			ack := lan.Ask(request, acks, probe.For("IEEE802154:6.7.4.2-1"))
			p.Must("IEEE802154:7.3.3-2", ack, ieee802154.Sequence.Is(seq))
			p.Must("IEEE802154:7.3.3-3", ack, ieee802154.Pending.Is(0))
			p.Must("IEEE802154:7.3.3-1", ack, ieee802154.AckRequest.Is(0), ieee802154.SecurityOn.Is(0), ieee802154.PANCompression.Is(0),
				ieee802154.Reserved.Is(0), ieee802154.SrcMode.Is(0), ieee802154.DstMode.Is(0))
			p.That("IEEE802154:7.3.3-1", "octets of the acknowledgement", len(ack.Bytes), gomega.Equal(5))
			p.Between("IEEE802154:6.7.4.2-3", "from the frame to its acknowledgement", ack.At-at, turnaround, turnaround+onTheWay)
		})

	noAck := func(id, title, req string, bad func(lan *probe.Tester, good packet.Template) packet.Template) {
		suite.It(id, title, check.Proves(req, mutate.Gullible()), func(p *probe.P) {
			lan := p.IPv6()
			good, _ := echo(lan, ieee802154.Sequence.Is(seq))
			lan.Silent(bad(lan, good), good, ieee802154.AnyAck(ieee802154.Sequence.Is(seq)), probe.For(req))
		})
	}
	with := func(conds ...packet.Cond) func(*probe.Tester, packet.Template) packet.Template {
		return func(_ *probe.Tester, good packet.Template) packet.Template { return good.With(conds...) }
	}
	noAck("mac.ack.unasked", "a frame that does not ask for an acknowledgement gets none", "IEEE802154:6.7.4.1-1", with(ieee802154.AckRequest.Is(0)))
	noAck("mac.ack.broadcast", "a frame for everybody gets no acknowledgement, whatever it asks for", "IEEE802154:6.7.4.2-2",
		with(ieee802154.Dst.Is(ieee802154.Broadcast), ieee802154.AckRequest.Is(1)))
	noAck("mac.ack.other", "a frame for another station gets no acknowledgement", "IEEE802154:6.7.4.2-4",
		with(ieee802154.Dst.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0x77, 0x78}), ieee802154.AckRequest.Is(1)))
	noAck("mac.ack.fcs", "a damaged frame gets no acknowledgement", "IEEE802154:6.7.4.2-5", with(ieee802154.FCS.Is(0x1234)))
	noAck("mac.ack.beacon", "a beacon gets no acknowledgement, whatever it asks for", "IEEE802154:6.7.4.2-7",
		with(ieee802154.Type.Is(ieee802154.TypeBeacon)))
	noAck("mac.ack.type", "a frame of a reserved type is discarded, and not acknowledged", "IEEE802154:6.7.2-2", with(ieee802154.Type.Is(4)))
	noAck("mac.ack.mode", "a frame with a reserved addressing mode is discarded, and not acknowledged", "IEEE802154:7.2.1.8-1",
		func(lan *probe.Tester, good packet.Template) packet.Template {
			head := lan.Build(good)[:21:21]
			head = append([]byte{head[0], head[1]&^0xc0 | ieee802154.ModeReserved<<6}, head[2:]...)
			return good.With(ieee802154.Octets.Is(head))
		})

	suite.It("mac.ack.command", "a command that nobody knows is acknowledged, and ignored",
		check.Proves("IEEE802154:6.7.4.2-6", mutate.Missing(acks)).
			And("IEEE802154:7.5.1-1", mutate.Forge(ieee802154.Command(0x2a), ieee802154.Command(0x2a))),
		func(p *probe.P) {
			lan := p.IPv6()
			command := ieee802154.Command(0x2a, ieee802154.Sequence.Is(seq))
			lan.Ask(command, ieee802154.AnyAck(ieee802154.Sequence.Is(seq)), probe.For("IEEE802154:6.7.4.2-6"))
			ignored(lan, "IEEE802154:7.5.1-1", ieee802154.Command(0x2a), ieee802154.Header(ieee802154.Type.Is(ieee802154.TypeCommand)))
		})
	suite.It("mac.beacon-request", "who is no coordinator sends no beacon when one is asked for",
		check.Proves("IEEE802154:6.3.1-1", mutate.Forge(ieee802154.Command(ieee802154.BeaconRequest), ieee802154.Beacon())),
		func(p *probe.P) {
			ask := ieee802154.Command(ieee802154.BeaconRequest, ieee802154.Dst.Is(ieee802154.Broadcast), ieee802154.DstPAN.Is(ieee802154.AnyPAN),
				ieee802154.Src.None(), ieee802154.AckRequest.Is(0), ieee802154.PANCompression.Is(0))
			ignored(p.IPv6(), "IEEE802154:6.3.1-1", ask, ieee802154.Header(ieee802154.Type.Is(ieee802154.TypeBeacon)))
		})
	suite.It("mac.association-request", "who is no coordinator does not answer a request to associate",
		check.Proves("IEEE802154:6.4.1-1", mutate.Forge(ieee802154.Command(ieee802154.AssociationRequest), ieee802154.Command(ieee802154.AssociationResponse))),
		func(p *probe.P) {
			ask := ieee802154.Command(ieee802154.AssociationRequest, ieee802154.SrcPAN.Is(ieee802154.AnyPAN)).Then(packet.Payload([]byte{0x8e}))
			ignored(p.IPv6(), "IEEE802154:6.4.1-1", ask, ieee802154.Header(ieee802154.Type.Is(ieee802154.TypeCommand)))
		})
}

// ignored asserts that a command has no answer, by an echo behind it that has one. A coordinator would answer within the
// time of a few frames.
func ignored(lan *probe.Tester, req string, command, answer packet.Template) {
	request, reply := echo(lan)
	lan.Silent(command, request, answer, probe.Fence(reply), probe.Delayed(50*time.Millisecond), probe.For(req))
}
