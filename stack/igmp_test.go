package stack_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

var (
	groupIP  = ipv4.Addr{239, 1, 2, 3}
	groupIP2 = ipv4.Addr{239, 1, 2, 4}
	src1     = netip.MustParseAddr("192.0.2.11")
	src2     = netip.MustParseAddr("192.0.2.12")
	src3     = netip.MustParseAddr("192.0.2.13")
)

const (
	v3 = "01:00:5e:00:00:16 192.0.2.2 > 224.0.0.22 ttl 1 tos 192 DF options 94040000 IGMP "
	v2 = "01:00:5e:01:02:03 192.0.2.2 > 239.1.2.3 ttl 1 tos 192 DF options 94040000 IGMP "
)

func (k *kit) group(s *socket.Socket, o socket.Option, group ipv4.Addr, sources ...netip.Addr) {
	k.t.Helper()
	v := socket.Value{Group: group.Netip(), Sources: sources}
	if o == socket.IPMsfilter {
		v.Int = 1 // include
	}
	if err := s.SetOption(o, v); err != nil {
		k.t.Fatalf("%s %v %v: %v", o, group, sources, err)
	}
	k.advance(0)
}

// query is one from the tester, with router alert or without.
func query(version int, to, group ipv4.Addr, maxResp int, alert bool, sources ...netip.Addr) []byte {
	var m []byte
	switch version {
	case 1:
		m = igmp.Append(nil, igmp.Header{Type: igmp.Query})
	case 2:
		m = igmp.Append(nil, igmp.Header{Type: igmp.Query, MaxResp: igmp.Code(maxResp), Group: group})
	case 3:
		q := igmp.QueryV3{MaxResp: igmp.Code(maxResp), Group: group, QRV: 2, QQIC: 125}
		for _, s := range sources {
			q.SourceSet = append(q.SourceSet, s.AsSlice()...)
		}
		m = igmp.AppendQuery(nil, q)
	}
	igmp.Seal(m)
	h := ipv4.Header{Protocol: codec.IGMP, Dst: to, TTL: 1}
	if alert {
		h.Options = ipv4.Options{}.AppendRouterAlert()
	}
	f := ipFrame(h, m)
	mac := ethernet.Multicast4(to)
	copy(f, mac[:])
	return f
}

func generalQuery(version, maxResp int) []byte {
	return query(version, ipv4.Addr{224, 0, 0, 1}, ipv4.Addr{}, maxResp, true)
}

// State changes and their reports (RFC 3376, 5.1).
func TestStateChangeReports(t *testing.T) {
	k := newKit(t, config.Config{})
	s := k.open(7)
	step := func(why, report string) {
		t.Helper()
		k.want(why, v3+report)
		k.advance(time.Second)
		k.want(why+", again within a second", v3+report)
		k.advance(time.Hour)
		k.quiet(why + ": that is all")
	}
	k.group(s, socket.IPAddMembership, groupIP)
	step("a join", "to-ex 239.1.2.3()")
	k.group(s, socket.IPBlockSource, groupIP, src1)
	step("a source is blocked", "block 239.1.2.3( 192.0.2.11)")
	k.group(s, socket.IPUnblockSource, groupIP, src1)
	step("and allowed", "allow 239.1.2.3( 192.0.2.11)")
	k.group(s, socket.IPMsfilter, groupIP, src1, src2)
	step("from exclude to include", "to-in 239.1.2.3( 192.0.2.11 192.0.2.12)")
	k.group(s, socket.IPMsfilter, groupIP, src2, src3)
	step("some allowed, some blocked", "allow 239.1.2.3( 192.0.2.13) block 239.1.2.3( 192.0.2.11)")
	k.group(s, socket.IPDropMembership, groupIP)
	step("a leave of a source list", "block 239.1.2.3( 192.0.2.12 192.0.2.13)")
	k.group(s, socket.IPAddMembership, groupIP)
	step("a join", "to-ex 239.1.2.3()")
	other := k.open(8)
	k.group(other, socket.IPAddMembership, groupIP)
	k.quiet("a second socket changes nothing (3.2)")
	other.Close()
	k.quiet("nor does its leaving")
	s.Close()
	k.advance(0)
	step("the last leaves", "to-in 239.1.2.3()")
}

func TestChangesAreMerged(t *testing.T) { // RFC 3376, 5.1
	k := newKit(t, config.Config{})
	s := k.open(7)
	k.group(s, socket.IPAddMembership, groupIP)
	k.want("a join", v3+"to-ex 239.1.2.3()")
	k.group(s, socket.IPBlockSource, groupIP, src1)
	k.want("the next report still tells the mode", v3+"to-ex 239.1.2.3( 192.0.2.11)")
	k.advance(time.Second)
	k.want("the source is told twice", v3+"block 239.1.2.3( 192.0.2.11)")
	k.advance(time.Hour)
}

