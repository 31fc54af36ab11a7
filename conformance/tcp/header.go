package tcp

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// A sumFault makes a wrong checksum of the right one.
type sumFault struct {
	name string
	of   func(right uint) uint
}

func (f sumFault) String() string { return f.name }

var sumFaults = []sumFault{ // never written
	{"off-by-one", func(right uint) uint { return (right + 1) & 0xffff }},
	{"zero", func(right uint) uint {
		if right == 0 {
			return 0x55aa
		}
		return 0
	}},
	{"inverted", func(right uint) uint { return ^right & 0xffff }},
}

func init() {
	it("tcp.header.checksum-sent", "the checksum covers pseudo-header, header and data of every segment",
		check.Proves("RFC9293:MUST-2", mutate.Field(tcp.Segment(tcp.PSHBit.Is(1)), tcp.Checksum.Is(0x1234))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Acknowledge(probe.Receiver{})
			sent := 0
			for _, n := range []int{1, 2, 35, 600} {
				c.Socket.Write(probe.Pattern(n))
				sent += n
				c.Gather(sent)
			}
			c.Data([]byte("odd"))
			c.Socket.Shutdown(probe.ShutWrite)
			c.Expect(c.Any(tcp.Has(tcp.FIN)), probe.For())
			for _, f := range c.Sent() {
				window, _ := tcp.Window.Of(f)
				right, _ := tcp.Checksum.Of(packet.Dissect(host.Net().Link, f.Rewrite(tcp.Window.Is(window))))
				host.Must("RFC9293:MUST-2", f, tcp.Checksum.Is(right))
			}
		})

	grid("tcp.header.checksum", "data with a wrong checksum is not taken",
		check.Proves("RFC9293:MUST-3", mutate.Gullible()), sumFaults,
		func(host *probe.Tester, fault sumFault) {
			c := host.TCP()
			c.Open(probe.Passive)
			good := c.Segment(tcp.PSH|tcp.ACK, []byte("octets"))
			c.Overlooks(good.With(tcp.Checksum.Is(fault.of(checksumOf(host, good)))), good)
		})

	grid("tcp.header.checksum-listen", "a SYN with a wrong checksum is not answered",
		check.Proves("RFC9293:MUST-3", mutate.Gullible()), sumFaults,
		func(host *probe.Tester, fault sumFault) {
			c := host.TCP()
			c.Listen()
			good := c.Segment(tcp.SYN, nil)
			host.Silent(good.With(tcp.Checksum.Is(fault.of(checksumOf(host, good)))), good, c.Any())
		})

	grid("tcp.header.offset", "a data offset below the fixed header, or beyond the segment, makes no segment",
		check.Proves("RFC9293:3.1-1", mutate.Gullible()), []uint{0, 1, 4, 8, 15},
		func(host *probe.Tester, offset uint) {
			c := host.TCP()
			c.Open(probe.Passive)
			good := c.Segment(tcp.PSH|tcp.ACK, []byte("octets"))
			c.Overlooks(good.With(tcp.DataOffset.Is(offset)), good)
			strays := host.Seen(tcp.Segment(tcp.SrcPort.Not(uint(c.Remote)))) // a header that is none has no ports to answer to
			host.That("RFC9293:3.1-1", "segments that answer to no connection", len(strays), gomega.BeZero())
		})

	grid("tcp.header.reserved", "reserved bits that are set do not keep a segment from being taken",
		check.Proves("RFC9293:3.1-2", mutate.Ignores(tcp.Segment(tcp.Reserved.Not(0)))), []uint{1, 2, 4, 8, 15},
		func(host *probe.Tester, bits uint) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Data([]byte("octets"), tcp.Reserved.Is(bits))
			c.Expect(c.From(tcp.ACK, c.AckIs(6)))
			host.That("RFC9293:3.1-2", "the application reads the data", reads(c, 6), gomega.Equal("octets"))
		})
}

// checksumOf is what a template gets as its checksum.
func checksumOf(host *probe.Tester, t packet.Template) uint {
	sum, _ := tcp.Checksum.Of(packet.Dissect(host.Net().Link, host.Build(t)))
	return sum
}
