package stack_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

var updateSim = flag.Bool("update-tcpsim", false, "write testdata/tcpsim.txt anew")

// path is a bottleneck between two nodes, the same in both directions: a rate, a round trip without waiting, a queue
// that drops what finds it full, and frames lost at random on the way to the receiver.
type path struct {
	rate  int64 // bits a second
	rtt   time.Duration
	queue int // frames
	loss  float64
	seed  uint64
	tcp   config.TCP // of both nodes
}

// bandwidthDelay is a queue as large as the frames that the path itself holds, eight at least.
func bandwidthDelay(rate int64, rtt time.Duration) int {
	return max(8, int(rate*int64(rtt)/int64(time.Second)/8/1514))
}

// dropTail makes a device with a queue one that drops: it never says that it is full.
type dropTail struct {
	driver.Device
	dropped int
}

func (d *dropTail) Send(frame []byte) bool {
	if !d.Device.Send(frame) {
		d.dropped++
	}
	return true
}

// sim is two nodes with a path between them.
type sim struct {
	t       testing.TB
	loop    *clock.Loop
	a, b    *stack.Node
	queue   *dropTail // towards b
	flows   []*flow
	scratch []byte
}

// flow is a connection over which a sends as fast as it can, and b reads at once.
type flow struct {
	client, server *tcp.Endpoint
	octets         int
}

func newSim(t testing.TB, p path) *sim {
	s := &sim{t: t, loop: clock.New(), scratch: make([]byte, 64<<10)}
	flying := 2*p.queue + 2*bandwidthDelay(p.rate, p.rtt) + 64
	x, y := wire.New(s.loop, wire.Config{BitRate: p.rate, Delay: p.rtt / 2, Sending: p.queue, Flying: flying})
	s.queue = &dropTail{Device: x}
	near := driver.Device(s.queue)
	if p.loss > 0 {
		near = fault.New(s.loop, near, fault.Config{Seed: p.seed, Send: fault.Faults{Loss: p.loss}})
	}
	at := func(d driver.Device, last byte) *stack.Node {
		n, err := stack.New(s.loop, config.Config{Seed: p.seed + uint64(last), TCP: p.tcp})
		if err != nil {
			t.Fatal(err)
		}
		eth, err := n.AddEthernet(d, ethernet.MAC{2, 0, 0, 0, 0, last})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.AddAddress(eth, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		return n
	}
	s.a, s.b = at(near, 1), at(&dropTail{Device: y}, 2)
	s.run(3 * time.Second) // addresses are claimed
	return s
}

func (s *sim) run(d time.Duration) {
	s.t.Helper()
	if err := s.loop.Run(s.loop.Now() + d); err != nil {
		s.t.Fatal(err)
	}
}

// start begins a flow with a congestion control, by its number.
func (s *sim) start(control int) *flow {
	s.t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), uint16(80+len(s.flows)))
	f := &flow{}
	l, err := s.b.TCP.Open(ip.V4)
	if err == nil {
		err = l.Bind(at)
	}
	if err == nil {
		err = l.Listen(1)
	}
	if err == nil {
		f.client, err = s.a.TCP.Open(ip.V4)
	}
	if err == nil {
		err = f.client.SetOption(tcp.Congestion, control)
	}
	if err == nil {
		err = f.client.Connect(at)
	}
	if err != errno.EINPROGRESS {
		s.t.Fatal(err)
	}
	for range 1000 { // the SYN, too, may be lost
		if f.server, err = l.Accept(); err == nil {
			break
		}
		s.run(10 * time.Millisecond)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	l.Close()
	chunk := bytes.Repeat([]byte("x"), 16<<10)
	f.client.SetReady(func(r tcp.Ready) {
		for r&tcp.Writable != 0 {
			if _, err := f.client.Send(chunk, 0); err != nil {
				return
			}
		}
	})
	f.server.SetReady(func(tcp.Ready) {
		for {
			n, err := f.server.Recv(s.scratch, 0)
			if err != nil || n == 0 {
				return
			}
			f.octets += n
		}
	})
	for err == nil { // from here on the user is told
		_, err = f.client.Send(chunk, 0)
	}
	s.flows = append(s.flows, f)
	return f
}

// stop resets all flows.
func (s *sim) stop() {
	for _, f := range s.flows {
		f.client.Abort()
		f.server.Abort()
	}
}

var controls = []string{"reno", "cubic"}

