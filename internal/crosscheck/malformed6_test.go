package crosscheck

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// cut6 are the frames, each cut at every octet behind its Ethernet header: once with the lengths as they were, and once with
// a Payload Length that is what is left.
func cut6(all []frame6) (out []frame6) {
	for _, f := range all {
		for n := 14; n < len(f.frame); n++ {
			b := bytes.Clone(f.frame[:n])
			out = append(out, frame6{fmt.Sprintf("%s, cut at %d", f.name, n), b})
			if n >= 54 {
				b = bytes.Clone(b)
				binary.BigEndian.PutUint16(b[18:], uint16(n-54))
				out = append(out, frame6{fmt.Sprintf("%s, cut and mended at %d", f.name, n), b})
			}
		}
	}
	return out
}

// spoilt6 are the frames, each with one octet that is another one: none, one less and one more, the highest bit turned over,
// and all ones. Lengths, types, counts and next headers become wrong so, each in turn.
func spoilt6(all []frame6) (out []frame6) {
	for _, f := range all {
		for at := 14; at < len(f.frame); at++ {
			was := f.frame[at]
			for _, v := range []byte{0, was - 1, was + 1, was ^ 0x80, 0xff} {
				if v == was {
					continue
				}
				b := bytes.Clone(f.frame)
				b[at] = v
				out = append(out, frame6{fmt.Sprintf("%s, %#02x at %d", f.name, v, at), b})
			}
		}
	}
	return out
}

// All three agree on frames that are cut, and on such with a wrong octet: on all there is in those that are no less right
// for it, and on what comes before the fault in others.
func TestIPv6Malformed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frames []frame6
		least  count
	}{
		{"cut", cut6(built6()), count{frames: 5800, sound: 90, values: 110000}},
		{"spoilt", spoilt6(built6()), count{frames: 16000, sound: 1000, values: 690000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := three(t, tt.frames)
			t.Log(c)
			if _, err := lookTshark(); err != nil { // then half of the values are there
				tt.least.values /= 2
			}
			if c.frames < tt.least.frames || c.sound < tt.least.sound || c.frames-c.sound < tt.least.sound || c.values < tt.least.values {
				t.Errorf("only %v", c)
			}
		})
	}
}

// Whatever octets an Ethernet frame of IPv6 holds, the stack and the harness read the same of it, up to a fault.
func FuzzIPv6Readers(f *testing.F) {
	for _, x := range built6() {
		f.Add(x.frame[14:])
	}
	head := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame := append(bytes.Clone(head), b...)
		ours, harness, sound := readStack6(frame), readHarness6(frame), sound6(b, false)
		for field := range merge(ours, harness) {
			if strings.HasSuffix(field, ".status") || same6(ours[field], harness[field], sound) {
				continue
			}
			t.Errorf("%s: stack %v, harness %v (sound: %t)\n%x", field, ours[field], harness[field], sound, b)
		}
	})
}