func TestQueriesAreAnswered(t *testing.T) { // RFC 3376, 5.2
	k := newKit(t, config.Config{})
	s := k.open(7)
	k.group(s, socket.IPAddMembership, groupIP)
	k.group(s, socket.IPMsfilter, groupIP2, src1, src2)
	k.advance(time.Minute)
	k.frames = nil
	answer := func(why string, q []byte, want string) {
		t.Helper()
		k.send(q)
		k.quiet(why + ": not at once")
		k.advance(10 * time.Second)
		if want != "" {
			k.want(why, v3+want)
		}
		k.advance(time.Hour)
		k.quiet(why + ": once")
	}
	both := "is-ex 239.1.2.3() is-in 239.1.2.4( 192.0.2.11 192.0.2.12)"
	answer("a general query", generalQuery(3, 100), both)
	answer("a group", query(3, groupIP, groupIP, 100, true), "is-ex 239.1.2.3()")
	answer("a group of sources", query(3, groupIP2, groupIP2, 100, true), "is-in 239.1.2.4( 192.0.2.11 192.0.2.12)")
	answer("sources, include", query(3, groupIP2, groupIP2, 100, true, src2, src3), "is-in 239.1.2.4( 192.0.2.12)")
	answer("sources, exclude", query(3, groupIP, groupIP, 100, true, src2, src3), "is-in 239.1.2.3( 192.0.2.12 192.0.2.13)")
	answer("none of them is wanted", query(3, groupIP2, groupIP2, 100, true, src3), "")
	answer("another group", query(3, ipv4.Addr{224, 0, 0, 1}, ipv4.Addr{239, 9, 9, 9}, 100, true), "")
	answer("a unicast query", query(3, nodeIP, groupIP, 100, true), "") // its link address is a group's
	q := query(3, nodeIP, groupIP, 100, true)
	copy(q, nodeMAC[:])
	answer("a unicast query by unicast", q, "is-ex 239.1.2.3()")
	answer("without router alert", query(3, groupIP, groupIP, 100, false), "")
	answer("a general query to another group", query(3, groupIP, ipv4.Addr{}, 100, true), "")
	bad := generalQuery(3, 100)
	bad[len(bad)-1]++
	answer("a bad checksum", bad, "")
	long := generalQuery(3, 100)
	m := append(long[38:len(long):len(long)], 1, 2, 3, 4)
	igmp.Seal(m)
	h := ipv4.Header{Protocol: codec.IGMP, Dst: ipv4.Addr{224, 0, 0, 1}, Options: ipv4.Options{}.AppendRouterAlert()}
	f := ipFrame(h, m)
	copy(f, long[:6])
	answer("octets behind the fields", f, both)
	f = ipFrame(h, igmpSealed(long[38:38+10]))
	copy(f, long[:6])
	answer("ten octets", f, "")

	k.send(generalQuery(3, 100))
	k.send(query(3, groupIP, groupIP, 100, true, src1))
	k.send(generalQuery(3, 1))
	k.advance(10 * time.Second)
	k.want("one answer to all of them", v3+both)
	k.frames = nil
	k.advance(time.Hour)
}

func igmpSealed(b []byte) []byte {
	b = append([]byte(nil), b...)
	igmp.Seal(b)
	return b
}

func TestOlderQueriers(t *testing.T) { // RFC 3376, 7.2.1; RFC 2236
	k := newKit(t, config.Config{})
	s := k.open(7)
	k.group(s, socket.IPAddMembership, groupIP)
	k.next("a join")
	k.send(generalQuery(2, 100))
	k.quiet("not at once")
	k.advance(10 * time.Second)
	k.want("a version 2 querier; the repeats of version 3 are void", v2+"v2 report 239.1.2.3")
	k.group(s, socket.IPDropMembership, groupIP)
	k.want("a leave", "01:00:5e:00:00:02 192.0.2.2 > 224.0.0.2 ttl 1 tos 192 DF options 94040000 IGMP leave 239.1.2.3")
	k.group(s, socket.IPAddMembership, groupIP)
	k.want("a join", v2+"v2 report 239.1.2.3")
	k.advance(10 * time.Second)
	k.want("and again within ten seconds", v2+"v2 report 239.1.2.3")

	k.send(generalQuery(2, 100))
	report := ipFrame(ipv4.Header{Protocol: codec.IGMP, Dst: groupIP, TTL: 1},
		igmpSealed(igmp.Append(nil, igmp.Header{Type: igmp.V2Report, Group: groupIP})))
	mac := ethernet.Multicast4(groupIP)
	copy(report, mac[:])
	k.send(report)
	k.advance(time.Minute)
	k.quiet("another host's report takes the place of ours")
	k.group(s, socket.IPDropMembership, groupIP)
	k.quiet("who was not the last to report says nothing")
	k.group(s, socket.IPAddMembership, groupIP)
	k.advance(time.Minute)
	k.frames = nil

	k.send(query(1, ipv4.Addr{224, 0, 0, 1}, ipv4.Addr{}, 0, false))
	k.advance(10 * time.Second)
	k.want("a version 1 querier", v2+"v1 report 239.1.2.3")
	q := query(2, ipv4.Addr{224, 0, 0, 1}, groupIP2, 0, false)
	k.send(q)
	k.advance(10 * time.Second)
	k.want("the group in a query of version 1 is not looked at", v2+"v1 report 239.1.2.3")
	k.group(s, socket.IPDropMembership, groupIP)
	k.quiet("version 1 knows no leave")
	k.advance(250*time.Second - 1)
	k.group(s, socket.IPAddMembership, groupIP)
	k.want("a nanosecond before it is forgotten", v2+"v1 report 239.1.2.3")
	k.group(s, socket.IPDropMembership, groupIP)
	k.advance(1)
	k.group(s, socket.IPAddMembership, groupIP)
	k.want("after 260 seconds", v3+"to-ex 239.1.2.3()")
	k.frames = nil
	k.advance(time.Second)
	k.frames = nil
}

