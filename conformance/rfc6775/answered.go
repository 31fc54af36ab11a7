package rfc6775

import (
	"net"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	wrong := net.HardwareAddr{2, 1, 1, 1, 1, 1, 1, 1}

	check.Grid(suite, "nd.register.ignored", "an answer whose option is not for the host, or no such option, is none",
		check.Proves("RFC6775:5.5.2-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(ndp.Advert(ndp.NAEUI64.Is(wrong)), ndp.NAEUI64.Is(n.Target.MAC))
		})).
			And("RFC6775:5.5.2-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Misreads(ndp.Advert(ndp.NALifetime.Is(61)), ndp.NAOptions.Is(ndp.ARO(0, 60, n.Target.MAC)))
			})).Needs(hostNeeds...),
		[]string{"eui-64", "length"},
		func(p *probe.P, which string) {
			w := start(p)
			w.advertise()
			ns := w.lan.Expect(anyARO, probe.For(), probe.Within(slack))
			src, _ := ipv6.Src.Of(ns)
			option := ndp.ARO(0, 60, wrong)
			req := "RFC6775:5.5.2-2"
			if which == "length" {
				option, req = ndp.EARO{Lifetime: 61, ROVR: append(append([]byte(nil), w.lan.Net().Target.MAC...), make([]byte, 8)...)}.Option(), "RFC6775:5.5.2-1"
			}
			at := w.Now()
			w.answer(w.lan, ns, option)
			p.Wait(10 * time.Second)
			p.That(req, "how often it tries again", len(w.aros(src, at+time.Millisecond)), gomega.BeNumerically(">=", 1))
			p.Meets("RFC6775:5.5.2-1")
			p.Meets("RFC6775:5.5.2-2")
		})

	suite.It("nd.refresh.router", "before a lifetime ends the router is asked, and, when it is silent, all are",
		check.Proves("RFC6775:5.4.3-4", mutate.Missing(anyRS.With(unicast))).
			And("RFC6775:5.4.3-5", mutate.Drops(anyRS, 2)).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			at := w.Now()
			w.lan.Send(w.advertisement(w.lan, 200))
			for w.Now() < at+200*time.Second {
				p.Wait(100 * time.Millisecond)
				w.acceptAll(60)
			}
			alone := w.after(anyRS.With(unicast), at)
			p.That("RFC6775:5.4.3-4", "solicitations to the router before its lifetime ends", len(alone), gomega.BeNumerically(">=", 1))
			p.Wait(time.Minute)
			p.That("RFC6775:5.4.3-5", "solicitations to all", len(w.after(anyRS.With(multicast), at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.lifetime.large", "a router's lifetime may be as long as 65535 s",
		check.Proves("RFC6775:5.4-2", mutate.Ignores(ndp.RouterAdvert(ndp.Lifetime.Is(0xffff)))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			w.lan.Send(w.advertisement(w.lan, 0xffff))
			p.Wait(slack)
			p.That("RFC6775:5.4-2", "registrations with that router", len(w.lan.Seen(anyARO)), gomega.BeNumerically(">=", 1))
		})
}
