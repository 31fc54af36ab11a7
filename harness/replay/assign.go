package replay

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/internal/rows"
	"github.com/conform-stack/conform/harness/probe"
)

// An Assignment is an address that the target's interface is given while it plays Host.
type Assignment struct {
	Host      string
	IP        netip.Addr
	Packet    int  // of the capture, that the host says because of it: the first probe for it
	Duplicate bool // somebody else has it, so that it does not become the host's
}

// notAssigned is what becomes of a duplicate.
const notAssigned = "RFC4862:5.4.5-1"

func parseAssignment(f rows.Field) (a Assignment, err error) {
	err = mapping(f, keys{
		"host": text(&a.Host), "ip": address(&a.IP), "packet": number(&a.Packet, maxPacket), "duplicate": yes(&a.Duplicate),
	}, "host", "ip", "packet")
	return a, err
}

func (s *Scenario) validateAssigns() error {
	for _, a := range s.Assigns {
		h, ok := s.host(a.Host)
		switch {
		case !ok:
			return fmt.Errorf("%s is assigned to %s, which is no host of the scenario", a.IP, a.Host)
		case a.Packet > len(s.packets):
			return fmt.Errorf("an assignment names packet %d, but the capture has %d", a.Packet, len(s.packets))
		}
		if from, _ := s.speaker(s.packets[a.Packet-1].frame); from.Name != h.Name {
			return fmt.Errorf("%s is assigned to %s for packet %d, which that host did not send", a.IP, a.Host, a.Packet)
		}
	}
	return nil
}

// assign gives the target's interface an address.
func (p *player) assign(st step) error {
	a := st.act.assigns
	live := p.tr.ip(a.IP)
	p.step("the target's interface is given %s", live)
	if _, err := p.call(agent.Request{Do: agent.AddAddr, Local: netip.AddrPortFrom(live, 0), Value: 64}); err != nil {
		return fmt.Errorf("giving the target's interface an address: %w", err)
	}
	return nil
}

// judgeAssigned looks at what became of the addresses that the interface was given.
func (p *player) judgeAssigned() error {
	for _, a := range p.scenario.Assigns {
		if a.Host != p.plan.role.Name || !a.Duplicate {
			continue
		}
		live := p.tr.ip(a.IP)
		state, err := p.stateOf(live)
		for until := p.world.Now() + p.patience(); err == nil && state == "tentative" && p.world.Now() < until; state, err = p.stateOf(live) {
			if _, err := p.next(min(until, p.world.Now()+p.patience()/10)); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		p.log.Asserted[notAssigned]++
		if state == "preferred" || state == "deprecated" {
			p.fail(Failure{Requirement: notAssigned, Kind: probe.Field, Packet: a.Packet, Want: "an address that is not assigned", Got: state,
				Text: fmt.Sprintf("%s is another host's, which said so, and the target has it, too: it is %s", live, state)})
		}
	}
	return nil
}

// stateOf is the state of an address of the target, empty when it has none such.
func (p *player) stateOf(ip netip.Addr) (string, error) {
	r, err := p.call(agent.Request{Do: agent.Addrs})
	for _, a := range r.Addrs {
		if a.Addr == ip {
			return a.State, err
		}
	}
	return "", err
}
