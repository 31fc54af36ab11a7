package tcp

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// A reaction is what the target did about the segment of a row.
type reaction struct {
	answers []*packet.Frame
	state   probe.State
	taken   uint32 // what of the tester's stream it acknowledges, counted from RCV.NXT
}

// runRow brings the target into the row's state, sends its segment, and compares what the target does with what is legal.
func runRow(host *probe.Tester, r row) {
	c, n := r.enter(host)
	bad, good := r.stimuli(c, &n)
	c.Step("%s: %s at %s, ack %s, in %s", r.ID, r.Segment, r.Position, r.Ack, r.State)
	had := len(c.Sent())
	if first := r.State == probe.StateSynSent || r.State == probe.StateListen; first && gridSegments[r.Segment].flags&tcp.SYN != 0 {
		c.Put(bad)              // it begins the tester's stream
		c.SndNxt = n.segSeq + 1 // what else it carries is not taken yet
	} else {
		c.Stray(bad, good)
	}
	var got reaction
	collect := func() bool { got.answers = r.answersAmong(c.Sent()[had:], n); return len(got.answers) > 0 }
	switch {
	case !r.alwaysAnswers():
		c.Wait(gridMoment(c))
	case !c.Until(500*time.Millisecond, collect): // MUST-40
		c.Until(200*time.Millisecond, collect) // to say what came, though too late
		if len(got.answers) > 0 {
			r.fail(host, probe.Timing, "an answer within half a second")
			return
		}
	default:
		c.Wait(gridMoment(c) / 10)
	}
	collect()
	got.state = c.State()
	got.taken = c.SndNxt - n.rcvNxt

	o, why := r.closest(got, n)
	if why != nil {
		why(host)
		return
	}
	for _, rule := range r.Proves() {
		switch {
		case o.should == rule:
			host.Fail(rule, probe.Value, "%s: the check of RFC 5961 is made; got what is said of targets without it", r.ID)
		case rule == "RFC9293:SHLD-31":
			r.fillGap(c, n, rule)
		case (rule == "RFC9293:3.10.7.4-23" || rule == "RFC9293:3.10.7.4-29") && n.nxt-n.una == gridSent && r.Ack == "acceptable":
			c.Wait(gridRepeat(c))
			again := filled(c.Sent()[had:])
			host.That(rule, "text that was acknowledged and is sent again", len(again), gomega.BeZero())
		default:
			host.Meets(rule)
		}
	}
}

// gridRepeat is how long the first retransmission may take to come.
func gridRepeat(c *probe.Conn) time.Duration {
	if c.Virtual() {
		return 4 * time.Second
	}
	return 1500 * time.Millisecond
}

// alwaysAnswers tells whether every legal reaction has an answer.
func (r row) alwaysAnswers() bool {
	silent := func(a alternative) bool { return r.allows(a) && a.Reply.Flags == "" }
	return r.Reply.Flags != "" && !slices.ContainsFunc(r.Alt, silent)
}

// answersAmong leaves out what is sent again by a timer: it lies below SND.NXT.
func (r row) answersAmong(fs []*packet.Frame, n numbers) (answers []*packet.Frame) {
	synAgain := strings.Contains(r.Reply.Flags, "SYN") ||
		slices.ContainsFunc(r.Alt, func(a alternative) bool { return strings.Contains(a.Reply.Flags, "SYN") })
	for _, f := range fs {
		seq, _ := tcp.Seq.Of(f)
		flags, _ := tcp.Flags.Of(f)
		again := tcp.Length(f) > 0 && int32(uint32(seq)-n.nxt) < 0
		if !again || flags&tcp.SYN != 0 && synAgain {
			answers = append(answers, f)
		}
	}
	return answers
}

// matched is the outcome that a reaction is, with the SHOULD that it does not follow.
type matched struct {
	outcome
	should string
}

// closest finds the legal outcome that the target chose, or what to say about the row's own, which it is furthest from
// violating.
func (r row) closest(got reaction, n numbers) (matched, func(*probe.Tester)) {
	answered, own := r.outcome.mismatch(r, got, n)
	if own == nil {
		return matched{outcome: r.outcome}, nil
	}
	for _, a := range r.Alt {
		if !r.allows(a) {
			continue
		}
		right, why := a.outcome.mismatch(r, got, n)
		if why == nil {
			return matched{a.outcome, gridConditions[a.When].should}, nil
		}
		if right && !answered {
			answered, own = true, why
		}
	}
	return matched{}, own
}

