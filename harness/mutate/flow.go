package mutate

import (
	"fmt"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A Sending is a segment with data of the target, as a mutation of how it sends sees it. Positions are counted as those of
// a probe.Conn: octet 0 is the first of the stream.
type Sending struct {
	Frame    *packet.Frame
	From, To int  // positions of its data
	Again    bool // all of it was sent before
	Nth      int  // segments with data that went before it in this connection
	Times    int  // how often a segment that begins here was sent before
	Acked    int  // the highest position that the tester has acknowledged
	Dups     int  // how often it has repeated that
	Losses   int  // how often it has done so three times in a row
	Expiries int  // how often the segment at Acked came again with no word of the tester for 150 ms
	Since    int  // segments with ACK of the tester since the last expiry, or since the connection began
}

// A Hearing is a segment of the tester with ACK.
type Hearing struct {
	Frame *packet.Frame
	Ack   int // the position that it acknowledges
	Dups  int // how often this was repeated, this one counted; 0 for the first
	Nth   int // segments with ACK that came before it
	Top   int // the position behind all that the target has sent
	// Losses and Expiries are those of Sending.
	Losses, Expiries int
	Behind           int  // where it acknowledges something new: the duplicates that came before it
	After            int  // acknowledgments of new data since the last loss, or since the connection began; from 1
	Since            int  // segments with ACK since the last expiry, or since the connection began; from 1
	Stale            bool // it acknowledges less than was acknowledged before
}

// course is what a mutation knows of one connection.
type course struct {
	isn          uint32
	known        bool
	top          int
	sendings     []Sending
	times        map[int]int
	acked, dups  int
	heard        int
	losses       int
	after, since int
	expiries     int
	last         time.Duration // when the tester was heard last
}

func (c *course) at(number uint) int { return int(int32(uint32(number) - c.isn - 1)) }

func (c *course) send(f *packet.Frame) Sending {
	seq, _ := tcp.Seq.Of(f)
	from := c.at(seq)
	to := from + len(f.Body(tcp.Proto))
	if from == c.acked && to <= c.top && f.At-c.last > 150*time.Millisecond {
		c.expiries++
		c.since = 0
	}
	s := Sending{
		Frame: f, From: from, To: to, Again: to <= c.top, Nth: len(c.sendings), Times: c.times[from],
		Acked: c.acked, Dups: c.dups, Losses: c.losses, Expiries: c.expiries, Since: c.since,
	}
	c.sendings = append(c.sendings, s)
	c.times[from]++
	c.top = max(c.top, to)
	return s
}

func (c *course) hear(f *packet.Frame) Hearing {
	ack, _ := tcp.Ack.Of(f)
	at, behind := c.at(ack), 0
	switch {
	case at > c.acked:
		behind = c.dups
		c.after++
		c.acked, c.dups = at, 0
	case at == c.acked:
		c.dups++
	}
	if at == c.acked && c.dups == 3 {
		c.losses++
		c.after = 0
	}
	c.since++
	h := Hearing{Frame: f, Ack: at, Dups: c.dups, Nth: c.heard, Top: c.top, Losses: c.losses, Expiries: c.expiries, Behind: behind, After: c.after, Since: c.since}
	if at < c.acked {
		h.Dups, h.Stale = 0, true
	}
	c.heard, c.last = c.heard+1, f.At
	return h
}

// outstanding is the last sending that holds the octet at a position.
func (c *course) outstanding(at int) *packet.Frame {
	for i := len(c.sendings) - 1; i >= 0; i-- {
		if s := c.sendings[i]; s.From <= at && at < s.To {
			return s.Frame
		}
	}
	return nil
}

// beyond is a segment like the last one of new data, n segments further on: data that the target has not sent yet, or
// nothing the target ever would.
func (c *course) beyond(n int) *packet.Frame {
	for i := len(c.sendings) - 1; i >= 0; i-- {
		if s := c.sendings[i]; !s.Again && s.To == c.top {
			seq, _ := tcp.Seq.Of(s.Frame)
			return rewritten(s.Frame, tcp.Seq.Is((seq+uint(n*(s.To-s.From)))&0xffffffff))
		}
	}
	return nil
}

func rewritten(f *packet.Frame, conds ...packet.Cond) *packet.Frame {
	g := *f
	g.Bytes = f.Rewrite(conds...)
	return &g
}

// onFlow is a mutation of connections: send is asked about each segment with data of the target, hear about each with ACK
// of the tester, and tells whether the target gets it.
func onFlow(name string, kills []probe.Kind, send func(*course, Sending) []target.Event, hear func(*world, *course, Hearing) bool) Mutation {
	return Mutation{Name: name, Kills: kills, make: func(w *world) hooks {
		flows := map[flowKey]*course{}
		flow := func(f *packet.Frame, fromTarget bool) *course {
			key := flowOf(f, fromTarget)
			if flows[key] == nil {
				flows[key] = &course{acked: -1, times: map[int]int{}}
			}
			return flows[key]
		}
		return hooks{
			got: func(f *packet.Frame) []target.Event {
				if !f.Has(tcp.Proto) {
					return same(f)
				}
				c := flow(f, true)
				if flags, _ := tcp.Flags.Of(f); flags&tcp.SYN != 0 {
					seq, _ := tcp.Seq.Of(f)
					c.isn, c.known = uint32(seq), true
					return same(f)
				}
				if !c.known || len(f.Body(tcp.Proto)) == 0 {
					return same(f)
				}
				if s := c.send(f); send != nil {
					return send(c, s)
				}
				return same(f)
			},
			sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if f.Has(tcp.Proto) {
					flags, _ := tcp.Flags.Of(f)
					if c := flow(f, false); c.known && flags&tcp.ACK != 0 && hear != nil {
						if !hear(w, c, c.hear(f)) {
							return nil
						}
					} else if c.known && flags&tcp.ACK != 0 {
						c.hear(f)
					}
				}
				return [][]byte{f.Bytes}
			},
		}
	}}
}

