package tcp_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/tcp"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

// damaged sends a segment whose data is not what its checksum covers.
func (k *kit) damaged(s seg) {
	k.t.Helper()
	b := append(segment.Append(nil, segment.Header{SrcPort: k.port, DstPort: k.local, Seq: k.irs + s.seq, Ack: k.iss + s.ack, Flags: s.flags, Window: 65535}), s.data...)
	segment.Seal(b, codec.Pseudo4(testerIP, nodeIP, codec.TCP))
	b[len(b)-1] ^= 0x55
	d := append(ipv4.Append(nil, ipv4.Header{TTL: 64, Protocol: codec.TCP, Src: testerIP, Dst: nodeIP}), b...)
	ipv4.Seal(d)
	k.far.Send(append(ethernet.Append(nil, ethernet.Header{Dst: nodeMAC, Src: testerMAC, Type: ethernet.TypeIPv4}), d...))
	k.advance(0)
}

// Retransmissions that overlap, with other content each time, among segments that are damaged, that acknowledge what was
// never sent, or that lie beyond the window: of each octet the first arrival stays, and nothing of what was not acceptable.
// The model is an array.
func TestOverlapsWithOtherContent(t *testing.T) {
	const size = 64
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := plain()
			if seed%2 == 1 {
				c.TCP.SACK = config.On
			}
			k := newKit(t, c)
			k.irs = uint32(1<<32 - 1 - seed%size) // the numbers wrap somewhere in it
			e := k.accepted(segment.Options{Has: segment.HasMSS | segment.HasSACKPermitted, MSS: 1000})
			r := rand.New(rand.NewPCG(seed, 5))
			var model [size]byte
			read, next := 0, 0
			for i := range 400 {
				from := r.IntN(size)
				if r.IntN(3) == 0 { // in order, which takes another way through the code
					from = next
				}
				n := min(1+r.IntN(20), size-from)
				data := make([]byte, n)
				for j := range data {
					data[j] = byte(1 + (i*31+j)%255)
				}
				s := seg{flags: ack, seq: uint32(1 + from), ack: 1, data: string(data)}
				switch r.IntN(6) {
				case 0:
					k.damaged(s)
				case 1:
					s.ack = 100_000
					k.send(s)
				case 2:
					s.flags = 0
					k.send(s)
				default:
					k.send(s)
					for j, b := range data {
						if model[from+j] == 0 {
							model[from+j] = b
						}
					}
				}
				for next < size && model[next] != 0 {
					next++
				}
				k.frames = nil
				if r.IntN(10) == 0 || i == 399 {
					b := make([]byte, size)
					got, _ := e.Recv(b, 0)
					if got != next-read || string(b[:got]) != string(model[read:next]) {
						t.Fatalf("after %d segments: %x at %d\nwant the first arrivals, %x", i+1, b[:got], read, model[read:next])
					}
					read = next
				}
			}
			k.frames = nil
			k.state(e, tcp.Established)
		})
	}
}

// The numbers of both sides wrap at each place of a conversation: in the handshake, in data, in what is sent again, in the
// FIN.
func TestWrapAtEveryOffset(t *testing.T) {
	const size = 40
	for off := range uint32(2*size + 6) {
		t.Run(fmt.Sprint(off), func(t *testing.T) {
			c := plain()
			c.TCP.RandomISN = config.Off // the clock of 4 us alone
			k := newKit(t, c)
			k.irs = -off
			k.advance(time.Duration(uint64(1<<32)-uint64(off))*4*time.Microsecond - k.loop.Now())
			e := k.accepted(mss(1000))
			if k.iss != -off {
				t.Fatalf("the node's ISN is %d, want %d", k.iss, -off)
			}
			e.SetOption(tcp.NoDelay, 1)
			out := pattern(size, uint64(off))
			for i := 0; i < size; i += 4 {
				k.write(e, string(out[i:i+4]))
			}
			k.advance(5 * time.Second) // all of it is lost, and sent again
			got := make([]byte, size)
			for acked := uint32(1); acked < 1+size; {
				if len(k.frames) == 0 {
					k.advance(time.Second)
					continue
				}
				_, h, data := k.parse(k.next(""))
				at := h.Seq - k.iss
				if at == 0 || at+uint32(len(data)) > 1+size {
					t.Fatalf("%d octets at %d", len(data), at)
				}
				copy(got[at-1:], data)
				if at <= acked && at+uint32(len(data)) > acked {
					acked = min(at+uint32(len(data)), acked+7) // often in the middle of a segment
					k.send(seg{flags: ack, seq: 1, ack: acked})
				}
			}
			if string(got) != string(out) {
				t.Errorf("the node sent %x, want %x", got, out)
			}
			k.frames = nil
			in := pattern(size, uint64(off)+1000)
			for i := size - 5; i >= 0; i -= 5 { // from the end on, and twice
				for range 2 {
					k.send(seg{flags: ack, seq: uint32(1 + i), ack: 1 + size, data: string(in[i : i+5])})
				}
			}
			k.read(e, string(in), nil)
			k.frames = nil
			k.send(seg{flags: fin | ack, seq: 1 + size, ack: 1 + size})
			k.state(e, tcp.CloseWait)
			e.Close()
			k.advance(0)
			k.frames = nil
			k.send(seg{flags: ack, seq: 2 + size, ack: 2 + size})
			k.state(e, tcp.Closed)
		})
	}
}
