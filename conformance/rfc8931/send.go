package rfc8931

import (
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
)

// The target as the fragmenting endpoint: it is asked for fragments by an echo whose answer fits into no frame.

// waits is longer than anybody waits for an acknowledgment. The longest wait and its backing off are the target's own.
const waits = 20 * time.Second

// of are the fragments of one datagram, without resets.
func of(all []sent, tag uint) (fs []sent) {
	for _, s := range all {
		if s.tag == tag && s.offset != 0 {
			fs = append(fs, s)
		}
	}
	return fs
}

func sequences(all []sent) (out []uint) {
	for _, s := range all {
		out = append(out, s.sequence)
	}
	return out
}

func init() {
	check.Grid(suite, "tx.fragments", "a packet goes in fragments that cover it, the first one first, and the last asks for an acknowledgment",
		check.Proves("RFC8931:6-4", mutate.Field(lowpan.RFrag(lowpan.AckRequest.Is(1), lowpan.FragmentNumber.Not(0)), lowpan.AckRequest.Is(0))).
			And("RFC8931:5.1-7", mutate.Field(laterFragment, lowpan.Congestion.Is(1))).
			And("RFC8931:5.1-8", mutate.Field(lowpan.RFrag(lowpan.FragmentNumber.Is(1)), lowpan.FragmentSize.Is(5))).
			And("RFC8930:5-9", mutate.Field(firstFragment, lowpan.FragmentNumber.Is(30))).
			And("RFC8930:3-1", mutate.Field(lowpan.RFrag(lowpan.FragmentNumber.Is(1)), ieee802154.Src.Is([]byte{2, 0, 0, 0, 0, 0, 9, 9}))).
			And("RFC8931:7.1-7", mutate.Field(firstFragment, lowpan.FragmentSize.Is(600))).
			And("RFC8931:6.1-1", mutate.Field(firstFragment, lowpan.FragmentSize.Is(1))).
			And("RFC8931:7.1-8", mutate.Field(lowpan.RFrag(lowpan.FragmentNumber.Is(2)), lowpan.FragmentNumber.Is(1))),
		[]int{150, 400, 1000},
		func(p *probe.P, n int) {
			reqs := []string{"RFC8931:6-4", "RFC8931:5.1-7", "RFC8931:5.1-8", "RFC8930:5-9", "RFC8930:3-1", "RFC8931:7.1-7", "RFC8931:6.1-1", "RFC8931:7.1-8"}
			lan := p.IPv6()
			begun(lan, n, reqs...)
			lan.Wait(settles)
			all := collect(lan)
			p.That("RFC8930:5-9", "the sequence of what comes first", all[0].sequence, gomega.BeZero())
			size, covered := all[0].offset, uint(0)
			seen := map[uint]bool{}
			asked := false
			for _, s := range all {
				p.That("RFC8931:5.1-7", "E", s.e, gomega.BeZero())
				p.That("RFC8931:7.1-7", "Fragment_Size", s.size, gomega.BeNumerically("<", 512))
				p.That("RFC8930:3-1", "the sender", []byte(lan.TargetMAC()), gomega.Equal(source(s.frame)))
				p.That("RFC8931:5.1-8", "Fragment_Size", int(s.size), gomega.Equal(len(s.data)))
				p.That("RFC8931:7.1-8", "the sequence number is used before", seen[s.sequence], gomega.BeFalse())
				seen[s.sequence] = true
				covered += s.size
				asked = asked || s.asks == 1 && (s.sequence == 0 || s.offset+s.size == size)
			}
			p.That("RFC8931:6-4", "the last fragment asks for an acknowledgment", asked, gomega.BeTrue())
			p.That("RFC8931:5.1-8", "octets of all fragments", covered, gomega.Equal(size))
			p.That("RFC8931:6.1-1", "octets of the first fragment", all[0].size, gomega.BeNumerically(">=", headerOf(all[0].data)))
		})
	suite.It("tx.slack", "the first fragment has 8 octets less than a frame has room for, so that the source can be expanded on the way",
		check.Proves("RFC8931:4.1-2", mutate.SendsAs(firstFragment, "with 8 octets more", filled(8))).
			And("RFC8931:4.1-3", mutate.SendsAs(firstFragment, "with 7 octets more", filled(7))),
		func(p *probe.P) {
			lan := p.IPv6().LinkLocal()
			all := provoke(lan, 400, "RFC8931:4.1-2", "RFC8931:4.1-3")
			for _, r := range []string{"RFC8931:4.1-2", "RFC8931:4.1-3"} {
				p.That(r, "octets of the first frame", len(all[0].frame.Bytes), gomega.BeNumerically("<=", ieee802154.MaxOctets-8))
			}
		})
	suite.It("tx.gap", "fragments do not follow each other at once",
		check.Proves("RFC8931:4.2-1", together()).And("RFC8930:5-12", together()).And("RFC8931:6-18", together()).And("RFC8931:7.1-3", together()),
		func(p *probe.P) {
			reqs := []string{"RFC8931:4.2-1", "RFC8930:5-12", "RFC8931:6-18", "RFC8931:7.1-3"}
			lan := p.IPv6()
			all := provoke(lan, 400, reqs...)
			for i, s := range all[1:] {
				for _, r := range reqs { // a full frame takes 4 ms on the air
					p.That(r, "the time between two fragments", s.at-all[i].at, gomega.BeNumerically(">", 4*time.Millisecond))
				}
			}
		})
	suite.It("tx.recovery", "what was lost is sent again, and nothing else, oldest first",
		check.Proves("RFC8931:6-17", mutate.FieldFrom(1, lowpan.RFrag(lowpan.FragmentNumber.Is(1)), lowpan.FragmentNumber.Is(3))).
			And("RFC8931:6-16", mutate.Field(lowpan.RFrag(lowpan.FragmentNumber.Is(2)), lowpan.FragmentNumber.Is(1))),
		func(p *probe.P) {
			lan := p.IPv6()
			all := provoke(lan, 400, "RFC8931:6-16", "RFC8931:6-17")
			last := all[len(all)-1]
			p.That("RFC8931:6-16", "the first round", sequences(all), gomega.Equal(upTo(last.sequence)))
			acknowledge(lan, last.tag, bits(sequences(all)...)&^bits(1, 2))
			lan.Wait(settles)
			again := of(collect(lan)[len(all):], last.tag)
			p.That("RFC8931:6-17", "what is sent again", sequences(again), gomega.Equal([]uint{1, 2}))
			acknowledge(lan, last.tag, lowpan.Full)
		})
	suite.It("tx.done", "a full bitmap ends the datagram",
		check.Proves("RFC8931:5.2-4", mutate.Ignores(full)),
		func(p *probe.P) {
			lan := p.IPv6()
			all := provoke(lan, 200, "RFC8931:5.2-4")
			acknowledge(lan, all[0].tag, lowpan.Full)
			idle(p, lan, "RFC8931:5.2-4", all[0].tag)
		})
	suite.It("tx.timeout", "without an acknowledgment it asks again, a few times, and then gives the datagram up",
		check.Proves("RFC8931:6-8", mutate.Missing(reset)).
			And("RFC8931:6.3-2", mutate.Field(reset, lowpan.FragmentNumber.Is(3))).
			And("RFC8931:7.1-14", mutate.Drops(lowpan.RFrag(lowpan.AckRequest.Is(1)), 2)).
			And("RFC8931:7.1-15", mutate.Drops(firstFragment, 1)).Slow(),
		func(p *probe.P) {
			reqs := []string{"RFC8931:6-8", "RFC8931:6.3-2", "RFC8931:7.1-14", "RFC8931:7.1-15"}
			lan := p.IPv6()
			all := provoke(lan, 200, reqs...)
			lan.Wait(4 * waits)
			tag := all[0].tag
			again, resets, begun := 0, 0, 0
			for _, s := range collect(lan) {
				if s.sequence == 0 && s.offset != 0 && s.asks == 0 { // one that asks is repeated
					begun++
				}
				switch {
				case s.tag != tag:
				case s.offset == 0:
					resets++
					p.That("RFC8931:6.3-2", "Sequence of a reset", s.sequence, gomega.BeZero())
					p.That("RFC8931:6.3-2", "Fragment_Size of a reset", s.size, gomega.BeZero())
				case s.asks == 1:
					again++
				}
			}
			p.That("RFC8931:6-8", "resets", resets, gomega.Equal(1))
			p.That("RFC8931:7.1-15", "times that the datagram was begun", begun, gomega.Equal(1+1))
			p.That("RFC8931:7.1-14", "times that it asked", again, gomega.Equal(1+3))
		})
	suite.It("tx.abort", "a null bitmap ends the datagram; what is sent after it has another tag",
		check.Proves("RFC8931:6.3-6", mutate.Ignores(null)),
		func(p *probe.P) {
			lan := p.IPv6()
			all := provoke(lan, 200, "RFC8931:6.3-6")
			acknowledge(lan, all[0].tag, lowpan.Null)
			idle(p, lan, "RFC8931:6.3-6", all[0].tag)
		})
	suite.It("tx.stranger", "an acknowledgment with a tag that was not sent, or of a station that was not sent to, changes nothing",
		check.Proves("RFC8931:5.1-9", mutate.MisreadsAs(lowpan.RFragAck(), "as of what it sends", stamped())).
			And("RFC8931:6-6", mutate.Drops(asking(anyFragment), 1)),
		func(p *probe.P) {
			lan := p.IPv6()
			all := provoke(lan, 200, "RFC8931:5.1-9")
			acknowledge(lan, all[0].tag+1, lowpan.Full)
			acknowledge(lan.As(1), all[0].tag, lowpan.Full)
			lan.Expect(asking(lowpan.RFrag(lowpan.RecoveryTag.Is(all[0].tag))), probe.Within(waits), probe.For("RFC8931:5.1-9", "RFC8931:6-6"), probe.Because("its own was not acknowledged"))
		})
}

