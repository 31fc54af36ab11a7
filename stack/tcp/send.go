package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// sender is the half of a connection that sends (RFC 9293, 3.3.1).
type sender struct {
	iss, una, nxt seq.Value
	probed        seq.Value // the end of a window probe, which stands beyond nxt
	wnd           seq.Size  // SND.WND
	wl1, wl2      seq.Value
	maxWnd        seq.Size // the largest that the peer ever offered
	scaled        bool     // windows are scaled
	scale         uint8
	synLost       bool // the SYN was sent again
	fin           bool // the user has closed: FIN follows the data
	blocked       bool // the user has found no room
	more          bool // the user has said that more follows
	deferred      bool // the SYN waits for the first data (Fast Open)
	override      bool // send what there is, however little (3.8.6.2.1)

	up      seq.Value // SND.UP, behind the last urgent octet
	buf     buffer    // what is not acknowledged
	start   seq.Value // of the first octet in buf
	length  int       // of buf
	mss     int       // octets of data in a full segment
	peerMSS int       // as the peer has said; 0: it has not

	mtu           mtuState
	retries       int           // of what was sent first, since it was sent
	probes        int           // window probes, since the window closed
	progress      time.Duration // when something was acknowledged, or sent with nothing in flight
	sentAt        time.Duration // when data was sent last
	retransmitted uint64
	octets        uint64
}

// sent is the end of all that was ever sent.
func (n *sender) sent() seq.Value { return seq.Max(n.nxt, n.probed) }

// end is the end of all that is to be sent: data, and FIN.
func (n *sender) end() seq.Value {
	e := n.start.Add(seq.Size(n.length))
	if n.fin {
		e = e.Add(1)
	}
	return e
}

// data is the end of the data.
func (n *sender) data() seq.Value { return n.start.Add(seq.Size(n.length)) }

// finAcked tells whether the peer has acknowledged our FIN.
func (n *sender) finAcked() bool { return n.fin && n.una == n.end() }

func (c *conn) rttConfig() rtt.Config {
	t := &c.tcp.c
	return rtt.Config{Initial: t.InitialRTO, Min: t.MinRTO, Max: t.MaxRTO}
}

// ackBudget is how long a peer may delay an acknowledgement before it is probed (RFC 8985, 7.2: TLP.max_ack_delay). It is a
// tick above the usual 200 ms, or on a path without delay probe and acknowledgement would pass each other.
const ackBudget = 201 * time.Millisecond

// beginSending begins loss recovery and congestion control, with the initial window of RFC 6928, or one segment after a
// lost SYN (RFC 5681, 3.1). first is the first octet of data that is not acknowledged.
func (c *conn) beginSending(first seq.Value) {
	n, t := &c.snd, &c.tcp.c
	if n.synLost {
		c.est.SynLost() // RFC 6298, 5.7
	}
	c.cc = c.control()
	c.rec.Init(recovery.Config{
		MSS: n.mss, SACK: c.opt.sack, RACK: t.RACK.On(), PRR: t.PRR.On(), FRTO: t.FRTO.On(), LimitedTransmit: t.LimitedTransmit.On(),
		MaxAckDelay: ackBudget,
	}, first, c.cc, &c.est)
}

// setCongestion changes the congestion control of a connection that sends already.
func (c *conn) setCongestion() {
	if c.cc != nil {
		c.cc = c.control()
		c.rec.SetControl(c.cc)
	}
}
