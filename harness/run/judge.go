package run

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/judge"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/target"
)

// judge makes the passive judge of one world: one for each of its links.
func (s *Session) judge(c *check.Check, w target.World) func(*packet.Frame, bool) []check.Finding {
	nets := w.Nets()
	var judges []*judge.Judge
	for _, n := range nets {
		judges = append(judges, judge.New(judge.Options{Target: suspect(c, n, nets)}))
	}
	return func(f *packet.Frame, fromTarget bool) []check.Finding { return judged(judges[f.On], f, fromTarget) }
}

// judged gives what is wrong with a frame. A packet that stands in it in another form, or in several frames, is judged beside
// it as if it had come by itself.
func judged(j *judge.Judge, f *packet.Frame, fromTarget bool) (found []check.Finding) {
	whole := judge.Frame{Time: f.At, Link: capture.LinkType(f.Link), Data: f.Bytes, FromTarget: fromTarget}
	if f.Opened() {
		whole.Opened = f.Plain()
	}
	all := j.Frame(whole)
	if f.Derived() {
		if from, ok := lowpan.Originator.Of(f); ok { // in a mesh a station passes on what others have sent
			link, _ := ieee802154.Src.Of(f)
			fromTarget = fromTarget && slices.Equal(from, link)
		}
		all = append(all, j.Frame(judge.Frame{Time: f.At, Link: capture.RawIP, Data: f.Packet(), FromTarget: fromTarget, Lowpan: true})...)
	}
	for _, v := range all {
		found = append(found, check.Finding{Requirement: v.Requirement, Text: v.String()})
	}
	return found
}

// suspect is what the judge is told of the target. Where a check changes the target's addresses it is not told them.
// A host with several links may send from the address of any (RFC 1122, 3.3.4.2).
func suspect(c *check.Check, n target.Net, all []target.Net) *judge.Target {
	t := &judge.Target{MAC: n.Target.MAC, Level: n.Security.Level}
	for _, f := range []target.Feature{target.Forwarding, target.Forwarding6, target.Registrar, target.BorderRouter} {
		t.Router = t.Router || slices.Contains(c.Needs, f)
	}
	t.Addrs6 = addresses6(c, all)
	for _, f := range []target.Feature{target.Conflict, target.LinkLocal4, target.Management, target.Interfaces, target.VLAN} {
		if slices.Contains(c.Needs, f) {
			return t
		}
	}
	t.Prefix = n.Prefix4
	for _, m := range all {
		t.Addrs = append(t.Addrs, m.Target.IP4)
	}
	return t
}

// addresses6 are the target's addresses of IPv6, nil where they are not known before or change.
func addresses6(c *check.Check, all []target.Net) (as []netip.Addr) {
	for _, f := range []target.Feature{
		target.SLAAC, target.StableIID, target.TempAddrs, target.Management6, target.Management, target.Interfaces, target.VLAN, target.Contexts6,
	} {
		if slices.Contains(c.Needs, f) {
			return nil
		}
	}
	for _, n := range all {
		if n.Target.IP6.IsValid() {
			as = append(as, n.Target.IP6, n.Target.LinkLocal)
			if len(n.Target.ShortAddr) > 0 {
				as = append(as, target.LinkLocalOf(n.Target.ShortAddr))
			}
		}
	}
	return as
}
