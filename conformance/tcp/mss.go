package tcp

import (
	"fmt"
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// defaultMSS is that of a peer that says none (RFC 9293, 3.7.1).
func defaultMSS(host *probe.Tester) int {
	if host.Family() == probe.IPv6 {
		return 1220
	}
	return 536
}

// ipHeader is the length of a header of IP without options.
func ipHeader(host *probe.Tester) int {
	if host.Family() == probe.IPv6 {
		return 40
	}
	return 20
}

// A mouthful is what limits the segments of a target.
type mouthful struct {
	name  string
	offer probe.Offer
	max   func(host *probe.Tester) int // of header and data of TCP
}

func (m mouthful) String() string { return m.name }

// cut is a target whose long segments carry a few octets only.
func cutting() mutate.Mutation {
	long := tcp.Segment().Then(packet.PayloadWith(packet.Data.Where("long", func(b []byte) bool { return len(b) >= 300 })))
	return mutate.Instead(long, "a few octets", func(f *packet.Frame) []packet.Cond {
		return []packet.Cond{packet.Data.Is(f.Body(tcp.Proto)[:100])}
	})
}

func init() {
	grid("tcp.mss.both", "MSS is sent by both sides of a handshake, and that of the peer is obeyed",
		check.Proves("RFC9293:MUST-14", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.None())).
			And("RFC9293:MAY-3", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(7))),
		[]probe.Origin{probe.Passive, probe.Active},
		func(host *probe.Tester, o probe.Origin) {
			c := host.TCP()
			c.Offer.MSS = smallMSS
			c.Open(o)
			syn := c.Sent(tcp.Has(tcp.SYN))[0]
			host.Must("RFC9293:MUST-14", syn, tcp.MSS.Where("there", func(uint) bool { return true }))
			host.Must("RFC9293:MAY-3", syn, tcp.MSS.Where("reasonable if there", func(v uint) bool { return v >= 64 }))
			c.Socket.Write(probe.Pattern(3000))
			f := c.Expect(c.DataFrom(), probe.For())
			host.That("RFC9293:MUST-14", "octets in a segment, with an MSS of 300", sizeOf(f), gomega.BeNumerically("<=", smallMSS))
		})

	grid("tcp.mss.default", "a peer without MSS option gets segments of the default size at most",
		check.Proves("RFC9293:MUST-15", mutate.Misreads(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(1460))),
		[]probe.Origin{probe.Passive, probe.Active},
		func(host *probe.Tester, o probe.Origin) {
			c := host.TCP()
			c.Offer.MSS = 0
			c.Open(o)
			c.Socket.Write(probe.Pattern(4000))
			f := c.Expect(c.DataFrom(), probe.For())
			host.That("RFC9293:MUST-15", "octets in a segment", sizeOf(f), gomega.BeNumerically("<=", defaultMSS(host)))
		})

	stamps := func(o probe.Offer) probe.Offer { o.Timestamps = true; return o }
	mouthfuls := []mouthful{
		{"peer", probe.Offer{MSS: 500}, func(*probe.Tester) int { return 520 }},
		{"peer-timestamps", stamps(probe.Offer{MSS: 500}), func(*probe.Tester) int { return 520 }},
		{"link", probe.Offer{MSS: 9000}, func(host *probe.Tester) int { return host.Net().MTU - ipHeader(host) }},
		{"link-timestamps", stamps(probe.Offer{MSS: 9000}), func(host *probe.Tester) int { return host.Net().MTU - ipHeader(host) }},
	}
	effective := func(requirements ...string) func(*probe.Tester, mouthful) {
		return func(host *probe.Tester, m mouthful) {
			c := host.TCP()
			c.Offer = m.offer
			c.Open(probe.Passive)
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(probe.Pattern(6000))
			c.Gather(6000)
			for _, f := range filled(c.Sent()) {
				size := len(f.Header(tcp.Proto)) + sizeOf(f)
				for _, req := range requirements {
					host.That(req, "octets of TCP header and data", size, gomega.BeNumerically("<=", m.max(host)))
				}
			}
		}
	}
	larger := func(mss uint) mutate.Mutation {
		return mutate.Misreads(tcp.Segment(tcp.SYNBit.Is(1), tcp.MSS.Is(500)), tcp.MSS.Is(mss))
	}
	grid("tcp.mss.effective", "a segment fits the peer's MSS and the link, TCP options counted",
		check.Proves("RFC9293:MUST-16", larger(1400)), mouthfuls, effective("RFC9293:MUST-16"))
	grid4("tcp.mss.datagram", "a datagram fits the peer's MSS, whatever the path carries",
		check.Proves("RFC1191:3.1-2", larger(700)).And("RFC1191:6.4-2", larger(800)),
		mouthfuls[:2], effective("RFC1191:3.1-2", "RFC1191:6.4-2"))

	it4("tcp.mss.ip-options", "a segment fits the peer's MSS, IP options counted",
		check.Proves("RFC9293:MUST-16", mutate.Misreads(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(1400))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Offer.MSS = 500
			c.Open(probe.Passive)
			given := make([]byte, 8)
			for i := range given {
				given[i] = ipv4.NoOperation
			}
			if err := c.Socket.SetOptionOctets("IP_OPTIONS", given); err != nil {
				host.Inconclusive("the target refuses IP_OPTIONS: %v", err)
			}
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(probe.Pattern(3000))
			c.Gather(3000)
			for _, f := range filled(c.Sent()) {
				size := len(f.Header(ipv4.Proto)) + len(f.Header(tcp.Proto)) + sizeOf(f)
				host.That("RFC9293:MUST-16", "octets of the datagram", size, gomega.BeNumerically("<=", 540))
			}
		})

	grid("tcp.mss.receivable", "the MSS that is sent is no more than what can be received",
		check.Proves("RFC9293:MUST-67", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(65535))),
		[]probe.Origin{probe.Passive, probe.Active},
		func(host *probe.Tester, o probe.Origin) {
			c := host.TCP()
			c.Open(o)
			mss := int(c.PeerOffer.MSS)
			if !host.That("RFC9293:MUST-67", "a segment of the MSS makes a datagram", mss+20+ipHeader(host), gomega.BeNumerically("<=", 65535)) {
				return
			}
			segment := c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(mss))
			if mss+20+ipHeader(host) <= host.Net().MTU {
				c.Put(segment)
			} else if host.Family() == probe.IPv4 {
				for _, part := range ipv4.SplitEvery(packet.Dissect(host.Net().Link, host.Build(segment)), host.Net().MTU-20) {
					host.Send(part)
				}
				c.SndNxt += uint32(mss)
			}
			c.Expect(c.Any(tcp.Has(tcp.ACK), c.AckIs(mss)), probe.For("RFC9293:MUST-67"), probe.Because("the segment was of the MSS"))
		})

	grid4("tcp.mss.off-link", "the MSS sent is that of the link, to peers beyond and with a smaller path MTU, too",
		check.Proves("RFC1191:3.1-3", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(536))).
			And("RFC1191:3.1-4", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(700))).
			And("RFC1191:3.1-6", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(65495))).
			And("RFC1191:3.1-5", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(9000))).Needs(target.Gateway),
		[]uint{1460, 536, 200},
		func(host *probe.Tester, peers uint) {
			c := host.Claiming(beyond).TCP()
			c.Offer.MSS = peers
			c.Listen()
			link := uint(host.Net().MTU - 40)
			f := c.Connect()
			host.Must("RFC1191:3.1-3", f, tcp.MSS.Where(fmt.Sprintf("above 536, as the link carries %d", link), func(v uint) bool { return v > 536 }))
			host.Must("RFC1191:3.1-4", f, tcp.MSS.Where(fmt.Sprintf("%d or more", link), func(v uint) bool { return v >= link }))
			mss, _ := tcp.MSS.Of(f)
			host.That("RFC1191:3.1-6", "the MSS", mss, gomega.BeNumerically("<", 65495))
			host.Observed("RFC1191:3.1-5", "an MSS of %d on a link that carries %d", mss, link)
			if mss != link {
				host.Fail("RFC1191:3.1-5", probe.Value, "an MSS derived from the link's MTU, or no more than can be reassembled; it is %d", mss)
			}
		})

	it("tcp.mss.full", "segments are as large as they may be, whatever the sizes of the writes",
		check.Proves("RFC9293:SHLD-28", cutting()).And("RFC9293:SHLD-27", cutting()),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Offer.MSS = 500
			c.Window = 0
			c.Listen()
			accepting := c.Listener.Accept()
			c.Window = 400 // what is sent waits for room: pushes are merged meanwhile
			c.Handshake()
			if c.Socket = accepting.Socket(3e9); c.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			c.Window = 0
			c.ACK()
			data := probe.Pattern(2000)
			for at := 0; at < len(data); at += 100 {
				c.Socket.Write(data[at : at+100])
			}
			c.Window = 20000
			c.Acknowledge(probe.Receiver{})
			c.ACK(c.Acks(0))
			c.Gather(len(data))
			large := 0
			for _, f := range filled(c.Sent()) {
				if sizeOf(f) == 500 {
					large++
				}
			}
			// A probe of the closed window, or a half-filled segment made before it opened, may come between.
			host.That("RFC9293:SHLD-27", "segments of the MSS, of 20 writes of 100 octets", large, gomega.BeNumerically(">=", 3))
			host.That("RFC9293:SHLD-28", "segments of the MSS, of 2000 octets", large, gomega.BeNumerically(">=", 3))
		})
}

// beyond is a host beyond the gateway.
var beyond = netip.MustParseAddr("198.51.100.77") // never written
