package stack_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// pieces cuts the payload of a datagram to the echo port at octets given; each piece is a frame.
func pieces(id uint16, payload []byte, cuts ...int) [][]byte {
	var all [][]byte
	from := 0
	for _, to := range append(cuts, len(payload)) {
		h := ipv4.Header{Protocol: codec.UDP, ID: id, FragOffset: uint16(from)}
		if to < len(payload) {
			h.Flags = ipv4.MF
		}
		all = append(all, ipFrame(h, payload[from:to]))
		from = to
	}
	return all
}

func toEcho(n int) []byte { return udpMessage(testerIP, nodeIP, 4000, 7, bytes.Repeat([]byte{'f'}, n)) }

func TestReassemblyInAnyOrder(t *testing.T) { // RFC 815, RFC 791, 3.2
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 0, 1, 1, 2}, {2, 0, 2, 0, 1}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			k := newKit(t, config.Config{})
			k.echoService(7)
			k.meet()
			parts := pieces(0, toEcho(100), 40, 64)
			for _, i := range order {
				k.quiet("not before the last hole is filled")
				k.send(parts[i])
			}
			k.want("the datagram", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 f x 100")
			k.advance(time.Hour)
		})
	}
}

func TestOverlap(t *testing.T) { // RFC 815, 1
	k := newKit(t, config.Config{})
	k.echoService(7)
	k.meet()
	m := toEcho(100)
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 9, Flags: ipv4.MF}, m[:48]))
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 9, FragOffset: 64}, m[64:]))
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 9, Flags: ipv4.MF, FragOffset: 40}, m[40:80]))
	k.want("pieces that overlap on both sides", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 f x 100")
}

func TestReassemblyTimeout(t *testing.T) { // RFC 1122, 3.3.2
	k := newKit(t, config.Config{NeighReachable: patient})
	k.echoService(7)
	k.meet()
	parts := pieces(3, toEcho(100), 40)
	k.send(parts[0])
	k.advance(60*time.Second - 1)
	k.quiet("a nanosecond is left")
	k.advance(1)
	f := k.want("the first fragment is there", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP time exceeded code 1 [192.0.2.1 > 192.0.2.2 frag 0+ len 40]")
	if !bytes.Equal(f[14+28:], parts[0][14:]) {
		t.Errorf("quoted % x\n   not % x", f[14+28:], parts[0][14:])
	}
	k.send(parts[1])
	k.advance(time.Hour)
	k.quiet("without the first fragment nobody is told")
	k.dropped(stats.FragTimeout, 2)
	k.send(parts[0])
	k.send(parts[1])
	k.want("a fragment that comes later begins anew", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 f x 100")
}

func TestTimerIsNotProlonged(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	parts := pieces(3, toEcho(100), 40, 64)
	k.send(parts[0])
	k.advance(59 * time.Second)
	k.send(parts[1])
	k.advance(time.Second)
	k.next("the time counts from the first fragment to come")
}

func TestFragmentsAreKeptApart(t *testing.T) { // RFC 815, 7
	k := newKit(t, config.Config{})
	k.echoService(7)
	k.meet()
	k.meetAs(ipv4.Addr{192, 0, 2, 3})
	a, b := pieces(1, toEcho(100), 40), pieces(2, toEcho(100), 40)
	k.send(a[0])
	k.send(b[1])
	k.quiet("another identification")
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 1, FragOffset: 40, Src: ipv4.Addr{192, 0, 2, 3}}, toEcho(100)[40:]))
	k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4, ID: 1, FragOffset: 40}, toEcho(100)[40:]))
	k.quiet("another source, another protocol")
	k.send(b[0])
	k.want("b", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 f x 100")
	k.send(a[1])
	k.want("a", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 f x 100")
}

func TestBadFragments(t *testing.T) {
	k := newKit(t, config.Config{})
	k.echoService(7)
	k.meet()
	m := toEcho(100)
	for i, f := range [][]byte{
		ipFrame(ipv4.Header{Protocol: codec.UDP, Flags: ipv4.MF}, m[:41]),                     // not a multiple of 8
		ipFrame(ipv4.Header{Protocol: codec.UDP, Flags: ipv4.MF}, nil),                        // nothing
		ipFrame(ipv4.Header{Protocol: codec.UDP, FragOffset: 65528}, bytes.Repeat(m, 1)[:90]), // past the end
	} {
		k.send(f)
		k.dropped(stats.FragInvalid, uint64(i+1))
	}
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 1, FragOffset: 64}, m[64:]))
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 1, FragOffset: 48}, m[48:64]))               // ends before what is there
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 1, FragOffset: 96, Flags: ipv4.MF}, m[:16])) // past the end that is known
	k.dropped(stats.FragInvalid, 5)
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 1, Flags: ipv4.MF}, m[:64]))
	k.want("the bad ones did no harm", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 f x 100")
}

