package tcp

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// smallMSS is an MSS below that of a peer that says none, so that it shows whether it was read.
const smallMSS = 300

// optioned are segments with options of any kind.
func optioned(conds ...packet.Cond) packet.Template {
	some := tcp.Options.Where("some", func(o []byte) bool { return len(o) > 0 })
	return tcp.Segment(append([]packet.Cond{some}, conds...)...)
}

// A layout is options of a SYN in some order, and whether the MSS of 300 among them counts.
type layout struct {
	name    string
	options []byte
	counts  bool
}

func (l layout) String() string { return l.name }

// An oddity is one option that the target may not know, or that is malformed.
type oddity struct {
	name    string
	options []byte
}

func (o oddity) String() string { return o.name }

func init() {
	grid("tcp.option.basic", "No-Operation, End of Option List and MSS are understood, and what follows the end is not",
		check.Proves("RFC9293:MUST-4", mutate.Misreads(optioned(tcp.SYNBit.Is(1)), tcp.Options.Is(nil))),
		[]layout{
			{"alone", tcp.MSSOption(smallMSS), true},
			{"before-the-end", tcp.List(tcp.MSSOption(smallMSS), tcp.End, tcp.End, tcp.End, tcp.End), true},
			{"after-nops", tcp.List(tcp.NOP, tcp.NOP, tcp.NOP, tcp.NOP, tcp.MSSOption(smallMSS)), true},
			{"between-nops", tcp.List(tcp.NOP, tcp.MSSOption(smallMSS), tcp.NOP, tcp.NOP, tcp.NOP), true},
			{"after-the-end", tcp.List(tcp.End, tcp.End, tcp.End, tcp.End, tcp.MSSOption(smallMSS)), false},
		},
		func(host *probe.Tester, l layout) {
			c := host.TCP()
			c.Offer.MSS = 0
			openWith(c, tcp.Options.Is(l.options))
			c.Socket.Write(probe.Pattern(3000))
			f := c.Expect(c.DataFrom(), probe.For())
			if l.counts {
				host.That("RFC9293:MUST-4", "octets in a segment, with an MSS of 300", sizeOf(f), gomega.BeNumerically("<=", smallMSS))
			} else {
				host.That("RFC9293:MUST-4", "octets in a segment, with nothing said", sizeOf(f), gomega.BeNumerically(">", smallMSS))
			}
		})

	grid("tcp.option.aligned", "an option is found at whatever octet it begins",
		check.Proves("RFC9293:MUST-64", mutate.Misreads(optioned(tcp.SYNBit.Is(1), tcp.Options.Where("that begin with NOP", func(o []byte) bool {
			return len(o) > 0 && o[0] == tcp.KindNOP
		})), tcp.Options.Is(nil))), []int{0, 1, 2, 3, 5, 34},
		func(host *probe.Tester, nops int) {
			c := host.TCP()
			c.Offer.MSS = 0
			var options []byte
			for range nops {
				options = append(options, tcp.KindNOP)
			}
			openWith(c, tcp.Options.Is(tcp.List(options, tcp.MSSOption(smallMSS))))
			c.Socket.Write(probe.Pattern(3000))
			f := c.Expect(c.DataFrom(), probe.For())
			host.That("RFC9293:MUST-64", "octets in a segment, with an MSS of 300", sizeOf(f), gomega.BeNumerically("<=", smallMSS))
		})

	grid("tcp.option.state", "options are accepted in segments of any kind, in any state",
		check.Proves("RFC9293:MUST-5", mutate.Ignores(optioned(tcp.SYNBit.Is(0)))),
		[]probe.State{probe.StateSynReceived, probe.StateEstablished, probe.StateFinWait1, probe.StateFinWait2, probe.StateCloseWait,
			probe.StateClosing, probe.StateLastAck},
		func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Reach(s, probe.Passive)
			options := tcp.Options.Is(tcp.List(tcp.NOP, tcp.Option(tcp.KindUnassigned, 1, 2, 3), tcp.NOP))
			ended := func() { // the FIN is not repeated, and the connection knows it as acknowledged
				c.ACK(options)
				c.Wait(4 * time.Second)
				host.That("RFC9293:MUST-5", "FIN segments", len(c.Sent(tcp.Has(tcp.FIN))), gomega.Equal(1))
			}
			switch s {
			case probe.StateSynReceived:
				c.ACK(options)
				r, done := c.Accepting.Delivered()
				host.That("RFC9293:MUST-5", "the application is given the connection", done && r.Errno == "", gomega.BeTrue())
			case probe.StateCloseWait:
				c.Socket.Write([]byte("a"))
				c.Expect(c.DataFrom(), probe.For())
				c.ACK(options)
				c.Wait(4 * time.Second)
				host.That("RFC9293:MUST-5", "segments with the octet", len(filled(c.Sent())), gomega.Equal(1))
			case probe.StateClosing, probe.StateLastAck:
				ended()
			default:
				c.Data([]byte("octets"), options)
				c.Expect(c.Any(tcp.Has(tcp.ACK), c.AckIs(6)), probe.For("RFC9293:MUST-5"))
				host.That("RFC9293:MUST-5", "the application reads the data", reads(c, 6), gomega.Equal("octets"))
			}
		})

	unknown := []oddity{
		{"length-2", tcp.Option(tcp.KindUnassigned)},
		{"length-3", tcp.Option(tcp.KindUnassigned, 9)},
		{"length-40", tcp.Option(tcp.KindUnassigned, make([]byte, 38)...)},
		{"like-an-end", tcp.List(tcp.Option(tcp.KindUnassigned, 0, 0, 0, 0), tcp.NOP, tcp.NOP)},
		{"kind-255", tcp.Option(255, 2, 4)},
		{"experiment", tcp.Option(253, 0x12, 0x34, 1, 2)},
	}
	unknownKinds := optioned(tcp.Options.Where("of kind 252 and up", func(o []byte) bool {
		all, _ := tcp.SplitOptions(o)
		return len(all) > 0 && all[0][0] >= tcp.KindUnassigned
	}))
	grid("tcp.option.unknown", "options of unknown kind are stepped over, in a SYN and later",
		check.Proves("RFC9293:MUST-6", mutate.Ignores(unknownKinds)), unknown,
		func(host *probe.Tester, o oddity) {
			c := host.TCP()
			c.Offer.MSS = 0
			c.Listen()
			accepting := c.Listener.Accept()
			room := o.options
			if len(room) <= 36 {
				room = tcp.List(room, tcp.MSSOption(smallMSS))
			}
			c.Send(tcp.SYN, nil, tcp.Options.Is(room))
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.Because("the unknown option is as if it were not there"))
			c.ACK()
			if c.Socket = accepting.Socket(3 * time.Second); c.Socket == nil {
				c.Inconclusive("the target does not accept the connection")
			}
			c.Data([]byte("octets"), tcp.Options.Is(o.options))
			c.Expect(c.From(tcp.ACK, c.AckIs(6)), probe.Because("the unknown option is as if it were not there"))
			host.That("RFC9293:MUST-6", "the application reads the data", reads(c, 6), gomega.Equal("octets"))
			if len(room) > len(o.options) {
				c.Socket.Write(probe.Pattern(3000))
				f := c.Expect(c.DataFrom(), probe.For())
				host.That("RFC9293:MUST-6", "octets in a segment, with an MSS of 300 behind the option", sizeOf(f), gomega.BeNumerically("<=", smallMSS))
			}
		})

	malformed := []oddity{
		{"length-0", []byte{tcp.KindUnassigned, 0, 1, 1}},
		{"length-1", []byte{tcp.KindUnassigned, 1, 1, 1}},
		{"beyond-the-header", []byte{tcp.KindUnassigned, 9, 1, 1}},
		{"length-255", []byte{tcp.KindUnassigned, 255, 1, 1}},
		{"no-length", []byte{1, 1, 1, tcp.KindUnassigned}},
		{"mss-length-0", []byte{2, 0, 5, 180}},
		{"mss-length-2", []byte{2, 2, 1, 1}},
		{"mss-length-3", []byte{2, 3, 5, 1}},
		{"mss-beyond", []byte{1, 1, 2, 4}},
		{"timestamps-short", []byte{8, 3, 5, 1}},
		{"sack-length-3", []byte{5, 3, 5, 1}},
		{"scale-beyond", []byte{1, 1, 3, 3}},
	}
	malformedOnes := tcp.Segment(tcp.Options.Where("malformed", func(o []byte) bool {
		for _, m := range malformed {
			if len(o) >= 4 && string(o[:4]) == string(m.options) {
				return true
			}
		}
		return false
	}))
	// The segment may be processed, ignored, or answered with a reset; the target goes on.
	for _, kind := range []string{"syn", "data"} {
		grid("tcp.option.malformed-"+kind, "an option of impossible length is survived",
			check.Proves("RFC9293:MUST-7", mutate.DeafAfter(1, malformedOnes, tcp.Segment())), malformed,
			func(host *probe.Tester, o oddity) {
				c := host.TCP()
				c.Offer.MSS = 0
				if kind == "syn" {
					c.Listen()
					c.Send(tcp.SYN, nil, tcp.Options.Is(o.options))
				} else {
					c.Open(probe.Passive)
					c.Data([]byte("octets"), tcp.Options.Is(o.options))
				}
				c.Wait(20 * time.Millisecond)
				other := host.TCPTo(c.Remote)
				other.Send(tcp.SYN, nil)
				f := other.Expect(other.From(tcp.SYN|tcp.ACK), probe.Because("the target takes connections as before"))
				host.Must("RFC9293:MUST-7", f, other.AckIs(0))
			})
	}

	// Of a conversation of each kind: what the target's options look like.
	said := func(host *probe.Tester, origin probe.Origin) *probe.Conn {
		c := host.TCP()
		c.Offer.Timestamps, c.Offer.SACK, c.Offer.Scale, c.Offer.Shift = true, true, true, 2
		c.Open(origin)
		c.Acknowledge(probe.Receiver{})
		c.Socket.Write(probe.Pattern(2000))
		c.Gather(2000)
		c.Data([]byte("ahead"), c.At(10)) // draws SACK where it was agreed on
		c.Wait(600 * time.Millisecond)
		return c
	}
	origins := []probe.Origin{probe.Passive, probe.Active}
	grid("tcp.option.lengths", "options sent have a length, and the one that their kind has",
		check.Proves("RFC9293:MUST-68", mutate.Field(optioned(tcp.SYNBit.Is(1)), tcp.Options.Is([]byte{2, 0, 5, 180}))), origins,
		func(host *probe.Tester, o probe.Origin) {
			for _, f := range said(host, o).Sent() {
				raw, _ := tcp.Options.Of(f)
				all, err := tcp.SplitOptions(raw)
				host.That("RFC9293:MUST-68", "the options can be told apart: "+f.String(), err, gomega.BeNil())
				for _, option := range all {
					want, fixed := map[byte]int{tcp.KindMSS: 4, tcp.KindWindowScale: 3, tcp.KindSACKPermitted: 2, tcp.KindTimestamps: 10}[option[0]]
					if fixed {
						host.That("RFC9293:MUST-68", fmt.Sprintf("length of kind %d", option[0]), len(option), gomega.Equal(want))
					}
				}
			}
		})
	grid("tcp.option.padding", "what follows End of Option List is zero",
		check.Proves("RFC9293:MUST-69", mutate.Field(optioned(tcp.SYNBit.Is(1)), tcp.Options.Is([]byte{2, 4, 5, 180, 0, 7, 0, 0}))), origins,
		func(host *probe.Tester, o probe.Origin) {
			for _, f := range said(host, o).Sent() {
				raw, _ := tcp.Options.Of(f)
				all, _ := tcp.SplitOptions(raw)
				rest := raw[len(tcp.List(all...)):]
				host.That("RFC9293:MUST-69", "what follows the options: "+f.String(), rest, gomega.Equal(make([]byte, len(rest))))
			}
		})
	grid("tcp.option.mss-in-syn-only", "MSS is sent in no segment but a SYN",
		check.Proves("RFC9293:MUST-65", mutate.Field(tcp.Segment(tcp.SYNBit.Is(0)), tcp.MSS.Is(1460))), origins,
		func(host *probe.Tester, o probe.Origin) {
			for _, f := range said(host, o).Sent(tcp.Lacks(tcp.SYN)) {
				host.Must("RFC9293:MUST-65", f, tcp.MSS.None())
			}
		})
}
