package replay_test

import (
	"net"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/replay"
)

// A router's answer to a solicitation is held against the one of the capture: what a host needs of it, not what its owner
// chose.
func TestAWrongAdvertisementInTheCapture(t *testing.T) {
	prefix := ndp.Advertised(ipv6.LinkLocalPrefix)
	prefix.OnLink = false
	const answer = 7
	for _, tt := range []struct {
		name  string
		edit  edit
		field string // empty: it is the router's to choose
		reqs  []string
	}{
		{"hop limit of the packet", set(answer, ipv6.HopLimit.Is(64)), "IPv6 hop limit", []string{"RFC4861:4.2-3"}},
		{"source", set(answer, ipv6.Src.Is(ipv6.MustAddr("2001:db8:4::1"))), "IPv6 source", []string{"RFC4861:4.2-1"}},
		{"no default router", set(answer, ndp.Lifetime.Is(0)), "router advertisement router lifetime", []string{"RFC4861:6.2.3-1"}},
		{"link address", set(answer, ndp.RALink.Is(net.HardwareAddr{2, 9, 9, 9, 9, 9})), "router advertisement source link-layer address", []string{"RFC4861:6.2.3-6"}},
		{"prefix", set(answer, ndp.RAOptions.Is(prefix.Option())), "router advertisement prefixes", []string{"RFC4861:6.2.3-8", "RFC4861:6.2.3-9"}},
		{"another lifetime", set(answer, ndp.Lifetime.Is(9000)), "", nil},
		{"times", set(answer, ndp.Reachable.Is(5), ndp.Retrans.Is(6), ndp.CurHopLimit.Is(7)), "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			s, err := loadEdited(t, "ra-slaac-radvd", tt.edit)
			g.Expect(err).NotTo(HaveOccurred())
			r := run(t, s, referenceStack(t), replay.Options{Roles: []string{"router"}})[0]
			g.Expect(r.Err).NotTo(HaveOccurred())
			g.Expect(r.NotApplicable).To(BeEmpty())
			var got []string
			for _, f := range r.Failures {
				g.Expect(f.Field).To(Equal(tt.field), f.Text)
				got = append(got, f.Requirement)
			}
			g.Expect(got).To(Equal(tt.reqs), problems([]replay.Result{r}))
		})
	}
}
