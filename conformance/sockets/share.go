package sockets

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
)

// flows is how many there are of those that are shared out. That one of two sockets gets none of them happens once in 2^31.
const flows = 32

// sharing are two sockets that share a port.
func sharing(host *probe.Tester, of func() *probe.Socket) (two [2]*probe.Socket) {
	for i := range two {
		two[i] = of()
		must(host, two[i], set("SO_REUSEPORT", 1))
		must(host, two[i], bindTo(here(host, boundPort)))
	}
	return two
}

// taken is how often a call on each of two sockets gives something, without waiting; most at most.
func taken(two [2]*probe.Socket, r agent.Request, most int) (n [2]int) {
	r.Flags = []string{dontWait}
	for i, s := range two {
		for n[i] < most && s.Do(r).Errno == "" {
			n[i]++
		}
	}
	return n
}

// toFirst is a target that makes a call on the first socket, whichever is asked for.
func toFirst(v agent.Verb) mutate.Mutation {
	return mutate.Mistakes("makes each "+string(v)+" on the first socket", func(r *agent.Request) {
		if r.Do == v {
			r.Socket = 1
		}
	})
}

func init() {
	for _, kind := range []string{"datagram", "stream"} {
		of := (*probe.Tester).Datagram
		if kind == "stream" {
			of = (*probe.Tester).Stream
		}
		both("reuseport.bind."+kind, "sockets share a port when all of them say SO_REUSEPORT",
			check.Proves("ZEPHYR:SK-1", mutate.Unheeded("does not take SO_REUSEPORT", mutate.Option(agent.SetOpt, "SO_REUSEPORT"))),
			func(host *probe.Tester) {
				for i := range 3 {
					s := of(host)
					must(host, s, set("SO_REUSEPORT", 1))
					if !granted(host, "ZEPHYR:SK-1", s, bindTo(here(host, boundPort))) {
						return
					}
					if kind == "stream" && i < 2 {
						granted(host, "ZEPHYR:SK-1", s, listenWith(2))
					}
				}
				host.That("ZEPHYR:SK-1", "the error of bind of one that does not", of(host).Do(bindTo(here(host, boundPort))).Errno, gomega.Equal("EADDRINUSE"))
			})
	}

	both("reuseport.flow", "datagrams of one flow go to one of the sockets that share a port",
		check.Proves("ZEPHYR:SK-2", mutate.Replies("gives every datagram to each", mutate.Verb(agent.Recv), func(r *agent.Reply) {
			r.Errno = ""
		})),
		func(host *probe.Tester) {
			two := sharing(host, host.Datagram)
			for range flows {
				host.Send(datagram(testerPort, boundPort, "x"))
			}
			kit.Alive(host)
			n := taken(two, recv(10), flows+1)
			host.That("ZEPHYR:SK-2", "received by each of them", n[:], gomega.ConsistOf(0, flows))
		})

	both("reuseport.datagrams", "datagrams of many flows are shared out",
		check.Proves("ZEPHYR:SK-3", toFirst(agent.Recv)),
		func(host *probe.Tester) {
			two := sharing(host, host.Datagram)
			for i := range flows {
				host.Send(datagram(testerPort+uint16(i), boundPort, "x"))
			}
			kit.Alive(host)
			n := taken(two, recv(10), flows+1)
			host.That("ZEPHYR:SK-3", "received in all", n[0]+n[1], gomega.Equal(flows))
			host.That("ZEPHYR:SK-3", "received by each of them", n[:], gomega.HaveEach(gomega.BeNumerically(">", 0)))
		})

	both("reuseport.connections", "connections are shared out among the listeners of a port",
		check.Proves("ZEPHYR:SK-4", toFirst(agent.Accept)),
		func(host *probe.Tester) {
			two := sharing(host, host.Stream)
			for _, l := range two {
				must(host, l, listenWith(flows))
			}
			for range flows {
				host.TCPTo(boundPort).Handshake()
			}
			host.Wait(200 * time.Millisecond) // a stack may hand them over a little later than it acknowledges
			n := taken(two, agent.Request{Do: agent.Accept}, flows+1)
			host.That("ZEPHYR:SK-4", "accepted in all", n[0]+n[1], gomega.Equal(flows))
			host.That("ZEPHYR:SK-4", "accepted by each of them", n[:], gomega.HaveEach(gomega.BeNumerically(">", 0)))
		})
}