var (
	tooLittle = []probe.Kind{probe.Missing, probe.Value, probe.Timing}                              // never written
	tooMuch   = []probe.Kind{probe.Spurious, probe.Value, probe.Timing, probe.Field}                // never written
	anyWay    = []probe.Kind{probe.Missing, probe.Spurious, probe.Value, probe.Timing, probe.Field} // never written
)

// Withheld is a target that does not send such segments: it sends too little. what says in words which.
func Withheld(what string, such func(Sending) bool) Mutation {
	return onFlow("does not send "+what, tooLittle, func(_ *course, s Sending) []target.Event {
		if such(s) {
			return nil
		}
		return same(s.Frame)
	}, nil)
}

// Deferred is a target that sends such segments too late by d.
func Deferred(what string, d time.Duration, such func(Sending) bool) Mutation {
	return onFlow(fmt.Sprintf("sends %s %v late", what, d), tooLittle, func(_ *course, s Sending) []target.Event {
		if such(s) {
			return []target.Event{event(s.Frame, s.Frame.At+d, s.Frame.Bytes)}
		}
		return same(s.Frame)
	}, nil)
}

// Doubled is a target that sends such segments again after d, which nothing asks for.
func Doubled(what string, d time.Duration, such func(Sending) bool) Mutation {
	return onFlow(fmt.Sprintf("repeats %s after %v", what, d), tooMuch, func(_ *course, s Sending) []target.Event {
		if such(s) {
			return append(same(s.Frame), event(s.Frame, s.Frame.At+d, append([]byte(nil), s.Frame.Bytes...)))
		}
		return same(s.Frame)
	}, nil)
}

// Overshoots is a target that goes on sending behind such segments: n segments of the same size follow, beyond what a
// window allows.
func Overshoots(what string, n int, such func(Sending) bool) Mutation {
	return onFlow(fmt.Sprintf("sends %d segments too many behind %s", n, what), tooMuch, func(_ *course, s Sending) []target.Event {
		all := same(s.Frame)
		if such(s) {
			size := uint(s.To - s.From)
			seq, _ := tcp.Seq.Of(s.Frame)
			for i := range uint(n) {
				all = append(all, event(s.Frame, s.Frame.At, s.Frame.Rewrite(tcp.Seq.Is((seq+(i+1)*size)&0xffffffff))))
			}
		}
		return all
	}, nil)
}

// Misplaces is a target that sends such segments from another position of its stream: by is added.
func Misplaces(what string, by int, such func(Sending) bool) Mutation {
	return onFlow(fmt.Sprintf("sends %s from %+d", what, by), anyWay, func(_ *course, s Sending) []target.Event {
		if such(s) {
			seq, _ := tcp.Seq.Of(s.Frame)
			return []target.Event{event(s.Frame, s.Frame.At, s.Frame.Rewrite(tcp.Seq.Is(uint(uint32(int(seq)+by)))))}
		}
		return same(s.Frame)
	}, nil)
}

// Unheard is a target that takes no notice of such acknowledgments.
func Unheard(what string, such func(Hearing) bool) Mutation {
	return onFlow("takes no notice of "+what, anyWay, nil, func(_ *world, _ *course, h Hearing) bool { return !such(h) })
}

// Resends is a target that answers such acknowledgments by sending again, at once, what begins at the position that where
// tells.
func Resends(what string, where func(Hearing) (at int, ok bool)) Mutation {
	return onFlow("retransmits upon "+what, tooMuch, nil, func(w *world, c *course, h Hearing) bool {
		if at, ok := where(h); ok {
			if f := c.outstanding(at); f != nil {
				w.deliver(target.Event{At: w.Now(), Link: f.On, Frame: append([]byte(nil), f.Bytes...)})
			}
		}
		return true
	})
}

// Goads is a target that answers such acknowledgments with n segments beyond all that it has sent.
func Goads(what string, n int, such func(Hearing) bool) Mutation {
	return onFlow(fmt.Sprintf("sends %d segments too many upon %s", n, what), tooMuch, nil, func(w *world, c *course, h Hearing) bool {
		if such(h) {
			for i := range n {
				if f := c.beyond(i + 1); f != nil {
					w.deliver(target.Event{At: w.Now(), Link: f.On, Frame: f.Bytes})
				}
			}
		}
		return true
	})
}
