package crosscheck

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// All three readers agree on every frame of every Ethernet capture among the fixtures, and in the folder that
// CONFORM_PCAPS names, if it is set.
func TestCaptures(t *testing.T) {
	files := captures(t, filepath.Join("..", "..", "fixtures", "pcaps"))
	if dir := os.Getenv("CONFORM_PCAPS"); dir != "" {
		files = append(files, captures(t, dir)...)
	}
	if len(files) == 0 {
		t.Skip("no captures in fixtures/pcaps; set CONFORM_PCAPS to a folder of others")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			frames, err := readCapture(file)
			if err != nil {
				t.Skip(err)
			}
			for i, f := range frames {
				compare(t, fmt.Sprintf("frame %d", i+1), f, "stack", readStack(f).only(gopacketReads), "gopacket", readGopacket(f).linkOnly(ipv6))
			}
			t.Run("tshark", func(t *testing.T) {
				needTshark(t)
				theirs := readTshark(t, file)
				if len(theirs) != len(frames) {
					t.Fatalf("tshark read %d frames of %d", len(theirs), len(frames))
				}
				for i, f := range frames {
					compare(t, fmt.Sprintf("frame %d", i+1), f, "stack", readStack(f), "tshark", theirs[i].linkOnly(ipv6))
				}
			})
		})
	}
}

// ipv6 tells whether the frame carries a packet that the stack's reading does not look into.
func ipv6(r reading) bool {
	const etherType = "34525"
	return slices.Contains(r["eth.type"], etherType) || slices.Contains(r["vlan.etype"], etherType)
}

// linkOnly keeps the fields of the link layer when is holds.
func (r reading) linkOnly(is func(reading) bool) reading {
	if !is(r) {
		return r
	}
	return r.only(func(field string) bool {
		layer, _, _ := strings.Cut(field, ".")
		return layer == "eth" || layer == "vlan" || layer == "llc"
	})
}

func captures(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, kind := range []string{"*.pcap", "*.pcapng"} {
		for _, pattern := range []string{filepath.Join(dir, kind), filepath.Join(dir, "*", kind)} {
			found, err := filepath.Glob(pattern)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, found...)
		}
	}
	return files
}

// readCapture reads the frames of an Ethernet capture. Frames that were cut when captured are kept as they are.
func readCapture(name string) ([][]byte, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var source interface {
		LinkType() layers.LinkType
		ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	}
	if source, err = pcapgo.NewReader(bytes.NewReader(b)); err != nil {
		if source, err = pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.DefaultNgReaderOptions); err != nil {
			return nil, fmt.Errorf("not a capture file that gopacket reads: %w", err)
		}
	}
	if source.LinkType() != layers.LinkTypeEthernet {
		return nil, fmt.Errorf("link type %v is not Ethernet", source.LinkType())
	}
	var frames [][]byte
	for {
		data, _, err := source.ReadPacketData()
		switch {
		case errors.Is(err, io.EOF):
			return frames, nil
		case err != nil:
			return nil, fmt.Errorf("frame %d: %w", len(frames)+1, err)
		}
		frames = append(frames, data)
	}
}