// mismatch is nil for a reaction that is the outcome, and otherwise fails the row's rules with what is wrong; answered tells
// whether it is the state alone.
func (o outcome) mismatch(r row, got reaction, n numbers) (answered bool, why func(*probe.Tester)) {
	if o.Reply.Flags == "" && len(got.answers) > 0 {
		return false, func(host *probe.Tester) { r.fail(host, probe.Spurious, "no answer, got %s", got.answers[0]) }
	}
	if o.Reply.Flags != "" && len(got.answers) == 0 {
		return false, func(host *probe.Tester) { r.fail(host, probe.Missing, "%s in answer", o.Reply) }
	}
	for _, f := range got.answers {
		if conds := o.Reply.conds(n); len(packet.Check(f, conds...)) > 0 {
			return false, func(host *probe.Tester) {
				for _, rule := range r.Proves() {
					host.Must(rule, f, conds...)
				}
			}
		}
	}
	if got.state != o.Next && !(o.Next == probe.StateClosed && got.state == probe.StateListen) { // whoever listens goes on
		return true, func(host *probe.Tester) { r.fail(host, probe.Value, "state %s then, got %s", o.Next, got.state) }
	}
	if refused := o.Expect != "process" && o.Next == r.State; refused && got.taken != 0 && r.later(probe.StateSynSent) {
		return true, func(host *probe.Tester) {
			r.fail(host, probe.Spurious, "nothing of it is taken, got %d octets of it acknowledged", got.taken)
		}
	}
	return true, nil
}

func (a answer) String() string {
	if a.Ack == "" {
		return fmt.Sprintf("%s with SEQ = %s", a.Flags, a.Seq)
	}
	return fmt.Sprintf("%s with SEQ = %s, ACK = %s", a.Flags, a.Seq, a.Ack)
}

// conds are the fields of the answer.
func (a answer) conds(n numbers) []packet.Cond {
	conds := []packet.Cond{tcp.Control(flagsOf(a.Flags))}
	if v, known := n.formula(a.Seq); known {
		conds = append(conds, tcp.Seq.Is(uint(v)).Called(fmt.Sprintf("%d (%s)", v, a.Seq)))
	}
	if a.Ack != "" {
		v, _ := n.formula(a.Ack)
		conds = append(conds, tcp.Ack.Is(uint(v)).Called(fmt.Sprintf("%d (%s)", v, a.Ack)))
	}
	return conds
}

// fail fails every rule of the row.
func (r row) fail(host *probe.Tester, kind probe.Kind, format string, args ...any) {
	for _, rule := range r.Proves() {
		host.Fail(rule, kind, "%s: %s", r.ID, fmt.Sprintf(format, args...))
	}
}

// showsHolding tells whether a segment that is held shows: it has text or FIN, and its acknowledgment is good when its turn
// comes.
func (r row) showsHolding() bool {
	kind := gridSegments[r.Segment]
	return (kind.data || kind.flags&tcp.FIN != 0) && r.Ack == "acceptable" && r.Expect == "hold"
}

// fillGap sends what is missing before the row's segment, which the target then has.
func (r row) fillGap(c *probe.Conn, n numbers, rule string) {
	c.Step("%s: the gap before the segment is filled", r.ID)
	missing := int(n.segSeq - n.rcvNxt)
	end := n.segSeq + n.size
	if edge := n.rcvNxt + n.wnd; int32(end-edge) > 0 && gridSegments[r.Segment].data {
		end = edge // the rest is beyond the window
	}
	const most = 1400
	for at := 0; at < missing; at += most {
		some := min(most, missing-at)
		c.Send(tcp.ACK, probe.Pattern(some), tcp.Seq.Is(uint(n.rcvNxt)+uint(at)&0xffffffff))
	}
	taken := c.Until(time.Second, func() bool { return int32(c.SndUna-end) >= 0 })
	c.That(rule, "the segment that was held is acknowledged once its turn comes", taken, gomega.BeTrue())
}
