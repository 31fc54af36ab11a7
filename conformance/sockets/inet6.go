package sockets

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// six adds a check of IPv6 alone.
func six(id, title string, claims check.Claims, body func(host *probe.Tester)) {
	suite.It(id, title, claims.Needs(target.Agent, target.IPv6), func(p *probe.P) { body(p.Host(probe.IPv6)) })
}

// sending gives the frame that a socket sends to the tester.
func sending(host *probe.Tester, s *probe.Socket) *packet.Frame {
	must(host, s, send([]byte("x"), there(host, testerPort)))
	return host.Expect(all(testerPort), probe.For())
}

// receiving gives what a socket tells of a datagram of the tester.
func receiving(host *probe.Tester, s *probe.Socket, conds ...packet.Cond) agent.Reply {
	host.Send(datagram(testerPort, boundPort, "x").With(conds...))
	got, ok := s.Recv().Delivered()
	if !ok || got.Errno != "" {
		host.Inconclusive("a datagram was not received: %s", got.Errno)
	}
	return got
}

// control is ancillary data of a type; Value -1 when there is none.
func control(r agent.Reply, name string) agent.Control {
	for _, c := range r.Control {
		if c.Type == name {
			return c
		}
	}
	return agent.Control{Value: -1}
}

// without is a target that tells nothing of a type.
func without(name string) mutate.Mutation {
	return mutate.Replies("does not tell "+name, mutate.Verb(agent.Recv), func(r *agent.Reply) {
		r.Control = nil
	})
}

// accepted is a target that takes what it has to refuse.
func accepted(v agent.Verb) mutate.Mutation { return mutate.Errno(v, "", "EINVAL") }

