package requirement

import (
	"strings"
	"testing"
)

// small has a requirement of each kind that coverage tells apart.
func small(t *testing.T) *Catalogue {
	t.Helper()
	c, err := LoadFS(tree(map[string]string{
		"ipv4/rfc826.yaml": `
- {id: "RFC826:RX-1", section: s, level: MUST, text: "is proved twice", testable: wire}
- {id: "RFC826:RX-2", section: s, level: RULE, text: "is a gap", testable: api}
- {id: "RFC826:RX-10", section: s, level: MAY, text: "is internal", testable: none}
- {id: "RFC826:RX-11", section: s, level: MUST, text: "has a reason", testable: wire}`,
		"ipv4/rfc768.yaml": `- {id: "RFC768:1", section: s, level: SHOULD, text: "is proved, with a stale reason", testable: wire}`,
		"tcp/rfc9293.yaml": `- {id: "RFC9293:MUST-1", section: s, level: MUST, text: "is a gap too", testable: wire}`,
		"untested.yaml":    "- {id: \"RFC826:RX-11\", reason: takes a day}\n- {id: \"RFC768:1\", reason: once hard}",
	}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var smallChecks = []CheckRef{
	{"arp.b", []string{"RFC826:RX-1", "RFC826:RX-1"}},
	{"arp.a", []string{"RFC826:RX-1"}},
	{"udp.a", []string{"RFC768:1"}},
}

func TestPrintCoverage(t *testing.T) {
	var b strings.Builder
	err := Cover(small(t), smallChecks).Watched([]string{"RFC826:RX-2", "RFC768:1", "RFC826:RX-10"}).Print(&b, PrintOptions{Levels: true, Entries: true, Gaps: true, Reasons: true,
		Outcomes: map[string]string{"RFC826:RX-1": "fail", "RFC768:1": "pass", "RFC826:RX-10": "inconclusive"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `                  entries  testable  covered  reason  gaps  judge  passed  failed  other  checked
RFC 768                 1         1        1       0     0      1       1       0      0   100.0%
  SHOULD                1         1        1       0     0      1       1       0      0   100.0%
RFC 826                 4         3        1       1     1      1       0       1      1    33.3%
  MUST                  2         2        1       1     0      0       0       1      0    50.0%
  RULE                  1         1        0       0     1      1       0       0      0     0.0%
  MAY                   1         0        0       0     0      0       0       0      1        -
RFC 9293                1         1        0       0     1      0       0       0      0     0.0%
  MUST                  1         1        0       0     1      0       0       0      0     0.0%
all                     6         5        2       1     2      2       1       1      1    40.0%
  MUST                  3         3        1       1     1      0       0       1      0    33.3%
  RULE                  1         1        0       0     1      1       0       0      0     0.0%
  SHOULD                1         1        1       0     0      1       1       0      0   100.0%
  MAY                   1         0        0       0     0      0       0       0      1        -

requirements (6):
  RFC768:1  SHOULD  pass: udp.a (watched by the judge)
  RFC826:RX-1  MUST  fail: arp.a, arp.b
  RFC826:RX-2  RULE  gap (watched by the judge)
  RFC826:RX-10  MAY  inconclusive: not testable (watched by the judge)
  RFC826:RX-11  MUST  no check: takes a day
  RFC9293:MUST-1  MUST  gap

testable, without a check or a reason (2):
  RFC826:RX-2  RULE, api: is a gap (watched by the judge)
  RFC9293:MUST-1  MUST, wire: is a gap too

testable, without a check for a reason (1):
  RFC826:RX-11  MUST: takes a day

reasons to remove, for there is a check (1):
  RFC768:1
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFilterKeepsSpecsAndGroups(t *testing.T) {
	c := Cover(small(t), smallChecks)
	for _, tt := range []struct {
		specs, groups []string
		want          string // ids of the gaps
	}{
		{nil, nil, "RFC826:RX-2 RFC9293:MUST-1"},
		{[]string{"RFC 826"}, nil, "RFC826:RX-2"},
		{nil, []string{"tcp"}, "RFC9293:MUST-1"},
		{[]string{"RFC 826", "RFC 9293"}, []string{"tcp"}, "RFC9293:MUST-1"},
		{[]string{"RFC 768"}, nil, ""},
	} {
		kept, err := c.Filter(tt.specs, tt.groups)
		if err != nil {
			t.Errorf("Filter(%q, %q): %v", tt.specs, tt.groups, err)
		}
		var ids []string
		for _, e := range kept.Gaps() {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("Filter(%q, %q) has the gaps %s, want %s", tt.specs, tt.groups, got, tt.want)
		}
	}
	want := `specification "RFC 827" is not in the catalogue: names are such as "RFC 768"`
	if _, err := c.Filter([]string{"RFC 827"}, nil); err == nil || err.Error() != want {
		t.Errorf("Filter: %v\nwant %s", err, want)
	}
	want = `group "udp" is not in the catalogue`
	if _, err := c.Filter(nil, []string{"udp"}); err == nil || err.Error() != want {
		t.Errorf("Filter: %v\nwant %s", err, want)
	}
}

func TestCoverReportsFaultsOfChecks(t *testing.T) {
	good := Cover(small(t), smallChecks)
	if err := good.Err(); err != nil {
		t.Errorf("good checks: %v", err)
	}
	c := Cover(small(t), []CheckRef{{"z", []string{"RFC826:RX-1", "RFC826:RX-3"}}, {"a", nil}})
	var b strings.Builder
	if err := c.Print(&b, PrintOptions{}); err != nil {
		t.Fatal(err)
	}
	const want = `
faults (2):
  check a names no requirement
  check z names requirement "RFC826:RX-3", which the catalogue does not have
`
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("the table ends\n%s\nwant\n%s", b.String(), want)
	}
	if got, want := c.Err().Error(), "check a names no requirement (one of 2 such faults)"; got != want {
		t.Errorf("Err: %s, want %s", got, want)
	}
}

func TestBindingKeepsTheRoleAndBoth(t *testing.T) {
	catalogue, err := LoadFS(tree(map[string]string{"ipv6/rfc4861.yaml": `
- {id: "RFC4861:1", section: s, level: MUST, text: "binds hosts", testable: wire}
- {id: "RFC4861:2", section: s, level: MUST, text: "binds routers", testable: wire, role: router}
- {id: "RFC4861:3", section: s, level: MUST, text: "binds both", testable: wire, role: both}`}))
	if err != nil {
		t.Fatal(err)
	}
	c := Cover(catalogue, nil)
	for role, want := range map[string]string{"host": "RFC4861:1 RFC4861:3", "router": "RFC4861:2 RFC4861:3"} {
		kept, err := c.Binding(role)
		var ids []string
		for _, e := range kept.Entries {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != want {
			t.Errorf("Binding(%q) keeps %s, %v; want %s", role, got, err, want)
		}
	}
	if kept, err := c.Binding(); err != nil || len(kept.Entries) != 3 {
		t.Errorf("Binding() keeps %d entries, %v", len(kept.Entries), err)
	}
	if _, err := c.Binding("guest"); err == nil || !strings.HasPrefix(err.Error(), `role "guest" is unknown: roles are host, `) {
		t.Errorf("Binding: %v", err)
	}
}
