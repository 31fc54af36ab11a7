package rfc4944

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Reassembly: section 5.3.

// settles is by when the fragments of one packet have come.
const settles = 300 * time.Millisecond

// backwards has the first fragment last.
func backwards(ps []packet.Template) []packet.Template {
	out := slices.Clone(ps)
	slices.Reverse(out)
	return out
}

// sendAll puts fragments on the link, in time for a target that keeps few frames.
func sendAll(lan *probe.Tester, parts ...packet.Template) {
	for _, part := range parts {
		lan.Send(part)
		lan.Wait(time.Millisecond)
	}
}

// everything is the packet that a later fragment completes, as it would be in one frame: its reader has seen all parts.
func everything(f *packet.Frame) [][]byte {
	if f.Packet() == nil {
		return [][]byte{f.Bytes}
	}
	return f.Rewrites(icmpv6.Code.Is(0))
}

// An overlap is a fragment that is not one of those that were there, or part of one.
type overlap struct {
	name     string
	from, to int
	other    bool // its octets are not those of the packet
}

func (o overlap) String() string { return o.name }

// The packet of the checks of overlaps has 248 octets. Its fragments are 0 to 88, 88 to 168, 168 to 248; a frame has room for 96.
var overlaps = []overlap{
	{"begins within another one", 80, 160, false},
	{"begins within another one, with other octets", 80, 160, true},
	{"is shorter than another one", 88, 152, false},
	{"is longer than another one", 88, 176, false},
	{"is within another one", 96, 112, false},
	{"is around another one", 80, 176, false},
	{"is longer than the first one", 0, 96, false},
	{"is shorter than the first one", 0, 80, false},
}

