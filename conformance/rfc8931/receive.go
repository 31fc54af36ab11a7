package rfc8931

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
)

// The target as the reassembling endpoint.

// rewritten is a target that takes a frame for another one.
func rewritten(conds ...packet.Cond) func(f *packet.Frame) [][]byte {
	return func(f *packet.Frame) [][]byte { return f.Rewrites(conds...) }
}

func init() {
	suite.It("rx.packet", "recoverable fragments make the packet, and a full bitmap tells so",
		check.Proves("RFC8931:5.1-1", mutate.Ignores(anyFragment)).
			And("RFC8931:9-1", mutate.Octets(anyAck, "with dispatch 11101100", func(b []byte) []byte { return dispatched(b, 0xec) })).
			And("RFC8931:5.1-3", mutate.Ignores(firstFragment)).
			And("RFC8931:5.1-4", mutate.Ignores(laterFragment)).
			And("RFC8931:5.1-6", mutate.Missing(anyAck)).
			And("RFC8931:5.2-1", mutate.Field(anyAck, lowpan.AckTag.Is(0xfe))).
			And("RFC8931:5.2-4", mutate.Field(full, lowpan.Bitmap.Is(bits(0, 1, 2)))).
			And("RFC8931:6-12", mutate.Field(full, lowpan.Bitmap.Is(lowpan.Null))),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			sendAll(lan, fragments(encoded, 0xa5)...)
			lan.Wait(settles)
			acks := lan.Seen(anyAck)
			for _, r := range []string{"RFC8931:5.1-6", "RFC8931:9-1", "RFC8931:5.2-1", "RFC8931:5.2-4", "RFC8931:6-12"} {
				p.That(r, "acknowledgments", len(acks), gomega.BeNumerically(">=", 1))
				for _, f := range acks {
					p.Must(r, f, lowpan.AckTag.Is(0xa5))
					p.Must(r, f, lowpan.Bitmap.Is(lowpan.Full))
				}
			}
			for _, r := range []string{"RFC8931:5.1-1", "RFC8931:5.1-3", "RFC8931:5.1-4"} {
				p.That(r, "answers to the packet", len(lan.Seen(reply)), gomega.Equal(1))
			}
		})
	suite.It("rx.ack.alone", "an acknowledgment has nothing behind it, and E clear when no fragment had it set",
		check.Proves("RFC8931:6-1", mutate.SendsAs(anyAck, "with an octet behind it", lengthened)).
			And("RFC8931:5.2-5", mutate.Field(anyAck, lowpan.Echoed.Is(1))),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, _ := ping(lan)
			sendAll(lan, fragments(encoded, 1)...)
			f := lan.Expect(anyAck, probe.For("RFC8931:6-1", "RFC8931:5.2-5"))
			p.That("RFC8931:6-1", "octets of the payload", len(f.Body(ieee802154.Proto)), gomega.Equal(6))
			p.Must("RFC8931:5.2-5", f, lowpan.Echoed.Is(0))
		})
	suite.It("rx.ack.partial", "who asks in the middle is told what has come so far",
		check.Proves("RFC8931:6-3", mutate.Missing(anyAck)).
			And("RFC8931:5.2-2", mutate.Field(lowpan.RFragAck(lowpan.Bitmap.Is(bits(0, 2))), lowpan.Bitmap.Is(bits(31, 29)))),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			all := fragments(encoded, 2)
			sendAll(lan, all[0], asking(all[2]))
			f := lan.Expect(anyAck, probe.For("RFC8931:6-3", "RFC8931:5.2-2"))
			p.Must("RFC8931:5.2-2", f, lowpan.Bitmap.Is(bits(0, 2)))
			lan.Ask(all[1], reply, probe.For("RFC8931:6-3"), probe.Because("with the fragment that was missing it is whole"))
		})
	suite.It("rx.sequence", "a sequence number does not tell where a fragment belongs",
		check.Proves("RFC8931:5.1-10", mutate.MisreadsAs(lowpan.RFrag(lowpan.FragmentNumber.Is(31)), "by its number", rewritten(lowpan.FragmentOffset.Is(31*part)))),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			all := fragments(encoded, 3)
			sendAll(lan, all[0], all[2].With(lowpan.FragmentNumber.Is(7), lowpan.AckRequest.Is(0)))
			lan.Ask(asking(all[1].With(lowpan.FragmentNumber.Is(31))), reply)
		})
	suite.It("rx.compressed", "sizes and offsets are those of the packet as it is compressed",
		check.Proves("RFC8931:5.1-2", mutate.MisreadsAs(laterFragment, "as of the packet before compression", func(f *packet.Frame) [][]byte {
			at, _ := lowpan.FragmentOffset.Of(f)
			return f.Rewrites(lowpan.FragmentOffset.Is(at + 30))
		})).And("RFC8931:5.1-5", mutate.Ignores(lowpan.RFrag(lowpan.AckRequest.Is(1)))),
		func(p *probe.P) {
			lan := p.IPv6()
			id := lan.Serial()
			encoded := lowpan.EncodedOf(lan.Framed(icmpv6.Echo(id, 1, make([]byte, 30))))
			for _, part := range lowpan.Recoverables(encoded, 4, 24) {
				lan.Send(part)
			}
			lan.Expect(icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC8931:5.1-2", "RFC8931:5.1-5"))
		})
	suite.It("rx.overlap", "fragments that overlap with the same octets make the packet all the same",
		check.Proves("RFC8931:5.1-15", mutate.DeafAfter(1, laterFragment, laterFragment)).
			And("RFC8930:7-4", mutate.Hushed(lowpan.RFrag(lowpan.FragmentNumber.Is(5)), icmpv6.EchoReply())).
			And("RFC8931:6.2-4", mutate.Ignores(lowpan.RFrag(lowpan.FragmentNumber.Is(5)))),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			reqs := probe.For("RFC8931:5.1-15", "RFC8930:7-4", "RFC8931:6.2-4")
			sendAll(lan, lowpan.Recoverable(encoded, 5, 0, 0, part), lowpan.Recoverable(encoded, 5, 3, part-8, part+8))
			lan.Ask(lowpan.Recoverable(encoded, 5, 5, part, len(encoded)), reply, reqs)
		})
	check.Grid(suite, "rx.key", "a fragment is of a packet by its sender and its tag",
		check.Proves("RFC8930:3-2", mutate.Gullible()).And("RFC8931:5.1-9", mutate.MisreadsAs(lowpan.RFrag(lowpan.RecoveryTag.Is(0x17)), "without its tag", rewritten(lowpan.RecoveryTag.Is(0x16)))),
		[]string{"tag", "sender"},
		func(p *probe.P, what string) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			all := fragments(encoded, 0x16)
			bad := all[2].With(lowpan.RecoveryTag.Is(0x17))
			if what == "sender" {
				bad = all[2].With(ieee802154.Src.Is(lan.Net().Testers[1].MAC))
			}
			sendAll(lan, all[:2]...)
			lan.SendBad(bad, all[2])
			lan.Never(reply, settles, probe.For("RFC8930:3-2", "RFC8931:5.1-9"))
			lan.Ask(all[2], reply, probe.For("RFC8930:3-2"), probe.Because("now it is whole"))
		})
	check.Grid(suite, "rx.reset", "a fragment with offset 0 ends the packet",
		check.Proves("RFC8931:5.1-11", mutate.MisreadsAs(reset, "as of a packet with the next tag", rewritten(lowpan.RecoveryTag.Is(0x1f)))).
			And("RFC8931:6.3-1", mutate.MisreadsAs(reset, "as of another packet", rewritten(lowpan.RecoveryTag.Is(0xee)))).
			And("RFC8931:6.3-4", mutate.Hushed(reset, null)).
			And("RFC8931:5.2-3", mutate.Field(null, lowpan.Bitmap.Is(bits(0)))),
		[]uint{0, 1, 31},
		func(p *probe.P, sequence uint) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			all := fragments(encoded, 0x20)
			sendAll(lan, all[:2]...)
			lan.Send(lowpan.RFrag(lowpan.RecoveryTag.Is(0x20), lowpan.FragmentNumber.Is(sequence), lowpan.AckRequest.Is(1)))
			for _, r := range []string{"RFC8931:6.3-4", "RFC8931:5.2-3"} {
				f := lan.Expect(anyAck, probe.For(r), probe.Because("the reset asks for an acknowledgment"))
				p.Must(r, f, lowpan.Bitmap.Is(lowpan.Null))
				if r == "RFC8931:6.3-4" {
					lan.Send(lowpan.RFrag(lowpan.RecoveryTag.Is(0x20), lowpan.FragmentNumber.Is(sequence), lowpan.AckRequest.Is(1)))
				}
			}
			lan.Send(all[2])
			lan.Never(reply, settles, probe.For("RFC8931:5.1-11", "RFC8931:6.3-1"), probe.Because("nothing is left of the packet"))
			encoded, reply = ping(lan)
			sendAll(lan, fragments(encoded, 0x21)...)
			lan.Expect(reply, probe.For(), probe.Because("the next packet is answered"))
		})
	suite.It("rx.congestion", "a fragment's E is echoed at the next acknowledgment, and once",
		check.Proves("RFC8931:6-10", mutate.Field(anyAck, lowpan.Echoed.Is(1))),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, _ := ping(lan)
			all := fragments(encoded, 6)
			sendAll(lan, all[0].With(lowpan.Congestion.Is(1)))
			f := lan.Ask(asking(all[1]), anyAck, probe.For("RFC8931:6-10"))
			p.Must("RFC8931:6-10", f, lowpan.Echoed.Is(1))
			lan.Wait(50 * time.Millisecond)
			f = lan.Ask(asking(all[1]), anyAck, probe.For("RFC8931:6-10"), probe.Because("asked once more"))
			p.Must("RFC8931:6-10", f, lowpan.Echoed.Is(0))
		})
	suite.It("rx.late", "a fragment that comes when the packet is complete makes no state, and is acknowledged in full if it asks",
		check.Proves("RFC8931:6-13", mutate.DeafAfter(3, anyFragment, anyFragment)),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			all := fragments(encoded, 7)
			sendAll(lan, all...)
			lan.Expect(full, probe.For("RFC8931:6-13"))
			lan.Expect(reply, probe.For("RFC8931:6-13"))
			f := lan.Ask(asking(all[1]), anyAck, probe.For("RFC8931:6-13"))
			p.Must("RFC8931:6-13", f, lowpan.Bitmap.Is(lowpan.Full))
			lan.Never(reply, settles, probe.For("RFC8931:6-13"), probe.Because("the packet was taken once"))
		})
	suite.It("rx.too-late", "a fragment that still comes long after that is answered with an abort",
		check.Proves("RFC8931:6-14", mutate.Missing(null)).And("RFC8931:6.3-5", mutate.Field(null, lowpan.Bitmap.Is(lowpan.Full))).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, _ := ping(lan)
			all := fragments(encoded, 8)
			sendAll(lan, all...)
			lan.Expect(full, probe.For("RFC8931:6-14", "RFC8931:6.3-5"))
			p.Wait(70 * time.Second)
			f := lan.Ask(asking(all[1]), anyAck, probe.For("RFC8931:6-14", "RFC8931:6.3-5"))
			p.Must("RFC8931:6.3-5", f, lowpan.Bitmap.Is(lowpan.Null))
			p.Must("RFC8931:6-14", f, lowpan.Bitmap.Is(lowpan.Null))
		})
	suite.It("rx.unasked", "nobody is told what he has not asked for, but that the packet is complete",
		check.Proves("RFC8931:6-15", mutate.Forge(firstFragment, lowpan.RFragAck(lowpan.AckTag.Is(9), lowpan.Bitmap.Is(bits(0))))),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, _ := ping(lan)
			all := fragments(encoded, 9)
			sendAll(lan, all[:2]...)
			lan.Never(anyAck, settles)
			lan.Ask(all[2], full, probe.For())
		})
	suite.It("rx.unknown", "a fragment other than the first makes no state",
		check.Proves("RFC8930:5-8", mutate.DeafAfter(1, laterFragment, laterFragment)),
		func(p *probe.P) {
			lan := p.IPv6()
			encoded, reply := ping(lan)
			all := fragments(encoded, 10)
			lan.Send(all[2])
			lan.Wait(settles)
			sendAll(lan, all[0], all[1]) // with the last one it would be whole
			lan.Never(reply, settles, probe.For("RFC8930:5-8"))
			lan.Ask(all[2], reply, probe.For("RFC8930:5-8"), probe.Because("now it is whole"))
		})
}

// dispatched puts another dispatch into the octets of a frame that carries an acknowledgment, which is at its end.
func dispatched(b []byte, d byte) []byte {
	out := append([]byte(nil), b...)
	if at := len(out) - 8; at >= 0 {
		out[at] = d
	}
	return resealed(out)
}

// lengthened is a frame with an octet more.
func lengthened(f *packet.Frame) [][]byte {
	n := len(f.Bytes) - 2
	return [][]byte{resealed(append(append([]byte(nil), f.Bytes[:n]...), 0, 0, 0))}
}

// resealed mends the FCS.
func resealed(b []byte) []byte {
	sum := ieee802154.Sum(b[:len(b)-2])
	b[len(b)-2], b[len(b)-1] = byte(sum), byte(sum>>8)
	return b
}
