package tcp

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The codepoints of the ECN field (RFC 3168, section 5).
const (
	notECT = 0
	ect1   = 1
	ect0   = 2
	ce     = 3
)

// Flags of SYNs that set ECN up (RFC 3168, section 6.1.1).
const (
	ecnSYN    = tcp.SYN | tcp.ECE | tcp.CWR
	ecnSYNACK = tcp.SYN | tcp.ACK | tcp.ECE
)

// ecnOf is the ECN field of a frame: two bits of IPv4's type of service, or of IPv6's traffic class.
func ecnOf(f *packet.Frame) uint {
	if h := f.Header(ipv4.Proto); len(h) >= 20 {
		return uint(h[1] & 3)
	}
	at := 14 // behind the Ethernet header
	if len(f.Bytes) > at+1 && f.Bytes[at]>>4 == 6 {
		return uint(f.Bytes[at+1] >> 4 & 3)
	}
	return 0
}

// setECN gives a frame another ECN field, and its IPv4 header the checksum for that.
func setECN(frame []byte, ecn byte) []byte {
	b := slices.Clone(frame)
	switch at := 14; {
	case len(b) >= at+20 && b[at]>>4 == 4:
		b[at+1] = b[at+1]&^3 | ecn
		header := b[at : at+int(b[at]&0xf)*4]
		header[10], header[11] = 0, 0
		binary.BigEndian.PutUint16(header[10:], uint16(packet.Checksum(header)))
	case len(b) >= at+40 && b[at]>>4 == 6:
		b[at+1] = b[at+1]&^0x30 | ecn<<4
	}
	return b
}

// sendsECN is a target that sends another ECN field in segments like on.
func sendsECN(on packet.Template, ecn byte) mutate.Mutation {
	return mutate.Octets(on, fmt.Sprintf("with an ECN field of %02b", ecn), func(b []byte) []byte { return setECN(b, ecn) })
}

// marked puts a segment of the tester on the link that a router has marked, or that says so of itself.
func marked(c *probe.Conn, ecn byte, t packet.Template) { c.SendBytes(setECN(c.Build(t), ecn)) }

// ecnOpen opens a connection that uses ECN.
func ecnOpen(host *probe.Tester, o probe.Origin, setup ...func(*probe.Conn)) *probe.Conn {
	c := host.TCP()
	for _, f := range setup {
		f(c)
	}
	var f *packet.Frame
	if o == probe.Active {
		f = c.Dial()
		c.Answer(tcp.Flags.Is(ecnSYNACK))
		c.Dialing.Delivered()
	} else {
		c.Listen()
		c.Accepting = c.Listener.Accept()
		f = c.Handshake(tcp.Flags.Is(ecnSYN))
		if c.Socket = c.Accepting.Socket(3 * time.Second); c.Socket == nil {
			host.Inconclusive("the target does not accept the connection")
		}
	}
	if flags, _ := tcp.Flags.Of(f); flags&tcp.ECE == 0 {
		host.Inconclusive("the target does not use ECN, though it declares it")
	}
	return c
}

// A syning is a combination of the two flags in a SYN.
type syning uint

func (s syning) String() string {
	return map[syning]string{0: "neither", tcp.ECE: "ece", tcp.CWR: "cwr", tcp.ECE | tcp.CWR: "both"}[s]
}

