package judge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

// mac is a frame of IEEE 802.15.4 with its check sequence. Numbers stand in it least significant octet first.
type mac struct {
	*scene
	control     uint16
	kind        uint8 // 0 beacon, 1 data, 2 acknowledgement, 3 command
	version     uint8
	secured     bool
	security    *security // what follows the addresses of a secured frame; nil without
	askAck      bool
	compressed  bool
	dstMode     uint8
	srcMode     uint8
	sequence    uint8
	numbered    bool // it has a sequence number
	dst, src    []byte
	dstPAN      []byte
	srcPAN      []byte
	at          int // where the payload begins
	end         int // where the check sequence begins
	whole       bool
	payload     []byte
	acknowledge *asked // what an acknowledgement with this number may be of
}

const (
	macData = 1
	macAck  = 2

	longestMAC = 127 // aMaxPhyPacketSize
	safeMAC    = 102 // aMaxMacSafePayloadSize
	ackedFor   = time.Second
)

// asked is a frame that asked for an acknowledgement.
type asked struct {
	at       time.Duration
	sequence uint8
	version  uint8
	src      []byte
}

// readMAC reads a frame. sum is how many octets of check sequence it has: 2, or 0 when the capture left them out.
func readMAC(s *scene, sum int) {
	m := &mac{scene: s, end: len(s.f.Data) - sum}
	if m.end < 2 {
		s.skip("frames shorter than their link header")
		return
	}
	m.parse(s.f.Data[:m.end])
	if m.kind == macAck && m.numbered {
		for a := range s.j.asked.each() {
			if a.sequence == m.sequence && s.f.Time-a.at < ackedFor {
				m.acknowledge = a
			}
		}
	}
	apply(s, macShape, m)
	if !m.whole {
		s.skip("frames that end inside their IEEE 802.15.4 header")
		return
	}
	apply(s, macRules, m)
	apply(s, demandRules, m)
	if m.security != nil {
		m.remember()
		apply(s, securityRules, m)
	}
	if m.askAck && m.numbered && m.kind != macAck {
		s.j.asked.add(asked{s.f.Time, m.sequence, m.version, bytes.Clone(m.src)})
	}
	switch {
	case m.kind != macData:
	case m.security != nil && m.lifted() != nil:
		if m.payload = m.lifted(); len(m.payload) > 0 {
			readLowpan(m)
		}
	case m.secured:
		s.skip("what is in frames of IEEE 802.15.4 that are secured")
	case len(m.payload) > 0:
		readLowpan(m)
	}
}

// parse reads the header as far as it goes; whole tells whether that is to its end.
func (m *mac) parse(b []byte) {
	c := cursor{b: b}
	m.control = binary.LittleEndian.Uint16(c.take(2))
	f := m.control
	m.kind, m.version = uint8(f&7), uint8(f>>12&3)
	m.secured, m.askAck, m.compressed = f&8 != 0, f&0x20 != 0, f&0x40 != 0
	m.dstMode, m.srcMode = uint8(f>>10&3), uint8(f>>14&3)
	if m.numbered = m.version < 2 || f&0x100 == 0; m.numbered {
		m.sequence = c.u8()
	}
	octets := [4]int{0, 0, 2, 8}
	hasDst, hasSrc := m.dstMode > 1, m.srcMode > 1
	dstPAN, srcPAN := hasDst, hasSrc && !(m.compressed && hasDst)
	if m.version == 2 {
		dstPAN, srcPAN = pans2(m.dstMode, m.srcMode, m.compressed)
	}
	if dstPAN {
		m.dstPAN = c.take(2)
	}
	m.dst = c.take(octets[m.dstMode])
	if srcPAN {
		m.srcPAN = c.take(2)
	}
	m.src = c.take(octets[m.srcMode])
	if m.secured && m.version > 0 {
		m.security = m.readSecurity(&c)
	}
	m.whole = !c.short && m.dstMode != 1 && m.srcMode != 1 && m.version < 3
	if m.version == 2 && f&0x200 != 0 { // information elements: their terminations end the header
		for done := false; !done && !c.short && len(c.b) > 0; {
			d := binary.LittleEndian.Uint16(c.take(2))
			c.take(int(d & 0x7f))
			id := d >> 7 & 0xff
			done = id == 0x7e || id == 0x7f
			if id == 0x7e { // payload elements follow
				m.whole = false
			}
		}
		m.whole = m.whole && !c.short
	}
	m.at = len(b) - len(c.b)
	m.payload = c.b
}

// pans2 tells which PANs a frame of version 2 has (IEEE 802.15.4-2015, table 7-2).
func pans2(dst, src uint8, compressed bool) (dstPAN, srcPAN bool) {
	switch {
	case dst == 0 && src == 0:
		return compressed, false
	case src == 0:
		return !compressed, false
	case dst == 0:
		return false, !compressed
	case dst == 3 && src == 3:
		return !compressed, false
	}
	return true, !compressed
}

// everybody tells whether a frame is for the short address ffff.
func (m *mac) everybody() bool { return len(m.dst) == 2 && m.dst[0] == 0xff && m.dst[1] == 0xff }

// exact tells whether the judge hears one target and all that is said to it, so that what is missing has not been said.
func (m *mac) exact() bool { return m.j.opts.Target != nil }