func TestReassemblyIsBounded(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient, Reassemblies: 4, ReassemblyBytes: 8 << 10})
	k.echoService(7)
	k.meet()
	for id := range uint16(100) {
		k.send(pieces(id, toEcho(100), 40)[0])
	}
	k.dropped(stats.FragEvicted, 96)
	k.send(pieces(99, toEcho(100), 40)[1])
	k.want("the newest is still there", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 f x 100")
	k.send(pieces(0, toEcho(60000), 1000)[0])
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, FragOffset: 50000, Flags: ipv4.MF}, make([]byte, 8)))
	k.dropped(stats.FragNoBuffer, 1)
	if k.node.InUse() > 5 {
		t.Errorf("%d packets in use", k.node.InUse())
	}
	k.advance(time.Hour)
	k.frames = nil
}

func TestWholeDatagramSupersedes(t *testing.T) { // RFC 791, 3.2; RFC 6864, 4.1
	k := newKit(t, config.Config{})
	k.echoService(7)
	k.meet()
	parts := pieces(5, toEcho(100), 40)
	k.send(parts[0])
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 5, Flags: ipv4.DF}, toEcho(1)))
	k.want("an atomic datagram", `00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 "f"`)
	k.dropped(stats.FragEvicted, 0)
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 5}, toEcho(1)))
	k.want("one that could have been fragmented", `00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 "f"`)
	k.dropped(stats.FragEvicted, 1)
	k.send(parts[1])
	k.quiet("the first half is gone")
}

// Reassembly against a model: pieces of random sizes in random order, some twice, some overlapping.
func TestReassemblyAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	k := newKit(t, config.Config{})
	s := k.open(7)
	buf := make([]byte, 65536)
	for round := range 200 {
		size := 8 + 1 + rng.IntN(3000)
		body := make([]byte, size-8)
		for i := range body {
			body[i] = byte(rng.Uint32())
		}
		m := udpMessage(testerIP, nodeIP, 4000, 7, body)
		have := make([]bool, len(m))
		missing := len(m)
		for n := 0; missing > 0; n++ {
			if _, err := s.Recv(buf); err == nil {
				t.Fatalf("round %d: delivered with %d octets missing", round, missing)
			}
			from := rng.IntN(len(m)/8+1) * 8
			to := min(len(m), from+8*(1+rng.IntN(40)))
			if from >= len(m) {
				continue
			}
			h := ipv4.Header{Protocol: codec.UDP, ID: uint16(round), FragOffset: uint16(from)}
			if to < len(m) {
				h.Flags = ipv4.MF
			}
			k.send(ipFrame(h, m[from:to]))
			for i := from; i < to; i++ {
				if !have[i] {
					have[i] = true
					missing--
				}
			}
		}
		got, err := s.Recv(buf)
		if err != nil || !bytes.Equal(buf[:got.N], body) {
			t.Fatalf("round %d: %d octets, %v; want %d, unaltered", round, got.N, err, len(body))
		}
	}
}

