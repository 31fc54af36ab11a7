package crosscheck

import (
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	harness154 "github.com/conform-stack/conform/harness/packet/ieee802154"
	fragments "github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// recoveryFields are what tshark calls the fields of RFC 8931, in the order of theirs below. The offset of a first fragment
// is the size of the datagram.
var recoveryFields = []string{"congestion", "ack_requested", "tag", "sequence", "size", "datagram_size", "offset", "ack_bitmask"}

// The stack, the harness and tshark read the same fields of RFC 8931 in headers that the stack writes.
func TestThreeReadersOfRecoverableFragments(t *testing.T) {
	needTshark(t)
	r := rand.New(rand.NewPCG(89, 31))
	src, dst := link.MustParseAddr("02:00:00:00:00:00:00:01"), link.MustParseAddr("02:00:00:00:00:00:00:02")
	var frames [][]byte
	var want []string
	for range 2000 {
		var payload []byte
		var fields string
		if r.IntN(3) == 0 {
			h := lowpan.Acknowledgment{Congested: r.IntN(2) == 0, Tag: uint8(r.Uint32()), Bitmap: r.Uint32()}
			payload = lowpan.AppendAcknowledgment(nil, h)
			fields = words(num(h.Congested), "", int(h.Tag), "", "", "", "", int(h.Bitmap))
		} else {
			h := lowpan.Recoverable{Congested: r.IntN(2) == 0, Tag: uint8(r.Uint32()), AckRequest: r.IntN(2) == 0,
				Sequence: uint8(r.IntN(32)) * uint8(r.IntN(3)) & 31, Size: uint16(1 + r.IntN(80)), Offset: uint16(100 + r.IntN(1200))}
			payload = append(lowpan.AppendRecoverable(nil, h), make([]byte, h.Size)...)
			if h.Sequence == 0 {
				payload[lowpan.RecoverableLen] = 0x41
				fields = words(num(h.Congested), num(h.AckRequest), int(h.Tag), 0, int(h.Size), int(h.Offset), "", "")
			} else {
				fields = words(num(h.Congested), num(h.AckRequest), int(h.Tag), int(h.Sequence), int(h.Size), "", int(h.Offset), "")
			}
		}
		frame := lowpanFrame(src, dst, payload)
		frames, want = append(frames, frame), append(want, fields)
		sum := harness154.Sum(frame)
		if got := harnessRecovery(packet.Dissect(target.IEEE802154, append(frame[:len(frame):len(frame)], byte(sum), byte(sum>>8)))); got != fields {
			t.Fatalf("%x\nthe stack   %s\nthe harness %s", payload, fields, got)
		}
	}
	args := []string{"-n", "-r", captureOf154(t, frames), "-T", "fields", "-E", "occurrence=f"}
	for _, f := range recoveryFields {
		args = append(args, "-e", "6lowpan.rfrag."+f)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("tshark read %d of %d frames", len(lines), len(want))
	}
	for i, line := range lines {
		if got := decimal(line); got != want[i] {
			t.Fatalf("frame %d %x\nthe stack %s\ntshark    %s", i+1, frames[i], want[i], got)
		}
	}
}

func num(on bool) int {
	if on {
		return 1
	}
	return 0
}

func words(fields ...any) string {
	var all []string
	for _, f := range fields {
		if n, ok := f.(int); ok {
			all = append(all, strconv.Itoa(n))
		} else {
			all = append(all, "-")
		}
	}
	return strings.Join(all, " ")
}

// decimal is a line of tshark with numbers in decimal.
func decimal(line string) string {
	var all []any
	for _, cell := range strings.Split(line, "\t") {
		switch n, err := strconv.ParseInt(cell, 0, 64); {
		case err == nil:
			all = append(all, int(n))
		case cell == "True":
			all = append(all, 1)
		case cell == "False":
			all = append(all, 0)
		default:
			all = append(all, "")
		}
	}
	return words(all...)
}

func harnessRecovery(f *packet.Frame) string {
	of := func(field packet.Field[uint]) any {
		if v, ok := field.Of(f); ok {
			return int(v)
		}
		return ""
	}
	if f.Has(fragments.RFragAckProto) {
		return words(of(fragments.Echoed), "", of(fragments.AckTag), "", "", "", "", of(fragments.Bitmap))
	}
	size, offset := any(""), of(fragments.FragmentOffset)
	if of(fragments.FragmentNumber) == 0 {
		size, offset = offset, ""
	}
	return words(of(fragments.Congestion), of(fragments.AckRequest), of(fragments.RecoveryTag), of(fragments.FragmentNumber), of(fragments.FragmentSize), size, offset, "")
}
