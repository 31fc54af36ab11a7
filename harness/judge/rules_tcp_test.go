package judge

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/capture"
)

// tcpSegment is a segment from its fields; the test's own numbers are positions in the streams.
type tcpSegment struct {
	sport, dport uint16
	seq, ack     uint32
	offset       int // 0 is right
	reserved     byte
	flags        byte
	window       uint16
	options      []byte
	data         []byte
	spoiled      bool // the checksum
}

// The initial numbers of target and tester. The target's stream runs over the end of the sequence space.
const (
	targetISN = 0xfffffff0
	testerISN = 5000
)

func (s tcpSegment) body(h *header) []byte {
	offset := s.offset
	if offset == 0 {
		offset = 5 + len(s.options)/4
	}
	b := join(be16(s.sport), be16(s.dport), binary.BigEndian.AppendUint32(nil, s.seq), binary.BigEndian.AppendUint32(nil, s.ack),
		[]byte{byte(offset)<<4 | s.reserved, s.flags}, be16(s.window), []byte{0, 0, 0, 0}, s.options, s.data)
	b = seal(b, 16, h.pseudo(len(b))...)
	if s.spoiled {
		b[16] ^= 1
	}
	return b
}

// tcpOf builds a segment of the target: an ACK of the tester's SYN, at the beginning of its stream.
func tcpOf(change ...func(s *tcpSegment)) func(*header) []byte {
	s := tcpSegment{sport: 80, dport: 1025, seq: targetISN + 1, ack: testerISN + 1, flags: tcpACK, window: 1000}
	for _, c := range change {
		c(&s)
	}
	return s.body
}

func at(n int) func(*tcpSegment) { return func(s *tcpSegment) { s.seq += uint32(n) } }

func flagged(f byte) func(*tcpSegment) { return func(s *tcpSegment) { s.flags = f } }

func with(o ...byte) func(*tcpSegment) { return func(s *tcpSegment) { s.options = o } }

func acking(n int) func(*tcpSegment) {
	return func(s *tcpSegment) { s.ack = testerISN + 1 + uint32(n) }
}

func holding(d string) func(*tcpSegment) { return func(s *tcpSegment) { s.data = []byte(d) } }

func wide(n uint16) func(*tcpSegment) { return func(s *tcpSegment) { s.window = n } }

// fromTarget and fromTester are frames of the connection.
func fromTarget(change ...func(*tcpSegment)) []byte { return ip(protoTCP, tcpOf(change...)) }

func fromTester(change ...func(*tcpSegment)) []byte {
	all := append([]func(*tcpSegment){func(s *tcpSegment) {
		s.sport, s.dport, s.seq, s.ack = s.dport, s.sport, testerISN+1, targetISN+1
	}}, change...)
	return sent(protoTCP, tcpOf(all...))
}

func ect(h *header) { h.tos = 2 }

// opened is the handshake, the target's SYN,ACK with its options and the tester's SYN with its own.
func opened(theirs, testers []byte, more ...step) []step {
	return append([]step{
		heard(fromTester(at(-1), flagged(tcpSYN), with(testers...))),
		said(fromTarget(at(-1), flagged(tcpSYN|tcpACK), with(theirs...))),
		heard(fromTester()),
	}, more...)
}

func stamp(val, ecr byte) []byte { return []byte{1, 1, 8, 10, 0, 0, 0, val, 0, 0, 0, ecr} }

func block(from, to int) []byte {
	b := binary.BigEndian.AppendUint32(nil, testerISN+1+uint32(from))
	return binary.BigEndian.AppendUint32(b, testerISN+1+uint32(to))
}

func sacks(blocks ...[]byte) []byte {
	b := join(blocks...)
	return join([]byte{1, 1, 5, byte(2 + len(b))}, b)
}

