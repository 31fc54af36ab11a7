package ipv4

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// A span is the part of a datagram that one fragment carries, of the older or of the newer version of the data.
type span struct {
	from, to int
	newer    bool
}

// An overlap is fragments that cover some octets twice, in the order of their arrival.
type overlap struct {
	name  string
	spans []span
}

func (o overlap) String() string { return o.name }

// The data of an echo with 64 octets ends at octet 72.
var overlaps = []overlap{
	{"equal-data", []span{{0, 40, false}, {24, 72, false}}},
	{"new-behind", []span{{0, 40, false}, {24, 72, true}}},
	{"new-in-front", []span{{24, 72, false}, {0, 40, true}}},
	{"new-inside", []span{{0, 48, false}, {16, 32, true}, {48, 72, false}}},
	{"new-around", []span{{16, 32, false}, {8, 48, true}, {0, 8, false}, {48, 72, false}}},
	{"new-fills-a-gap", []span{{0, 24, false}, {48, 72, false}, {16, 56, true}}},
	{"same-place", []span{{0, 24, false}, {24, 48, false}, {24, 48, true}, {48, 72, false}}},
}

// versions are what the spans make of two versions of a datagram: where they overlap the first or the last counts.
func (o overlap) versions(older, newer []byte) (firstCounts, lastCounts []byte) {
	firstCounts, lastCounts = make([]byte, len(older)), make([]byte, len(older))
	set := make([]bool, len(older))
	for _, s := range o.spans {
		from := older
		if s.newer {
			from = newer
		}
		for i := s.from; i < s.to; i++ {
			lastCounts[i] = from[i]
			if !set[i] {
				firstCounts[i], set[i] = from[i], true
			}
		}
	}
	return firstCounts, lastCounts
}

var reassemblyExceeded = icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimeExceeded), icmpv4.Code.Is(1))

func init() {
	// RFC 791 takes the newest as an example and RFC 815 leaves it open; many hosts drop such a datagram. What no host may do
	// is to pass on octets that nobody sent there. Both versions have the same checksum, so it does not hide them.
	corrupt := mutate.Forge(later, icmpv4.EchoReply(icmpv4.ID.Is(1)).Then(packet.Payload(kit.Pattern(16))))
	check.Grid(suite, "ipv4.reassembly.overlap", "of fragments that overlap one version or the other is passed on, or none",
		check.Proves("RFC815:1-4", corrupt).And("RFC6864:4.2-2", corrupt).And("RFC791:3.2-RP-10", corrupt),
		overlaps,
		func(p *probe.P, o overlap) {
			host := p.IPv4()
			data := kit.Pattern(64)
			f := whole(host, data)
			older := f.Body(ipv4.Proto)
			newer := append(append([]byte(nil), older[:8]...), twin(data)...)
			echoID, _ := icmpv4.ID.Of(f)
			ipID, _ := ipv4.ID.Of(f)
			other := kit.Framed(host, icmpv4.Echo(echoID, 1, twin(data)).With(ipv4.ID.Is(ipID)))
			for _, s := range o.spans {
				from := f
				if s.newer {
					from = other
				}
				host.Send(ipv4.Part(from, s.from, s.to))
			}
			p.Step("whatever became of it, the next datagram is put together")
			next := whole(host, data)
			sendAll(host, thirds(next), 0, 1, 2)
			host.Expect(replyTo(next), probe.For())
			firstCounts, lastCounts := o.versions(older, newer)
			for _, req := range []string{"RFC815:1-4", "RFC6864:4.2-2", "RFC791:3.2-RP-10"} {
				p.Observed(req, "datagrams of overlapping fragments are dropped")
				for _, reply := range host.Seen(replyTo(f)) {
					got, _ := packet.Data.Of(reply)
					p.Observed(req, "datagrams of overlapping fragments are passed on")
					p.That(req, "the data, of the first or of the last fragment that had it", got,
						gomega.Or(gomega.Equal(firstCounts[8:]), gomega.Equal(lastCounts[8:])))
				}
			}
		})

	// Zeros do not change the checksum of an echo, so what was cut to 65535 octets, or wrapped around, would be answered.
	beyond := ipv4.Header(ipv4.Offset.Is(65520 / 8))
	suite.It("ipv4.reassembly.overlong", "fragments that end beyond 65535 octets make no datagram",
		check.Proves("RFC791:3.1-HF-7", mutate.Forge(beyond, icmpv4.EchoReply(icmpv4.ID.Is(1)))),
		func(p *probe.P) {
			host := p.IPv4()
			f := whole(host, nil)
			const size = 1456
			for at := 0; at < 65520; at += size {
				host.Send(ipv4.Part(f, at, min(at+size, 65520)).With(ipv4.MF.Is(1)))
			}
			host.Send(ipv4.Part(f, 65520, 65520+100))
			alive(host)
			fragments := host.Seen(anyICMP.With(ipv4.MF.Is(1)))
			p.That("RFC791:3.1-HF-7", "fragments of a reply", fragments, gomega.BeEmpty())
			p.That("RFC791:3.1-HF-7", "replies", host.Seen(replyTo(f)), gomega.BeEmpty())
		})

	suite.It("ipv4.reassembly.timeout", "an incomplete datagram is dropped after a fixed time, and its source is told if the first fragment came",
		check.Proves("RFC1122:3.3.2-5", mutate.Missing(reassemblyExceeded)).
			And("RFC1122:3.3.2-6", mutate.Late(reassemblyExceeded, 61*time.Second)).
			And("RFC791:3.2-RP-9", mutate.Forge(last, icmpv4.EchoReply(icmpv4.ID.Is(1)))).
			And("RFC815:7-2", mutate.DeafAfter(3, first, first)).Slow(),
		func(p *probe.P) {
			host := p.IPv4()
			ttls := map[uint]uint{} // by identification
			var heads []*packet.Frame
			for _, ttl := range []uint{1, 64, 255} {
				f := whole(host, kit.Pattern(64), ipv4.TTL.Is(ttl))
				id, _ := ipv4.ID.Of(f)
				ttls[id], heads = ttl, append(heads, f)
			}
			alive(host) // the tester is known: nothing waits for ARP later
			since := p.Now()
			for _, f := range heads {
				host.Send(thirds(f)[0])
			}
			host.Send(thirds(whole(host, kit.Pattern(64)))[2])
			for range heads {
				e := host.Expect(reassemblyExceeded, probe.For("RFC1122:3.3.2-5"), probe.Within(4*time.Minute))
				id, _ := ipv4.ID.Of(e.Quoted())
				p.Between("RFC1122:3.3.2-6", fmt.Sprintf("the time for reassembly of a datagram with TTL %d", ttls[id]), e.At-since, 60*time.Second, 120*time.Second)
			}
			p.Step("the rest of the first one comes too late")
			parts := thirds(heads[0])
			sendAll(host, parts, 1, 2)
			alive(host)
			p.That("RFC1122:3.3.2-5", "errors, none about the datagram whose first fragment did not come", len(host.Seen(icmpv4.Error())), gomega.Equal(3))
			p.That("RFC791:3.2-RP-9", "replies to what came too late", host.Seen(replyTo(heads[0])), gomega.BeEmpty())
			p.Step("it is the beginning of a new one")
			sendAll(host, parts, 0)
			reassembled(host, heads[0], kit.Pattern(64), "RFC815:7-2")
		})
}
