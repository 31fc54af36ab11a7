// Package stats checks the statistics of a target that declares them: Zephyr's counters, and the texts that they are told in.
//
// A scenario is something that happens to the target, with the counters that it moves: those, by as much, and no others
// (ZEPHYR:ST-1). What frames count follows from every scenario; so these counters (eth, bytes, tc, times) are compared only
// where a scenario names them.
package stats

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("stats", "Statistics: Zephyr's counters").On(target.Ethernet)

// A scenario is something that happens.
type scenario struct {
	id, title string
	needs     []target.Feature
	config    []string
	bitRate   int64
	ipv6      bool // the tester is a host of IPv6
	prepare   func(*probe.Tester)
	do        func(*probe.Tester)
	begin     func(*probe.Tester) (do func()) // instead of both, where the second needs what the first has made
	// moves lists counters and by how much, as in "udp.recv=1"; + is as much as it may.
	moves string
	// node wants them moved in the sum only: where they are counted is the target's choice of several interfaces.
	node bool
}

// ofFrames are the beginnings of counters that every frame moves.
var ofFrames = []string{"eth.", "bytes.", "tc.", "rx_time.", "tx_time."} // never written

var brackets = regexp.MustCompile(`\[\d\]`)

// base is a counter's name without the numbers of classes and points: its requirement's.
func base(name string) string { return brackets.ReplaceAllString(name, "") }

// expected reads what a scenario moves; -1 is as much as it may.
func expected(moves string) map[string]int {
	want := map[string]int{}
	for _, f := range strings.Fields(moves) {
		name, value, _ := strings.Cut(f, "=")
		n, err := strconv.Atoi(value)
		if value == "+" {
			n, err = -1, nil
		}
		if err != nil {
			panic(fmt.Errorf("a scenario moves %q", f))
		}
		want[name] = n
	}
	return want
}

// compare brings what moved and what was to move into the same form: without counters of frames that were not named.
func compare(moved probe.Counters, want map[string]int) (got map[string]int) {
	got = map[string]int{}
	for name, n := range moved {
		_, named := want[name]
		about := slices.ContainsFunc(ofFrames, func(p string) bool { return strings.HasPrefix(name, p) })
		switch {
		case want[name] < 0:
			got[name] = -1
		case named || !about:
			got[name] = int(n)
		}
	}
	return got
}

// show lists counters in order.
func show(m map[string]int) string {
	var b []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		v := strconv.Itoa(m[name])
		if m[name] < 0 {
			v = "+"
		}
		b = append(b, name+"="+v)
	}
	return strings.Join(b, " ")
}

// stuck is a target that does not count what has a base name.
func stuck(name string) mutate.Mutation {
	return mutate.Tells("does not count "+name, func(_ agent.Request, r *agent.Reply) {
		for n := range r.Counters {
			if base(n) == name {
				r.Counters[n] = 0
			}
		}
	})
}

// add makes the check of a scenario.
func add(s scenario) {
	want := expected(s.moves)
	quiet := "ipv4_igmp.drop"
	if _, moves := want[quiet]; moves {
		quiet = "raw.drop"
	}
	claims := check.Proves("ZEPHYR:ST-1", mutate.Drifts(quiet))
	claimed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if b := base(name); !claimed[b] && want[name] != 0 {
			claims = claims.And("ZEPHYR:CNT-"+b, stuck(b))
			claimed[b] = true
		}
	}
	claims = claims.Needs(target.Statistics).Needs(s.needs...)
	if s.ipv6 {
		claims = claims.Needs(target.IPv6)
	}
	if len(s.config) > 0 {
		claims = claims.Configured(s.config...)
	}
	if s.bitRate > 0 {
		claims = claims.BitRate(s.bitRate)
	}
	suite.It("stats.count."+s.id, "counters: "+s.title, claims, func(p *probe.P) {
		var t *probe.Tester
		if s.ipv6 {
			t = p.IPv6()
		} else {
			t = p.IPv4()
		}
		do := func() { s.do(t) }
		switch {
		case s.begin != nil:
			do = s.begin(t)
		case s.prepare != nil:
			s.prepare(t)
		}
		iface, node := p.Counters(0), p.Counters(agent.Node)
		do()
		of := map[string]probe.Counters{"of the node": p.Counters(agent.Node).Since(node)}
		if !s.node {
			of["of the interface"] = p.Counters(0).Since(iface)
		}
		for _, where := range slices.Sorted(maps.Keys(of)) {
			got := compare(of[where], want)
			for name, n := range want {
				if n != 0 {
					p.That("ZEPHYR:CNT-"+base(name), fmt.Sprintf("%s %s", name, where), got[name], gomega.Equal(n))
				}
			}
			p.That("ZEPHYR:ST-1", "all counters that moved "+where, show(got), gomega.Equal(show(want)))
		}
	})
}
