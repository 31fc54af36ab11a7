package stack_test

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// A soak is a node on which all is on: addresses are probed for and defended, a second link has a link-local address,
// sockets of all kinds are open, of which some are never read.
type soak struct {
	*kit
	second  *stack.Interface
	far2    *wire.End
	sockets []*socket.Socket
	sent    uint64 // hash of all that the node has sent
}

// soakConfigs are the nodes that are soaked.
var soakConfigs = []struct {
	name string
	config.Config
}{
	{"host", config.Config{}},
	{"router", config.Config{Forwarding: config.On}},
	{"classes", config.Config{
		RxClasses: 7, TxClasses: 7, QueueSlots: 3, Data: config.DataPath{
			ClassMap: config.SRAB, SkipHighRx: config.On, SkipHighTx: config.On, TxPriority: 1, RxTime: config.On,
			RxTimeDetail: config.On, TxTime: config.On, TxTimeDetail: config.On,
		},
	}},
	{"zephyr", config.Config{Profile: config.Zephyr, Fragmentation: config.On, Multicast4: config.On, IPOptions: config.On}},
}

func newSoak(t testing.TB, c config.Config) *soak {
	c.ConflictDetect, c.LinkLocal4, c.EchoBroadcast = config.On, config.On, config.On
	s := &soak{kit: newKit(t, c)}
	h := fnv.New64a()
	hear := func(b []byte) {
		h.Write(b)
		s.sent = h.Sum64()
	}
	s.far.Start(driver.Frames(func(b []byte) { hear(b); s.frames = append(s.frames, append([]byte(nil), b...)) }))
	near, far := wire.New(s.loop, wire.Config{})
	far.Start(driver.Frames(hear))
	s.far2 = far
	var err error
	if s.second, err = s.node.AddEthernet(near, ethernet.MAC{2, 0, 0, 0, 0, 0x12}); err != nil {
		t.Fatal(err)
	}
	s.node.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), testerIP.Netip(), s.eth)
	s.echoes()
	unread, raw, all := s.open(9), s.raw(int(codec.ICMPv4)), s.raw(200)
	unread.SetOption(socket.IPAddMembership, socket.Value{Group: groupIP.Netip()})
	s.sockets = append(s.sockets, unread, raw, all)
	s.advance(time.Minute) // so that the addresses are probed for
	s.frames = s.frames[:0]
	return s
}

// echoes opens a socket that answers, as far as it is let: what is addressed to whom is the soak's choice.
func (s *soak) echoes() {
	e := s.open(7)
	buf := make([]byte, 65536)
	e.OnReady(func() {
		for m, err := e.Recv(buf); err == nil; m, err = e.Recv(buf) {
			e.SendTo(buf[:m.N], m.From)
		}
	})
	s.sockets = append(s.sockets, e)
}

// keep gives the node its address again, if it has lost it to a conflict. It does not probe: after some conflicts it would
// have to wait a minute before that (RFC 5227, 2.1.1).
func (s *soak) keep() {
	if len(s.eth.Addresses()) == 0 {
		if err := s.node.KeepAddress(s.eth, subnet); err != nil {
			s.t.Fatal(err)
		}
	}
}

// receive lets the node take a frame in, by one link or the other.
func (s *soak) receive(second bool, frame []byte) {
	end := s.far
	if second {
		end = s.far2
	}
	end.Send(frame)
	s.advance(0)
	s.frames = s.frames[:0]
	s.keep()
}

// bounded says that the node keeps no more than its configuration lets it.
func (s *soak) bounded() {
	s.t.Helper()
	c := s.node.Config
	if n := s.node.InUse(); n > c.RxPackets+c.TxPackets {
		s.t.Errorf("%d packets in use, the pools have %d and %d", n, c.RxPackets, c.TxPackets)
	}
	for _, i := range []*stack.Interface{s.eth, s.second} {
		if n := i.Ethernet.Neighbours().Len(); n > c.NeighEntries {
			s.t.Errorf("%s: %d neighbours, the configuration says %d", i.Name, n, c.NeighEntries)
		}
	}
}

// rested says that nothing is in use once all timers have run out and the sockets are read, and that the node still
// answers.
func (s *soak) rested() {
	s.t.Helper()
	s.advance(10 * time.Minute)
	buf := make([]byte, 65536)
	for _, x := range s.sockets {
		for _, err := x.Recv(buf); err == nil; _, err = x.Recv(buf) {
		}
	}
	if n := s.node.InUse(); n != 0 {
		s.t.Errorf("%d packets are in use, and nobody has them", n)
	}
	s.keep()
	s.alive()
}

// alive says that the node answers requests of ARP and of ICMP.
func (k *kit) alive() {
	k.t.Helper()
	k.frames = nil
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.want("alive", "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)")
	k.send(echoRequest("alive"))
	df := ""
	if k.node.Config.PathMTU.On() {
		df = "DF "
	}
	k.want("alive", "00:01 192.0.2.2 > 192.0.2.1 "+df+`ICMP echo reply id 7 seq 1 "alive"`)
}

