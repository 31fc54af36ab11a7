package bench

import (
	"fmt"
	"testing"
)

// warm is how often work is done before it is measured: every pool has its memory after that, on both sides.
const warm = 600

// work is something that a stack does over and over.
type work struct {
	run  func()        // once
	done func() int    // how often it came to its end
	last func() []byte // what the tester was sent at last: a frame, or the data of a datagram
}

// A subject is a stack that is measured.
type subject struct {
	name string
	// answered is the second node of a network, which is sent a frame, again and again, and whose answers are counted. It
	// knows the tester.
	answered func(tb testing.TB, n network, frame []byte) work
	// echo is two nodes on one link, and between them window datagrams of size octets at a time, and their echoes.
	echo func(tb testing.TB, n network, size, window int) work
	// forward is a router between two links, which is sent a frame, again and again, for a neighbour on the other.
	forward func(tb testing.TB, frame []byte) work
	// lane is two nodes on a link of an MTU, between which streams go.
	lane func(tb testing.TB, n network, mtu int) lane
}

var subjects = []subject{conformStack, gvisorStack}

// A job is one thing that each subject is measured at.
type job struct {
	name  string // of the benchmark, without the word
	param string // key=value, or empty
	size  int64  // octets that are moved, 0 when that says nothing
	times int    // how often the work is done in one run; 0 means once
	of    func(testing.TB, subject) work
	check func(last []byte) error
}

func jobs() []job {
	js := []job{
		{
			name:  "ARPAnswered",
			of:    func(tb testing.TB, s subject) work { return s.answered(tb, net4, arpRequest()) },
			check: checkARPReply,
		},
		{
			name:  "ICMPEchoAnswered",
			of:    func(tb testing.TB, s subject) work { return s.answered(tb, net4, echoRequest()) },
			check: checkEchoReply,
		},
		{
			name:  "NSAnswered",
			of:    func(tb testing.TB, s subject) work { return s.answered(tb, net6, solicitation()) },
			check: checkAdvertisement,
		},
		{
			name:  "ICMPEchoAnswered6",
			of:    func(tb testing.TB, s subject) work { return s.answered(tb, net6, echoRequest6()) },
			check: checkEchoReply6,
		},
		{
			name:  "ChainAnswered6",
			of:    func(tb testing.TB, s subject) work { return s.answered(tb, net6, chainRequest6()) },
			check: checkEchoReply6,
		},
	}
	for _, n := range []network{net4, net6} {
		for _, size := range []int{64, n.most(), 8000} { // the last in fragments, which are put together again
			js = append(js, job{
				name: "UDPEcho" + n.name, param: fmt.Sprintf("len=%d", size), size: int64(size),
				of:    func(tb testing.TB, s subject) work { return s.echo(tb, n, size, 1) },
				check: func(last []byte) error { return checkMessage(last, size) },
			})
		}
	}
	return append(js, job{
		name: "UDPEchoWindow", param: "window=64", size: 64 * 64, times: 64,
		of:    func(tb testing.TB, s subject) work { return s.echo(tb, net4, 64, 64) },
		check: func(last []byte) error { return checkMessage(last, 64) },
	}, job{
		name:  "Forwarding",
		of:    func(tb testing.TB, s subject) work { return s.forward(tb, passing()) },
		check: checkPassed,
	})
}

// measure fails when the work was not done each time, or was not done right.
func (j job) measure(b *testing.B, s subject) {
	w := j.of(b, s)
	for range warm {
		w.run()
	}
	before := w.done()
	b.ReportAllocs()
	b.SetBytes(j.size)
	for b.Loop() {
		w.run()
	}
	if n, want := w.done()-before, b.N*max(1, j.times); n != want {
		b.Errorf("%s: done %d times, want %d", s.name, n, want)
	}
	if err := j.check(w.last()); err != nil {
		b.Errorf("%s: %v", s.name, err)
	}
}
