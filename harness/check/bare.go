package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

// bare is a world without what the check does not declare that it needs, so that a check that forgets to declare it
// fails on every target and not only on those that lack it.
type bare struct {
	target.World
	check *Check
}

func (w bare) needs(any ...target.Feature) bool {
	return slices.ContainsFunc(any, func(f target.Feature) bool { return slices.Contains(w.check.Needs, f) })
}

// Agent is nil unless sockets, a service that they may have to be, or management are needed.
func (w bare) Agent() agent.Agent {
	if w.needs(target.Agent, target.UDPEcho, target.Management, target.Interfaces, target.VLAN, target.Statistics, target.Events) {
		return w.World.Agent()
	}
	return nil
}

// Nets hides the service and further links unless they are needed.
func (w bare) Nets() []target.Net {
	nets := slices.Clone(w.World.Nets())
	if !w.needs(target.SecondLink, target.Forwarding) {
		nets = nets[:1]
	}
	for i := range nets {
		if !w.needs(target.UDPEcho) {
			nets[i].Service = netip.AddrPort{}
		}
	}
	return nets
}

// Acknowledge implements target.Radio.
func (w bare) Acknowledge(link int, on bool) bool {
	r, ok := w.World.(target.Radio)
	return ok && r.Acknowledge(link, on)
}

// On says which links the checks of the suite are about; they are not applicable to a target without one. A suite that
// does not say is about any.
func (s *Suite) On(links ...target.LinkType) *Suite { s.Links = links; return s }

// Strangers declares of every check of the suite what Claims.Strangers declares of one.
func (s *Suite) Strangers() *Suite { s.strangers = true; return s }

// linkOf is the link of the target that the suite's checks are run on.
func (s *Suite) linkOf(info target.Info) (link target.LinkType, ok bool) {
	for _, l := range info.Links {
		if len(s.Links) == 0 || slices.Contains(s.Links, l) {
			return l, true
		}
	}
	return 0, false
}

func list(links []target.LinkType) string {
	var names []string
	for _, l := range links {
		names = append(names, fmt.Sprint(l))
	}
	return strings.Join(names, " or ")
}
