package interop

import (
	"slices"

	"github.com/conform-stack/conform/harness/target"
)

// A Scenario is something that two stacks do with each other.
type Scenario struct {
	Name   string
	Title  string
	Six    bool             // over IPv6
	NeedsA []target.Feature // beside the agent
	NeedsB []target.Feature
	Moves  bool // addresses change while it is played
	Faults Faults
	Body   func(*Stage)
}

// ID is the name with the family.
func (s *Scenario) ID() string {
	if s.Six {
		return s.Name + "[ipv6]"
	}
	return s.Name + "[ipv4]"
}

// needs are those of the i-th side.
func (s *Scenario) needs(i int) []target.Feature {
	n := []target.Feature{target.Agent}
	if s.Six {
		n = append(n, target.IPv6)
	}
	if i == 0 {
		return append(n, s.NeedsA...)
	}
	return append(n, s.NeedsB...)
}

// routes tells whether a side is a router.
func (s *Scenario) routes(role string) bool {
	n := s.NeedsA
	if role == "b" {
		n = s.NeedsB
	}
	return slices.Contains(n, target.Forwarding6)
}

// Scenarios are all there are, in the order of the matrix.
func Scenarios() (all []*Scenario) {
	both := func(list ...Scenario) {
		for _, sc := range list {
			for _, six := range []bool{false, true} {
				one := sc
				one.Six = six
				all = append(all, &one)
			}
		}
	}
	both(
		Scenario{Name: "resolve", Title: "neither knows the other: a datagram arrives, and its answer", Body: resolve},
		Scenario{Name: "ping", Title: "echo of every size, in fragments when it has to be", Body: ping},
		Scenario{Name: "udp", Title: "datagrams of every size there and back", Body: datagrams},
		Scenario{Name: "udp-closed", Title: "a port where nobody is answers with an error", Body: udpClosed},
		Scenario{Name: "tcp", Title: "connect, a few lines each way, close from either end", Body: conversation},
		Scenario{Name: "tcp-refused", Title: "a port where nobody listens refuses", Body: refused},
		Scenario{Name: "tcp-bulk", Title: "a megabyte each way, with equal hashes", Body: bulk(1 << 20)},
		Scenario{Name: "tcp-half-close", Title: "one direction ends, the other goes on", Body: halfClose},
		Scenario{Name: "tcp-abort", Title: "a reset ends both ends", Body: abort},
		Scenario{Name: "tcp-loss-1", Title: "bulk both ways over a wire that loses 1 %", Faults: Faults{Loss: 0.01}, Body: bulk(256 << 10)},
		Scenario{Name: "tcp-loss-5", Title: "bulk both ways over a wire that loses 5 %", Faults: Faults{Loss: 0.05}, Body: bulk(128 << 10)},
		Scenario{Name: "tcp-reorder", Title: "bulk both ways over a wire that reorders and repeats", Faults: Faults{Reorder: 0.1, Repeat: 0.02}, Body: bulk(256 << 10)},
		Scenario{Name: "mtu", Title: "the path becomes narrower while a transfer is under way", Body: narrower},
	)
	all = append(all,
		&Scenario{
			Name: "conflict", Title: "b is given the address that a has, and does not take it", Moves: true,
			NeedsB: []target.Feature{target.Management, target.Conflict}, Body: conflict,
		},
		&Scenario{
			Name: "conflict", Title: "b is given the address that a has, and does not take it", Moves: true, Six: true,
			NeedsB: []target.Feature{target.Management6, target.DAD}, Body: conflict,
		},
		&Scenario{
			Name: "slaac", Title: "a advertises a prefix, b makes an address of it and is reached there", Moves: true, Six: true,
			NeedsA: []target.Feature{target.Forwarding6, target.Advertises}, NeedsB: []target.Feature{target.SLAAC, target.Management6}, Body: slaac,
		},
	)
	return all
}
