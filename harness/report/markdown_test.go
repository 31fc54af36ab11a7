package report

import (
	"bytes"
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	r := &Report{Target: Target{Kind: "linux", Name: "linux", Version: "<6.1>", Links: []string{"ethernet"}}, Seed: 1,
		Checks: []Check{
			{ID: "arp.rx", Suite: "rfc826", Requirements: []string{"RFC1:R1"}, Outcome: Pass, Cases: 1},
			{ID: "arp.tx", Suite: "rfc826", Requirements: []string{"RFC1:R1"}, Outcome: Fail, Cases: 1, Message: "want `x` | <b>got</b> *y*\nmore"},
		}}
	r.selectOwn()
	var b bytes.Buffer
	if err := WriteMarkdown(&b, complete(t, r)); err != nil {
		t.Fatal(err)
	}
	const want = `## Conformance of linux

**not as expected: 1 check failed**: 2 checks, 1 requirement, linux &#60;6.1&#62;.

| suite | pass | fail | expected-fail | unexpected-pass | inconclusive | not-applicable | error |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| rfc826 | 1 | 1 | | | | | |

### Not as expected

* **fail** ` + "`arp.tx`" + ` (RFC1:R1): want &#96;x&#96; &#124; &#60;b&#62;got&#60;/b&#62; &#42;y&#42;
`
	if b.String() != want {
		t.Errorf("markdown:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestMarkdownIsBounded(t *testing.T) {
	r := &Report{Target: Target{Name: "linux"}}
	for i := range 200 {
		r.Checks = append(r.Checks, Check{ID: "c." + strings.Repeat("x", i+1), Suite: "s", Requirements: []string{"RFC1:R1"}, Outcome: Fail, Cases: 1})
	}
	r.selectOwn()
	var b bytes.Buffer
	if err := WriteMarkdown(&b, complete(t, r)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "* **fail**"); n != maxListed || !strings.Contains(b.String(), "and 150 checks more") {
		t.Errorf("%d checks are listed, want %d and how many more", n, maxListed)
	}
}
