package iface

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// cause are the states that management decides; what becomes of them is the operational state.
type cause struct{ admin, carrier, dormant bool }

func (c cause) String() string {
	return fmt.Sprintf("admin=%v,carrier=%v,dormant=%v", c.admin, c.carrier, c.dormant)
}

// oper is the state that follows (RFC 2863, 3.1.13).
func (c cause) oper() string {
	switch {
	case !c.admin || !c.carrier:
		return "down"
	case c.dormant:
		return "dormant"
	}
	return "up"
}

func causes() (all []cause) {
	for n := range 8 {
		all = append(all, cause{n&4 != 0, n&2 != 0, n&1 != 0})
	}
	return all
}

func init() {
	suite.It("iface.admin.down", "an interface that is switched off passes nothing, and does again when it is switched on",
		check.Proves("RFC2863:ifAdminStatus-1", mutate.Unheeded("does not switch off", mutate.Verb(agent.LinkDown))).
			And("RFC2863:3.1.13-1", claims("up")).
			And("RFC2863:ifAdminStatus-2", mutate.Unheeded("does not switch on again", mutate.Verb(agent.LinkUp))).
			And("RFC2863:3.1.13-2", claims("down")).
			Needs(target.Interfaces, target.Agent),
		func(p *probe.P) {
			lan := p.IPv4()
			answers(lan, probe.For())
			s := p.UDP(0)
			p.LinkDown()
			p.That("RFC2863:3.1.13-1", "the operational state when it is switched off", oper(p, 0, "down"), gomega.Equal("down"))
			p.Forget()
			request, reply := echo(lan)
			lan.Send(request)
			lan.Never(reply, stays, probe.For("RFC2863:ifAdminStatus-1"))
			tell(lan, s)
			lan.Never(ethernet.Frame(ethernet.Src.Is(lan.TargetMAC())), stays, probe.For("RFC2863:ifAdminStatus-1"))
			p.LinkUp()
			p.That("RFC2863:3.1.13-2", "the operational state when it is switched on", oper(p, 0, "up"), gomega.Equal("up"))
			answers(lan, probe.For("RFC2863:ifAdminStatus-2"), probe.Because("the interface is switched on"))
		})

	suite.It("iface.carrier.gone", "an interface without carrier passes nothing, and does again when it is back",
		check.Proves("RFC2863:ifOperStatus-1", mutate.Unheeded("sends without a carrier", mutate.Verb(agent.Carrier))).
			And("RFC2863:3.1.13-3", claims("up")).
			Needs(target.Interfaces, target.Agent),
		func(p *probe.P) {
			lan := p.IPv4()
			answers(lan, probe.For())
			s := p.UDP(0)
			p.Pull()
			p.That("RFC2863:3.1.13-3", "the operational state without a carrier", oper(p, 0, "down"), gomega.Equal("down"))
			p.That("RFC2863:3.1.13-3", "the administrative state", p.IfaceState(0).Admin, gomega.BeTrue())
			p.LinkDown()
			p.LinkUp()
			p.That("RFC2863:3.1.13-3", "the operational state, switched off and on without a carrier", oper(p, 0, "down"), gomega.Equal("down"))
			p.Forget()
			tell(lan, s)
			lan.Never(ethernet.Frame(ethernet.Src.Is(lan.TargetMAC())), stays, probe.For("RFC2863:ifOperStatus-1"))
			p.Plug()
			oper(p, 0, "up")
			answers(lan, probe.For("RFC2863:ifOperStatus-1"), probe.Because("the carrier is back"))
		})

	suite.It("iface.dormant", "a dormant interface passes nothing until its event comes",
		check.Proves("RFC2863:3.1.12-1", mutate.Unheeded("is not dormant", mutate.Verb(agent.Dormant))).
			And("RFC2863:3.1.13-4", claims("down")).
			Needs(target.Interfaces, target.Agent, target.Kconfig),
		func(p *probe.P) {
			lan := p.IPv4()
			answers(lan, probe.For())
			s := p.UDP(0)
			if err := p.SetDormant(true); err != nil {
				p.Inconclusive("the target cannot be made dormant: %v", err)
			}
			p.That("RFC2863:3.1.13-4", "the operational state while it waits", oper(p, 0, "dormant"), gomega.Equal("dormant"))
			p.Forget()
			request, reply := echo(lan)
			lan.Send(request)
			lan.Never(reply, stays, probe.For("RFC2863:3.1.12-1"))
			tell(lan, s)
			lan.Never(ethernet.Frame(ethernet.Src.Is(lan.TargetMAC())), stays, probe.For("RFC2863:3.1.12-1"))
			_ = p.SetDormant(false)
			p.That("RFC2863:3.1.13-4", "the operational state when the event has come", oper(p, 0, "up"), gomega.Equal("up"))
			answers(lan, probe.For(), probe.Because("the interface waits no longer"))
		})

	check.Grid(suite, "iface.state", "the operational state follows from who wants it up, from the carrier, and from what is waited for",
		check.Proves("ZEPHYR:IF-1", mutate.Tells("takes its carrier for granted", func(_ agent.Request, r *agent.Reply) {
			if r.State != nil {
				r.State.Carrier = true
			}
		})).
			And("ZEPHYR:IF-2", claims("up")).
			Needs(target.Interfaces, target.Kconfig),
		causes(),
		func(p *probe.P, c cause) {
			lan := p.IPv4()
			if !c.admin {
				p.LinkDown()
			}
			if !c.carrier {
				p.Pull()
			}
			_ = p.SetDormant(c.dormant)
			s := p.IfaceState(0)
			p.That("ZEPHYR:IF-1", "the states", cause{s.Admin, s.Carrier, s.Dormant}, gomega.Equal(c))
			p.That("ZEPHYR:IF-2", "the operational state", s.Oper, gomega.Equal(c.oper()))
			p.Step("and back, in another order")
			_ = p.SetDormant(false)
			p.LinkUp()
			p.Plug()
			p.That("ZEPHYR:IF-2", "the operational state at the end", p.IfaceState(0).Oper, gomega.Equal("up"))
			answers(lan, probe.For())
		})

	suite.It("iface.stacked", "an interface on top of another one is up while that one is, and tells why when it is not",
		check.Proves("RFC2863:3.1.14-1", claims("down")).
			And("RFC2863:3.1.14-3", claims("up")).
			Needs(target.Interfaces, target.VLAN),
		func(p *probe.P) {
			index, err := p.AddVLAN(7)
			if err != nil {
				p.Inconclusive("the target refused VLAN 7: %v", err)
			}
			p.That("RFC2863:3.1.14-1", "the state of the upper interface", oper(p, index, "up"), gomega.Equal("up"))
			p.LinkDown()
			p.That("RFC2863:3.1.14-3", "while the lower one is down", oper(p, index, "lower-layer-down"), gomega.Equal("lower-layer-down"))
			p.LinkUp()
			p.That("RFC2863:3.1.14-1", "when the lower one is up again", oper(p, index, "up"), gomega.Equal("up"))
			p.Pull()
			p.That("RFC2863:3.1.14-3", "while the lower one has no carrier", oper(p, index, "lower-layer-down"), gomega.Equal("lower-layer-down"))
		})

	// The first two datagrams may be with the device already.
	suite.It("iface.queue.dropped", "what waits when an interface goes down is not sent when it is up again",
		check.Proves("ZEPHYR:IF-12", mutate.Unheeded("keeps what waits", mutate.Verb(agent.LinkDown, agent.LinkUp))).
			Needs(target.Interfaces, target.Agent).BitRate(1_000_000).
			Configured("CONFIG_NET_TC_TX_COUNT=1", "CONFIG_NET_PKT_TX_COUNT=64", "CONFIG_NET_BUF_TX_COUNT=1024"),
		func(p *probe.P) {
			lan := p.IPv4()
			answers(lan, probe.For())
			s := p.UDP(0)
			for range 12 {
				tell(lan, s)
			}
			p.LinkDown()
			p.LinkUp()
			p.Wait(time.Second)
			p.That("ZEPHYR:IF-12", "datagrams that were sent of twelve", len(lan.Seen(datagram)), gomega.BeNumerically("<=", 4))
			answers(lan, probe.For())
		})

	suite.It("iface.promiscuous.own", "in promiscuous mode broadcasts and its own frames are received as ever, and those of others are not acted on",
		check.Proves("RFC2863:ifPromiscuousMode-1", mutate.Ignores(ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast)).Then(arp.Packet()))).
			And("RFC2863:ifPromiscuousMode-2", mutate.Gullible()).
			Needs(target.Interfaces).Configured("CONFIG_NET_PROMISCUOUS_MODE=y"),
		func(p *probe.P) {
			lan := p.IPv4()
			if err := p.SetPromiscuous(true); err != nil {
				p.Inconclusive("the target has no promiscuous mode: %v", err)
			}
			answers(lan, probe.For("RFC2863:ifPromiscuousMode-1"))
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For("RFC2863:ifPromiscuousMode-1"))
			request, reply := echo(lan)
			lan.Silent(request.With(ethernet.Dst.Is(lan.As(1).MAC())), request, reply, probe.For("RFC2863:ifPromiscuousMode-2"))
		})

	suite.It("iface.promiscuous.switch", "promiscuous mode is switched on and off, and not twice",
		check.Proves("ZEPHYR:IF-6", mutate.Tells("agrees to all", func(_ agent.Request, r *agent.Reply) { r.Errno = "" })).
			Needs(target.Interfaces).Configured("CONFIG_NET_PROMISCUOUS_MODE=y"),
		func(p *probe.P) {
			p.IPv4()
			for _, on := range []bool{true, false, true} {
				p.That("ZEPHYR:IF-6", fmt.Sprintf("switching it to %v", on), saying(p.SetPromiscuous(on)), gomega.Equal("nothing"))
				p.That("ZEPHYR:IF-6", "the state", p.IfaceState(0).Promiscuous, gomega.Equal(on))
				p.That("ZEPHYR:IF-6", fmt.Sprintf("switching it to %v again", on), saying(p.SetPromiscuous(on)), gomega.Equal("EALREADY"))
			}
		})

	suite.It("iface.promiscuous.off", "without the option there is no promiscuous mode",
		check.Proves("ZEPHYR:IF-7", mutate.Tells("agrees to all", func(_ agent.Request, r *agent.Reply) { r.Errno = "" })).
			Needs(target.Interfaces).Configured("CONFIG_NET_PROMISCUOUS_MODE=n"),
		func(p *probe.P) {
			p.That("ZEPHYR:IF-7", "switching it on", saying(p.SetPromiscuous(true)), gomega.BeElementOf("ENOTSUP", "EOPNOTSUPP"))
			p.That("ZEPHYR:IF-7", "the state", p.IfaceState(0).Promiscuous, gomega.BeFalse())
		})
}
