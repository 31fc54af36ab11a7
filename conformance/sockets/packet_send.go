package sockets

import (
	"bytes"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
)

// content is what frames of the checks carry: as much as the least frame has.
func content() []byte { return bytes.Repeat([]byte{0x5a, 0xc3}, 23) }

// noInterface is an index that no target has.
const noInterface = 1 << 20

func init() {
	frames("packet.send.raw", "a raw packet socket sends frames as they are",
		check.Proves("LINUX:packet-10", mutate.Mistakes("sends frames to everybody", func(r *agent.Request) {
			if r.Do == agent.Send && r.Link != nil && len(r.Data) > 6 {
				r.Data = append(bytes.Repeat([]byte{0xff}, 6), r.Data[6:]...)
			}
		})),
		func(lan *probe.Tester) {
			s := tap(lan, "raw", typeLocal)
			frame := slices.Concat([]byte(lan.MAC()), []byte{2, 0, 0, 0, 0xaa, 0xbb}, []byte{typeLocal >> 8, typeLocal & 0xff}, content()) // from a station that is none
			granted(lan, "LINUX:packet-10", s, sendLink(frame, agent.LinkAddr{Ifindex: lan.Net().Ifindex}))
			got := lan.Expect(ethernet.Frame(ethernet.Type.Is(typeLocal)), probe.For("LINUX:packet-10"))
			lan.That("LINUX:packet-10", "its octets", got.Bytes[:min(len(frame), len(got.Bytes))], gomega.Equal(frame)) // a device may pad it
		})

	frames("packet.send.dgram", "a datagram packet socket sends to the station and with the protocol of the address",
		check.Proves("LINUX:packet-11", mutate.Field(ethernet.Frame(ethernet.Type.Is(typeLocal)), ethernet.Dst.Is(ethernet.Broadcast))),
		func(lan *probe.Tester) {
			s := tap(lan, "dgram", typeARP)
			granted(lan, "LINUX:packet-11", s, sendLink(content(), agent.LinkAddr{Protocol: typeLocal, Ifindex: lan.Net().Ifindex, Addr: lan.MAC()}))
			got := lan.Expect(ethernet.Frame(ethernet.Type.Is(typeLocal)), probe.For("LINUX:packet-11"))
			lan.Must("LINUX:packet-11", got, ethernet.Dst.Is(lan.MAC()), ethernet.Src.Is(lan.TargetMAC()))
			lan.That("LINUX:packet-11", "what it carries", got.Bytes[linkHeader:min(linkHeader+len(content()), len(got.Bytes))], gomega.Equal(content()))
		})

	frames("packet.bind.name", "the name of a packet socket is the protocol and the interface that it is bound to",
		check.Proves("LINUX:packet-17", mutate.Replies("tells of no interface", mutate.Verb(agent.SockName), func(r *agent.Reply) { r.Link = &agent.LinkAddr{} })),
		func(lan *probe.Tester) {
			name := tap(lan, "raw", typeLocal).Do(agent.Request{Do: agent.SockName}).Link
			if name == nil {
				name = &agent.LinkAddr{}
			}
			lan.That("LINUX:packet-17", "the protocol", name.Protocol, gomega.Equal(typeLocal))
			lan.That("LINUX:packet-17", "the interface", name.Ifindex, gomega.Equal(lan.Net().Ifindex))
		})

	for _, e := range []struct { // never written
		id, title, requirement, errno string
		verb                          agent.Verb
		call                          func(lan *probe.Tester, s *probe.Socket) agent.Reply
	}{
		{"bind", "an interface that is not known cannot be bound to", "LINUX:packet-14", "ENODEV", agent.Bind, func(_ *probe.Tester, s *probe.Socket) agent.Reply {
			return s.Do(bindLink(agent.LinkAddr{Protocol: typeLocal, Ifindex: noInterface}))
		}},
		{"send", "an interface that is not known cannot be sent on", "LINUX:packet-15", "ENXIO", agent.Send, func(lan *probe.Tester, s *probe.Socket) agent.Reply {
			return s.Do(sendLink(content(), agent.LinkAddr{Protocol: typeLocal, Ifindex: noInterface, Addr: lan.MAC()}))
		}},
		{"size", "more than the MTU cannot be sent", "LINUX:packet-16", "EMSGSIZE", agent.Send, func(lan *probe.Tester, s *probe.Socket) agent.Reply {
			return s.Do(sendLink(make([]byte, lan.Net().MTU+1), agent.LinkAddr{Protocol: typeLocal, Ifindex: lan.Net().Ifindex, Addr: lan.MAC()}))
		}},
	} {
		frames("packet.error."+e.id, e.title, check.Proves(e.requirement, mutate.Errno(e.verb, "EIO", e.errno)), func(lan *probe.Tester) {
			s := lan.Open("packet", "dgram", typeLocal)
			lan.That(e.requirement, "the error of "+string(e.verb), e.call(lan, s).Errno, gomega.Equal(e.errno))
		})
	}
}
