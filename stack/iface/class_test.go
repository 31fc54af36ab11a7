package iface_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/iface"
)

// The tables of IEEE 802.1Q as they are printed: a line for each number of classes, a column for each priority.
var printed = map[iface.ClassMap]string{
	iface.Strict: `1: 0 0 0 0 0 0 0 0
		2: 0 0 0 0 1 1 1 1
		3: 0 0 0 0 1 1 2 2
		4: 0 0 1 1 2 2 3 3
		5: 0 0 1 1 2 2 3 4
		6: 1 0 2 2 3 3 4 5
		7: 1 0 2 3 4 4 5 6
		8: 1 0 2 3 4 5 6 7`,
	iface.SRAB: `1: 0 0 0 0 0 0 0 0
		2: 0 0 1 1 0 0 0 0
		3: 0 0 1 2 0 0 0 0
		4: 0 0 2 3 1 1 1 1
		5: 0 0 3 4 1 1 2 2
		6: 0 0 4 5 1 1 2 3
		7: 0 0 5 6 1 2 3 4
		8: 1 0 6 7 2 3 4 5`,
	iface.SRB: `1: 0 0 0 0 0 0 0 0
		2: 0 0 1 0 0 0 0 0
		3: 0 0 2 0 1 1 1 1
		4: 0 0 3 0 1 1 2 2
		5: 0 0 4 1 2 2 3 3
		6: 0 0 5 1 2 2 3 4
		7: 1 0 6 2 3 3 4 5
		8: 1 0 7 2 3 4 5 6`,
}

var mapNames = map[iface.ClassMap]string{iface.Strict: "strict", iface.SRAB: "sr_ab", iface.SRB: "sr_b"}

func TestTablesAreThoseOf8021Q(t *testing.T) {
	for m, table := range printed {
		lines := strings.Split(table, "\n")
		if len(lines) != iface.MaxClasses {
			t.Fatalf("%s: %d lines", mapNames[m], len(lines))
		}
		for _, line := range lines {
			var classes int
			var want [8]int
			w := &want
			if _, err := fmt.Sscanf(strings.TrimSpace(line), "%d: %d %d %d %d %d %d %d %d",
				&classes, &w[0], &w[1], &w[2], &w[3], &w[4], &w[5], &w[6], &w[7]); err != nil {
				t.Fatal(err)
			}
			used := map[int]bool{}
			for priority := range want {
				if got := m.Class(classes, uint8(priority)); got != want[priority] {
					t.Errorf("%s, %d classes: priority %d is of class %d, want %d", mapNames[m], classes, priority, got, want[priority])
				}
				used[m.Class(classes, uint8(priority))] = true
			}
			if len(used) != classes {
				t.Errorf("%s, %d classes: %d of them have a priority", mapNames[m], classes, len(used))
			}
		}
	}
	if got := iface.Strict.Class(0, 7); got != 0 {
		t.Errorf("without classes, priority 7 is counted as class %d", got)
	}
	if got := iface.Strict.Class(8, 15); got != iface.Strict.Class(8, 7) {
		t.Errorf("priority 15 is of class %d: three bits count", got)
	}
}
