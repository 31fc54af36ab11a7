package tcp

import (
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// unit is how many octets the scripts about SACK options of the target count in.
const unit = 480 // octets: three of them, and options, fit into a frame

// A hoard is a connection by which the target receives what the script sends, in any order. Nobody reads.
type hoard struct {
	*probe.Conn
	host *probe.Tester
	data []byte
}

func hoards(host *probe.Tester, o probe.Offer) *hoard {
	c := host.TCP()
	o.MSS = 1460
	c.Offer = o
	c.Open(probe.Passive)
	return &hoard{c, host, probe.Pattern(64 * unit)}
}

// put sends some units and gives the acknowledgment that this draws, in units, and its blocks.
func (k *hoard) put(requirement string, b block) (f *packet.Frame, ack int, blocks []block) {
	k.Forget()
	k.Send(tcp.ACK, k.data[b.from*unit:b.to*unit], k.At(b.from*unit))
	f = k.Expect(k.From(tcp.ACK), probe.For(requirement), probe.Within(2*time.Second))
	k.Wait(step)
	v, _ := tcp.Ack.Of(f)
	return f, k.units(uint32(v)), k.reported(f)
}

func (k *hoard) units(number uint32) int { return int(int32(number-k.ISS-1)) / unit }

func (k *hoard) reported(f *packet.Frame) (all []block) {
	for _, b := range tcp.Blocks(f) {
		all = append(all, block{k.units(b.Left), k.units(b.Right)})
	}
	return all
}

// A report is what the last of several segments draws.
type report struct {
	id, title string
	steps     []block // units that are sent, segment by segment
	ack       int
	blocks    []block // nil: none
	claims    check.Claims
	stamps    bool
}

// reporting are acknowledgments of the target with a SACK option.
var reporting = tcp.Segment(tcp.Control(tcp.ACK), tcp.SACK.Where("with blocks", func(b []byte) bool { return len(b) >= 8 }))

// misreports is a target that reports other blocks.
func misreports(what string, change func(bs []tcp.Block) []tcp.Block) mutate.Mutation {
	return mutate.Instead(reporting, what, func(f *packet.Frame) []packet.Cond {
		bs := change(tcp.Blocks(f))
		if len(bs) == 0 {
			return []packet.Cond{tcp.SACK.None()}
		}
		return []packet.Cond{tcp.SACKBlocks(bs...)}
	})
}

func edges(left, right int) func([]tcp.Block) []tcp.Block {
	return func(bs []tcp.Block) []tcp.Block {
		bs[0].Left, bs[0].Right = bs[0].Left+uint32(left*unit), bs[0].Right+uint32(right*unit)
		return bs
	}
}

func onlyFirst(bs []tcp.Block) []tcp.Block    { return bs[:1] }
func withoutFirst(bs []tcp.Block) []tcp.Block { return bs[1:] }
func nothing([]tcp.Block) []tcp.Block         { return nil }
func reversed(bs []tcp.Block) []tcp.Block     { slices.Reverse(bs); return bs }
func twice(bs []tcp.Block) []tcp.Block        { return append(bs[:1:1], bs[:min(len(bs), 2)]...) }
func swappedEdges(bs []tcp.Block) []tcp.Block {
	bs[0].Left, bs[0].Right = bs[0].Right, bs[0].Left
	return bs
}
func cutInTwo(bs []tcp.Block) []tcp.Block {
	half := tcp.Block{Left: bs[0].Left, Right: bs[0].Left + unit}
	return append([]tcp.Block{{Left: half.Right, Right: bs[0].Right}, half}, bs[1:]...)
}

// tellsAck is a target whose acknowledgments with blocks acknowledge n octets more.
func tellsAck(n int) mutate.Mutation { return mutate.Shifts(reporting, tcp.Ack, n) }

func (r report) add() {
	it(r.id, r.title, r.claims, func(host *probe.Tester) {
		k := hoards(host, probe.Offer{SACK: true, Timestamps: r.stamps})
		requirements := r.claims.Requirements()
		for i, b := range r.steps {
			if i+1 < len(r.steps) {
				k.Forget()
				k.Send(tcp.ACK, k.data[b.from*unit:b.to*unit], k.At(b.from*unit))
				k.Wait(step)
				continue
			}
			_, ack, blocks := k.put(requirements[0], b)
			for _, requirement := range requirements {
				host.That(requirement, "the acknowledgment number, in units of 480 octets", ack, gomega.Equal(r.ack))
				host.That(requirement, "the blocks, in units of 480 octets", blocks, gomega.Equal(r.blocks))
			}
		}
	})
}

func init() {
	all := func(m mutate.Mutation, requirements ...string) (c check.Claims) {
		for _, r := range requirements {
			c = c.And(r, m)
		}
		return c
	}
	synack := from(tcp.SYN | tcp.ACK)
	it("tcp.sack.permitted", "SACK-permitted is answered in the SYN,ACK, has no value, and stands in no other segment",
		check.Proves("RFC2018:2-1", mutate.Field(synack, tcp.Options.Is(tcp.List(tcp.MSSOption(1460), tcp.Option(tcp.KindSACKPermitted, 1, 1))))).
			And("RFC2018:2-2", mutate.Field(synack, tcp.SACKPermitted.None())).
			And("RFC2018:2-3", mutate.Field(from(tcp.ACK), tcp.SACKPermitted.Is(nil))).
			And("RFC7661:4.2-9", mutate.Field(synack, tcp.SACKPermitted.None())).
			And("RFC3465:4-2", mutate.Field(synack, tcp.SACKPermitted.None())),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Offer.SACK = true
			c.Listen()
			f := c.Handshake()
			for _, requirement := range []string{"RFC2018:2-2", "RFC7661:4.2-9", "RFC3465:4-2"} {
				host.Must(requirement, f, tcp.HasOption(tcp.KindSACKPermitted))
			}
			if v, ok := tcp.SACKPermitted.Of(f); ok {
				host.That("RFC2018:2-1", "the value of SACK-permitted", v, gomega.BeEmpty())
			} else {
				host.Meets("RFC2018:2-1")
			}
			c.Data([]byte("x"))
			host.Must("RFC2018:2-3", c.Expect(c.From(tcp.ACK), probe.For("RFC2018:2-3")), tcp.LacksOption(tcp.KindSACKPermitted))
		})

	it("tcp.sack.not-permitted", "to a peer that did not permit it no SACK option is sent",
		check.Proves("RFC2018:4-3", mutate.Field(from(tcp.ACK), tcp.SACKBlocks(tcp.Block{Left: 1, Right: 2}))).
			And("RFC8985:4-1", mutate.Field(from(tcp.ACK), tcp.SACKBlocks(tcp.Block{Left: 3, Right: 4}))),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{})
			f, _, _ := k.put("RFC2018:4-3", block{2, 4})
			host.Must("RFC2018:4-3", f, tcp.LacksOption(tcp.KindSACK))
			host.Must("RFC8985:4-1", f, tcp.LacksOption(tcp.KindSACK))
		})

	it("tcp.sack.one-hole", "above one hole each segment draws an acknowledgment with one block that grows",
		check.Proves("RFC2018:3-1", mutate.Field(reporting, tcp.Options.Is(tcp.List(tcp.Option(tcp.KindSACK, make([]byte, 9)...))))).
			And("RFC2018:3-2", misreports("the edges the wrong way round", swappedEdges)).
			And("RFC2018:3-3", misreports("a left edge too far left", edges(-1, 0))).
			And("RFC2018:3-4", misreports("a right edge too far left", edges(0, -1))).
			And("RFC2018:3-5", misreports("a left edge too far right", edges(1, 0))).
			And("RFC2018:3-6", misreports("two blocks that touch", cutInTwo)).
			And("RFC2018:3-8", tellsAck(unit)).
			And("RFC2018:3-9", misreports("a right edge too far right", edges(0, 1))).
			And("RFC2018:4-1", misreports("no blocks", nothing)).
			And("RFC2018:4-2", misreports("no blocks", nothing)).
			And("RFC2018:4-4", misreports("no blocks", nothing)).
			And("RFC2018:4-5", mutate.Missing(reporting)).
			And("RFC2018:4-6", misreports("no blocks", nothing)).
			And("RFC2018:7-2", misreports("blocks elsewhere", edges(3, 3))),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{SACK: true})
			requirements := []string{
				"RFC2018:3-2", "RFC2018:3-3", "RFC2018:3-4", "RFC2018:3-5", "RFC2018:3-6", "RFC2018:3-9",
				"RFC2018:4-1", "RFC2018:4-2", "RFC2018:4-4", "RFC2018:4-6", "RFC2018:7-2",
			}
			for n := 2; n < 12; n += 2 {
				f, ack, blocks := k.put("RFC2018:4-5", block{n, n + 2})
				raw, _ := tcp.SACK.Of(f)
				host.That("RFC2018:3-1", "octets in the value of the option, less those of whole blocks", len(raw)%8, gomega.Equal(0))
				host.That("RFC2018:3-8", "the acknowledgment number, in units of 480 octets", ack, gomega.Equal(0))
				for _, requirement := range requirements {
					host.That(requirement, "the blocks, in units of 480 octets", blocks, gomega.Equal([]block{{2, n + 2}}))
				}
			}
		})

	it("tcp.sack.in-order", "data in order is acknowledged without a SACK option",
		check.Proves("RFC2018:7-1", mutate.Field(from(tcp.ACK), tcp.SACKBlocks(tcp.Block{Left: 1, Right: 2}))),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{SACK: true})
			for n := 0; n < 8; n += 2 {
				f, _, _ := k.put("RFC2018:7-1", block{n, n + 2})
				host.Must("RFC2018:7-1", f, tcp.LacksOption(tcp.KindSACK))
			}
		})

	it("tcp.sack.three-times", "each block is reported three times at least",
		check.Proves("RFC2018:4-10", misreports("one block at a time", onlyFirst)).
			And("RFC2018:4-9", misreports("one block at a time", onlyFirst)).
			And("RFC2018:4-11", misreports("the first block twice", twice)),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{SACK: true})
			seen := map[block]int{}
			for n := 1; n < 15; n += 2 {
				_, _, blocks := k.put("RFC2018:4-10", block{n, n + 1})
				for i, b := range blocks {
					seen[b]++
					host.That("RFC2018:4-11", "whether a block stands once in an option", slices.Index(blocks, b), gomega.Equal(i))
				}
			}
			for _, requirement := range []string{"RFC2018:4-9", "RFC2018:4-10"} {
				for n := 1; n < 11; n += 2 {
					host.That(requirement, "in how many options a block stood that others followed", seen[block{n, n + 1}], gomega.BeNumerically(">=", 3))
				}
			}
		})

	for _, r := range []report{
		{"tcp.sack.alternate", "of isolated blocks the newest comes first, then the older ones", []block{{1, 2}, {3, 4}, {5, 6}}, 0, []block{{5, 6}, {3, 4}, {1, 2}},
			all(misreports("the oldest block first", reversed), "RFC2018:4-7", "RFC2018:7-3").And("RFC2018:4-8", misreports("one block at a time", onlyFirst)), false},
		{"tcp.sack.room", "an option holds four blocks", []block{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}}, 0, []block{{9, 10}, {7, 8}, {5, 6}, {3, 4}},
			all(misreports("one block at a time", onlyFirst), "RFC2018:3-7"), false},
		{"tcp.sack.room-timestamps", "beside timestamps an option holds three blocks", []block{{1, 2}, {3, 4}, {5, 6}, {7, 8}}, 0, []block{{7, 8}, {5, 6}, {3, 4}},
			all(misreports("one block at a time", onlyFirst), "RFC2018:3-7"), true},
		{"tcp.sack.joined", "a segment that joins two blocks is reported as one, first, and the others follow", []block{{1, 2}, {3, 4}, {7, 8}, {2, 3}}, 0, []block{{1, 4}, {7, 8}},
			all(misreports("one block at a time", onlyFirst), "RFC2018:7-4"), false},
		{"tcp.sack.lowest-hoards", "when the lowest hole is hoards the acknowledgment moves, and what is above is still reported", []block{{2, 4}, {6, 8}, {0, 2}}, 4, []block{{6, 8}},
			all(misreports("no blocks", nothing), "RFC2018:7-5").And("RFC2018:3-10", tellsAck(-unit)), false},

		{"tcp.dsack.below", "a duplicate below the acknowledgment is reported, alone", []block{{0, 2}, {2, 4}, {0, 2}}, 4, []block{{0, 2}},
			all(misreports("no blocks", nothing), "RFC2883:4.1.1-1", "RFC2883:4-1", "RFC2883:2-2").And("RFC2883:2-1", tellsAck(unit)).
				And("RFC2883:4-6", misreports("half of it", edges(0, -1))).And("RFC2883:4-4", misreports("more than it", edges(0, 1))), false},
		{"tcp.dsack.below-queued", "a duplicate below the acknowledgment comes first, what is queued second", []block{{0, 2}, {4, 6}, {0, 2}}, 2, []block{{0, 2}, {4, 6}},
			all(misreports("no duplicate", withoutFirst), "RFC2883:4.1.2-1").And("RFC2883:4-7", misreports("one block at a time", onlyFirst)).
				And("RFC2883:4-3", misreports("the duplicate last", reversed)), false},
		{"tcp.dsack.queued", "a duplicate of what is queued comes first, the block that holds it second", []block{{0, 2}, {4, 6}, {6, 8}, {4, 6}}, 2, []block{{4, 6}, {4, 8}},
			all(misreports("no duplicate", withoutFirst), "RFC2883:4.1.3-1").And("RFC2883:4-2", misreports("one block at a time", onlyFirst)), false},
		{"tcp.dsack.partly", "of a segment that is half old the old half is reported", []block{{0, 2}, {1, 3}}, 3, []block{{1, 2}},
			all(misreports("no blocks", nothing), "RFC2883:4.2.1-1").And("RFC2883:4.2-1", misreports("all of the segment", edges(0, 1))), false},
		{"tcp.dsack.two-below", "of two old parts of a segment the first is reported, then what is queued", []block{{0, 2}, {3, 4}, {5, 6}, {1, 4}}, 4, []block{{1, 2}, {5, 6}},
			all(misreports("no duplicate", withoutFirst), "RFC2883:4.2.2-1").And("RFC2883:4.2-2", misreports("both", func(bs []tcp.Block) []tcp.Block {
				return append([]tcp.Block{bs[0], {Left: bs[0].Left + 2*unit, Right: bs[0].Right + 2*unit}}, bs[1:]...)
			})), false},
		{"tcp.dsack.two-queued", "of two old parts above the acknowledgment the first is reported, then the block of both, then others",
			[]block{{0, 2}, {4, 5}, {6, 7}, {9, 10}, {4, 7}}, 2, []block{{4, 5}, {4, 7}, {9, 10}},
			all(misreports("no duplicate", withoutFirst), "RFC2883:4.2.3-1"), false},
	} {
		r.add()
	}

	it("tcp.dsack.once", "each duplicate is reported once",
		check.Proves("RFC2883:4-5", mutate.Field(from(tcp.ACK), tcp.SACKBlocks(tcp.Block{Left: 1, Right: 2}))),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{SACK: true})
			for _, b := range []block{{0, 2}, {2, 4}, {0, 2}} {
				k.put("RFC2883:4-5", b)
			}
			_, _, blocks := k.put("RFC2883:4-5", block{4, 6})
			host.That("RFC2883:4-5", "blocks behind a report, when new data came", blocks, gomega.BeEmpty())
		})

	it("tcp.dsack.paws", "a segment that PAWS refuses draws an acknowledgment, perhaps with a report",
		check.Proves("RFC2883:4.3-1", ignoring(tcp.ACK, tcp.TSval.Is(1))),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{SACK: true, Timestamps: true})
			k.put("RFC2883:4.3-1", block{0, 2})
			k.Forget()
			k.Send(tcp.ACK, k.data[:2*unit], k.At(0), tcp.TSval.Is(1))
			f := k.Expect(k.From(tcp.ACK))
			host.Observed("RFC2883:4.3-1", "it reports %v", k.reported(f))
		})
}
