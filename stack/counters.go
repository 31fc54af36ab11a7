package stack

import "github.com/conform-stack/conform/stack/stats"

// Stats is what the node has counted: the sum over its interfaces, whose own counters are in Iface.Stats, and what
// concerns none of them. It is a copy.
func (n *Node) Stats() stats.Node {
	sum := n.counters
	for _, i := range n.interfaces {
		sum.Add(i.Stats)
	}
	return sum
}

// ResetStats sets the counters of the node and of all its interfaces to zero. Nothing else notices: packets under way are
// counted by where they have still to pass.
func (n *Node) ResetStats() {
	n.counters.Reset()
	for _, i := range n.interfaces {
		i.Stats.Reset()
	}
}
