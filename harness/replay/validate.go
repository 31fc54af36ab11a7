package replay

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
)

// validate holds a scenario file against its capture: names that are used are there, every packet is of a flow or left
// out, every role can be played, and what the scenario claims to show is shown by one of its roles.
func (s *Scenario) validate() error {
	if len(s.Hosts) < 2 {
		return fmt.Errorf("the scenario has fewer than two hosts: one is played by the target, the others by the harness")
	}
	for _, name := range s.Roles {
		if _, ok := s.host(name); !ok {
			return fmt.Errorf("target names %s, which is no host of the scenario", name)
		}
	}
	for _, f := range s.Flows {
		for _, name := range f.Hosts {
			if _, ok := s.host(name); !ok {
				return fmt.Errorf("a flow of %s names %s, which is no host of the scenario", f.Kind, name)
			}
		}
	}
	if err := s.validateSockets(); err != nil {
		return err
	}
	for _, o := range s.Omit {
		if o.Last > len(s.packets) {
			return fmt.Errorf("omit names packet %d, but the capture has %d", o.Last, len(s.packets))
		}
	}
	shown := map[string]bool{}
	for _, role := range s.Roles {
		p, err := s.plan(role)
		if err != nil {
			return err
		}
		for _, req := range p.requirements() {
			shown[req] = true
		}
	}
	for _, req := range s.Shows {
		if !shown[req] {
			return fmt.Errorf("shows names %s, which nothing that the target says in %s shows", req, strings.Join(s.Roles, " or "))
		}
	}
	return nil
}

func (s *Scenario) validateSockets() error {
	for _, k := range s.Sockets {
		h, ok := s.host(k.Host)
		if !ok {
			return fmt.Errorf("a socket is on %s, which is no host of the scenario", k.Host)
		}
		for _, n := range k.Sends {
			if n > len(s.packets) {
				return fmt.Errorf("the %s socket of %s sends packet %d, but the capture has %d", k.Type, k.Host, n, len(s.packets))
			}
			if from, _ := s.speaker(s.packets[n-1].frame); from.Name != h.Name {
				return fmt.Errorf("the %s socket of %s sends packet %d, which that host did not send", k.Type, k.Host, n)
			}
		}
	}
	return nil
}

// speaker is the host that said f.
func (s *Scenario) speaker(f *packet.Frame) (Host, bool) {
	from, _ := ends(f)
	mac, _ := ethernet.Src.Of(f)
	for _, h := range s.Hosts {
		if h.IP == from && bytes.Equal(h.MAC, mac) {
			return h, true
		}
	}
	return Host{}, false
}

// inFlow tells whether a packet of kind a between from and to belongs to the scenario. A host that asks for an address
// that nobody has speaks to nobody else.
func (s *Scenario) inFlow(a *aligner, from Host, to netip.Addr) bool {
	if len(s.Flows) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Flows, func(f Flow) bool {
		if f.Kind != a.kind || !slices.Contains(f.Hosts[:], from.Name) {
			return false
		}
		for _, name := range f.Hosts {
			if h, _ := s.host(name); name != from.Name && h.IP == to {
				return true
			}
		}
		return to == s.Unused
	})
}
