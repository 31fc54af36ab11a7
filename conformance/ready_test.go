package conformance_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	_ "github.com/conform-stack/conform/conformance"
	"github.com/conform-stack/conform/harness/check"
)

// The page about the IPv6 Ready suite names checks that there are, and has an answer in each row.
func TestChecksOfTheReadySuite(t *testing.T) {
	page, err := os.ReadFile("../docs/ipv6-ready.md")
	if err != nil {
		t.Fatal(err)
	}
	// A suite that this program is built without is not held against the page.
	known, topics := map[string]bool{}, map[string]bool{"ipv6": true, "icmp6": true, "ndp": true, "pmtu6": true, "router6": true}
	for _, s := range check.Suites() {
		for _, c := range s.Checks() {
			known[c.ID] = true
			topic, _, _ := strings.Cut(c.ID, ".")
			topics[topic] = true
		}
	}
	id := regexp.MustCompile("`([^`]+)`")
	rows, sections := 0, 0
	for n, line := range strings.Split(string(page), "\n") {
		if strings.HasPrefix(line, "## ") {
			sections++
		}
		cells := strings.Split(line, "|")
		if len(cells) != 4 || cells[1] == " asked " || cells[1] == "---" {
			continue
		}
		rows++
		names := id.FindAllStringSubmatch(cells[2], -1)
		if len(names) == 0 && !strings.HasPrefix(cells[2], " none: ") {
			t.Errorf("line %d names no check, and gives no reason", n+1)
		}
		for _, name := range names {
			if topic, _, _ := strings.Cut(name[1], "."); !known[name[1]] && topics[topic] {
				t.Errorf("line %d: there is no check %s", n+1, name[1])
			}
		}
	}
	if sections != 5 || rows < 50 {
		t.Errorf("%d sections with %d rows: the page is not read as it is written", sections, rows)
	}
}
