package sockets

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// EtherTypes: of ARP, of IPv4, and one for local experiments (IEEE 802, 9.2.3).
const (
	typeARP   = 0x0806
	typeIPv4  = 0x0800
	typeLocal = 0x88b5
)

const linkHeader = 14 // octets, of Ethernet

// frames adds a check for targets with packet sockets on Ethernet.
func frames(id, title string, claims check.Claims, body func(lan *probe.Tester)) {
	suite.It(id, title, claims.Needs(target.Agent, target.Packets), func(p *probe.P) {
		if p.Net().Link != target.Ethernet {
			p.Inconclusive("the frames of the check are those of Ethernet")
		}
		body(p.Ethernet())
	})
}

// tap opens a packet socket on the tester's link.
func tap(lan *probe.Tester, kind string, protocol int) *probe.Socket {
	s := lan.Open("packet", kind, protocol)
	must(lan, s, bindLink(agent.LinkAddr{Protocol: protocol, Ifindex: lan.Net().Ifindex}))
	return s
}

func bindLink(to agent.LinkAddr) agent.Request { return agent.Request{Do: agent.Bind, Link: &to} }

func sendLink(data []byte, to agent.LinkAddr) agent.Request {
	return agent.Request{Do: agent.Send, Data: data, Link: &to}
}

// heard is the next frame that a socket receives; a target that gives none has broken the requirement.
func heard(lan *probe.Tester, requirement string, s *probe.Socket) (agent.Reply, bool) {
	r, ok := s.Recv().Delivered()
	lan.That(requirement, "a frame is received", ok && r.Errno == "", gomega.BeTrue())
	if ok && r.Link == nil {
		r.Link = &agent.LinkAddr{}
	}
	return r, ok && r.Errno == ""
}

// received is what a socket is asked for, for mutations.
var received = mutate.Verb(agent.Recv) // never written

// lies is a target that tells something else of where a frame came from.
func lies(how string, change func(*agent.LinkAddr)) mutate.Mutation {
	return mutate.Replies(how, received, func(r *agent.Reply) {
		if r.Link != nil {
			a := *r.Link
			change(&a)
			r.Link = &a
		}
	})
}

// opens is a target whose packet sockets are for another protocol or interface.
func opens(how string, change func(protocol, ifindex *int)) mutate.Mutation {
	return mutate.Mistakes(how, func(r *agent.Request) {
		switch {
		case r.Do == agent.Open && r.Family == "packet":
			change(&r.Protocol, new(int))
		case r.Do == agent.Bind && r.Link != nil:
			a := *r.Link
			change(&a.Protocol, &a.Ifindex)
			r.Link = &a
		}
	})
}

