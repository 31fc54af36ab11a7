package replay

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// A stream is one TCP connection: what the capture has of it, and what has become of it live. Positions count octets of
// a side's data from 0; the SYN stands at -1.
type stream struct {
	target, peer   netip.AddrPort // as captured
	captured, live half           // of the target
	theirs         half           // of the peer, as captured; live it is the same
	last           *packet.Frame  // that the peer said live
	confirmed      int            // of the target's, as the peer has acknowledged live
	told           int            // behind what the peer has sent live
	acked          int            // of the peer's, as the live target acknowledges
	window         window         // of the live target
	stamped        bool
	stamp          uint32 // the newest of the live target
	reset          bool   // the live target has sent RST
	resets         bool   // the captured one did
	faults         map[string]bool
}

// A half is one direction.
type half struct {
	known bool
	isn   uint32
	data  []byte
	parts []part // that do not touch what came before
	fin   bool
	finAt int
	syn   bool
}

type part struct {
	at   int
	data []byte
}

func (h *half) at(number uint) int { return int(int32(uint32(number) - h.isn - 1)) }

// take puts a segment's octets where they belong.
func (h *half) take(f *packet.Frame) {
	flags, _ := tcp.Flags.Of(f)
	seq, _ := tcp.Seq.Of(f)
	if flags&tcp.SYN != 0 {
		h.known, h.syn, h.isn = true, true, uint32(seq)
		seq++
	}
	if !h.known || flags&tcp.RST != 0 {
		return
	}
	at, body := h.at(seq), f.Body(tcp.Proto)
	if flags&tcp.FIN != 0 {
		h.fin, h.finAt = true, at+len(body)
	}
	if len(body) > 0 && at >= 0 {
		h.parts = append(h.parts, part{at, bytes.Clone(body)})
	}
	for again := true; again; {
		again = false
		for i, p := range h.parts {
			if have := len(h.data); p.at <= have {
				if p.at+len(p.data) > have {
					h.data = append(h.data, p.data[have-p.at:]...)
				}
				h.parts = slices.Delete(h.parts, i, i+1)
				again = true
				break
			}
		}
	}
}

// newStreams reads the connections of a plan.
func newStreams(pl *plan) (all []*stream) {
	for _, st := range pl.steps {
		if st.do == start || !st.message.frame.Has(tcp.Proto) {
			continue
		}
		f := st.message.frame
		s := find(all, f)
		if s == nil {
			s = &stream{faults: map[string]bool{}}
			s.target, s.peer = socketsOf(f)
			if s.target.Addr() != pl.role.IP {
				s.target, s.peer = s.peer, s.target
			}
			all = append(all, s)
		}
		if s.fromTarget(f) {
			flags, _ := tcp.Flags.Of(f)
			s.resets = s.resets || flags&tcp.RST != 0
			s.captured.take(f)
		} else {
			s.theirs.take(f)
		}
	}
	return all
}

// socketsOf are the ends of a segment.
func socketsOf(f *packet.Frame) (from, to netip.AddrPort) {
	a, b := ends(f)
	src, _ := tcp.SrcPort.Of(f)
	dst, _ := tcp.DstPort.Of(f)
	return netip.AddrPortFrom(a, uint16(src)), netip.AddrPortFrom(b, uint16(dst))
}

func find(all []*stream, f *packet.Frame) *stream {
	from, to := socketsOf(f)
	for _, s := range all {
		if s.target == from && s.peer == to || s.target == to && s.peer == from {
			return s
		}
	}
	return nil
}

// fromTarget tells of a captured segment whether the target's host said it.
func (s *stream) fromTarget(f *packet.Frame) bool { from, _ := socketsOf(f); return from == s.target }

// streamOf is the connection of a captured segment; nil for none.
func (t *translation) streamOf(f *packet.Frame) *stream { return find(t.streams, f) }

// liveStream is the connection of a live segment.
func (p *player) liveStream(f *packet.Frame) *stream {
	from, to := socketsOf(f)
	for _, s := range p.tr.streams {
		if from == netip.AddrPortFrom(p.tr.ip(s.target.Addr()), s.target.Port()) && to == netip.AddrPortFrom(p.tr.ip(s.peer.Addr()), s.peer.Port()) {
			return s
		}
	}
	return nil
}

// tell counts what the peer says of a stream.
func (p *player) tell(f *packet.Frame, live []byte) {
	if s := p.tr.streamOf(f); s != nil && s.theirs.known {
		seq, _ := tcp.Seq.Of(f)
		s.told = max(s.told, s.theirs.at(seq+tcp.Length(f)))
		s.last = packet.Dissect(f.Link, bytes.Clone(live))
		s.confirm()
	}
}

