package replay

import (
	"fmt"
	"time"

	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
)

// play does the steps of the plan, each at its time, and then looks at what is left over.
func (p *player) play() error {
	for i := range p.plan.packets {
		if p.plan.packets[i].Outcome == "" {
			p.plan.packets[i].Outcome = Pending
		}
	}
	if err := p.openSockets(); err != nil {
		return err
	}
	p.base, p.gap = p.world.Now(), newPace(p.plan.steps, p.opts.MaxGap)
	for i, st := range p.plan.steps {
		p.ahead = p.plan.saysNext(i)
		if st.do != want { // what follows an answer in the capture may do so because of it
			if err := p.settle(); err != nil {
				return err
			}
			if err := p.until(p.gap[i]); err != nil {
				return err
			}
			p.acted = p.world.Now()
		}
		var err error
		switch st.do {
		case send:
			err = p.sendPart(st)
		case start:
			err = p.start(st)
		case want:
			p.expect(st)
		}
		if err != nil {
			return err
		}
	}
	p.ahead = nil
	if err := p.settle(); err != nil {
		return err
	}
	return p.finish()
}

// newPace gives the time of each step since the first one, in which no pause is longer than most.
func newPace(steps []step, most time.Duration) []time.Duration {
	if most == 0 {
		most = maxGap
	}
	pace := make([]time.Duration, len(steps))
	for i := 1; i < len(steps); i++ {
		pace[i] = pace[i-1] + min(max(0, steps[i].at-steps[i-1].at), most)
	}
	return pace
}

// until lets time pass to at, counted from the start. When an answer took longer than in the capture, all that follows
// is later by as much.
func (p *player) until(at time.Duration) error {
	if late := p.world.Now() - (p.base + at); late > 0 {
		p.base += late
	}
	for {
		if more, err := p.next(p.base + at); err != nil || !more {
			return err
		}
	}
}

// sendPart says a part of a peer's message.
func (p *player) sendPart(st step) error {
	if p.translated[st.message] == nil {
		p.translated[st.message] = p.tr.message(st.message)
	}
	if err := p.room(st); err != nil {
		return err
	}
	c := st.packets[0]
	p.outcome(c, Sent)
	note := fmt.Sprintf("packet %d of the capture", c.number)
	if c.mended != "" {
		note += ", " + c.mended
	}
	frames := p.translated[st.message]
	from, to := min(st.part, len(frames)), min(st.part+1, len(frames))
	if st.part == len(st.message.parts)-1 {
		to = len(frames)
	}
	for _, b := range frames[from:to] {
		p.tell(st.message.frame, b)
		if err := p.send(b, note); err != nil {
			return err
		}
	}
	if st.receiver != nil {
		return p.receive(st)
	}
	return nil
}

// finish judges what nobody waited for, and asks for a sign of life when nothing else gave one.
func (p *player) finish() error {
	deadline := p.world.Now() + p.linger()
	for {
		more, err := p.next(deadline)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if err := p.refused(); err != nil {
		return err
	}
	for _, st := range p.plan.steps {
		if st.do != send {
			continue
		}
		for _, req := range st.shows {
			p.log.Asserted[req]++
		}
	}
	if err := p.judgeAssigned(); err != nil {
		return err
	}
	p.judgeExtras()
	if p.heard {
		return nil
	}
	return p.signOfLife()
}

// linger is how long after the last answer one too many is waited for.
func (p *player) linger() time.Duration {
	if p.info.Virtual {
		return 200 * time.Millisecond
	}
	return 15*time.Millisecond + p.opts.Tolerance/10
}

// patience is how long an answer is waited for.
func (p *player) patience() time.Duration {
	if p.info.Virtual {
		return 5 * time.Second
	}
	return time.Second + p.opts.Tolerance
}

// signOfLife resolves the target's address, or wants an echo where there is no IPv4. A target that was silent all along has
// shown nothing unless it answers this.
func (p *player) signOfLife() error {
	p.step("nothing was heard of the target, so it is asked for a sign of life")
	tester := p.env()
	question, alive := arp.Request(p.speaker.IP4), arp.Reply(arp.SenderIP.Is(p.speaker.IP4), arp.TargetIP.Is(p.peers[0].IP4))
	if !p.speaker.IP4.IsValid() {
		tester.Network = ipv6.Proto
		tester.Local.IP6, tester.Peer.IP6 = tester.Local.LinkLocal, tester.Peer.LinkLocal
		question, alive = icmpv6.EchoRequest(), icmpv6.EchoReply()
	}
	if err := p.send(question.Build(tester), "not of the capture"); err != nil {
		return err
	}
	before := len(p.extras)
	for deadline := p.world.Now() + p.patience(); ; {
		for _, m := range p.extras[before:] {
			if alive.Matches(m.frame) {
				return nil
			}
		}
		more, err := p.next(deadline)
		if err != nil {
			return err
		}
		if !more {
			p.log.Inconclusive = "the target said nothing, and gave no sign of life when its address was asked for"
			return nil
		}
	}
}

// note writes on the newest record of the log.
func (p *player) note(text string) {
	r := &p.log.Records[len(p.log.Records)-1]
	r.Notes = append(r.Notes, text)
}

func newLog() *probe.Log {
	return &probe.Log{Asserted: map[string]int{}, Observed: map[string]string{}}
}
