package crosscheck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/capture"
)

// All three readers agree on every frame of Ethernet, raw IP or a cooked link type in the captures of the fixtures and,
// if CONFORM_PCAPS names a folder, in and below that. Where they do not agree, the table of differences says why.
func TestCaptures(t *testing.T) {
	dirs := []string{filepath.Join("..", "..", "fixtures", "pcaps")}
	if dir := os.Getenv("CONFORM_PCAPS"); dir != "" {
		dirs = append(dirs, dir)
	}
	var all []file
	for _, dir := range dirs {
		found := readCaptures(t, dir)
		if len(found) == 0 {
			t.Fatalf("no captures that can be compared in %s", dir)
		}
		all = append(all, found...)
	}
	agree := agreement{}
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			for _, p := range f.packets {
				agree.compare(t, f.name, p, "harness", p.network(readStack(p.frame).only(harnessReads)), p.network(readHarness(p.frame).only(harnessReads)))
			}
		})
	}
	t.Run("tshark", func(t *testing.T) {
		needTshark(t)
		theirs := readTshark(t, merged(t, all))
		for _, f := range all {
			if len(theirs) < len(f.packets) {
				t.Fatalf("%s: tshark read fewer frames than there are", f.name)
			}
			t.Run(f.name, func(t *testing.T) {
				for i, p := range f.packets {
					agree.compare(t, f.name, p, "tshark", p.network(readStack(p.frame)), p.network(theirs[i]))
				}
			})
			theirs = theirs[len(f.packets):]
		}
		agree.wantAllUsed(t, all)
	})
}

// A file is a capture, named by its path below the folder.
type file struct {
	name    string
	packets []captured
}

// A captured packet is one that the decoders can look at: frame is its octets, behind an Ethernet header made for it
// when it had another link layer.
type captured struct {
	capture.Packet
	frame []byte
}

// network drops what is said of an Ethernet header that was made.
func (c captured) network(r reading) reading {
	if c.LinkType == capture.Ethernet {
		return r
	}
	return r.only(func(field string) bool {
		layer, _, _ := strings.Cut(field, ".")
		return layer != "eth" && layer != "vlan" && layer != "llc"
	})
}

// readCaptures reads the captures below dir. Packets of other link types are left out, and so is what follows a fault.
func readCaptures(t *testing.T, dir string) []file {
	t.Helper()
	var all []file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || ext != ".pcap" && ext != ".pcapng" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		packets, err := readCapture(path)
		if err != nil {
			t.Logf("%s: read up to packet %d: %v", name, len(packets), err)
		}
		if len(packets) > 0 {
			all = append(all, file{filepath.ToSlash(name), packets})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readCapture(path string) (packets []captured, err error) {
	r, err := capture.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		p, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return packets, nil
		case err != nil:
			return packets, err
		}
		if frame := onEthernet(p); frame != nil {
			packets = append(packets, captured{p, frame})
		}
	}
}

// onEthernet gives the packet as an Ethernet frame; nil when it cannot be one.
func onEthernet(p capture.Packet) []byte {
	const ipv4, ipv6, leastType = 0x0800, 0x86dd, 0x0600
	made := func(kind uint16, data []byte) []byte {
		if kind < leastType { // a length, or a number of the Linux kernel
			return nil
		}
		return append(binary.BigEndian.AppendUint16(make([]byte, 12, 14+len(data)), kind), data...)
	}
	switch b := p.Data; {
	case p.LinkType == capture.Ethernet:
		return b
	case p.LinkType == capture.RawIP && len(b) > 0 && b[0]>>4 == 6, p.LinkType == capture.IPv6:
		return made(ipv6, b)
	case p.LinkType == capture.RawIP, p.LinkType == capture.IPv4:
		return made(ipv4, b)
	case p.LinkType == capture.LinuxSLL && len(b) >= 16:
		return made(binary.BigEndian.Uint16(b[14:]), b[16:])
	case p.LinkType == capture.LinuxSLL2 && len(b) >= 20:
		return made(binary.BigEndian.Uint16(b), b[20:])
	}
	return nil
}

// merged writes all packets, as they were captured, into one file, for tshark takes long to start.
func merged(t *testing.T, all []file) string {
	t.Helper()
	var b bytes.Buffer
	w, err := capture.NewWriter(&b, capture.SectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[capture.LinkType]int{}
	for _, f := range all {
		for _, p := range f.packets {
			id, ok := ids[p.LinkType]
			if !ok {
				if id, err = w.AddInterface(capture.Interface{LinkType: p.LinkType}); err != nil {
					t.Fatal(err)
				}
				ids[p.LinkType] = id
			}
			if err := w.Write(id, p.Packet); err != nil {
				t.Fatalf("%s, packet %d: %v", f.name, p.Number, err)
			}
		}
	}
	name := filepath.Join(t.TempDir(), "merged.pcapng")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
