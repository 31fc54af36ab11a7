package ieee802154

import (
	"fmt"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Security of what comes to a target: which frames it opens and takes, and which it discards. Clause 9 of the edition of
// 2015.

// A target that remembers the frame counters of stations after a check cannot be told by that check that a tester has used
// the last ones, and one that is not told which short addresses the testers have opens nothing from them: such checks need
// target.Securing, worlds that are made for them.

const firstKey = 1 // index of the key by which frames are secured

// at is a frame of a level, under the key that mode names.
func (c protection) at() []packet.Cond {
	conds := []packet.Cond{ieee802154.SecurityControl.Is(ieee802154.Control(uint(c.level), uint(c.mode)))}
	if c.mode == 1 {
		conds = append(conds, ieee802154.KeyIndex.Is(firstKey))
	}
	return conds
}

// A demand is a level that a target is to insist on, and one that does not reach it.
type demand struct{ wants, level uint8 }

func (d demand) String() string {
	return fmt.Sprintf("level %d where %d is demanded", d.level, d.wants)
}

// Security implements check.Securing.
func (d demand) Security() target.Security {
	return target.Security{Level: 7, KeyMode: 1, KeyIndex: firstKey, Demand: d.wants}
}

// A name is how a frame names a key that nobody has.
type name struct{ mode, index uint }

func (n name) String() string { return fmt.Sprintf("mode %d, index %d", n.mode, n.index) }

func (n name) conds(s target.Security) []packet.Cond {
	key, _ := s.Find(s.KeyMode, s.KeyIndex, nil)
	conds := []packet.Cond{ieee802154.SecurityControl.Is(ieee802154.Control(5, n.mode)), ieee802154.WithKey.Is(key[:]), ieee802154.KeyIndex.Is(n.index)}
	if n.mode > 1 {
		conds = append(conds, ieee802154.KeySource.Is(make([]byte, 4*(n.mode-1))))
	}
	return conds
}

func init() {
	secured := ieee802154.Data(ieee802154.SecurityOn.Is(1))
	check.Grid(suite, "secure.rx.level", "a frame of any level that has a code is opened, by either way to name its key",
		check.Proves("IEEE802154:9.2-5", mutate.Ignores(secured)).Needs(target.Secured, target.Securing), unbound(protections()),
		func(p *probe.P, c unboundProtection) {
			lan := p.IPv6()
			request, reply := echo(lan, protection(c).at()...)
			lan.Ask(request, reply)
		})
	taken("secure.rx.version2", "a secured frame of version 2 is opened", "IEEE802154:9.2-5",
		mutate.Ignores(ieee802154.Data(ieee802154.Version.Is(ieee802154.Version2015))), func(lan *probe.Tester) []packet.Cond {
			return []packet.Cond{ieee802154.Version.Is(ieee802154.Version2015), ieee802154.PANCompression.Is(0)}
		}, target.Secured)
	check.Grid(suite, "secure.rx.demand", "a frame with less security than is demanded is discarded",
		check.Proves("IEEE802154:9.2-6", mutate.Gullible()),
		[]demand{{1, 0}, {2, 1}, {3, 2}, {5, 0}, {5, 1}, {5, 3}, {6, 5}, {7, 6}},
		func(p *probe.P, d demand) {
			lan := p.IPv6()
			good, reply := echo(lan)
			bad := good.With(ieee802154.Unsecured())
			if d.level > 0 {
				bad = good.With(protection{d.level, 1}.at()...)
			}
			lan.Silent(bad, good, reply)
		})
	check.Grid(suite, "secure.rx.mic", "a frame whose code is another is discarded",
		check.Proves("IEEE802154:9.2-4", mutate.Gullible()).Needs(target.Secured, target.Securing), unbound(protections()),
		func(p *probe.P, c unboundProtection) {
			lan := p.IPv6()
			good, reply := echo(lan, protection(c).at()...)
			lan.Silent(good.With(ieee802154.Spoilt.Is([]byte{0, 0, 1})), good, reply)
		})
	suite.It("secure.rx.other-key", "a frame that is secured with another key than the one that it names is discarded",
		check.Proves("IEEE802154:9.2-4", mutate.Gullible()).Needs(target.Secured),
		func(p *probe.P) {
			lan := p.IPv6()
			good, reply := echo(lan)
			lan.Silent(good.With(ieee802154.WithKey.Is([]byte("this is no key 1"))), good, reply)
		})
	check.Grid(suite, "secure.rx.unknown-key", "a frame that names a key which the station has not is discarded",
		check.Proves("IEEE802154:9.2-1", mutate.Gullible()).Needs(target.Secured),
		[]name{{1, 9}, {1, 255}, {2, 1}, {3, 1}},
		func(p *probe.P, n name) {
			lan := p.IPv6()
			good, reply := echo(lan)
			lan.Silent(good.With(n.conds(lan.Net().Security)...), good, reply)
		})
	check.Grid(suite, "secure.rx.replay", "a frame whose frame counter was seen is discarded",
		check.Proves("IEEE802154:9.2-3", mutate.Gullible()).Needs(target.Secured), []uint{0, 1, 5},
		func(p *probe.P, below uint) {
			lan := p.IPv6()
			request, reply := echo(lan)
			lan.Ask(request, reply, probe.For())
			sent := lan.Sent(secured)
			last, _ := ieee802154.FrameCounter.Of(sent[len(sent)-1])
			good, reply := echo(lan)
			lan.Silent(good.With(ieee802154.FrameCounter.Is(last-below)), good, reply)
		})
	refused("secure.rx.last", "a frame with the last frame counter is discarded", "IEEE802154:9.2-7", are(ieee802154.FrameCounter.Is(0xffffffff)), target.Secured)
	suite.It("secure.rx.jump", "a frame counter may jump",
		check.Proves("IEEE802154:9.2-12", mutate.Ignores(ieee802154.Data(ieee802154.FrameCounter.Is(0xfffffff0)))).Needs(target.Secured, target.Securing),
		func(p *probe.P) {
			lan := p.IPv6()
			acquainted(lan)
			request, reply := echo(lan, ieee802154.FrameCounter.Is(0xfffffff0))
			lan.Ask(request, reply)
		})
	suite.It("secure.rx.forged", "a frame that is not genuine does not move the frame counter",
		check.Proves("IEEE802154:9.2-10", mutate.DeafAfter(1, ieee802154.Header(ieee802154.FrameCounter.Is(0xfffffff0)), icmpv6.EchoRequest())).Needs(target.Secured),
		func(p *probe.P) {
			lan := p.IPv6()
			acquainted(lan)
			forged, _ := echo(lan, ieee802154.FrameCounter.Is(0xfffffff0), ieee802154.Spoilt.Is([]byte{1}))
			lan.Send(forged)
			request, reply := echo(lan)
			lan.Ask(request, reply)
		})
	suite.It("secure.rx.senders", "each station has a frame counter of its own",
		check.Proves("IEEE802154:9.2-11", mutate.DeafAfter(1, ieee802154.Header(ieee802154.FrameCounter.Is(0xf0000000)), icmpv6.EchoRequest())).Needs(target.Secured, target.Securing),
		func(p *probe.P) {
			lan := p.IPv6()
			acquainted(lan)
			request, reply := echo(lan, ieee802154.FrameCounter.Is(0xf0000000))
			lan.Ask(request, reply, probe.For())
			other := lan.As(1)
			request, reply = echo(other)
			other.Ask(request, reply)
		})
	check.Grid(suite, "secure.rx.header", "a frame whose header was changed on the way is discarded",
		check.Proves("IEEE802154:9.3-2", mutate.Gullible()).Needs(target.Secured),
		[]change{{"frame pending", 0, 0x10}, {"sequence number", 2, 0x40}, {"frame counter", 22, 0x40}},
		func(p *probe.P, c change) {
			lan := p.IPv6()
			good, reply := echo(lan)
			mask := make([]byte, c.at+1)
			mask[c.at] = c.bit
			lan.Silent(good.With(ieee802154.Changed.Is(mask)), good, reply)
		})
	check.Grid(suite, "secure.rx.payload", "a frame whose payload was changed on the way is discarded, though all sums in it are right",
		check.Proves("IEEE802154:9.3-3", mutate.Gullible()).Needs(target.Secured, target.Securing), unbound(protections()),
		func(p *probe.P, c unboundProtection) {
			lan := p.IPv6()
			id := lan.Serial()
			good := icmpv6.Echo(id, 1, []byte{1, 0, 0, 0}).With(protection(c).at()...)
			frame := lan.Frames(good)[0]
			mask := make([]byte, len(frame)-2-ieee802154.CodeOctets(uint(c.level)))
			mask[len(mask)-4], mask[len(mask)-2] = 1, 1 // 1, 0 becomes 0, 1
			lan.Silent(good.With(ieee802154.Changed.Is(mask)), good, icmpv6.EchoReply(icmpv6.ID.Is(id)))
		})
	suite.It("secure.rx.short", "a frame from a short address is opened with the extended one",
		check.Proves("IEEE802154:9.3-4", mutate.Ignores(ieee802154.Data(ieee802154.SrcMode.Is(ieee802154.ModeShort)))).Needs(target.Secured, target.Securing),
		func(p *probe.P) {
			lan := p.IPv6().LinkLocal().Short()
			request, reply := echo(lan)
			lan.Ask(request, reply)
		})
}

// acquainted has the target answer an echo, so that it knows the tester and need not ask for it: an answer to that would have
// a frame counter below one that a check takes.
func acquainted(lan *probe.Tester) {
	request, reply := echo(lan)
	lan.Ask(request, reply, probe.For())
}

// unboundProtection is a protection of the tester's frames, in a world that is secured as the target likes.
type unboundProtection protection

func (c unboundProtection) String() string { return protection(c).String() }

func unbound(all []protection) (list []unboundProtection) {
	for _, c := range all {
		list = append(list, unboundProtection(c))
	}
	return list
}

// change is a bit of a frame that is another when it arrives.
type change struct {
	what string
	at   int
	bit  byte
}

func (c change) String() string { return c.what }
