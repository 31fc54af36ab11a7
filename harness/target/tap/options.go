// Package tap is a target behind a TAP device: a stack that a router or a bridge, a container or a virtual machine
// connects to the network side of it. The harness holds the device's descriptor, and so is the other end of the cable.
//
//	ip tuntap add board0 mode tap && ip link set board0 up
//	conform run --target tap:board0
//
// There is one such target, so worlds share it and differ by their testers (package live). It is asked for its link
// address at the start and for a sign of life after each world.
package tap

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
)

// Options describe the target. The zero value is a target at 192.0.2.1 about which nothing more is known.
type Options struct {
	// Target is the target's address. Zero means 192.0.2.1.
	Target netip.Addr
	// Prefix is the subnet of the link. Zero means the /24 around Target.
	Prefix netip.Prefix
	// Testers are the addresses that the harness may use. They are lent PerWorld at a time, in turn; the last one asks
	// for signs of life. Nil means the 128 that follow Target, as far as the subnet goes.
	Testers []netip.Addr
	// PerWorld is how many testers a world is lent. Zero means 4, which every check can do with.
	PerWorld int
	// Unused is an address that nobody has. Zero means the last host address of the subnet.
	Unused netip.Addr
	// MTU is that of the network layer, 68 octets at least (RFC 791). Zero means 1500.
	MTU int
	// Service is the target's UDP echo service, which declares feature udp-echo. Zero means that it has none.
	Service netip.AddrPort
	// Features are what the target has besides.
	Features []target.Feature
	Params   target.Params
	// Version of the target, for the report.
	Version string
	// AliveWithin is the bound of a sign of life. Zero means 3 s.
	AliveWithin time.Duration
}

const (
	defaultTesters = 128
	minMTU         = 68
)

// config applies the defaults, and refuses what cannot be: all of it at once, by name of the field.
func (o Options) config(device string) (live.Config, error) {
	c := live.Config{
		Info: target.Info{
			Kind: "tap", Name: "tap:" + device, Version: o.Version, Links: []target.LinkType{target.Ethernet},
			Features: slices.Clone(o.Features), Params: o.Params,
		},
		Target:      cmp.Or(o.Target, netip.AddrFrom4([4]byte{192, 0, 2, 1})),
		Prefix:      o.Prefix,
		PerWorld:    cmp.Or(o.PerWorld, 4),
		MTU:         cmp.Or(o.MTU, 1500),
		Service:     o.Service,
		AliveWithin: cmp.Or(o.AliveWithin, 3*time.Second),
	}
	if !c.Target.Is4() {
		return live.Config{}, fmt.Errorf("Target is %s; it takes an IPv4 address", c.Target)
	}
	if !c.Prefix.IsValid() {
		c.Prefix = netip.PrefixFrom(c.Target, 24)
	}
	c.Prefix = c.Prefix.Masked()
	first, last := c.Prefix.Addr(), lastOf(c.Prefix)
	c.Unused = cmp.Or(o.Unused, last.Prev())
	if c.Testers = slices.Clone(o.Testers); c.Testers == nil {
		for a := c.Target.Next(); a.Less(last) && len(c.Testers) < defaultTesters; a = a.Next() {
			if a != c.Unused {
				c.Testers = append(c.Testers, a)
			}
		}
	}
	if c.Service.IsValid() && !c.Info.Has(target.UDPEcho) {
		c.Info.Features = append(c.Info.Features, target.UDPEcho)
	}

	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	host := func(field string, a netip.Addr) {
		if !c.Prefix.Contains(a) || a == first || a == last {
			refuse("%s is %s; it takes a host address of the subnet %s", field, a, c.Prefix)
		}
	}
	host("Target", c.Target)
	host("Unused", c.Unused)
	taken := map[netip.Addr]string{c.Target: "Target"}
	for i, a := range append([]netip.Addr{c.Unused}, c.Testers...) {
		field := "Unused"
		if i > 0 {
			field = fmt.Sprintf("Testers[%d]", i-1)
			host(field, a)
		}
		if taken[a] != "" {
			refuse("%s is %s, which is %s already", field, a, taken[a])
		}
		taken[a] = field
	}
	switch {
	case c.PerWorld < 1:
		refuse("PerWorld is %d; a world takes at least one tester", c.PerWorld)
	case len(c.Testers) <= c.PerWorld:
		refuse("Testers has %d addresses; PerWorld %d takes one more than that", len(c.Testers), c.PerWorld)
	}
	if c.MTU < minMTU || c.MTU > 65535 {
		refuse("MTU is %d; it takes %d to 65535 octets", c.MTU, minMTU)
	}
	if c.AliveWithin < 0 {
		refuse("AliveWithin is %v; it takes a positive duration", c.AliveWithin)
	}
	return c, errors.Join(problems...)
}

// lastOf is the broadcast address of an IPv4 subnet.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
