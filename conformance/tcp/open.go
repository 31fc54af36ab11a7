package tcp

import (
	"net/netip"
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

// failing is a target whose calls of a kind end with another error; "" for success.
func failing(verb agent.Verb, with string) mutate.Mutation {
	name := string(verb) + " ends with " + with
	if with == "" {
		name = string(verb) + " ends well"
	}
	return mutate.Tells(name, func(r agent.Request, reply *agent.Reply) {
		if r.Do == verb {
			reply.Errno = with
		}
	})
}

// errnoOf is how a call ended: "" for well, "nothing" for not at all.
func errnoOf(c *probe.Call, within time.Duration) string {
	r, done := c.Await(within)
	if !done {
		return "nothing"
	}
	return r.Errno
}

// A castaway is an address that names no single host.
type castaway struct {
	name string
	of   func(n target.Net) netip.Addr
}

func (a castaway) String() string { return a.name }

var castaways = []castaway{ // never written
	{"limited-broadcast", func(target.Net) netip.Addr { return netip.MustParseAddr("255.255.255.255") }},
	{"subnet-broadcast", func(n target.Net) netip.Addr {
		b := n.Prefix4.Masked().Addr().As4()
		for i := n.Prefix4.Bits(); i < 32; i++ {
			b[i/8] |= 0x80 >> (i % 8)
		}
		return netip.AddrFrom4(b)
	}},
	{"all-hosts", func(target.Net) netip.Addr { return netip.MustParseAddr("224.0.0.1") }},
	{"group", func(target.Net) netip.Addr { return netip.MustParseAddr("239.1.2.3") }},
}

func init() {
	// The answer to a SYN that crossed is SYN,ACK; what acknowledges the target's SYN may be a SYN,ACK (figure 7) or an ACK.
	grid("tcp.open.simultaneous", "two SYNs that cross make one connection",
		check.Proves("RFC9293:MUST-10", ignoring(tcp.SYN)), []flagSet{tcp.SYN | tcp.ACK, tcp.ACK},
		func(host *probe.Tester, last flagSet) {
			c := host.TCP()
			c.Dial()
			c.Send(tcp.SYN, nil)
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.Because("the SYNs crossed"))
			if last == tcp.ACK {
				c.ACK()
			} else {
				c.Send(tcp.SYN|tcp.ACK, nil, tcp.Seq.Is(uint(c.ISS)))
			}
			host.That("RFC9293:MUST-10", "how the application's connect ends", errnoOf(c.Dialing, 3*time.Second), gomega.BeEmpty())
			c.Data([]byte("octets"))
			host.That("RFC9293:MUST-10", "the application reads the data", reads(c, 6), gomega.Equal("octets"))
			c.Socket.Write([]byte("answer"))
			f := c.Expect(c.DataFrom(), probe.For("RFC9293:MUST-10"))
			host.That("RFC9293:MUST-10", "what the application wrote", string(f.Body(tcp.Proto)), gomega.Equal("answer"))
		})

	it("tcp.open.reset-passive", "a reset in SYN-RECEIVED leads a passive open back to LISTEN",
		check.Proves("RFC9293:MUST-11", ignoring(tcp.RST)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateSynReceived, probe.Passive)
			c.RST()
			c.SetISS(c.ISS + 0x40000000)
			c.Send(tcp.SYN, nil)
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.For("RFC9293:MUST-11"), probe.Because("the target listens again"))
			c.ACK()
			r, done := c.Accepting.Delivered()
			host.That("RFC9293:MUST-11", "the application is given the new connection", done && r.Errno == "", gomega.BeTrue())
		})

	it("tcp.open.reset-active", "a reset in SYN-RECEIVED refuses an active open",
		check.Proves("RFC9293:MUST-11", failing(agent.Dial, "")),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateSynReceived, probe.Active)
			c.RST()
			host.That("RFC9293:MUST-11", "how the application's connect ends", errnoOf(c.Dialing, 3*time.Second), gomega.BeElementOf("ECONNREFUSED", "ECONNRESET"))
		})

	for _, k := range []struct {
		id, title, requirement string
		send                   func(good packet.Template, a netip.Addr) packet.Template
	}{
		{"tcp.open.to-many", "a SYN to a broadcast or multicast address is dropped without a word", "RFC9293:MUST-57",
			func(good packet.Template, a netip.Addr) packet.Template {
				return ipv4.Header(ipv4.Dst.Is(a)).Then(good)
			}},
		{"tcp.open.from-many", "a SYN from a broadcast or multicast address is ignored", "RFC9293:MUST-63",
			func(good packet.Template, a netip.Addr) packet.Template {
				return ipv4.Header(ipv4.Src.Is(a)).Then(good)
			}},
	} {
		grid4(k.id, k.title, check.Proves(k.requirement, mutate.Gullible()), castaways,
			func(host *probe.Tester, a castaway) {
				c := host.TCP()
				c.Listen()
				good := c.Segment(tcp.SYN, nil)
				host.Silent(k.send(good, a.of(host.Net())), good, tcp.Segment(tcp.SrcPort.Is(uint(c.Remote))))
			})
	}

	it("tcp.open.ecn", "a SYN that asks for ECN is answered with ECE",
		check.Proves("RFC9293:SHLD-8", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.ECEBit.Is(0))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			c.Send(tcp.SYN|tcp.ECE|tcp.CWR, nil)
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
			host.Must("RFC9293:SHLD-8", f, tcp.ECEBit.Is(1), tcp.CWRBit.Is(0))
		})

	grid4("tcp.open.dial-many", "opening a connection to a broadcast or multicast address is refused",
		check.Proves("RFC9293:MUST-46", failing(agent.Dial, "")), castaways,
		func(host *probe.Tester, a castaway) {
			s := host.Stream()
			dialing := s.Dial(netip.AddrPortFrom(a.of(host.Net()), 4000))
			host.Never(tcp.Segment(tcp.SYNBit.Is(1)), 200*time.Millisecond, probe.For("RFC9293:MUST-46"), probe.Because("there is nobody to open a connection to"))
			host.That("RFC9293:MUST-46", "how connect ends", errnoOf(dialing, time.Second), gomega.Not(gomega.BeElementOf("", "nothing")))
		})

	it("tcp.open.listen-again", "listening again on the port of a connection leaves the connection alone",
		check.Proves("RFC9293:MUST-41", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1)))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listener = reusing(host, 4000)
			c.Remote = 4000
			if err := c.Listener.Listen(4); err != nil {
				host.Inconclusive("the target does not listen: %v", err)
			}
			c.Accepting = c.Listener.Accept()
			c.Handshake()
			if c.Socket = c.Accepting.Socket(3 * time.Second); c.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			c.Listener.Close()
			if err := reusing(host, 4000).Listen(4); err != nil {
				host.Step("the target does not listen there again: %v", err)
			}
			c.Data([]byte("octets"))
			c.Expect(c.From(tcp.ACK, c.AckIs(6)), probe.Because("the connection is as before"))
			host.That("RFC9293:MUST-41", "the application reads the data", reads(c, 6), gomega.Equal("octets"))
		})

	grid("tcp.open.listen-beside", "a port can be listened on while a connection from it is being opened",
		check.Proves("RFC9293:MUST-42", failing(agent.Listen, "EADDRINUSE")),
		[]probe.State{probe.StateSynSent, probe.StateSynReceived},
		func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Socket = reusing(host, 4000)
			c.Dial()
			if s == probe.StateSynReceived {
				c.Send(tcp.SYN, nil)
				c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
			}
			host.That("RFC9293:MUST-42", "what listening says", reusing(host, 4000).Listen(4), gomega.BeNil())
			other := host.TCPTo(4000)
			other.Send(tcp.SYN, nil)
			other.Expect(other.From(tcp.SYN|tcp.ACK, other.AckIs(0)), probe.For("RFC9293:MUST-42"))
		})
}

// reusing is a socket of the target that is bound to a port which others may have as well.
func reusing(host *probe.Tester, port uint16) *probe.Socket {
	s := host.Stream()
	if err := s.SetOption("SO_REUSEADDR", 1); err != nil {
		host.Inconclusive("the target refuses SO_REUSEADDR: %v", err)
	}
	if err := s.Bind(netip.AddrPortFrom(host.Any(), port)); err != nil {
		host.Inconclusive("the target does not bind to port %d: %v", port, err)
	}
	return s
}
