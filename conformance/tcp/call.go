package tcp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// inPacket are segments in IPv4 packets.
func inPacket(ip []packet.Cond, segment ...packet.Cond) packet.Template {
	return ipv4.Header(ip...).Then(tcp.Segment(segment...))
}

// ipOptioned is of packets with options.
var ipOptioned = ipv4.Options.Where("some", func(o []byte) bool { return len(o) > 0 }) // never written

// given sets IP options of a socket.
func given(c *probe.Conn, s *probe.Socket, options []byte) {
	if err := s.SetOptionOctets("IP_OPTIONS", options); err != nil {
		c.Inconclusive("the target refuses IP_OPTIONS: %v", err)
	}
	c.Wait(takesEffect)
}

// takesEffect is how long a target may take to do as it is told: no RFC says that the very next segment has to.
const takesEffect = 20 * time.Millisecond

// routeIn is the source route of a packet: its hops behind the pointer's place, whatever the pointer is.
func routeIn(f *packet.Frame) (hops []netip.Addr) {
	options, _ := ipv4.Options.Of(f)
	for _, kind := range []byte{ipv4.LooseRouteType, ipv4.StrictRouteType} {
		for _, o := range ipv4.FindOptions(options, kind) {
			for at := 3; at+4 <= len(o); at += 4 {
				a, _ := netip.AddrFromSlice(o[at : at+4])
				hops = append(hops, a)
			}
		}
	}
	return hops
}

// by asserts that a segment goes to a peer by way of a gateway.
func by(host *probe.Tester, requirement string, f *packet.Frame, gateway, peer netip.Addr) {
	host.Must(requirement, f, ipv4.Dst.Is(gateway))
	host.That(requirement, "the rest of the source route", routeIn(f), gomega.Equal([]netip.Addr{peer}))
}

