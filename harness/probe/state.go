package probe

import (
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// StateUnknown is what State gives when the target's reactions fit no state.
const StateUnknown State = "unknown"

// repeated is how long a retransmission is waited for. The timeout begins with 1 s, 3 s after a lost SYN (RFC 6298, 2.1 and
// 5.7), and doubles; where waiting costs, the state is taken to be young.
func (c *Conn) repeated() time.Duration {
	switch {
	case c.Virtual():
		return 7 * time.Second
	case len(c.Sent(tcp.Has(tcp.SYN))) > 1:
		return 4*time.Second + c.slack()
	}
	return 1400*time.Millisecond + c.slack()
}

// given tells whether the target's application has been given the connection: it has left SYN-RECEIVED then.
func (c *Conn) given() bool {
	call := c.Dialing
	if c.Accepting != nil {
		call = c.Accepting.Call
	}
	if call == nil {
		return false
	}
	r, done := call.Done()
	return done && r.Errno == ""
}

// State finds out from outside in which state the target is. It sends segments whose reactions are known, and waits for
// retransmissions where they tell states apart; the connection may be used up by that. It is for the end of a check.
//
// LISTEN is also what is left of a connection that is gone when its listener goes on; CLOSED that nobody listens.
//
//   - an empty segment left of the window draws the numbers of a synchronised state (RFC 9293, 3.10.7.4): they tell
//     whether either FIN has been sent or taken;
//   - a FIN or SYN,ACK that is repeated was not acknowledged;
//   - RST means that there is no connection, and a SYN from another port whether somebody listens;
//   - CLOSING and LAST-ACK differ in what is left when their FIN is acknowledged.
func (c *Conn) State() State {
	c.Step("in which state is the target?")
	reply := c.knock()
	switch {
	case reply == nil && !c.Heard:
		return c.listening()
	case reply == nil && c.repeats(c.From(tcp.SYN)):
		return StateSynSent
	case reply == nil:
		return StateUnknown
	}
	s := segmentOf(reply)
	if s.flags&tcp.RST != 0 {
		return c.listening()
	}
	switch s.flags & (tcp.SYN | tcp.ACK) {
	case tcp.SYN:
		return StateSynSent
	case tcp.SYN | tcp.ACK:
		return StateSynReceived
	}
	finSent := c.finKnown && s.seq == c.finAt+1
	finTaken := c.finSent && s.ack == c.myFIN
	switch {
	case finSent && finTaken:
		if !c.repeats(c.Any(tcp.Has(tcp.FIN))) {
			return StateTimeWait
		}
		return c.lastOrClosing()
	case finSent && c.repeats(c.Any(tcp.Has(tcp.FIN))):
		return StateFinWait1
	case finSent:
		return StateFinWait2
	case finTaken:
		return StateCloseWait
	case c.unsettled && !c.given() && c.repeats(c.From(tcp.SYN|tcp.ACK)):
		return StateSynReceived
	}
	return StateEstablished
}

// Knock is an empty segment left of the target's window, with numbers that are otherwise right: a synchronised state
// answers with its own (RFC 9293, 3.10.7.4).
func (c *Conn) Knock() packet.Template {
	return c.Segment(tcp.ACK, nil, tcp.Seq.Is(uint(c.SndNxt-1)))
}

// knock sends it until there is an answer: targets may limit the rate of theirs (RFC 5961, section 7).
func (c *Conn) knock() *packet.Frame {
	for range 3 {
		c.Forget()
		c.Put(c.Knock())
		f := c.await(c.Now()+600*time.Millisecond, func(f *packet.Frame) bool {
			flags, _ := tcp.Flags.Of(f)
			answers := flags&(tcp.RST|tcp.SYN) != 0 || tcp.Length(f) == 0 // others are repeated data
			return answers && c.Any().Matches(f)
		})
		if f != nil {
			return f
		}
	}
	return nil
}

// repeats tells whether the target sends something again.
func (c *Conn) repeats(what packet.Template) bool {
	c.Forget()
	return c.await(c.Now()+c.repeated(), what.Matches) != nil
}

// listening tells whether the port takes a connection from somewhere else.
func (c *Conn) listening() State {
	other := c.TCPTo(c.Remote)
	other.Send(tcp.SYN, nil)
	f := other.await(other.Now()+other.patience(), other.Any().Matches)
	switch {
	case f == nil:
		return StateUnknown
	case other.Reset:
		return StateClosed
	}
	other.RST()
	return StateListen
}

// lastOrClosing acknowledges the FIN: LAST-ACK is over then, CLOSING becomes TIME-WAIT.
func (c *Conn) lastOrClosing() State {
	c.ACK(tcp.Ack.Is(uint(c.finAt + 1)))
	c.settleDown()
	switch f := c.knock(); {
	case f == nil:
		return StateUnknown
	case c.Reset:
		return StateLastAck
	}
	return StateClosing
}

// Stray puts a segment on the link that the numbers of the connection do not count, until the target acknowledges it: one
// that may be refused. good is what a target that overlooks its fault takes it for; see mutate.Gullible.
func (c *Conn) Stray(bad, good packet.Template) {
	next, finSent, myFIN, ahead := c.SndNxt, c.finSent, c.myFIN, len(c.ahead)
	c.SendBad(bad, good)
	s := segmentOf(c.log.lastSent().Frame)
	c.SndNxt, c.finSent, c.myFIN, c.ahead = next, finSent, myFIN, append(c.ahead[:ahead], s)
}

// Overlooks asserts that a segment has no effect on a synchronised state: the target neither takes anything of it nor
// sends RST, SYN or data for it. good is the same segment with its fault made right, which a gullible target takes it for;
// see mutate.Gullible. The proof is a knock: its answer has the numbers as they were, and was sent after whatever the
// target had to say. An answer to the segment itself, such as an ACK that repeats those numbers, is no effect.
//
// The numbers of the connection do not count the segment.
func (c *Conn) Overlooks(bad, good packet.Template, opts ...Option) {
	o := c.options(opts)
	c.log.assert(o.requirements...)
	next, finSent, heard := c.SndNxt, c.finSent, c.RcvNxt
	b, g := c.Frames(bad), c.Frames(good)
	c.Forget()
	c.sendAll(c.link, b, g)
	stimulus := *c.log.lastSent()
	c.SndNxt, c.finSent = next, finSent

	var offender *packet.Frame
	var answered bool
	for try := 0; try < 3 && !answered && offender == nil; try++ {
		c.Put(c.Knock())
		for until := c.Now() + 600*time.Millisecond; offender == nil; {
			f := c.await(until, c.Any().Matches)
			if f == nil {
				break
			}
			s := segmentOf(f)
			if s.flags&(tcp.RST|tcp.SYN) != 0 || s.ack != next || len(s.data) > 0 && before(heard, s.end) {
				offender = f
			}
			answered = true
			until = c.Now() + c.settle()
		}
	}
	switch {
	case offender != nil:
		c.failAll(o.requirements, Spurious, explain{
			sent: &stimulus, want: "no effect: the numbers stay as they were", got: offender, more: because(o.why),
		})
	case !answered:
		c.failAll(nil, Missing, explain{sent: c.log.lastSent(), want: c.From(tcp.ACK).String(),
			more: []string{"an empty segment left of the window was not answered: silence proves nothing"}})
		panic(stop{})
	}
}
