package icmpv6

import (
	"bytes"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
)

// Quotes asks that an error's data is the beginning of the packet in sent, as it was received, with as much of it as fits
// into 1280 octets (RFC 4443, section 2.4 (c)). The error has a header of 40 octets and no extension headers.
func Quotes(sent *packet.Frame) packet.Cond {
	whole := append(bytes.Clone(sent.Header(ipv6.Proto)), sent.Body(ipv6.Proto)...)
	least := min(len(whole), MinimumMTU-40-8)
	return packet.Data.Where("the packet, as much of it as fits, unchanged", func(q []byte) bool {
		return len(q) >= least && bytes.HasPrefix(whole, q)
	})
}

// QuotesSome asks that an error's data is the beginning of the packet in sent, however short, but at least its header.
func QuotesSome(sent *packet.Frame) packet.Cond {
	whole := append(bytes.Clone(sent.Header(ipv6.Proto)), sent.Body(ipv6.Proto)...)
	return packet.Data.Where("the beginning of the packet, unchanged", func(q []byte) bool {
		return len(q) >= 40 && bytes.HasPrefix(whole, q)
	})
}

// About is the quote of the packet in f that a tester puts behind an error: as much of it as fits.
func About(f *packet.Frame) packet.Template {
	whole := append(bytes.Clone(f.Header(ipv6.Proto)), f.Body(ipv6.Proto)...)
	return packet.Payload(whole[:min(len(whole), MinimumMTU-40-8)])
}
