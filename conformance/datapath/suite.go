// Package datapath checks the way of packets through a target: traffic classes, their queues, and what fills them.
//
// The target is configured by Kconfig, and slowed down so that its queues fill: sending, by a link of 1 Mbit/s; receiving,
// by a millisecond that each packet costs. Then the order in which it sends, or answers, tells what went before what.
//
// IEEE 802.1Q gives the maps and strict priority; the number of classes, the room that they have and the counters are
// Zephyr's.
package datapath

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("datapath", "Data path: traffic classes of IEEE 802.1Q, as Zephyr has them").On(target.Ethernet)

// Names of the maps, and the symbols that choose them.
const (
	strict = "strict"
	srAB   = "sr_ab"
	srB    = "sr_b"
)

var symbols = map[string]string{ // never written
	strict: "NET_TC_MAPPING_STRICT", srAB: "NET_TC_MAPPING_SR_CLASS_A_AND_B", srB: "NET_TC_MAPPING_SR_CLASS_B_ONLY",
}

// maps are those that there are, with their names in ids and their requirements.
var maps = []struct{ table, id, requirement string }{ // never written
	{strict, "strict", "IEEE8021Q:PRI-3"}, {srAB, "sr-ab", "IEEE8021Q:PRI-4"}, {srB, "sr-b", "IEEE8021Q:PRI-5"},
}

// tables give the class of each priority, 0 to 7, by the number of classes: IEEE 802.1Q, tables 8-4, 34-1 and 34-2.
var tables = map[string][9]string{ // never written
	strict: {"00000000", "00000000", "00001111", "00001122", "00112233", "00112234", "10223345", "10234456", "10234567"},
	srAB:   {2: "00110000", 3: "00120000", 4: "00231111", 5: "00341122", 6: "00451123", 7: "00561234", 8: "10672345"},
	srB:    {2: "00100000", 3: "00201111", 4: "00301122", 5: "00412233", 6: "00512234", 7: "10623345", 8: "10723456"},
}

// classOf is the class of a priority; 0 where there are fewer than two.
func classOf(table string, classes, priority int) int {
	if classes < 2 {
		return 0
	}
	return int(tables[table][classes][priority] - '0')
}

// A shape is a number of classes each way, and a map.
type shape struct {
	rx, tx int
	table  string
}

func (s shape) String() string { return fmt.Sprintf("rx=%d,tx=%d,%s", s.rx, s.tx, s.table) }

// Config implements check.Configured.
func (s shape) Config() []string {
	return []string{
		fmt.Sprintf("CONFIG_NET_TC_RX_COUNT=%d", s.rx), fmt.Sprintf("CONFIG_NET_TC_TX_COUNT=%d", s.tx),
		"CONFIG_" + symbols[s.table] + "=y",
	}
}

// matrix is Zephyr's own: the same number both ways, one against many, and mixed ones, with each map that they may have.
func matrix() (all []shape) {
	var counts [][2]int
	for n := 1; n <= 8; n++ {
		counts = append(counts, [2]int{n, n})
	}
	for n := 2; n <= 8; n++ {
		counts = append(counts, [2]int{1, n}, [2]int{n, 1})
	}
	counts = append(counts, [][2]int{{3, 2}, {8, 3}, {4, 8}, {5, 7}, {2, 6}, {7, 8}}...)
	for _, table := range []string{strict, srAB, srB} {
		for _, c := range counts {
			if table == strict || max(c[0], c[1]) >= 2 {
				all = append(all, shape{rx: c[0], tx: c[1], table: table})
			}
		}
	}
	return all
}

// both are all numbers of classes with each map, the same both ways.
func both(table string) (all []shape) {
	for n := 1; n <= 8; n++ {
		if table == strict || n >= 2 {
			all = append(all, shape{n, n, table})
		}
	}
	return all
}

// roomy has room for whatever the checks do, in any profile.
var roomy = []string{
	"CONFIG_NET_PKT_RX_COUNT=1024", "CONFIG_NET_PKT_TX_COUNT=1024", "CONFIG_NET_BUF_RX_COUNT=16384", "CONFIG_NET_BUF_TX_COUNT=16384",
	"CONFIG_CONFORM_TC_SLOTS=512", "CONFIG_NET_TX_DEFAULT_PRIORITY=0",
}

const (
	slow = 1_000_000                            // bits a second: a datagram of 100 octets takes some 1.1 ms
	cost = time.Millisecond                     // of a received packet
	busy = "CONFIG_CONFORM_PACKET_COST=1000000" // in nanoseconds
)

// An item is a packet that a check has had sent, of a class, with its place in the order of sending.
type item struct{ priority, class, place int }

func (i item) String() string { return fmt.Sprintf("%d:p%d#%d", i.class, i.priority, i.place) }

// sorted tells whether higher classes come before lower ones, and each class in its order.
func sorted(items []item) bool {
	return slices.IsSortedFunc(items, func(a, b item) int {
		if a.class != b.class {
			return b.class - a.class
		}
		return a.place - b.place
	})
}

// settles tells whether all but the first few are sorted: those were under way when others came.
func settles(items []item, underWay int) bool {
	for n := range min(underWay, len(items)) + 1 {
		if sorted(items[n:]) {
			return true
		}
	}
	return false
}
