package linux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"golang.org/x/sys/unix"
)

type kernel struct {
	rfc    bool
	agent  []string
	info   target.Info
	ending *ending
}

// New makes one world and ends it again: that shows whether this process may, and what the kernel's timings are.
func New(o Options) (target.Target, error) {
	k := &kernel{rfc: o.RFC, agent: o.Agent, ending: newEnding(), info: target.Info{
		Kind: "linux", Name: o.name(), Version: release(),
		Links: []target.LinkType{target.Ethernet},
		Features: []target.Feature{target.Agent, target.Packets, target.UDPEcho, target.Multicast4, target.SecondLink, target.Forwarding, target.Gateway, target.Interfaces,
			target.WindowScale, target.Timestamps, target.ECN, target.FastOpen, target.SynCookies, target.PLPMTUD,
			target.RACK, target.PRR, target.FRTO, target.CUBIC, target.Placed},
	}}
	if _, err := os.Stat(sysctlPath("net.ipv6")); err == nil {
		k.info.Features = append(k.info.Features, target.IPv6, target.SLAAC, target.DAD, target.EnhancedDAD, target.Multicast6,
			target.Forwarding6, target.Management6, target.StableIID, target.TempAddrs, target.RouteInfo, target.ErrorRate)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	w, err := newWorld(wants{rfc: k.rfc, ipv6: k.info.Has(target.IPv6)}, k.ending)
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	k.info.Settings = w.settings
	k.info.Params, err = w.params()
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

func (k *kernel) Info() target.Info { return k.info }

func (k *kernel) New(ctx context.Context, spec target.Spec) (target.World, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, need := range spec.Needs {
		if !k.info.Has(need) {
			return nil, fmt.Errorf("%s needs %s, which the target %s does not declare", spec.Check, need, k.info.Name)
		}
	}
	needs := func(f target.Feature) bool { return slices.Contains(spec.Needs, f) }
	w, err := newWorld(wants{
		rfc: k.rfc, ipv6: needs(target.IPv6), echo: needs(target.UDPEcho), forwarding: needs(target.Forwarding),
		secondLink: needs(target.SecondLink) || needs(target.Forwarding) || needs(target.Forwarding6), gateway: needs(target.Gateway),
		slaac: needs(target.SLAAC), dad: needs(target.DAD), enhancedDAD: needs(target.EnhancedDAD), mld: needs(target.Multicast6),
		forwarding6: needs(target.Forwarding6), stableIID: needs(target.StableIID), tempAddrs: needs(target.TempAddrs), routeInfo: needs(target.RouteInfo), errorRate: needs(target.ErrorRate),
		ecn: needs(target.ECN), fastOpen: needs(target.FastOpen), synCookies: needs(target.SynCookies), plpmtud: needs(target.PLPMTUD), agent: k.agent, place: spec.Place,
	}, k.ending)
	if err != nil { // not w, which is a nil of a type
		return nil, err
	}
	return w, nil
}

// Close returns when nothing of the worlds that were closed is left.
func (k *kernel) Close() error { return k.ending.wait() }

// release is the kernel's, as uname -r prints it.
func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// params reads the timings in force in a world.
func (w *world) params() (p target.Params, err error) {
	w.thread.do(func() {
		var n neighParams
		n, err = readNeighParams(w.links[0].index)
		p = target.Params{
			ARPTimeout:    n.baseReachable * 3 / 2, // an entry's own time is drawn between half and this
			ARPRetry:      n.retrans,
			ARPRequests:   n.multicastProbes,
			ReassemblyFor: time.Duration(readNumber("net.ipv4.ipfrag_time")) * time.Second,
			DefaultTTL:    uint8(readNumber("net.ipv4.ip_default_ttl")),

			Reassembly6For: time.Duration(readNumber("net.ipv6.ip6frag_time")) * time.Second,
			HopLimit:       uint8(readNumber("net.ipv6.conf.default.hop_limit")),
			Retrans:        time.Second, // RFC 4861, 10: what a user namespace does not show
			ReachableTime:  30 * time.Second,
		}
	})
	return p, err
}
