package mutate

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/target"
)

// flowKey names a connection by the target's port, the tester's, and the link.
type flowKey struct {
	link            int
	theirs, testers uint
}

func flowOf(f *packet.Frame, fromTarget bool) flowKey {
	src, _ := tcp.SrcPort.Of(f)
	dst, _ := tcp.DstPort.Of(f)
	if !fromTarget {
		src, dst = dst, src
	}
	return flowKey{f.On, src, dst}
}

// otherISN is a target that chose other initial sequence numbers. Those of a connection are all moved by the same amount,
// in both directions, from its SYN on, and so are those that ICMP errors quote.
func otherISN() Mutation {
	const by = 0x9e3779b9
	return Mutation{Name: "other initial sequence numbers", make: func(*world) hooks {
		moved := map[flowKey]bool{}
		return hooks{
			got: func(f *packet.Frame) []target.Event {
				if !f.Has(tcp.Proto) {
					return same(f)
				}
				key := flowOf(f, true)
				flags, _ := tcp.Flags.Of(f)
				if flags&tcp.SYN != 0 {
					moved[key] = true
				}
				seq, _ := tcp.Seq.Of(f)
				outsider := flags&tcp.RST != 0 && flags&tcp.ACK != 0 && seq == 0 // answers a segment without ACK: RFC 9293, 3.5.2
				if !moved[key] || outsider {
					return same(f)
				}
				return events(f, f.At, f.Rewrites(tcp.Seq.Is((seq+by)&0xffffffff)))
			},
			sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				switch {
				case f.Has(tcp.Proto) && moved[flowOf(f, false)]:
					return [][]byte{movedBack(f, by)}
				case isFirstFragment(f):
					return [][]byte{fragmentMovedBack(f, by, moved)}
				case f.Has(icmpv4.Proto):
					return [][]byte{quoteMovedBack(f, by, moved)}
				case f.Has(icmpv6.ErrorProto):
					return [][]byte{quote6MovedBack(f, by, moved)}
				}
				return [][]byte{f.Bytes}
			},
		}
	}}
}

// movedBack gives a segment of the tester the numbers that the target knows.
func movedBack(f *packet.Frame, by uint32) []byte {
	return patch(f, tcp.Proto, 16, func(segment []byte) {
		if segment[13]&tcp.ACK != 0 {
			lower(segment[8:], by)
		}
		at := 20
		header := f.Header(tcp.Proto)
		all, _ := tcp.SplitOptions(header[20:])
		for _, o := range all {
			if o[0] == tcp.KindSACK {
				for n := 2; n+4 <= len(o); n += 4 {
					lower(segment[at+n:], by)
				}
			}
			at += len(o)
		}
	})
}

// isFirstFragment tells whether f is the beginning of a datagram with a segment, with all of its header.
func isFirstFragment(f *packet.Frame) bool {
	if f.Has(tcp.Proto) || len(f.Body(ipv4.Proto)) < 20 {
		return false
	}
	protocol, _ := ipv4.Protocol.Of(f)
	at, _ := ipv4.Offset.Of(f)
	return protocol == 6 && at == 0
}

// fragmentMovedBack is movedBack for such a fragment.
func fragmentMovedBack(f *packet.Frame, by uint32, moved map[flowKey]bool) []byte {
	segment := f.Body(ipv4.Proto)
	if !moved[flowKey{f.On, number16(segment[2:]), number16(segment)}] || segment[13]&tcp.ACK == 0 {
		return f.Bytes
	}
	b := slices.Clone(f.Bytes)
	at := cap(f.Bytes) - cap(segment)
	gone := ^packet.Sum(segment[8:12])
	lower(b[at+8:], by)
	sum := ^uint16(number16(segment[16:]))
	fresh := ^packet.Sum(b[at+8:at+12], []byte{byte(sum >> 8), byte(sum), byte(gone >> 8), byte(gone)}) // RFC 1624
	binary.BigEndian.PutUint16(b[at+16:], fresh)
	return b
}

// quoteMovedBack does the same with the segment of the target that an ICMP error quotes.
func quoteMovedBack(f *packet.Frame, by uint32, moved map[flowKey]bool) []byte {
	quote := f.Body(icmpv4.Proto)
	if len(quote) < 20 || quote[0]>>4 != 4 || quote[9] != 6 {
		return f.Bytes
	}
	at := int(quote[0]&0xf) * 4
	if len(quote) < at+8 || !moved[flowKey{f.On, number16(quote[at:]), number16(quote[at+2:])}] {
		return f.Bytes
	}
	return patch(f, icmpv4.Proto, 2, func(message []byte) { lower(message[8+at+4:], by) })
}

// quote6MovedBack is the same for an error of ICMPv6, whose quote stands behind the 8 octets of its header.
func quote6MovedBack(f *packet.Frame, by uint32, moved map[flowKey]bool) []byte {
	const ports = 40 // in the quote, without extension headers
	quote := f.Body(icmpv6.ErrorProto)
	if len(quote) < ports+8 || quote[6] != ipv6.NextTCP || !moved[flowKey{f.On, number16(quote[ports:]), number16(quote[ports+2:])}] {
		return f.Bytes
	}
	return patch(f, icmpv6.Proto, 2, func(message []byte) { lower(message[8+ports+4:], by) })
}

