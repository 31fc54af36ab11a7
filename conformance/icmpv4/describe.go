package icmpv4

import "fmt"

// describe says where two runs of octets first differ.
func describe(got, want []byte) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("octet %d is %#02x, want %#02x", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("it has %d octets, want %d", len(got), len(want))
}
