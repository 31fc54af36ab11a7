package replay

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
)

// wanted is a message that the target has to say.
type wanted struct {
	step
	al    *aligner
	frame *packet.Frame // translated
	event string
	since time.Duration // when it could be said at the earliest
	done  bool
}

// expect begins to wait for the message of st. It may be there already.
func (p *player) expect(st step) {
	w := &wanted{step: st, al: alignerOf(st.message.frame), frame: p.tr.whole(st.message), since: p.acted}
	w.event, _ = w.al.event(w.frame)
	p.wanted = append(p.wanted, w)
	if w.al.ranges {
		p.claim()
		return
	}
	for i, m := range p.extras {
		if eventOf(m.frame) == w.event && !(w.al.fresh && m.frame.At < w.since) {
			p.extras = slices.Delete(p.extras, i, i+1)
			p.take(w, m)
			return
		}
	}
}

// waiting is the first of the wanted messages with f's event, nil for none.
func (p *player) waiting(f *packet.Frame) *wanted {
	event := eventOf(f)
	for _, w := range p.wanted {
		if !w.done && w.event == event {
			return w
		}
	}
	return nil
}

func (p *player) outstanding() bool {
	return slices.ContainsFunc(p.wanted, p.due)
}

// due tells whether w has to be said before the script goes on.
func (p *player) due(w *wanted) bool {
	if w.done || !w.al.ranges {
		return !w.done
	}
	return p.tr.streamOf(w.message.frame).due(w.message.frame, p.ahead)
}