// How it is set up (RFC 3168, section 6.1.1).
func init() {
	synAck := from(tcp.SYN | tcp.ACK)
	data := tcp.Segment(tcp.PSHBit.Is(1))
	it("tcp.ecn.syn-ack", "an ECN-setup SYN is answered by an ECN-setup SYN,ACK: ECE without CWR",
		check.Proves("RFC3168:6.1.1-2", mutate.Field(synAck, tcp.CWRBit.Is(1))).
			And("RFC3168:6.1.1-4", mutate.Field(synAck, tcp.CWRBit.Is(1), tcp.ECEBit.Is(0))).
			And("RFC3168:6.1-1", mutate.Field(synAck, tcp.ECEBit.Is(0), tcp.Reserved.Is(1))).
			And("RFC3168:6.1.1-14", sendsECN(synAck, ect0)).
			Needs(target.ECN),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			f := c.Connect(tcp.Flags.Is(ecnSYN))
			host.Must("RFC3168:6.1.1-2", f, tcp.CWRBit.Is(0))
			flags, _ := tcp.Flags.Of(f)
			host.Observed("RFC3168:6.1.1-4", "ECE in the SYN,ACK: %t", flags&tcp.ECE != 0)
			if flags&(tcp.ECE|tcp.CWR) == tcp.CWR {
				host.Fail("RFC3168:6.1.1-4", probe.Field, "ECE alone, or neither")
			}
			host.Must("RFC3168:6.1-1", f, tcp.ECEBit.Is(1), tcp.Reserved.Is(0))
			host.That("RFC3168:6.1.1-14", "the ECN field of the SYN,ACK", ecnOf(f), gomega.BeEquivalentTo(notECT))
		})

	it("tcp.ecn.syn", "the target's own SYN asks for ECN by ECE and CWR, and is not marked itself",
		check.Proves("RFC3168:6.1.1-1", mutate.Field(from(tcp.SYN), tcp.CWRBit.Is(0))).
			And("RFC3168:6.1.1-14", sendsECN(from(tcp.SYN), ect0)).Needs(target.ECN),
		func(host *probe.Tester) {
			c := host.TCP()
			f := c.Dial()
			host.Must("RFC3168:6.1.1-1", f, tcp.Flags.Is(ecnSYN))
			host.That("RFC3168:6.1.1-14", "the ECN field of the SYN", ecnOf(f), gomega.BeEquivalentTo(notECT))
		})

	grid("tcp.ecn.declined-syn", "a SYN with any other combination of the two flags opens a connection without ECN",
		check.Proves("RFC3168:6.1.1-5", mutate.Field(synAck, tcp.ECEBit.Is(1), tcp.CWRBit.Is(0))).
			And("RFC3168:6.1.1-12", mutate.Field(synAck, tcp.CWRBit.Is(1), tcp.ECEBit.Is(1))).
			And("RFC3168:6.1.1-13", mutate.Ignores(from(tcp.SYN))).
			And("RFC3168:6.1.1-7", sendsECN(data, ect0)).
			And("RFC3168:6.1.1-9", sendsECN(data, ect1)).
			And("RFC3168:6.1.1-8", sendsECN(data, ce)).
			Needs(target.ECN),
		[]syning{0, tcp.ECE, tcp.CWR},
		func(host *probe.Tester, s syning) {
			c := host.TCP()
			c.Listen()
			c.Accepting = c.Listener.Accept()
			c.Send(tcp.SYN|uint(s), nil)
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC3168:6.1.1-13"))
			host.Meets("RFC3168:6.1.1-13")
			flags, _ := tcp.Flags.Of(f)
			host.That("RFC3168:6.1.1-5", "the SYN,ACK is an ECN-setup SYN,ACK", flags&(tcp.ECE|tcp.CWR) == tcp.ECE, gomega.BeFalse())
			host.Must("RFC3168:6.1.1-12", f, tcp.ECEBit.Is(0), tcp.CWRBit.Is(0))
			c.ACK()
			if c.Socket = c.Accepting.Socket(3 * time.Second); c.Socket == nil {
				host.Fail("RFC3168:6.1.1-13", probe.Missing, "a connection")
				return
			}
			c.Socket.Write(probe.Pattern(100))
			g := c.Expect(c.DataFrom(), probe.For())
			for _, req := range []string{"RFC3168:6.1.1-7", "RFC3168:6.1.1-8", "RFC3168:6.1.1-9"} {
				host.That(req, "the ECN field of data", ecnOf(g), gomega.BeEquivalentTo(notECT))
			}
		})

	grid("tcp.ecn.declined-syn-ack", "a SYN,ACK with any other combination of the two flags opens a connection without ECN",
		check.Proves("RFC3168:6.1.1-3", sendsECN(data, ect0)).
			And("RFC3168:6.1.1.2-1", sendsECN(data, ect1)).
			And("RFC3168:6.1.1-13", mutate.Ignores(from(tcp.SYN|tcp.ACK))).Needs(target.ECN),
		[]syning{0, tcp.ECE | tcp.CWR, tcp.CWR},
		func(host *probe.Tester, s syning) {
			c := host.TCP()
			c.Dial()
			c.Send(tcp.SYN|tcp.ACK|uint(s), nil)
			c.Expect(c.From(tcp.ACK), probe.For("RFC3168:6.1.1-13"))
			host.Meets("RFC3168:6.1.1-13")
			c.Dialing.Delivered()
			c.Socket.Write(probe.Pattern(100))
			g := c.Expect(c.DataFrom(), probe.For())
			for _, req := range []string{"RFC3168:6.1.1-3", "RFC3168:6.1.1.2-1"} {
				host.That(req, "the ECN field of data", ecnOf(g), gomega.BeEquivalentTo(notECT))
			}
		})

	grid("tcp.ecn.unused-mark", "without ECN a mark on data means nothing, and ECT on data does not mean that the peer has ECN",
		check.Proves("RFC3168:6.1.1-16", mutate.Field(from(tcp.ACK), tcp.ECEBit.Is(1))).
			And("RFC3168:6.1.1.1-4", sendsECN(data, ect0)).Needs(target.ECN),
		[]int{ect1, ect0, ce},
		func(host *probe.Tester, ecn int) {
			c := host.TCP()
			c.Open(probe.Passive)
			marked(c, byte(ecn), c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(10)))
			f := c.Expect(c.Any(tcp.Has(tcp.ACK), c.AckIs(10)), probe.For("RFC3168:6.1.1-16"))
			host.Must("RFC3168:6.1.1-16", f, tcp.ECEBit.Is(0))
			c.Socket.Write(probe.Pattern(100))
			g := c.Expect(c.DataFrom(), probe.For("RFC3168:6.1.1.1-4"))
			host.That("RFC3168:6.1.1.1-4", "the ECN field of data", ecnOf(g), gomega.BeEquivalentTo(notECT))
		})

	it("tcp.ecn.afresh", "a new connection sets ECN up anew: what the one before it agreed on does not count",
		check.Proves("RFC3168:6.1.1-17", sendsECN(tcp.Segment(tcp.PSHBit.Is(1), tcp.DstPort.Where("of the second", func(v uint) bool { return v > 20001 })), ect0)).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			c.RST()
			c.Wait(20 * time.Millisecond)
			again := host.TCPTo(c.Remote)
			accepting := c.Listener.Accept()
			again.Handshake()
			if again.Socket = accepting.Socket(3 * time.Second); again.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			again.Socket.Write(probe.Pattern(100))
			f := again.Expect(again.DataFrom(), probe.For("RFC3168:6.1.1-17"))
			host.That("RFC3168:6.1.1-17", "the ECN field of data", ecnOf(f), gomega.BeEquivalentTo(notECT))
			host.Must("RFC3168:6.1.1-17", again.Sent(tcp.Has(tcp.SYN))[0], tcp.ECEBit.Is(0))
		})

	it("tcp.ecn.unanswered", "an ECN-setup SYN that is not answered may be repeated without ECE and CWR",
		check.Proves("RFC3168:6.1.1.1-2", mutate.FieldFrom(1, from(tcp.SYN), tcp.CWRBit.Is(0), tcp.ECEBit.Is(1))).
			And("RFC3168:6.1.1.1-3", mutate.FieldFrom(2, from(tcp.SYN), tcp.CWRBit.Is(1), tcp.ECEBit.Is(0))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Dial()
			c.Until(8*time.Second, func() bool { return len(c.Sent(tcp.Has(tcp.SYN))) >= 3 })
			with := 0
			for _, f := range c.Sent(tcp.Has(tcp.SYN)) {
				switch flags, _ := tcp.Flags.Of(f); flags & (tcp.ECE | tcp.CWR) {
				case tcp.ECE | tcp.CWR:
					with++
				case 0:
				default:
					host.Fail("RFC3168:6.1.1.1-2", probe.Field, "both flags or neither: %s", f)
					host.Fail("RFC3168:6.1.1.1-3", probe.Field, "both flags or neither: %s", f)
				}
			}
			host.Observed("RFC3168:6.1.1.1-2", "%d of the first SYNs ask for ECN", with)
			host.Observed("RFC3168:6.1.1.1-3", "%d of the first SYNs ask for ECN", with)
		})

	it("tcp.ecn.refused", "upon RST a SYN without ECE and CWR may follow; else the application learns of the refusal",
		check.Proves("RFC3168:6.1.1.1-1", mutate.Ignores(from(tcp.RST|tcp.ACK))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Dial()
			c.Send(tcp.RST|tcp.ACK, nil)
			c.Wait(100 * time.Millisecond)
			r, done := c.Dialing.Done()
			again := len(c.Sent(tcp.Has(tcp.SYN), tcp.ECEBit.Is(0), tcp.CWRBit.Is(0))) > 0
			host.Observed("RFC3168:6.1.1.1-1", "another SYN without ECN: %t", again)
			if !again && (!done || r.Errno != "ECONNREFUSED") {
				host.Fail("RFC3168:6.1.1.1-1", probe.Value, "a SYN without ECN, or ECONNREFUSED; the connect ended: %t %s", done, r.Errno)
			}
		})
}