// soakFrames is how many frames a soak takes: 200000, or what CONFORM_SOAK says.
func soakFrames(t *testing.T) int {
	v := os.Getenv("CONFORM_SOAK")
	if v == "" {
		return 200000
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("CONFORM_SOAK is %q; it takes a number of frames", v)
	}
	return n
}

// Random octets and damaged frames of every protocol, on a node on which all is on, end with a node that answers, within
// its bounds, with nothing in use.
func TestSoak(t *testing.T) {
	frames := soakFrames(t)
	for _, c := range soakConfigs {
		t.Run(c.name, func(t *testing.T) {
			s := newSoak(t, c.Config)
			s.damage(5, frames)
			s.rested()
		})
	}
}

// The same seed gives the same octets, always.
func TestSoakIsDeterministic(t *testing.T) {
	var sent [2]uint64
	for i := range sent {
		s := newSoak(t, config.Config{Forwarding: config.On})
		s.damage(6, 2000)
		sent[i] = s.sent
		s.rested()
	}
	if sent[0] != sent[1] {
		t.Errorf("what was sent sums up to %x and %x", sent[0], sent[1])
	}
}

// damage sends n frames, and lets some time pass between them. A node that has lost its address gets it again.
func (s *soak) damage(seed uint64, n int) {
	s.t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	good := seeds()
	for i := range n {
		s.receive(rng.IntN(4) == 0, damaged(rng, good))
		if rng.IntN(20) == 0 {
			s.advance(time.Duration(rng.Int64N(int64(time.Second))))
		}
		if i%500 == 0 {
			s.bounded()
		}
	}
}

// damaged is a good frame with a few faults, or random octets.
func damaged(rng *rand.Rand, good [][]byte) []byte {
	if rng.IntN(16) == 0 {
		return noise(rng)
	}
	f := append([]byte(nil), good[rng.IntN(len(good))]...)
	for range rng.IntN(4) {
		at := rng.IntN(len(f))
		switch rng.IntN(7) {
		case 0:
			f[at] = byte(rng.Uint32())
		case 1:
			f[at] ^= 1 << rng.IntN(8)
		case 2:
			f = f[:at+1]
		case 3:
			f = append(f, make([]byte, rng.IntN(64))...)
		case 4: // the end of another one
			other := good[rng.IntN(len(good))]
			f = append(f[:at:at], other[min(at, len(other)):]...)
		case 5: // an extreme value
			f[at] = [...]byte{0, 1, 0x7f, 0x80, 0xff}[rng.IntN(5)]
		case 6: // octets taken out
			f = append(f[:at:at], f[min(len(f), at+1+rng.IntN(4)):]...)
		}
		if len(f) == 0 {
			return f
		}
	}
	if rng.IntN(4) != 0 {
		reseal(f)
	}
	return f
}

// noise is random octets, more often than not to the node and of a type that it reads.
func noise(rng *rand.Rand) []byte {
	f := make([]byte, rng.IntN(1515))
	for i := range f {
		f[i] = byte(rng.Uint32())
	}
	if len(f) >= 34 && rng.IntN(4) != 0 {
		copy(f, nodeMAC[:])
		f[6] &^= 1
		f[12], f[13] = 8, [...]byte{0, 0, 6}[rng.IntN(3)]
		f[14] = 0x45 | byte(rng.IntN(2))
		reseal(f)
	}
	return f
}

// reseal mends the checksums of a frame, as far as it can be read, so that more of it is looked at.
func reseal(f []byte) {
	e, d, err := ethernet.Parse(f)
	if err != nil || e.Type != ethernet.TypeIPv4 {
		return
	}
	h, data, err := ipv4.Parse(d)
	if err != nil {
		return
	}
	ipv4.SealChecksum(d)
	if h.IsFragment() || len(data) < 8 {
		return
	}
	switch h.Protocol {
	case codec.ICMPv4:
		icmpv4.Seal(data)
	case codec.IGMP:
		igmp.Seal(data)
	case codec.UDP:
		n := binary.BigEndian.Uint16(data[4:])
		if int(n) >= 8 && int(n) <= len(data) {
			udp.Seal(data[:n], h.Pseudo())
		}
	}
}

// Law: no sequence of frames makes the node panic, run without end, keep more than its configuration lets it, or lose a
// packet; after it the node answers. The first octet chooses the node; then frames stand one behind the other, each with
// its link and the time before it in one octet, and its length in two.
func FuzzNode(f *testing.F) {
	all := []byte{1}
	for _, s := range seeds() {
		one := append([]byte{0, byte(len(s) >> 8), byte(len(s))}, s...)
		f.Add(append([]byte{0}, one...))
		all = append(all, one...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		s := newSoak(t, soakConfigs[int(b[0])%len(soakConfigs)].Config)
		for b = b[1:]; len(b) > 3; {
			n := min(int(b[1])<<8|int(b[2]), len(b)-3)
			s.advance(time.Duration(b[0]>>1) * 50 * time.Millisecond)
			s.receive(b[0]&1 != 0, b[3:3+n])
			b = b[3+n:]
		}
		s.bounded()
		s.rested()
	})
}
