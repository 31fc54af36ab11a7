package tcp

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The ECN fields of two fragments of one segment, and what becomes of it: whether it may be dropped, and whether it is
// marked if it is not.
type fragments struct {
	first, second byte
	mayDrop       bool
	mark          bool
	mustDrop      bool
}

func (f fragments) String() string { return fmt.Sprintf("%02b-%02b", f.first, f.second) }

// What TCP sees of the ECN fields of fragments (RFC 3168, section 5.3): marked or not is all that it tells.
func init() {
	acks := tcp.Segment(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN))
	grid4("tcp.ecn.fragments", "a segment in fragments of which one is marked is marked or dropped; one that is not capable forbids the mark",
		check.Proves("RFC3168:5.3-2", mutate.Field(acks, tcp.ECEBit.Is(0))).
			And("RFC3168:5.3-3", mutate.Field(acks, tcp.ECEBit.Is(0), tcp.CWRBit.Is(0))).
			And("RFC3168:5.3-4", mutate.Field(acks, tcp.ECEBit.Is(1))).
			And("RFC3168:5.3-5", mutate.Field(acks, tcp.ECEBit.Is(0), tcp.Reserved.Is(0))).
			And("RFC3168:5.3-6", mutate.Field(acks, tcp.ECEBit.Is(1), tcp.CWRBit.Is(0))).
			Needs(target.ECN),
		[]fragments{
			{ect0, ect0, false, false, false},
			{ect1, ect1, false, false, false},
			{ce, ce, false, true, false},
			{ce, ect0, true, true, false},
			{ect0, ce, true, true, false},
			{ce, notECT, true, false, true},
			{notECT, ce, true, false, true},
		},
		func(host *probe.Tester, k fragments) {
			c := ecnOpen(host, probe.Passive)
			whole := packet.Dissect(host.Net().Link, host.Build(c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(600))))
			parts := ipv4.SplitEvery(whole, 320)
			for i, part := range parts {
				ecn := k.first
				if i == len(parts)-1 {
					ecn = k.second
				}
				host.SendBytes(setECN(host.Build(part), ecn))
			}
			c.SndNxt = c.ISS + 1 + 600
			came := c.Until(700*time.Millisecond, func() bool { return c.SndUna == c.SndNxt })
			reqs := []string{"RFC3168:5.3-2", "RFC3168:5.3-3", "RFC3168:5.3-4", "RFC3168:5.3-5", "RFC3168:5.3-6"}
			host.Observed("RFC3168:5.3-5", "dropped: %t", !came)
			if !came {
				for _, req := range reqs {
					host.That(req, "the segment may be dropped", k.mayDrop, gomega.BeTrue())
				}
				return
			}
			sent := c.Sent(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN))
			for _, req := range reqs {
				host.That(req, "a segment with a fragment that is not capable and one that is marked is taken", k.mustDrop, gomega.BeFalse())
				if k.mark {
					host.Must(req, sent[len(sent)-1], tcp.ECEBit.Is(1))
				} else {
					host.Must(req, sent[len(sent)-1], tcp.ECEBit.Is(0))
				}
			}
		})
}