// settle waits for all that the target has to have said by now. What does not come is compared with what came instead.
func (p *player) settle() error {
	for deadline := p.world.Now() + p.patience() + p.delay(); p.outstanding(); {
		if err := p.goOn(); err != nil {
			return err
		}
		more, err := p.next(deadline)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	for _, w := range p.wanted {
		switch {
		case !p.due(w):
			continue
		case w.al.ranges:
			p.lacking(w)
			continue
		}
		if i := p.nearest(w); i >= 0 {
			m := p.extras[i]
			p.extras = slices.Delete(p.extras, i, i+1)
			p.take(w, m)
			continue
		}
		p.missing(w)
	}
	if slices.ContainsFunc(p.wanted, func(w *wanted) bool { return w.al.again != nil }) {
		p.extras = slices.DeleteFunc(p.extras, p.repetition)
	}
	p.wanted = slices.DeleteFunc(p.wanted, func(w *wanted) bool { return w.done })
	return nil
}

// delay is how long the target may put off what is waited for.
func (p *player) delay() (most time.Duration) {
	for _, w := range p.wanted {
		if !w.done && w.al.within != nil {
			most = max(most, w.al.within(w.frame))
		}
	}
	return most
}

// repetition tells whether m only repeats what the target has said, as it may.
func (p *player) repetition(m *message) bool {
	al := alignerOf(m.frame)
	if al.again == nil || !al.again(m.frame, p.said) {
		return false
	}
	p.said = append(p.said, m.frame)
	p.log.Note(m.last(), "repeats what was said, as often as the target likes")
	return true
}

// nearest is the unasked message of w's kind that differs from it the least, -1 for none.
func (p *player) nearest(w *wanted) int {
	found, fewest := -1, 0
	for i, m := range p.extras {
		if alignerOf(m.frame) != w.al || m.frame.At < w.since {
			continue
		}
		if n := len(p.differences(w, m.frame)); found < 0 || n < fewest {
			found, fewest = i, n
		}
	}
	return found
}

// difference is a field that is not as wanted.
type difference struct {
	field
	packet.Diff
}

func (p *player) differences(w *wanted, got *packet.Frame) (ds []difference) {
	for _, f := range p.compared(w) {
		if d := f.differs(w.frame, got); d != nil {
			ds = append(ds, difference{f, *d})
		}
	}
	return ds
}

// compared are the fields that are not masked.
func (p *player) compared(w *wanted) []field {
	return slices.DeleteFunc(w.al.present(w.frame), func(f field) bool { return p.scenario.masked(f.name, p.plan.role.Name) })
}

// take compares the message that the target has to say with what it said.
func (p *player) take(w *wanted, m *message) {
	w.done, p.heard = true, true
	p.said = append(p.said, m.frame)
	p.tr.learn(w.message.frame, m.frame)
	for _, req := range w.comes() {
		p.log.Asserted[req]++
	}
	for _, f := range p.compared(w) {
		for _, req := range f.requirements {
			p.log.Asserted[req]++
		}
	}
	ds := p.differences(w, m.frame)
	p.settled(w, Matched)
	p.log.Note(m.last(), w.numbers()+" of the capture")
	if len(ds) == 0 {
		return
	}
	p.settled(w, Differs)
	var lines []string
	for _, d := range ds {
		lines = append(lines, d.Diff.String())
	}
	for _, d := range ds {
		text := p.explain(w, w.frame.String(), m.frame, lines...)
		for _, req := range d.requirements {
			p.fail(Failure{
				Requirement: req, Kind: probe.Field, Packet: w.packets[0].number, Field: d.field.name, Want: d.Want, Got: d.Got, Text: text,
			})
		}
		p.log.Note(m.last(), "FAIL "+strings.Join(d.requirements, " ")+": "+d.Diff.String())
	}
}

// missing says that nothing like w came.
func (p *player) missing(w *wanted) {
	w.done = true
	p.settled(w, Missing)
	reqs := append(slices.Clip(w.al.blamed(w.frame, w.repeats)), w.shows...)
	for _, req := range reqs {
		p.log.Asserted[req]++
		p.fail(Failure{
			Requirement: req, Kind: probe.Missing, Packet: w.packets[0].number, Want: w.event, Got: "nothing like it",
			Text: p.explain(w, w.frame.String(), nil, fmt.Sprintf("nothing like it came in %v", p.world.Now()-w.since)),
		})
	}
	p.step("FAIL %s: the target did not say %s", strings.Join(reqs, " "), w.event)
}

// judgeExtras fails the target for what it said and the capture does not have, but for what it may repeat.
func (p *player) judgeExtras() {
	p.extras = slices.DeleteFunc(p.extras, p.repetition)
	for _, m := range p.extras {
		al := alignerOf(m.frame)
		req := al.unasked(m.frame, p.speaker)
		if req == "" {
			req = al.blamed(m.frame, false)[0]
		}
		p.log.Asserted[req]++
		event := eventOf(m.frame)
		text := p.explain(nil, "no further message of the target", m.frame, "the capture has no "+event+" here")
		p.fail(Failure{Requirement: req, Kind: probe.Spurious, Want: "nothing", Got: event, Text: text})
		p.log.Note(m.last(), "FAIL "+req+": the capture does not have it")
	}
	p.extras = nil
	for _, f := range p.incoming.unfinished() {
		text := p.explain(nil, "all fragments of a datagram", f, "the other fragments of its datagram did not come")
		p.log.Asserted[moreFragments]++
		p.fail(Failure{Requirement: moreFragments, Kind: probe.Spurious, Want: "all fragments of a datagram", Got: f.String(), Text: text})
	}
}

// moreFragments is what a fragment says of those that follow.
const moreFragments = "RFC791:3.1-HF-16"

// settled says what became of the packets of w.
func (p *player) settled(w *wanted, o Outcome) {
	for _, c := range w.packets {
		p.outcome(c, o)
	}
}

// comes are the requirements that are shown by the message coming at all.
func (w *wanted) comes() []string {
	reqs := w.al.shown(w.frame, w.repeats)
	return append(reqs[:len(reqs):len(reqs)], w.shows...)
}

// last is the frame that completed the message.
func (m *message) last() *packet.Frame { return m.parts[len(m.parts)-1] }