// mapped is an address of IPv4 as one of IPv6.
func mapped(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

func init() {
	six("inet6.unicast-hops", "IPV6_UNICAST_HOPS is the hop limit of what is sent, and -1 the default again",
		check.Proves("RFC3493:5.1-1", mutate.Field(all(testerPort), ipv6.HopLimit.Is(33))).
			And("RFC3493:5.1-3", mutate.Mistakes("keeps the hop limit", func(r *agent.Request) {
				if r.Option == "IPV6_UNICAST_HOPS" && r.Value == -1 {
					r.Value = 7
				}
			})).
			And("RFC3493:5.1-4", mutate.Replies("misreads the hop limit", mutate.Option(agent.GetOpt, "IPV6_UNICAST_HOPS"), func(r *agent.Reply) { r.Value++ })),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			usual, _ := ipv6.HopLimit.Of(sending(host, s))
			for _, v := range []int{1, 7, 255} {
				must(host, s, set("IPV6_UNICAST_HOPS", v))
				host.Must("RFC3493:5.1-1", sending(host, s), ipv6.HopLimit.Is(uint(v)))
				host.That("RFC3493:5.1-4", "what is read", s.Do(get("IPV6_UNICAST_HOPS")).Value, gomega.Equal(v))
			}
			must(host, s, set("IPV6_UNICAST_HOPS", -1))
			again, _ := ipv6.HopLimit.Of(sending(host, s))
			host.That("RFC3493:5.1-3", "the hop limit after -1", again, gomega.Equal(usual))
		})

	for _, o := range []struct{ id, requirement, option string }{ // never written
		{"unicast", "RFC3493:5.1-2", "IPV6_UNICAST_HOPS"}, {"multicast", "RFC3493:5.2-2", "IPV6_MULTICAST_HOPS"},
	} {
		check.Grid(suite, "inet6.hops-refused."+o.id, "a hop limit that there is not is refused",
			check.Proves(o.requirement, accepted(agent.SetOpt)).Needs(target.Agent, target.IPv6), []int{-2, 256, 1000},
			func(p *probe.P, v int) {
				got := p.Host(probe.IPv6).Datagram().Do(set(o.option, v))
				p.That(o.requirement, "the error", got.Errno, gomega.Equal("EINVAL"))
			})
	}

	six("inet6.multicast-default", "groups are reached on the link, and by the host itself, until it is said otherwise",
		check.Proves("RFC3493:5.2-1", mutate.Replies("goes far", mutate.Option(agent.GetOpt, "IPV6_MULTICAST_HOPS"), func(r *agent.Reply) { r.Value = 64 })).
			And("RFC3493:5.2-3", flipped("IPV6_MULTICAST_LOOP")),
		func(host *probe.Tester) {
			s := host.Datagram()
			host.That("RFC3493:5.2-1", "IPV6_MULTICAST_HOPS", s.Do(get("IPV6_MULTICAST_HOPS")).Value, gomega.Equal(1))
			host.That("RFC3493:5.2-3", "IPV6_MULTICAST_LOOP", s.Do(get("IPV6_MULTICAST_LOOP")).Value, gomega.Equal(1))
		})

	group := netip.MustParseAddr("ff02::1:2:3")
	toGroup := datagram(testerPort, boundPort, "to the group").With(ipv6.Dst.Is(group), ethernet.Dst.Is([]byte{0x33, 0x33, 0, 2, 0, 3}))
	six("inet6.group", "a group is received from IPV6_JOIN_GROUP to IPV6_LEAVE_GROUP",
		check.Proves("RFC3493:5.2-4", mutate.Unheeded("does not leave", mutate.Option(agent.SetOpt, "IPV6_LEAVE_GROUP"))),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			if err := s.Join(group); err != nil {
				host.Inconclusive("the target does not join a group: %v", err)
			}
			host.Send(toGroup)
			got, _ := s.Recv().Delivered()
			host.That("RFC3493:5.2-4", "received after the join", string(got.Data), gomega.Equal("to the group"))
			if err := s.Leave(group); err != nil {
				host.Inconclusive("the target does not leave a group: %v", err)
			}
			host.Send(toGroup)
			host.Send(datagram(testerPort, boundPort, "to the host"))
			got, _ = s.Recv().Delivered()
			host.That("RFC3493:5.2-4", "received first after leaving", string(got.Data), gomega.Equal("to the host"))
		})

	// IPv4 on sockets of IPv6.
	to4 := udp.Datagram(udp.DstPort.Is(boundPort))
	six("inet6.mapped.receive", "a socket of IPv6 takes IPv4, from mapped addresses",
		check.Proves("RFC3493:5.3-1", mutate.Ignores(to4)).
			And("RFC3493:3.7-2", mutate.Replies("gives addresses as they are", mutate.Verb(agent.Recv), func(r *agent.Reply) {
				r.Remote = netip.AddrPortFrom(r.Remote.Addr().Unmap(), r.Remote.Port())
			})),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			v4 := host.P.Host(probe.IPv4)
			v4.Send(datagram(testerPort, boundPort, "by IPv4"))
			got, ok := s.Recv().Delivered()
			host.That("RFC3493:5.3-1", "it is received", ok && string(got.Data) == "by IPv4", gomega.BeTrue())
			host.That("RFC3493:3.7-2", "the source", got.Remote, gomega.Equal(netip.AddrPortFrom(mapped(v4.IP()), testerPort)))
		})

	six("inet6.mapped.send", "a socket of IPv6 sends to a mapped address by IPv4",
		check.Proves("RFC3493:3.7-1", mutate.Missing(all(testerPort))),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			v4 := host.P.Host(probe.IPv4)
			must(host, s, send([]byte("by IPv4"), netip.AddrPortFrom(mapped(v4.IP()), testerPort)))
			v4.Expect(udp.Datagram(udp.DstPort.Is(testerPort)), probe.For("RFC3493:3.7-1"))
		})

	// ::ffff:0.0.0.0 is an address of IPv4, like those that it stands for.
	check.Grid(suite, "inet6.mapped.bound", "a socket of IPv6 that is bound to a mapped address takes no IPv6",
		check.Proves("RFC3493:3.7-3", mutate.Mistakes("binds to all addresses of both", func(r *agent.Request) {
			if r.Do == agent.Bind {
				r.Local = netip.AddrPortFrom(netip.IPv6Unspecified(), r.Local.Port())
			}
		})).Needs(target.Agent, target.IPv6),
		[]string{"one", "any"},
		func(p *probe.P, kind string) {
			host, v4 := p.Host(probe.IPv6), p.Host(probe.IPv4)
			at := map[string]netip.Addr{"one": v4.TargetIP(), "any": v4.Any()}[kind]
			s := host.Datagram()
			if !granted(host, "RFC3493:3.7-3", s, bindTo(netip.AddrPortFrom(mapped(at), boundPort))) {
				return
			}
			host.Send(datagram(testerPort, boundPort, "by IPv6"))
			kit.Alive(host)
			v4.Send(datagram(testerPort, boundPort, "by IPv4"))
			got, _ := s.Recv().Delivered()
			host.That("RFC3493:3.7-3", "received first", string(got.Data), gomega.Equal("by IPv4"))
		})

	six("inet6.only", "a socket of IPv6 only takes no IPv4",
		check.Proves("RFC3493:5.3-2", mutate.Unheeded("does not take IPV6_V6ONLY", mutate.Option(agent.SetOpt, "IPV6_V6ONLY"))),
		func(host *probe.Tester) {
			s := host.Datagram()
			must(host, s, set("IPV6_V6ONLY", 1))
			must(host, s, bindTo(netip.AddrPortFrom(host.Any(), boundPort)))
			v4 := host.P.Host(probe.IPv4)
			v4.Send(datagram(testerPort, boundPort, "by IPv4"))
			kit.Alive(v4)
			host.Send(datagram(testerPort, boundPort, "by IPv6"))
			got, _ := s.Recv().Delivered()
			host.That("RFC3493:5.3-2", "received first", string(got.Data), gomega.Equal("by IPv6"))
		})

	// Ancillary data.
	six("inet6.ancillary.received", "a datagram comes with what is asked of it",
		check.Proves("RFC3542:6.1-1", without("IPV6_PKTINFO")).
			And("RFC3542:6.3-1", without("IPV6_HOPLIMIT")).
			And("RFC3542:6.5-1", without("IPV6_TCLASS")),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			granted(host, "RFC3542:6.1-1", s, set("IPV6_RECVPKTINFO", 1))
			granted(host, "RFC3542:6.3-1", s, set("IPV6_RECVHOPLIMIT", 1))
			granted(host, "RFC3542:6.5-1", s, set("IPV6_RECVTCLASS", 1))
			got := receiving(host, s, ipv6.HopLimit.Is(77), ipv6.TrafficClass.Is(0x48))
			info := control(got, "IPV6_PKTINFO")
			host.That("RFC3542:6.1-1", "the destination", info.Addr, gomega.Equal(host.TargetIP()))
			host.That("RFC3542:6.1-1", "the interface", info.Ifindex, gomega.Not(gomega.BeZero()))
			host.That("RFC3542:6.3-1", "the hop limit", control(got, "IPV6_HOPLIMIT").Value, gomega.Equal(77))
			host.That("RFC3542:6.5-1", "the traffic class", control(got, "IPV6_TCLASS").Value, gomega.Equal(0x48))
		})

	six("inet6.ancillary.sent", "what is said with a datagram is so of this one alone",
		check.Proves("RFC3542:6.3-2", mutate.Field(all(testerPort), ipv6.HopLimit.Is(33))).
			And("RFC3542:6.5-2", mutate.Field(all(testerPort), ipv6.TrafficClass.Is(4))).
			And("RFC3542:6.2-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(all(testerPort), ipv6.Src.Is(n.Unused6))
			})),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			usual, _ := ipv6.HopLimit.Of(sending(host, s))
			r := send([]byte("x"), there(host, testerPort))
			r.Control = []agent.Control{
				{Type: "IPV6_HOPLIMIT", Value: 9}, {Type: "IPV6_TCLASS", Value: 0x48}, {Type: "IPV6_PKTINFO", Addr: host.TargetIP()},
			}
			for _, requirement := range []string{"RFC3542:6.2-1", "RFC3542:6.3-2", "RFC3542:6.5-2"} {
				if !host.That(requirement, "the error of send", s.Do(r).Errno, gomega.BeEmpty()) {
					return
				}
			}
			f := host.Expect(all(testerPort), probe.For())
			host.Expect(all(testerPort), probe.For()) // it was sent once for each
			host.Expect(all(testerPort), probe.For())
			host.Must("RFC3542:6.3-2", f, ipv6.HopLimit.Is(9))
			host.Must("RFC3542:6.5-2", f, ipv6.TrafficClass.Is(0x48))
			host.Must("RFC3542:6.2-1", f, ipv6.Src.Is(host.TargetIP()))
			f = sending(host, s)
			host.Must("RFC3542:6.3-2", f, ipv6.HopLimit.Is(usual))
			host.Must("RFC3542:6.5-2", f, ipv6.TrafficClass.Is(0))
		})

	check.Grid(suite, "inet6.ancillary.refused", "a hop limit that there is not is refused with a datagram, too",
		check.Proves("RFC3542:6.3-3", accepted(agent.Send)).Needs(target.Agent, target.IPv6), []int{-2, 256},
		func(p *probe.P, v int) {
			host := p.Host(probe.IPv6)
			r := send([]byte("x"), there(host, testerPort))
			r.Control = []agent.Control{{Type: "IPV6_HOPLIMIT", Value: v}}
			p.That("RFC3542:6.3-3", "the error", host.UDP(boundPort).Do(r).Errno, gomega.Equal("EINVAL"))
		})

	request := icmpv6.EchoRequest(icmpv6.ID.Is(0x4321))
	six("inet6.raw", "a raw socket of ICMPv6 has checksums made for it, and sees no header of IPv6",
		check.Proves("RFC3542:3.1-1", mutate.Field(request, icmpv6.Checksum.Is(0))).
			And("RFC3542:3-1", mutate.Replies("gives the header as well", mutate.Verb(agent.Recv), func(r *agent.Reply) {
				r.Data = append(make([]byte, 40), r.Data...)
			})),
		func(host *probe.Tester) {
			s := host.Open("inet6", "raw", 58)
			must(host, s, send([]byte{128, 0, 0, 0, 0x43, 0x21, 0, 1, 'a', 'b'}, netip.AddrPortFrom(host.IP(), 0)))
			f := host.Expect(request, probe.For())
			sum, _ := icmpv6.Checksum.Of(f)
			host.That("RFC3542:3.1-1", "the checksum is filled in", sum, gomega.Not(gomega.BeZero()))
			host.Send(icmpv6.EchoReply(icmpv6.ID.Is(0x4321)).Then(packet.Payload([]byte("ab"))))
			for range 10 { // whatever else of ICMPv6 comes by
				got, ok := s.Recv().Delivered()
				if !ok || len(got.Data) > 6 && got.Data[len(got.Data)-1] == 'b' {
					host.That("RFC3542:3-1", "octets of the message", len(got.Data), gomega.Equal(10))
					return
				}
			}
			host.Inconclusive("the reply was not among ten messages")
		})
}
