package interop

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/judge"
	"github.com/conform-stack/conform/harness/target"
)

// A Side is one of the two targets.
type Side struct {
	Role string // a or b
	Info target.Info
	Net  target.Net

	world target.World
	judge *judge.Judge
	found []judge.Finding
}

// IP is the side's address of a family.
func (s *Side) IP(six bool) netip.Addr {
	if six {
		return s.Net.Target.IP6
	}
	return s.Net.Target.IP4
}

// String is how messages name the side.
func (s *Side) String() string { return fmt.Sprintf("%s (%s)", s.Role, s.Info.Name) }

func (s *Side) wrap(err error) error { return fmt.Errorf("%s: %w", s, err) }

// take hands the side a frame from the wire.
func (s *Side) take(at time.Duration, frame []byte) error {
	s.judge.Frame(judge.Frame{Time: at, Link: capture.LinkType(s.Net.Link), Data: frame})
	if err := s.world.Send(0, frame); err != nil {
		return s.wrap(err)
	}
	return nil
}

// sent shows the judge a frame of the side's own.
func (s *Side) sent(at time.Duration, frame []byte) []judge.Finding {
	found := s.judge.Frame(judge.Frame{Time: at, Link: capture.LinkType(s.Net.Link), Data: frame, FromTarget: true})
	s.found = append(s.found, found...)
	return found
}

// open makes the worlds of both sides. b sits where a has its second tester: the first one is the router of the link.
func open(ctx context.Context, a, b target.Target, sc *Scenario, seed uint64) (sides [2]*Side, err error) {
	close := func(err error) ([2]*Side, error) {
		for _, s := range sides {
			if s != nil {
				_ = s.world.Close() // the first error says why
			}
		}
		return [2]*Side{}, err
	}
	var place *target.Net
	for i, t := range []target.Target{a, b} {
		spec := target.Spec{Check: "interop " + sc.ID(), Seed: seed + uint64(i), Link: target.Ethernet, Needs: sc.needs(i), Place: place}
		world, err := t.New(ctx, spec)
		if err != nil {
			return close(err)
		}
		s := &Side{Role: string(rune('a' + i)), Info: t.Info(), Net: world.Nets()[0], world: world}
		sides[i] = s
		s.judge = judge.New(judge.Options{Target: s.suspect(sc)})
		if i > 0 {
			break
		}
		if len(s.Net.Testers) < 2 {
			return close(fmt.Errorf("%s lends one tester; its peer and a router take two", s))
		}
		place = beside(s.Net)
	}
	return sides, nil
}

// beside is the link as the peer finds it.
func beside(n target.Net) *target.Net {
	p := n
	p.Target = n.Testers[1]
	p.Testers = append([]target.Host{n.Testers[0], n.Target}, n.Testers[2:]...)
	return &p
}

// suspect is what the judge is told of the side: no addresses where they change.
func (s *Side) suspect(sc *Scenario) *judge.Target {
	t := &judge.Target{MAC: s.Net.Target.MAC, Router: sc.routes(s.Role)}
	if sc.Moves {
		return t
	}
	t.Prefix, t.Addrs = s.Net.Prefix4, []netip.Addr{s.Net.Target.IP4}
	if s.Net.Target.IP6.IsValid() {
		t.Addrs6 = []netip.Addr{s.Net.Target.IP6, s.Net.Target.LinkLocal}
	}
	return t
}
