package lowpan_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// udpTo is a UDP datagram from A to B with the right checksum.
func udpTo(data []byte) []byte {
	h := ipv6.Header{NextHeader: wire.UDP, HopLimit: 64, Src: ipv6.MustParseAddr("fe80::a"), Dst: ipv6.MustParseAddr("fe80::b")}
	b := append(udp.Append(ipv6.Append(nil, h), udp.Header{SrcPort: 0xf0b1, DstPort: 0xf0b2}), data...)
	ipv6.Seal(b)
	udp.Seal(b[40:], ipv6.Pseudo(h.Src, h.Dst, wire.UDP))
	return b
}

// When a checksum is left out, and when a datagram without one is taken (RFC 6282, 4.3.2).
func TestElidedChecksums(t *testing.T) {
	for _, n := range []int{4, 400} {
		good := udpTo(make([]byte, n))
		bad := bytes.Clone(good)
		bad[47] ^= 1
		for _, tt := range []struct {
			name                string
			b                   []byte
			authorised, secured bool
			arrived             bool // it is forwarded, not made here
			elided              bool
			drop                bool
		}{
			{name: "by default", b: good, secured: true},
			{name: "authorised, and the link protects it", b: good, authorised: true, secured: true, elided: true},
			{name: "authorised, and nothing protects it", b: good, authorised: true},
			{name: "of another node", b: good, authorised: true, secured: true, arrived: true},
			{name: "a wrong checksum", b: bad, authorised: true, secured: true, drop: true},
			{name: "a wrong checksum that is sent", b: bad, secured: true},
		} {
			l := clock.New()
			s := newStation(t, l, settings(t, func(c *config.Lowpan) {
				if tt.authorised {
					c.ElideChecksum = config.On
				}
			}), longA)
			s.protects = tt.secured
			p := s.pool.Copy(80, tt.b)
			if tt.arrived {
				p.LinkSrc = longC
			}
			s.a.Output(p, longB)
			if tt.drop {
				if len(s.sent) != 0 || s.stats.Drops[stats.UDPChecksum] != 1 {
					t.Errorf("%s: %d frames, %d drops", tt.name, len(s.sent), s.stats.Drops[stats.UDPChecksum])
				}
				continue
			}
			at := 2 // of the NHC
			if n > 100 {
				at += 4
			}
			if elided := s.sent[0].payload[at]&4 != 0; elided != tt.elided {
				t.Errorf("%s: elided %v", tt.name, elided)
			}
			for _, verified := range []bool{true, false} {
				for _, trust := range []config.Switch{config.On, config.Off} {
					peer := newStation(t, l, settings(t, func(c *config.Lowpan) { c.TrustElided = trust }), longB)
					for _, f := range s.sent {
						p := peer.pool.Copy(10, f.payload)
						p.Verified = verified
						peer.a.Input(p, f.src, f.dst)
					}
					taken := !tt.elided || verified || trust.On()
					if got := peer.took(); len(got) == 1 != taken || taken && !bytes.Equal(got[0], tt.b) {
						t.Errorf("%s, verified %v, trust %v: %x", tt.name, verified, trust, got)
					}
					if !taken && peer.stats.Drops[stats.LowpanChecksum] != 1 {
						t.Errorf("%s: %d drops", tt.name, peer.stats.Drops[stats.LowpanChecksum])
					}
				}
			}
		}
	}
}

// One fragment that the link did not verify is enough for the datagram not to be.
func TestOneUnverifiedFragment(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, func(c *config.Lowpan) { c.ElideChecksum = config.On }), longA)
	s.protects = true
	frames := s.output(udpTo(make([]byte, 400)), longB)
	for k := 1; k < len(frames); k++ {
		peer := newStation(t, clock.New(), settings(t, nil), longB)
		for i, f := range frames {
			p := peer.pool.Copy(10, f.payload)
			p.Verified = i != k
			peer.a.Input(p, f.src, f.dst)
		}
		if len(peer.took()) != 0 || peer.stats.Drops[stats.LowpanChecksum] != 1 {
			t.Errorf("fragment %d of %d is not verified, and the datagram is taken", k, len(frames))
		}
	}
}

// Which address a packet is sent from: the short one for what was derived from it.
func TestSource(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, nil), longA, shortA)
	for src, want := range map[string]link.Addr{
		"fe80::ff:fe00:a": shortA, "2001:db8::ff:fe00:a": shortA, "fe80::a": longA, "fe80::ff:fe00:b": longA, "::": longA, "2001:db8::1": longA,
	} {
		b := ipv6.Append(nil, ipv6.Header{NextHeader: 59, HopLimit: 64, Src: ipv6.MustParseAddr(src), Dst: ipv6.AllNodes})
		if f := s.output(b, lowpan.Broadcast); len(f) != 1 || f[0].src != want {
			t.Errorf("%s: sent from %v, want %v", src, f[0].src, want)
		}
	}
	s.addrs = nil
	if f := s.output(datagram(60), longB); len(f) != 0 {
		t.Error("sent without an address")
	}
	s.wantDrop(stats.NoLinkAddr, 1)
}