// confirm notes what the peer has acknowledged live.
func (s *stream) confirm() {
	if ack, ok := tcp.Ack.Of(s.last); ok && s.live.known {
		s.confirmed = max(s.confirmed, s.live.at(ack))
	}
}

// goOn acknowledges what has come of a stream of which more is due: where the live target has cut its stream otherwise, the
// acknowledgments of the capture came too early for some of it.
func (p *player) goOn() error {
	for _, w := range p.wanted {
		if !w.al.ranges || !p.due(w) {
			continue
		}
		s := p.tr.streamOf(w.message.frame)
		field, _, _, _ := s.lack(w.message.frame)
		if field != "TCP data" || s.last == nil || !s.live.known || s.arrived() <= s.confirmed {
			continue
		}
		if window, _ := tcp.Window.Of(s.last); window == 0 {
			continue
		}
		header := s.last.Bytes[:cap(s.last.Bytes)-cap(s.last.Body(tcp.Proto))]
		conds := []packet.Cond{
			tcp.Flags.Is(tcp.ACK), tcp.Seq.Is(uint(s.theirs.isn + 1 + uint32(s.told))), tcp.Ack.Is(uint(s.live.isn + 1 + uint32(s.arrived()))),
		}
		if _, ok := tcp.TSecr.Of(s.last); ok && s.stamped {
			conds = append(conds, tcp.TSecr.Is(uint(s.stamp)))
		}
		b := packet.Dissect(s.last.Link, header).Rewrite(conds...)
		s.last = packet.Dissect(s.last.Link, bytes.Clone(b))
		s.confirm()
		if err := p.send(b, "an acknowledgment that the target needs to go on"); err != nil {
			return err
		}
	}
	return nil
}

// hearSegment takes in a segment of the target.
func (p *player) hearSegment(m *message) {
	f := m.frame
	p.heard = true
	p.said = append(p.said, f)
	s := p.liveStream(f)
	if s == nil {
		p.blame(nil, f, "", saidBy(f), probe.Spurious, "no other connection", eventOf(f))
		return
	}
	if d := tcpFields[0].differs(nil, f); d != nil {
		p.blame(s, f, "TCP checksum", tcpSum, probe.Field, d.Want, d.Got)
	}
	p.log.Asserted[tcpSum]++
	flags, _ := tcp.Flags.Of(f)
	if flags&tcp.RST != 0 && !s.resets {
		p.blame(s, f, "TCP flags", saidBy(f), probe.Spurious, "no reset: the capture has none", tcp.FlagNames(flags))
	}
	s.reset = s.reset || flags&tcp.RST != 0
	s.live.take(f)
	if v, ok := tcp.TSval.Of(f); ok && (!s.stamped || int32(uint32(v)-s.stamp) > 0) {
		s.stamped, s.stamp = true, uint32(v)
	}
	if flags&tcp.ACK == 0 {
		s.window.offer(f, 0) // the peer's first octet is expected
	}
	if flags&tcp.ACK != 0 && s.theirs.known {
		ack, _ := tcp.Ack.Of(f)
		at := s.theirs.at(ack)
		s.window.offer(f, at)
		if at > s.told {
			p.blame(s, f, "TCP acknowledgment number", tcpAck, probe.Field, fmt.Sprintf("%+d at most: the peer has sent no more", s.told), fmt.Sprintf("%+d", at))
		} else {
			s.acked = max(s.acked, at)
		}
	}
	p.holdAgainst(s, f)
	p.claim()
}

// holdAgainst compares what has come of the target's stream with that of the capture.
func (p *player) holdAgainst(s *stream, f *packet.Frame) {
	if !s.captured.known {
		return
	}
	have, want := s.live.data, s.captured.data
	n := min(len(have), len(want))
	for at := range n {
		if have[at] != want[at] {
			p.blame(s, f, "TCP data", tcpData, probe.Field, fmt.Sprintf("octet %d = %#02x", at, want[at]), fmt.Sprintf("octet %d = %#02x", at, have[at]))
			break
		}
	}
	if len(have) > len(want) {
		p.blame(s, f, "TCP data", tcpData, probe.Spurious, fmt.Sprintf("%d octets, as the capture has them", len(want)), fmt.Sprintf("%d octets", len(have)))
	}
	if s.live.fin && len(have) == s.live.finAt && (!s.captured.fin || s.live.finAt != s.captured.finAt) {
		p.blame(s, f, "TCP flags", "RFC9293:3.6-1", probe.Spurious, "no FIN here", fmt.Sprintf("FIN behind %d octets", s.live.finAt))
	}
}

