package ndp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Addresses with one solicited-node group: the last 24 bits are the same.
var (
	twin1 = netip.MustParsePrefix("2001:db8:1::a:0012:3456/64")
	twin2 = netip.MustParsePrefix("2001:db8:1::b:0012:3456/64")
)

func init() {
	group := ipv6.SolicitedNode(twin1.Addr())
	joins, leaves := mld.Report2(mld.Tells(mld.ToEx(group))), mld.Report2(mld.Tells(mld.ToIn(group)))
	// settled waits until reports are repeated for the last time.
	settled := func(lan *probe.Tester) {
		for n := -1; n != len(lan.Seen(mld.Report2())); {
			n = len(lan.Seen(mld.Report2()))
			lan.Wait(1200 * time.Millisecond)
		}
		lan.Forget()
	}
	suite.It("ndp.group.solicited-node", "the solicited-node group of an address is joined with it, by MLD, and left when no address needs it",
		check.Proves("RFC4861:7.2.1-3", mutate.Missing(joins)).
			And("RFC4861:7.2.1-5", mutate.Missing(mld.Report2(mld.About(group)))).
			And("RFC4861:7.2.1-4", mutate.Missing(leaves)).
			And("RFC4861:7.2.1-6", mutate.Forge(ndp.Solicitation(ndp.NSTarget.Is(twin2.Addr())), mld.To(ipv6.AllMLDRouters, mld.Report2(mld.Records.Is(mld.Encode(mld.ToIn(group))))))).
			Needs(target.Multicast6, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			settled(lan)
			p.AddAddress(twin1)
			lan.Expect(joins, probe.For("RFC4861:7.2.1-3", "RFC4861:7.2.1-5"))
			p.AddAddress(twin2)
			settled(lan)
			p.RemoveAddress(twin1.Addr())
			lan.Ask(ndp.Solicit(twin2.Addr()), ndp.Advert(ndp.NATarget.Is(twin2.Addr())), probe.For("RFC4861:7.2.1-6"))
			p.Wait(500 * time.Millisecond)
			p.That("RFC4861:7.2.1-6", "reports of leaving while another address has the group", len(lan.Seen(leaves)), gomega.BeZero())
			p.RemoveAddress(twin2.Addr())
			lan.Expect(leaves, probe.For("RFC4861:7.2.1-4"))
		})
}
