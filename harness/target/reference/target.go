package reference

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/config"
)

// Options choose what is tested.
type Options struct {
	// Profile is "rfc", which "" means, or "zephyr".
	Profile string
	// Config is what the node is to have beside the profile's values. Its Profile and Seed are not looked at.
	Config config.Config
	// Files are fragments of Kconfig over Profile and Config, later ones over earlier ones.
	Files []string
}

// Profiles are the names of those that there are.
func Profiles() []string { return []string{string(config.RFC), string(config.Zephyr)} }

// New makes the target. The error names what is wrong with the options.
func New(o Options) (target.Target, error) {
	c := o.Config
	c.Profile = config.Profile(o.Profile)
	var fragments []config.Fragment
	for _, file := range o.Files {
		f, err := config.File(file)
		if err != nil {
			return nil, fmt.Errorf("a reference is called by a profile, %s, or by a file: %w", strings.Join(Profiles(), " or "), err)
		}
		fragments = append(fragments, f)
	}
	c, err := config.Load(c, fragments...)
	if err != nil {
		return nil, err
	}
	if c.ICMPRate == 0 {
		c.ICMPRate = -1
	}
	resolved, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	if !resolved.Have.Ethernet.On() {
		return nil, errors.New("CONFIG_NET_L2_ETHERNET is n: a reference without it has no link to be tested on")
	}
	name := "reference"
	switch {
	case len(o.Files) > 0:
		name += ":" + strings.Join(o.Files, ",")
	case resolved.Profile != config.RFC:
		name += ":" + string(resolved.Profile)
	}
	links := []target.LinkType{target.Ethernet}
	if resolved.Have.IEEE802154.On() && resolved.IPv6.Enabled.On() && resolved.Lowpan.Enabled.On() {
		links = append(links, target.IEEE802154)
	}
	return &reference{config: c, info: target.Info{
		Kind: "reference", Name: name, Version: version(),
		Links:    links,
		Virtual:  true,
		Features: features(c, resolved),
		Params: target.Params{
			ARPTimeout:    resolved.NeighReachable,
			ARPRetry:      resolved.NeighRetry,
			ARPRequests:   resolved.NeighRequests,
			ReassemblyFor: resolved.ReassemblyTime,
			DefaultTTL:    uint8(resolved.DefaultTTL),

			Retrans: resolved.IPv6.RetransTimer, ReachableTime: resolved.IPv6.ReachableTime,
			Reassembly6For: resolved.IPv6.ReassemblyTime, HopLimit: uint8(resolved.IPv6.HopLimit),
		},
		Settings: settings(resolved, fragments),
	}}, nil
}

