package crosscheck

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// A frame6 is a frame of IPv6 and where it is from.
type frame6 struct {
	name  string
	frame []byte
}

// packet is what is behind the Ethernet header and its tag.
func (f frame6) packet() []byte {
	at := 14
	for at+4 < len(f.frame) && binary.BigEndian.Uint16(f.frame[at-2:]) == 0x8100 {
		at += 4
	}
	return f.frame[at:]
}

// A count is how much was compared.
type count struct{ frames, sound, values, explained int }

func (c count) String() string {
	return fmt.Sprintf("%d frames, %d of them without a fault; %d values agree, %d are explained", c.frames, c.sound, c.values, c.explained)
}

// three compares the readings of frames: the stack's, the harness's and, where it is installed, tshark's.
func three(t *testing.T, all []frame6) (c count) {
	t.Helper()
	var theirs []reading
	if _, err := lookTshark(); err == nil {
		frames := make([][]byte, len(all))
		for i, f := range all {
			frames[i] = f.frame
		}
		if theirs = readTshark6(t, captureOf(t, frames)); len(theirs) != len(all) {
			t.Fatalf("tshark read %d of %d frames", len(theirs), len(all))
		}
	}
	bad := 0
	for i, f := range all {
		ours := readStack6(f.frame)
		c.frames++
		sound := sound6(f.packet(), false)
		if sound {
			c.sound++
		}
		others := map[string]reading{"harness": readHarness6(f.frame)}
		if theirs != nil {
			others["tshark"] = theirs[i]
		}
		for reader, r := range others {
			for _, field := range slices.Sorted(maps.Keys(merge(ours, r))) {
				switch {
				case reader == "harness" && strings.HasSuffix(field, ".status"):
				case same6(ours[field], r[field], sound):
					c.values += min(len(ours[field]), len(r[field]))
				case explained6(reader, field, f.packet(), ours, r):
					c.explained++
				default:
					if bad++; bad <= 20 {
						t.Errorf("%s (sound: %t): %s\nstack    %s\n%-8s %s\nframe %x", f.name, sound, field, strings.Join(ours[field], " "), reader, strings.Join(r[field], " "), f.frame)
					}
				}
			}
		}
	}
	if bad > 20 {
		t.Errorf("and %d more", bad-20)
	}
	return c
}

// same6 tells whether two readings of a field agree: in all their values or, in a packet with a fault, in those that both
// have.
func same6(a, b []string, sound bool) bool {
	if n := min(len(a), len(b)); !sound {
		a, b = a[:n], b[:n]
	}
	return slices.Equal(a, b)
}

