package forwarding

import (
	"net"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
)

// pastLock is longer than a router may hold on to an address that it has just heard (a second on Linux).
const pastLock = 1500 * time.Millisecond

func init() {
	check.Grid(suite, "forward.arp.group", "a router does not believe that a host has the link address of many",
		proves("RFC1812:3.3.2-1", mutate.Field(forwarded, ethernet.Dst.Is(ethernet.Broadcast))),
		[]string{"sought,broadcast", "sought,multicast", "known,broadcast", "known,multicast"},
		func(p *probe.P, which string) {
			near, far := hosts(p)
			known := strings.HasPrefix(which, "known")
			group := ethernet.Broadcast
			if strings.HasSuffix(which, "multicast") {
				group = net.HardwareAddr{1, 0, 0x5e, 0, 0, 9}
			}
			far.IgnoreARP()
			reply := arp.Reply(arp.TargetMAC.Is(far.TargetMAC()))
			near.Send(crossing(near, far, 20))
			far.Expect(arp.Request(far.IP()), probe.For())
			if known {
				far.Send(reply)
				far.Expect(forwarded, probe.For())
				p.Wait(pastLock)
			}
			far.Send(reply.With(arp.SenderMAC.Is(group)))
			if known {
				near.Send(crossing(near, far, 20))
			} else {
				far.Send(reply)
			}
			p.Must("RFC1812:3.3.2-1", far.Expect(forwarded, probe.For("RFC1812:3.3.2-1")), ethernet.Dst.Is(far.MAC()))
		})
}
