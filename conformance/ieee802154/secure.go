package ieee802154

import (
	"fmt"
	"net"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Security of what a target sends: clause 9 of the edition of 2015. The frames are those of the answer to an echo.

// A protection is a way to secure frames: a level and a key identifier mode.
type protection struct{ level, mode uint8 }

func (c protection) String() string { return fmt.Sprintf("level %d, mode %d", c.level, c.mode) }

// Security implements check.Securing.
func (c protection) Security() target.Security {
	return target.Security{Level: c.level, KeyMode: c.mode, KeyIndex: 1}
}

// protections are all that there are: level 4, which has no code, is reserved.
func protections() (all []protection) {
	for _, level := range []uint8{1, 2, 3, 5, 6, 7} {
		all = append(all, protection{level, 0}, protection{level, 1})
	}
	return all
}

// nearlyLast is a frame counter with a few behind it: for who looks for the tester, and answers.
const nearlyLast = 0xfffffffa

// strange is an address that no station has.
var strange = net.HardwareAddr{2, 0, 0, 0, 0, 0, 0x77, 0x78}

// sentTo is any data frame to the tester, whether or not it can be opened.
func sentTo(lan *probe.Tester) packet.Template {
	return ieee802154.Data(ieee802154.Dst.Is(lan.MAC()))
}

// opens asserts that a frame is what its sender has secured, with this nonce.
func opens(p *probe.P, req string, f *packet.Frame) {
	why := "its code is the one of the key"
	if f.Err != nil {
		why = f.Err.Error()
	}
	p.That(req, "the frame opens: "+why, f.Opened() && f.Packet() != nil, gomega.BeTrue())
}

func init() {
	data := ieee802154.Data()
	toOne := ieee802154.Data(ieee802154.DstMode.Is(ieee802154.ModeExtended)) // the target may ask everybody first, and has to be understood
	check.Grid(suite, "secure.tx", "what is sent has the level and the key that are asked for, and opens",
		check.Proves("IEEE802154:7.2.1.2-1", mutate.Field(data, ieee802154.Aux.None())).
			And("IEEE802154:9.4-3", mutate.Field(data, ieee802154.SecurityControl.Is(ieee802154.Control(2, 1)))).
			And("IEEE802154:9.4-2", mutate.Field(data, ieee802154.KeyIndex.Is(2))).
			And("IEEE802154:9.4-1", mutate.Field(data, ieee802154.SecurityControl.Is(0x80|ieee802154.Control(5, 1)))).
			And("IEEE802154:9.3-1", mutate.Field(toOne, ieee802154.NonceOf.Is(strange))),
		protections(),
		func(p *probe.P, c protection) {
			lan := p.IPv6()
			request, _ := echo(lan)
			f := lan.Ask(request, sentTo(lan), probe.For())
			p.Must("IEEE802154:7.2.1.2-1", f, ieee802154.SecurityOn.Is(1))
			control, _ := ieee802154.SecurityControl.Of(f)
			p.That("IEEE802154:9.4-3", "security level", ieee802154.LevelOf(f), gomega.Equal(uint(c.level)))
			p.That("IEEE802154:9.4-2", "key identifier mode", ieee802154.KeyModeOf(f), gomega.Equal(uint(c.mode)))
			if c.mode == 1 {
				p.Must("IEEE802154:9.4-2", f, ieee802154.KeyIndex.Is(1))
			}
			reserved := uint(0xe0)
			if v, _ := ieee802154.Version.Of(f); v == ieee802154.Version2015 {
				reserved = 0x80
			}
			p.That("IEEE802154:9.4-1", "reserved bits of the security control field", control&reserved, gomega.BeZero())
			opens(p, "IEEE802154:9.3-1", f)
		})
	suite.It("secure.tx.short", "what is sent from the short address has the extended one in the nonce",
		check.Proves("IEEE802154:9.3-4", mutate.Field(toOne, ieee802154.NonceOf.Is(append([]byte{0xab, 0xcd, 0, 0xff, 0xfe, 0}, 0, 2)))).
			Needs(target.Secured, target.ShortAddress),
		func(p *probe.P) {
			lan := p.IPv6().LinkLocal().ToShort()
			request, _ := echo(lan)
			f := lan.Ask(request, sentTo(lan), probe.For())
			if src, _ := ieee802154.Src.Of(f); len(src) != 2 {
				p.Step("the answer is from %s", src)
			}
			opens(p, "IEEE802154:9.3-4", f)
		})
	check.Grid(suite, "secure.tx.counter", "each frame has a higher frame counter than those before it, and a nonce of its own",
		check.Proves("IEEE802154:9.2-8", mutate.SendsAs(data, "with a frame counter that goes down", countingDown())).
			And("IEEE802154:9.3-5", mutate.Field(data, ieee802154.FrameCounter.Is(7))).Needs(target.Secured),
		[]int{8, 600},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			lan.Forget()
			for range 3 {
				id := lan.Serial()
				lan.Ask(icmpv6.Echo(id, 1, make([]byte, n)), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For())
			}
			frames := lan.Seen(ieee802154.Data(ieee802154.SecurityOn.Is(1)))
			p.That("IEEE802154:9.2-8", "secured frames", len(frames), gomega.BeNumerically(">=", 3))
			used := map[uint]bool{}
			last, known := uint(0), false
			for _, f := range frames {
				n, _ := ieee802154.FrameCounter.Of(f)
				if known && n != last {
					p.That("IEEE802154:9.2-8", "frame counter", n, gomega.BeNumerically(">", last))
				}
				p.That("IEEE802154:9.3-5", fmt.Sprintf("the frame counter %d was used", n), used[n], gomega.BeFalse())
				last, known, used[n] = n, true, true
			}
		})
	suite.It("secure.tx.last", "when the frame counter has reached its end, nothing is secured any more",
		check.Proves("IEEE802154:9.2-9", mutate.Forge(icmpv6.EchoRequest(), icmpv6.EchoReply())).
			Secured(target.Security{Level: 5, KeyMode: 1, KeyIndex: 1, Counter: nearlyLast}),
		func(p *probe.P) {
			const req = "IEEE802154:9.2-9"
			lan := p.IPv6()
			request, reply := echo(lan)
			lan.Ask(request, reply, probe.For(), probe.Because("there are frame counters left"))
			for i := range uint(8) {
				number := (seq + i) & 0xff
				request, _ := echo(lan, ieee802154.Sequence.Is(number))
				lan.Ask(request, ieee802154.AnyAck(ieee802154.Sequence.Is(number)), probe.For(), probe.Because("the target has the frame"))
				lan.Wait(over)
			}
			frames := lan.Seen(ieee802154.Data())
			p.That(req, "frames, with so few counters left", len(frames), gomega.BeNumerically("<=", 0xffffffff-nearlyLast))
			for _, f := range frames {
				n, ok := ieee802154.FrameCounter.Of(f)
				p.That(req, "it has a frame counter", ok, gomega.BeTrue())
				p.That(req, "frame counter", n, gomega.And(gomega.BeNumerically(">=", nearlyLast), gomega.BeNumerically("<", 0xffffffff)))
			}
		})
}

// countingDown is a change of frames to ones whose frame counter is one below the last.
func countingDown() func(f *packet.Frame) [][]byte {
	next := uint(0xffff)
	return func(f *packet.Frame) [][]byte {
		if !f.Opened() {
			return [][]byte{f.Bytes}
		}
		next--
		return f.Rewrites(ieee802154.FrameCounter.Is(next))
	}
}
