// Package iface checks network interfaces: their states as RFC 2863 has them, what passes in each, their addresses, and the
// choices of Zephyr's that are about them.
package iface

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("iface", "Network interfaces: RFC 2863, and Zephyr's").On(target.Ethernet)

// settle is how long a change of state may take: a small lag is allowed (RFC 2863, 3.1.13).
const settle = 200 * time.Millisecond

// stays is how long nothing may come from an interface that passes nothing.
const stays = time.Second

// echo is a request that no other has the identifier of, and its answer.
func echo(t *probe.Tester) (request, reply packet.Template) {
	id := t.Serial()
	return icmpv4.Echo(id, 1, nil), icmpv4.EchoReply(icmpv4.ID.Is(id))
}

// answers asks for an echo.
func answers(t *probe.Tester, opts ...probe.Option) {
	request, reply := echo(t)
	t.Ask(request, reply, opts...)
}

// oper waits until the operational state is as wanted, or for as long as it may take, and gives it.
func oper(p *probe.P, index int, want string) string {
	for until := p.Now() + settle; ; {
		got := p.IfaceState(index).Oper
		if got == want || p.Now() >= until {
			return got
		}
		p.Wait(settle / 20)
	}
}

// claims is a target that tells another operational state of its first interface.
func claims(state string) mutate.Mutation {
	return mutate.Tells("says that it is "+state, func(r agent.Request, reply *agent.Reply) {
		if reply.State != nil {
			reply.State.Oper = state
		}
	})
}

const testerPort = 5000

var datagram = udp.Datagram(udp.DstPort.Is(testerPort))

// tell has the target send a datagram to the tester. Whether it is told of a failure is up to it.
func tell(t *probe.Tester, s *probe.Socket) {
	_ = s.SendTo([]byte("x"), netip.AddrPortFrom(t.IP(), testerPort))
}

// saying is an error by its name.
func saying(err error) string {
	if err == nil {
		return "nothing"
	}
	return fmt.Sprint(err)
}
