package crosscheck

import (
	"strings"
	"testing"
)

// gopacketReads leaves out what gopacket has no opinion on, checksums, and what it gets wrong: floating-point codes, and
// QQIC, which it takes for tenths of a second.
func gopacketReads(field string) bool {
	return !strings.HasSuffix(field, ".checksum.status") && field != "igmp.qqic" && field != "igmp.max_resp"
}

func TestGopacketReadsWhatTheStackBuilds(t *testing.T) {
	for _, s := range samples() {
		ours := readStack(s.frame)
		for _, f := range s.fields() {
			if len(ours[f]) == 0 && f != "ip.opt.ptr" {
				t.Errorf("%s: the stack does not read %s\nframe %x", s.name, f, s.frame)
			}
		}
		compare(t, s.name, s.frame, "stack", ours.only(gopacketReads), "gopacket", readGopacket(s.frame))
	}
}

func TestTsharkReadsWhatTheStackBuilds(t *testing.T) {
	needTshark(t)
	all := samples()
	var frames [][]byte
	for _, s := range all {
		frames = append(frames, s.frame)
	}
	theirs := readTshark(t, capture(t, frames))
	if len(theirs) != len(all) {
		t.Fatalf("tshark read %d frames of %d", len(theirs), len(all))
	}
	for i, s := range all {
		compare(t, s.name, s.frame, "stack", readStack(s.frame), "tshark", theirs[i])
	}
}
