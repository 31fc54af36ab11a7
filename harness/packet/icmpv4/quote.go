package icmpv4

import (
	"bytes"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
)

// Quotes asks that an error's data is the beginning of the datagram in sent, as it was received: its header with options
// and at least 8 octets of its data, or all there are (RFC 792; RFC 1122, 3.2.2).
func Quotes(sent *packet.Frame) packet.Cond {
	header := sent.Header(ipv4.Proto)
	whole := append(bytes.Clone(header), sent.Body(ipv4.Proto)...)
	least := min(len(header)+8, len(whole))
	return packet.Data.Where("the datagram's header and at least 8 octets, unchanged", func(q []byte) bool {
		return len(q) >= least && bytes.HasPrefix(whole, q)
	})
}
