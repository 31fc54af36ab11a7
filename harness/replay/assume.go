package replay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
)

// assume makes the scenario of a capture that has none: the hosts are those that speak IPv4 or ARP, and the target plays
// the one that answers the others most. Assumed says what was found.
func (s *Scenario) assume() error {
	var strange, foreign []int
	answers := map[string]int{}
	a := newAssembler()
	for _, c := range s.packets {
		m := a.add(c.frame)
		switch {
		case m == nil:
			continue
		case alignerOf(m.frame) == nil:
			strange = append(strange, s.numbers(m)...)
			continue
		case !s.meet(c.frame):
			foreign = append(foreign, s.numbers(m)...)
			continue
		}
		if h, _ := s.speaker(c.frame); !alignerOf(m.frame).begins(m.frame) {
			answers[h.Name]++
		}
	}
	var broken []int
	for _, f := range a.unfinished() {
		broken = append(broken, s.numbers(&message{f, []*packet.Frame{f}})...)
	}
	s.omit(strange, "of no kind that can be replayed ("+strings.Join(kinds(), ", ")+")")
	s.omit(foreign, "without a host of its own as sender")
	s.omit(broken, "fragments of datagrams that the capture does not have whole")
	return s.chooseRole(answers)
}

// meet makes the sender of f a host. It is false when the sender is none: it has no address, or that of another host.
func (s *Scenario) meet(f *packet.Frame) bool {
	from, _ := ends(f)
	if from.IsUnspecified() || !from.Is4() {
		return false
	}
	if _, known := s.known(f); known {
		return true
	}
	if _, taken := s.host(from.String()); taken {
		return false
	}
	mac, _ := ethernet.Src.Of(f)
	s.Hosts = append(s.Hosts, Host{Name: from.String(), MAC: mac, IP: from})
	return true
}

// chooseRole takes the host that answers most among those that the target can play.
func (s *Scenario) chooseRole(answers map[string]int) error {
	if len(s.Hosts) < 2 {
		for _, c := range s.packets {
			if err := c.mend(); err != nil {
				return err
			}
		}
		return fmt.Errorf("fewer than two hosts of the capture speak %s: a replay takes two, one of them answering", strings.Join(kinds(), ", "))
	}
	byAnswers := slices.Clone(s.Hosts)
	slices.SortStableFunc(byAnswers, func(x, y Host) int { return answers[y.Name] - answers[x.Name] })
	var reason error
	for _, h := range byAnswers {
		if answers[h.Name] == 0 {
			break
		}
		if _, err := s.plan(h.Name); err != nil {
			if reason == nil {
				reason = err
			}
			continue
		}
		s.Roles = []string{h.Name}
		s.Assumed = append([]string{fmt.Sprintf("the target plays %s, which answers %d messages; the harness plays %s", h.Name, answers[h.Name], s.others(h))}, s.Assumed...)
		return nil
	}
	if reason != nil {
		return fmt.Errorf("%w (a scenario file says more than the capture)", reason)
	}
	return fmt.Errorf("no host of the capture answers another one, so there is nothing to hold a target against")
}

func (s *Scenario) others(h Host) string {
	var names []string
	for _, o := range s.Hosts {
		if o.Name != h.Name {
			names = append(names, o.Name)
		}
	}
	return strings.Join(names, ", ")
}

// numbers are those of a message's packets.
func (s *Scenario) numbers(m *message) (ns []int) {
	for _, c := range s.packets {
		if slices.Contains(m.parts, c.frame) {
			ns = append(ns, c.number)
		}
	}
	return ns
}

// omit leaves packets out and says so.
func (s *Scenario) omit(numbers []int, why string) {
	if len(numbers) == 0 {
		return
	}
	var texts []string
	for _, n := range numbers {
		s.Omit = append(s.Omit, Omission{First: n, Last: n, Why: why})
		texts = append(texts, fmt.Sprint(n))
	}
	const most = 12
	if len(texts) > most {
		texts = append(texts[:most], fmt.Sprintf("and %d more", len(numbers)-most))
	}
	noun := "packets"
	if len(numbers) == 1 {
		noun = "packet"
	}
	s.Assumed = append(s.Assumed, fmt.Sprintf("left out: %s %s, %s", noun, strings.Join(texts, ", "), why))
}
