package replay

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
)

// planner makes a plan, packet by packet.
type planner struct {
	*Scenario
	out   plan
	by    map[*packet.Frame]*captured
	of    map[*packet.Frame]*message // by its parts
	said  []*message                 // in order, omitted ones left out
	asked []*message                 // by the target, to serve others, when it likes
}

// plan tells what happens when the target plays the host named role. An error says why it cannot.
func (s *Scenario) plan(role string) (*plan, error) {
	host, _ := s.host(role)
	p := &planner{Scenario: s, out: plan{role: host}, by: map[*packet.Frame]*captured{}, of: map[*packet.Frame]*message{}}
	p.out.streams = slices.ContainsFunc(s.Sockets, func(k Socket) bool { return k.Host == role && k.Type == tcpSocket })
	if err := p.read(); err != nil {
		return nil, err
	}
	planned := map[*message]bool{}
	for i, c := range s.packets {
		m := p.of[c.frame]
		if m == nil {
			why := c.affair
			if why == "" {
				why, _ = s.omitted(c.number, role)
			}
			p.out.packets = append(p.out.packets, Packet{Number: c.number, Text: c.frame.String(), Outcome: Omitted, Why: why})
			continue
		}
		p.out.packets = append(p.out.packets, Packet{Number: c.number, Text: c.frame.String()})
		at := &p.out.packets[i]
		at.Why = c.mended
		speaker, _ := s.speaker(c.frame)
		switch {
		case speaker.Name != role:
			p.planSend(m, c, at)
		case planned[m] && slices.Contains(p.asked, m):
			at.Outcome, at.Why = Left, leftAsking
		case planned[m]: // the message stands where its first part was
		default:
			planned[m] = true
			if err := p.planWant(m, at); err != nil {
				return nil, err
			}
		}
	}
	return &p.out, nil
}

const (
	leftAsking  = "the target may know already what it asks for here"
	leftAnswer  = "said when the target asks"
	leftToOther = "the target does not see it: it goes from one of the peers to another"
)

// read finds the messages of the capture and checks that each belongs to the scenario.
func (p *planner) read() error {
	a := newAssembler()
	for _, c := range p.playing() {
		if err := c.mend(); err != nil {
			return err
		}
		p.by[c.frame] = c
		m := a.add(c.frame)
		if m == nil {
			continue
		}
		for _, part := range m.parts {
			p.of[part] = m
		}
		p.said = append(p.said, m)
		al := alignerOf(m.frame)
		if al == nil {
			return fmt.Errorf("%s is of no kind that can be replayed: leave it out under omit, with the reason", c)
		}
		from, ok := p.speaker(c.frame)
		if !ok {
			return fmt.Errorf("%s comes from no host of the scenario: name the host, or leave the packet out under omit", c)
		}
		if !p.inFlow(al, from, m.frame) {
			return fmt.Errorf("%s is in none of the flows: name its flow, or leave it out under omit", c)
		}
	}
	if lost := a.unfinished(); len(lost) > 0 {
		return fmt.Errorf("%s is a fragment of a datagram that the capture does not have whole: leave it out under omit", p.by[lost[0]])
	}
	return nil
}

// playing are those that the role does not leave out.
func (p *planner) playing() (list []*captured) {
	for _, c := range p.packets {
		if _, left := p.omitted(c.number, p.out.role.Name); !left && c.affair == "" {
			list = append(list, c)
		}
	}
	return list
}

// parts are the packets of a message.
func (p *planner) parts(m *message) (list []*captured) {
	for _, f := range m.parts {
		list = append(list, p.by[f])
	}
	return list
}

// planSend plans a packet of the peer's half.
func (p *planner) planSend(m *message, c *captured, at *Packet) {
	if !toGroup(c.frame) && !bytes.Equal(linkDestination(c.frame), p.out.role.MAC) {
		at.Outcome, at.Why = Left, leftToOther
		return
	}
	al := alignerOf(m.frame)
	for _, asked := range p.asked {
		if al.answers != nil && al.answers(m.frame, asked.frame) {
			at.Outcome, at.Why = Left, leftAnswer
			return
		}
	}
	st := step{do: send, at: c.at, message: m, part: slices.Index(m.parts, c.frame), packets: []*captured{c}}
	if al.leaves != nil {
		st.shows = al.leaves(m.frame, p.out.role)
	}
	if k := p.receiver(p.by[m.parts[0]].number, p.out.role.Name); k != nil && st.part == len(m.parts)-1 {
		st.receiver = k
		st.shows = append(slices.Clip(st.shows), received)
	}
	p.out.steps = append(p.out.steps, st)
}

// planWant plans a message of the target, and what makes it say it.
func (p *planner) planWant(m *message, at *Packet) error {
	al := alignerOf(m.frame)
	packets := p.parts(m)
	cause := p.cause(packets[0].number, p.out.role.Name)
	if cause == nil && al.isAside(m.frame) && !isProbe(m.frame) {
		if !p.surelySaid(al, m) {
			p.asked = append(p.asked, m)
			at.Outcome, at.Why = Left, leftAsking
			return nil
		}
		p.out.steps = append(p.out.steps, step{do: want, at: packets[0].at, message: m, packets: packets})
		return nil
	}
	if cause == nil && al.begins(m.frame) && p.streamFor(p.out.role.Name, m.frame) == nil {
		return fmt.Errorf("the target cannot play %s: %s begins an exchange, and no socket of the scenario sends it", p.out.role.Name, packets[0])
	}
	st := step{do: want, at: packets[0].at, message: m, packets: packets}
	if cause != nil {
		if err := cause.fits(m.frame); err != nil {
			return fmt.Errorf("%s: %w", packets[0], err)
		}
		if st.repeats = cause.again; !cause.again {
			p.planStart(step{do: start, at: packets[0].at, message: m, packets: packets, act: cause})
		}
	}
	if n := len(p.out.steps); n > 0 && !al.begins(m.frame) && len(p.out.steps[n-1].message.parts) > 1 && p.out.steps[n-1].do == send {
		st.shows = []string{reassembles(p.out.steps[n-1].message.frame)}
	}
	p.out.steps = append(p.out.steps, st)
	return nil
}

// planStart puts st before the first of the target's messages that serve it, if that is not for an earlier start.
func (p *planner) planStart(st step) {
	for i, earlier := range p.out.steps {
		al := alignerOf(earlier.message.frame)
		if earlier.do != want || !al.isAside(earlier.message.frame) || !al.serves(earlier.message.frame, st.message.frame) {
			continue
		}
		if i > 0 && p.out.steps[i-1].do == start {
			continue // that one was what it served
		}
		st.at = earlier.at
		p.out.steps = slices.Insert(p.out.steps, i, st)
		return
	}
	p.out.steps = append(p.out.steps, st)
}

// surelySaid tells whether the target has to say m, which serves others: it serves something that the target says later,
// and nothing that was said before may have told the target the answer.
func (p *planner) surelySaid(al *aligner, m *message) bool {
	_, sought := ends(m.frame)
	before := true
	for _, other := range p.said {
		from, to := ends(other.frame)
		speaker, _ := p.speaker(other.parts[0])
		switch {
		case other == m:
			before = false
		case before && from == sought, before && speaker.Name == p.out.role.Name && to == sought:
			return false
		case !before && speaker.Name == p.out.role.Name && al.serves(m.frame, other.frame):
			return true
		}
	}
	return false
}