// TestSimulation is the throughput of one flow and the fairness of two, in virtual time. The table is a snapshot, not a
// law: whoever changes it on purpose writes it anew with -update-tcpsim, and the diff shows what has become better and
// what worse. What must hold in any case is asserted beside.
func TestSimulation(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes of virtual time")
	}
	var table strings.Builder
	table.WriteString("# One flow for 20 s; the queue holds one bandwidth-delay product. Goodput is data that the user got, in percent\n" +
		"# of the rate; again is the share of segments that were retransmissions.\n")
	fmt.Fprintf(&table, "%-10s %-7s %-6s %-6s %8s %7s %9s\n", "rate", "rtt", "loss", "cc", "goodput", "again", "timeouts")
	for _, rate := range []int64{2e6, 50e6} {
		for _, rtt := range []time.Duration{20 * time.Millisecond, 200 * time.Millisecond} {
			for _, loss := range []float64{0, 0.001, 0.01, 0.05} {
				for control, name := range controls {
					s := newSim(t, path{rate: rate, rtt: rtt, queue: bandwidthDelay(rate, rtt), loss: loss, seed: 1})
					f := s.start(control)
					const d = 20 * time.Second
					s.run(d)
					goodput := percent(f.octets, rate, d)
					st := s.a.Stats().TCP
					fmt.Fprintf(&table, "%-10s %-7v %-6s %-6s %7.1f%% %6.2f%% %9d\n", fmt.Sprintf("%d Mbit/s", rate/1e6), rtt,
						fmt.Sprintf("%g%%", loss*100), name, goodput, 100*float64(st.Retransmitted)/float64(max(st.Sent, 1)), st.Timeouts)
					if loss == 0 && goodput < 70 || goodput > 97 || goodput == 0 {
						t.Errorf("%d bit/s, RTT %v, loss %v, %s: goodput is %.1f%% of the rate", rate, rtt, loss, name, goodput)
					}
					s.stop()
				}
			}
		}
	}
	table.WriteString("\n# Two flows for 60 s at 10 Mbit/s, the second 5 s later; shares of the last 40 s, in percent of the rate.\n")
	fmt.Fprintf(&table, "%-7s %-12s %6s %7s\n", "rtt", "cc", "first", "second")
	for _, rtt := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond} {
		for _, pair := range [][2]int{{0, 0}, {1, 1}, {0, 1}} {
			const rate, d = 10e6, 40 * time.Second
			s := newSim(t, path{rate: rate, rtt: rtt, queue: bandwidthDelay(rate, rtt), seed: 1})
			one := s.start(pair[0])
			s.run(5 * time.Second)
			two := s.start(pair[1])
			s.run(15 * time.Second)
			was1, was2 := one.octets, two.octets
			s.run(d)
			a, b := percent(one.octets-was1, rate, d), percent(two.octets-was2, rate, d)
			fmt.Fprintf(&table, "%-7v %-12s %5.0f%% %6.0f%%\n", rtt, controls[pair[0]]+"/"+controls[pair[1]], a, b)
			if a+b < 75 || pair[0] == pair[1] && (a > 4*b || b > 4*a) {
				t.Errorf("RTT %v, %s and %s: %.0f%% and %.0f%%", rtt, controls[pair[0]], controls[pair[1]], a, b)
			}
			s.stop()
		}
	}
	table.WriteString("\n# One flow for 30 s at 10 Mbit/s with an RTT of 40 ms and 1% loss, by what recovers from it.\n")
	fmt.Fprintf(&table, "%-22s %8s %7s %9s\n", "recovery", "goodput", "again", "timeouts")
	for _, by := range []struct {
		name string
		tcp  config.TCP
	}{
		{"RFC 6582", config.TCP{SACK: config.Off, RACK: config.Off, PRR: config.Off}},
		{"RFC 6582 and 6937", config.TCP{SACK: config.Off, RACK: config.Off}},
		{"RFC 6675", config.TCP{RACK: config.Off, PRR: config.Off}},
		{"RFC 6675 and 6937", config.TCP{RACK: config.Off}},
		{"RFC 8985", config.TCP{PRR: config.Off}},
		{"RFC 8985 and 6937", config.TCP{}},
	} {
		const rate, rtt, d = 10e6, 40 * time.Millisecond, 30 * time.Second
		s := newSim(t, path{rate: rate, rtt: rtt, queue: bandwidthDelay(rate, rtt), loss: 0.01, seed: 1, tcp: by.tcp})
		f := s.start(0)
		s.run(d)
		goodput, st := percent(f.octets, rate, d), s.a.Stats().TCP
		fmt.Fprintf(&table, "%-22s %7.1f%% %6.2f%% %9d\n", by.name, goodput, 100*float64(st.Retransmitted)/float64(max(st.Sent, 1)), st.Timeouts)
		if goodput < 5 || goodput > 97 { // RFC 3819, 8.3, has 1.2*MSS/(RTT*sqrt(p)): 35%
			t.Errorf("%s: goodput is %.1f%% of the rate", by.name, goodput)
		}
		s.stop()
	}
	if *updateSim {
		if err := os.WriteFile("testdata/tcpsim.txt", []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sameAsBefore(t, "testdata/tcpsim.txt", table.String())
}

func percent(octets int, rate int64, d time.Duration) float64 {
	return float64(octets) * 800 / float64(rate) / d.Seconds()
}

// sameAsBefore compares a table with the snapshot, line by line.
func sameAsBefore(t *testing.T, file, got string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was, now := strings.Split(string(b), "\n"), strings.Split(got, "\n")
	if len(was) != len(now) {
		t.Errorf("%s has %d lines, want %d", file, len(was), len(now))
	}
	for i := range min(len(was), len(now)) {
		if was[i] != now[i] {
			t.Errorf("%s:%d\n now %s\n was %s", file, i+1, now[i], was[i])
		}
	}
}
