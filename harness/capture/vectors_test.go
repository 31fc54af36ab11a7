package capture

import (
	"encoding/hex"
	"strings"
	"testing"
)

// octets reads hex, in which everything behind a # is a remark.
func octets(t testing.TB, text string) []byte {
	t.Helper()
	var clean strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		clean.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(clean.String())
	if err != nil {
		t.Fatalf("bad hex in the test: %v\n%s", err, text)
	}
	return b
}

// The same two packets in every format: 01 02 03 04 05 at 1000000000.123456, whole, and ff, cut from 60 octets, at .5.
var vectors = []struct {
	name, format string
	link         LinkType
	nano         int64 // of the first packet
	hex          string
}{
	{"pcap/us/little", "pcap", Ethernet, 123456000, `
		d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000
		00ca9a3b 40e20100 05000000 05000000 0102030405
		00ca9a3b 20a10700 01000000 3c000000 ff`},
	{"pcap/us/big", "pcap", Ethernet, 123456000, `
		a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001
		3b9aca00 0001e240 00000005 00000005 0102030405
		3b9aca00 0007a120 00000001 0000003c ff`},
	{"pcap/ns/little", "pcap", IEEE802154, 123456789, `
		4d3cb2a1 0200 0400 00000000 00000000 00000400 c3000000
		00ca9a3b 15cd5b07 05000000 05000000 0102030405
		00ca9a3b 0065cd1d 01000000 3c000000 ff`},
	{"pcap/ns/big, link type above 255, FCS length in the top bits", "pcap", 276, 123456789, `
		a1b23c4d 0002 0004 00000000 00000000 00040000 24000114
		3b9aca00 075bcd15 00000005 00000005 0102030405
		3b9aca00 1dcd6500 00000001 0000003c ff`},
	{"pcapng/little", "pcapng", Ethernet, 123456000, `
		0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000
		01000000 14000000 0100 0000 00000000 14000000              # µs by default
		06000000 28000000 00000000 7e8d0300 4062c8a4 05000000 05000000 0102030405000000 28000000
		06000000 24000000 00000000 7e8d0300 2021cea4 01000000 3c000000 ff000000 24000000`},
	{"pcapng/big, obsolete packet blocks, unknown and secrets blocks between", "pcapng", IEEE802154, 123456000, `
		0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
		00000bad 00000010 deadbeef 00000010
		00000001 00000014 00c3 0000 00000000 00000014
		0000000a 00000018 544c534b 00000004 73656372 00000018
		00000002 00000028 0000 ffff 00038d7e a4c86240 00000005 00000005 0102030405000000 00000028
		00000002 00000024 0000 ffff 00038d7e a4ce2120 00000001 0000003c ff000000 00000024`},
	{"snoop", "snoop", Ethernet, 123456000, `
		736e6f6f70000000 00000002 00000004
		00000005 00000005 00000020 00000000 3b9aca00 0001e240 0102030405000000
		0000003c 00000001 0000001c 00000000 3b9aca00 0007a120 ff000000`},
	{"btsnoop/h4", "btsnoop", LinkBluetoothHCIH4, 123456000, `
		6274736e6f6f7000 00000001 000003ea
		00000005 00000005 00000000 00000000 00e06b31b3f7e240 0102030405
		0000003c 00000001 00000001 00000000 00e06b31b3fda120 ff`},
}