func tcpRows() []row {
	syn := func(o ...byte) []byte { return fromTarget(at(-1), flagged(tcpSYN), with(o...), acking(-1-testerISN)) }
	ack := func(o ...byte) []byte { return fromTarget(with(o...)) }
	mss := []byte{2, 4, 5, 180}
	scale := []byte{1, 3, 3, 2}
	permit := []byte{1, 1, 4, 2}
	hello := said(fromTarget(holding("hello")))
	lots := heard(fromTester(holding("some octets")))
	known := func(r row) row { r.opts = target; return r }
	short := ip(protoTCP, raw(make([]byte, 19)))
	ecnSYN := heard(fromTester(at(-1), flagged(tcpSYN|tcpECE|tcpCWR)))
	ecn := []step{ecnSYN, said(fromTarget(at(-1), flagged(tcpSYN|tcpACK|tcpECE))), heard(fromTester())}
	return []row{
		{rule: "tcp.short", good: ack(), bad: short},
		{rule: "tcp.offset", good: ack(), bad: fromTarget(func(s *tcpSegment) { s.offset = 4 })},
		{rule: "tcp.offset", why: "beyond", good: ack(), bad: fromTarget(func(s *tcpSegment) { s.offset = 6 })},
		{rule: "tcp.checksum", good: fromTarget(holding("odd")), bad: fromTarget(holding("odd"), func(s *tcpSegment) { s.spoiled = true })},
		{rule: "tcp.reserved", good: ack(), bad: fromTarget(func(s *tcpSegment) { s.reserved = 4 })},
		{rule: "tcp.ack-bit", good: fromTarget(flagged(tcpFIN | tcpACK)), bad: fromTarget(flagged(tcpFIN))},
		{rule: "tcp.syn.ect", good: syn(), bad: ip(protoTCP, tcpOf(at(-1), flagged(tcpSYN)), ect)},
		{rule: "tcp.ack.ect", before: ecn, good: ip(protoTCP, tcpOf(holding("x")), ect), bad: ip(protoTCP, tcpOf(), ect)},
		{rule: "tcp.option.length", good: syn(mss...), bad: syn(2, 1, 5, 180)},
		{rule: "tcp.option.length", why: "beyond", good: syn(mss...), bad: syn(1, 1, 1, 4)},
		{rule: "tcp.option.padding", good: syn(1, 0, 0, 0), bad: syn(1, 0, 0, 1)},
		{rule: "tcp.option.mss.length", good: syn(mss...), bad: syn(2, 3, 5, 0)},
		{rule: "tcp.option.mss.syn", good: syn(mss...), bad: ack(mss...)},
		{rule: "tcp.option.scale.length", good: syn(scale...), bad: syn(3, 4, 2, 2)},
		{rule: "tcp.option.scale.syn", good: syn(scale...), bad: ack(scale...)},
		{rule: "tcp.option.scale.shift", good: syn(1, 3, 3, 14), bad: syn(1, 3, 3, 15)},
		{rule: "tcp.option.sack-permitted.length", good: syn(permit...), bad: syn(1, 4, 3, 0)},
		{rule: "tcp.option.sack-permitted.syn", good: syn(permit...), bad: ack(permit...)},
		{rule: "tcp.option.sack.length", good: ack(sacks(block(9, 10))...), bad: ack(5, 6, 0, 0, 0, 1, 0, 0)},
		{rule: "tcp.option.timestamps.length", good: ack(stamp(1, 1)...), bad: ack(8, 8, 0, 0, 0, 1, 0, 0)},
		{rule: "tcp.option.timestamps.syn-echo", good: syn(stamp(1, 0)...), bad: syn(stamp(1, 1)...)},

		known(row{rule: "tcp.seq.gap", before: opened(nil, nil, hello), good: fromTarget(at(5), holding("x")), bad: fromTarget(at(6), holding("x"))}),
		{rule: "tcp.seq.changed", before: opened(nil, nil, hello), good: fromTarget(holding("hello!")), bad: fromTarget(holding("hallo!"))},
		{rule: "tcp.seq.changed", why: "in the middle", before: opened(nil, nil, hello), good: fromTarget(at(2), holding("llo")), bad: fromTarget(at(2), holding("lla"))},
		{rule: "tcp.seq.fin", before: opened(nil, nil, hello, said(fromTarget(at(5), flagged(tcpFIN|tcpACK)))),
			good: fromTarget(at(4), flagged(tcpFIN|tcpACK), holding("o")), bad: fromTarget(at(4), flagged(tcpFIN|tcpACK))},
		{rule: "tcp.seq.fin", why: "data", before: opened(nil, nil, said(fromTarget(flagged(tcpFIN|tcpACK)))),
			good: fromTarget(at(1)), bad: fromTarget(holding("x"))},
		known(row{rule: "tcp.ack.beyond", before: opened(nil, nil, lots), good: fromTarget(acking(11)), bad: fromTarget(acking(12))}),
		{rule: "tcp.synack.ack", before: opened(nil, nil)[:1], good: fromTarget(at(-1), flagged(tcpSYN|tcpACK)), bad: fromTarget(at(-1), flagged(tcpSYN|tcpACK), acking(-1))},
		known(row{rule: "tcp.window.shrink", before: opened(nil, nil, lots, said(fromTarget(acking(5), wide(995)))),
			good: fromTarget(acking(11), wide(989)), bad: fromTarget(acking(11), wide(988))}),
		known(row{rule: "tcp.window.shrink", why: "scaled", before: opened(scale, scale, said(fromTarget(wide(1000)))),
			good: fromTarget(acking(0), wide(1000)), bad: fromTarget(wide(999))}),
		known(row{rule: "tcp.window.beyond", before: append(opened(nil, nil)[:2], heard(fromTester(wide(5))), said(fromTarget(holding("1234")))),
			good: fromTarget(at(4), holding("5")), bad: fromTarget(at(4), holding("56"))}),
		known(row{rule: "tcp.mss", before: opened(nil, []byte{2, 4, 0, 20}), good: fromTarget(octets(20)), bad: fromTarget(octets(21))}),
		known(row{rule: "tcp.mss", why: "options", before: opened(stamp(1, 1), join([]byte{2, 4, 0, 32}, stamp(1, 0))),
			good: fromTarget(octets(20), with(stamp(2, 1)...)), bad: fromTarget(octets(21), with(stamp(2, 1)...))}),
		known(row{rule: "tcp.mss.default", before: opened(nil, nil), good: fromTarget(octets(536)), bad: fromTarget(octets(537))}),
		{rule: "tcp.scale.unasked", before: opened(nil, nil)[:1], good: fromTarget(at(-1), flagged(tcpSYN|tcpACK)),
			bad: fromTarget(at(-1), flagged(tcpSYN|tcpACK), with(scale...))},
		{rule: "tcp.timestamps.unasked", before: opened(nil, nil)[:1], good: fromTarget(at(-1), flagged(tcpSYN|tcpACK)),
			bad: fromTarget(at(-1), flagged(tcpSYN|tcpACK), with(stamp(1, 0)...))},
		{rule: "tcp.timestamps.missing", before: opened(stamp(1, 1), stamp(1, 0)), good: fromTarget(with(stamp(2, 1)...)), bad: fromTarget()},
		known(row{rule: "tcp.timestamps.echo", before: opened(stamp(1, 1), stamp(1, 0)), good: fromTarget(with(stamp(2, 1)...)), bad: fromTarget(with(stamp(2, 2)...))}),
		known(row{rule: "tcp.timestamps.back", before: opened(stamp(5, 1), stamp(1, 0)), good: fromTarget(with(stamp(5, 1)...)), bad: fromTarget(with(stamp(4, 1)...))}),
		{rule: "tcp.sack.unasked", before: opened(permit, nil, lots), good: fromTarget(), bad: fromTarget(with(sacks(block(5, 11))...))},
		{rule: "tcp.sack.block", before: opened(permit, permit, lots), good: fromTarget(with(sacks(block(5, 11))...)), bad: fromTarget(with(sacks(block(5, 5))...))},
		known(row{rule: "tcp.sack.block", why: "beyond", before: opened(permit, permit, lots), good: fromTarget(with(sacks(block(5, 11))...)), bad: fromTarget(with(sacks(block(5, 12))...))}),
		{rule: "tcp.sack.above", before: opened(permit, permit, lots), good: fromTarget(acking(2), with(sacks(block(0, 2), block(3, 11))...)),
			bad: fromTarget(acking(2), with(sacks(block(0, 2), block(2, 11))...))},
		{rule: "tcp.ecn.unasked", before: opened(nil, nil)[:1], good: fromTarget(at(-1), flagged(tcpSYN|tcpACK)), bad: fromTarget(at(-1), flagged(tcpSYN|tcpACK|tcpECE))},
		{rule: "tcp.ecn.ect", before: opened(nil, nil), good: fromTarget(holding("x")), bad: ip(protoTCP, tcpOf(holding("x")), ect)},
		known(row{rule: "tcp.ecn.again", before: append(ecn, said(ip(protoTCP, tcpOf(holding("x")), ect))), good: ip(protoTCP, tcpOf(holding("x"))),
			bad: ip(protoTCP, tcpOf(holding("x")), ect)}),
		known(row{rule: "tcp.rst.form", before: opened(nil, nil)[:1], good: fromTarget(flagged(tcpRST|tcpACK), number(0)), bad: fromTarget(flagged(tcpRST|tcpACK), number(1))}),
		known(row{rule: "tcp.rst.form", why: "of an ACK", before: []step{heard(fromTester())}, good: fromTarget(flagged(tcpRST)), bad: fromTarget(flagged(tcpRST), at(1))}),
	}
}

