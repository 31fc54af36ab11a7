package probe_test

import (
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/linux"
	"github.com/conform-stack/conform/harness/target/reference"
)

// on runs a body in a world of IPv6 on the reference and, where that can be, on the kernel.
func on(t *testing.T, body func(*probe.P), needs ...target.Feature) {
	t.Helper()
	ref, err := reference.New(reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]target.Target{"reference": ref}
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		k, err := linux.New(linux.Options{RFC: true})
		if err != nil {
			t.Fatal(err)
		}
		targets["linux"] = k
	}
	for name, k := range targets {
		t.Run(name, func(t *testing.T) {
			w, err := k.New(t.Context(), target.Spec{Check: t.Name(), Seed: 7, Link: target.Ethernet, Needs: append(needs, target.IPv6)})
			if err != nil {
				t.Fatal(err)
			}
			log := probe.New(t.Context(), probe.Config{World: w, Info: k.Info()}).Run(body)
			if log.Err != nil || log.Inconclusive != "" || len(log.Failures) > 0 {
				t.Errorf("error %v, inconclusive %q, failures %v", log.Err, log.Inconclusive, log.Failures)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIPv6Testers(t *testing.T) {
	on(t, func(p *probe.P) {
		lan := p.IPv6()
		lan.Ping()
		lan.LinkLocal().Ping()
		lan.As(1).Ping()
		lan.LinkLocal().As(2).Ping()
		lan.Owns(ipv6.MustAddr("2001:db8:1::abc")).Ping()
		lan.FindTarget().Ping()
		if err := lan.UDP(0).SendTo([]byte("x"), netip.AddrPortFrom(lan.Zoned(lan.Net().Testers[0].LinkLocal), 9)); err != nil {
			t.Errorf("sending to a link-local address: %v", err)
		}
		lan.Expect(ipv6.Header(ipv6.Dst.Is(lan.Net().Testers[0].LinkLocal)).Then(packet.Payload([]byte("x"))), probe.For())
	}, target.Agent)
}

func TestRouterConfiguresTheTarget(t *testing.T) {
	prefix := netip.MustParsePrefix("2001:db8:77::/64")
	on(t, func(p *probe.P) {
		if ip := p.IPv6().TargetIP(); ip.IsValid() {
			t.Errorf("it has %v already", ip)
		}
		r := p.IPv6().Router()
		r.AnswerRS()
		host := r.Configure(prefix)
		if !prefix.Contains(host.TargetIP()) || !prefix.Contains(host.IP()) {
			t.Errorf("%v faces %v", host.IP(), host.TargetIP())
		}
		host.Ping()
	}, target.SLAAC)
}

func TestAnAddressThatIsTaken(t *testing.T) {
	taken := netip.MustParsePrefix("2001:db8:1::77/64")
	on(t, func(p *probe.P) {
		lan := p.IPv6()
		lan.Expect(ndp.Probe(lan.Net().Target.LinkLocal), probe.For())
		lan.Owns(taken.Addr())
		p.AddAddress(taken)
		lan.Expect(ndp.Probe(taken.Addr()), probe.For())
		p.Wait(1500 * time.Millisecond) // RetransTimer and half a second
		for _, a := range p.Addresses() {
			if a.Addr == taken.Addr() && a.State != "conflict" {
				t.Errorf("it is %s", a.State)
			}
		}
	}, target.DAD, target.Management6)
}

func TestGroupsOfIPv6(t *testing.T) {
	group, source := ipv6.MustAddr("ff15::123"), ipv6.MustAddr("2001:db8:9::1")
	on(t, func(p *probe.P) {
		lan := p.IPv6()
		s := lan.UDP(0)
		if err := s.Join(group); err != nil {
			t.Errorf("join: %v", err)
		}
		lan.Expect(mld.Report2(mld.Tells(mld.ToEx(group))), probe.For())
		if err := s.Leave(group); err != nil {
			t.Errorf("leave: %v", err)
		}
		lan.Expect(mld.Report2(mld.Tells(mld.ToIn(group))), probe.For())
		if err := s.SetSource("IP_ADD_SOURCE_MEMBERSHIP", group, source); err != nil {
			t.Errorf("join of a source: %v", err)
		}
		lan.Expect(mld.Report2(mld.About(group)), probe.For())
	}, target.Agent, target.Multicast6)
}

func TestFarLinkOfIPv6(t *testing.T) {
	on(t, func(p *probe.P) {
		near := p.IPv6()
		far := near.Link(1)
		far.Ping()
		id := p.Serial()
		near.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Dst.Is(far.IP()), ipv6.HopLimit.Is(9)))
		far.Expect(ipv6.Header(ipv6.HopLimit.Is(8)).Then(icmpv6.EchoRequest(icmpv6.ID.Is(id))), probe.For())
	}, target.Forwarding6)
}
