package sockets

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// ofStream is a segment of the target with exactly these flags of FIN, SYN, RST, ACK and URG.
func ofStream(flags uint) packet.Template { return tcp.Segment(tcp.Control(flags)) }

// garbled is a target that gives other data.
func garbled(how string, such func(agent.Request) bool) mutate.Mutation {
	return mutate.Replies(how, such, func(r *agent.Reply) {
		if len(r.Data) > 0 {
			r.Data = []byte("other data")
		}
	})
}

// open tells whether a stream takes what the tester sends.
func open(host *probe.Tester, c *probe.Conn) bool {
	c.Data([]byte("still here"))
	got, ok := c.Socket.Read(100).Delivered()
	return ok && string(got.Data) == "still here"
}

func init() {
	both("accept.queue", "connections are accepted in the order in which they were made, each with its peer's address",
		check.Proves("POSIX:accept-4", mutate.Replies("accepts the same connection twice", mutate.Verb(agent.Accept), func(r *agent.Reply) {
			r.Socket = min(r.Socket, 2)
			r.Errno = "EINVAL"
		})).And("POSIX:accept-5", mutate.Replies("gives its own address for the peer's", mutate.Verb(agent.Accept), func(r *agent.Reply) {
			r.Remote = r.Local
		})),
		func(host *probe.Tester) {
			l := host.Listen(0, 5)
			first, second := host.TCPTo(l.Local.Port()), host.TCPTo(l.Local.Port())
			first.Handshake()
			await(l, "in")
			second.Handshake()
			for i, c := range []*probe.Conn{first, second} {
				got, ok := l.Begin(agent.Request{Do: agent.Accept}).Delivered()
				host.That("POSIX:accept-4", "a connection is accepted", ok && got.Errno == "", gomega.BeTrue())
				if i == 0 {
					host.That("POSIX:accept-5", "the address of the peer", got.Remote, gomega.Equal(there(host, uint16(c.Local))))
				} else {
					host.That("POSIX:accept-4", "the port of the second one's peer", got.Remote.Port(), gomega.Equal(uint16(c.Local)))
				}
			}
		})

	both("listen.unbound", "a stream that was not bound listens at a port of the system's choice",
		check.Proves("LINUX:ip-1", mutate.Replies("fails", mutate.Verb(agent.Listen), func(r *agent.Reply) { r.Errno = "EDESTADDRREQ" })),
		func(host *probe.Tester) {
			l := host.Stream()
			if !granted(host, "LINUX:ip-1", l, listenWith(1)) {
				return
			}
			at := l.Do(agent.Request{Do: agent.SockName}).Local
			host.That("LINUX:ip-1", "the port", at.Port(), gomega.Not(gomega.BeZero()))
			host.That("LINUX:ip-1", "the address, before there is a connection", at.Addr().IsUnspecified(), gomega.BeTrue())
			host.TCPTo(at.Port()).Handshake()
			await(l, "in")
			got, ok := l.Begin(agent.Request{Do: agent.Accept}).Delivered()
			host.That("LINUX:ip-1", "a connection to it is accepted", ok && got.Errno == "", gomega.BeTrue())
		})

	both("getpeername.connected", "both ends of a connection know their names",
		check.Proves("POSIX:getpeername-2", mutate.Replies("gives its own name for the peer's", mutate.Verb(agent.PeerName), func(r *agent.Reply) {
			r.Remote = r.Local
		})).And("POSIX:getsockname-1", mutate.Replies("has no name", mutate.Verb(agent.SockName), func(r *agent.Reply) {
			r.Local = peer
		})),
		func(host *probe.Tester) {
			c := connected(host)
			host.That("POSIX:getpeername-2", "the peer's name", c.Socket.Do(agent.Request{Do: agent.PeerName}).Remote, gomega.Equal(there(host, uint16(c.Local))))
			host.That("POSIX:getsockname-1", "its own name", c.Socket.Do(agent.Request{Do: agent.SockName}).Local, gomega.Equal(here(host, uint16(c.Remote))))
		})

	both("recv.end", "at the end of a stream a receive gives nothing, again and again",
		check.Proves("POSIX:recv-9", mutate.Replies("fails at the end", mutate.Verb(agent.Recv), func(r *agent.Reply) {
			if r.EOF() {
				r.Errno = "ENOTCONN"
			}
		})),
		func(host *probe.Tester) {
			c := connected(host)
			c.Data([]byte("the last"))
			c.FIN()
			data, _ := c.Socket.ReadFull(8, time.Second)
			host.That("POSIX:recv-9", "what came before the end", string(data), gomega.Equal("the last"))
			for range 2 {
				got, ok := c.Socket.Begin(recv(10)).Delivered()
				host.That("POSIX:recv-9", "the end", ok && got.EOF(), gomega.BeTrue())
			}
		})

	both("recv.waits", "a receive waits for data",
		check.Proves("POSIX:recv-11", mutate.Mistakes("never waits", func(r *agent.Request) {
			if r.Do == agent.Recv {
				r.Flags = append(r.Flags, dontWait)
			}
		})),
		func(host *probe.Tester) {
			c := connected(host)
			reading := c.Socket.Begin(recv(10))
			host.Wait(time.Second)
			_, early := reading.Done()
			host.That("POSIX:recv-11", "it ends before there is data", early, gomega.BeFalse())
			c.Data([]byte("now"))
			got, _ := reading.Delivered()
			host.That("POSIX:recv-11", "the data", string(got.Data), gomega.Equal("now"))
		})

	both("recv.peek.stream", "data that was looked at is still there",
		check.Proves("POSIX:recv-7", mutate.Mistakes("takes what it is to look at", func(r *agent.Request) {
			if r.Do == agent.Recv {
				r.Flags = nil
			}
		})),
		func(host *probe.Tester) {
			c := connected(host)
			c.Data([]byte("data"))
			seen, _ := c.Socket.Begin(recv(2, "MSG_PEEK")).Delivered()
			got, _ := c.Socket.ReadFull(4, time.Second)
			host.That("POSIX:recv-7", "looked at, and received", []string{string(seen.Data), string(got)}, gomega.Equal([]string{"da", "data"}))
		})

	both("recv.urgent", "urgent data is received apart",
		check.Proves("POSIX:recv-10", garbled("gives other urgent data", mutate.Flagged(agent.Recv, "MSG_OOB"))),
		func(host *probe.Tester) {
			c := connected(host)
			c.Send(tcp.PSH|tcp.ACK|tcp.URG, []byte("abc"), tcp.Urgent.Is(3))
			await(c.Socket, "pri")
			data, _ := c.Socket.ReadFull(2, time.Second)
			got := c.Socket.Do(recv(1, "MSG_OOB", dontWait))
			host.That("POSIX:recv-10", "the data in front of it, and the urgent octet", []string{string(data), string(got.Data)}, gomega.Equal([]string{"ab", "c"}))
		})

	both("option.oobinline", "urgent data stands among the rest when it is wanted there",
		check.Proves("POSIX:so-9", mutate.Unheeded("does not take SO_OOBINLINE", mutate.Option(agent.SetOpt, "SO_OOBINLINE"))),
		func(host *probe.Tester) {
			c := connected(host)
			host.That("POSIX:so-9", "the error of setting it", c.Socket.Do(set("SO_OOBINLINE", 1)).Errno, gomega.BeEmpty())
			c.Send(tcp.PSH|tcp.ACK|tcp.URG, []byte("abc"), tcp.Urgent.Is(3))
			data, _ := c.Socket.ReadFull(3, time.Second)
			host.That("POSIX:so-9", "the stream", string(data), gomega.Equal("abc"))
		})

	both("shutdown.write", "who shuts down its sending half tells the peer, and goes on receiving",
		check.Proves("POSIX:shutdown-4", mutate.Missing(ofStream(tcp.FIN|tcp.ACK))).
			And("POSIX:shutdown-5", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1)))),
		func(host *probe.Tester) {
			c := connected(host)
			must(host, c.Socket, shut(probe.ShutWrite))
			host.Expect(c.From(tcp.FIN|tcp.ACK), probe.For("POSIX:shutdown-4"), probe.Because("the sending half has ended"))
			c.ACK()
			host.That("POSIX:shutdown-5", "data is received", open(host, c), gomega.BeTrue())
		})

	both("shutdown.read", "who shuts down its receiving half receives nothing more, and goes on sending",
		check.Proves("POSIX:shutdown-3", mutate.Unheeded("does not shut down", mutate.Verb(agent.Shutdown))).
			And("POSIX:shutdown-5", mutate.Missing(tcp.Segment(tcp.PSHBit.Is(1)))),
		func(host *probe.Tester) {
			c := connected(host)
			must(host, c.Socket, shut(probe.ShutRead))
			got, ok := c.Socket.Begin(recv(10)).Delivered()
			host.That("POSIX:shutdown-3", "a receive ends at once, with nothing", ok && got.EOF(), gomega.BeTrue())
			c.Socket.Write([]byte("still sending"))
			host.Expect(c.DataFrom(), probe.For("POSIX:shutdown-5"))
		})

	both("close.linger-off", "what is unsent at a close is sent, and the end behind it",
		check.Proves("POSIX:so-8", mutate.Mistakes("discards what is unsent at a close", func(r *agent.Request) {
			if r.Do == agent.Send {
				r.Data = nil
			}
		})),
		func(host *probe.Tester) {
			c := connected(host)
			c.Acknowledge(probe.Receiver{})
			data := kit.Pattern(20000)
			c.Socket.Write(data)
			closing := c.Socket.Begin(agent.Request{Do: agent.Close})
			_, ok := closing.Delivered()
			host.That("POSIX:so-8", "the close returns at once", ok, gomega.BeTrue())
			c.Until(10*time.Second, func() bool { return len(c.Received()) >= len(data) })
			host.That("POSIX:so-8", "octets sent", len(c.Received()), gomega.Equal(len(data)))
		})

	both("option.reuseaddr", "SO_REUSEADDR lets a listener have the port of connections that have ended",
		check.Proves("POSIX:so-7", mutate.Unheeded("does not take SO_REUSEADDR", mutate.Option(agent.SetOpt, "SO_REUSEADDR"))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Setup = func(s *probe.Socket) { must(host, s, set("SO_REUSEADDR", 1)) }
			c.Open(probe.Passive)
			must(host, c.Socket, agent.Request{Do: agent.Close})
			host.Expect(c.From(tcp.FIN|tcp.ACK), probe.For())
			c.FIN() // the target's end is in TIME-WAIT
			host.Expect(c.From(tcp.ACK), probe.For())
			must(host, c.Listener, agent.Request{Do: agent.Close})
			s := host.Stream()
			must(host, s, set("SO_REUSEADDR", 1))
			got := s.Do(bindTo(here(host, uint16(c.Remote))))
			host.That("POSIX:so-7", "the error of bind", got.Errno, gomega.BeEmpty())
		})

	// That one socket says it is no word of the other's: its owner would lose what comes for it.
	both("option.reuseaddr.one", "a port whose user did not say SO_REUSEADDR is not shared",
		check.Proves("POSIX:bind-1", mutate.Errno(agent.Bind, "", "EADDRINUSE")),
		func(host *probe.Tester) {
			host.UDP(boundPort)
			s := host.Datagram()
			must(host, s, set("SO_REUSEADDR", 1))
			got := s.Do(bindTo(netip.AddrPortFrom(host.Any(), boundPort)))
			host.That("POSIX:bind-1", "the error of bind", got.Errno, gomega.Equal("EADDRINUSE"))
		})

	both("option.error", "SO_ERROR tells why a connection was not made, once",
		check.Proves("POSIX:so-3", mutate.Replies("knows of no error", mutate.Option(agent.GetOpt, "SO_ERROR"), func(r *agent.Reply) { r.Value = 0 })).
			And("POSIX:so-4", mutate.Replies("keeps its error", mutate.Option(agent.GetOpt, "SO_ERROR"), func(r *agent.Reply) { r.Value = 111 })),
		func(host *probe.Tester) {
			s := host.Stream()
			s.Do(dialTo(there(host, testerPort), dontWait))
			refuse(host, host.Expect(tcp.Segment(tcp.Control(tcp.SYN), tcp.DstPort.Is(testerPort)), probe.For()))
			await(s, "out")
			host.That("POSIX:so-3", "the first time", s.Do(get("SO_ERROR")).Value, gomega.Not(gomega.BeZero()))
			host.That("POSIX:so-4", "the second time", s.Do(get("SO_ERROR")).Value, gomega.BeZero())
		})
}
