package ndp

import (
	"fmt"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

// An mtuCase is an MTU option and whether packets of 1448 octets have to be cut because of it.
type mtuCase struct {
	mtu  uint32
	odd  bool // the reserved octets are set
	cut  bool
	reqs []string
}

func (c mtuCase) String() string   { return fmt.Sprintf("%d reserved %t", c.mtu, c.odd) }
func (c mtuCase) Proves() []string { return c.reqs }

func init() {
	small := mutate.Misreads(ndp.RouterAdvert(), ndp.RAOptions.Is(ndp.MTU(1300)))

	check.Grid(suite, "ndp.router.mtu", "an MTU that is advertised is used between 1280 and what the link carries",
		check.Proves("RFC4861:6.3.4-21", mutate.Ignores(ndp.RouterAdvert())).And("RFC4861:3.2-1", mutate.Ignores(ndp.RouterAdvert())).
			And("RFC4861:4.6.4-3", mutate.Ignores(ndp.RouterAdvert())).
			And("RFC4861:6.3.4-22", small).And("RFC4861:6.3.4-23", small).And("RFC4861:6.3.2-2", small),
		[]mtuCase{
			{1280, false, true, []string{"RFC4861:6.3.4-21", "RFC4861:3.2-1"}},
			{1400, false, true, []string{"RFC4861:6.3.4-21", "RFC4861:3.2-1"}},
			{1400, true, true, []string{"RFC4861:4.6.4-3"}},
			{1500, false, false, []string{"RFC4861:6.3.2-2"}},
			{1279, false, false, []string{"RFC4861:6.3.4-22"}},
			{0, false, false, []string{"RFC4861:6.3.4-22"}},
			{1501, false, false, []string{"RFC4861:6.3.4-23"}},
			{0xffffffff, false, false, []string{"RFC4861:6.3.4-23"}},
		}, func(p *probe.P, c mtuCase) {
			lan := p.IPv6()
			o := ndp.MTU(c.mtu)
			if c.odd {
				o[2], o[3] = 255, 255
			}
			lan.Send(ndp.RouterAdvert(ndp.RAOptions.Is(o)))
			lan.Send(icmpv6.Echo(9999, 1, kit.Pattern(1400)))
			kit.Alive(lan)
			p.Wait(20 * time.Millisecond)
			all(p, "a reply of 1448 octets comes in fragments", len(lan.Seen(ipv6.Fragment())) > 0, c.cut, c.reqs...)
		})
}
