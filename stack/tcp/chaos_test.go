package tcp_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

// Any calls, any segments near what is valid, any errors, in any order: nothing panics, and in the end nothing is held.
func TestChaos(t *testing.T) {
	on := config.On
	configs := []config.TCP{
		{}, plain().TCP, {FastOpen: on, SynCookies: on, ECN: on}, {RecvBuffer: 300, RecvBufferMax: 300, SendBuffer: 300, SendBufferMax: 300},
		{MSL: -1, DelayedACK: -1}, {RACK: config.Off, PRR: config.Off, Congestion: "cubic"}, {Connections: 5, Backlog: 1},
	}
	seeds := uint64(140)
	if testing.Short() {
		seeds = 28
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { chaos(t, configs[seed%uint64(len(configs))], seed) })
	}
}

func chaos(t *testing.T, c config.TCP, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 99))
	k := newKit(t, config.Config{Seed: seed, TCP: c})
	if seed%3 == 0 {
		k.irs = 0xffffff00
	}
	var all []*tcp.Endpoint
	pick := func() *tcp.Endpoint {
		if len(all) == 0 || r.IntN(20) == 0 {
			e, err := k.node.TCP.Open(ip.V4)
			if err != nil {
				return all[0]
			}
			e.Reuse, e.AllErrors = r.IntN(4) > 0, r.IntN(4) == 0
			all = append(all, e)
			if r.IntN(3) == 0 { // a user who acts when told
				buf := make([]byte, 100)
				e.SetReady(func(tcp.Ready) {
					switch r.IntN(6) {
					case 0:
						e.Recv(buf, 0)
					case 1:
						e.Send(buf, 0)
					case 2:
						if r.IntN(8) == 0 {
							e.Close()
						}
					case 3:
						if a, err := e.Accept(); err == nil {
							all = append(all, a)
						}
					case 4:
						if r.IntN(30) == 0 {
							e.Abort()
						}
					}
				})
			}
		}
		return all[r.IntN(len(all))]
	}
	var seen []segment.Header // what the node has sent
	var frames [][]byte
	take := func() {
		for _, f := range k.frames {
			_, h, _ := k.parse(f)
			seen = append(seen, h)
			frames = append(frames, f)
		}
		k.frames = nil
		if n := len(seen); n > 50 {
			seen, frames = seen[n-50:], frames[n-50:]
		}
	}
	buf := make([]byte, 4000)
	for range 1500 {
		switch e := pick(); r.IntN(22) {
		case 0:
			e.Bind(netip.AddrPortFrom(netip.Addr{}, uint16(80+r.IntN(2))))
		case 1:
			e.Listen(r.IntN(4))
		case 2:
			e.Connect(netip.AddrPortFrom(testerIP.Netip(), uint16(1000+r.IntN(3))))
		case 3:
			if a, err := e.Accept(); err == nil {
				all = append(all, a)
			}
		case 4, 5:
			e.Send(buf[:r.IntN(len(buf))], tcp.Flags(r.IntN(8)))
		case 6, 7:
			e.Recv(buf[:r.IntN(len(buf))], tcp.Flags(r.IntN(8)))
		case 8:
			e.Shutdown(tcp.How(r.IntN(4)))
		case 9:
			if r.IntN(3) == 0 {
				e.Close()
			}
		case 10:
			e.SetOption(tcp.Option(r.IntN(20)), r.IntN(500)-1)
			e.Option(tcp.Option(r.IntN(20)))
		case 11:
			k.advance(time.Duration(r.Int64N(int64(3 * time.Second))))
		case 12:
			if r.IntN(10) == 0 {
				k.advance(time.Duration(r.Int64N(int64(5 * time.Minute))))
			}
		case 13:
			if len(frames) > 0 {
				codes := []icmpv4.Code{icmpv4.HostUnreachable, icmpv4.PortUnreachable, icmpv4.FragmentationNeeded}
				k.icmp(icmpv4.Header{Type: icmpv4.Unreachable, Code: codes[r.IntN(3)], Word: uint32(r.IntN(1600))}, frames[r.IntN(len(frames))])
			}
		case 14:
			e.Info()
			e.Ready()
			e.TakeError()
			e.AtMark()
		default:
			s := seg{flags: segment.Flags(r.IntN(0x200)), seq: uint32(r.IntN(3)), win: uint16(r.Uint32()), urg: uint16(r.IntN(20))}
			if r.IntN(2) == 0 {
				s.flags = []segment.Flags{syn, syn | ack, ack, ack, ack | psh, fin | ack, rst | ack}[r.IntN(7)]
			}
			s.zeroWin = r.IntN(8) == 0
			if s.zeroWin {
				s.win = 0
			}
			k.port, k.local = uint16(1000+r.IntN(3)), uint16(80+r.IntN(2))
			if len(seen) > 0 && r.IntN(5) > 0 { // an answer to something
				h := seen[r.IntN(len(seen))]
				k.port, k.local = h.DstPort, h.SrcPort
				s.seq = h.Ack - k.irs + uint32(r.IntN(5)-2)
				if r.IntN(3) > 0 {
					s.seq = h.Ack - k.irs
				}
				s.ack = h.Seq - k.iss + uint32(r.IntN(3))
				s.opt.TSEcr = k.tsecr
			}
			if r.IntN(3) > 0 {
				s.opt.Has = segment.Has(r.Uint32())
				s.opt.TSVal = uint32(k.loop.Now()/time.Millisecond) + uint32(r.IntN(5)-1)
				s.opt.MSS, s.opt.WScale, s.opt.Blocks = uint16(r.IntN(2000)), uint8(r.IntN(20)), uint8(r.IntN(4))
				for i := range s.opt.SACK {
					at := s.ack + uint32(r.IntN(3000))
					s.opt.SACK[i] = segment.Block{Start: at, End: at + uint32(r.IntN(2000))}
				}
			}
			s.data = strings.Repeat("d", r.IntN(3)*r.IntN(700))
			k.send(s)
		}
		take()
	}
	for _, e := range all {
		e.Close()
	}
	k.advance(20 * time.Minute)
	k.frames = nil
	if chunks, conns, endpoints, pending := k.node.TCP.Held(); chunks+conns+endpoints+pending != 0 {
		t.Errorf("held in the end: %d chunks, %d connections, %d endpoints, %d pending: %v", chunks, conns, endpoints, pending, k.node.TCP.Left())
	}
}