// checkSequence is the CRC of ITU-T.
func checkSequence(b []byte) uint16 {
	var crc uint16
	for _, o := range b {
		for i := range 8 {
			bit := uint16(o>>i&1) ^ crc&1
			crc >>= 1
			if bit == 1 {
				crc ^= 0x8408
			}
		}
	}
	return crc
}

var macShape = []rule[mac]{
	{Rule{"802.15.4.length", "IEEE802154:6.7.2-9", "frame", "a frame is at most 127 octets long, its check sequence included"},
		func(m *mac) *fault {
			n := m.end + 2
			return when(n > longestMAC, longestMAC, fmt.Sprintf("%d octets", n), "127 octets or less")
		}},
	{Rule{"802.15.4.fcs", "IEEE802154:7.2.10-1", "FCS", "the check sequence is the CRC of ITU-T over header and payload"},
		func(m *mac) *fault {
			if m.end == len(m.f.Data) || m.f.Truncated || m.f.ChecksumNotReady {
				return nil
			}
			return differsHex(m.end, binary.LittleEndian.Uint16(m.f.Data[m.end:]), checkSequence(m.f.Data[:m.end]))
		}},
	{Rule{"802.15.4.mode", "IEEE802154:7.2.1.8-1", "addressing mode", "the addressing mode 01 is reserved"},
		func(m *mac) *fault {
			return when(m.version < 3 && (m.dstMode == 1 || m.srcMode == 1), 1, fmt.Sprintf("destination %02b, source %02b", m.dstMode, m.srcMode), "00, 10 or 11")
		}},
	{Rule{"802.15.4.version", "IEEE802154:7.2.1.9-1", "frame version", "a data frame is of version 0, 1 or 2"},
		func(m *mac) *fault { return when(m.kind == macData && m.version == 3, 1, 3, "0 to 2") }},
}

var macRules = []rule[mac]{
	{Rule{"802.15.4.reserved", "IEEE802154:7.2.1-1", "frame control", "reserved bits of the frame control field are zero"},
		func(m *mac) *fault {
			reserved := uint16(0x80)
			if m.version < 2 {
				reserved = 0x380
			}
			return when(m.kind <= 3 && m.control&reserved != 0, 0, fmt.Sprintf("%#04x", m.control), fmt.Sprintf("%#04x", m.control&^reserved))
		}},
	{Rule{"802.15.4.ack-request", "IEEE802154:7.2.1.4-1", "acknowledgment request", "a frame to everybody asks for no acknowledgment"},
		func(m *mac) *fault { return when(m.everybody() && m.askAck, 0, 1, "0") }},
	{Rule{"802.15.4.compression", "IEEE802154:7.2.1.5-4", "PAN ID compression", "the PAN is not compressed in a frame with one address"},
		func(m *mac) *fault {
			return when(m.version < 2 && m.kind != macAck && m.compressed && (m.dstMode == 0) != (m.srcMode == 0), 0, 1, "0")
		}},
	{Rule{"802.15.4.same-pan", "IEEE802154:7.2.1.5-1", "source PAN", "with both addresses in one PAN the source PAN is left out"},
		func(m *mac) *fault {
			return when(m.version < 2 && len(m.srcPAN) == 2 && bytes.Equal(m.srcPAN, m.dstPAN), 0, "twice the PAN", "PAN ID compression")
		}},
	{Rule{"802.15.4.safe-payload", "IEEE802154:7.2.1.9-2", "frame version", "a data frame of version 0 has at most 102 octets of payload"},
		func(m *mac) *fault {
			n := len(m.payload)
			return when(m.kind == macData && m.version == 0 && !m.secured && n > safeMAC, 1, fmt.Sprintf("version 0 with %d octets", n), "version 1")
		}},
	{Rule{"802.15.4.ack.form", "IEEE802154:7.3.3-1", "frame control", "an immediate acknowledgment is its type, its number and nothing else"},
		func(m *mac) *fault {
			if m.kind != macAck || m.version > 1 {
				return nil
			}
			return when(m.control&^0x1010 != macAck || m.end != 3, 0, fmt.Sprintf("%#04x in %d octets", m.control, m.end), "0x0002 in 3 octets")
		}},
	{Rule{"802.15.4.ack.number", "IEEE802154:7.3.3-2", "sequence number", "an acknowledgment has the number of a frame that asked for it"},
		func(m *mac) *fault {
			return when(m.kind == macAck && m.numbered && m.exact() && m.acknowledge == nil, 2, m.sequence, "that of a frame of the last second")
		}},
	{Rule{"802.15.4.ack.version", "IEEE802154:7.3.3-4", "frame version", "a frame of version 2 is acknowledged in version 2"},
		func(m *mac) *fault {
			return when(m.kind == macAck && m.exact() && m.acknowledge != nil && m.acknowledge.version == 2 && m.version != 2, 1, m.version, "2")
		}},
	{Rule{"802.15.4.ack.destination", "IEEE802154:7.3.3-5", "destination", "an enhanced acknowledgment is for the sender of the frame"},
		func(m *mac) *fault {
			if m.kind != macAck || !m.exact() || m.acknowledge == nil || len(m.dst) == 0 || len(m.acknowledge.src) != len(m.dst) {
				return nil
			}
			return when(!bytes.Equal(m.dst, m.acknowledge.src), 3, fmt.Sprintf("%x", m.dst), fmt.Sprintf("%x", m.acknowledge.src))
		}},
}