func octets(n int) func(*tcpSegment) { return func(s *tcpSegment) { s.data = make([]byte, n) } }

func number(n uint32) func(*tcpSegment) { return func(s *tcpSegment) { s.seq = n } }

// Conversations in which nothing is wrong, however odd they look.
func TestNothingToFindInFlows(t *testing.T) {
	scale := []byte{1, 3, 3, 7}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"a SYN out of the blue draws a challenge, and changes nothing", opened(nil, nil,
			heard(fromTester(flagged(tcpSYN), number(1))), said(fromTarget()), heard(fromTester(holding("data"))), said(fromTarget(acking(4))))},
		{"a connection is followed by another one with the same ports", opened(nil, nil,
			heard(fromTester(flagged(tcpSYN), number(900))), said(fromTarget(flagged(tcpSYN|tcpACK), number(7000), func(s *tcpSegment) { s.ack = 901 })),
			said(fromTarget(number(7001), func(s *tcpSegment) { s.ack = 901 })))},
		{"a SYN,ACK with a wrong ACK comes before the right one", []step{
			said(fromTarget(at(-1), flagged(tcpSYN), acking(-1-testerISN))),
			heard(fromTester(flagged(tcpSYN|tcpACK), number(100), func(s *tcpSegment) { s.ack = 77 })),
			said(fromTarget(flagged(tcpRST), number(77))),
			heard(fromTester(at(-1), flagged(tcpSYN|tcpACK))), said(fromTarget())}},
		{"a window probe goes one octet beyond", append(opened(nil, nil)[:2], heard(fromTester(wide(0))), said(fromTarget(holding("x"))))},
		{"a keep-alive goes back by one", opened(nil, nil, said(fromTarget(at(-1))), said(fromTarget(at(-1), holding("x"))))},
		{"the window of a SYN,ACK is not scaled", opened(scale, scale, said(fromTarget(wide(8))))},
		{"a FIN is sent again", opened(nil, nil, said(fromTarget(flagged(tcpFIN|tcpACK))), said(fromTarget(flagged(tcpFIN|tcpACK))))},
		{"both SYNs cross", []step{
			said(fromTarget(at(-1), flagged(tcpSYN), acking(-1-testerISN))), heard(fromTester(at(-1), flagged(tcpSYN))),
			said(fromTarget(at(-1), flagged(tcpSYN|tcpACK), with(scale...))), heard(fromTester(holding("data"))), said(fromTarget(acking(4), holding("x")))}},
	} {
		j := New(target)
		for i, s := range tt.steps {
			if found := j.Frame(Frame{Time: time.Duration(i) * time.Millisecond, Link: capture.Ethernet, Data: s.frame, FromTarget: s.fromTarget}); len(found) > 0 {
				t.Errorf("%s: frame %d: %v", tt.name, i, found)
			}
		}
	}
}