func TestVersion2Host(t *testing.T) { // RFC 2236
	k := newKit(t, config.Config{IGMPVersion: 2})
	s := k.open(7)
	k.group(s, socket.IPAddMembership, groupIP)
	k.want("a join", v2+"v2 report 239.1.2.3")
	k.advance(10 * time.Second)
	k.next("again")
	k.send(query(2, groupIP, groupIP, 10, false))
	k.advance(time.Second)
	k.want("a query of version 2", v2+"v2 report 239.1.2.3")
	k.send(generalQuery(3, 10))
	k.advance(time.Second)
	k.want("one of version 3", v2+"v2 report 239.1.2.3")
	k.send(query(1, ipv4.Addr{224, 0, 0, 1}, ipv4.Addr{}, 0, false))
	k.advance(10 * time.Second)
	k.want("one of version 1", v2+"v1 report 239.1.2.3")
	k.send(generalQuery(2, 10))
	k.advance(time.Second)
	k.want("a version 2 query changes nothing within 400 s", v2+"v1 report 239.1.2.3")
	k.advance(389*time.Second - 1)
	k.send(query(2, groupIP, groupIP, 10, false))
	k.advance(1)
	k.quiet("what was pending is void")
	k.send(query(2, groupIP, groupIP, 10, false))
	k.advance(time.Second)
	k.want("after 400 s", v2+"v2 report 239.1.2.3")
}

func TestMulticastDelivery(t *testing.T) { // RFC 1112; RFC 3376, 3.2
	k := newKit(t, config.Config{Multicast4: config.Off, NeighReachable: patient})
	k.meet()
	a, b := k.open(7), k.open(8)
	to := func(port uint16, src netip.Addr) []byte {
		from := ipv4.Addr(src.As4())
		f := ipFrame(ipv4.Header{Protocol: codec.UDP, Src: from, Dst: groupIP}, udpMessage(from, groupIP, 4000, port, []byte("m")))
		mac := ethernet.Multicast4(groupIP)
		copy(f, mac[:])
		return f
	}
	k.send(to(7, src1))
	k.nothing(a, "nobody is a member")
	k.group(b, socket.IPAddMembership, groupIP)
	k.send(to(7, src1))
	k.nothing(a, "another socket is")
	k.group(a, socket.IPAddSourceMembership, groupIP, src1)
	k.send(to(7, src1))
	k.wantRecv(a, "the source is wanted", "m", netip.AddrPortFrom(src1, 4000))
	k.send(to(7, src2))
	k.nothing(a, "another source")
	k.group(b, socket.IPBlockSource, groupIP, src2)
	k.send(to(8, src2))
	k.nothing(b, "a blocked source")
	k.send(to(8, src3))
	k.wantRecv(b, "any other source", "m", netip.AddrPortFrom(src3, 4000))

	group := func(port uint16) netip.AddrPort { return peerOf(groupIP, port) }
	if err := a.SendTo([]byte("out"), group(8)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("TTL 1 by default", `01:00:5e:01:02:03 192.0.2.2 > 239.1.2.3 ttl 1 UDP 7 > 8 "out"`)
	k.wantRecv(b, "members here get it as well", "out", peerOf(nodeIP, 7))
	a.SetOption(socket.IPMulticastLoop, socket.Value{Int: 0})
	a.SetOption(socket.IPMulticastTTL, socket.Value{Int: 9})
	a.SendTo([]byte("out"), group(8))
	k.advance(0)
	k.want("TTL as it was set", `01:00:5e:01:02:03 192.0.2.2 > 239.1.2.3 ttl 9 UDP 7 > 8 "out"`)
	k.nothing(b, "not when the sender does not want it")
	k.wantError("a second join", b.SetOption(socket.IPAddMembership, socket.Value{Group: groupIP.Netip()}), errno.EADDRINUSE)
	k.wantError("a leave without a join", b.SetOption(socket.IPDropMembership, socket.Value{Group: groupIP2.Netip()}), errno.EADDRNOTAVAIL)
	k.wantError("no group", b.SetOption(socket.IPAddMembership, socket.Value{Group: netipOf(nodeIP)}), errno.EINVAL)
	b.Close()
	k.send(to(8, src3))
	k.quiet("nobody is told of datagrams to groups")
}
