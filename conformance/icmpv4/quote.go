package icmpv4

import (
	"bytes"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/target"
)

// quoteOf is what an error quotes of a datagram that the target sent to the first tester, or to where the template says:
// its header and 8 octets.
func quoteOf(n target.Net, datagram packet.Template) []byte {
	frame := datagram.Build(packet.Env{Local: n.Target, Peer: n.Testers[0], Network: ipv4.Proto})
	return quoteFrame(packet.Dissect(n.Link, frame))
}

// quoteFrame is the same of a datagram that was seen.
func quoteFrame(f *packet.Frame) []byte {
	body := f.Body(ipv4.Proto)
	return append(bytes.Clone(f.Header(ipv4.Proto)), body[:min(8, len(body))]...)
}