func upTo(n uint) (out []uint) {
	for i := range n + 1 {
		out = append(out, i)
	}
	return out
}

func source(f *packet.Frame) []byte {
	src, _ := ieee802154.Src.Of(f)
	return src
}

// headerOf is how long the IPv6 header at the beginning of an encoded packet is, its dispatch included.
func headerOf(b []byte) uint {
	if len(b) > 0 && b[0] == lowpan.DispatchIPv6 {
		return 41
	}
	return 2
}

// filled is a first fragment with so many octets more.
func filled(n int) func(f *packet.Frame) [][]byte {
	return func(f *packet.Frame) [][]byte {
		size, _ := lowpan.FragmentSize.Of(f)
		w := f.Rewrites(lowpan.FragmentSize.Is(size + uint(n)))[0]
		out := slices.Concat(w[:len(w)-2], make([]byte, n+2))
		return [][]byte{resealed(out)}
	}
}

// together is a target that sends all at once: what is in between is late.
func together() mutate.Mutation { return mutate.Late(firstFragment, 10*time.Millisecond) }

// stamped is a target that takes each acknowledgment as one of what it sends; which tag that has the first one tells, which
// names the tag after it.
func stamped() func(f *packet.Frame) [][]byte {
	return func(f *packet.Frame) [][]byte {
		tag, _ := lowpan.AckTag.Of(f)
		return f.Rewrites(lowpan.AckTag.Is((tag - 1) & 0xff))
	}
}
