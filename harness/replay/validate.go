package replay

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
)

// validate holds a scenario file against its capture: names that are used are there, every packet is of a flow or left
// out, and every role can be played.
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
	if err := s.validateBehind(); err != nil {
		return err
	}
	if err := s.validateSockets(); err != nil {
		return err
	}
	if err := s.validateAssigns(); err != nil {
		return err
	}
	for _, o := range s.Omit {
		if o.Last > len(s.packets) {
			return fmt.Errorf("omit names packet %d, but the capture has %d", o.Last, len(s.packets))
		}
		if o.Role != "" && !slices.Contains(s.Roles, o.Role) {
			return fmt.Errorf("omit names the role %s, which the target does not play", o.Role)
		}
	}
	for _, m := range s.Masks {
		if m.Role != "" && !slices.Contains(s.Roles, m.Role) {
			return fmt.Errorf("the mask of %s names the role %s, which the target does not play", m.Field, m.Role)
		}
	}
	for _, role := range s.Roles {
		if _, err := s.plan(role); err != nil {
			return err
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
		for _, n := range k.packets() {
			if n > len(s.packets) {
				return fmt.Errorf("the %s socket of %s sends packet %d, but the capture has %d", k.Type, k.Host, n, len(s.packets))
			}
			if from, _ := s.speaker(s.packets[n-1].frame); from.Name != h.Name {
				return fmt.Errorf("the %s socket of %s sends packet %d, which that host did not send", k.Type, k.Host, n)
			}
		}
		if err := s.validateReceives(k); err != nil {
			return err
		}
	}
	return nil
}

// validateBehind holds hosts behind a router against it: the capture shows their frames as the router's.
func (s *Scenario) validateBehind() error {
	for _, h := range s.Hosts {
		if h.Behind == "" {
			continue
		}
		router, ok := s.host(h.Behind)
		switch {
		case !ok || router.Name == h.Name:
			return fmt.Errorf("host %s is behind %s, which is no other host of the scenario", h.Name, h.Behind)
		case !bytes.Equal(router.MAC, h.MAC):
			return fmt.Errorf("host %s is behind %s, so its frames have the link address of that router, %s", h.Name, h.Behind, router.MAC)
		}
	}
	return nil
}

// speaker is the host that said f: the one with its addresses. Its link address decides when it says another's IP address
// than its own, which is a fault to be compared and not another host.
func (s *Scenario) speaker(f *packet.Frame) (Host, bool) {
	if h, ok := s.known(f); ok {
		return h, true
	}
	mac := linkSource(f)
	var found []Host
	for _, h := range s.Hosts {
		if bytes.Equal(h.MAC, mac) {
			found = append(found, h)
		}
	}
	if len(found) != 1 {
		return Host{}, false
	}
	return found[0], true
}

// known is the host with both addresses of f's sender.
func (s *Scenario) known(f *packet.Frame) (Host, bool) {
	from, _ := ends(f)
	mac := linkSource(f)
	for _, h := range s.Hosts {
		if h.has(from) && bytes.Equal(h.MAC, mac) {
			return h, true
		}
	}
	return Host{}, false
}

// inFlow tells whether what a host says belongs to the scenario. An answer does wherever it goes: that is compared. A
// host that asks for an address that nobody has speaks to nobody else. What goes to a group goes to all hosts.
func (s *Scenario) inFlow(a *aligner, from Host, f *packet.Frame) bool {
	if len(s.Flows) == 0 {
		return true
	}
	_, to := ends(f)
	return slices.ContainsFunc(s.Flows, func(fl Flow) bool {
		if fl.Kind != a.kind || !slices.Contains(fl.Hosts[:], from.Name) {
			return false
		}
		if !a.begins(f) || to.IsMulticast() {
			return true
		}
		for _, name := range fl.Hosts {
			if h, _ := s.host(name); name != from.Name && h.has(to) {
				return true
			}
		}
		return to == s.Unused
	})
}
