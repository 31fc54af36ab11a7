package crosscheck

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/packet"
	theirs "github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	adapter "github.com/conform-stack/conform/stack/lowpan"
	stackpacket "github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/lowpan/lowpantest"
)

// around is what the harness wants to know of a network.
func around(n *lowpantest.Network, expands bool) theirs.Around {
	a := theirs.Around{Src: net.HardwareAddr(n.Src.Append(nil)), Dst: net.HardwareAddr(n.Dst.Append(nil)), PAN: lowpanPAN}
	for _, c := range n.Contexts {
		if c.Compress || expands {
			a.Contexts[c.ID] = netip.PrefixFrom(c.Prefix.Netip(), int(c.Bits))
		}
	}
	return a
}

// What either of stack and harness compresses the other one expands to the same packet, generic compression included; and
// the stack's form is never the longer one.
func TestTheHarnessExpandsWhatTheStackCompresses(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	g := new(lowpan.GHC)
	generic, shorter := 0, 0
	for i := range generated() {
		n := lowpantest.Random(r)
		s := n.Surroundings()
		b := n.Packet(r, 300)
		room := make([]byte, len(b)+1)
		k, took := lowpan.Compress(room, b, &s, lowpan.Options{})
		ours := append(bytes.Clone(room[:k]), b[took:]...)
		if got, err := theirs.Expand(ours, around(n, true)); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("packet %d\n%x\nof the stack\n%x\nthe harness expands to\n%x, %v", i, b, ours, got, err)
		}
		encoded := theirs.Encode(b, around(n, false))
		if got, err := expanded(encoded, &s); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("packet %d\n%x\nof the harness\n%x\nthe stack expands to\n%x, %v", i, b, encoded, got, err)
		}
		switch {
		case len(encoded) < len(ours) && longGroup(encoded, n): // the stack does not take such a context for a group
		case len(encoded) < len(ours):
			t.Errorf("packet %x\nhas %d octets in the stack's form\n%x\nand %d in the harness's\n%x", b, len(ours), ours, len(encoded), encoded)
		case len(encoded) > len(ours):
			shorter++
		}
		k, took = lowpan.Compress(room, b, &s, lowpan.Options{GHC: g})
		if r, _ := lowpan.Decompress(make([]byte, 2048), append(bytes.Clone(room[:k]), b[took:]...), &s, 0); !r.Generic {
			continue
		}
		generic++
		if got, err := theirs.Expand(append(room[:k:k], b[took:]...), around(n, true)); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("packet %d\n%x\nin generic form\n%x\nthe harness expands to\n%x, %v", i, b, room[:k], got, err)
		}
	}
	if generic < generated()/20 {
		t.Errorf("only %d packets in generic form", generic)
	}
	t.Logf("%d of %d are shorter in the stack's form", shorter, generated())
}

// longGroup tells whether an encoding has a group of a context that has more bits than there are in such a group (RFC 3306,
// 4), in the header or in that of a packet within the packet: readers that do not cut them to 64 would make another one of
// it.
func longGroup(b []byte, n *lowpantest.Network) bool {
	long := func(h []byte) bool {
		if len(h) < 3 || h[0]&0xe0 != 0x60 || h[1]&0x0c != 0x0c {
			return false
		}
		id := uint8(0)
		if h[1]&0x80 != 0 {
			id = h[2] & 15
		}
		for _, c := range n.Contexts {
			if c.ID == id {
				return c.Bits > 64
			}
		}
		return false
	}
	for at := range b {
		if b[at] == 0xee && long(b[at+1:]) { // RFC 6282, 4.2: the code of a packet within a packet
			return true
		}
	}
	return long(b)
}

