package stack_test

import (
	"fmt"
	"maps"
	glob "path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/stats/netstats"
)

// A scenario is something that happens to a node, and the counters of Zephyr's that it moves, on the interface that it
// happens on and in the sum alike: exactly those, and as far as is said.
type scenario struct {
	name    string
	config  config.Config
	wire    wire.Config
	prepare func(*kit) // before anything is counted
	do      func(*scene)
	// want lists counters, such as "udp.recv=1". Those of frames are left out: what they must be follows from the
	// frames that were seen on the wire. Where it does not, because frames were dropped next to the wire or went through
	// other classes, want has them as well.
	want string
}

// A scene is a kit whose frames are counted.
type scene struct {
	*kit
	in []int // lengths of the frames sent to the node
}

func (s *scene) send(frame []byte) {
	s.t.Helper()
	s.in = append(s.in, len(frame))
	s.kit.send(frame)
}

// put puts a frame on the wire, and lets no time pass.
func (s *scene) put(frame []byte) {
	s.in = append(s.in, len(frame))
	s.far.Send(frame)
}

// burst sends frames at one instant.
func (s *scene) burst(frames ...[]byte) {
	s.t.Helper()
	for _, f := range frames {
		s.put(f)
	}
	s.advance(0)
}

// counted are the counters that the frames on the wire must have moved.
func (s *scene) counted() map[string]uint64 {
	m := map[string]uint64{}
	add := func(n int, packets string, octets ...string) {
		m["eth.pkts."+packets]++
		for _, name := range octets {
			m[name] += uint64(n)
		}
	}
	for _, n := range s.in {
		add(n, "received", "eth.bytes.received", "bytes.received", "tc.recv[0].bytes")
		m["tc.recv[0].pkts"]++
	}
	for _, f := range s.frames {
		add(len(f), "sent", "eth.bytes.sent", "bytes.sent", "tc.sent[0].bytes")
		m["tc.sent[0].pkts"]++
	}
	return m
}

// showCounters lists counters in order.
func showCounters(m map[string]uint64) string {
	var b []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] != 0 {
			b = append(b, name+"="+strconv.FormatUint(m[name], 10))
		}
	}
	return strings.Join(b, " ")
}

func counters(c netstats.Counters) map[string]uint64 {
	m := map[string]uint64{}
	c.Each(func(name string, v uint64) { m[name] = v })
	return m
}

// TestScenarios also keeps account of what moved: a counter that nothing moves is either dead or untested.
func TestScenarios(t *testing.T) {
	moved := map[string]bool{}
	for _, tt := range slices.Concat(linkScenarios, classScenarios, ipScenarios, ipv6Scenarios, transportScenarios) {
		t.Run(tt.name, func(t *testing.T) {
			s := &scene{kit: newKitOn(t, tt.config, tt.wire)}
			if tt.prepare != nil {
				tt.prepare(s.kit)
				s.frames = nil
			}
			all := s.node.Stats()
			eth, sum := netstats.Of(s.eth.Stats), netstats.Of(&all)
			tt.do(s)
			got := counters(netstats.Of(s.eth.Stats).Since(eth))
			want := s.counted()
			for _, f := range strings.Fields(tt.want) {
				name, value, _ := strings.Cut(f, "=")
				if value == "+" && got[name] > 0 { // as much as it did
					value = strconv.FormatUint(got[name], 10)
				}
				n, err := strconv.ParseUint(value, 10, 64)
				if _, ok := got[name]; !ok || err != nil {
					t.Fatalf("the scenario wants %q", f)
				}
				want[name] = n
			}
			s.frames = nil
			if g, w := showCounters(got), showCounters(want); g != w {
				t.Errorf("moved on the interface\n %s\nwant\n %s", g, w)
			}
			all = s.node.Stats()
			if g, w := showCounters(counters(netstats.Of(&all).Since(sum))), showCounters(want); g != w {
				t.Errorf("moved in the sum\n %s\nwant\n %s", g, w)
			}
			for name, n := range got {
				if n != 0 {
					moved[name] = true
				}
			}
		})
	}
	if t.Failed() {
		return
	}
	netstats.Counters{}.Each(func(name string, _ uint64) {
		why := ""
		for pattern, reason := range unmoved {
			if ok, err := glob.Match(pattern, name); ok && err == nil {
				why = reason
			}
		}
		switch {
		case !moved[name] && why == "":
			t.Errorf("no scenario moves %s", name)
		case moved[name] && why != "":
			t.Errorf("%s is moved by a scenario, yet is said not to be, because %s", name, why)
		}
	})
}

// unmoved are counters that no scenario moves, by patterns of their names.
var unmoved = map[string]string{ // never written
	"tc.recv?[0-7]?.rx_time_detail?0?.sum": "a frame is queued at the instant at which it arrives",
	"tc.recv?[0-7]?.rx_time_detail?2?.sum": "no time passes while a packet is processed",
	"tc.sent?[0-7]?.tx_time_detail?2?.sum": "no time passes while the device takes a packet",
}

// A reset makes all counters zero, and what is under way goes on as if nothing had been.
func TestReset(t *testing.T) {
	k := newKitOn(t, config.Config{}, slow)
	meetSlowly(k)
	e := k.open(7)
	for i := range 5 {
		if err := e.SendTo([]byte(strings.Repeat("x", 200+i)), peerOf(testerIP, 4000)); err != nil {
			t.Fatal(err)
		}
	}
	k.advance(0)
	if all := k.node.Stats(); all.UDP.Sent != 5 {
		t.Fatalf("%d datagrams sent, want 5", all.UDP.Sent)
	}
	k.node.ResetStats()
	all := k.node.Stats()
	if got := showCounters(counters(netstats.Of(&all))); got != "" {
		t.Errorf("after the reset: %s", got)
	}
	k.advance(100 * time.Millisecond)
	for i := range 5 {
		k.next(fmt.Sprintf("datagram %d, under way at the reset", i))
	}
	all = k.node.Stats()
	if got := showCounters(counters(netstats.Of(&all))); got != "bytes.sent=978 eth.bytes.sent=978 eth.pkts.sent=4 eth.tx_restart_queue=4 tc.sent[0].bytes=978 tc.sent[0].pkts=4" {
		t.Errorf("since the reset: %s", got) // one was with the device already
	}
}

func TestResetOfOneInterface(t *testing.T) {
	k := newKit(t, config.Config{})
	k.meet()
	before := k.node.Stats()
	k.eth.Stats.Reset()
	if after := k.node.Stats(); after.Link.Received != before.Link.Received-1 || k.eth.Stats.Link.Received != 0 {
		t.Errorf("%d frames in the sum, %d before; the interface had one", after.Link.Received, before.Link.Received)
	}
}
