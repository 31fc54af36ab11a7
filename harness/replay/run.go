package replay

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/target"
)

// Options refine a run. The zero value is good for virtual targets.
type Options struct {
	Seed      uint64
	Roles     []string      // of the scenario's, those to play; empty for all
	Tolerance time.Duration // added to how long an answer of a live target is waited for
	MaxGap    time.Duration // longer pauses of the capture are cut to it; zero means 2 s
	Mutation  mutate.Mutation
	// Judge makes the passive judge of one run, as that of a check.Runner; nil for none.
	Judge func(c *check.Check, w target.World) func(f *packet.Frame, fromTarget bool) []check.Finding
}

const maxGap = 2 * time.Second

// Run plays the scenario's roles, each in a world of its own, and gives a result for each. A role that the target cannot
// play is not applicable. The error is about the request: a role that the scenario does not have.
func (s *Scenario) Run(ctx context.Context, t target.Target, o Options) ([]Result, error) {
	for _, role := range o.Roles {
		if !slices.Contains(s.Roles, role) {
			return nil, fmt.Errorf("the scenario %s has no role %s: the target can play %v", s.Name, role, s.Roles)
		}
	}
	var results []Result
	for _, role := range s.Roles {
		if len(o.Roles) > 0 && !slices.Contains(o.Roles, role) {
			continue
		}
		results = append(results, s.play(ctx, t, role, o))
		if ctx.Err() != nil {
			break
		}
	}
	return results, nil
}

// play plays one role. A target one of whose sockets refuses a call leaves it open what it would have said.
func (s *Scenario) play(ctx context.Context, t target.Target, role string, o Options) (res Result) {
	res = Result{Scenario: s, Role: role}
	plan, err := s.plan(role)
	if err != nil {
		res.Err = err
		return res
	}
	info := t.Info()
	if !slices.Contains(info.Links, s.link()) {
		res.NotApplicable = fmt.Sprintf("the capture is of a link of type %s, the target's links are %s", s.link(), info.Links)
		return res
	}
	needs := plan.needs()
	for _, f := range needs {
		if !info.Has(f) {
			res.NotApplicable = fmt.Sprintf("to play %s the target needs %q, which it does not declare", role, f)
			return res
		}
	}
	world, err := t.New(ctx, target.Spec{Check: res.ID(), Seed: seed(o.Seed, res.ID()), Link: s.link(), Needs: needs})
	if err != nil {
		res.Err = fmt.Errorf("making a world for the replay: %w", err)
		return res
	}
	world = o.Mutation.Wrap(world)
	p := newPlayer(ctx, s, plan, world, info, o)
	if o.Judge != nil {
		p.judge = o.Judge(res.check(needs), world)
	}
	if res.NotApplicable = p.cast(); res.NotApplicable == "" {
		res.Err = p.play()
		if refusal, short, narrow := agent.Errno(""), shortWrite(""), noRoom(""); errors.As(res.Err, &refusal) || errors.As(res.Err, &short) || errors.As(res.Err, &narrow) {
			// what the capture shows cannot be asked of such a target
			p.log.Inconclusive, res.Err = res.Err.Error(), nil
		}
		res.Packets, res.Failures, res.Findings, res.Log = plan.packets, p.failures, p.findings, p.log
		res.Elapsed = world.Now()
		p.log.Elapsed, p.log.Err = res.Elapsed, res.Err
	}
	if err := world.Close(); err != nil && res.Err == nil {
		res.Err = fmt.Errorf("after the replay: %w", err)
	}
	return res
}

// seed gives each run randomness that depends on nothing but the seed and the name.
func seed(seed uint64, id string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", seed, id)
	return h.Sum64()
}

// cast says which tester plays which of the peers. It gives the reason for which that is not possible.
func (p *player) cast() (notApplicable string) {
	nets := p.world.Nets()
	net := nets[0]
	p.tr = &translation{streams: newStreams(p.plan), pan: net.PAN}
	testers := net.Testers
	var behind []target.Host // testers on the second link
	if len(nets) > 1 {
		behind = nets[1].Testers
	}
	for _, h := range p.scenario.Hosts {
		switch {
		case h.Name == p.plan.role.Name:
			p.speaker = net.Target
			if ll := net.Target.LinkLocal; !net.Target.IP6.IsValid() && ll.IsValid() && h.IP.Is6() { // it makes it itself
				p.speaker.IP6 = inPrefixOf(h.IP, ll)
			}
			p.tr.target = played{h, p.speaker}
			p.tr.hosts = append(p.tr.hosts, p.tr.target)
		case h.Behind == p.plan.role.Name && len(behind) == 0:
			return fmt.Sprintf("the capture has %s behind %s, and behind the target there is no link that allows it", h.Name, h.Behind)
		case h.Behind == p.plan.role.Name && h.MTU != 0 && h.MTU != nets[1].MTU:
			return fmt.Sprintf("the capture has a link with an MTU of %d behind %s, the one behind the target has %d", h.MTU, h.Behind, nets[1].MTU)
		case h.Behind == p.plan.role.Name:
			p.tr.hosts = append(p.tr.hosts, played{h, behind[0]})
			behind = behind[1:]
		case len(testers) == 0:
			return fmt.Sprintf("the capture has %d hosts beside the target, the target's link allows %d", len(p.scenario.Hosts)-1, len(net.Testers))
		default:
			p.peers = append(p.peers, testers[0])
			p.tr.hosts = append(p.tr.hosts, played{h, testers[0]})
			testers = testers[1:]
		}
	}
	if p.scenario.Unused.IsValid() {
		p.tr.unused = p.scenario.Unused
		p.tr.liveUnused = net.Unused4
		if p.tr.unused.Is6() {
			p.tr.liveUnused = net.Unused6
		}
	}
	return ""
}
