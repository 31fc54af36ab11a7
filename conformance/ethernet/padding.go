package ethernet

import (
	"bytes"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

const filler = 0xa5 // what the tester pads with: no data of its own

// dirty is a target that pads with what was in its buffer.
func dirty(frame []byte) []byte {
	return append(frame[:min(len(frame), header+28)], bytes.Repeat([]byte{filler}, least-28)...)
}

// padded is a frame with filler up to a data field of n octets.
func padded(t *probe.Tester, tmpl packet.Template, n int) []byte {
	b := t.Build(tmpl)
	f := packet.Dissect(t.Net().Link, b)
	total, _ := ipv4.TotalLength.Of(f)
	end := header + int(total)
	return append(b[:end:end], bytes.Repeat([]byte{filler}, header+n-end)...)
}

// overread is a target that takes the padding for data.
var overread = packet.Data.Is([]byte{'e', 'n', 'd', filler, filler})

func init() {
	// A link without network cards does not pad; then there is nothing to see. An echo reply without data is 28 octets.
	suite.It("ethernet.padding.zero", "padding octets are zero",
		check.Proves("RFC894:FF-4", mutate.Octets(anyReply, "with padding from its buffer", dirty)),
		func(p *probe.P) {
			host := p.IPv4()
			request, reply := echo(p, nil)
			f := host.Ask(request, reply, probe.For())
			total, _ := ipv4.TotalLength.Of(f)
			p.That("RFC894:FF-4", "zeroes behind the datagram", bytes.Trim(f.Bytes[header+int(total):], "\x00"), gomega.BeEmpty())
		})

	check.Grid(suite, "ethernet.padding.length", "padding is not counted in the total length",
		check.Proves("RFC894:FF-5", mutate.Field(anyReply, ipv4.TotalLength.Is(least))),
		[]int{0, 1, 17},
		func(p *probe.P, n int) {
			host := p.IPv4()
			request, _ := echo(p, kit.Pattern(n))
			f := host.Ask(request, datagram(host), probe.For())
			p.Must("RFC894:FF-5", f, ipv4.TotalLength.Is(uint(28+n)))
		})

	check.Grid(suite, "ethernet.padding.trim", "what stands behind the datagram in a frame is no part of it",
		check.Proves("RFC894:FF-6", mutate.Field(anyReply, overread)),
		[]int{least, 64, 1000, mtu},
		func(p *probe.P, n int) {
			host := p.IPv4()
			request, reply := echo(p, []byte("end"))
			host.SendBytes(padded(host, request, n))
			p.Must("RFC894:FF-6", host.Expect(reply, probe.For()), packet.Data.Is([]byte("end")))
		})

	check.Grid(suite, "ethernet.padding.delivered", "what stands behind the datagram does not reach the application",
		check.Proves("RFC894:FF-6", mutate.Field(udp.Datagram(), overread)).Needs(target.UDPEcho),
		[]int{least, 1000},
		func(p *probe.P, n int) {
			host := p.IPv4()
			from := udp.SrcPort.Is(30000 + p.Serial())
			to := udp.DstPort.Is(uint(p.UDPEcho()))
			host.SendBytes(padded(host, ipv4.Header().Then(udp.Datagram(from, to), packet.Payload([]byte("end"))), n))
			p.Must("RFC894:FF-6", host.Expect(udp.Datagram(), probe.For()), packet.Data.Is([]byte("end")))
		})

	check.Grid(suite, "ethernet.size.full", "a datagram of 1500 octets is accepted, and none longer is sent",
		check.Proves("RFC894:FF-8", mutate.Ignores(icmpv4.Echo(0x6666, 1, kit.Pattern(mtu-28)))).
			And("RFC894:FF-7", mutate.Octets(anyReply, "in frames that are too long", long)),
		[]int{mtu, mtu - 1},
		func(p *probe.P, n int) {
			host := p.IPv4()
			f := host.Ask(ipv4.Header().Then(icmpv4.Echo(0x6666, 1, kit.Pattern(n-28))), datagram(host), probe.For("RFC894:FF-8"))
			p.That("RFC894:FF-7", "octets in the data field", len(f.Bytes)-header, gomega.BeNumerically("<=", mtu))
		})

	suite.It("ethernet.size.more", "what does not fit into a frame is not sent in one",
		check.Proves("RFC894:FF-7", mutate.Octets(ipv4.Header(ipv4.Protocol.Is(17)), "in frames that are too long", long)).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			// RFC 1122 leaves it to the host whether the call fails or the datagram is cut.
			_ = p.UDP(0).SendTo(kit.Pattern(3000), addrPort(host.IP(), 9))
			alive(host)
			tell(p, host)
			for _, f := range host.Seen(ipv4.Header()) {
				p.That("RFC894:FF-7", "octets in the data field", len(f.Bytes)-header, gomega.BeNumerically("<=", mtu))
			}
		})
}

// long appends to a frame.
func long(frame []byte) []byte { return append(frame, make([]byte, mtu)...) }
