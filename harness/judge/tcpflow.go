package judge

import (
	"net/netip"
	"time"
)

// A tcpFlow is a connection, as far as the judge has seen it. Its sides are in the order of their addresses.
type tcpFlow struct {
	sides [2]tcpSide
	// renewal is the flow that a SYN with another number asks for while this one is there. It takes over when the other
	// side answers with its own SYN; until then nobody knows whether it will.
	renewal *tcpFlow
	renewer int // the side that asks
}

// A tcpSide is what one end has said. Everything is known only from its SYN on, unless there is another word.
type tcpSide struct {
	syn       bool // its SYN was seen
	isn       uint32
	doubt     bool   // it has sent SYNs with different numbers, and nobody knows which one holds
	acked     bool   // the other side has acknowledged its SYN
	active    bool   // it has sent a SYN without ACK
	next      uint32 // the highest number sent, and one: behind data, SYN and FIN
	fin       bool
	finEnd    uint32 // the number behind the FIN
	mss       int    // 0: none said
	scale     int    // -1: not said
	sack      bool
	stamps    bool
	ecnSetup  bool // it sent an ECN-setup SYN or SYN,ACK (RFC 3168, 6.1.1)
	windowed  bool // it has said a window whose scale is known
	edge      uint32
	tsFirst   uint32
	tsLast    uint32
	tsAt      time.Duration // when it last said one
	spoke     bool          // it has sent anything but RST
	data      []byte
	dataAt    uint32 // the number of data[0]
	prompts   []tcpPrompt
	forgotten bool // prompts are no longer all there are
}

// A tcpPrompt is a segment that may be answered with RST.
type tcpPrompt struct {
	hasACK   bool
	ack, end uint32
}

type tcpKey struct {
	a, b         netip.Addr
	aport, bport uint16
}

const (
	flowLimit   = 1024      // flows; beyond it everything is forgotten: faults may be missed, none is invented
	streamLimit = 128 << 10 // octets of a side's stream, kept to compare what is sent again
	keptLimit   = 32 << 20  // octets of all of them, likewise
	promptLimit = 64
)

// stampLife is how long a connection is idle until the other end forgets what it has noted of a side's clock (RFC 7323, 5.5).
const stampLife = 24 * 24 * time.Hour

// before compares sequence numbers.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// forgetFlows forgets the flows of two hosts.
func (j *Judge) forgetFlows(a, b netip.Addr) {
	for k := range j.flows {
		if k.a == a && k.b == b || k.a == b && k.b == a {
			delete(j.flows, k)
		}
	}
}

// find gets the flow. A SYN with another number begins a new one.
func (t *tcp) find() {
	k, second := tcpKey{t.src, t.dst, t.sport, t.dport}, 0
	if c := t.src.Compare(t.dst); c > 0 || c == 0 && t.sport > t.dport {
		k, second = tcpKey{t.dst, t.src, t.dport, t.sport}, 1
	}
	f := t.j.flows[k]
	if f != nil && t.has(tcpSYN) && !t.has(tcpRST) {
		me, peer := &f.sides[second], &f.sides[1-second]
		switch {
		case f.renewal != nil && f.renewer != second && !(me.syn && me.isn == t.seq): // with the old number it is the old SYN again
			f = f.renewal
			t.j.flows[k] = f
		case t.has(tcpACK) || me.syn && me.isn == t.seq:
		case !me.spoke: // it crossed the other one's
		case peer.spoke:
			f.renewal, f.renewer = &tcpFlow{}, second
			f = f.renewal
		default:
			f = nil
		}
	}
	if f == nil {
		if len(t.j.flows) >= flowLimit || t.j.kept > keptLimit {
			clear(t.j.flows)
			t.j.kept = 0
		}
		f = &tcpFlow{}
		t.j.flows[k] = f
	}
	t.flow, t.me, t.peer = f, &f.sides[second], &f.sides[1-second]
}

