package gvisor

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const module = "gvisor.dev/gvisor"

type netstack struct{ info target.Info }

// New makes the target. Nothing runs until a world is made.
func New() target.Target {
	log.SetTarget(log.GoogleEmitter{Writer: &log.Writer{Next: io.Discard}}) // what it remarks on packets would stand amid the report
	neighbours := stack.DefaultNUDConfigurations()
	return &netstack{target.Info{
		Kind: "gvisor", Name: "gvisor", Version: version(),
		Links: []target.LinkType{target.Ethernet}, Virtual: true,
		Features: []target.Feature{target.Agent, target.Packets, target.UDPEcho, target.Multicast4, target.SecondLink, target.Forwarding, target.Gateway,
			target.IPv6, target.DAD, target.EnhancedDAD, target.SLAAC, target.TempAddrs, target.StableIID, target.RouteInfo, target.Multicast6, target.Forwarding6,
			target.Management, target.Management6,
			target.WindowScale, target.Timestamps, target.SynCookies, target.CUBIC, target.Placed, target.Days},
		Params: target.Params{
			ARPTimeout:    time.Duration(float64(neighbours.BaseReachableTime) * float64(neighbours.MaxRandomFactor)),
			ARPRetry:      neighbours.RetransmitTimer,
			ARPRequests:   int(neighbours.MaxMulticastProbes),
			ReassemblyFor: ipv4.ReassembleTimeout,
			DefaultTTL:    ipv4.DefaultTTL,
			SACKRoom:      2 + 2 + header.TCPMaxSACKBlocks*8,

			Retrans: neighbours.RetransmitTimer, ReachableTime: neighbours.BaseReachableTime, Reassembly6For: ipv6.ReassembleTimeout, HopLimit: ipv6.DefaultTTL,
		},
		Settings: settings,
	}}
}

// version is that of gVisor's module, as it was built.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, m := range b.Deps {
			if m.Path == module && m.Replace != nil {
				return m.Replace.Version
			}
			if m.Path == module {
				return m.Version
			}
		}
	}
	return ""
}

func (n *netstack) Info() target.Info { return n.info }

func (n *netstack) New(ctx context.Context, spec target.Spec) (target.World, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, need := range spec.Needs {
		if !n.info.Has(need) {
			return nil, fmt.Errorf("%s needs %s, which the target %s does not declare", spec.Check, need, n.info.Name)
		}
	}
	w, err := newWorld(spec)
	if err != nil { // not w, which is a nil of a type
		return nil, err
	}
	return w, nil
}

// Close has nothing to release: worlds share nothing.
func (*netstack) Close() error { return nil }