func merge(a, b reading) reading {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// differences6 are the classes of disagreements. b is the packet, whose octets are looked at here once more, for a
// difference must not be explained by a decoder.
var differences6 = []struct {
	why    string
	reader string // harness, tshark, or empty for both
	fields string // by their beginnings
	more   bool   // the reader has the stack's values, and others behind them
	when   func(b []byte, theirs reading) bool
}{ // never written
	{"tshark goes on with an Ethernet frame within a packet", "tshark", "ipv6. icmpv6.", true, func(b []byte, _ reading) bool { return firstExtension(b) && b[40] == 143 }},
	{"tshark reads the upper layer of first fragments", "tshark", "ipv6. icmpv6. udp. tcp.", true, func(b []byte, theirs reading) bool {
		return slices.Contains(theirs["ipv6.fraghdr.more"], "1") && slices.Contains(theirs["ipv6.fraghdr.offset"], "0")
	}},
	{"tshark reads the records of a report up to its end, whatever their number is to be", "tshark", "icmpv6.mldr.mar.", true, func(b []byte, _ reading) bool { return upper6(b, 58) }},
	{"tshark reads what there is of an option that is cut, and goes on behind the header that it is in", "tshark", "ipv6.opt.", false, func(b []byte, _ reading) bool {
		return anyOptions(b, cutOption)
	}},
	{"tshark takes an option that it knows for as long as it ought to be, the others for as long as it says", "tshark", "ipv6.opt.", false, func(b []byte, _ reading) bool {
		return anyOptions(b, oddOption)
	}},
	{"tshark reads an option of Neighbor Discovery whose length cannot be; the others pass over it", "tshark", "icmpv6.opt.", false, func(b []byte, _ reading) bool {
		return upper6(b, 58) && !sound6(b, false)
	}},
	{"tshark shows any octets of a name; the others leave out a name that is no text", "tshark", "icmpv6.opt.dnssl", false, func(b []byte, _ reading) bool { return upper6(b, 58) }},
	{"inverse Neighbor Discovery (RFC 3122) has the options, and in tshark their fields; the others do not read it", "tshark", "icmpv6.opt.", true, func(b []byte, theirs reading) bool {
		return slices.Equal(theirs["icmpv6.type"], []string{"141"}) || slices.Equal(theirs["icmpv6.type"], []string{"142"})
	}},
	{"tshark takes the last address of a routing header for the pseudo-header (RFC 8200, 8.1), the stack the destination that the packet has",
		"tshark", "icmpv6.checksum.status udp.checksum.status tcp.checksum.status", false, func(b []byte, _ reading) (left bool) {
			extensions(b, func(kind byte, h []byte) { left = left || kind == 43 && h[3] > 0 })
			return left
		}},
}

// firstExtension tells whether options or a routing header follow the IPv6 header.
func firstExtension(b []byte) bool { return len(b) >= 48 && (b[6] == 0 || b[6] == 43 || b[6] == 60) }

// upper6 tells whether some header of a packet says that a protocol follows.
func upper6(b []byte, protocol byte) bool {
	found := len(b) > 6 && b[6] == protocol
	extensions(b, func(_ byte, h []byte) { found = found || h[0] == protocol })
	return found
}

// anyOptions tells whether a header of options has such.
func anyOptions(b []byte, such func(options []byte) bool) (found bool) {
	extensions(b, func(kind byte, h []byte) { found = found || (kind == 0 || kind == 60) && such(h[2:]) })
	return found
}

// extensions goes through the extension headers of a packet, as far as they are whole.
func extensions(b []byte, visit func(kind byte, header []byte)) {
	if len(b) < 40 {
		return
	}
	for next, rest := b[6], b[40:]; (next == 0 || next == 43 || next == 44 || next == 60) && len(rest) >= 8; {
		n := 8 + 8*int(rest[1])
		if next == 44 {
			n = 8
		}
		if n = min(n, len(rest)); n > 0 {
			visit(next, rest[:n])
		}
		next, rest = rest[0], rest[n:]
	}
}

// oddOption tells whether an option that tshark knows has another length than its own: Router Alert (RFC 2711), Tunnel
// Encapsulation Limit (RFC 2473), Jumbo Payload (RFC 2675).
func oddOption(options []byte) bool {
	for at := 0; at+1 < len(options); {
		if options[at] == 0 {
			at++
			continue
		}
		if n, known := map[byte]byte{4: 1, 5: 2, 0xc2: 4}[options[at]]; known && n != options[at+1] {
			return true
		}
		at += 2 + int(options[at+1])
	}
	return false
}

func explained6(reader, field string, b []byte, ours, theirs reading) bool {
	for _, d := range differences6 {
		named := slices.ContainsFunc(strings.Fields(d.fields), func(f string) bool { return strings.HasPrefix(field, f) })
		if d.more && !(len(ours[field]) < len(theirs[field]) && slices.Equal(ours[field], theirs[field][:len(ours[field])])) {
			continue
		}
		if named && (d.reader == "" || d.reader == reader) && d.when(b, theirs) {
			return true
		}
	}
	return false
}

// All three agree on every frame of IPv6 in the captures.
func TestIPv6InCaptures(t *testing.T) {
	c := three(t, captures6(t))
	t.Log(c)
	if least := 110; c.frames < least || os.Getenv("CONFORM_PCAPS") != "" && c.frames < 380 {
		t.Errorf("only %v", c)
	}
}

// All three agree on every message and header that the stack's codecs write and that the harness's templates build, and
// nothing in those has a fault.
func TestIPv6Built(t *testing.T) {
	all := built6()
	c := three(t, all)
	t.Log(c)
	if c.sound != len(all) {
		t.Errorf("%d frames, but %v", len(all), c)
	}
	for _, f := range all {
		r := readStack6(f.frame)
		for _, field := range []string{"icmpv6.checksum.status", "udp.checksum.status", "tcp.checksum.status"} {
			if len(r[field]) > 0 && r[field][0] != "1" {
				t.Errorf("%s: the checksum is wrong\n%x", f.name, f.frame)
			}
		}
	}
}

func built6() (all []frame6) {
	for i, f := range samples6() {
		all = append(all, frame6{fmt.Sprintf("sample %d", i), f})
	}
	for i, f := range templates6() {
		all = append(all, frame6{fmt.Sprintf("template %d", i), f})
	}
	return all
}
