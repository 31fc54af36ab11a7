// Package lowpan carries IPv6 over links whose frames are too small for it: it compresses headers (RFC 6282, 7400), cuts
// datagrams into fragments and puts them together again (RFC 4944), and takes part in a mesh below IPv6.
//
// An Adapter stands between IPv6 and a link. It owns what it is given:
//
//	Output(packet of IPv6)   compressed, in fragments if need be   goes to Link.Send
//	Input(payload of a frame)   expanded, once it is whole            goes to Link.Deliver
//
// Fragments may be recovered one by one (RFC 8931), if the configuration says that the network does so: recovery is the
// receiving end, recoverer the sending one. Between them each hop puts datagrams together; none forwards their fragments.
//
// It knows a link by a small interface and serves any whose addresses are of 2 or 8 octets. Interface identifiers are
// derived as RFC 6282, 3.2.2 says; those of a link with addresses of other lengths are its own affair.
//
// Two things surprise people. A header is compressed against the link addresses of its frame, so which of its own addresses
// a station sends from decides what can be left out: Output takes the short one when the datagram's source address was made
// from it, else the extended one. And a UDP checksum that was left out on the way is computed anew here, but only for frames
// whose integrity the link has verified (packet.Verified): without that, RFC 6282, 4.3.2 wants the datagram dropped.
package lowpan

import (
	"math/rand/v2"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// MTU is the largest packet of IPv6 that the adaptation layer carries, in octets (RFC 4944, 4).
const MTU = 1280

// Broadcast is the link address of all stations (RFC 4944, 12), to which packets for a group go.
var Broadcast = link.AddrFrom2([2]byte{0xff, 0xff}) // never written

// A Link is what carries the payloads.
type Link interface {
	// Addrs are this station's: the extended one first, then the short one, if it has one.
	Addrs() []link.Addr
	// PAN is the identifier of the network, 0xffff for none. It is in the interface identifiers of RFC 4944, 6.
	PAN() uint16
	// Room is how many octets of payload a frame from src to dst takes.
	Room(src, dst link.Addr) int
	// Protects tells whether frames to dst carry an integrity check that is made with a key.
	Protects(dst link.Addr) bool
	// Send owns a payload, in front of which there is Headroom for the link's header. It goes out at once or waits in a
	// queue of the link; payloads to one station stay in order.
	Send(p *packet.Packet, src, dst link.Addr)
	// Deliver owns a packet of IPv6 that came in.
	Deliver(p *packet.Packet)
}

// Env is what an Adapter is made from.
type Env struct {
	Loop   *clock.Loop
	Rx, Tx *packet.Pool // of packets on their way up, and down
	Stats  *stats.Node
	Random *rand.Rand // for the first tag and the first sequence number
	// Headroom is what the link wants in front of a payload.
	Headroom int
}

// An Adapter is the adaptation layer of one interface.
type Adapter struct {
	c    config.Lowpan
	env  Env
	link Link

	contexts contexts
	reasm    reassembly
	recovery recovery
	recover  recoverer
	mesh     mesh
	generic  generic
	tag      uint16 // of the next datagram that is cut

	room   [MTU + 1]byte       // where headers are put together
	around lowpan.Surroundings // of the datagram that is being compressed
}

// New makes the adaptation layer of a link. The configuration is a resolved one.
func New(c config.Lowpan, env Env, lk Link) *Adapter {
	a := &Adapter{c: c, env: env, link: lk, tag: uint16(env.Random.Uint32())}
	a.contexts.init(a)
	a.reasm.init(a)
	a.recovery.init(a)
	a.recover.init(a)
	a.mesh.init(a)
	a.generic.init(c)
	return a
}

// MTU is the largest packet of IPv6 that Output takes, in octets.
func (a *Adapter) MTU() int { return MTU }

// Headroom is what Output puts in front of a packet at most, in octets, beside the link's headers. With less it copies.
func (a *Adapter) Headroom() int { return 1 }

// Flush forgets all fragments that have come in, and datagrams that nobody has acknowledged, as is due when the station leaves its network (RFC 4944, 5.3).
func (a *Adapter) Flush() {
	a.reasm.clear()
	a.recovery.clear()
	a.recover.clear()
}

// Close stops timers and frees packets.
func (a *Adapter) Close() {
	a.Flush()
	a.contexts.clear()
}

// drop ends the way of a packet.
func (a *Adapter) drop(p *packet.Packet, why stats.Drop) {
	a.env.Stats.Drop(why)
	p.Free()
}
