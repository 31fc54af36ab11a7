package replay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/target"
)

// assume makes the scenario of a capture that has none: the hosts are those that speak, and the target plays
// the one that answers the others most. Assumed says what was found.
func (s *Scenario) assume() error {
	var strange, foreign []int
	answers := map[string]int{}
	by := map[*packet.Frame]int{}
	numbers := func(fs []*packet.Frame) (ns []int) {
		for _, f := range fs {
			ns = append(ns, by[f])
		}
		return ns
	}
	a := newAssembler()
	for _, c := range s.packets {
		if c.affair != "" {
			continue
		}
		by[c.frame] = c.number
		m := a.add(c.frame)
		switch {
		case m == nil:
			continue
		case alignerOf(m.frame) == nil:
			strange = append(strange, numbers(m.parts)...)
			continue
		case !s.meet(c.frame):
			foreign = append(foreign, numbers(m.parts)...)
			continue
		}
		if h, _ := s.speaker(c.frame); !alignerOf(m.frame).begins(m.frame) {
			answers[h.Name]++
		}
	}
	s.omit(strange, "of no kind that can be replayed ("+strings.Join(kinds(), ", ")+")")
	s.omit(foreign, "without a host of its own as sender")
	s.omit(numbers(a.unfinished()), "fragments of datagrams that the capture does not have whole")
	return s.chooseRole(answers)
}

// meet makes the sender of f a host. It is false when the sender is none: it has no address, or that of another host.
func (s *Scenario) meet(f *packet.Frame) bool {
	from, _ := ends(f)
	if !from.IsValid() || from.IsUnspecified() || !from.Is4() && f.Link != target.IEEE802154 {
		return false
	}
	if _, known := s.known(f); known {
		return true
	}
	if _, taken := s.host(from.String()); taken {
		return false
	}
	mac := linkSource(f)
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

// omit leaves packets out and says so.
func (s *Scenario) omit(numbers []int, why string) {
	if len(numbers) == 0 {
		return
	}
	slices.Sort(numbers)
	var ranges []Omission
	for _, n := range numbers {
		if last := len(ranges) - 1; last >= 0 && ranges[last].Last == n-1 {
			ranges[last].Last = n
		} else {
			ranges = append(ranges, Omission{First: n, Last: n, Why: why})
		}
	}
	s.Omit = append(s.Omit, ranges...)
	var texts []string
	for _, r := range ranges {
		if r.First == r.Last {
			texts = append(texts, fmt.Sprint(r.First))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", r.First, r.Last))
		}
	}
	const most = 12
	if len(texts) > most {
		texts = append(texts[:most], fmt.Sprintf("and more, %d in all", len(numbers)))
	}
	noun := "packets"
	if len(numbers) == 1 {
		noun = "packet"
	}
	s.Assumed = append(s.Assumed, fmt.Sprintf("left out: %s %s, %s", noun, strings.Join(texts, ", "), why))
}
