// Package router6 checks what a router says of itself and of others: its advertisements and its answers to Router
// Solicitations, its own answers as a neighbour, and Redirects (RFC 4861, sections 6.1.1, 6.2 and 8.2). What a router does
// with the packets that it forwards is in suite ipv6.
package router6

import (
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("router6", "Routers of IPv6: advertisements and Redirects (RFC 4861)").Needing(target.IPv6, target.Forwarding6, target.SecondLink)

// Times of RFC 4861, section 10, and the default intervals of section 6.2.1.
const (
	maxInitialInterval = 16 * time.Second
	minBetween         = 3 * time.Second
	maxDelay           = 500 * time.Millisecond
	minInterval        = 198 * time.Second // 0.33 of the other
	maxInterval        = 600 * time.Second
)

// advert is any advertisement of the target.
var advert = ndp.RouterAdvert()

// A claim is a mutation and the requirements that it violates.
type claim struct {
	mut  mutate.Mutation
	reqs []string
}

func by(mut mutate.Mutation, reqs ...string) claim { return claim{mut, reqs} }

func proves(all ...claim) (cs check.Claims) {
	for _, x := range all {
		for _, req := range x.reqs {
			cs = cs.And(req, x.mut)
		}
	}
	return cs
}

// A row is a requirement about fields of a message: what a target that violates it sends, and what is right.
type row struct {
	req         string
	wrong, want func(n target.Net) packet.Cond
}

func is(c packet.Cond) func(target.Net) packet.Cond {
	return func(target.Net) packet.Cond { return c }
}

// wrongs are the claims of rows about frames like on.
func wrongs(on packet.Template, rows []row) (all []claim) {
	for _, r := range rows {
		all = append(all, by(mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(on, r.wrong(n)) }), r.req))
	}
	return all
}

func must(p *probe.P, f *packet.Frame, rows []row) {
	for _, r := range rows {
		p.Must(r.req, f, r.want(p.Net()))
	}
}

// begun waits until the target's first advertisement has come and the next may follow at once.
func begun(p *probe.P) *probe.Tester {
	lan := p.IPv6()
	lan.Expect(advert, probe.For(), probe.Within(5*time.Second), probe.Because("the target begins to advertise itself"))
	lan.Wait(minBetween + 100*time.Millisecond)
	lan.Forget()
	return lan
}

// settled waits until the target advertises itself at its usual intervals.
func settled(p *probe.P) *probe.Tester {
	lan := begun(p)
	lan.Wait(3*maxInitialInterval + time.Second)
	lan.Forget()
	return lan
}

// gaps are the times between frames.
func gaps(fs []*packet.Frame) (ds []time.Duration) {
	for i := 1; i < len(fs); i++ {
		ds = append(ds, fs[i].At-fs[i-1].At)
	}
	return ds
}

func linkTo(mac net.HardwareAddr) packet.Cond { return ethernet.Dst.Is(mac) }

func group(a netip.Addr) bool { return a.IsMulticast() }