// What is off is not sent, and not understood where that is a choice.
func TestSwitches(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, func(c *config.Lowpan) { c.Compression = config.Off }), longA)
	for _, n := range []int{60, 1280} {
		f := s.output(datagram(n), longB)
		at := 0
		if len(f) > 1 {
			at = 4
		}
		if f[0].payload[at] != 0x41 || !bytes.Equal(f[0].payload[at+1:at+41], datagram(n)[:40]) {
			t.Errorf("without compression: %x", f[0].payload)
		}
	}
	s = newStation(t, clock.New(), settings(t, func(c *config.Lowpan) { c.Contexts = config.Off }), longA)
	s.a.SetContext(lowpan.Context{Prefix: netip.MustParsePrefix("2001:db8::/64"), Compress: true, Lifetime: -1})
	h := ipv6.Header{NextHeader: 59, HopLimit: 64, Src: ipv6.MustParseAddr("2001:db8::a"), Dst: ipv6.MustParseAddr("fe80::b")}
	if f := s.output(ipv6.Append(nil, h), longB); f[0].payload[1]&0x40 != 0 {
		t.Errorf("contexts are used: %x", f[0].payload)
	}
	s.input(frame{longB, longA, []byte{0x7a, 0x77, 59}})
	if got := s.took(); len(got) != 1 || !bytes.Equal(got[0][8:16], octets("20010db800000000")) {
		t.Errorf("a context does not expand: %x", got)
	}
	s = newStation(t, clock.New(), settings(t, func(c *config.Lowpan) { c.Fragmentation = config.Off }), longA)
	if f := s.output(datagram(1280), longB); len(f) != 0 {
		t.Errorf("without fragmentation: %d frames", len(f))
	}
	s.wantDrop(stats.IPTooBig, 1)
	s.input(cut(datagram(200), 1, 48)[0])
	s.wantDrop(stats.FragNoBuffer, 1)
	for _, tt := range []struct {
		name, payload string
		off           func(*config.Lowpan)
	}{
		{"GHC", "7e33 df 02 8000 80", func(c *config.Lowpan) { c.GHC = config.Off }},
		{"HC1", "42 fc 40 8000", func(c *config.Lowpan) { c.HC1 = config.Off }},
	} {
		s = newStation(t, clock.New(), settings(t, nil), longA)
		s.input(frame{longB, longA, octets(tt.payload)})
		if len(s.took()) != 1 {
			t.Errorf("%s is not understood", tt.name)
		}
		s = newStation(t, clock.New(), settings(t, tt.off), longA)
		s.input(frame{longB, longA, octets(tt.payload)})
		s.wantDrop(stats.LowpanUnknown, 1)
	}
}

// A neighbour that used generic compression, or is said to understand it, is sent it (RFC 7400, 3.3); others are not.
func TestWhoUnderstandsGeneric(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, nil), longA)
	generic := func(dst link.Addr) bool {
		b := ipv6.Append(nil, ipv6.Header{NextHeader: wire.ICMPv6, HopLimit: 64, Src: ipv6.MustParseAddr("fe80::a"), Dst: ipv6.MustParseAddr("fe80::b")})
		b = append(b, make([]byte, 30)...)
		ipv6.Seal(b)
		return bytes.IndexByte(s.output(b, dst)[0].payload, 0xdf) >= 0
	}
	if generic(longB) {
		t.Error("used without a sign")
	}
	s.input(frame{longB, longA, octets("7e33 df 02 8000 80")})
	s.took()
	if !generic(longB) || generic(longC) {
		t.Error("whether it is used follows not who used it")
	}
	s.a.SetGeneric(longC, true)
	s.a.SetGeneric(longB, false)
	if generic(longB) || !generic(longC) {
		t.Error("what was said is not heeded")
	}
	for i := range 200 {
		s.a.SetGeneric(link.AddrFrom2([2]byte{0, byte(i)}), true)
	}
	if generic(longC) || !s.a.Generic(link.AddrFrom2([2]byte{0, 199})) || !s.a.Generic(link.AddrFrom2([2]byte{0, 168})) || s.a.Generic(link.AddrFrom2([2]byte{0, 167})) {
		t.Error("not the latest 32 are remembered")
	}
	s.a.SetGeneric(longB, false) // who is not known
	if s.a.Generic(longB) || !s.a.Generic(link.AddrFrom2([2]byte{0, 168})) {
		t.Error("forgetting one that is not known changed others")
	}
}