// learn keeps what the segment says.
func (t *tcp) learn() {
	me := t.me
	if t.flags&tcpRST == 0 && !t.peer.spoke {
		if len(me.prompts) < promptLimit {
			me.prompts = append(me.prompts, tcpPrompt{t.has(tcpACK), t.ack, t.end})
		} else {
			me.forgotten = true
		}
	}
	if t.has(tcpRST) {
		return
	}
	me.spoke = true
	if t.has(tcpACK) && t.peer.syn && t.ack-t.peer.isn-1 <= t.peer.next-t.peer.isn-1 {
		t.peer.acked = true
	}
	if t.has(tcpSYN) {
		t.learnSYN()
	}
	if !me.syn {
		return
	}
	if before(me.next, t.end) && t.end-me.next < 1<<30 {
		me.next = t.end
	}
	if t.has(tcpFIN) && !me.fin {
		me.fin, me.finEnd = true, t.end
	}
	if val, _, ok := t.stamp(); ok {
		if before(me.tsLast, val) {
			me.tsLast = val
		} else if before(val, me.tsFirst) && t.f.Time-me.tsAt > stampLife { // it is taken for a new one
			me.tsFirst = val
		}
		me.tsAt = t.f.Time
	}
	if t.has(tcpACK) {
		if edge, ok := t.edge(); ok && (!me.windowed || before(me.edge, edge)) {
			me.windowed, me.edge = true, edge
		}
	}
	t.keep()
}

func (t *tcp) learnSYN() {
	me := t.me
	again := me.stamps && me.isn == t.seq // what it has said since goes on to hold
	me.active = me.active || !t.has(tcpACK)
	switch {
	case !me.syn:
		me.syn, me.isn, me.next, me.dataAt = true, t.seq, t.end, t.seq+1
	case me.isn == t.seq:
	case me.acked:
		return
	default:
		*me = tcpSide{syn: true, doubt: true, active: me.active, spoke: true, isn: t.seq, next: t.end, dataAt: t.seq + 1}
	}
	me.mss, me.scale, me.stamps, me.sack = 0, -1, false, t.option(tcpSACKOK, 0) != nil
	if o := t.option(tcpMSS, 2); o != nil {
		me.mss = int(o.value[0])<<8 | int(o.value[1])
	}
	if o := t.option(tcpScale, 1); o != nil {
		me.scale = int(min(o.value[0], 14))
	}
	if val, _, ok := t.stamp(); ok {
		me.stamps = true
		if !again || before(val, me.tsFirst) {
			me.tsFirst = val
		}
		if !again || before(me.tsLast, val) {
			me.tsLast = val
		}
	}
	if t.has(tcpACK) {
		me.ecnSetup = t.flags&(tcpECE|tcpCWR) == tcpECE
	} else {
		me.ecnSetup = t.flags&(tcpECE|tcpCWR) == tcpECE|tcpCWR
	}
}

// keep puts data into the sender's stream, where it goes on.
func (t *tcp) keep() {
	me := t.me
	at := t.dataStart()
	have := me.dataAt + uint32(len(me.data))
	if len(t.data) == 0 || at != have || !t.f.FromTarget {
		return
	}
	me.data = append(me.data, t.data...)
	t.j.kept += len(t.data)
	if over := len(me.data) - streamLimit; over > streamLimit/4 {
		me.data = append(me.data[:0:0], me.data[over:]...)
		me.dataAt += uint32(over)
		t.j.kept -= over
	}
}

// dataStart is the number of the first octet of data.
func (t *tcp) dataStart() uint32 { return t.seq + uint32(t.flags>>1&1) }

// edge is the right edge of the window that the segment says, in its receiver's numbers; not ok while its scale is unknown.
func (t *tcp) edge() (uint32, bool) {
	shift := 0
	if !t.has(tcpSYN) {
		if !t.me.syn || !t.peer.syn {
			return 0, false
		}
		if t.me.scale > 0 && t.peer.scale >= 0 {
			shift = t.me.scale
		}
	}
	return t.ack + uint32(t.window)<<shift, true
}

// both tells whether the SYNs of both sides were seen, which say what was negotiated, and the handshake is over.
func (t *tcp) both() bool { return t.me.syn && t.peer.syn && !t.has(tcpSYN) }