func number16(b []byte) uint { return uint(binary.BigEndian.Uint16(b)) }

// lower takes by from the 32-bit number at the beginning of b.
func lower(b []byte, by uint32) { binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)-by) }

// patch changes octets of a layer and what it carries, with the checksum at the given place. Whatever is wrong with the
// frame stays wrong: a checksum that did not fit is as far from fitting as before.
func patch(f *packet.Frame, p *packet.Proto, checksum int, change func(layer []byte)) []byte {
	b := slices.Clone(f.Bytes)
	header := f.Header(p)
	at := cap(f.Bytes) - cap(header)
	layer := b[at : at+len(header)+len(f.Body(p))]
	before := packet.Sum(layer)
	change(layer)
	field := packet.Sum(layer[checksum:checksum+2], []byte{byte(before >> 8), byte(before)})
	after := ^packet.Sum(layer)
	binary.BigEndian.PutUint16(layer[checksum:], packet.Sum([]byte{byte(field >> 8), byte(field), byte(after >> 8), byte(after)}))
	return b
}

// otherOptionOrder is a target that lists the options of its SYN the other way round.
func otherOptionOrder() Mutation {
	return Mutation{Name: "the options of a SYN in another order", make: func(*world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			flags, _ := tcp.Flags.Of(f)
			octets, _ := tcp.Options.Of(f)
			all, err := tcp.SplitOptions(octets)
			if flags&tcp.SYN == 0 || err != nil || len(all) < 2 {
				return same(f)
			}
			slices.Reverse(all)
			return events(f, f.At, f.Rewrites(tcp.Options.Is(tcp.List(all...))))
		}}
	}}
}

// patientACK is a target that puts the acknowledgment of a segment in order off a little: it may do so for less than half a
// second (RFC 9293, MUST-40). A later one of the connection stands for it.
func patientACK() Mutation {
	const by = 60 * time.Millisecond
	return Mutation{Name: "acknowledgments of single segments are put off", make: func(w *world) hooks {
		type progress struct{ acked, sent uint32 } // what the target acknowledged last; how much the last segment to it had
		flows := map[flowKey]*progress{}
		flow := func(key flowKey) *progress {
			if flows[key] == nil {
				flows[key] = &progress{}
			}
			return flows[key]
		}
		return hooks{
			sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if f.Has(tcp.Proto) {
					p := flow(flowOf(f, false))
					p.sent = uint32(len(f.Body(tcp.Proto)))
					if flags, _ := tcp.Flags.Of(f); flags&(tcp.FIN|tcp.SYN) != 0 {
						p.sent = 0
					}
				}
				return [][]byte{f.Bytes}
			},
			got: func(f *packet.Frame) []target.Event {
				if !f.Has(tcp.Proto) {
					return same(f)
				}
				key := flowOf(f, true)
				p := flow(key)
				v, _ := tcp.Ack.Of(f)
				ack := uint32(v)
				advance := ack - p.acked
				p.acked = ack
				w.later = slices.DeleteFunc(w.later, func(e target.Event) bool { // what this one stands for
					h := w.dissect(e.Frame, e.At, e.Link)
					return h.Has(tcp.Proto) && flowOf(h, true) == key && e.At > f.At
				})
				single := p.sent > 0 && advance == p.sent && from(tcp.ACK).Matches(f) && tcp.Length(f) == 0 && len(tcp.Blocks(f)) == 0
				if !single {
					return same(f)
				}
				return []target.Event{event(f, f.At+by, f.Bytes)}
			},
		}
	}}
}

// coarseTimer is a target whose retransmission timer has a granularity of 100 ms (RFC 6298, section 2: any will do). What
// it sends again in answer to a segment comes at once.
func coarseTimer() Mutation {
	const tick = 100 * time.Millisecond
	return Mutation{Name: "a coarse retransmission timer", make: func(*world) hooks {
		type reached struct {
			end   uint32
			known bool
			heard time.Duration // when the tester sent last
		}
		flows := map[flowKey]*reached{}
		return hooks{
			sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if r := flows[flowOf(f, false)]; f.Has(tcp.Proto) && r != nil {
					r.heard = f.At
				}
				return [][]byte{f.Bytes}
			},
			got: func(f *packet.Frame) []target.Event {
				if !f.Has(tcp.Proto) || tcp.Length(f) == 0 {
					return same(f)
				}
				key := flowOf(f, true)
				if flows[key] == nil {
					flows[key] = &reached{}
				}
				r := flows[key]
				seq, _ := tcp.Seq.Of(f)
				end := uint32(seq) + uint32(tcp.Length(f))
				again := r.known && int32(end-r.end) <= 0
				if !again {
					r.end, r.known = end, true
				}
				if !again || f.At-r.heard < 10*time.Millisecond {
					return same(f)
				}
				return []target.Event{event(f, (f.At + tick - 1).Truncate(tick), f.Bytes)}
			},
		}
	}}
}

// from is a segment with exactly these flags of FIN, SYN, RST, ACK and URG.
func from(flags uint) packet.Template { return tcp.Segment(tcp.Control(flags)) }
