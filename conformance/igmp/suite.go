// Package igmp checks IPv4 multicast on a host: sending to groups and receiving from them (RFC 1112, sections 4 to 7) and the
// host's side of IGMP in its three versions (RFC 1112, appendix I; RFC 2236; RFC 3376).
//
// The tester is the querier and the other hosts of the link. The version that a target speaks follows from the queries
// that it hears: version 3 while it has heard none. What a target is a member of is seen by what it reports.
package igmp

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("igmp", "IPv4 multicast and IGMP for hosts: RFC 1112, RFC 2236, RFC 3376").On(target.Ethernet)

// needs are the features of a host whose memberships can be changed.
var needs = []target.Feature{target.Multicast4, target.Agent}

// group is the n-th of the groups of the suite, of the range that RFC 2365 leaves to a site.
func group(n int) netip.Addr { return netip.AddrFrom4([4]byte{239, 192, byte(n >> 8), byte(n)}) }

// The group that most checks need, and sources that are no hosts of the link (RFC 5737).
var (
	g = group(1)
	a = netip.MustParseAddr("203.0.113.1")
	b = netip.MustParseAddr("203.0.113.2")
	c = netip.MustParseAddr("203.0.113.3")
	d = netip.MustParseAddr("203.0.113.4")
	e = netip.MustParseAddr("203.0.113.5")
	f = netip.MustParseAddr("203.0.113.6")
)

const (
	// wire is the most that a frame takes there and back: delays of a host are measured from outside.
	wire = 20 * time.Millisecond
	// prompt is what "at once" allows: RFC 3376 knows no shorter time than a tenth of a second.
	prompt = 100 * time.Millisecond
	// unsolicited3 is the Unsolicited Report Interval of version 3 (RFC 3376, section 8.11), unsolicited2 that of version 2
	// (RFC 2236, section 8.10).
	unsolicited3 = time.Second
	unsolicited2 = 10 * time.Second
	tenth        = time.Second / 10
	// overdue is how much longer than it may take an answer is waited for, so that one that is late is seen as such.
	overdue = time.Second / 2
)

// message is any IGMP message of the target, readable or not.
var message = ipv4.Header(ipv4.Protocol.Is(2))

// anyReport3 is any report of version 3.
var anyReport3 = igmp.Report3()

// member opens a socket of the target and joins groups with it. Linux lets a socket join 20.
func member(p *probe.P, groups ...netip.Addr) *probe.Socket {
	s := p.Open("inet", "dgram", 0)
	for _, g := range groups {
		ready(s.Join(g), "joining %s", g)
	}
	return s
}

// ready panics if a call that prepares a check has failed.
func ready(err error, format string, args ...any) {
	if err != nil {
		panic(fmt.Errorf(format+": %w", append(args, err)...))
	}
}

// repeating is how long a target repeats its version 3 reports. Where waiting costs nothing, that of one that takes the
// longer interval of version 2 for it has come, too: another check tells that.
func repeating(p *probe.P) time.Duration {
	if p.Virtual() {
		return unsolicited2 + 5*wire
	}
	return unsolicited3 + 5*wire
}

// quiet waits until the target has repeated its version 3 reports for the last time.
func quiet(lan *probe.Tester) {
	for n := -1; n != len(lan.Seen(message)); {
		n = len(lan.Seen(message))
		lan.Wait(repeating(lan.P))
	}
	lan.Forget()
}

// since are the frames like tmpl that came at the time t or later. In virtual time what is due at once takes no time.
func since(lan *probe.Tester, t time.Duration, tmpl packet.Template) (fs []*packet.Frame) {
	for _, f := range lan.Seen(tmpl) {
		if f.At >= t {
			fs = append(fs, f)
		}
	}
	return fs
}

// heardBefore makes the target hear a querier of version 1 or 2 before it has joined anything. A host of that version is
// left as it was.
func heardBefore(lan *probe.Tester, version int) {
	query := igmp.GeneralQuery(1)
	if version == 1 {
		query = igmp.V1Query()
	}
	lan.Send(query)
	lan.Wait(2 * tenth)
}

// state asks the target what it wants and gives the records of its answers.
func state(lan *probe.Tester) (rs []igmp.Record) {
	t := lan.Now()
	lan.Send(igmp.GeneralQuery3(1))
	lan.Wait(tenth + 5*wire)
	for _, f := range since(lan, t, anyReport3) {
		rs = append(rs, igmp.RecordsOf(f)...)
	}
	return rs
}

// stateOf are the records of one group.
func stateOf(lan *probe.Tester, group netip.Addr) (rs []igmp.Record) {
	for _, r := range state(lan) {
		if r.Group == group {
			rs = append(rs, r)
		}
	}
	return rs
}
