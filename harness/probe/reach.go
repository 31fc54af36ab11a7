package probe

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// A State is one of the target's, by the names of RFC 9293, section 3.3.2.
type State string

const (
	StateClosed      State = "CLOSED"
	StateListen      State = "LISTEN"
	StateSynSent     State = "SYN-SENT"
	StateSynReceived State = "SYN-RECEIVED"
	StateEstablished State = "ESTABLISHED"
	StateFinWait1    State = "FIN-WAIT-1"
	StateFinWait2    State = "FIN-WAIT-2"
	StateCloseWait   State = "CLOSE-WAIT"
	StateClosing     State = "CLOSING"
	StateLastAck     State = "LAST-ACK"
	StateTimeWait    State = "TIME-WAIT"
)

// States are all of them in the order of a connection's life.
var States = []State{ // never written
	StateClosed, StateListen, StateSynSent, StateSynReceived, StateEstablished, StateFinWait1, StateFinWait2,
	StateCloseWait, StateClosing, StateLastAck, StateTimeWait,
}

// Origin is how the target opened the connection.
type Origin string

const (
	Passive Origin = "passive" // it listened
	Active  Origin = "active"  // it dialled
)

// backlog is that of the sockets that listen for a Conn.
const backlog = 8

// Reach brings a connection that is new into a state of the target, by its agent and by segments. It is preparation: a
// target that does not get there makes the check inconclusive. In states with two origins, origin decides; in LISTEN and
// SYN-SENT it does not matter. What was sent and what came on the way is forgotten.
//
// Afterwards Listener, Accepting, Socket and Dialing are the target's side, as far as they exist in the state; the FIN of
// the target comes from shutdown(2), so that its socket stays open.
func (c *Conn) Reach(s State, origin Origin) {
	c.Step("the target goes to %s (%s open)", s, origin)
	switch s {
	case StateClosed:
		c.nowhere()
	case StateListen:
		c.Listen()
	case StateSynSent:
		c.Dial()
	case StateSynReceived:
		if origin == Active {
			c.Dial()
			c.Send(tcp.SYN, nil) // at the same time: RFC 9293, figure 7
			c.Tester.Expect(c.From(tcp.SYN|tcp.ACK, tcp.Ack.Is(uint(c.SndNxt))), For())
		} else {
			c.Listen()
			c.Accepting = c.Listener.Accept()
			c.Connect()
		}
	case StateEstablished:
		c.Open(origin)
	case StateFinWait1:
		c.Open(origin)
		c.targetFIN()
	case StateFinWait2:
		c.Open(origin)
		c.targetFIN()
		c.ACK()
	case StateCloseWait:
		c.Open(origin)
		c.testerFIN()
	case StateClosing:
		c.Open(origin)
		before := c.RcvNxt
		c.targetFIN()
		c.FIN(tcp.Ack.Is(uint(before))) // it crossed the target's
		c.Tester.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Ack.Is(uint(c.SndNxt))), For())
	case StateLastAck:
		c.Open(origin)
		c.testerFIN()
		c.targetFIN()
	case StateTimeWait:
		c.Open(origin)
		c.targetFIN()
		c.ACK()
		c.testerFIN()
	default:
		panic(fmt.Errorf("there is no state %q", s))
	}
	c.settleDown()
	c.Forget()
}

// settleDown lets the target work on what was sent last.
func (c *Conn) settleDown() { c.Wait(c.settle()) }

// nowhere makes numbers of a connection that the target knows nothing of.
func (c *Conn) nowhere() {
	if c.Remote == 0 {
		c.Remote = c.listenPort()
	}
	c.SndNxt, c.SndUna = c.ISS+1, c.ISS+1
	c.IRS, c.RcvNxt = 0x70000000, 0x70000001
}

// Listen lets the target listen on the connection's port, which is chosen if there is none.
func (c *Conn) Listen() {
	if c.Remote == 0 {
		c.Remote = c.listenPort()
	}
	s := c.Tester.Stream()
	c.setUp(s)
	c.Listener = c.listen(s, c.Remote, backlog)
}

func (c *Conn) setUp(s *Socket) {
	if c.Setup != nil {
		c.Setup(s)
	}
}

// Connect sends a SYN and waits for the target's SYN,ACK.
func (c *Conn) Connect(conds ...packet.Cond) *packet.Frame {
	c.Send(tcp.SYN, nil, conds...)
	return c.Tester.Expect(c.From(tcp.SYN|tcp.ACK, tcp.Ack.Is(uint(c.SndNxt))), For(), Because("the target listens"))
}

// Handshake opens a connection to a port on which the target listens, and gives its SYN,ACK.
func (c *Conn) Handshake(conds ...packet.Cond) *packet.Frame {
	f := c.Connect(conds...)
	c.ACK()
	return f
}

// Dial lets the target connect to the tester's port, and waits for its SYN.
func (c *Conn) Dial() *packet.Frame {
	if c.Socket == nil {
		c.Socket = c.Tester.Stream()
		c.setUp(c.Socket)
	}
	c.Dialing = c.Socket.Dial(netip.AddrPortFrom(c.IP(), c.Local))
	return c.AwaitSYN()
}

// AwaitSYN waits for the SYN of a target that opens a connection to the tester's port.
func (c *Conn) AwaitSYN() *packet.Frame {
	return c.Tester.Expect(c.From(tcp.SYN), For(), Because("the target opens a connection"))
}

// Answer answers the target's SYN and waits for its ACK.
func (c *Conn) Answer(conds ...packet.Cond) *packet.Frame {
	c.Send(tcp.SYN|tcp.ACK, nil, conds...)
	return c.Tester.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST), tcp.Ack.Is(uint(c.SndNxt))), For(), Because("the target's SYN was acknowledged"))
}

// Open brings the connection to ESTABLISHED on both sides, with the target's socket for it.
func (c *Conn) Open(origin Origin) {
	if origin == Active {
		c.Dial()
		c.Answer()
		if r, ok := c.Dialing.Delivered(); !ok || r.Errno != "" {
			c.stuck("the target's connect to return: " + r.Errno)
		}
	} else {
		c.Listen()
		c.Accepting = c.Listener.Accept()
		c.Handshake()
		if c.Socket = c.Accepting.Socket(c.patience()); c.Socket == nil {
			c.stuck("the target's accept to return")
		}
	}
	c.unsettled = false
	if c.Opened != nil {
		c.Opened()
	}
}

// targetFIN lets the target's application end its stream.
func (c *Conn) targetFIN() {
	if err := c.Socket.Shutdown(ShutWrite); err != nil {
		panic(fmt.Errorf("ending the target's stream: %w", err))
	}
	c.Tester.Expect(c.Any(tcp.Has(tcp.FIN)), For(), Because("the application ended its stream"))
}

// testerFIN ends the tester's stream and waits for the acknowledgment.
func (c *Conn) testerFIN() {
	c.FIN()
	c.Tester.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Ack.Is(uint(c.SndNxt))), For(), Because("the FIN was in order"))
}