// Both readers make the same of any octets, or both refuse them.
func FuzzLowpanReaders(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		n := lowpantest.Network{Src: fuzzed.Src, Dst: fuzzed.Dst, Contexts: fuzzed.Contexts}
		s := n.Surroundings()
		b := n.Packet(r, 150)
		room := make([]byte, len(b)+1)
		o := lowpan.Options{}
		if r.IntN(3) == 0 {
			o.GHC = new(lowpan.GHC)
		}
		k, took := lowpan.Compress(room, b, &s, o)
		f.Add(append(room[:k:k], b[took:]...))
	}
	f.Add([]byte{0x42, 0xfb, 0xe0, 64, 0x34, 0xab, 0xcd, 1})
	s := fuzzed.Surroundings()
	s.PAN = lowpanPAN
	a := around(&fuzzed, true)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || b[0]&0xf0 == 0xf0 { // pages are read before Expand
			return
		}
		ours, err := expanded(b, &s)
		got, err2 := theirs.Expand(b, a)
		if nextOutside(b) {
			return
		}
		switch {
		case (err == nil) != (err2 == nil) && (len(ours) > 1280 || len(got) > 1280):
		case (err == nil) != (err2 == nil):
			t.Errorf("%x\nthe stack   %x, %v\nthe harness %x, %v", b, ours, err, got, err2)
		case err == nil && !bytes.Equal(ours, got):
			t.Errorf("%x\nthe stack   %x\nthe harness %x", b, ours, got)
		}
	})
}

// fuzzed is the network of the fuzz target.
var fuzzed = lowpantest.Network{ // never written
	Src: link.MustParseAddr("02:11:22:33:44:55:66:77"), Dst: link.MustParseAddr("3e:ef"),
	Contexts: []lowpantest.Context{
		{ID: 0, Prefix: netip.MustParseAddr("2001:db8:1:2::").As16(), Bits: 64, Compress: true},
		{ID: 5, Prefix: netip.MustParseAddr("2001:db8:3:4:5500::").As16(), Bits: 72, Compress: true},
		{ID: 7, Prefix: netip.MustParseAddr("2001:db8::").As16(), Bits: 32, Compress: true},
	},
}

// nextOutside tells whether octets may hold an extension header in generic form with its NH bit 0, or a Fragment header in
// generic form. Where then Next Header is, in front of the code or in it, and whether the reserved octet of a Fragment
// header is a length that is left out, RFC 7400, 3.2 does not say, and the readers differ. Neither makes such headers.
func nextOutside(b []byte) bool {
	for _, c := range b {
		if c&0xf8 == 0xb0 && (c&1 == 0 || c>>1&3 == 2) {
			return true
		}
	}
	return false
}

// receiver is the stack's end of any link: it takes payloads for everybody, and keeps what was delivered last.
type receiver struct {
	a    *adapter.Adapter
	pool *stackpacket.Pool
	own  []link.Addr
	got  []byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	var c config.Config
	c.Lowpan.TrustElided, c.Lowpan.Reassemblies, c.Lowpan.SenderShare = config.On, 64, 64
	c, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{pool: stackpacket.NewPool(stackpacket.Limits{})}
	r.a = adapter.New(c.Lowpan, adapter.Env{Loop: clock.New(), Rx: r.pool, Tx: r.pool, Stats: new(stats.Node), Random: random.New(1, "lowpan")}, r)
	t.Cleanup(r.a.Close)
	return r
}

func (r *receiver) Addrs() []link.Addr                         { return r.own }
func (r *receiver) PAN() uint16                                { return 0xffff }
func (r *receiver) Room(link.Addr, link.Addr) int              { return 100 }
func (r *receiver) Protects(link.Addr) bool                    { return false }
func (r *receiver) Send(p *stackpacket.Packet, _, _ link.Addr) { p.Free() }
func (r *receiver) Deliver(p *stackpacket.Packet)              { r.got = bytes.Clone(p.Bytes()); p.Free() }

// read gives the packet that a frame completes, nil for none.
func (r *receiver) read(mpdu []byte) []byte {
	h, payload, err := ieee802154.Parse(mpdu)
	if err != nil || h.Type != ieee802154.Data || h.Secured || len(payload) == 0 {
		return nil
	}
	r.got, r.own = nil, []link.Addr{h.Dst}
	if m, _, err := lowpan.ParseMesh(payload); err == nil {
		r.own = append(r.own, m.Final)
	}
	if p := r.pool.Copy(64, payload); p != nil {
		r.a.Input(p, h.Src, h.Dst)
	}
	return r.got
}