func init() {
	anywhere := mutate.Mistakes("binds to all addresses", func(r *agent.Request) {
		if r.Do == agent.Bind {
			r.Local = netip.AddrPortFrom(netip.IPv4Unspecified(), r.Local.Port())
		}
	})
	it4("tcp.call.local-address", "an application opens a connection at one of the host's addresses",
		check.Proves("RFC9293:MUST-43", anywhere).Needs(target.SecondLink),
		func(host *probe.Tester) {
			far := host.Link(1)
			s := host.Stream()
			if err := s.Bind(netip.AddrPortFrom(host.TargetIP(), 4000)); err != nil {
				host.Inconclusive("the target does not bind to its address: %v", err)
			}
			if err := s.Listen(4); err != nil {
				host.Inconclusive("the target does not listen: %v", err)
			}
			c := host.TCPTo(4000)
			c.Send(tcp.SYN, nil)
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.Because("the target listens at this address"))
			d := far.TCPTo(4000)
			d.Send(tcp.SYN, nil)
			host.Must("RFC9293:MUST-43", d.Expect(d.Any(), probe.For()), tcp.Control(tcp.RST|tcp.ACK))
		})

	it4("tcp.call.source-address", "the way to the peer decides on the address of a connection, which keeps it",
		check.Proves("RFC9293:MUST-44", mutate.Between(func(near, _ target.Net) mutate.Mutation {
			return mutate.Field(from(tcp.SYN), ipv4.Src.Is(near.Target.IP4))
		})).And("RFC9293:MUST-45", mutate.Between(func(near, _ target.Net) mutate.Mutation {
			return mutate.Field(tcp.Segment(tcp.PSHBit.Is(1)), ipv4.Src.Is(near.Target.IP4))
		})).Needs(target.SecondLink),
		func(host *probe.Tester) {
			far := host.Link(1)
			c := far.TCP()
			host.Must("RFC9293:MUST-44", c.Dial(), ipv4.Src.Is(far.TargetIP()))
			c.Answer()
			if errno := errnoOf(c.Dialing, 2*time.Second); errno != "" {
				host.Inconclusive("the target does not connect: %s", errno)
			}
			c.Data([]byte("octets"))
			c.Socket.Write([]byte("octets"))
			c.Expect(c.DataFrom(), probe.For())
			c.Socket.Shutdown(probe.ShutWrite)
			c.Expect(c.Any(tcp.Has(tcp.FIN)), probe.For())
			for _, f := range c.Sent() {
				host.Must("RFC9293:MUST-45", f, ipv4.Src.Is(far.TargetIP()))
			}
		})

	inData := tcp.Segment(tcp.PSHBit.Is(1))
	grid4("tcp.call.tos", "the application sets the Diffserv field, before and while a connection is there",
		check.Proves("RFC9293:MUST-48", mutate.Field(from(tcp.SYN), ipv4.TOS.Is(0x14))).
			And("RFC9293:SHLD-21", mutate.Field(inData, ipv4.TOS.Is(0x14))).
			And("RFC9293:SHLD-22", mutate.Shifts(tcp.Segment(), ipv4.TOS, 4)),
		[]int{0x20, 0x68, 0xb8, 0xfc},
		func(host *probe.Tester, tos int) {
			c := host.TCP()
			c.Socket = host.Stream()
			mustSet(c.Socket, c, "IP_TOS", tos)
			f := c.Dial()
			host.Must("RFC9293:MUST-48", f, ipv4.TOS.Is(uint(tos)))
			host.Must("RFC9293:SHLD-22", f, ipv4.TOS.Is(uint(tos)))
			c.Answer()
			mustSet(c.Socket, c, "IP_TOS", tos^0x0c)
			c.Wait(takesEffect)
			c.Socket.Write([]byte("octets"))
			f = c.Expect(c.DataFrom(), probe.For())
			host.Must("RFC9293:SHLD-21", f, ipv4.TOS.Is(uint(tos^0x0c)))
		})

	grid4("tcp.call.ttl", "the TTL of segments can be set",
		check.Proves("RFC9293:MUST-49", mutate.Field(tcp.Segment(), ipv4.TTL.Is(31))), []int{1, 7, 65, 255},
		func(host *probe.Tester, ttl int) {
			c := host.TCP()
			c.Socket = host.Stream()
			mustSet(c.Socket, c, "IP_TTL", ttl)
			// A benign target has another default, which is none of what is set.
			host.Must("RFC9293:MUST-49", c.Dial(), ipv4.TTL.Where("as set, or hidden by another default", func(v uint) bool { return v == uint(ttl) || v == 128 }))
		})

	grid4("tcp.call.ip-options", "IP options that TCP knows nothing of are ignored",
		check.Proves("RFC9293:MUST-50", mutate.Ignores(inPacket([]packet.Cond{ipOptioned}))),
		[]oddity{
			{"no-operation", []byte{1, 1, 1, 1}},
			{"router-alert", ipv4.RouterAlert()},
			{"stream-id", ipv4.Option(ipv4.StreamIDType, 1, 2)},
			{"unknown", ipv4.Option(0x9e, 1, 2)},
			{"record-route", ipv4.RecordRoute(4, netip.IPv4Unspecified())},
		},
		func(host *probe.Tester, o oddity) {
			c := host.TCP()
			c.Listen()
			accepting := c.Listener.Accept()
			c.Put(c.Segment(tcp.SYN, nil).With(ipv4.Options.Is(o.options)))
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.Because("the option is no concern of TCP"))
			c.ACK()
			if c.Socket = accepting.Socket(3 * time.Second); c.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			c.Put(c.Segment(tcp.PSH|tcp.ACK, []byte("octets")).With(ipv4.Options.Is(o.options)))
			host.That("RFC9293:MUST-50", "the application reads the data", reads(c, 6), gomega.Equal("octets"))
		})

	it4("tcp.call.source-route", "an application gives a source route, which the whole connection takes",
		check.Proves("RFC9293:MUST-51", mutate.Field(from(tcp.SYN), ipv4.Options.Is(nil))),
		func(host *probe.Tester) {
			gateway := host.As(1)
			c := host.Claiming(beyond).TCP()
			c.Socket = host.Stream()
			given(c, c.Socket, ipv4.LooseRoute(4, gateway.IP()))
			c.Socket.Dial(netip.AddrPortFrom(beyond, c.Local))
			f := c.Expect(c.From(tcp.SYN), probe.For())
			by(host, "RFC9293:MUST-51", f, gateway.IP(), beyond)
		})

	for _, k := range []struct {
		id, title, requirement string
		m                      mutate.Mutation
		want                   func(host *probe.Tester) *probe.Tester // whose way the last segment takes
	}{
		{"tcp.call.route-reversed", "a connection answers by the source route by which it was opened", "RFC9293:MUST-53",
			mutate.Field(tcp.Segment(), ipv4.Options.Is(nil)), nil},
		{"tcp.call.route-given", "a source route that the application gives wins over one that was received", "RFC9293:MUST-52",
			unheeded("IP_OPTIONS"), nil},
		{"tcp.call.route-changed", "another source route in a later segment replaces the one before", "RFC9293:SHLD-24",
			mutate.Misreads(tcp.Segment(tcp.PSHBit.Is(1)), ipv4.Options.Is(nil)), nil},
	} {
		it4(k.id, k.title, check.Proves(k.requirement, k.m),
			func(host *probe.Tester) {
				first, second := host.As(1), host.As(2)
				c := host.TCP()
				c.Listen()
				accepting := c.Listener.Accept()
				routed := func(t packet.Template, via *probe.Tester) { // from the tester, which is the source, by way of a gateway
					c.Put(t.With(ipv4.Options.Is(ipv4.LooseRoute(8, via.IP()))))
				}
				routed(c.Segment(tcp.SYN, nil), first)
				f := host.Expect(c.From(tcp.SYN|tcp.ACK), probe.For(k.requirement), probe.Because("the target listens"))
				if k.requirement == "RFC9293:MUST-53" {
					by(host, k.requirement, f, first.IP(), host.IP())
				}
				seq, _ := tcp.Seq.Of(f)
				next := tcp.Ack.Is(seq + 1)
				routed(c.Segment(tcp.ACK, nil, tcp.Seq.Is(uint(c.ISS+1)), next), first)
				s := accepting.Socket(3 * time.Second)
				if s == nil {
					host.Inconclusive("the target does not accept the connection")
				}
				via := first
				switch k.requirement {
				case "RFC9293:MUST-52":
					given(c, s, ipv4.LooseRoute(4, second.IP()))
					via = second
				case "RFC9293:SHLD-24":
					routed(c.Segment(tcp.PSH|tcp.ACK, []byte("octets"), tcp.Seq.Is(uint(c.ISS+1)), next), second)
					if data, _ := s.ReadFull(6, 2*time.Second); string(data) != "octets" {
						host.Inconclusive("the target does not take the data")
					}
					via = second
				}
				s.Write([]byte("answer"))
				f = host.Expect(c.DataFrom(), probe.For())
				by(host, k.requirement, f, via.IP(), host.IP())
			})
	}

	for _, k := range []struct {
		id, title, requirement string
		option                 []byte
	}{
		{"tcp.call.timestamp-sent", "an IP Timestamp option that the application gives goes out with segments", "RFC9293:MAY-10",
			ipv4.Timestamp(5, 0, ipv4.TimestampsOnly, make([]byte, 8))},
		{"tcp.call.record-route-sent", "a Record Route option that the application gives goes out with segments", "RFC9293:MAY-11",
			append(ipv4.RecordRoute(4, netip.IPv4Unspecified(), netip.IPv4Unspecified()), 0)},
	} {
		it4(k.id, k.title, check.Proves(k.requirement, mutate.Field(inData, ipv4.Options.Is(ipv4.Option(k.option[0], 5)))),
			func(host *probe.Tester) {
				c := host.TCP()
				c.Open(probe.Passive)
				if err := c.Socket.SetOptionOctets("IP_OPTIONS", k.option); err != nil {
					host.Observed(k.requirement, "the target does not take the option: %v", err)
					return
				}
				c.Wait(takesEffect)
				c.Socket.Write([]byte("octets"))
				f := c.Expect(c.DataFrom(), probe.For())
				options, _ := ipv4.Options.Of(f)
				whole := slices.ContainsFunc(ipv4.FindOptions(options, k.option[0]), func(found []byte) bool { return len(found) == int(k.option[1]) })
				host.Observed(k.requirement, "the option is sent: %x", options)
				host.That(k.requirement, "the option is there, with its length", whole, gomega.BeTrue())
			})
	}
}
