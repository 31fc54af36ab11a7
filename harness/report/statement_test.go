package report

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestStatement(t *testing.T) {
	g := NewWithT(t)
	r := &Report{Target: Target{Name: "board", Version: "2.1", Features: []string{"agent", "ipv6"}}, Checks: []Check{
		{ID: "a.one", Suite: "a", Outcome: Pass},
		{ID: "a.two", Suite: "a", Outcome: Pass, Needs: []string{"agent"}},
		{ID: "a.six", Suite: "a", Outcome: ExpectedFail, Needs: []string{"ipv6"}, Requirements: []string{"RFC1:1"}, Reason: "an old version"},
		{ID: "b.one", Suite: "b", Outcome: NotApplicable, Needs: []string{"igmp"}},
		{ID: "c.one", Suite: "c", Outcome: Fail, Requirements: []string{"RFC1:2"}},
		{ID: "c.two", Suite: "c", Outcome: Error},
	}}
	s, err := State(r, Implementation{Organization: "Boards & Co"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Result).To(Equal(Fails))
	g.Expect(s.Features.Unsupported).To(Equal([]string{"igmp"}))
	g.Expect(s.Profiles).To(HaveLen(3))
	a, b, c := s.Profiles[0], s.Profiles[1], s.Profiles[2]
	g.Expect(a.Core).To(Equal(Part{Result: Conforms, Passed: 2}))
	g.Expect(*a.Extended).To(Equal(Part{Result: Partial, Failed: 1, Deviations: []Deviation{{"a.six", []string{"RFC1:1"}, "an old version"}}}))
	g.Expect(b.Core.Result).To(Equal(Absent))
	g.Expect(*b.Extended).To(Equal(Part{Result: Absent, Left: 1}))
	g.Expect(c.Core.FailedNames).To(Equal([]string{"c.one", "c.two"}))
	var text strings.Builder
	g.Expect(s.WriteYAML(&text)).To(Succeed())
	g.Expect(text.String()).To(HavePrefix("schema: conform.statement/v1\nimplementation:\n  organization: Boards & Co\n  project: board\n  version: \"2.1\"\n"))
}

func TestStatementIsOfAWholeRun(t *testing.T) {
	g := NewWithT(t)
	_, err := State(&Report{Interrupted: true}, Implementation{})
	g.Expect(err).To(MatchError(ContainSubstring("interrupted")))
	_, err = State(&Report{Shard: "1/4"}, Implementation{})
	g.Expect(err).To(MatchError(ContainSubstring("merge the parts first")))
}