// Malformed payloads are counted by what is wrong with them.
func TestDrops(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, nil), longB)
	for _, tt := range []struct {
		payload string
		why     stats.Drop
	}{
		{"00 01", stats.LowpanUnknown},
		{"7a", stats.LowpanInvalid},
		{"7a37 3b", stats.LowpanContext},
		{"7a34 3b", stats.LowpanUnknown},
		{"40 01", stats.LowpanUnknown},
		{"f2 7a33 3b", stats.LowpanUnknown},
		{"7e33 00", stats.LowpanUnknown},
		{"7e33 f7 12", stats.LowpanChecksum},
		{"7e33 df" + strings.Repeat("8f", 80), stats.LowpanInvalid},
		{"41", stats.LowpanInvalid},
	} {
		s.input(frame{longA, longB, octets(tt.payload)})
		s.wantDrop(tt.why, 1)
	}
	for name, b := range map[string][]byte{"short": datagram(60)[:39], "cut": datagram(60)[:59]} {
		if f := s.output(b, longA); len(f) != 0 {
			t.Errorf("%s: sent", name)
		}
		s.wantDrop(stats.IPInvalid, 1)
	}
	s.addrs = []link.Addr{longA}
	if f := s.output(append(datagram(60), 1, 2, 3), longB); len(f) != 1 || len(f[0].payload) != 2+1+20 {
		t.Errorf("padding behind the datagram: %v", f)
	}
	if f := s.output(append(datagram(1280), make([]byte, 8)...), longB); len(f) < 2 {
		t.Errorf("1280 octets and padding are sent in %d frames", len(f))
	}
	big := datagram(1288)
	s.output(big, longA)
	s.wantDrop(stats.IPTooBig, 1)
}

// Nothing is allocated on the way of a datagram, whole or in fragments.
func TestNothingIsAllocated(t *testing.T) {
	for _, n := range []int{60, 1280} {
		a, b := newQuiet(t, longA), newQuiet(t, longB)
		a.peer, b.peer = b, a
		d := datagram(n)
		if got := testing.AllocsPerRun(50, func() {
			a.a.Output(a.pool.Copy(80, d), longB)
		}); got != 0 || b.n == 0 {
			t.Errorf("%d octets: %v allocations, %d delivered", n, got, b.n)
		}
	}
}

// quiet is a station that gives what it sends to its peer, and only counts what is delivered.
type quiet struct {
	a     *lowpan.Adapter
	addrs []link.Addr
	pool  *packet.Pool
	stats stats.Node
	peer  *quiet
	n     int
}

func newQuiet(t testing.TB, addr link.Addr) *quiet {
	q := &quiet{addrs: []link.Addr{addr}, pool: packet.NewPool(packet.Limits{})}
	s := newStation(t, clock.New(), settings(t, nil), addr)
	q.a = lowpan.New(settings(t, nil), lowpan.Env{Loop: s.loop, Rx: q.pool, Tx: q.pool, Stats: &q.stats, Random: testRandom(), Headroom: headroom}, q)
	t.Cleanup(q.a.Close)
	return q
}

func (q *quiet) Addrs() []link.Addr                        { return q.addrs }
func (q *quiet) PAN() uint16                               { return 1 }
func (q *quiet) Room(link.Addr, link.Addr) int             { return 100 }
func (q *quiet) Protects(link.Addr) bool                   { return false }
func (q *quiet) Send(p *packet.Packet, src, dst link.Addr) { q.peer.a.Input(p, src, dst) }
func (q *quiet) Deliver(p *packet.Packet)                  { q.n++; p.Free() }

// One datagram goes from one adapter to another; beside it is a plain copy of it.
func BenchmarkDatagrams(b *testing.B) {
	for _, n := range []int{60, 1280} {
		name := map[int]string{60: "60-octets", 1280: "1280-octets"}[n]
		d := datagram(n)
		b.Run(name+"/copy", func(b *testing.B) {
			q := newQuiet(b, longA)
			b.ReportAllocs()
			for b.Loop() {
				q.pool.Copy(80, d).Free()
			}
		})
		b.Run(name+"/there", func(b *testing.B) {
			x, y := newQuiet(b, longA), newQuiet(b, longB)
			x.peer, y.peer = y, x
			b.ReportAllocs()
			for b.Loop() {
				x.a.Output(x.pool.Copy(80, d), longB)
			}
			if y.n == 0 || y.stats.Dropped() != 0 {
				b.Fatalf("%d delivered, %d dropped", y.n, y.stats.Dropped())
			}
		})
	}
}

// No payload makes an adapter panic, keep more than it may, or lose a packet.
func FuzzInput(f *testing.F) {
	for _, s := range []string{"7e33 f3 5a abcd 01", "c0c8 0001 7a33 3b 0102030405060708", "e0c8 0001 05 0102030405060708", "b1 0001 000b 50 01 7a33 3b", "f1 7a33 3b"} {
		f.Add(octets(s), octets("e0c8 0001 06 0102030405060708"))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := meshed(t, func(c *config.Lowpan) { c.TrustElided = config.On }, longB, shortB)
		for range 2 {
			s.input(frame{longA, longB, first})
			s.input(frame{longA, longB, second})
			s.input(frame{shortA, lowpan.Broadcast, first})
		}
		if n := s.a.Reassembling(); n != s.pool.InUse() || n > 16 {
			t.Errorf("%d in reassembly, %d in use", n, s.pool.InUse())
		}
		for _, d := range s.delivered {
			if len(d) > lowpan.MTU {
				t.Errorf("%d octets are delivered", len(d))
			}
		}
	})
}

func octets(s string) []byte {
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)))
	if err != nil {
		panic(err)
	}
	return b
}
