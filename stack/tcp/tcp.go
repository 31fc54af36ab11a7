// Package tcp is TCP (RFC 9293) over either version of IP, with what hosts of today do beyond it.
//
// An Endpoint is one user: it listens, or it is one side of a connection. Endpoints never block; what cannot be done at
// once says EAGAIN, and SetReady tells when to try again. Behind the endpoint stands the connection, which may outlive
// it: after Close it delivers what it was given, and waits in TIME-WAIT.
//
// A connection is cut by concern. A file holds one, with the RFC's section at each rule:
//
//	listen, connect        passive and active OPEN (3.10.1); cookie, fastopen, early: what comes before the third segment
//	verify, input, ack     what arrives, in the order of 3.10.7; receive, urgent: what is kept of it
//	user, close, option    the calls of the user (3.10.2 to 3.10.6)
//	receipts               how long received packets took until their data was read
//	output, segment        what is sent, and when: Nagle, silly windows; window: what is offered; buffer: where it lies
//	rexmit, persist        when no acknowledgement comes, or no window; keepalive: when nothing comes at all
//	timewait, reset        the end; spare: what is kept of a connection behind it
//	crowd, hunger          who waits for room in the queues of the node, and for memory
//	icmp, pmtu, ecn        what the network says; mtuprobe: what it does not say; advice, sourceroute: what it is told
//
// The arithmetic of sequence numbers, the round-trip time, congestion control, loss recovery and the queue of what came
// out of order are packages below this one, which know neither connections nor packets.
//
// A connection holds no packet: data is copied into its buffers, and the packet is free. Buffers take memory as they hold
// data, from a store that all connections share and that is bounded.
package tcp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire"
	codec "github.com/conform-stack/conform/stack/wire/tcp"
)

// TCP is the protocol on a node.
type TCP struct {
	c           config.TCP
	loop        *clock.Loop
	demux       *ip.Demux
	pool        *packet.Pool
	stats       *stats.Node
	ports       ports
	conns       map[tuple]*conn
	last        *conn // to which the latest segment belonged
	waits       waits // connections in TIME-WAIT, the oldest first
	mem         chunks
	secrets     secrets
	challenge   limit
	fastPending int
	cookies     fastOpenCache
	crowd       crowd
	hunger      hunger
	spares      spares
	endpoints   int                      // open ones
	in          segment                  // the segment being processed
	blocks      [codec.MaxSACK]seq.Range // of it
	options     [codec.MaxOptions]byte   // of the segment being made
	above       seq.Value                // while isAbove: what the next initial sequence number has to exceed
	isAbove     bool
	offset      struct { // the latest of stampOffset
		local, peer netip.Addr
		n           uint32
	}
}

// New makes TCP for a node. The configuration is resolved.
func New(c config.Config, l *clock.Loop, x *ip.Demux, pool *packet.Pool, s *stats.Node) *TCP {
	t := &TCP{
		c: c.TCP, loop: l, demux: x, pool: pool, stats: s,
		ports: ports{bound: map[uint16][]*Endpoint{}, conns: map[uint16]int{}, random: random.New(c.Seed, "tcp.port")},
		conns: map[tuple]*conn{},
		mem:   chunks{max: c.TCP.Memory / chunkSize},
	}
	t.mem.freed = t.freed
	t.hunger.timer.Init(l, t.feed)
	t.crowd.limit = c.TxPackets
	if c.TxClasses > 0 {
		t.crowd.limit = min(t.crowd.limit, c.QueueSlots)
	}
	t.crowd.limit, t.crowd.most = max(t.crowd.limit/2, 2), max(c.TxBuffers/2, 2)
	t.crowd.timer.Init(l, t.disperse)
	t.secrets.init(random.New(c.Seed, "tcp.secret"))
	t.challenge = newLimit(c.TCP.ChallengeRate, c.TCP.ChallengeInterval)
	x.Handle(ip.V4, wire.TCP, t)
	x.Handle(ip.V6, wire.TCP, t)
	return t
}

// Close ends everything, without a word to peers.
func (t *TCP) Close() {
	t.demux.Handle(ip.V4, wire.TCP, nil)
	t.demux.Handle(ip.V6, wire.TCP, nil)
	for _, all := range t.ports.bound {
		for _, e := range all {
			e.closed, e.ready = true, nil
		}
	}
	clear(t.ports.bound)
	for _, c := range t.conns {
		c.destroy(errno.ECONNABORTED)
	}
	t.crowd.timer.Stop()
	t.hunger.timer.Stop()
}

// Open makes an endpoint of a version of IP. ENOBUFS says that there are too many.
func (t *TCP) Open(f ip.Family) (*Endpoint, error) {
	if t.endpoints >= t.c.Connections {
		return nil, errno.ENOBUFS
	}
	t.endpoints++
	return &Endpoint{tcp: t, family: f, set: t.settings()}, nil
}

// A tuple is what names a connection.
type tuple struct{ local, peer netip.AddrPort }

// find is the connection of two addresses; nil if there is none.
func (t *TCP) find(local, peer netip.AddrPort) *conn {
	if c := t.last; c != nil && c.local == local && c.peer == peer {
		return c
	}
	c := t.conns[tuple{local, peer}]
	if c != nil {
		t.last = c
	}
	return c
}

// add makes a connection known. It is false when there are too many; the oldest in TIME-WAIT gives way first.
func (t *TCP) add(c *conn) bool {
	if len(t.conns) >= t.c.Connections && !t.waits.evict() {
		return false
	}
	t.conns[tuple{c.local, c.peer}] = c
	t.ports.connAdded(c.local.Port())
	return true
}

func (t *TCP) remove(c *conn) {
	k := tuple{c.local, c.peer}
	if t.conns[k] != c {
		return
	}
	delete(t.conns, k)
	t.ports.connRemoved(c.local.Port())
	if t.last == c {
		t.last = nil
	}
}
