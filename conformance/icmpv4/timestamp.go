package icmpv4

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Timestamps are for a host to answer or not. What one answers has to be right; a host that does not answer breaks no
// rule about the answer.

const (
	originate   = 0x00112233 // of every request here, in ms since midnight
	day         = 24 * 60 * 60 * 1000
	nonStandard = 1 << 31 // marks a timestamp of another kind (RFC 792)
)

// stamps are the three timestamps of a message, as its data.
func stamps(originate, receive, transmit uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, originate)
	b = binary.BigEndian.AppendUint32(b, receive)
	return binary.BigEndian.AppendUint32(b, transmit)
}

var (
	anyTimestamp      = icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimestamp))
	anyTimestampReply = icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimestampReply))
	timestampRequest  = icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimestamp), icmpv4.ID.Is(0x1234), icmpv4.Seq.Is(0x5678)).
				Then(packet.Payload(stamps(originate, 0, 0)))
)

// forgedStamp is a target that answers a request with a reply that is right but for the given fields.
func forgedStamp(wrong ...packet.Cond) mutate.Mutation {
	right := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimestampReply), icmpv4.ID.Is(0x1234), icmpv4.Seq.Is(0x5678)).
		Then(packet.Payload(stamps(originate, originate, originate)))
	return mutate.Forge(anyTimestamp, right.With(wrong...))
}

// timestamp asks and gives the reply; nil when none comes before that to an echo, which settles the requirements.
func timestamp(host *probe.Tester, request packet.Template, requirements ...string) *packet.Frame {
	before := len(host.Seen(anyTimestampReply))
	host.Send(request)
	kit.Alive(host)
	if replies := host.Seen(anyTimestampReply); len(replies) > before {
		return replies[before]
	}
	host.Step("the target does not answer timestamp requests")
	for _, req := range requirements {
		host.Meets(req)
	}
	return nil
}

// instant is the timestamp at octet at of a reply's data; ms is false for one of another kind.
func instant(reply *packet.Frame, at int) (value uint32, ms bool) {
	data, _ := packet.Data.Of(reply)
	if len(data) < at+4 {
		return nonStandard, false
	}
	value = binary.BigEndian.Uint32(data[at:])
	return value, value&nonStandard == 0
}

// passed is the time from one instant to a later one, midnight or not.
func passed(from, to uint32) time.Duration {
	return time.Duration((int64(to)-int64(from)+day)%day) * time.Millisecond
}

