// Package ieee802154 checks the MAC of IEEE 802.15.4 in networks without regular beacons: which frames a target takes and
// which it acknowledges, what it repeats, and the form of what it sends.
//
// Whether a frame was taken shows by the echo in it, which is answered. Whether it was acknowledged shows by itself. In the
// checks of security both sides have keys (target.Security), and the tester seals what it sends. What a target without an
// agent for the MLME cannot show has its reason in untested.yaml.
package ieee802154

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("ieee802154", "IEEE 802.15.4: frames, filtering and acknowledgements of the MAC").On(target.IEEE802154).Needing(target.IPv6)

// seq is a sequence number that the tester's other frames do not get.
const seq = 0xe7

// echo is an echo request in one frame, and its answer.
func echo(lan *probe.Tester, conds ...packet.Cond) (request, reply packet.Template) {
	id := lan.Serial()
	return icmpv6.Echo(id, 1, []byte("154")).With(conds...), icmpv6.EchoReply(icmpv6.ID.Is(id))
}

// replies are all answers to echos, for mutants.
var replies = icmpv6.EchoReply()

// acks are all acknowledgements.
var acks = ieee802154.AnyAck()

// taken adds a check of a frame that is to be taken: its echo is answered.
func taken(id, title, req string, m mutate.Mutation, conds func(*probe.Tester) []packet.Cond, needs ...target.Feature) {
	suite.It(id, title, check.Proves(req, m).Needs(needs...), func(p *probe.P) {
		lan := p.IPv6()
		request, reply := echo(lan, conds(lan)...)
		lan.Ask(request, reply, probe.For(req))
	})
}

// refused adds a check of a frame that is to be discarded: its echo is not answered, and the one of the frame made right is.
func refused(id, title, req string, conds func(*probe.Tester) []packet.Cond, needs ...target.Feature) {
	suite.It(id, title, check.Proves(req, mutate.Gullible()).Needs(needs...), func(p *probe.P) {
		lan := p.IPv6()
		good, reply := echo(lan)
		lan.Silent(good.With(conds(lan)...), good, reply, probe.For(req))
	})
}

// are is conditions that do not depend on the world.
func are(conds ...packet.Cond) func(*probe.Tester) []packet.Cond {
	return func(*probe.Tester) []packet.Cond { return conds }
}