func init() {
	for _, k := range []struct { // never written
		kind, requirement, title string
		header                   int
		violated                 mutate.Mutation
	}{
		{"raw", "LINUX:packet-1", "a raw packet socket receives whole frames", 0,
			mutate.Replies("leaves the link header out", received, func(r *agent.Reply) { r.Data = r.Data[min(linkHeader, len(r.Data)):] })},
		{"dgram", "LINUX:packet-2", "a datagram packet socket receives what is behind the link header", linkHeader,
			mutate.Replies("gives a link header too", received, func(r *agent.Reply) { r.Data = append(make([]byte, linkHeader), r.Data...) })},
	} {
		frames("packet.receive."+k.kind, k.title, check.Proves(k.requirement, k.violated), func(lan *probe.Tester) {
			s := tap(lan, k.kind, typeARP)
			frame := lan.Build(arp.Request(lan.UnusedIP()))
			lan.SendBytes(bytes.Clone(frame))
			if r, ok := heard(lan, k.requirement, s); ok {
				lan.That(k.requirement, "its octets", r.Data, gomega.Equal(frame[k.header:]))
			}
		})
	}

	frames("packet.receive.protocol", "a packet socket receives frames of its protocol alone",
		check.Proves("LINUX:packet-3", opens("takes frames of any protocol", func(protocol, _ *int) { *protocol = agent.AllProtocols })),
		func(lan *probe.Tester) {
			s := tap(lan, "dgram", typeARP)
			lan.Send(datagram(testerPort, boundPort, "not of ARP"))
			lan.Send(arp.Request(lan.UnusedIP()))
			if r, ok := heard(lan, "LINUX:packet-3", s); ok {
				lan.That("LINUX:packet-3", "the protocol of the first frame", r.Link.Protocol, gomega.Equal(typeARP))
			}
		})

	frames("packet.receive.interface", "a packet socket that is bound to an interface receives frames of that one alone",
		check.Proves("LINUX:packet-4", opens("takes frames of any interface", func(_, ifindex *int) { *ifindex = 0 })).Needs(target.SecondLink),
		func(lan *probe.Tester) {
			far := lan.Link(1)
			s := tap(far, "dgram", typeARP)
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For()) // so that it has gone by when the other one comes
			far.Send(arp.Request(far.UnusedIP()))
			if r, ok := heard(lan, "LINUX:packet-4", s); ok {
				lan.That("LINUX:packet-4", "the station that the first frame is of", fmt.Sprintf("% x", r.Link.Addr), gomega.Equal(fmt.Sprintf("% x", []byte(far.MAC()))))
			}
		})

	kinds := []struct { // never written
		kind string
		make func(lan *probe.Tester) packet.Template
	}{
		{"host", func(lan *probe.Tester) packet.Template {
			return arp.Request(lan.UnusedIP()).With(ethernet.Dst.Is(lan.TargetMAC()))
		}},
		{"broadcast", func(lan *probe.Tester) packet.Template { return arp.Request(lan.UnusedIP()) }},
		{"multicast", func(*probe.Tester) packet.Template {
			return datagram(testerPort, boundPort, "to all").With(ipv4.Dst.Is(ipv4.MustAddr("224.0.0.1")))
		}},
	}
	frames("packet.receive.address", "a received frame comes with its sender, its kind, its protocol and its interface",
		check.Proves("LINUX:packet-5", lies("tells its own address", func(a *agent.LinkAddr) { a.Addr = []byte{2, 0, 0, 0, 0, 2} })).
			And("LINUX:packet-6", lies("takes all frames for its own", func(a *agent.LinkAddr) { a.Kind = "host" })).
			And("LINUX:packet-7", lies("tells no protocol", func(a *agent.LinkAddr) { a.Protocol = agent.AllProtocols })),
		func(lan *probe.Tester) {
			s := tap(lan, "raw", agent.AllProtocols)
			for _, k := range kinds {
				frame := lan.Framed(k.make(lan))
				lan.SendBytes(bytes.Clone(frame.Bytes))
				r, ok := hears(lan, "LINUX:packet-6", s, frame.Bytes)
				if !ok {
					continue
				}
				protocol, _ := ethernet.Type.Of(frame)
				lan.That("LINUX:packet-5", k.kind+": the sender", r.Link.Addr, gomega.Equal([]byte(lan.MAC())))
				lan.That("LINUX:packet-6", "what kind of frame it is", r.Link.Kind, gomega.Equal(k.kind))
				lan.That("LINUX:packet-7", k.kind+": the protocol", r.Link.Protocol, gomega.Equal(int(protocol)))
				lan.That("LINUX:packet-7", k.kind+": the interface", r.Link.Ifindex, gomega.Equal(lan.Net().Ifindex))
			}
		})

	frames("packet.all", "a packet socket for all protocols receives the frames of all, and what the target sends",
		check.Proves("LINUX:packet-8", opens("takes frames of ARP for all", func(protocol, _ *int) { *protocol = typeARP })).
			And("LINUX:packet-9", lies("takes its own frames for others", func(a *agent.LinkAddr) {
				if a.Kind == "outgoing" {
					a.Kind = "host"
				}
			})),
		func(lan *probe.Tester) {
			s := tap(lan, "raw", agent.AllProtocols)
			for _, t := range []packet.Template{arp.Request(lan.UnusedIP()), datagram(testerPort, boundPort, "of IPv4"), ethernet.Frame(ethernet.Type.Is(typeLocal)).Then(packet.Payload(make([]byte, 46)))} {
				frame := lan.Build(t)
				lan.SendBytes(bytes.Clone(frame))
				hears(lan, "LINUX:packet-8", s, frame)
			}
			answer := lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
			if r, ok := hears(lan, "LINUX:packet-9", s, answer.Bytes[:42]); ok { // a device may pad it
				lan.That("LINUX:packet-9", "what kind of frame it is", r.Link.Kind, gomega.Equal("outgoing"))
			}
		})

	frames("packet.beside", "a frame that a packet socket has received is answered all the same",
		check.Proves("LINUX:packet-12", mutate.Missing(arp.Reply())),
		func(lan *probe.Tester) {
			s := tap(lan, "raw", typeARP)
			question := lan.Build(arp.Request(lan.TargetIP()))
			lan.SendBytes(bytes.Clone(question))
			lan.Expect(arp.Reply())
			hears(lan, "LINUX:packet-12", s, question)
		})

	frames("packet.promiscuous", "with a membership of PACKET_MR_PROMISC frames for others are received, too",
		check.Proves("LINUX:packet-13", mutate.Replies("hears nothing that is for others", received, func(r *agent.Reply) {
			if r.Link != nil && r.Link.Kind == "other" {
				*r = agent.Reply{Data: []byte{0}, Link: &agent.LinkAddr{Kind: "host"}}
			}
		})),
		func(lan *probe.Tester) {
			s := tap(lan, "raw", typeARP)
			r := s.Do(agent.Request{Do: agent.SetOpt, Option: "PACKET_ADD_MEMBERSHIP", Iface: lan.Net().Ifindex, Value: 1})
			lan.That("LINUX:packet-13", "the error of PACKET_ADD_MEMBERSHIP", r.Errno, gomega.BeEmpty())
			other := slices.Clone(lan.TargetMAC())
			other[5] ^= 0x40
			frame := lan.Build(arp.Request(lan.UnusedIP()).With(ethernet.Dst.Is(other)))
			lan.SendBytes(bytes.Clone(frame))
			if r, ok := hears(lan, "LINUX:packet-13", s, frame); ok {
				lan.That("LINUX:packet-13", "what kind of frame it is", r.Link.Kind, gomega.Equal("other"))
			}
		})
}

// hears reads frames until it is the one that begins so. A target that does not give it has broken the requirement.
func hears(lan *probe.Tester, requirement string, s *probe.Socket, frame []byte) (agent.Reply, bool) {
	for range 32 { // others may have come in between
		r, ok := s.Recv().Delivered()
		if !ok || r.Errno != "" {
			break
		}
		if bytes.HasPrefix(r.Data, frame) {
			if r.Link == nil {
				r.Link = &agent.LinkAddr{}
			}
			return r, lan.That(requirement, "the frame is received", true, gomega.BeTrue())
		}
	}
	lan.That(requirement, "the frame is received", false, gomega.BeTrue())
	return agent.Reply{}, false
}