// features are those of a configuration: what its profile leaves off a world turns on when a check needs it, but not
// what was turned off on purpose, nor what lacks a protocol.
func features(asked, c config.Config) []target.Feature {
	list := []target.Feature{target.SecondLink, target.SNAP, target.Management, target.Kconfig, target.LinkRate, target.Interfaces, target.Statistics, target.Events, target.Placed, target.Days}
	ipv4, arp, sockets := c.Have.IPv4.On(), c.Have.ARP.On(), c.Have.Sockets.On()
	ipv6, tcp := c.IPv6.Enabled.On(), sockets && c.TCP.Enabled.On()
	registers := ipv6 && c.Lowpan.Enabled.On() && c.Have.IEEE802154.On() && asked.Registration.Enabled != config.Off
	for _, f := range []struct {
		name  target.Feature
		there bool
	}{
		{target.Agent, sockets},
		{target.UDPEcho, sockets && c.Have.UDP.On()},
		{target.Packets, sockets && c.Have.PacketSockets.On()},
		{target.Forwarding, ipv4 && asked.Forwarding != config.Off},
		{target.Conflict, arp && asked.ConflictDetect != config.Off},
		{target.LinkLocal4, arp && asked.LinkLocal4 != config.Off},
		{target.Multicast4, ipv4 && asked.Multicast4 != config.Off},
		{target.Gateway, ipv4},
		{target.VLAN, c.Have.VLAN.On()},
		{target.RACK, c.TCP.RACK.On()},
		{target.PRR, c.TCP.PRR.On()},
		{target.FRTO, c.TCP.FRTO.On()},
		{target.CUBIC, c.TCP.Enabled.On()},
		{target.Validates, c.TCP.Enabled.On()},
		{target.WindowScale, tcp && asked.TCP.WindowScale != config.Off},
		{target.Timestamps, tcp && asked.TCP.Timestamps != config.Off},
		{target.ECN, tcp && asked.TCP.ECN != config.Off},
		{target.FastOpen, tcp && asked.TCP.FastOpen != config.Off},
		{target.ZeroBuffer, tcp},
		{target.PLPMTUD, tcp && c.TCP.PathMTU.On()},
		{target.Doubts, tcp && c.TCP.PathMTU.On()},
		{target.SynCookies, tcp && asked.TCP.SynCookies != config.Off},
		{target.IPv6, ipv6},
		{target.SLAAC, ipv6 && asked.IPv6.RouterSolicit != config.Off && asked.IPv6.Autoconf != config.Off},
		{target.DAD, ipv6 && asked.IPv6.DAD != config.Off},
		{target.EnhancedDAD, ipv6 && asked.IPv6.DAD != config.Off && asked.IPv6.EnhancedDAD != config.Off},
		{target.Multicast6, ipv6 && asked.IPv6.MLD != config.Off},
		{target.Forwarding6, ipv6 && asked.IPv6.Forwarding != config.Off},
		{target.Advertises, ipv6 && asked.IPv6.Forwarding != config.Off && asked.IPv6.RouterAdvertise != config.Off},
		{target.Management6, ipv6},
		{target.StableIID, ipv6 && asked.IPv6.StableIID != config.Off},
		{target.TempAddrs, ipv6 && asked.IPv6.TempAddresses != config.Off && asked.IPv6.Autoconf != config.Off},
		{target.RouteInfo, ipv6 && asked.IPv6.Routes >= 0},
		{target.Resolver, ipv6},
		{target.Ordering, ipv6},
		{target.Mobile, ipv6},
		{target.ErrorRate, ipv6 && asked.IPv6.ICMPRate >= 0},
		{target.ShortAddress, ipv6 && c.Lowpan.Enabled.On() && c.Have.IEEE802154.On()},
		{target.Secured, ipv6 && c.Lowpan.Enabled.On() && c.Have.IEEE802154.On() && asked.IEEE802154.Security != config.Off},
		{target.Securing, ipv6 && c.Lowpan.Enabled.On() && c.Have.IEEE802154.On() && asked.IEEE802154.Security != config.Off},
		{target.Contexts6, ipv6 && c.Lowpan.Enabled.On() && asked.Lowpan.Contexts != config.Off},
		{target.HC1, ipv6 && c.Lowpan.Enabled.On() && asked.Lowpan.HC1 != config.Off},
		{target.GHC, ipv6 && c.Lowpan.Enabled.On() && asked.Lowpan.GHC != config.Off},
		{target.MeshUnder, ipv6 && c.Lowpan.Enabled.On() && asked.Lowpan.MeshUnder != config.Off},
		{target.Recovers, ipv6 && c.Lowpan.Enabled.On() && c.Lowpan.Fragmentation.On() && asked.Lowpan.Recovery.Enabled != config.Off},
		{target.MeshForwarder, ipv6 && c.Lowpan.Enabled.On()},
		{target.Registers, registers && asked.IPv6.RouterSolicit != config.Off && asked.IPv6.Autoconf != config.Off},
		{target.Registrar, registers && asked.IPv6.Forwarding != config.Off},
		{target.BorderRouter, registers && asked.IPv6.Forwarding != config.Off && asked.Registration.BorderRouter != config.Off},
		{target.Registers2, registers && asked.Registration.Extended != config.Off},
		{target.TrustElided, ipv6 && c.Lowpan.Enabled.On() && asked.Lowpan.TrustElided != config.Off},
	} {
		if f.there {
			list = append(list, f.name)
		}
	}
	return list
}

func settings(c config.Config, fragments []config.Fragment) []target.Setting {
	s := []target.Setting{{Name: "profile", Value: string(c.Profile), Why: "the defaults of the node"}}
	for _, f := range fragments {
		list, _ := config.Parse(f)
		for _, a := range list {
			s = append(s, target.Setting{Name: "CONFIG_" + a.Symbol, Value: a.Value, Why: fmt.Sprintf("%s:%d", f.Name, a.Line)})
		}
	}
	if c.ICMPRate < 0 {
		s = append(s, target.Setting{Name: "ICMPRate", Value: "none", Why: "RFC 1812, 4.3.2.8: a limit would hide errors that checks wait for"})
	}
	return s
}

// version is that of the module, as it was built.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}

type reference struct {
	config config.Config
	info   target.Info
}

func (r *reference) Info() target.Info { return r.info }

func (r *reference) New(ctx context.Context, spec target.Spec) (target.World, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, need := range spec.Needs {
		if !r.info.Has(need) {
			return nil, fmt.Errorf("%s needs %s, which the target %s does not declare", spec.Check, need, r.info.Name)
		}
	}
	w, err := newWorld(r.config, spec)
	if err != nil { // not w, which is a nil of a type
		return nil, err
	}
	return w, nil
}

// Close has nothing to release: worlds share nothing.
func (*reference) Close() error { return nil }
