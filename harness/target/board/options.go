// Package board is a target of which there is one, behind a link: a board, a virtual machine, a stack in another program.
//
// Its worlds share it and differ by their testers (package live). It is asked for its link address at the start and for a
// sign of life after each world; one that has died is reset, if somebody has said how.
package board

import (
	"cmp"
	"context"
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
	// Link is what the target is on: Ethernet, which zero means, or IEEE 802.15.4 with 6LoWPAN.
	Link target.LinkType
	// Target is the target's address. Zero means 192.0.2.1, or none for a target that has another address here.
	Target netip.Addr
	// Target6 is its address of IPv6 of global scope, which declares feature ipv6. LinkLocal is the other one; zero means the
	// one that is made of the link address (RFC 4862). On IEEE 802.15.4 it is LinkLocal that tells the link address.
	Target6, LinkLocal netip.Addr
	// Prefix6 is the subnet of IPv6, in which testers take addresses. Zero means the /64 around Target6.
	Prefix6 netip.Prefix
	// Unused6 is an address that nobody has. Zero means the last one of Prefix6 but one.
	Unused6 netip.Addr
	// PAN is that of the network, on IEEE 802.15.4. Zero means 0x0023.
	PAN uint16
	// Short is the target's short address there. Zero means that it has none.
	Short uint16
	// Security is how its frames are secured there, which declares feature ieee802154-secure. Counter and Stations are not
	// looked at. Zero means that they are not.
	Security target.Security
	// Prefix is the subnet of the link. Zero means the /24 around Target.
	Prefix netip.Prefix
	// Testers are the addresses that the harness may use. They are lent PerWorld at a time, those first of which the target
	// has not heard yet: with enough of them, no check meets what the target remembers of another. The last one asks
	// for signs of life. Nil means the 500 that follow Target, as far as the subnet goes.
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
	// Agent is where the target's agent is, as remote.Dial has it, which declares feature agent. Empty: it has none.
	Agent string
	Token string // that the agent wants
	// AliveWithin is the bound of a sign of life. Zero means 3 s.
	AliveWithin time.Duration
	// Reset brings a target that has died back to life; it returns when that is under way. Nil means that nobody can: what
	// comes after is inconclusive.
	Reset func(context.Context) error
	// ResetWithin is how long a target may take until it gives a sign of life again. Zero means 30 s.
	ResetWithin time.Duration
}

const (
	defaultTesters = 500 // tables of neighbours hold so many (Linux begins to clear one at 512)
	securedTesters = 24  // stations whose frame counters the target has to remember: who forgets one can be sent its frames again
	minMTU         = 68
	minMTU6        = 1280
	defaultPAN     = 0x23
)

// DefaultTarget is the address of a target of which nothing else is said.
func DefaultTarget() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, 1}) }

// config applies the defaults, and refuses what cannot be: all of it at once, by name of the field.
func (o Options) config(kind, name string) (live.Config, error) {
	c := live.Config{
		Info: target.Info{
			Kind: kind, Name: name, Version: o.Version, Links: []target.LinkType{cmp.Or(o.Link, target.Ethernet)},
			Features: slices.Clone(o.Features), Params: o.Params,
		},
		Link:        cmp.Or(o.Link, target.Ethernet),
		Target:      o.Target,
		Prefix:      o.Prefix,
		PerWorld:    cmp.Or(o.PerWorld, 4),
		MTU:         cmp.Or(o.MTU, 1500),
		Service:     o.Service,
		AliveWithin: cmp.Or(o.AliveWithin, 3*time.Second),
		Reset:       o.Reset,
		ResetWithin: cmp.Or(o.ResetWithin, 30*time.Second),
	}
	problems := o.config6(&c)
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	o.ends(&c)
	if !c.Target.IsValid() && (c.Link == target.IEEE802154 || c.Info.Has(target.IPv6)) {
		if c.Number = defaultTesters; c.Security.On() {
			c.Number = securedTesters
		}
		o.bounds(c, refuse)
		return c, errors.Join(problems...)
	}
	c.Target = cmp.Or(c.Target, DefaultTarget())
	if !c.Target.Is4() {
		return live.Config{}, fmt.Errorf("Target is %s; it takes an IPv4 address", c.Target)
	}
	if c.Link == target.IEEE802154 {
		return live.Config{}, fmt.Errorf("Target is %s; there is no IPv4 on IEEE 802.15.4", c.Target)
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
	if c.PerWorld >= len(c.Testers) {
		refuse("Testers has %d addresses; PerWorld %d takes one more than that", len(c.Testers), c.PerWorld)
	}
	o.bounds(c, refuse)
	return c, errors.Join(problems...)
}

// bounds refuses what is out of its bounds on any link.
func (o Options) bounds(c live.Config, refuse func(format string, args ...any)) {
	if c.PerWorld < 1 {
		refuse("PerWorld is %d; a world takes at least one tester", c.PerWorld)
	}
	if c.MTU < minMTU || c.MTU > 65535 {
		refuse("MTU is %d; it takes %d to 65535 octets", c.MTU, minMTU)
	}
	if c.AliveWithin < 0 {
		refuse("AliveWithin is %v; it takes a positive duration", c.AliveWithin)
	}
	if c.ResetWithin < 0 {
		refuse("ResetWithin is %v; it takes a positive duration", c.ResetWithin)
	}
}

// ends are the services and the agent.
func (o Options) ends(c *live.Config) {
	declare := func(f target.Feature) {
		if !c.Info.Has(f) {
			c.Info.Features = append(c.Info.Features, f)
		}
	}
	if c.Service.IsValid() {
		declare(target.UDPEcho)
	}
	if o.Agent != "" {
		c.Agent = connect(o.Agent, o.Token)
		declare(target.Agent)
	}
}

// lastOf is the broadcast address of an IPv4 subnet.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
