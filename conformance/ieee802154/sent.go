package ieee802154

import (
	"net"
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The form of what a target sends: sections 7.2 and 6.7.1. An answer to an echo is what is looked at.

func init() {
	toAll := ieee802154.Data(ieee802154.Dst.Is(ieee802154.Broadcast))
	suite.It("mac.tx.broadcast", "a frame to everybody asks for no acknowledgement",
		check.Proves("IEEE802154:7.2.1.4-1", mutate.Field(toAll, ieee802154.AckRequest.Is(1))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			if err := lan.UDP(0).SendTo([]byte("to all"), netip.AddrPortFrom(lan.Zoned(ipv6.AllNodes), 9)); err != nil {
				p.Inconclusive("the target sends nothing to a group: %v", err)
			}
			p.Must("IEEE802154:7.2.1.4-1", lan.Expect(toAll, probe.For()), ieee802154.AckRequest.Is(0))
		})
	suite.It("mac.tx.control", "the frame control field of a data frame says what the frame is, and nothing else",
		check.Proves("IEEE802154:7.2.1-1", mutate.Field(replies, ieee802154.Reserved.Is(1))).
			And("IEEE802154:7.2.1.3-1", mutate.Field(replies, ieee802154.Pending.Is(1))).
			And("IEEE802154:7.2.1.5-1", mutate.Field(replies, ieee802154.SrcPAN.Is(0x0b0b))),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := echo(lan)
			f := lan.Ask(request, reply, probe.For())
			p.Must("IEEE802154:7.2.1-1", f, ieee802154.Reserved.Is(0))
			p.Must("IEEE802154:7.2.1.3-1", f, ieee802154.Pending.Is(0))
			if v, _ := ieee802154.Version.Of(f); v < ieee802154.Version2015 {
				p.Must("IEEE802154:7.2.1.5-1", f, ieee802154.PANCompression.Is(1))
			} else {
				p.Meets("IEEE802154:7.2.1.5-1")
			}
		})
	suite.It("mac.tx.addresses", "a data frame is within the PAN, and from an address of the station",
		check.Proves("IEEE802154:7.2.3-1", mutate.Field(replies, ieee802154.DstPAN.Is(ieee802154.AnyPAN))).
			And("IEEE802154:6.7.1-2", mutate.Field(replies, ieee802154.Src.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0x55, 0x56}))).
			And("IEEE802154:7.2.6-1", mutate.Field(replies, ieee802154.Src.Is(ieee802154.Broadcast))),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := echo(lan)
			f := lan.Ask(request, reply, probe.For())
			p.Must("IEEE802154:7.2.3-1", f, ieee802154.DstPAN.Is(uint(lan.Net().PAN)))
			src, _ := ieee802154.Src.Of(f)
			own := lan.Net().Target
			p.That("IEEE802154:6.7.1-2", "source address", src.String(), gomega.BeElementOf(own.MAC.String(), own.ShortAddr.String()))
			p.That("IEEE802154:7.2.6-1", "source address", src.String(), gomega.Not(gomega.Equal(ieee802154.Broadcast.String())))
		})
	suite.It("mac.tx.number", "each new frame has the next sequence number",
		check.Proves("IEEE802154:6.7.1-1", mutate.Field(replies, ieee802154.Sequence.Is(7))),
		func(p *probe.P) {
			lan := p.IPv6()
			for range 3 {
				request, reply := echo(lan)
				lan.Ask(request, reply, probe.For())
			}
			last, known := uint(0), false
			for _, f := range lan.Seen(ieee802154.Data()) {
				n, ok := ieee802154.Sequence.Of(f)
				if ok && known {
					p.That("IEEE802154:6.7.1-1", "sequence number", n, gomega.Equal((last+1)&0xff))
				}
				last, known = n, ok
			}
		})
	suite.It("mac.tx.length", "no frame is longer than 127 octets, and one that the edition of 2003 reads has 102 octets of payload at most",
		check.Proves("IEEE802154:6.7.2-9", mutate.Octets(ieee802154.Data(), "filled up to 130 octets", func(b []byte) []byte {
			return resealed(append(b, make([]byte, 130-len(b))...))
		})).
			And("IEEE802154:7.2.1.9-2", mutate.Octets(ieee802154.Data(), "filled up to 127 octets, as version 0", func(b []byte) []byte {
				b[1] &^= 0x30
				return resealed(append(b, make([]byte, max(0, 127-len(b)))...))
			})),
		func(p *probe.P) {
			lan := p.IPv6()
			id := lan.Serial()
			lan.Forget()
			lan.Send(icmpv6.Echo(id, 1, make([]byte, 600)))
			lan.Wait(2 * over)
			frames := lan.Seen(ieee802154.Data())
			p.That("IEEE802154:6.7.2-9", "frames of an answer of 648 octets", len(frames), gomega.BeNumerically(">", 5))
			p.Meets("IEEE802154:7.2.1.9-2")
			for _, f := range frames {
				p.That("IEEE802154:6.7.2-9", "octets of a frame", len(f.Bytes), gomega.BeNumerically("<=", ieee802154.MaxOctets))
				if v, _ := ieee802154.Version.Of(f); v == ieee802154.Version2003 {
					header, _ := ieee802154.Octets.Of(f)
					p.That("IEEE802154:7.2.1.9-2", "octets of payload in version 0", len(f.Bytes)-len(header)-2, gomega.BeNumerically("<=", 102))
				}
			}
		})
	suite.It("mac.tx.fcs", "the FCS of a data frame is right",
		check.Proves("IEEE802154:7.2.10-1", mutate.Octets(replies, "with another FCS", func(b []byte) []byte {
			b[len(b)-1] ^= 1
			return b
		})),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := echo(lan)
			f := lan.Ask(request, reply, probe.For("IEEE802154:7.2.10-1"))
			n := len(f.Bytes) - 2
			p.That("IEEE802154:7.2.10-1", "FCS", uint16(f.Bytes[n])|uint16(f.Bytes[n+1])<<8, gomega.Equal(ieee802154.Sum(f.Bytes[:n])))
		})
}

// frame is any frame with these conditions, for mutants.
func frame(conds ...packet.Cond) packet.Template { return ieee802154.Header(conds...) }