func init() {
	suite.It("icmp.timestamp.reply", "a timestamp request is dropped or answered, with what it held",
		check.Proves("RFC792:TS-1", forgedStamp(icmpv4.Code.Is(1))).
			And("RFC792:TS-2", mutate.Here(func(n target.Net) mutate.Mutation { return forgedStamp(ipv4.Src.Is(n.Unused4)) })).
			And("RFC792:TS-3", forgedStamp(icmpv4.ID.Is(0xdead))).
			And("RFC792:TS-4", forgedStamp(packet.Data.Is(stamps(originate+1, originate, originate)))).
			And("RFC792:TS-6", forgedStamp(packet.Data.Is(stamps(originate, originate, originate-1000)))).
			And("RFC792:TS-8", forgedStamp(packet.Data.Is(stamps(originate, day, day)))).
			And("RFC1122:3.2.2.8-1", mutate.Forge(anyTimestamp, icmpv4.Unreachable(icmpv4.CodeProtocol))),
		func(p *probe.P) {
			host := p.IPv4()
			reply := timestamp(host, timestampRequest, "RFC792:TS-1", "RFC792:TS-2", "RFC792:TS-3", "RFC792:TS-4", "RFC792:TS-6", "RFC792:TS-8")
			p.That("RFC1122:3.2.2.8-1", "no error about the request", host.Seen(icmpv4.Error()), gomega.BeEmpty())
			if reply == nil {
				p.Observed("RFC1122:3.2.2.8-1", "timestamp requests are dropped")
				return
			}
			p.Observed("RFC1122:3.2.2.8-1", "timestamp requests are answered")
			p.Must("RFC792:TS-1", reply, icmpv4.Code.Is(0), packet.Data.Where("three timestamps", func(b []byte) bool { return len(b) == 12 }))
			p.Must("RFC792:TS-2", reply, ipv4.Src.Is(host.TargetIP()), ipv4.Dst.Is(host.IP()))
			p.That("RFC792:TS-2", "the sum over the message and its checksum is 0xffff", packet.Sum(reply.Body(ipv4.Proto)), gomega.Equal(uint16(0xffff)))
			p.Must("RFC792:TS-3", reply, icmpv4.ID.Is(0x1234), icmpv4.Seq.Is(0x5678))
			p.Must("RFC792:TS-4", reply, packet.Data.Where("the originate timestamp of the request first", func(b []byte) bool {
				return bytes.HasPrefix(b, stamps(originate, 0, 0)[:4])
			}))
			receive, ms1 := instant(reply, 4)
			transmit, ms2 := instant(reply, 8)
			for _, v := range []uint32{receive, transmit} {
				p.That("RFC792:TS-8", "a timestamp is below 86400000 ms or marked as of another kind", v, gomega.Or(
					gomega.BeNumerically("<", day), gomega.BeNumerically(">=", nonStandard)))
			}
			if !ms1 || !ms2 {
				p.Meets("RFC792:TS-6")
				return
			}
			p.That("RFC792:TS-6", "transmit comes after receive, within the second", passed(receive, transmit), gomega.BeNumerically("<", time.Second))
		})

	// The clock of the target is compared with itself, a second later. "Within a few minutes" of Universal Time is not
	// asked: the tester's clock need not be better than the target's.
	suite.It("icmp.timestamp.clock", "timestamps count milliseconds",
		check.Proves("RFC792:TS-5", forgedStamp()).
			And("RFC792:TS-7", forgedStamp()).
			And("RFC1122:3.2.2.8-8", forgedStamp()),
		func(p *probe.P) {
			host := p.IPv4()
			const apart = time.Second
			requirements := []string{"RFC792:TS-5", "RFC792:TS-7", "RFC1122:3.2.2.8-8"}
			began := p.Now()
			first := timestamp(host, timestampRequest, requirements...)
			if first == nil {
				return
			}
			before := p.Now()
			p.Wait(apart - (before - began))
			again := p.Now()
			second := timestamp(host, timestampRequest)
			a, standard := instant(first, 4)
			b, _ := instant(second, 4)
			if !standard {
				for _, req := range requirements {
					p.Meets(req)
				}
				p.Step("the timestamps are of another kind")
				return
			}
			const step = 67 * time.Millisecond // of a clock that is updated 15 times a second
			p.Between("RFC792:TS-5", "between the two requests, by the receive timestamps", passed(a, b), again-before-step, p.Now()-began+step)
			p.Between("RFC792:TS-7", "between the two requests, by the receive timestamps", passed(a, b), again-before-step, p.Now()-began+step)
			p.Between("RFC1122:3.2.2.8-8", "between the two requests, by the receive timestamps", passed(a, b), again-before-step, p.Now()-began+step)
		})

	suite.It("icmp.timestamp.address", "a timestamp reply comes from the address that the request was sent to",
		check.Proves("RFC1122:3.2.2.8-5", mutate.Here(func(n target.Net) mutate.Mutation { return forgedStamp(ipv4.Src.Is(n.Unused4)) })).
			Needs(target.SecondLink),
		func(p *probe.P) {
			for link := range 2 {
				host := p.IPv4().Link(link)
				if reply := timestamp(host, timestampRequest, "RFC1122:3.2.2.8-5"); reply != nil {
					p.Must("RFC1122:3.2.2.8-5", reply, ipv4.Src.Is(host.TargetIP()))
				}
			}
		})

	check.Grid(suite, "icmp.timestamp.recorded", "Record Route and Timestamp options of a timestamp request are updated and returned",
		check.Proves("RFC1122:3.2.2.6-10", forgedStamp()),
		recorders,
		func(p *probe.P, r recorder) {
			host := p.IPv4()
			if timestamp(host, timestampRequest, "RFC1122:3.2.2.6-10") == nil {
				return
			}
			host.Forget()
			recorded(host, "RFC1122:3.2.2.6-10", r, timestampRequest, anyTimestampReply)
		})

	suite.It("icmp.timestamp.source-route", "the source route of a timestamp request is reversed and used for the reply",
		check.Proves("RFC1122:3.2.2.8-6", forgedStamp(ipv4.Dst.Is(offLink))),
		func(p *probe.P) {
			host := p.IPv4()
			if timestamp(host, timestampRequest, "RFC1122:3.2.2.8-6") == nil {
				return
			}
			host.Forget()
			reply := host.Ask(sourceRouted(host, timestampRequest), anyTimestampReply, probe.For("RFC1122:3.2.2.8-6"))
			routedBack(host, "RFC1122:3.2.2.8-6", reply)
		})

	for _, k := range []struct {
		requirement string
		group       group
	}{
		{"RFC1122:3.2.2.8-3", limitedBroadcast},
		{"RFC1122:3.2.2.8-3", subnetBroadcast},
		{"RFC1122:3.2.2.8-4", allHosts},
	} {
		forged := mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(anyTimestamp.With(k.group.to(n)...), anyTimestampReply.With(ipv4.Src.Is(n.Unused4)))
		})
		suite.It("icmp.timestamp."+k.group.name, "a timestamp request to "+k.group.name+" is dropped, or answered from the target's own address",
			check.Proves(k.requirement, forged),
			func(p *probe.P) {
				host := p.IPv4()
				host.Send(timestampRequest.With(k.group.to(host.Net())...))
				kit.Alive(host)
				ownAddress(host, k.requirement, anyTimestampReply)
			})
	}
}
