package tcp

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	claims := func(m mutate.Mutation, requirements ...string) (c check.Claims) {
		for _, r := range requirements {
			c = c.And(r, m)
		}
		return c.Needs(target.PRR)
	}
	silent := mutate.Withheld("new data upon the fourth to fifteenth duplicate", func(s mutate.Sending) bool { return !s.Again && s.Dups >= 4 && s.Dups <= 15 })
	eager := mutate.Goads("the eighth duplicate", 12, upon(8))

	grid("tcp.prr.proportional", "in recovery new data is sent evenly, for about every other segment that arrives",
		claims(silent, "RFC6937:3-3", "RFC6937:3-2").And("RFC6937:3-1", eager).And("RFC6937:3-7", eager).And("RFC6937:2-1", eager).And("RFC6937:2-2", eager).And("RFC6937:2-3", eager).And("RFC6937:8-1", eager),
		[]kind{plain, sacks},
		func(host *probe.Tester, k kind) {
			s := opened(host, k, roundTrip)
			s.write(400)
			flight := s.grow(20)
			var sent []int
			total := 0
			for n := 1; n < flight; n++ {
				if k.sack {
					s.report(block{1, n + 1})
				} else {
					s.repeat()
				}
				ps := s.after(step / 2)
				if n > 3 {
					total += len(fresh(ps))
				}
				sent = append(sent, total)
			}
			host.Step("new segments sent since the fourth duplicate, one by one: %v", sent)
			// Half of the flight is the target: about n/2 segments behind n duplicates, less the retransmission and what
			// limited transmit sent before.
			for n := 4; n < flight; n++ {
				for _, requirement := range []string{"RFC6937:3-1", "RFC6937:3-7", "RFC6937:2-1", "RFC6937:2-2", "RFC6937:2-3", "RFC6937:8-1"} {
					host.That(requirement, "new segments behind "+count(n)+" duplicates", sent[n-1], gomega.BeNumerically("<=", n/2+2))
				}
			}
			for _, n := range []int{flight/2 + 4, flight - 1} {
				for _, requirement := range []string{"RFC6937:3-2", "RFC6937:3-3"} {
					host.That(requirement, "new segments behind "+count(n)+" duplicates", sent[n-1], gomega.BeNumerically(">=", n/2-4))
				}
			}
		})

	it("tcp.prr.heavy-loss", "when most of a window is lost, each segment that arrives lets one or two out",
		claims(mutate.Goads("the fourth duplicate", 9, upon(4)), "RFC6937:3-5", "RFC6937:3-6", "RFC6937:4-4", "RFC6937:4-2").
			And("RFC6937:3-4", mutate.Withheld("retransmissions behind the first", func(s mutate.Sending) bool { return s.Again && s.From != s.Acked })).
			And("RFC6937:3.1-2", mutate.Withheld("retransmissions behind the first", func(s mutate.Sending) bool { return s.Again && s.From != s.Acked })),
		func(host *probe.Tester) {
			s, flight := inFlight(host, sacks, 20)
			lost := flight - 5
			sums := 0
			for n := lost; n < flight; n++ {
				s.report(block{lost, n + 1})
				ps := s.after(step / 2)
				if n < lost+2 {
					continue // limited transmit
				}
				sums += len(again(ps))
				for _, requirement := range []string{"RFC6937:3-5", "RFC6937:3-6", "RFC6937:4-4", "RFC6937:4-2"} {
					host.That(requirement, "segments sent upon one that arrived", len(ps), gomega.BeNumerically("<=", 4))
				}
			}
			for _, requirement := range []string{"RFC6937:3-4", "RFC6937:3.1-2"} {
				host.That(requirement, "segments sent again, upon three that arrived", sums, gomega.And(gomega.BeNumerically(">=", 3), gomega.BeNumerically("<=", 8)))
			}
		})
}
