package board

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
)

// config6 is what IPv6 and its links bring.
func (o Options) config6(c *live.Config) (problems []error) {
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	c.Target6, c.LinkLocal, c.Prefix6, c.Unused6 = o.Target6, o.LinkLocal, o.Prefix6, o.Unused6
	if c.Link == target.IEEE802154 {
		c.MTU, c.PAN = cmp.Or(o.MTU, minMTU6), cmp.Or(o.PAN, defaultPAN)
		mac, ok := extended(o.LinkLocal)
		if !ok {
			refuse("LinkLocal is %s; on IEEE 802.15.4 it takes the link-local address that is made of the target's extended address", o.LinkLocal)
		}
		c.MAC, c.Security = mac, o.Security
		o.secure(c, refuse)
		if o.Short != 0 {
			c.Short = net.HardwareAddr{byte(o.Short >> 8), byte(o.Short)}
			c.Info.Features = append(c.Info.Features, target.ShortAddress)
		}
	}
	if !c.Target6.IsValid() {
		if c.Prefix6.IsValid() || c.LinkLocal.IsValid() || c.Link == target.IEEE802154 {
			refuse("Target6 is not there; a target with IPv6 takes an address of global scope")
		}
		return problems
	}
	if !c.Info.Has(target.IPv6) {
		c.Info.Features = append(c.Info.Features, target.IPv6)
	}
	if c.LinkLocal.IsValid() && !c.LinkLocal.IsLinkLocalUnicast() {
		refuse("LinkLocal is %s; it takes an address in fe80::/64", c.LinkLocal)
	}
	if c.MTU < minMTU6 {
		refuse("MTU is %d; on a link with IPv6 it takes %d to 65535 octets", c.MTU, minMTU6)
	}
	if !c.Target6.Is6() || c.Target6.IsLinkLocalUnicast() || c.Target6.IsMulticast() {
		refuse("Target6 is %s; it takes an IPv6 address of global scope", c.Target6)
		return problems
	}
	if !c.Prefix6.IsValid() {
		c.Prefix6 = netip.PrefixFrom(c.Target6, 64)
	}
	c.Prefix6 = c.Prefix6.Masked()
	if c.Prefix6.Bits() != 64 || !c.Prefix6.Contains(c.Target6) {
		refuse("Prefix6 is %s; it takes a subnet of 64 bits around Target6, %s", c.Prefix6, c.Target6)
	}
	if !c.Unused6.IsValid() {
		a := c.Prefix6.Addr().As16()
		copy(a[8:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe})
		c.Unused6 = netip.AddrFrom16(a)
	}
	if !c.Prefix6.Contains(c.Unused6) || c.Unused6 == c.Target6 {
		refuse("Unused6 is %s; it takes an address of the subnet %s that is not the target's", c.Unused6, c.Prefix6)
	}
	return problems
}

// secure declares that frames are secured, and refuses levels and keys that cannot be.
func (o Options) secure(c *live.Config, refuse func(format string, args ...any)) {
	s := o.Security
	if !s.On() {
		return
	}
	c.Info.Features = append(c.Info.Features, target.Secured)
	if s.Level == 0 || s.Level > 7 || s.Demand > 7 {
		refuse("Security has level %d and demands %d; a level is 1 to 7", s.Level, s.Demand)
	}
	if _, ok := s.Find(s.KeyMode, s.KeyIndex, nil); !ok || s.KeyMode > 1 {
		refuse("Security has no key of mode %d and index %d; it takes one of mode 0, or of mode 1 and its index", s.KeyMode, s.KeyIndex)
	}
}

// extended is the extended address that a link-local address is made of (RFC 4944, section 6).
func extended(a netip.Addr) (net.HardwareAddr, bool) {
	if !a.Is6() || !a.IsLinkLocalUnicast() {
		return nil, false
	}
	b := a.As16()
	mac := net.HardwareAddr(append([]byte{b[8] ^ 2}, b[9:]...))
	return mac, b[11] != 0xff || b[12] != 0xfe
}
