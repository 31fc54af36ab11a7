package sockets

import (
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// A readiness is a state of a socket, and one event that poll tells of it, or must not tell.
type readiness struct {
	id, title   string
	requirement string
	event       string
	want        bool
	reach       func(host *probe.Tester) *probe.Socket
}

// blind is a target that never tells an event; jumpy one that always does.
func blind(event string) mutate.Mutation {
	return mutate.Replies("does not tell "+event, mutate.Verb(agent.Poll), func(r *agent.Reply) {
		for i := range r.Polls {
			r.Polls[i].Events = slices.DeleteFunc(slices.Clone(r.Polls[i].Events), func(e string) bool { return e == event })
		}
	})
}

func jumpy(event string) mutate.Mutation {
	return mutate.Replies("tells "+event+" always", mutate.Verb(agent.Poll), func(r *agent.Reply) {
		if len(r.Polls) == 0 {
			r.Polls = []agent.PollFor{{}}
		}
		for i := range r.Polls {
			r.Polls[i].Events = append(slices.Clone(r.Polls[i].Events), event)
		}
	})
}

// await waits for an event of a socket, which what the tester has sent causes; a stack need not have seen that yet when
// it answers something else. It gives all that poll tells.
func await(s *probe.Socket, events ...string) []string {
	got, _ := s.Poll(time.Second, events...).Await(10 * time.Second)
	for _, p := range got.Polls {
		return p.Events
	}
	return nil
}

// withData is a socket that has something to read.
func withData(host *probe.Tester) *probe.Socket {
	s := host.UDP(boundPort)
	host.Send(datagram(testerPort, boundPort, "x"))
	return s
}

// full is a stream that has no room.
func full(host *probe.Tester) *probe.Socket {
	s := connected(host).Socket
	for range 1000 {
		if s.Do(send(kit.Pattern(60000), peer, dontWait)).Errno != "" {
			return s
		}
	}
	host.Inconclusive("a stream takes 60 MB that nobody acknowledges")
	return s
}

// refusedBehind is a stream whose connect was refused, which nobody has told it yet.
func refusedBehind(host *probe.Tester) *probe.Socket {
	s := host.Stream()
	s.Do(dialTo(there(host, testerPort), dontWait))
	refuse(host, host.Expect(tcp.Segment(tcp.Control(tcp.SYN), tcp.DstPort.Is(testerPort)), probe.For()))
	return s
}

func ended(host *probe.Tester) *probe.Socket {
	c := connected(host)
	c.FIN()
	return c.Socket
}

var states = []readiness{ // never written
	{"datagram.empty.in", "a datagram socket without a datagram is not ready for reading", "POSIX:poll-1", "in", false,
		func(host *probe.Tester) *probe.Socket { return host.UDP(boundPort) }},
	{"datagram.in", "a datagram socket with a datagram is ready for reading", "POSIX:poll-1", "in", true, withData},
	{"datagram.out", "a datagram socket is ready for writing", "POSIX:poll-2", "out", true,
		func(host *probe.Tester) *probe.Socket { return host.UDP(boundPort) }},
	{"listening.empty.in", "a listener without a connection is not ready for reading", "POSIX:poll-6", "in", false,
		func(host *probe.Tester) *probe.Socket { return host.Listen(boundPort, 1) }},
	{"listening.in", "a listener with a connection is ready for reading", "POSIX:poll-6", "in", true,
		func(host *probe.Tester) *probe.Socket {
			l := host.Listen(boundPort, 1)
			host.TCPTo(boundPort).Handshake()
			return l
		}},
	{"connecting.out", "a stream that is being connected is not ready for writing", "POSIX:poll-7", "out", false,
		func(host *probe.Tester) *probe.Socket {
			s := host.Stream()
			s.Do(dialTo(there(host, testerPort), dontWait))
			return s
		}},
	{"refused.out", "a stream whose connect has failed is ready for writing", "POSIX:poll-7", "out", true, refusedBehind},
	{"refused.err", "a stream whose connect has failed has an error", "POSIX:poll-4", "err", true, refusedBehind},
	{"connected.in", "a stream without data is not ready for reading", "POSIX:poll-1", "in", false,
		func(host *probe.Tester) *probe.Socket { return connected(host).Socket }},
	{"connected.out", "a stream with room is ready for writing", "POSIX:poll-2", "out", true,
		func(host *probe.Tester) *probe.Socket { return connected(host).Socket }},
	{"connected.hup", "a stream that is connected has not been hung up", "POSIX:poll-5", "hup", false,
		func(host *probe.Tester) *probe.Socket { return connected(host).Socket }},
	{"connected.pri", "a stream without urgent data has none to read", "POSIX:poll-3", "pri", false,
		func(host *probe.Tester) *probe.Socket { return connected(host).Socket }},
	{"data.in", "a stream with data is ready for reading", "POSIX:poll-1", "in", true,
		func(host *probe.Tester) *probe.Socket {
			c := connected(host)
			c.Data([]byte("x"))
			return c.Socket
		}},
	{"urgent.pri", "a stream with urgent data has some to read", "POSIX:poll-3", "pri", true,
		func(host *probe.Tester) *probe.Socket {
			c := connected(host)
			c.Send(tcp.PSH|tcp.ACK|tcp.URG, []byte("x"), tcp.Urgent.Is(1))
			return c.Socket
		}},
	{"full.out", "a stream without room is not ready for writing", "POSIX:poll-2", "out", false, full},
	{"ended.in", "at the end of a stream it is ready for reading", "POSIX:poll-9", "in", true, ended},
	{"reset.hup", "a stream that was reset has been hung up", "POSIX:poll-5", "hup", true, afterReset},
	{"reset.in", "a stream that was reset has something to tell", "POSIX:poll-1", "in", true, afterReset},
}

func init() {
	for _, s := range states {
		m := blind(s.event)
		if !s.want {
			m = jumpy(s.event)
		}
		both("poll."+s.id, s.title, check.Proves(s.requirement, m), func(host *probe.Tester) {
			socket := s.reach(host)
			if !s.want {
				host.That(s.requirement, "what poll tells", socket.Ready("in", "out", "pri"), gomega.Not(gomega.ContainElement(s.event)))
				return
			}
			var events []string
			if s.event != "err" && s.event != "hup" { // those are told in any case
				events = []string{s.event}
			}
			host.That(s.requirement, "what poll tells", await(socket, events...), gomega.ContainElement(s.event))
		})
	}

	both("poll.timeout", "poll waits as long as it is told for something to happen",
		check.Proves("POSIX:poll-8", mutate.Mistakes("waits twice as long", func(r *agent.Request) { r.Value *= 2 })),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			begin := host.Now()
			got, ok := s.Poll(time.Second, "in").Await(10 * time.Second)
			host.That("POSIX:poll-8", "it returns 0", ok && got.Errno == "" && got.Value == 0, gomega.BeTrue())
			host.Between("POSIX:poll-8", "its time", host.Now()-begin, time.Second, 1500*time.Millisecond)
		})
}