// blame fails the target for a segment, once for each kind of fault in a stream.
func (p *player) blame(s *stream, f *packet.Frame, field, req string, kind probe.Kind, want, got string) {
	if s != nil && s.faults[field+req] {
		return
	}
	number := 0
	if s != nil {
		s.faults[field+req] = true
		if w := p.awaited(s); w != nil {
			number = w.packets[0].number
		}
	}
	p.log.Asserted[req]++
	p.fail(Failure{Requirement: req, Kind: kind, Packet: number, Field: field, Want: want, Got: got, Text: p.explain(nil, want, f, got)})
	p.log.Note(f, "FAIL "+req+": want "+want)
}

// awaited is the first segment of a stream that is still waited for.
func (p *player) awaited(s *stream) *wanted {
	for _, w := range p.wanted {
		if !w.done && w.al.ranges && p.tr.streamOf(w.message.frame) == s {
			return w
		}
	}
	return nil
}

// lack is what of a captured segment the live target has not said: the field, what is wanted, what there is. ok is true
// when all is said.
func (s *stream) lack(f *packet.Frame) (field, want, got string, ok bool) {
	flags, _ := tcp.Flags.Of(f)
	if flags&tcp.RST != 0 {
		return "TCP flags", tcp.FlagNames(flags), "no reset", s.reset
	}
	if !s.live.known {
		return "TCP flags", tcp.FlagNames(flags), "no segment of the connection", false
	}
	seq, _ := tcp.Seq.Of(f)
	end := min(s.captured.at(seq+tcp.Length(f)), len(s.captured.data)) // FIN aside
	switch {
	case end > len(s.live.data):
		return "TCP data", fmt.Sprintf("%d octets", end), fmt.Sprintf("%d octets", len(s.live.data)), false
	case flags&tcp.FIN != 0 && (!s.live.fin || len(s.live.data) < s.live.finAt):
		return "TCP flags", tcp.FlagNames(flags), "no FIN", false
	case flags&tcp.ACK != 0 && s.theirs.known:
		ack, _ := tcp.Ack.Of(f)
		if at := s.theirs.at(ack); at > s.acked {
			return "TCP acknowledgment number", fmt.Sprintf("%+d", at), fmt.Sprintf("%+d", s.acked), false
		}
	}
	return "", "", "", true
}

// unacknowledged is how much the peer sends without being acknowledged.
const unacknowledged = 16 << 10

// due tells whether what a captured segment says has to be said before the peer says next, nil for the end. Octets are due
// when the peer acknowledges the last of them, for it acknowledges no more than has come; acknowledgments when much is
// under way; SYN, FIN and RST at once.
func (s *stream) due(f, next *packet.Frame) bool {
	field, _, _, ok := s.lack(f)
	if ok || next == nil || find([]*stream{s}, next) == nil {
		return !ok
	}
	switch field {
	case "TCP data":
		ack, _ := tcp.Ack.Of(next)
		return s.captured.at(ack) >= len(s.captured.data)
	case "TCP acknowledgment number":
		return s.told-s.acked >= unacknowledged || len(next.Body(tcp.Proto)) == 0
	}
	return true
}

// arrived is behind the last octet of the live target's stream that has come in order, its FIN counted.
func (s *stream) arrived() int {
	if s.live.fin && len(s.live.data) >= s.live.finAt {
		return s.live.finAt + 1
	}
	return len(s.live.data)
}

// claim takes the segments of the capture of which all is said.
func (p *player) claim() {
	for _, w := range p.wanted {
		if w.done || !w.al.ranges {
			continue
		}
		s := p.tr.streamOf(w.message.frame)
		if _, _, _, ok := s.lack(w.message.frame); !ok {
			continue
		}
		w.done = true
		p.settled(w, Matched)
		for _, req := range w.al.requirements(w.frame, false) {
			p.log.Asserted[req]++
		}
	}
}

// lacking says that the target did not say all of a captured segment.
func (p *player) lacking(w *wanted) {
	s := p.tr.streamOf(w.message.frame)
	field, want, got, _ := s.lack(w.message.frame)
	w.done = true
	p.settled(w, Missing)
	req := map[string]string{"TCP data": tcpData, "TCP acknowledgment number": tcpAck}[field]
	if req == "" {
		req = saidBy(w.message.frame)
	}
	if s.faults["lacks"+field] { // one that is missing leaves all behind it missing
		return
	}
	s.faults["lacks"+field] = true
	p.log.Asserted[req]++
	p.fail(Failure{
		Requirement: req, Kind: probe.Missing, Packet: w.packets[0].number, Field: field, Want: want, Got: got,
		Text: p.explain(w, w.frame.String(), nil, fmt.Sprintf("%s: want %s, got %s in %v", field, want, got, p.world.Now()-w.since)),
	})
	p.step("FAIL %s: %s: want %s, got %s", req, field, want, got)
}
