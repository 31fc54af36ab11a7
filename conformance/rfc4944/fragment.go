package rfc4944

import (
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
)

// Fragmentation and reassembly: section 5.3.

func init() {
	for _, order := range []struct {
		id, title, req string
		mutation       mutate.Mutation
		of             func(parts []packet.Template) []packet.Template
	}{
		{"frag.order.first-last", "fragments in any order make the packet, the first one last", "RFC4944:5.3-14", mutate.Ignores(lowpan.AnyFirst()),
			func(ps []packet.Template) []packet.Template {
				out := []packet.Template{}
				for i := len(ps) - 1; i >= 0; i-- {
					out = append(out, ps[i])
				}
				return out
			}},
		{"dispatch.fragn", "dispatch 11100xxx: the header of a later fragment follows", "RFC4944:5.1-9", mutate.Ignores(lowpan.AnyLater()),
			func(ps []packet.Template) []packet.Template { return ps }},
	} {
		suite.It(order.id, order.title, check.Proves(order.req, order.mutation), func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 200)
			for _, part := range order.of(lowpan.SplitEvery(request.Packet(lan.Env()), 0x1234, 96)) {
				lan.Send(part)
			}
			lan.Expect(reply)
		})
	}

	check.Grid(suite, "frag.key", "fragments that differ in size or tag make no packet",
		check.Proves("RFC4944:5.3-12", mutate.MisreadsAs(lowpan.AnyLater(lowpan.FragNTag.Is(0x1111)), "with the other tag", func(f *packet.Frame) [][]byte {
			return f.Rewrites(lowpan.FragNTag.Is(0x1234))
		})), []string{"tag"},
		func(p *probe.P, _ string) {
			lan := p.IPv6()
			request, reply := ping(lan, 100)
			ip := request.Packet(lan.Env())
			lan.Send(lowpan.Part(ip, 0x1234, 0, 96))
			lan.Send(lowpan.Part(ip, 0x1111, 96, len(ip)))
			lan.Never(reply, time.Second)
		})

	suite.It("frag.timeout", "after 60 s what was collected is gone",
		check.Proves("RFC4944:5.3-19", mutate.MisreadsAs(lowpan.AnyLater(), "as the packet", everything)).
			And("RFC4944:5.3-20", mutate.MisreadsAs(lowpan.AnyLater(), "as the whole packet", everything)).
			And("RFC4944:5.3-21", mutate.MisreadsAs(lowpan.AnyLater(), "as all of the packet", everything)).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 100)
			ip := request.Packet(lan.Env())
			lan.Send(lowpan.Part(ip, 0x1234, 0, 96))
			p.Wait(61 * time.Second)
			lan.Send(lowpan.Part(ip, 0x1234, 96, len(ip)))
			lan.Never(reply, time.Second, probe.For("RFC4944:5.3-19", "RFC4944:5.3-20", "RFC4944:5.3-21"))
		})
}

// everything is the packet that a later fragment completes, as it would be in one frame: its reader has seen all parts.
func everything(f *packet.Frame) [][]byte {
	if f.Packet() == nil {
		return [][]byte{f.Bytes}
	}
	return f.Rewrites(icmpv6.Code.Is(0))
}