// After more than 24 idle days an earlier timestamp is a new one, which is echoed (RFC 7323, 5.5); before that it is not.
func TestOutdatedStamp(t *testing.T) {
	for _, tt := range []struct {
		idle   time.Duration
		faults int
	}{{24 * 24 * time.Hour, 1}, {24*24*time.Hour + time.Second, 0}} {
		j, last := New(target), 0
		steps := append(opened(stamp(1, 9), stamp(9, 0)), heard(fromTester(with(stamp(9, 1)...))),
			heard(fromTester(with(stamp(5, 1)...))), said(fromTarget(with(stamp(2, 5)...))))
		for i, s := range steps {
			at := time.Duration(0)
			if i >= len(steps)-2 {
				at = tt.idle
			}
			last = len(j.Frame(Frame{Time: at, Link: capture.Ethernet, Data: s.frame, FromTarget: s.fromTarget}))
		}
		if last != tt.faults {
			t.Errorf("after %v: %d faults in the echo of an earlier timestamp, want %d", tt.idle, last, tt.faults)
		}
	}
}

// Whatever comes, what is kept of connections is bounded.
func TestFlowsAreBounded(t *testing.T) {
	j := New(target)
	for i := range 3 * flowLimit {
		j.Frame(Frame{Link: capture.Ethernet, Data: fromTester(func(s *tcpSegment) { s.sport = uint16(i) })})
		if len(j.flows) > flowLimit {
			t.Fatalf("%d flows are kept", len(j.flows))
		}
	}
	said := func(frame []byte) { j.Frame(Frame{Link: capture.Ethernet, Data: frame, FromTarget: true}) }
	said(fromTarget(at(-1), flagged(tcpSYN), acking(-1-testerISN)))
	for i := range 400 {
		said(fromTarget(at(1000*i), octets(1000)))
	}
	most := 0
	for _, f := range j.flows {
		most = max(most, cap(f.sides[0].data), cap(f.sides[1].data))
	}
	if most < streamLimit || most > 3*streamLimit {
		t.Errorf("%d octets of a stream are kept", most)
	}
}
