package tcp

import (
	"fmt"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// Targets that are wrong about the segment of a row. Each of the functions below makes one; which one violates a rule says
// the table of violations.
var (
	gridDeaf      = mutate.Ignores(gridStimulus)
	gridGullible  = mutate.Gullible()
	gridPersuaded = mutate.Persuaded()

	gridResets     = mutate.Answers(gridStimulus, "a reset", reset)
	gridRefuses    = mutate.AnswersInstead(gridStimulus, "a reset", reset)
	gridUnmoved    = mutate.AnswersInstead(gridStimulus, "an ACK of what came before", func(f *packet.Frame) []packet.Cond { return ackOf(f, false) })
	gridChallenges = mutate.Answers(gridStimulus, "an ACK", func(f *packet.Frame) []packet.Cond { return ackOf(f, false) })
	gridTakes      = mutate.AnswersInstead(gridStimulus, "an ACK of all of it", func(f *packet.Frame) []packet.Cond { return ackOf(f, true) })
	gridAlsoTakes  = mutate.Answers(gridStimulus, "an ACK of all of it", func(f *packet.Frame) []packet.Cond { return ackOf(f, true) })

	gridTooHigh = mutate.Misshifts(gridStimulus, tcp.Seq, 1)
	gridTooLow  = mutate.Misshifts(gridStimulus, tcp.Seq, -1)

	gridWrongSeq = mutate.Shifts(from(tcp.ACK), tcp.Seq, 1)
	gridLate     = mutate.Late(from(tcp.ACK), 600*time.Millisecond)
	gridWrongRST = mutate.Shifts(tcp.Segment(tcp.RSTBit.Is(1)), tcp.Seq, 1)
	gridWrongEnd = mutate.Shifts(from(tcp.RST|tcp.ACK), tcp.Ack, 1)
)

// reset is the form of 3.5.2.
func reset(f *packet.Frame) []packet.Cond {
	flags, _ := tcp.Flags.Of(f)
	if flags&tcp.ACK != 0 {
		ack, _ := tcp.Ack.Of(f)
		return []packet.Cond{tcp.Flags.Is(tcp.RST), tcp.Seq.Is(ack)}
	}
	seq, _ := tcp.Seq.Of(f)
	return []packet.Cond{tcp.Flags.Is(tcp.RST | tcp.ACK), tcp.Seq.Is(0), tcp.Ack.Is((seq + tcp.Length(f)) & 0xffffffff)}
}

// ackOf acknowledges a segment, or what came before it.
func ackOf(f *packet.Frame, taken bool) []packet.Cond {
	seq, _ := tcp.Seq.Of(f)
	ack, _ := tcp.Ack.Of(f)
	if taken {
		seq += tcp.Length(f)
	}
	return []packet.Cond{tcp.Flags.Is(tcp.ACK), tcp.Seq.Is(ack), tcp.Ack.Is(seq & 0xffffffff)}
}

// violations are for each rule the target that violates it. Where it depends on the rows, it is in violating.
var gridViolations = map[string]mutate.Mutation{ // never written
	"RFC9293:3.10.7.1-1":  gridResets,
	"RFC9293:3.10.7.1-2":  gridWrongEnd,
	"RFC9293:3.10.7.1-3":  gridWrongRST,
	"RFC9293:3.10.7.2-1":  gridResets,
	"RFC9293:3.10.7.2-2":  gridDeaf,
	"RFC9293:3.10.7.2-3":  mutate.Shifts(from(tcp.SYN|tcp.ACK), tcp.Ack, 1),
	"RFC9293:3.10.7.2-5":  gridResets,
	"RFC9293:3.10.7.3-1":  gridDeaf,
	"RFC9293:3.10.7.3-2":  gridResets,
	"RFC9293:3.10.7.3-3":  gridDeaf,
	"RFC9293:3.10.7.3-4":  gridGullible,
	"RFC9293:3.10.7.3-5":  mutate.Shifts(from(tcp.ACK), tcp.Ack, 1),
	"RFC9293:3.10.7.3-6":  gridDeaf,
	"RFC9293:3.10.7.3-8":  gridResets,
	"RFC9293:3.10.7.4-1":  gridTooLow,
	"RFC9293:3.10.7.4-2":  gridTooHigh,
	"RFC9293:3.10.7.4-3":  gridTakes,
	"RFC9293:3.10.7.4-4":  gridTakes,
	"RFC9293:3.10.7.4-5":  gridDeaf,
	"RFC9293:3.10.7.4-6":  gridChallenges,
	"RFC9293:3.10.7.4-7":  gridTakes,
	"RFC9293:3.10.7.4-8":  gridDeaf,
	"RFC9293:3.10.7.4-9":  gridGullible,
	"RFC9293:3.10.7.4-10": gridUnmoved,
	"RFC9293:3.10.7.4-11": gridDeaf,
	"RFC9293:3.10.7.4-12": gridDeaf,
	"RFC9293:3.10.7.4-13": gridDeaf,
	"RFC9293:3.10.7.4-14": gridDeaf,
	"RFC9293:3.10.7.4-15": gridDeaf,
	"RFC9293:3.10.7.4-16": gridDeaf,
	"RFC9293:3.10.7.4-17": gridDeaf,
	"RFC9293:3.10.7.4-20": gridDeaf,
	"RFC9293:3.10.7.4-21": gridDeaf,
	"RFC9293:3.10.7.4-22": gridDeaf,
	"RFC9293:3.10.7.4-24": gridResets,
	"RFC9293:3.10.7.4-25": gridDeaf,
	"RFC9293:3.10.7.4-27": gridDeaf,
	"RFC9293:3.10.7.4-31": gridDeaf,
	"RFC9293:3.10.7.4-35": gridDeaf,
	"RFC9293:3.10.7.4-37": gridAlsoTakes,
	"RFC9293:3.10.7.4-38": gridAlsoTakes,
	"RFC9293:3.10.7.4-39": gridUnmoved,
	"RFC9293:3.10.7.4-40": gridTakes,
	"RFC9293:3.10.7.4-41": gridTakes,
	"RFC9293:3.10.7.4-42": gridTakes,
	"RFC9293:3.10.7.4-43": gridAlsoTakes,
	"RFC9293:3.10.7.4-44": gridResets,
	"RFC9293:3.5.2-2":     mutate.Shifts(tcp.Segment(tcp.RSTBit.Is(1)), tcp.Seq, 2),
	"RFC9293:3.5.2-3":     gridWrongRST,
	"RFC9293:3.5.2-4":     gridRefuses,
	"RFC9293:3.5.2-5":     gridRefuses,
	"RFC9293:3.5.3-2":     gridUnmoved,
	"RFC9293:MUST-10":     gridRefuses,
	"RFC9293:MUST-11":     gridDeaf,
	"RFC9293:MUST-40":     gridLate,
	"RFC9293:MUST-66":     gridDeaf,
	"RFC9293:SHLD-31":     gridDeaf,
	"RFC5961:3.2-1":       gridGullible,
	"RFC5961:3.2-2":       gridPersuaded,
	"RFC5961:3.2-3":       gridDeaf,
	"RFC5961:3.2-4":       gridRefuses,
	"RFC5961:3.2-5":       gridWrongSeq,
	"RFC5961:3.2-6":       gridPersuaded,
	"RFC5961:3.2-8":       gridResets,
	"RFC5961:3.2-9":       gridDeaf,
	"RFC5961:3.2-10":      gridGullible,
	"RFC5961:4.2-1":       gridRefuses,
	"RFC5961:4.2-2":       gridWrongSeq,
	"RFC5961:4.2-3":       gridResets,
}

// gridWaiting are those about RST in TIME-WAIT, which a target may ignore (RFC 1337).
var gridWaiting = map[string]mutate.Mutation{ // never written
	"RFC9293:3.10.7.4-9":  gridChallenges,
	"RFC9293:3.10.7.4-10": gridChallenges,
	"RFC9293:3.10.7.4-11": gridRefuses,
	"RFC9293:3.10.7.4-15": gridResets,
	"RFC5961:3.2-1":       gridRefuses,
	"RFC5961:3.2-2":       gridResets,
	"RFC5961:3.2-3":       gridUnmoved,
	"RFC5961:3.2-6":       gridResets,
}

// violating is a target that violates a rule in one of the rows at least.
func violating(rule string, group []row) mutate.Mutation {
	moves, answered, dies := false, false, false // rows with the rule that change the state; that have an answer
	for _, r := range group {
		for _, have := range r.Rules {
			if have == rule {
				moves = moves || r.Next != r.State
				answered = answered || r.alwaysAnswers()
				dies = dies || r.Ack == "acceptable" && (r.State == probe.StateEstablished || r.State == probe.StateCloseWait)
			}
		}
	}
	if gridSegments[group[0].Segment].flags&(tcp.ACK|tcp.RST|tcp.SYN) == 0 { // a target may drop it at once
		switch rule {
		case "RFC9293:3.10.7.4-5":
			return gridRefuses
		case "RFC9293:3.10.7.4-1", "RFC9293:3.10.7.4-2":
			return gridTakes
		}
	}
	switch rule {
	case "RFC9293:3.10.7.4-19": // without ACK: what would be text or FIN with it
		if group[0].Segment == "no-flags" || group[0].State == probe.StateCloseWait {
			return gridResets
		}
		return gridGullible
	case "RFC9293:3.5.2-1", "RFC9293:3.10.7.4-32", "RFC9293:3.10.7.4-30":
		if !answered && !moves {
			return gridResets
		}
		return gridDeaf
	case "RFC9293:3.10.7.4-23", "RFC9293:3.10.7.4-29":
		if !answered && !moves && !dies {
			return gridResets
		}
		return gridDeaf
	}
	m, known := gridViolations[rule]
	if other, is := gridWaiting[rule]; is && group[0].State == probe.StateTimeWait && strings.HasPrefix(group[0].Segment, "RST") {
		m = other
	}
	if !known {
		panic(fmt.Errorf("no target is known that violates %s", rule))
	}
	return m
}