func init() {
	for _, order := range []struct {
		id, title, req string
		mutation       mutate.Mutation
		of             func(parts []packet.Template) []packet.Template
	}{
		{"frag.order.first-last", "fragments in any order make the packet, the first one last", "RFC4944:5.3-14", mutate.Ignores(lowpan.AnyFirst()), backwards},
		{"frag.order.mixed", "fragments in any order make the packet", "RFC4944:5.3-14", mutate.DeafAfter(1, lowpan.AnyFirst(), lowpan.AnyLater()),
			func(ps []packet.Template) []packet.Template {
				return append(append(slices.Clone(ps[2:]), ps[0]), ps[1])
			}},
		{"dispatch.fragn", "dispatch 11100xxx: the header of a later fragment follows", "RFC4944:5.1-9", mutate.Ignores(lowpan.AnyLater()), slices.Clone[[]packet.Template]},
		{"frag.duplicate", "a fragment that comes again changes nothing", "RFC4944:5.3-22", mutate.DeafAfter(2, lowpan.AnyLater(), lowpan.AnyLater()),
			func(ps []packet.Template) (out []packet.Template) {
				for _, p := range ps[:len(ps)-1] {
					out = append(out, p, p)
				}
				return append(out, ps[len(ps)-1])
			}},
	} {
		suite.It(order.id, order.title, check.Proves(order.req, order.mutation), func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 300)
			sendAll(lan, order.of(lowpan.SplitEvery(request.Packet(lan.Env()), 0x1234, 96))...)
			lan.Expect(reply)
		})
	}

	check.Grid(suite, "frag.mtu", "a packet of up to 1280 octets goes over the link",
		check.Proves("RFC4944:4-1", mutate.Ignores(lowpan.AnyFirst(lowpan.Frag1Size.Is(1280)))), []int{1000, 1279, 1280},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			request, reply := ping(lan, n-48)
			sendAll(lan, lowpan.SplitEvery(request.Packet(lan.Env()), 0x77, 96)...)
			lan.Expect(reply, probe.Within(5*time.Second))
		})

	// What a fragment is of is told by four things.
	type other struct {
		what string
		part func(lan *probe.Tester, whole packet.Template) packet.Template
	}
	keys := []other{
		{"tag", func(_ *probe.Tester, t packet.Template) packet.Template { return t.With(lowpan.FragNTag.Is(0x1111)) }},
		{"size", func(_ *probe.Tester, t packet.Template) packet.Template { return t.With(lowpan.FragNSize.Is(156)) }},
		{"source", func(lan *probe.Tester, t packet.Template) packet.Template {
			return t.With(ieee802154.Src.Is(lan.Net().Testers[1].MAC))
		}},
		{"form of the source", func(lan *probe.Tester, t packet.Template) packet.Template {
			return t.With(ieee802154.Src.Is(lan.Host().ShortAddr))
		}},
		{"destination", func(lan *probe.Tester, t packet.Template) packet.Template {
			return t.With(ieee802154.Dst.Is(lan.Net().Target.ShortAddr))
		}},
		{"originator", func(lan *probe.Tester, t packet.Template) packet.Template {
			return lowpan.Mesh(lowpan.Originator.Is(lan.Net().Testers[1].MAC)).Then(t)
		}},
		{"final destination", func(lan *probe.Tester, t packet.Template) packet.Template {
			return lowpan.Mesh(lowpan.Final.Is(lan.Net().Target.ShortAddr)).Then(t)
		}},
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.what
	}
	check.Grid(suite, "frag.key", "fragments that differ in size, tag, source or destination make no packet",
		check.Proves("RFC4944:5.3-12", mutate.Gullible()).Needs(target.ShortAddress), names,
		func(p *probe.P, what string) {
			lan := p.IPv6()
			request, reply := ping(lan, 100)
			ip := request.Packet(lan.Env())
			later := lowpan.Part(ip, 0x1234, 96, len(ip))
			k := keys[slices.IndexFunc(keys, func(k other) bool { return k.what == what })]
			lan.Send(lowpan.Part(ip, 0x1234, 0, 96))
			lan.SendBad(k.part(lan, later), later)
			lan.Never(reply, settles, probe.Because("the second fragment is of another packet"))
			// Who keeps one packet at a time has forgotten the first fragment; who has it takes no notice of it.
			sendAll(lan, lowpan.Part(ip, 0x1234, 0, 96), later)
			lan.Expect(reply, probe.Because("now both are there"))
		})
	suite.It("frag.interleaved", "packets of two senders with one size and tag, their fragments in turn, are both made",
		check.Proves("RFC4944:5.3-12", mutate.MisreadsAs(lowpan.AnyLater(), "as if they came from one", func(f *packet.Frame) [][]byte {
			return f.Rewrites(ieee802154.Src.Is([]byte{2, 0, 0, 0, 0, 0, 0, 1}))
		})).Configured("CONFIG_NET_L2_IEEE802154_FRAGMENT_REASS_CACHE_SIZE=2"), // no RFC says how many are kept
		func(p *probe.P) {
			lan := p.IPv6()
			two := lan.As(1)
			a, answerA := ping(lan, 200)
			b, answerB := ping(two, 200)
			as, bs := lowpan.SplitEvery(a.Packet(lan.Env()), 5, 96), lowpan.SplitEvery(b.Packet(two.Env()), 5, 96)
			for i := range as {
				sendAll(lan, as[i])
				sendAll(two, bs[i])
			}
			lan.Expect(answerA)
			two.Expect(answerB)
		})

	check.Grid(suite, "frag.overlap", "a fragment that overlaps another one and is not the same ends the packet",
		check.Proves("RFC4944:5.3-15", mutate.Gullible()).
			And("RFC4944:5.3-16", mutate.Hushed(lowpan.AnyFirst(lowpan.Frag1Tag.Is(0x0bae)), icmpv6.EchoReply())),
		overlaps,
		func(p *probe.P, o overlap) {
			const gone, fresh = "RFC4944:5.3-15", "RFC4944:5.3-16"
			lan := p.IPv6()
			request, reply := ping(lan, 200)
			ip := request.Packet(lan.Env())
			sendAll(lan, lowpan.Part(ip, 0x0bad, 0, 88), lowpan.Part(ip, 0x0bad, 88, 168))
			octets := slices.Clone(ip)
			if o.other {
				for i := range octets[:o.to] {
					octets[i] ^= 0x55
				}
			}
			last := lowpan.Part(ip, 0x0bad, 168, len(ip))
			lan.SendBad(lowpan.Part(octets, 0x0bad, o.from, o.to), lowpan.Part(ip, 0x0bad, 88, 168)) // who overlooks it has the same one twice
			lan.Send(last)
			lan.Never(reply, settles, probe.For(gone), probe.Because("nothing that was there before the overlap is left"))

			// What may begin with the overlapping fragment is complete with the octets around it.
			request, reply = ping(lan, 200)
			ip = request.Packet(lan.Env())
			sendAll(lan, lowpan.Part(ip, 0x0bae, 0, 88), lowpan.Part(ip, 0x0bae, 88, 168), lowpan.Part(ip, 0x0bae, 80, 160))
			sendAll(lan, lowpan.Part(ip, 0x0bae, 0, 80), lowpan.Part(ip, 0x0bae, 160, len(ip)))
			lan.Wait(settles)
			p.Observed(fresh, "a new packet begins with the fragment that overlaps: %v", len(lan.Seen(reply)) > 0)
			request, reply = ping(lan, 200)
			sendAll(lan, lowpan.SplitEvery(request.Packet(lan.Env()), 0x0baf, 96)...)
			lan.Expect(reply, probe.For(fresh), probe.Because("the next packet in fragments is answered"))
		})

	suite.It("frag.timeout", "after 60 s what was collected is gone",
		check.Proves("RFC4944:5.3-19", mutate.MisreadsAs(lowpan.AnyLater(), "as the packet", everything)).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 100)
			ip := request.Packet(lan.Env())
			lan.Send(lowpan.Part(ip, 0x1234, 0, 96))
			p.Wait(61 * time.Second)
			lan.Send(lowpan.Part(ip, 0x1234, 96, len(ip)))
			lan.Never(reply, time.Second)
		})
	suite.It("frag.timeout.state", "after 60 s a packet with the same tag begins anew",
		check.Proves("RFC4944:5.3-20", mutate.DeafAfter(1, lowpan.AnyFirst(), lowpan.AnyFirst())).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			old, _ := ping(lan, 100)
			lan.Send(lowpan.Part(old.Packet(lan.Env()), 0x1234, 0, 96))
			p.Wait(61 * time.Second)
			request, reply := ping(lan, 100)
			ip := request.Packet(lan.Env())
			sendAll(lan, lowpan.Part(ip, 0x1234, 0, 96), lowpan.Part(ip, 0x1234, 96, len(ip)))
			lan.Expect(reply)
		})
	suite.It("frag.timeout.first", "the time counts from the fragment that came first, not from the last one",
		check.Proves("RFC4944:5.3-21", mutate.MisreadsAs(lowpan.AnyLater(lowpan.Offset.Is(24)), "as all of the packet", everything)).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 200)
			ip := request.Packet(lan.Env())
			for i, part := range lowpan.SplitEvery(ip, 0x1234, 96) { // at 0, 31 and 62 s
				if i > 0 {
					p.Wait(31 * time.Second)
				}
				lan.Send(part)
			}
			lan.Never(reply, time.Second)
		})

	check.Grid(suite, "frag.oversize", "a fragment that goes beyond datagram_size makes no packet",
		check.Proves("RFC4944:5.3-11", mutate.Gullible()), []int{8, 48, 800},
		func(p *probe.P, beyond int) {
			lan := p.IPv6()
			request, reply := ping(lan, 100)
			ip := request.Packet(lan.Env())
			good := lowpan.Part(ip, 0x1234, 96, len(ip))
			lan.Send(lowpan.Part(ip, 0x1234, 0, 96))
			lan.SendBad(good.With(lowpan.Offset.Is(uint(96+beyond)/8)), good)
			lan.Never(reply, settles)
			sound, reply := ping(lan, 100)
			sendAll(lan, lowpan.SplitEvery(sound.Packet(lan.Env()), 0x1235, 96)...)
			lan.Expect(reply, probe.For(), probe.Because("the next packet is answered"))
		})
	check.Grid(suite, "frag.missing", "a packet of which a fragment is missing is not taken",
		check.Proves("RFC4944:5.3-11", mutate.Misshifts(lowpan.AnyLater(lowpan.Offset.Is(24)), lowpan.Offset, -12)), []int{0, 1, 2},
		func(p *probe.P, missing int) {
			lan := p.IPv6()
			request, reply := ping(lan, 200)
			parts := lowpan.SplitEvery(request.Packet(lan.Env()), 0x1234, 96)
			sendAll(lan, slices.Delete(slices.Clone(parts), missing, missing+1)...)
			lan.Never(reply, settles, probe.Because(fmt.Sprintf("fragment %d has not come", missing)))
			lan.Ask(parts[missing], reply, probe.Because("now it is whole"))
		})
}
