package lowpan_test

import (
	"bytes"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// The fragments of a packet are read as pieces that make it up, however its first header is encoded, and so are their halves.
func TestPieces(t *testing.T) {
	g := NewWithT(t)
	e := env()
	request := icmpv6.Echo(1, 1, bytes.Repeat([]byte{7}, 400))
	r := reader(e)
	at := 0
	for _, b := range request.Frames(e) {
		p, ok := lowpan.PieceOf(r.Dissect(b))
		g.Expect(ok).To(BeTrue())
		g.Expect(p.Size).To(Equal(uint(448)))
		g.Expect(p.First).To(Equal(at == 0))
		g.Expect(p.From).To(Equal(at))
		at = p.To
	}
	g.Expect(at).To(Equal(448))

	r = reader(e)
	whole := request.Packet(e)
	var got []byte
	n := 0
	for _, b := range request.Frames(e) {
		f := reader(e).Dissect(b)
		halves := [][]byte{b}
		if f.Has(lowpan.FragNProto) {
			halves = lowpan.Halve(f)
		}
		for _, h := range halves {
			n++
			if ip := r.Dissect(h).Packet(); ip != nil {
				got = ip
			}
		}
	}
	g.Expect(n).To(BeNumerically(">", len(request.Frames(e))))
	g.Expect(got).To(Equal(whole))
}

// A header that is left out of the first fragment is not announced in NHC form by the one before it (RFC 6282, section 2).
func TestHeadersThatDoNotFit(t *testing.T) {
	e := env()
	for n := 16; n <= 320; n += 8 {
		g := NewWithT(t)
		packet := ipv6.Header(ipv6.Dst.Is(ipv6.MustAddr("2001:db8:9::1"))).Then(
			ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, make([]byte, n-4)...))),
			udp.Datagram(udp.SrcPort.Is(1), udp.DstPort.Is(2)))
		r := reader(e)
		var got []byte
		for _, b := range packet.Frames(e) {
			f := r.Dissect(b)
			g.Expect(f.Err).NotTo(HaveOccurred(), "header of %d octets", n)
			got = f.Packet()
		}
		g.Expect(got).To(Equal(packet.Packet(e)), "header of %d octets", n)
	}
}
