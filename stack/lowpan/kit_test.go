package lowpan_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

// station is an adapter on a link that keeps what is sent and delivered. The test gives frames from one to another.
type station struct {
	t         testing.TB
	loop      *clock.Loop
	pool      *packet.Pool
	stats     stats.Node
	a         *lowpan.Adapter
	addrs     []link.Addr
	room      int
	protects  bool
	sent      []frame
	delivered [][]byte
	from      []link.Addr // who each of delivered came from
}

// frame is a payload and the addresses of its frame.
type frame struct {
	src, dst link.Addr
	payload  []byte
}

func (s *station) Addrs() []link.Addr          { return s.addrs }
func (s *station) PAN() uint16                 { return 0xabcd }
func (s *station) Room(src, dst link.Addr) int { return s.room - src.Len() - dst.Len() }
func (s *station) Protects(link.Addr) bool     { return s.protects }
func (s *station) Send(p *packet.Packet, src, dst link.Addr) {
	if p.Headroom() < headroom {
		s.t.Errorf("headroom of %d octets in front of what is sent", p.Headroom())
	}
	s.sent = append(s.sent, frame{src, dst, bytes.Clone(p.Bytes())})
	p.Free()
}

func (s *station) Deliver(p *packet.Packet) {
	if p.Headroom() < 34 {
		s.t.Errorf("headroom of %d octets in front of what is delivered", p.Headroom())
	}
	s.delivered = append(s.delivered, bytes.Clone(p.Bytes()))
	s.from = append(s.from, p.LinkSrc)
	p.Free()
}

const headroom = 23

var (
	longA, shortA = link.MustParseAddr("02:00:00:00:00:00:00:0a"), link.MustParseAddr("00:0a")
	longB, shortB = link.MustParseAddr("02:00:00:00:00:00:00:0b"), link.MustParseAddr("00:0b")
	longC         = link.MustParseAddr("02:00:00:00:00:00:00:0c")
)

// settings are those of profile rfc, changed by the test.
func settings(t testing.TB, change func(*config.Lowpan)) config.Lowpan {
	t.Helper()
	var c config.Config
	if change != nil {
		change(&c.Lowpan)
	}
	c, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	return c.Lowpan
}

// newStation makes a station; at the end of the test no packet is in use.
func newStation(t testing.TB, l *clock.Loop, c config.Lowpan, addrs ...link.Addr) *station {
	t.Helper()
	s := &station{t: t, loop: l, pool: packet.NewPool(packet.Limits{}), addrs: addrs, room: 116}
	s.a = lowpan.New(c, lowpan.Env{Loop: l, Rx: s.pool, Tx: s.pool, Stats: &s.stats, Random: random.New(1, "lowpan"), Headroom: headroom}, s)
	t.Cleanup(func() {
		s.a.Close()
		if n := s.pool.InUse(); n != 0 {
			t.Errorf("%d packets in use at the end", n)
		}
	})
	return s
}

// output sends a datagram.
func (s *station) output(b []byte, dst link.Addr) []frame {
	s.t.Helper()
	s.a.Output(s.pool.Copy(80, b), dst)
	all := s.sent
	s.sent = nil
	return all
}

// input takes the payload of a frame.
func (s *station) input(f frame) {
	s.t.Helper()
	s.a.Input(s.pool.Copy(10, f.payload), f.src, f.dst)
}

// took is what was delivered since it was last asked.
func (s *station) took() [][]byte {
	all := s.delivered
	s.delivered, s.from = nil, nil
	return all
}

// wantDrop looks whether a reason was counted since the last call.
func (s *station) wantDrop(why stats.Drop, n uint64) {
	s.t.Helper()
	if got := s.stats.Drops[why]; got != n || s.stats.Dropped() != n {
		s.t.Errorf("%d drops for %v and %d in all, want %d", got, why, s.stats.Dropped(), n)
	}
	s.stats.Drops = [stats.NumDrops]uint64{}
}

func testRandom() *rand.Rand { return rand.New(rand.NewPCG(7, 7)) }
