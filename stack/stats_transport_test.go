package stack_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	wiretcp "github.com/conform-stack/conform/stack/wire/tcp"
)

// segment is one from the tester, from port 4000 if the header says no other, to port 7 of the node, which may be damaged.
func segment(h wiretcp.Header, data string, damage byte) []byte {
	h.SrcPort, h.DstPort = cmp.Or(h.SrcPort, 4000), 7
	m := append(wiretcp.Append(nil, h), data...)
	wiretcp.Seal(m, codec.Pseudo4(testerIP, nodeIP, codec.TCP))
	m[16] ^= damage
	return ipFrame(ipv4.Header{Protocol: codec.TCP}, m)
}

// listen has the node listen on port 7.
func listen(k *kit, backlog int) *tcp.Endpoint {
	k.t.Helper()
	e, err := k.node.TCP.Open(ip.V4)
	if err == nil {
		err = e.Bind(netip.AddrPortFrom(netip.Addr{}, 7))
	}
	if err == nil {
		err = e.Listen(backlog)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return e
}

// peer is the tester's end of a connection to the node.
type peer struct {
	user *tcp.Endpoint // the node's end
	h    wiretcp.Header
}

// connected makes a connection before what do does with it is counted.
func connected(do func(*scene, *peer)) (func(*kit), func(*scene)) {
	p := new(peer)
	return func(k *kit) {
			k.meet()
			e := listen(k, 5)
			k.send(segment(wiretcp.Header{Flags: wiretcp.SYN, Seq: 1000}, "", 0))
			f := k.next("the answer to the SYN")
			_, m, _ := ipv4.Parse(f[14:])
			h, _, err := wiretcp.Parse(m)
			if err != nil {
				k.t.Fatal(err)
			}
			p.h = wiretcp.Header{Flags: wiretcp.ACK, Seq: 1001, Ack: h.Seq + 1, Window: 65535}
			k.send(segment(p.h, "", 0))
			if p.user, err = e.Accept(); err != nil {
				k.t.Fatal(err)
			}
		}, func(s *scene) {
			do(s, p)
		}
}

func onConnection(name, want string, do func(*scene, *peer)) scenario {
	s := scenario{name: name, want: want}
	s.prepare, s.do = connected(do)
	return s
}

// readTimes has two segments arrive, the second one first, and so much of their data read: the times of those are counted of
// which all was read, from the arrival of each until then.
func readTimes(name string, read, counted int) scenario {
	sum := []time.Duration{1: 5 * time.Millisecond, 2: 5*time.Millisecond + 7*time.Millisecond}[counted]
	s := onConnection(name, fmt.Sprintf("ipv4.recv=2 ipv4.sent=+ tcp.recv=2 tcp.sent=+ tcp.bytes.received=10 "+
		"rx_time.count=%d rx_time.sum=+ tc.recv[0].rx_time.count=%[1]d tc.recv[0].rx_time.sum=%d", counted, sum.Microseconds()), func(s *scene, p *peer) {
		second := p.h
		second.Seq += 5
		s.send(segment(second, "later", 0))
		s.advance(2 * time.Millisecond)
		s.send(segment(p.h, "first", 0))
		s.advance(5 * time.Millisecond)
		b := make([]byte, 10)
		if n, err := p.user.Recv(b, tcp.Peek); n != 10 || err != nil { // of what is looked at nothing is counted
			s.t.Fatal(n, err)
		}
		if n, err := p.user.Recv(b[:read], 0); n != read || err != nil {
			s.t.Fatal(n, err)
		}
		s.advance(time.Second)
	})
	s.config.Data.RxTime = config.On
	return s
}

const backlog = 128 // as many are half open, however small it is

var transportScenarios = []scenario{ // never written
	{
		name: "a UDP datagram arrives",
		do:   func(s *scene) { s.open(7); s.send(udpFrame(4000, 7, "x")) },
		want: "ipv4.recv=1 udp.recv=1",
	},
	{
		name: "a UDP datagram leaves", prepare: (*kit).meet,
		do:   func(s *scene) { sendTo(s, "x") },
		want: "ipv4.sent=1 udp.sent=1",
	},
	{
		name: "UDP to a port that nobody has", prepare: (*kit).meet,
		do:   func(s *scene) { s.send(udpFrame(4000, 9, "x")) },
		want: "ipv4.recv=1 ipv4.sent=1 udp.recv=1 udp.drop=1 icmp.sent=1",
	},
	{
		name: "UDP to a socket whose buffer is full", config: config.Config{SocketBuffer: 1},
		do:   func(s *scene) { s.open(7); s.send(udpFrame(4000, 7, "x")); s.send(udpFrame(4000, 7, "y")) },
		want: "ipv4.recv=2 udp.recv=2 udp.drop=1",
	},
	{
		name: "UDP with a bad checksum",
		do: func(s *scene) {
			m := udpMessage(testerIP, nodeIP, 4000, 7, []byte("x"))
			m[8] ^= 1
			s.send(ipFrame(ipv4.Header{Protocol: codec.UDP}, m))
		},
		want: "ipv4.recv=1 udp.recv=1 udp.drop=1 udp.chkerr=1",
	},
	{
		name: "a SYN to a closed port", prepare: (*kit).meet,
		do:   func(s *scene) { s.send(segment(wiretcp.Header{Flags: wiretcp.SYN}, "", 0)) },
		want: "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.drop=1 tcp.connrst=1",
	},
	{
		name: "TCP with a bad checksum",
		do:   func(s *scene) { s.send(segment(wiretcp.Header{Flags: wiretcp.SYN}, "", 1)) },
		want: "ipv4.recv=1 tcp.recv=1 tcp.drop=1 tcp.chkerr=1",
	},
	{
		name:   "a SYN beyond the backlog",
		config: config.Config{TCP: config.TCP{SynCookies: config.Off}},
		prepare: func(k *kit) {
			k.meet()
			listen(k, backlog)
		},
		do: func(s *scene) {
			for i := range backlog + 1 {
				s.send(segment(wiretcp.Header{SrcPort: 4000 + uint16(i), Flags: wiretcp.SYN}, "", 0))
			}
		},
		want: "ipv4.recv=129 ipv4.sent=129 tcp.recv=129 tcp.sent=129 tcp.conndrop=1", // the oldest gave way
	},
	onConnection("data arrives", "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.bytes.received=5", func(s *scene, p *peer) {
		s.send(segment(p.h, "seven", 0))
		s.advance(time.Second) // the acknowledgement is delayed
	}),
	readTimes("one of two segments is read, and half of the other", 7, 1),
	readTimes("two segments are read", 10, 2),
	onConnection("data leaves", "ipv4.sent=1 tcp.sent=1 tcp.bytes.sent=3", func(s *scene, p *peer) {
		if n, err := p.user.Send([]byte("abc"), 0); n != 3 || err != nil {
			s.t.Fatal(n, err)
		}
		s.advance(0)
	}),
	{
		name: "a SYN is sent again", prepare: (*kit).meet,
		do: func(s *scene) {
			e, err := s.node.TCP.Open(ip.V4)
			if err != nil {
				s.t.Fatal(err)
			}
			if err := e.Connect(peerOf(testerIP, 9)); err != errno.EINPROGRESS {
				s.t.Fatal(err)
			}
			s.advance(1500 * time.Millisecond)
		},
		want: "ipv4.sent=2 tcp.sent=2 tcp.rexmit=1",
	},
	onConnection("a window is closed, and probed twice", "ipv4.recv=1 ipv4.sent=2 tcp.recv=1 tcp.sent=2 tcp.bytes.sent=1 tcp.resent=1 tcp.rexmit=1", func(s *scene, p *peer) {
		p.h.Window = 0
		s.send(segment(p.h, "", 0))
		if n, err := p.user.Send([]byte("abc"), 0); n != 3 || err != nil {
			s.t.Fatal(n, err)
		}
		s.advance(4 * time.Second)
	}),
	onConnection("an acknowledgement of what was never sent", "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.ackerr=1 tcp.seg_drop=1", func(s *scene, p *peer) {
		p.h.Ack += 1000
		s.send(segment(p.h, "", 0))
	}),
	onConnection("a reset that is not exact", "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.rst=1 tcp.rsterr=1 tcp.seg_drop=1", func(s *scene, p *peer) {
		p.h.Flags |= wiretcp.RST
		p.h.Seq += 10
		s.send(segment(p.h, "", 0))
	}),
	onConnection("a reset", "ipv4.recv=1 tcp.recv=1 tcp.rst=1", func(s *scene, p *peer) {
		p.h.Flags |= wiretcp.RST
		s.send(segment(p.h, "", 0))
	}),
}