// The stack, the harness and tshark agree on all frames of IEEE 802.15.4 in the captures of the fixtures and, if
// CONFORM_PCAPS names a folder, in and below that, those in datagrams of ZEP included.
func TestLowpanInCaptures(t *testing.T) {
	dirs := []string{filepath.Join("..", "..", "fixtures", "pcaps")}
	if dir := os.Getenv("CONFORM_PCAPS"); dir != "" {
		dirs = append(dirs, dir)
	}
	files, frames, whole, withTshark := 0, 0, 0, 0
	for _, dir := range dirs {
		for _, name := range capturesBelow(t, dir) {
			mpdus, fcs := mpdusOf(name)
			if len(mpdus) == 0 {
				continue
			}
			files++
			t.Run(filepath.Base(name), func(t *testing.T) {
				ours := newReceiver(t)
				reader := &packet.Reader{Link: target.IEEE802154}
				var tsharks [][]byte
				if _, err := lookTshark(); err == nil && fcs {
					tsharks = tsharkExpands(t, name)
				}
				for i, m := range mpdus {
					if m == nil {
						continue
					}
					frames++
					end := m
					if fcs {
						end = m[:max(0, len(m)-2)]
					}
					got := ours.read(end)
					f := reader.Dissect(m)
					if want := f.Packet(); !bytes.Equal(got, want) {
						t.Errorf("frame %d: %x\nthe stack   %x\nthe harness %x (%v)", i+1, m, got, want, f.Err)
					}
					if got != nil {
						whole++
					}
					if got != nil && i < len(tsharks) && tsharks[i] != nil {
						withTshark++
					}
					if i < len(tsharks) && got != nil && tsharks[i] != nil && !bytes.Equal(got, tsharks[i]) {
						t.Errorf("frame %d: %x\nthe stack %x\ntshark    %x", i+1, m, got, tsharks[i])
					}
				}
			})
		}
	}
	t.Logf("%d packets in %d frames of %d files; tshark has %d of them", whole, frames, files, withTshark)
	if _, err := lookTshark(); err == nil && withTshark < whole*9/10 {
		t.Errorf("tshark has only %d packets of %d", withTshark, whole)
	}
	if os.Getenv("CONFORM_PCAPS") != "" && whole < 100 {
		t.Errorf("only %d packets of 6LoWPAN", whole)
	}
}

// mpdusOf are the frames of IEEE 802.15.4 in a file, nil in place of others; fcs tells that they end with a check sequence.
func mpdusOf(name string) (all [][]byte, fcs bool) {
	r, err := capture.Open(name)
	if err != nil {
		return nil, false
	}
	defer r.Close()
	any := false
	for {
		p, err := r.Next()
		if err != nil {
			break
		}
		var m []byte
		switch {
		case p.LinkType == capture.IEEE802154:
			m, fcs = p.Data, true
		case p.LinkType == capture.Ethernet:
			m = zepMPDU(p.Data)
			fcs = fcs || m != nil
		}
		any = any || m != nil
		all = append(all, m)
	}
	if !any {
		return nil, false
	}
	return all, fcs
}

// zepMPDU is the frame in a datagram of ZEP, version 2, to its port on the loopback; nil for none.
func zepMPDU(b []byte) []byte {
	const port, header = 17754, 32
	at := 14
	switch {
	case len(b) > 54+8 && b[12] == 0x86 && b[13] == 0xdd && b[20] == 17:
		at += 40
	case len(b) > 34+8 && b[12] == 8 && b[13] == 0 && b[23] == 17:
		at += 20
	default:
		return nil
	}
	if binary.BigEndian.Uint16(b[at:]) != port && binary.BigEndian.Uint16(b[at+2:]) != port {
		return nil
	}
	if b = b[at+8:]; len(b) <= header || string(b[:2]) != "EX" || b[2] != 2 || b[3] != 1 {
		return nil
	}
	return b[header:]
}
