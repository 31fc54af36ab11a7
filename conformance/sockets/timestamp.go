package sockets

import (
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
)

// stamp is the time of arrival that came with a datagram.
func stamp(r agent.Reply, option string) (at time.Duration, ok bool) {
	i := slices.IndexFunc(r.Control, func(c agent.Control) bool { return c.Type == option })
	if i < 0 {
		return 0, false
	}
	return time.Duration(r.Control[i].Value), true
}

// restamped is a target that tells other times of arrival.
func restamped(how, option string, change func(*agent.Control)) mutate.Mutation {
	return mutate.Replies(how, received, func(r *agent.Reply) {
		r.Control = slices.Clone(r.Control)
		for i := range r.Control {
			if r.Control[i].Type == option {
				change(&r.Control[i])
			}
		}
	})
}

func init() {
	const apart, late, settled = 70 * time.Millisecond, 300 * time.Millisecond, 500 * time.Millisecond
	for _, o := range []struct { // never written
		option, requirement string
		unit                time.Duration
	}{{"SO_TIMESTAMP", "LINUX:socket-1", time.Microsecond}, {"SO_TIMESTAMPNS", "LINUX:socket-2", time.Nanosecond}} {
		both("control."+strings.ToLower(strings.TrimPrefix(o.option, "SO_")), "with "+o.option+" a datagram comes with the time at which it arrived",
			check.Proves(o.requirement, restamped("tells one time for all", o.option, func(c *agent.Control) { c.Value = 1_000_000_000 })),
			func(host *probe.Tester) {
				s := host.Datagram()
				must(host, s, bindTo(here(host, boundPort)))
				if !granted(host, o.requirement, s, set(o.option, 1)) {
					return
				}
				host.Wait(settled) // Linux begins to look at the clock when it comes to it
				first := host.Now()
				host.Send(datagram(testerPort, boundPort, "first"))
				host.Wait(apart)
				between := host.Now() - first // a machine that is busy waits longer
				host.Send(datagram(testerPort, boundPort, "second"))
				host.Wait(late) // it is the time of arrival that counts, not that of reading
				var at [2]time.Duration
				for i := range at {
					r := must(host, s, recv(1500))
					var ok bool
					if at[i], ok = stamp(r, o.option); !host.That(o.requirement, "a time comes with it", ok, gomega.BeTrue()) {
						return
					}
				}
				host.Between(o.requirement, "the time between the datagrams", at[1]-at[0], between-o.unit, between+o.unit)
				host.That(o.requirement, "the unit", at[1]%o.unit, gomega.BeZero())
			})
	}

	both("control.timestamp.off", "without SO_TIMESTAMP no time comes with a datagram",
		check.Proves("LINUX:socket-3", mutate.Replies("tells times unasked", received, func(r *agent.Reply) {
			r.Control = append(slices.Clone(r.Control), agent.Control{Type: "SO_TIMESTAMP", Value: 1})
		})),
		func(host *probe.Tester) {
			s := host.Datagram()
			must(host, s, bindTo(here(host, boundPort)))
			host.Send(datagram(testerPort, boundPort, "untimed"))
			r := must(host, s, recv(1500))
			_, micro := stamp(r, "SO_TIMESTAMP")
			_, nano := stamp(r, "SO_TIMESTAMPNS")
			host.That("LINUX:socket-3", "a time comes with it", micro || nano, gomega.BeFalse())
		})
}