// What is sent in pieces (RFC 791, 3.2).
func TestFragmentation(t *testing.T) {
	k := newKit(t, config.Config{})
	k.meet()
	s := k.open(5000)
	if err := s.SendTo(bytes.Repeat([]byte{'g'}, 1472), peerOf(testerIP, 9)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("what fits goes whole", "00:01 192.0.2.2 > 192.0.2.1 DF UDP 5000 > 9 g x 1472")
	options := ipv4.Options{}.AppendRecordRoute(1).AppendNOP()
	options = append(options, 148, 4, 0, 0) // router alert is copied, record route is not
	if err := s.SetOption(socket.IPOptions, socket.Value{Bytes: options}); err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("0123456789"), 300)
	if err := s.SendTo(body, peerOf(testerIP, 9)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	frames := k.frames
	k.want("all options in the first", "00:01 192.0.2.2 > 192.0.2.1 options 070704000000000194040000 frag 0+ len 1464")
	k.want("copied ones in the others", "00:01 192.0.2.2 > 192.0.2.1 options 94040000 frag 1464+ len 1472")
	k.want("the last", "00:01 192.0.2.2 > 192.0.2.1 options 94040000 frag 2936 len 72")
	var whole []byte
	ids := map[uint16]bool{}
	for _, f := range frames {
		h, data, _ := ipv4.Parse(f[14:])
		whole = append(whole, data...)
		ids[h.ID] = true
	}
	if !bytes.Equal(whole[8:], body) || len(ids) != 1 {
		t.Errorf("%d octets in the pieces, %d identifications", len(whole), len(ids))
	}
	if err := s.SetOption(socket.IPMTUDiscover, socket.Value{Int: socket.PMTUDo}); err != nil {
		t.Fatal(err)
	}
	if err := s.SendTo(body, peerOf(testerIP, 9)); err == nil || err.Error() != "EMSGSIZE" {
		t.Errorf("not to be fragmented: %v", err)
	}
	if err := s.SendTo(make([]byte, 65508), peerOf(testerIP, 9)); err == nil || err.Error() != "EMSGSIZE" {
		t.Errorf("beyond 65535 octets: %v", err)
	}
}

func TestIdentificationIsNotUsedAgain(t *testing.T) { // RFC 6864, 4.3 and 5.2
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	s := k.open(5000)
	s.SetOption(socket.IPMTUDiscover, socket.Value{Int: socket.PMTUDont})
	seen := map[uint16]time.Duration{}
	sent := 0
	send := func() error {
		err := s.SendTo(nil, peerOf(testerIP, 9))
		k.advance(time.Millisecond)
		for _, f := range k.frames {
			h, _, _ := ipv4.Parse(f[14:])
			if at, ok := seen[h.ID]; ok && k.loop.Now()-at < 2*time.Minute {
				t.Fatalf("identification %d again after %v", h.ID, k.loop.Now()-at)
			}
			seen[h.ID] = k.loop.Now()
			sent++
		}
		k.frames = nil
		return err
	}
	for range 70000 {
		if send() != nil {
			break
		}
	}
	if sent < 65536-4096 || sent > 65536 {
		t.Errorf("%d datagrams in a minute and more, want about 65536", sent)
	}
	k.advance(2 * time.Minute)
	if err := send(); err != nil {
		t.Errorf("after two minutes: %v", err)
	}
}

// A datagram of too many fragments is given up: Zephyr takes two by default (CONFIG_NET_IPV4_FRAGMENT_MAX_PKT).
func TestFragmentsOfOneDatagramAreCounted(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient, ReassemblyParts: 2})
	k.meet()
	k.echoService(7)
	for _, f := range pieces(1, toEcho(100), 40) {
		k.send(f)
	}
	k.next("two fragments are taken")
	for _, f := range pieces(2, toEcho(100), 40, 64) {
		k.send(f)
	}
	k.quiet("three are not")
	k.dropped(stats.FragNoBuffer, 1)
	k.advance(time.Hour)
	k.dropped(stats.FragTimeout, 0)
}
