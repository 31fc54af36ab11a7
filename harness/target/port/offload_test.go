package port

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// segment is a TCP segment as a host leaves it to its hardware: the checksum field holds the sum of the pseudo-header.
func segment(v6 bool, payload int) (frame []byte, tcp int) {
	frame = append(frame, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2)
	if v6 {
		frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 6, 64)
		frame = append(frame, bytes.Repeat([]byte{0xfe}, 16)...)
		frame = append(frame, bytes.Repeat([]byte{0x20}, 16)...)
		binary.BigEndian.PutUint16(frame[18:], uint16(20+payload))
	} else {
		frame = append(frame, 8, 0, 0x45, 0, 0, 0, 0, 7, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2)
		binary.BigEndian.PutUint16(frame[16:], uint16(40+payload))
		binary.BigEndian.PutUint16(frame[24:], ^fold(add(0, frame[14:34])))
	}
	tcp = len(frame)
	frame = append(frame, 0, 80, 0, 81, 0, 0, 3, 0xe8, 0, 0, 0, 9, 0x50, 0x89, 1, 0, 0, 0, 0, 0) // CWR, PSH, FIN
	frame = append(frame, make([]byte, payload)...)
	for i := range payload {
		frame[tcp+20+i] = byte(i*7 + i>>8)
	}
	binary.BigEndian.PutUint16(frame[tcp+16:], fold(pseudo(frame, tcp)))
	return frame, tcp
}

func pseudo(frame []byte, tcp int) uint32 {
	addresses := frame[26:34]
	if frame[12] == 0x86 {
		addresses = frame[22:54]
	}
	return add(0, addresses) + 6 + uint32(len(frame)-tcp)
}

func TestFinish(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for _, size := range []int{0, 500, 536} {
			frame, tcp := segment(v6, 1200)
			h := vnet{Flags: needsCsum, CsumStart: uint16(tcp), CsumOffset: 16, GSOSize: uint16(size)}
			want := 1
			if size > 0 {
				h.GSOType, want = gsoTCPv4|0x80, 3
				if v6 {
					h.GSOType = gsoTCPv6
				}
			}
			got := finish(h, frame)
			if len(got) != want {
				t.Fatalf("v6 %v, size %d: %d frames, want %d", v6, size, len(got), want)
			}
			var data []byte
			for i, f := range got {
				if s := fold(pseudo(f, tcp) + add(0, f[tcp:])); s != 0xffff {
					t.Errorf("v6 %v, size %d: frame %d has a bad checksum", v6, size, i)
				}
				if !v6 && fold(add(0, f[14:34])) != 0xffff {
					t.Errorf("size %d: frame %d has a bad header checksum", size, i)
				}
				if seq := binary.BigEndian.Uint32(f[tcp+4:]); seq != uint32(1000+len(data)) {
					t.Errorf("frame %d begins at %d, want %d", i, seq, 1000+len(data))
				}
				flags := byte(0)
				if i == 0 {
					flags |= 0x80
				}
				if i == want-1 {
					flags |= 0x09
				}
				if f[tcp+13] != flags {
					t.Errorf("frame %d has flags %02x, want %02x", i, f[tcp+13], flags)
				}
				data = append(data, f[tcp+20:]...)
			}
			if !bytes.Equal(data, frame[tcp+20:]) {
				t.Error("the data are not those of the segment")
			}
		}
	}
}

// What contradicts itself is shown as it came.
func TestFinishLeavesNonsense(t *testing.T) {
	frame, tcp := segment(false, 1200)
	for _, h := range []vnet{
		{},
		{Flags: needsCsum, CsumStart: 2000, CsumOffset: 16},
		{Flags: needsCsum, CsumStart: uint16(tcp), CsumOffset: 5000},
		{Flags: needsCsum, CsumStart: 3, CsumOffset: 1},
	} {
		if got := finish(h, frame); len(got) != 1 || !bytes.Equal(got[0], frame) {
			t.Errorf("%+v: the frame was changed", h)
		}
	}
	h := vnet{Flags: needsCsum, CsumStart: uint16(tcp), CsumOffset: 16, GSOType: gsoTCPv6, GSOSize: 500}
	if got := finish(h, frame); len(got) != 1 {
		t.Error("a segment of IPv4 is cut as one of IPv6")
	}
}

func FuzzFinish(f *testing.F) {
	frame, tcp := segment(false, 100)
	f.Add(frame, uint8(1), uint8(1), uint16(50), uint16(tcp), uint16(16))
	f.Fuzz(func(t *testing.T, frame []byte, flags, gso uint8, size, start, offset uint16) {
		for _, g := range finish(vnet{Flags: flags, GSOType: gso, GSOSize: size, CsumStart: start, CsumOffset: offset}, frame) {
			if len(g) > len(frame) {
				t.Errorf("a frame of %d octets became one of %d", len(frame), len(g))
			}
		}
	})
}
