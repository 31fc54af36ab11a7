package sockets

import (
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// Errors of the calls that give a socket its addresses: "shall fail if".
var addressing = []failing{ // never written
	{
		id: "bind.in-use.datagram", title: "a port that another socket has cannot be bound to", requirement: "POSIX:bind-1",
		verb: agent.Bind, errors: errors("EADDRINUSE"),
		call: func(host *probe.Tester) agent.Reply {
			host.UDP(boundPort)
			return host.Datagram().Do(bindTo(here(host, boundPort)))
		},
	},
	{
		id: "bind.in-use.stream", title: "a port that another stream listens on cannot be bound to", requirement: "POSIX:bind-1",
		verb: agent.Bind, errors: errors("EADDRINUSE"),
		call: func(host *probe.Tester) agent.Reply {
			host.Listen(boundPort, 1)
			return host.Stream().Do(bindTo(here(host, boundPort)))
		},
	},
	{
		id: "bind.elsewhere.datagram", title: "an address of another host cannot be bound to", requirement: "POSIX:bind-2",
		verb: agent.Bind, errors: errors("EADDRNOTAVAIL"),
		call: func(host *probe.Tester) agent.Reply { return host.Datagram().Do(bindTo(there(host, boundPort))) },
	},
	{
		id: "bind.elsewhere.stream", title: "an address of another host cannot be bound to by a stream", requirement: "POSIX:bind-2",
		verb: agent.Bind, errors: errors("EADDRNOTAVAIL"),
		call: func(host *probe.Tester) agent.Reply { return host.Stream().Do(bindTo(there(host, boundPort))) },
	},
	{
		id: "bind.twice.datagram", title: "a socket is bound once", requirement: "POSIX:bind-3",
		verb: agent.Bind, errors: errors("EINVAL"),
		call: func(host *probe.Tester) agent.Reply { return host.UDP(boundPort).Do(bindTo(here(host, otherPort))) },
	},
	{
		id: "bind.twice.stream", title: "a stream is bound once", requirement: "POSIX:bind-3",
		verb: agent.Bind, errors: errors("EINVAL"),
		call: func(host *probe.Tester) agent.Reply {
			return host.Listen(boundPort, 1).Do(bindTo(here(host, otherPort)))
		},
	},
	{
		id: "connect.refused", title: "a connection that is answered with a reset is refused", requirement: "POSIX:connect-1",
		verb: agent.Dial, errors: errors("ECONNREFUSED"),
		call: func(host *probe.Tester) agent.Reply {
			s := host.Stream()
			dialing := s.Dial(there(host, testerPort))
			syn := host.Expect(tcp.Segment(tcp.Control(tcp.SYN), tcp.DstPort.Is(testerPort)), probe.For())
			refuse(host, syn)
			got, _ := dialing.Delivered()
			return got
		},
	},
	{
		id: "connect.again", title: "a stream that is connected cannot be connected again", requirement: "POSIX:connect-2",
		verb: agent.Dial, errors: errors("EISCONN"),
		call: func(host *probe.Tester) agent.Reply { return connected(host).Socket.Do(dialTo(there(host, otherPort))) },
	},
	{
		id: "connect.begun", title: "a connect that would have to wait, and must not, goes on by itself", requirement: "POSIX:connect-3",
		verb: agent.Dial, errors: errors("EINPROGRESS"),
		call: func(host *probe.Tester) agent.Reply {
			return host.Stream().Do(dialTo(there(host, testerPort), dontWait))
		},
	},
	{
		id: "connect.under-way", title: "a connect meets one that goes on", requirement: "POSIX:connect-4",
		verb: agent.Dial, errors: errors("EALREADY"),
		call: func(host *probe.Tester) agent.Reply {
			s := host.Stream()
			s.Do(dialTo(there(host, testerPort), dontWait))
			return s.Do(dialTo(there(host, testerPort), dontWait))
		},
	},
	{
		id: "connect.timeout", title: "a connect that nobody answers times out", requirement: "POSIX:connect-5", slow: true,
		verb: agent.Dial, errors: errors("ETIMEDOUT"),
		call: func(host *probe.Tester) agent.Reply {
			s := host.Stream()
			must(host, s, set("TCP_SYNCNT", 1)) // else it takes minutes
			got, ok := s.Dial(there(host, testerPort)).Await(3 * time.Minute)
			if !ok {
				host.Inconclusive("a connect that nobody answers goes on for minutes, though it was told to try twice")
			}
			return got
		},
	},
	{
		id: "listen.connected", title: "a stream that is connected cannot listen", requirement: "POSIX:listen-1",
		verb: agent.Listen, errors: errors("EINVAL"),
		call: func(host *probe.Tester) agent.Reply { return connected(host).Socket.Do(listenWith(1)) },
	},
	{
		id: "listen.datagram", title: "a datagram socket cannot listen", requirement: "POSIX:listen-2",
		verb: agent.Listen, errors: errors("EOPNOTSUPP"),
		call: func(host *probe.Tester) agent.Reply { return host.UDP(boundPort).Do(listenWith(1)) },
	},
	{
		id: "accept.none", title: "an accept that must not wait finds no connection", requirement: "POSIX:accept-1",
		verb: agent.Accept, errors: errors("EAGAIN EWOULDBLOCK"),
		call: func(host *probe.Tester) agent.Reply {
			return host.Listen(boundPort, 1).Do(agent.Request{Do: agent.Accept, Flags: []string{dontWait}})
		},
	},
	{
		id: "accept.not-listening", title: "a stream that does not listen accepts nothing", requirement: "POSIX:accept-2",
		verb: agent.Accept, errors: errors("EINVAL"),
		call: func(host *probe.Tester) agent.Reply {
			return host.Stream().Do(agent.Request{Do: agent.Accept, Flags: []string{dontWait}})
		},
	},
	{
		id: "accept.datagram", title: "a datagram socket accepts nothing", requirement: "POSIX:accept-3",
		verb: agent.Accept, errors: errors("EOPNOTSUPP"),
		call: func(host *probe.Tester) agent.Reply {
			return host.UDP(boundPort).Do(agent.Request{Do: agent.Accept, Flags: []string{dontWait}})
		},
	},
	{
		id: "getpeername.datagram", title: "a datagram socket without a peer has no peer's name", requirement: "POSIX:getpeername-1",
		verb: agent.PeerName, errors: errors("ENOTCONN"),
		call: func(host *probe.Tester) agent.Reply { return host.UDP(boundPort).Do(agent.Request{Do: agent.PeerName}) },
	},
	{
		id: "getpeername.stream", title: "a stream that is not connected has no peer's name", requirement: "POSIX:getpeername-1",
		verb: agent.PeerName, errors: errors("ENOTCONN"),
		call: func(host *probe.Tester) agent.Reply { return host.Stream().Do(agent.Request{Do: agent.PeerName}) },
	},
	{
		id: "shutdown.not-connected", title: "a stream that is not connected has nothing to shut down", requirement: "POSIX:shutdown-1",
		verb: agent.Shutdown, errors: errors("ENOTCONN"),
		call: func(host *probe.Tester) agent.Reply { return host.Stream().Do(shut(probe.ShutBoth)) },
	},
	{
		id: "shutdown.datagram", title: "a datagram socket without a peer has nothing to shut down", requirement: "POSIX:shutdown-1",
		verb: agent.Shutdown, errors: errors("ENOTCONN"),
		call: func(host *probe.Tester) agent.Reply { return host.UDP(boundPort).Do(shut(probe.ShutBoth)) },
	},
	{
		id: "shutdown.how", title: "a half that there is not cannot be shut down", requirement: "POSIX:shutdown-2",
		verb: agent.Shutdown, errors: errors("EINVAL"),
		call: func(host *probe.Tester) agent.Reply { return connected(host).Socket.Do(shut(3)) },
	},
}

// Errors of the calls that move data.
var moving = []failing{ // never written
	{
		id: "send.full", title: "a send that must not wait finds no room", requirement: "POSIX:send-1",
		verb: agent.Send, errors: errors("EAGAIN EWOULDBLOCK"),
		call: func(host *probe.Tester) agent.Reply {
			s := connected(host).Socket
			for range 1000 { // nobody acknowledges
				if got := s.Do(send(kit.Pattern(60000), peer, dontWait)); got.Errno != "" {
					return got
				}
			}
			return agent.Reply{}
		},
	},
	{
		id: "send.nowhere", title: "a datagram needs a destination", requirement: "POSIX:send-2",
		verb: agent.Send, errors: errors("EDESTADDRREQ"),
		call: func(host *probe.Tester) agent.Reply { return host.UDP(boundPort).Do(send([]byte("x"), peer)) },
	},
	{
		id: "send.not-connected", title: "a stream that was never connected sends nothing", requirement: "POSIX:send-3",
		verb: agent.Send, errors: errors("ENOTCONN"),
		call: func(host *probe.Tester) agent.Reply { return host.Stream().Do(send([]byte("x"), peer, dontWait)) },
	},
	{
		id: "send.too-long", title: "a datagram that is longer than IP can carry is not sent", requirement: "POSIX:send-4",
		verb: agent.Send, errors: errors("EMSGSIZE"),
		call: func(host *probe.Tester) agent.Reply {
			return host.UDP(boundPort).Do(send(make([]byte, 65536), there(host, testerPort)))
		},
	},
	{
		id: "send.shut-down.stream", title: "nothing is sent behind a shutdown", requirement: "POSIX:send-5",
		verb: agent.Send, errors: errors("EPIPE"),
		call: func(host *probe.Tester) agent.Reply {
			s := connected(host).Socket
			must(host, s, shut(probe.ShutWrite))
			return s.Do(send([]byte("x"), peer))
		},
	},
	{
		id: "send.shut-down.datagram", title: "nothing is sent behind a shutdown of a datagram socket", requirement: "POSIX:send-5",
		verb: agent.Send, errors: errors("EPIPE"),
		call: func(host *probe.Tester) agent.Reply {
			s := host.UDP(boundPort)
			must(host, s, dialTo(there(host, testerPort)))
			must(host, s, shut(probe.ShutWrite))
			return s.Do(send([]byte("x"), peer))
		},
	},
	{
		id: "send.reset", title: "a send learns that the peer has reset the connection", requirement: "POSIX:send-6",
		verb: agent.Send, errors: errors("ECONNRESET"),
		call: func(host *probe.Tester) agent.Reply { return afterReset(host).Do(send([]byte("x"), peer)) },
	},
	{
		id: "send.oob.datagram", title: "a datagram is not urgent", requirement: "POSIX:send-7",
		verb: agent.Send, errors: errors("EOPNOTSUPP"),
		call: func(host *probe.Tester) agent.Reply {
			return host.UDP(boundPort).Do(send([]byte("x"), there(host, testerPort), "MSG_OOB"))
		},
	},
	{
		id: "recv.none.datagram", title: "a receive that must not wait finds no datagram", requirement: "POSIX:recv-1",
		verb: agent.Recv, errors: errors("EAGAIN EWOULDBLOCK"),
		call: func(host *probe.Tester) agent.Reply { return host.UDP(boundPort).Do(recv(10, dontWait)) },
	},
	{
		id: "recv.none.stream", title: "a receive that must not wait finds no data", requirement: "POSIX:recv-1",
		verb: agent.Recv, errors: errors("EAGAIN EWOULDBLOCK"),
		call: func(host *probe.Tester) agent.Reply { return connected(host).Socket.Do(recv(10, dontWait)) },
	},
	{
		id: "recv.not-connected", title: "a stream that is not connected receives nothing", requirement: "POSIX:recv-2",
		verb: agent.Recv, errors: errors("ENOTCONN"),
		call: func(host *probe.Tester) agent.Reply { return host.Stream().Do(recv(10, dontWait)) },
	},
	{
		id: "recv.listening", title: "a stream that listens receives nothing", requirement: "POSIX:recv-2",
		verb: agent.Recv, errors: errors("ENOTCONN"),
		call: func(host *probe.Tester) agent.Reply { return host.Listen(boundPort, 1).Do(recv(10, dontWait)) },
	},
	{
		id: "recv.reset", title: "a receive learns that the peer has reset the connection", requirement: "POSIX:recv-3",
		verb: agent.Recv, errors: errors("ECONNRESET"),
		call: func(host *probe.Tester) agent.Reply { return afterReset(host).Do(recv(10)) },
	},
	{
		id: "recv.timeout", title: "a receive learns that the peer has not acknowledged for too long", requirement: "POSIX:recv-4", slow: true,
		verb: agent.Recv, errors: errors("ETIMEDOUT"),
		call: func(host *probe.Tester) agent.Reply {
			s := connected(host).Socket
			must(host, s, set("TCP_USER_TIMEOUT", 2000))
			must(host, s, send([]byte("is there anybody"), peer))
			got, ok := s.Begin(recv(10)).Await(2 * time.Minute)
			if !ok {
				host.Inconclusive("the connection is there after two minutes, though its timeout is two seconds")
			}
			return got
		},
	},
	{
		id: "recv.oob.none", title: "there is no urgent data to receive", requirement: "POSIX:recv-5",
		verb: agent.Recv, errors: errors("EINVAL"),
		call: func(host *probe.Tester) agent.Reply { return connected(host).Socket.Do(recv(1, "MSG_OOB", dontWait)) },
	},
	{
		id: "recv.oob.datagram", title: "no datagram is urgent", requirement: "POSIX:recv-6",
		verb: agent.Recv, errors: errors("EOPNOTSUPP"),
		call: func(host *probe.Tester) agent.Reply { return host.UDP(boundPort).Do(recv(1, "MSG_OOB", dontWait)) },
	},
	{
		id: "setsockopt.other-protocol", title: "a datagram socket has no options of TCP", requirement: "POSIX:setsockopt-1",
		verb: agent.SetOpt, errors: errors("ENOPROTOOPT"),
		call: func(host *probe.Tester) agent.Reply { return host.Datagram().Do(set("TCP_NODELAY", 1)) },
	},
	{
		id: "getsockopt.other-protocol", title: "a datagram socket has no options of TCP to read", requirement: "POSIX:getsockopt-1",
		verb: agent.GetOpt, errors: errors("ENOPROTOOPT"),
		call: func(host *probe.Tester) agent.Reply { return host.Datagram().Do(get("TCP_NODELAY")) },
	},
	{
		id: "socket.protocol", title: "there is no stream of an unknown protocol", requirement: "POSIX:socket-1",
		verb: agent.Open, errors: errors("EPROTONOSUPPORT"),
		call: func(host *probe.Tester) agent.Reply { return opened(host, "stream", 250) },
	},
	{
		id: "socket.type", title: "there are no datagrams of TCP", requirement: "POSIX:socket-2",
		verb: agent.Open, errors: errors("EPROTOTYPE"),
		call: func(host *probe.Tester) agent.Reply { return opened(host, "dgram", 6) },
	},
}

// refuse answers a SYN with a reset.
func refuse(host *probe.Tester, syn *packet.Frame) {
	port, _ := tcp.SrcPort.Of(syn)
	seq, _ := tcp.Seq.Of(syn)
	host.Send(tcp.Segment(tcp.Flags.Is(tcp.RST|tcp.ACK), tcp.SrcPort.Is(testerPort), tcp.DstPort.Is(port), tcp.Seq.Is(0), tcp.Ack.Is((seq+1)&0xffffffff)))
}

func opened(host *probe.Tester, kind string, protocol int) agent.Reply {
	_, errno := host.TryOpen(host.Sockets(), kind, protocol)
	return agent.Reply{Errno: errno}
}

// afterReset is a connection that the tester has reset, which the target has learned of.
func afterReset(host *probe.Tester) *probe.Socket {
	c := connected(host)
	c.RST()
	await(c.Socket, "in")
	return c.Socket
}

func init() {
	for _, all := range [][]failing{addressing, moving} {
		for _, f := range all {
			f.add()
		}
	}
}
