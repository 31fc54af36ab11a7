package ipv4

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// stamped are the entries that a Timestamp option has up to its pointer: timestamps, each with its address for the flags
// that have them.
func stamped(option []byte) (times []uint32, by []netip.Addr) {
	entry := 4
	if option[3]&0xf != ipv4.TimestampsOnly {
		entry = 8
	}
	for at := 4; at+entry <= len(option) && at+1 < int(option[2]); at += entry {
		if entry == 8 {
			by = append(by, netip.AddrFrom4([4]byte(option[at:at+4])))
		}
		times = append(times, binary.BigEndian.Uint32(option[at+entry-4:]))
	}
	return times, by
}

// timeOfDay tells whether a timestamp is milliseconds since midnight, or says by its high-order bit that it is not.
func timeOfDay(v uint32) bool { return v < 24*60*60*1000 || v>>31 == 1 }

func init() {
	entries := make([]byte, 24)
	reply := anyReply.With(holds(ipv4.TimestampType))
	noon := binary.BigEndian.AppendUint32(nil, 0x7fffffff)
	wrongTime := mutate.Field(reply, ipv4.Options.Is(ipv4.Timestamp(9, 0, ipv4.TimestampsOnly, join(noon, entries[:20]))))
	untouched := mutate.Field(reply, ipv4.Options.Is(ipv4.Timestamp(5, 0, ipv4.TimestampsOnly, entries)))
	suite.It("ipv4.option.timestamp.only", "with flag 0 the target registers the time of day and moves the pointer by 4",
		check.Proves("RFC791:3.1-TS-4", untouched).
			And("RFC791:3.1-TS-7", mutate.Field(reply, ipv4.Options.Is(ipv4.Timestamp(7, 0, ipv4.TimestampsOnly, entries)))).
			And("RFC791:3.1-TS-1", mutate.Field(reply, ipv4.Options.Is(ipv4.Timestamp(9, 0, ipv4.TimestampsOnly, entries[:12])))).
			And("RFC791:3.1-TS-8", wrongTime).
			And("RFC791:3.1-TS-9", wrongTime).
			And("RFC791:3.1-TS-17", mutate.Field(reply, ipv4.Options.Is(join(ipv4.Timestamp(5, 0, 0, entries[:4]), ipv4.Timestamp(5, 0, 0, entries[:4]))))).
			And("RFC1122:3.2.1.8e-1", untouched),
		func(p *probe.P) {
			host := p.IPv4()
			o := returned(host, ipv4.TimestampType, ipv4.Timestamp(5, 0, ipv4.TimestampsOnly, entries),
				"RFC791:3.1-TS-4", "RFC791:3.1-TS-7", "RFC791:3.1-TS-1", "RFC791:3.1-TS-8", "RFC791:3.1-TS-9", "RFC791:3.1-TS-17", "RFC1122:3.2.1.8e-1")
			if o == nil {
				return
			}
			times, _ := stamped(o)
			p.Observed("RFC1122:3.2.1.8e-1", "Timestamp is supported")
			oneOrTwo := gomega.And(gomega.BeNumerically(">=", 1), gomega.BeNumerically("<=", 2))
			p.That("RFC791:3.1-TS-4", "timestamps, on the way in and perhaps out", len(times), oneOrTwo)
			p.That("RFC1122:3.2.1.8e-1", "timestamps, on the way in and perhaps out", len(times), oneOrTwo)
			p.That("RFC791:3.1-TS-7", "the pointer", int(o[2]), gomega.BeElementOf(5+4, 5+8))
			p.That("RFC791:3.1-TS-1", "the option's length, and its length octet", []int{len(o), int(o[1])}, gomega.Equal([]int{28, 28}))
			for _, v := range times {
				p.That("RFC791:3.1-TS-8", "a time of day in milliseconds", timeOfDay(v), gomega.BeTrue())
				p.That("RFC791:3.1-TS-9", "a time of day, or the high-order bit", timeOfDay(v), gomega.BeTrue())
			}
			options, _ := ipv4.Options.Of(host.Seen(anyReply)[0])
			p.That("RFC791:3.1-TS-17", "Timestamp options in the reply", len(ipv4.FindOptions(options, ipv4.TimestampType)), gomega.Equal(1))
		})

	suite.It("ipv4.option.timestamp.address", "with flag 1 the target's address stands before its timestamp",
		check.Proves("RFC791:3.1-TS-5", mutate.Field(reply, ipv4.Options.Is(ipv4.Timestamp(13, 0, ipv4.TimestampsWithAddrs, entries)))),
		func(p *probe.P) {
			host := p.IPv4()
			o := returned(host, ipv4.TimestampType, ipv4.Timestamp(5, 0, ipv4.TimestampsWithAddrs, entries), "RFC791:3.1-TS-5")
			if o == nil {
				return
			}
			times, by := stamped(o)
			self := host.TargetIP()
			p.That("RFC791:3.1-TS-5", "who registered", by, gomega.Or(gomega.Equal([]netip.Addr{self}), gomega.Equal([]netip.Addr{self, self})))
			for _, v := range times {
				p.That("RFC791:3.1-TS-5", "a time of day behind the address", timeOfDay(v), gomega.BeTrue())
			}
		})

	given := func(as ...netip.Addr) (area []byte) {
		for _, a := range as {
			area = append(append(area, a.AsSlice()...), 0, 0, 0, 0)
		}
		return area
	}
	check.Grid(suite, "ipv4.option.timestamp.given", "with flag 3 the target registers only when the next address is its own",
		check.Proves("RFC791:3.1-TS-6", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(reply, ipv4.Options.Is(ipv4.Timestamp(13, 0, ipv4.TimestampsOfGiven, given(offLink, n.Target.IP4))))
		})),
		[]string{"own", "other"},
		func(p *probe.P, next string) {
			host := p.IPv4()
			self, pointer := host.TargetIP(), byte(13)
			area := given(self, offLink)
			if next == "other" {
				area, pointer = given(offLink, self), 5
			}
			o := returned(host, ipv4.TimestampType, ipv4.Timestamp(5, 0, ipv4.TimestampsOfGiven, area), "RFC791:3.1-TS-6")
			if o == nil {
				return
			}
			p.That("RFC791:3.1-TS-6", "the pointer", o[2], gomega.Equal(pointer))
			p.That("RFC791:3.1-TS-6", "the addresses stay", join(o[4:8], o[12:16]), gomega.Equal(join(area[:4], area[8:12])))
			p.That("RFC791:3.1-TS-6", "the timestamp of the other address", binary.BigEndian.Uint32(o[16:]), gomega.Or(gomega.BeZero(), gomega.Satisfy(func(uint32) bool { return next == "other" })))
			if next == "other" {
				p.That("RFC791:3.1-TS-6", "the area", o[4:], gomega.Equal(area))
			}
		})

	suite.It("ipv4.option.timestamp.full", "a datagram whose timestamps are full goes on with the overflow counted",
		check.Proves("RFC791:3.1-TS-12", mutate.Field(reply, ipv4.Options.Is(ipv4.Timestamp(9, 3, ipv4.TimestampsOnly, entries[:4])))),
		func(p *probe.P) {
			o := returned(p.IPv4(), ipv4.TimestampType, ipv4.Timestamp(9, 3, ipv4.TimestampsOnly, entries[:4]), "RFC791:3.1-TS-12")
			if o == nil {
				return
			}
			p.That("RFC791:3.1-TS-12", "the overflow count, raised on the way in and perhaps out", int(o[3]>>4), gomega.BeElementOf(4, 5))
			p.That("RFC791:3.1-TS-12", "the timestamps", o[4:], gomega.Equal(entries[:4]))
		})

	check.Grid(suite, "ipv4.option.timestamp.no-room", "an area with room for less than an entry is an error",
		check.Proves("RFC791:3.1-TS-13", mutate.Gullible()),
		[]anOption{
			{"half-a-timestamp", ipv4.Timestamp(5, 0, ipv4.TimestampsOnly, entries[:2])},
			{"address-without-timestamp", ipv4.Timestamp(5, 0, ipv4.TimestampsWithAddrs, entries[:4])},
			{"behind-another", ipv4.Timestamp(9, 0, ipv4.TimestampsOnly, entries[:6])},
		},
		func(p *probe.P, o anOption) {
			dropsBad(p, ipv4.TimestampType, o.octets, ipv4.Timestamp(5, 0, ipv4.TimestampsOnly, entries[:8]))
		})

	suite.It("ipv4.option.timestamp.overflow", "a full area with the overflow count at its limit is an error",
		check.Proves("RFC791:3.1-TS-14", mutate.Gullible()),
		func(p *probe.P) {
			full := func(overflow byte) []byte { return ipv4.Timestamp(9, overflow, ipv4.TimestampsOnly, entries[:4]) }
			dropsBad(p, ipv4.TimestampType, full(15), full(0))
		})

	check.Grid(suite, "ipv4.option.timestamp.pointer", "the smallest pointer of Timestamp is 5",
		check.Proves("RFC791:3.1-TS-3", mutate.Gullible()),
		[]byte{0, 1, 4},
		func(p *probe.P, pointer byte) {
			at := func(pointer byte) []byte {
				return ipv4.Timestamp(pointer, 0, ipv4.TimestampsOnly, bytes.Repeat([]byte{0}, 8))
			}
			dropsBad(p, ipv4.TimestampType, at(pointer), at(5))
		})
}