// Which packets are marked as capable (RFC 3168, sections 5 and 6.1.2 to 6.1.6).
func init() {
	data := tcp.Segment(tcp.PSHBit.Is(1))
	acks := from(tcp.ACK)
	grid("tcp.ecn.data", "new data is sent with ECT(0), without a mark of congestion",
		check.Proves("RFC3168:6.1.2-1", sendsECN(data, notECT)).
			And("RFC3168:5-1", sendsECN(data, ce)).
			And("RFC3168:5-2", sendsECN(data, ect1)).
			And("RFC3168:6.1.2-2", sendsECN(data, ect1)).
			And("RFC3168:6.1.1-6", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.ECEBit.Is(0))).
			Needs(target.ECN),
		[]probe.Origin{probe.Passive},
		func(host *probe.Tester, o probe.Origin) {
			c := host.TCP()
			c.Listen()
			c.Accepting = c.Listener.Accept()
			synAck := c.Handshake(tcp.Flags.Is(ecnSYN))
			if c.Socket = c.Accepting.Socket(3 * time.Second); c.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			c.Socket.Write(probe.Pattern(100))
			f := c.Expect(c.DataFrom(), probe.For())
			host.That("RFC3168:6.1.2-1", "the ECN field of new data", ecnOf(f), gomega.BeElementOf(uint(ect0), uint(ect1)))
			host.That("RFC3168:5-1", "the ECN field of new data", ecnOf(f), gomega.Not(gomega.BeEquivalentTo(ce)))
			host.That("RFC3168:5-2", "the ECN field of new data", ecnOf(f), gomega.BeEquivalentTo(ect0))
			host.That("RFC3168:6.1.2-2", "the ECN field of new data", ecnOf(f), gomega.BeEquivalentTo(ect0))
			flags, _ := tcp.Flags.Of(synAck)
			host.That("RFC3168:6.1.1-6", "data has ECT, though the SYN,ACK was no ECN-setup SYN,ACK",
				ecnOf(f) != notECT && flags&(tcp.ECE|tcp.CWR) != tcp.ECE, gomega.BeFalse())
		})

	it("tcp.ecn.data-active", "data of the side that opened is sent with ECT, too",
		check.Proves("RFC3168:6.1.1-15", sendsECN(data, ce)).And("RFC3168:6.1.2-1", sendsECN(data, notECT)).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Active)
			c.Socket.Write(probe.Pattern(100))
			f := c.Expect(c.DataFrom(), probe.For())
			host.Observed("RFC3168:6.1.1-15", "an ECN field of %02b", ecnOf(f))
			if ecnOf(f) == ce {
				host.Fail("RFC3168:6.1.1-15", probe.Value, "ECT or not, but no mark of congestion")
			}
			host.That("RFC3168:6.1.2-1", "the ECN field of new data", ecnOf(f), gomega.BeElementOf(uint(ect0), uint(ect1)))
		})

	it4("tcp.ecn.df", "packets with ECT may have DF set",
		check.Proves("RFC3168:5.3-1", mutate.Field(data, ipv4.DF.Is(1), ipv4.MF.Is(1))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			c.Socket.Write(probe.Pattern(100))
			if !c.Until(time.Second, func() bool { return len(c.Received()) == 100 }) {
				host.Fail("RFC3168:5.3-1", probe.Value, "a whole packet with the data, with DF or without")
				return
			}
			df, _ := ipv4.DF.Of(c.Carrying(0)[0])
			host.Observed("RFC3168:5.3-1", "DF is %d", df)
		})

	it("tcp.ecn.ack", "an acknowledgment without data is sent without ECT",
		check.Proves("RFC3168:6.1.4-1", sendsECN(acks, ect0)).
			And("RFC3168:5.2-2", sendsECN(acks, ect1)).
			And("RFC3168:5.2-1", sendsECN(acks, ce)).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			c.Data(probe.Pattern(10))
			f := c.Expect(c.From(tcp.ACK, c.AckIs(10)), probe.For())
			for _, req := range []string{"RFC3168:6.1.4-1", "RFC3168:5.2-2", "RFC3168:5.2-1"} {
				host.That(req, "the ECN field of an acknowledgment", ecnOf(f), gomega.BeEquivalentTo(notECT))
			}
		})

	it("tcp.ecn.again", "data that is sent again is sent without ECT and without CWR",
		check.Proves("RFC3168:6.1.5-1", sendsECN(data, ect0)).
			And("RFC3168:6.1.2-11", mutate.FieldFrom(1, data, tcp.CWRBit.Is(1))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			c.Socket.Write(probe.Pattern(100))
			c.Until(5*time.Second, func() bool { return len(c.Carrying(0)) > 1 })
			sent := c.Carrying(0)
			if len(sent) < 2 {
				host.Inconclusive("nothing is sent again within 5 s")
			}
			host.That("RFC3168:6.1.5-1", "the ECN field of data that is sent again", ecnOf(sent[1]), gomega.BeEquivalentTo(notECT))
			host.Must("RFC3168:6.1.2-11", sent[1], tcp.CWRBit.Is(0))
		})

	it("tcp.ecn.probe", "a probe of a closed window is sent without ECT and without CWR",
		check.Proves("RFC3168:6.1.6-1", mutate.Octets(tcp.Segment(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN)), "with ECT(0)", func(b []byte) []byte { return setECN(b, ect0) })).
			And("RFC3168:6.1.6-2", mutate.Field(tcp.Segment(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN)), tcp.CWRBit.Is(1))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			c.Socket.Write(probe.Pattern(100))
			c.Expect(c.DataFrom(), probe.For())
			c.Window = 0
			c.ACK()
			c.Forget()
			c.Socket.Write(probe.Pattern(100))
			f := c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)), probe.For(), probe.Within(6*time.Second), probe.Because("the window is closed and there is data to send"))
			host.That("RFC3168:6.1.6-1", "the ECN field of a window probe", ecnOf(f), gomega.BeEquivalentTo(notECT))
			host.Must("RFC3168:6.1.6-2", f, tcp.CWRBit.Is(0))
		})
}

