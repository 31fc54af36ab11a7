package ieee802154

import (
	"time"

	"github.com/conform-stack/conform/stack/clock"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// maxEnhAck is the longest enhanced acknowledgement that this MAC sends, and the longest that it waits for.
const maxEnhAck = 3 + 10 + 14 + 16 + wire.FCSLen

// maxAcks is how many acknowledgements wait for their time. On the air there is one; a medium without airtime has more.
const maxAcks = 8

// acker holds acknowledgements until they are sent, aTurnaroundTime after the end of what they acknowledge (6.7.4.2).
type acker struct {
	timer           clock.Timer
	frames          [maxAcks]ack
	oldest, waiting int
}

type ack struct {
	octets [maxEnhAck]byte
	n      int
	at     time.Duration
}

// wantsAck tells whether a frame for this station is to be acknowledged: not one for all, and no beacon (6.7.4.1).
func (m *MAC) wantsAck(h *wire.Header) bool {
	return h.AckRequest && !m.config.NoAckReply && (h.Type == wire.Data || h.Type == wire.Command) && !everybody(h)
}

// acknowledge makes the acknowledgement of a frame: of version 2, an enhanced one, else an immediate one, which has nothing
// but the sequence number (7.3.3).
func (m *MAC) acknowledge(h *wire.Header, payload []byte) {
	a := &m.acks
	if a.waiting == maxAcks {
		return
	}
	f := &a.frames[(a.oldest+a.waiting)%maxAcks]
	pending := h.Type == wire.Command && isCommand(h, payload, wire.DataRequest) && m.link.waits(h.Src)
	ack := wire.Header{Type: wire.Ack, Seq: h.Seq, Pending: pending}
	if h.Version >= wire.V2015 {
		ack = m.enhanced(h, pending)
	}
	n := ack.Len()
	wire.Put(f.octets[:], ack)
	f.n = n + ack.MICLen() + wire.FCSLen
	if ack.Secured {
		m.keys.seal(m.extended, &ack, f.octets[:n+ack.MICLen()], f.octets[n:n+ack.MICLen()])
	}
	wire.Seal(f.octets[:f.n])
	f.at = m.loop.Now() + turnaround
	if a.waiting++; a.waiting == 1 {
		a.timer.Set(f.at)
	}
}

// enhanced is the header of an enhanced acknowledgement: to the sender of the frame, and protected as the frame was, if
// there is a key for that.
func (m *MAC) enhanced(h *wire.Header, pending bool) wire.Header {
	ack := wire.Header{Type: wire.Ack, Version: wire.V2015, Seq: h.Seq, NoSeq: h.NoSeq, Pending: pending, Dst: h.Src, Compressed: true}
	if pan, ok := h.Source(); ok {
		ack.DstPAN, ack.Compressed = pan, false
	}
	if h.Src.IsZero() {
		ack.DstPAN, ack.Compressed = 0, false
	}
	if h.Secured && m.keys.find(&h.Security) != nil && h.Security.Level != wire.ENC {
		ack.Secured, ack.Security = true, h.Security
		ack.Security.NoCounter, ack.Security.ASNInNonce = false, false
	}
	return ack
}

// sendAck is due when the oldest acknowledgement is.
func (m *MAC) sendAck() {
	a := &m.acks
	f := &a.frames[a.oldest]
	if m.radio.Send(f.octets[:f.n]) { // else this station began to send: the frame comes again
		m.stats.MAC.AcksSent++
	}
	a.oldest = (a.oldest + 1) % maxAcks
	if a.waiting--; a.waiting > 0 {
		a.timer.Set(a.frames[a.oldest].at)
	}
}

// acknowledged takes in an acknowledgement. It counts when it is the one that is waited for: the sequence number is the
// frame's, and an enhanced one is for this station and has the protection that it claims (6.7.4.3).
func (m *MAC) acknowledged(h *wire.Header, frame, payload []byte) {
	s := &m.send
	if s.step != awaitAck {
		return
	}
	o := s.current
	if h.NoSeq != o.noSeq || h.Seq != o.seq {
		return
	}
	if h.Version >= wire.V2015 {
		own, _ := wire.AsShort(h.Dst)
		switch {
		case o.version < wire.V2015:
			return
		case !h.Dst.IsZero() && h.Dst != m.extended && !(h.Dst.Len() == 2 && own == m.short):
			return
		case h.Secured && !m.opensAck(h, frame, len(payload), o.dst):
			return
		}
	}
	m.stats.MAC.AcksReceived++
	if o.purpose == forPoll && h.Pending {
		m.link.more()
	}
	m.finish(true, 0)
}

// opensAck tells whether a secured acknowledgement is of the station that it should be of. The frame is the radio's; it is
// opened in a copy.
func (m *MAC) opensAck(h *wire.Header, frame []byte, payload int, from link.Addr) bool {
	n := copy(m.scratch[:], frame)
	return m.keys.open(m.keys.extended(from), h, m.scratch[:n:n], m.scratch[n-payload:n:n]) == opened
}

// isCommand tells whether a command frame is of one kind. The id of a secured one of version 2 is ciphertext.
func isCommand(h *wire.Header, payload []byte, id wire.CommandID) bool {
	return len(payload) > 0 && wire.CommandID(payload[0]) == id && !(h.Secured && h.Version >= wire.V2015)
}
