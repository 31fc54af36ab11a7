package sockets

import (
	"bytes"
	"fmt"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

const (
	protocolUDP = 17  // which every stack has, and some have raw sockets of no other
	anyOfRaw    = 255 // IPPROTO_RAW
)

const rawPort = 4077 // of the datagrams, on the target's side

// written is a datagram with its header, from the target to the tester, with what a check wants to be in it.
func written(host *probe.Tester, conds ...packet.Cond) []byte {
	t := datagram(rawPort, testerPort, "with a header").With(ipv4.Src.Is(host.TargetIP()), ipv4.Dst.Is(host.IP())).With(conds...)
	f := host.Framed(t)
	total, _ := ipv4.TotalLength.Of(f)
	return bytes.Clone(f.Bytes[linkHeader : linkHeader+int(total)])
}

// ownHeader opens a raw socket whose user writes the header.
func ownHeader(host *probe.Tester) *probe.Socket {
	s := host.Open("inet", "raw", protocolUDP)
	must(host, s, set("IP_HDRINCL", 1))
	return s
}

func init() {
	of := udp.Datagram(udp.SrcPort.Is(rawPort))
	raw := func(id, title string, claims check.Claims, body func(host *probe.Tester)) {
		suite.It(id, title, claims.Needs(target.Agent), func(p *probe.P) { body(p.IPv4()) })
	}
	sends := func(host *probe.Tester, requirement string, s *probe.Socket, b []byte) *packet.Frame {
		granted(host, requirement, s, send(b, there(host, 0)))
		return host.Expect(of, probe.For(requirement))
	}

	raw("raw.hdrincl.written", "with IP_HDRINCL the header is the one that the user has written",
		check.Proves("LINUX:raw-1", mutate.Field(of, ipv4.TOS.Is(0))),
		func(host *probe.Tester) {
			b := written(host, ipv4.TOS.Is(0x28), ipv4.DF.Is(1))
			host.Must("LINUX:raw-1", sends(host, "LINUX:raw-1", ownHeader(host), b), ipv4.TOS.Is(0x28), ipv4.DF.Is(1), ipv4.Protocol.Is(protocolUDP), ipv4.Src.Is(host.TargetIP()), ipv4.Dst.Is(host.IP()))
		})

	raw("raw.hdrincl.filled", "with IP_HDRINCL checksum and length are filled in, and source and identification where they are zero",
		check.Proves("LINUX:raw-2", mutate.Field(of, ipv4.Checksum.Is(0x1234))).
			And("LINUX:raw-3", mutate.Field(of, ipv4.Src.Is(ipv4.MustAddr("192.0.2.77")))).
			And("LINUX:raw-4", mutate.Field(of, ipv4.ID.Is(0))).
			And("LINUX:raw-5", mutate.Missing(of)),
		func(host *probe.Tester) {
			s, zeros := ownHeader(host), 0
			const times = 3
			for range times { // an identification that is chosen may be zero
				b := written(host, ipv4.ID.Is(0))
				b[2], b[3] = 0, 0 // the total length
				b[10], b[11] = 0xba, 0xad
				copy(b[12:16], []byte{0, 0, 0, 0}) // the source
				f := sends(host, "LINUX:raw-5", s, b)
				host.Must("LINUX:raw-5", f, ipv4.TotalLength.Is(uint(len(b))))
				host.Must("LINUX:raw-3", f, ipv4.Src.Is(host.TargetIP()))
				host.That("LINUX:raw-2", "the sum over the header", packet.Checksum(f.Header(ipv4.Proto)), gomega.BeZero())
				if id, _ := ipv4.ID.Of(f); id == 0 {
					zeros++
				}
			}
			host.That("LINUX:raw-4", fmt.Sprintf("how many of %d identifications are zero", times), zeros, gomega.BeNumerically("<", times))
		})

	raw("raw.any", "a socket of IPPROTO_RAW sends any protocol, with the user's header",
		check.Proves("LINUX:raw-7", mutate.Missing(of)),
		func(host *probe.Tester) {
			s := host.Open("inet", "raw", anyOfRaw)
			host.Must("LINUX:raw-7", sends(host, "LINUX:raw-7", s, written(host, ipv4.TOS.Is(0x28))), ipv4.TOS.Is(0x28), ipv4.Protocol.Is(protocolUDP))
		})

	raw("raw.receive", "what a raw socket of IPv4 receives has its header",
		check.Proves("LINUX:raw-6", mutate.Replies("leaves the header out", received, func(r *agent.Reply) { r.Data = r.Data[min(20, len(r.Data)):] })),
		func(host *probe.Tester) {
			s := host.Open("inet", "raw", protocolUDP)
			f := host.Framed(datagram(testerPort, rawPort, "to a raw socket"))
			host.SendBytes(f.Bytes)
			r, ok := s.Recv().Delivered()
			host.That("LINUX:raw-6", "a datagram is received", ok && r.Errno == "", gomega.BeTrue())
			total, _ := ipv4.TotalLength.Of(f)
			host.That("LINUX:raw-6", "its octets", r.Data, gomega.Equal(f.Bytes[linkHeader:linkHeader+int(total)]))
		})
}
