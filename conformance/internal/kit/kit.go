// Package kit is what several suites need and no part of the harness: data to send, addresses to try, a sign of life.
package kit

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
)

// Pattern is n octets in which neighbours differ, and pages as well.
func Pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + 1)
	}
	return b
}

// Framed is a template as the frame that the tester would send.
func Framed(t *probe.Tester, tmpl packet.Template) *packet.Frame { return t.Framed(tmpl) }

// Alive asks for an ICMP echo of the tester's family: the target lives, and has seen all that was sent before.
func Alive(t *probe.Tester) {
	id := t.Serial()
	t.Ask(t.Family().Echo(id, 1, nil), t.Family().EchoReply(id), probe.For(), probe.Because("the target is alive"))
}

// LastOf is the last address of an IPv4 prefix: its directed broadcast address.
func LastOf(in netip.Prefix) netip.Addr {
	a := in.Addr().As4()
	for bit := in.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}
