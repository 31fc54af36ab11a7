package crosscheck

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
)

// differences6 are the classes of disagreements between the stack's codecs and tshark about frames of IPv6. b is the
// packet, whose octets are looked at here once more, for a difference must not be explained by a decoder.
var differences6 = []struct {
	why    string
	fields string // by their beginnings
	when   func(b []byte, theirs reading) bool
}{ // never written
	{"tshark reads headers that are cut, the stack none of them", "ipv6.", func(b []byte, _ reading) bool { return len(b) < 40 }},
	{"the stack knows no jumbograms (RFC 2675)", "ipv6.opt icmpv6.", func(b []byte, _ reading) bool { return len(b) >= 40 && b[4]|b[5]|b[6] == 0 }},
	{"tshark reads what there is of an extension header, or of an option, that is cut", "ipv6.opt ipv6.routing", func(b []byte, _ reading) bool {
		return firstExtension(b) && (len(b) < 48+8*int(b[41]) || cutOption(b[42:48+8*int(b[41])]))
	}},
	{"tshark reads the upper layer of first fragments", "icmpv6.", func(b []byte, theirs reading) bool {
		return slices.Equal(theirs["ipv6.fraghdr.offset"], []string{"0"}) && slices.Equal(theirs["ipv6.fraghdr.more"], []string{"1"})
	}},
	{"tshark shows the Fragment header of a packet that an error quotes", "ipv6.fraghdr.", func(b []byte, _ reading) bool { return len(b) > 40 && b[6] == 58 && b[40] < 128 }},
	{"tshark has the fields of the Prefix Information option for Route Information, too", "icmpv6.opt.prefix", func(_ []byte, theirs reading) bool {
		return slices.Contains(theirs["icmpv6.opt.type"], "24")
	}},
	{"tshark takes the last address of a routing header for the pseudo-header (RFC 8200, 8.1), the stack the destination that the packet has",
		"icmpv6.checksum.status", func(b []byte, _ reading) bool { return firstExtension(b) && b[6] == 43 && b[43] > 0 }},
	{"tshark goes on with an Ethernet frame within a packet", "icmpv6.", func(b []byte, _ reading) bool { return firstExtension(b) && b[40] == 143 }},
	{"the stack reads ICMPv6 messages from 8 octets on", "icmpv6.", func(b []byte, _ reading) bool { return len(b) > 40 && b[6] == 58 && len(b) < 48 }},
}

// firstExtension tells whether options or a routing header follow the IPv6 header.
func firstExtension(b []byte) bool { return len(b) >= 48 && (b[6] == 0 || b[6] == 43 || b[6] == 60) }

func cutOption(options []byte) bool {
	for at := 0; at < len(options); {
		switch {
		case options[at] == 0:
			at++
		case at+2 > len(options) || at+2+int(options[at+1]) > len(options):
			return true
		default:
			at += 2 + int(options[at+1])
		}
	}
	return false
}

// The stack and tshark agree on the captures of others, the malformed ones included, but for what the table says.
func TestTsharkReadsIPv6(t *testing.T) {
	needTshark(t)
	names, frames := captures6(t)
	theirs := readTshark6(t, captureOf(t, frames))
	if len(theirs) != len(frames) {
		t.Fatalf("tshark read %d of %d frames", len(theirs), len(frames))
	}
	for i, frame := range frames {
		ours := readStack6(frame)
		for _, field := range slices.Sorted(maps.Keys(merge(ours, theirs[i]))) {
			if slices.Equal(ours[field], theirs[i][field]) || explained6(frame, field, theirs[i]) {
				continue
			}
			t.Errorf("%s: %s\nstack    %s\ntshark   %s\nframe %x", names[i], field, strings.Join(ours[field], " "), strings.Join(theirs[i][field], " "), frame)
		}
	}
}

func merge(a, b reading) reading {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func explained6(frame []byte, field string, theirs reading) bool {
	at := 14
	for at+4 < len(frame) && binary.BigEndian.Uint16(frame[at-2:]) == 0x8100 {
		at += 4
	}
	for _, d := range differences6 {
		named := slices.ContainsFunc(strings.Fields(d.fields), func(f string) bool { return strings.HasPrefix(field, f) })
		if named && d.when(frame[at:], theirs) {
			return true
		}
	}
	return false
}
