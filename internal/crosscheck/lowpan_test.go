package crosscheck

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/lowpan/lowpantest"
)

// lowpanPAN is the network of all frames that are made here.
const lowpanPAN = 0xabcd

// lowpanFrame puts a payload into a data frame of IEEE 802.15.4-2003 without FCS.
func lowpanFrame(src, dst link.Addr, payload []byte) []byte {
	control := uint16(0x0041) // data, PAN id compressed
	mode := func(a link.Addr) uint16 {
		if a.Len() == 2 {
			return 2
		}
		return 3
	}
	control |= mode(dst)<<10 | mode(src)<<14
	b := []byte{byte(control), byte(control >> 8), 1, lowpanPAN & 0xff, lowpanPAN >> 8}
	for _, a := range []link.Addr{dst, src} { // the least significant octet comes first
		octets := a.Append(nil)
		slices.Reverse(octets)
		b = append(b, octets...)
	}
	return append(b, payload...)
}

// captureOf154 writes frames without FCS to a file for tshark.
func captureOf154(t *testing.T, frames [][]byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "frames.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	w := pcapgo.NewWriter(out)
	err = w.WriteFileHeader(65536, layers.LinkType(230))
	for i, b := range frames {
		if err == nil {
			err = w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(int64(i), 0), CaptureLength: len(b), Length: len(b)}, b)
		}
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// tsharkExpands gives the datagram that tshark makes of each frame of a file, nil where it makes none. Datagrams in other
// datagrams have their headers' lengths, so the outermost one is looked at.
func tsharkExpands(t *testing.T, file string, options ...string) (all [][]byte) {
	t.Helper()
	args := append([]string{"-n", "-P", "-x", "-o", `gui.column.format:"No.","%m"`, "-r", file}, options...)
	cmd := exec.Command("tshark", args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var now []byte // what is being read
	in := ""
	for s := bufio.NewScanner(pipe); s.Scan(); {
		line := s.Text()
		switch {
		case strings.HasSuffix(line, " bytes):"), strings.HasSuffix(line, " byte):"): // "Decompressed 6LoWPAN IPHC (57 bytes):"
			in, now = line, nil
		case isNumber(line): // of the frame
			in, all = "", append(all, nil)
		case line == "":
		case strings.HasPrefix(in, "Decompressed 6LoWPAN"), strings.HasPrefix(in, "Reassembled 6LoWPAN"):
			cells := strings.Fields(line[6:min(len(line), 54)])
			for _, c := range cells {
				if len(c) == 2 {
					if b, err := hex.DecodeString(c); err == nil {
						now = append(now, b...)
					}
				}
			}
			all[len(all)-1] = now
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("tshark: %v\n%s", err, errs.String())
	}
	return all
}

func isNumber(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && strings.Trim(line, "0123456789") == ""
}

// tsharkContexts are its settings for contexts.
func tsharkContexts(n *lowpantest.Network) (options []string) {
	for _, c := range n.Contexts {
		options = append(options, "-o", fmt.Sprintf("6lowpan.context%d:%v", c.ID, netip.PrefixFrom(c.Prefix.Netip(), int(c.Bits))))
	}
	return options
}

// expanded is what the stack makes of a payload.
func expanded(payload []byte, s *lowpan.Surroundings) ([]byte, error) {
	room := make([]byte, 2048)
	r, err := lowpan.Decompress(room, payload, s, 0)
	if err != nil {
		return nil, err
	}
	b := append(room[:r.Len:r.Len], payload[r.Took:]...)
	if r.Elided != 0 {
		lowpan.Restore(b, r)
	}
	return b, nil
}

// endsAtNoNext tells whether a packet is what tshark makes of it, but for one thing: it ends a datagram behind a compressed
// extension header whose Next Header is No Next Header, and leaves out what follows. Payload lengths, those of packets within
// the packet included, are as short then.
func endsAtNoNext(theirs, packet []byte) bool {
	if len(theirs) <= 40 || len(theirs) >= len(packet) {
		return false
	}
	for i, c := range theirs {
		within := func(at int) bool { return at == 0 || at >= 40 && theirs[at]>>4 == 6 }
		if c != packet[i] && !within(i-4) && !within(i-5) {
			return false
		}
	}
	return true
}

// generated is how many packets are made; CONFORM_SLOW has it be those that the crosscheck is judged by.
func generated() int {
	if os.Getenv("CONFORM_SLOW") != "" {
		return 100000
	}
	return 5000
}

// What the stack compresses tshark expands to the same packet.
func TestTsharkExpandsWhatTheStackCompresses(t *testing.T) {
	needTshark(t)
	r := rand.New(rand.NewPCG(3, 4))
	const networks = 5
	for range networks {
		n := lowpantest.Random(r)
		var frames, want [][]byte
		for range generated() / networks {
			n.Src, n.Dst = lowpantest.Addr(r), lowpantest.Addr(r)
			s := n.Surroundings()
			b := n.Packet(r, 200)
			room := make([]byte, len(b)+1)
			k, took := lowpan.Compress(room, b, &s, lowpan.Options{})
			frames = append(frames, lowpanFrame(n.Src, n.Dst, append(room[:k:k], b[took:]...)))
			want = append(want, b)
		}
		got := tsharkExpands(t, captureOf154(t, frames), tsharkContexts(n)...)
		if len(got) != len(frames) {
			t.Fatalf("tshark read %d of %d frames", len(got), len(frames))
		}
		bad := 0
		for i := range got {
			if bytes.Equal(got[i], want[i]) || endsAtNoNext(got[i], want[i]) {
				continue
			}
			if bad++; bad <= 10 {
				t.Errorf("frame  %x\npacket %x\ntshark %x", frames[i], want[i], got[i])
			}
		}
		if bad > 10 {
			t.Errorf("and %d more", bad-10)
		}
	}
}

func lookTshark() (string, error) { return exec.LookPath("tshark") }

// capturesBelow are the capture files below a folder.
func capturesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && (ext == ".pcap" || ext == ".pcapng") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