// What the receiver does (RFC 3168, section 6.1.3).
func init() {
	acks := tcp.Segment(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN))
	echo := func(c *probe.Conn, n int, req ...string) *packet.Frame {
		return c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST), c.AckIs(n)), probe.For(req...))
	}
	it("tcp.ecn.echo", "a mark is echoed in every acknowledgment until CWR comes, and another mark is echoed again",
		check.Proves("RFC3168:6.1.3-1", mutate.Field(acks, tcp.ECEBit.Is(0))).
			And("RFC3168:6.1.3-3", mutate.FieldFrom(2, acks, tcp.ECEBit.Is(0))).
			And("RFC3168:6.1.3-4", mutate.FieldFrom(1, acks, tcp.ECEBit.Is(0))).
			And("RFC3168:6.1.3-5", mutate.Field(acks, tcp.ECEBit.Is(1))).
			And("RFC3168:6.1.3-6", mutate.FieldFrom(3, acks, tcp.ECEBit.Is(0))).
			And("RFC3168:6.1.1-10", mutate.Misreads(tcp.Segment(tcp.CWRBit.Is(1), tcp.SYNBit.Is(0)), tcp.CWRBit.Is(0))).
			And("RFC3168:6.1.1-11", mutate.FieldFrom(1, acks, tcp.ECEBit.Is(0), tcp.CWRBit.Is(1))).
			Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			at := 0
			say := func(ecn byte, flags uint) *packet.Frame {
				c.Forget()
				marked(c, ecn, c.Segment(tcp.PSH|tcp.ACK|flags, probe.Pattern(10)))
				at += 10
				return echo(c, at)
			}
			host.Must("RFC3168:6.1.3-1", say(ce, 0), tcp.ECEBit.Is(1))
			host.Must("RFC3168:6.1.3-4", say(ect0, 0), tcp.ECEBit.Is(1))
			f := say(ect0, 0)
			host.Must("RFC3168:6.1.3-3", f, tcp.ECEBit.Is(1))
			host.Must("RFC3168:6.1.1-11", f, tcp.ECEBit.Is(1))
			say(ect0, tcp.CWR)
			f = say(ect0, 0)
			host.Must("RFC3168:6.1.3-5", f, tcp.ECEBit.Is(0))
			host.Must("RFC3168:6.1.1-10", f, tcp.ECEBit.Is(0))
			host.Must("RFC3168:6.1.3-6", say(ce, 0), tcp.ECEBit.Is(1))
		})

	it("tcp.ecn.echo-delayed", "an acknowledgment of several segments has ECE if one of them was marked",
		check.Proves("RFC3168:6.1.3-2", mutate.Field(acks, tcp.ECEBit.Is(0))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			_ = c.Socket.SetOption("TCP_QUICKACK", 0)
			marked(c, ce, c.Segment(tcp.ACK, probe.Pattern(1000)))
			marked(c, ect0, c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(1000)))
			host.Must("RFC3168:6.1.3-2", echo(c, 2000), tcp.ECEBit.Is(1))
		})

	it("tcp.ecn.outside", "a mark on data outside of the window is not echoed",
		check.Proves("RFC3168:6.1.5-2", mutate.Field(acks, tcp.ECEBit.Is(1))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			c.Data(probe.Pattern(100))
			echo(c, 100)
			c.Forget()
			marked(c, ce, c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(100), c.At(0)))
			host.Must("RFC3168:6.1.5-2", echo(c, 100), tcp.ECEBit.Is(0))
			c.Forget()
			c.Data(probe.Pattern(100))
			host.Must("RFC3168:6.1.5-2", echo(c, 200), tcp.ECEBit.Is(0))
		})

	it("tcp.ecn.probe-marked", "a mark on a probe of a closed window is echoed",
		check.Proves("RFC3168:6.1.6-3", mutate.Field(acks, tcp.ECEBit.Is(0))).Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive, func(c *probe.Conn) {
				c.Setup = func(s *probe.Socket) { _ = s.SetOption("SO_RCVBUF", 4000) }
			})
			c.FillWindow()
			c.Forget()
			marked(c, ce, c.Segment(tcp.ACK, probe.Pattern(1)))
			f := c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.RST)), probe.For())
			host.Must("RFC3168:6.1.6-3", f, tcp.ECEBit.Is(1))
		})
}
