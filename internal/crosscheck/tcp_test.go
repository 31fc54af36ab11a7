package crosscheck

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	hip "github.com/conform-stack/conform/harness/packet/ipv4"
	htcp "github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// The header of TCP as all three readers see it, in the captures of the fixtures. Fragments and what an ICMP error quotes
// are left out: tshark puts together what it can.
func TestTCP(t *testing.T) {
	needTshark(t)
	all := readCaptures(t, filepath.Join("..", "..", "fixtures", "pcaps"))
	fields := []string{"frame.number", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.hdr_len", "tcp.flags", "tcp.window_size_value", "tcp.checksum", "tcp.urgent_pointer"}
	args := []string{"-n", "-r", merged(t, all), "-o", "ip.defragment:FALSE", "-Y", "tcp && !icmp && ip", "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := tshark(args...)
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string][]string{}
	for line := range strings.Lines(out) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		for i := range cells {
			cells[i] = normal(cells[i])
		}
		theirs[cells[0]] = cells[1:]
	}
	n, compared := 0, 0
	for _, file := range all {
		for _, p := range file.packets {
			n++
			want := theirs[fmt.Sprint(n)]
			f := packet.Dissect(target.Ethernet, p.frame)
			if want == nil || !f.Has(htcp.Proto) || !f.Has(hip.Proto) {
				continue
			}
			h, _, err := tcp.Parse(append(append([]byte(nil), f.Header(htcp.Proto)...), f.Body(htcp.Proto)...))
			if err != nil {
				continue
			}
			compared++
			ours := []any{h.SrcPort, h.DstPort, h.Seq, h.Ack, h.Len(), uint(h.Flags), h.Window, h.Checksum, h.Urgent}
			offset := value(f, htcp.DataOffset) * 4
			harness := []any{
				value(f, htcp.SrcPort), value(f, htcp.DstPort), value(f, htcp.Seq), value(f, htcp.Ack), offset,
				value(f, htcp.Flags), value(f, htcp.Window), value(f, htcp.Checksum), value(f, htcp.Urgent),
			}
			for i, name := range fields[1:] {
				if fmt.Sprint(ours[i]) != fmt.Sprint(harness[i]) || fmt.Sprint(ours[i]) != want[i] && want[i] != "" {
					t.Errorf("%s: frame %d of all: %s: stack %v, harness %v, tshark %s", file.name, n, name, ours[i], harness[i], want[i])
				}
			}
		}
	}
	if compared < 50 {
		t.Errorf("only %d segments were compared", compared)
	}
}

func value(f *packet.Frame, field packet.Field[uint]) uint { v, _ := field.Of(f); return v }
