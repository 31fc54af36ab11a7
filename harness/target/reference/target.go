package reference

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/config"
)

// Options choose what is tested.
type Options struct {
	// Profile is "rfc", which "" means, or "zephyr".
	Profile string
	// Config is what the node is to have beside the profile's values. Its Profile and Seed are not looked at.
	Config config.Config
}

// New makes the target. The error names what is wrong with the options.
func New(o Options) (target.Target, error) {
	c := o.Config
	c.Profile = config.Profile(o.Profile)
	if c.ICMPRate == 0 {
		c.ICMPRate = -1
	}
	resolved, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	name := "reference"
	if resolved.Profile != config.RFC {
		name += ":" + string(resolved.Profile)
	}
	return &reference{config: c, info: target.Info{
		Kind: "reference", Name: name, Version: version(),
		Links:    []target.LinkType{target.Ethernet},
		Virtual:  true,
		Features: features(),
		Params: target.Params{
			ARPTimeout:    resolved.NeighReachable,
			ARPRetry:      resolved.NeighRetry,
			ARPRequests:   resolved.NeighRequests,
			ReassemblyFor: resolved.ReassemblyTime,
			DefaultTTL:    uint8(resolved.DefaultTTL),
		},
		Settings: settings(resolved),
	}}, nil
}

func features() []target.Feature {
	return []target.Feature{
		target.Agent, target.UDPEcho, target.SecondLink, target.Forwarding, target.SNAP,
		target.Conflict, target.LinkLocal4, target.Multicast4, target.Management, target.Gateway,
	}
}

func settings(c config.Config) []target.Setting {
	s := []target.Setting{{Name: "profile", Value: string(c.Profile), Why: "the defaults of the node"}}
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
	w, err := newWorld(r.config, spec.Seed, func(f target.Feature) bool { return slices.Contains(spec.Needs, f) })
	if err != nil { // not w, which is a nil of a type
		return nil, err
	}
	return w, nil
}

// Close has nothing to release: worlds share nothing.
func (*reference) Close() error { return nil }
