// Package mld checks Multicast Listener Discovery on a host: version 2 (RFC 3810), and version 1 (RFC 2710) as a host of
// version 2 speaks it while it hears a querier of version 1.
//
// The tester is the querier and the other hosts of the link. What a target listens to is seen by what it reports. A world
// with MLD begins with reports of the groups that every host is in: they are waited for, or asked not to be about the
// groups of the check.
package mld

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("mld", "Multicast Listener Discovery for hosts: RFC 3810, RFC 2710").Needing(target.IPv6).On(target.Ethernet)

// needs are the features of a host whose memberships can be changed.
var needs = []target.Feature{target.Multicast6, target.Agent}

// group is the n-th of the groups of the suite: transient, of site-local scope (RFC 4291, section 2.7).
func group(n int) netip.Addr {
	return netip.AddrFrom16([16]byte{0xff, 0x15, 13: 1, 14: byte(n >> 8), 15: byte(n)})
}

// source is the n-th of sources that are no hosts of the link.
func source(n int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xfe, 0xed, 14: byte(n >> 8), 15: byte(n)})
}

// The group that most checks need, and its sources.
var (
	g = group(1)
	a = source(1)
	b = source(2)
	c = source(3)
	d = source(4)
	e = source(5)
	f = source(6)
)

const (
	// wire is the most that a frame takes there and back.
	wire = 20 * time.Millisecond
	// prompt is what "immediately" allows.
	prompt = 100 * time.Millisecond
	// unsolicited2 is the Unsolicited Report Interval of version 2 (RFC 3810, 9.11), unsolicited1 that of version 1
	// (RFC 2710, 7.10).
	unsolicited2 = time.Second
	unsolicited1 = 10 * time.Second
	// haste is a Maximum Response Delay in ms, and the time that it is.
	haste  = 100
	hasty  = haste * time.Millisecond
	second = 1000 // a Maximum Response Delay in ms
)

var (
	// message is any MLD message of the target, readable or not.
	message = icmpv6.Message(icmpv6.Type.In(icmpv6.TypeMLDQuery, icmpv6.TypeMLDReport, icmpv6.TypeMLDDone, icmpv6.TypeMLD2Report))
	// anyReport is any report of version 2.
	anyReport = mld.Report2()
	// aboutG is any report of version 2 about g, current the answer to a query by a listener to all of g.
	aboutG  = mld.Report2(mld.About(g))
	current = mld.Report2(mld.Tells(mld.IsEx(g)))
	// report1 and done1 are the messages of version 1 about g.
	report1 = mld.Report(mld.Group.Is(g))
	done1   = mld.Done(mld.Group.Is(g))
	// query1 and query2 are queries of the versions as a target gets them.
	query1 = mld.Message(icmpv6.TypeMLDQuery)
)

func query2(conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeMLDQuery, mld.Query2, conds...)
}

// A claim is a requirement with its mutation, by one of several.
type claim struct {
	reqs []string
	mut  mutate.Mutation
}

// by says that a mutation violates requirements.
func by(mut mutate.Mutation, reqs ...string) claim { return claim{reqs, mut} }

// proves are the claims of a check, with what the suite needs.
func proves(all ...claim) (cs check.Claims) {
	for _, x := range all {
		for _, req := range x.reqs {
			cs = cs.And(req, x.mut)
		}
	}
	return cs.Needs(needs...)
}

// instead is a target that reports other records where it ought to report these.
func instead(of, other []mld.Record) mutate.Mutation {
	return mutate.Field(mld.Report2(mld.TellsOnly(of...)), mld.Records.Is(mld.Encode(other...)))
}

// amid is the same where the record is one among others, which are left out.
func amid(of mld.Record, other ...mld.Record) mutate.Mutation {
	return mutate.Field(mld.Report2(mld.Tells(of)), mld.Records.Is(mld.Encode(other...)))
}

// tells is a report of version 2 as somebody sends it.
func tells(rs ...mld.Record) packet.Template {
	return mld.To(ipv6.AllMLDRouters, mld.Report2(mld.Records.Is(mld.Encode(rs...))))
}

func list(rs ...mld.Record) []mld.Record { return rs }

// member opens a socket of the target and joins groups with it.
func member(p *probe.P, groups ...netip.Addr) *probe.Socket {
	s := p.Open("inet6", "dgram", 0)
	for _, g := range groups {
		room(p, s.Join(g), "joining %s", g)
	}
	return s
}

// room is ready for a call that may meet a bound of the target, which is no fault of anybody.
func room(p *probe.P, err error, format string, args ...any) {
	if err != nil && err.Error() == "ENOBUFS" {
		p.Inconclusive("the target has no room for "+format, args...)
	}
	ready(err, format, args...)
}

// ready panics if a call that prepares a check has failed.
func ready(err error, format string, args ...any) {
	if err != nil {
		panic(fmt.Errorf(format+": %w", append(args, err)...))
	}
}

// repeating is how long a target repeats its version 2 reports. Where waiting costs nothing, that of one that takes the
// longer interval of version 1 for it has come, too: another check tells that.
func repeating(p *probe.P) time.Duration {
	if p.Virtual() {
		return unsolicited1 + 5*wire
	}
	return unsolicited2 + 5*wire
}

// quiet waits until the target has repeated its version 2 reports for the last time.
func quiet(lan *probe.Tester) {
	for n := -1; n != len(lan.Seen(message)); {
		n = len(lan.Seen(message))
		lan.Wait(repeating(lan.P))
	}
	lan.Forget()
}

// listening is a listener to g that has told of it for the last time.
func listening(p *probe.P) *probe.Tester {
	lan := p.IPv6()
	member(p, g)
	quiet(lan)
	return lan
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

// state asks the target what it listens to and gives the records of its answers.
func state(lan *probe.Tester) (rs []mld.Record) {
	t := lan.Now()
	lan.Send(mld.GeneralQuery2(haste))
	lan.Wait(hasty + 5*wire)
	for _, f := range since(lan, t, anyReport) {
		rs = append(rs, mld.RecordsOf(f)...)
	}
	return rs
}

// about are the records of one group.
func about(rs []mld.Record, group netip.Addr) (of []mld.Record) {
	for _, r := range rs {
		if r.Group == group {
			of = append(of, r)
		}
	}
	return of
}

// longest is the longest of some delays.
func longest(ds []time.Duration) (most time.Duration) {
	for _, d := range ds {
		most = max(most, d)
	}
	return most
}
