package crosscheck

import (
	"testing"
)

func TestHarnessReadsWhatTheStackBuilds(t *testing.T) {
	for _, s := range samples() {
		ours := readStack(s.frame)
		for _, f := range s.fields() {
			if len(ours[f]) == 0 && f != "ip.opt.ptr" {
				t.Errorf("%s: the stack does not read %s\nframe %x", s.name, f, s.frame)
			}
		}
		if hw := ours["arp.hw.size"]; len(hw) > 0 && hw[0] != "6" {
			continue // the harness has a table of ARP on Ethernet alone
		}
		compare(t, s.name, s.frame, "stack", ours.only(harnessReads), "harness", readHarness(s.frame))
	}
}

func TestTsharkReadsWhatTheStackBuilds(t *testing.T) {
	needTshark(t)
	all := samples()
	var frames [][]byte
	for _, s := range all {
		frames = append(frames, s.frame)
	}
	theirs := readTshark(t, captureOf(t, frames))
	if len(theirs) != len(all) {
		t.Fatalf("tshark read %d frames of %d", len(theirs), len(all))
	}
	for i, s := range all {
		compare(t, s.name, s.frame, "stack", readStack(s.frame), "tshark", theirs[i])
	}
}
