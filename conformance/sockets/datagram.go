package sockets

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// all is every datagram of the target to a port of the tester.
func all(port uint16) packet.Template { return udp.Datagram(udp.DstPort.Is(uint(port))) }

func init() {
	both("connect.datagram.reset", "a datagram socket that is connected to no address has no peer any more",
		check.Proves("POSIX:connect-9", mutate.Mistakes("stays connected", func(r *agent.Request) {
			if r.Do == agent.Dial && !r.Remote.IsValid() {
				r.Do = agent.SockName
			}
		})),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			must(host, s, dialTo(there(host, testerPort)))
			if !granted(host, "POSIX:connect-9", s, dialTo(peer)) {
				return
			}
			host.That("POSIX:connect-9", "the error of asking for the peer's name", s.Do(agent.Request{Do: agent.PeerName}).Errno, gomega.Equal("ENOTCONN"))
			host.Send(datagram(otherPort, boundPort, "from another port"))
			got, _ := s.Recv().Delivered()
			host.That("POSIX:connect-9", "received", string(got.Data), gomega.Equal("from another port"))
		})

	both("connect.datagram.filter", "a datagram socket that is connected receives from its peer only",
		check.Proves("POSIX:connect-6", mutate.Misreads(udp.Datagram(udp.SrcPort.Is(otherPort)), udp.SrcPort.Is(testerPort))),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			must(host, s, dialTo(there(host, testerPort)))
			host.Send(datagram(otherPort, boundPort, "from another port"))
			host.Send(datagram(testerPort, boundPort, "from the peer"))
			got, _ := s.Recv().Delivered()
			host.That("POSIX:connect-6", "received first", string(got.Data), gomega.Equal("from the peer"))
		})

	both("connect.datagram.send", "a datagram socket that is connected sends to its peer, or to who is named",
		check.Proves("POSIX:connect-7", mutate.Field(all(testerPort), udp.DstPort.Is(9))).
			And("POSIX:sendto-2", mutate.Field(all(otherPort), udp.DstPort.Is(testerPort))),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			must(host, s, dialTo(there(host, testerPort)))
			must(host, s, send([]byte("to the peer"), peer))
			f := host.Expect(udp.Datagram(), probe.For())
			host.Must("POSIX:connect-7", f, udp.DstPort.Is(testerPort), packet.Data.Is([]byte("to the peer")))
			must(host, s, send([]byte("to another"), there(host, otherPort)))
			f = host.Expect(udp.Datagram(), probe.For())
			host.Must("POSIX:sendto-2", f, udp.DstPort.Is(otherPort), packet.Data.Is([]byte("to another")))
		})

	both("connect.datagram.local", "connect gives a datagram socket a local address and port",
		check.Proves("POSIX:connect-8", mutate.Replies("has no port", mutate.Verb(agent.SockName), func(r *agent.Reply) {
			r.Local = netip.AddrPortFrom(r.Local.Addr(), 0)
		})),
		func(host *probe.Tester) {
			s := host.Datagram()
			must(host, s, dialTo(there(host, testerPort)))
			local := s.Do(agent.Request{Do: agent.SockName}).Local
			host.That("POSIX:connect-8", "the port", local.Port(), gomega.Not(gomega.BeZero()))
			host.That("POSIX:connect-8", "the address", local.Addr(), gomega.Equal(host.TargetIP()))
		})

	both("recv.source", "a receive tells the source of a datagram",
		check.Proves("POSIX:recvfrom-1", mutate.Replies("gives its own address for the source", mutate.Verb(agent.Recv), func(r *agent.Reply) {
			r.Remote = r.Local
		})),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			host.Send(datagram(testerPort, boundPort, "x"))
			got, _ := s.Recv().Delivered()
			host.That("POSIX:recvfrom-1", "the source", got.Remote, gomega.Equal(there(host, testerPort)))
		})

	both("recv.peek.datagram", "a datagram that was looked at is still there",
		check.Proves("POSIX:recv-7", mutate.Mistakes("takes what it is to look at", func(r *agent.Request) {
			if r.Do == agent.Recv {
				r.Flags = nil
			}
		})),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			host.Send(datagram(testerPort, boundPort, "first"))
			host.Send(datagram(testerPort, boundPort, "second"))
			seen, _ := s.Begin(recv(100, "MSG_PEEK")).Delivered()
			got, _ := s.Recv().Delivered()
			host.That("POSIX:recv-7", "looked at, and received", []string{string(seen.Data), string(got.Data)}, gomega.Equal([]string{"first", "first"}))
		})

	both("recv.truncated", "what does not fit into the buffer is discarded, and the message says so",
		check.Proves("POSIX:recv-8", garbled("gives the rest with the next receive", func(r agent.Request) bool { return r.Do == agent.Recv && r.Max == 100 })).
			And("POSIX:recvmsg-1", mutate.Replies("does not say that a message was cut", mutate.Verb(agent.Recv), func(r *agent.Reply) { r.Flags = nil })),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			host.Send(datagram(testerPort, boundPort, "a long one"))
			host.Send(datagram(testerPort, boundPort, "the next"))
			got, _ := s.Begin(recv(6)).Delivered()
			host.That("POSIX:recv-8", "what fits", string(got.Data), gomega.Equal("a long"))
			host.That("POSIX:recvmsg-1", "flags", got.Flags, gomega.ContainElement("MSG_TRUNC"))
			got, _ = s.Begin(recv(100)).Delivered()
			host.That("POSIX:recv-8", "the next message", string(got.Data), gomega.Equal("the next"))
			host.That("POSIX:recvmsg-1", "flags of a message that fits", got.Flags, gomega.Not(gomega.ContainElement("MSG_TRUNC")))
		})

	check.Grid(suite, "sendto.broadcast", "datagrams to broadcast addresses are sent with SO_BROADCAST only",
		check.Proves("POSIX:sendto-1", mutate.Mistakes("sets SO_BROADCAST by itself", func(r *agent.Request) {
			if r.Option == "SO_BROADCAST" {
				r.Value = 1
			}
		})).And("POSIX:so-10", mutate.Unheeded("does not take SO_BROADCAST", func(r agent.Request) bool {
			return r.Option == "SO_BROADCAST" && r.Value == 1
		})).Needs(target.Agent),
		[]string{"limited", "subnet"},
		func(p *probe.P, kind string) {
			host := p.Host(probe.IPv4)
			dst := map[string]netip.Addr{"limited": ipv4.Broadcast, "subnet": kit.LastOf(p.Net().Prefix4)}[kind]
			s := host.UDP(boundPort)
			must(host, s, set("SO_BROADCAST", 0))
			got := s.Do(send([]byte("everybody"), netip.AddrPortFrom(dst, testerPort)))
			host.That("POSIX:sendto-1", "it fails without SO_BROADCAST", got.Errno != "", gomega.BeTrue())
			must(host, s, set("SO_BROADCAST", 1))
			got = s.Do(send([]byte("everybody"), netip.AddrPortFrom(dst, testerPort)))
			host.That("POSIX:so-10", "the error with SO_BROADCAST", got.Errno, gomega.BeEmpty())
		})
}
