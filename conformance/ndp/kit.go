package ndp

import (
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Times of RFC 4861, section 10.
const (
	retrans    = time.Second
	firstProbe = 5 * time.Second
)

var (
	anyReply  = icmpv6.EchoReply()
	remote    = ipv6.MustAddr("2001:db8:ffff::1") // beyond any router
	remote2   = ipv6.MustAddr("2001:db8:ffff::2")
	farNet    = netip.MustParsePrefix("2001:db8:ffff::/64") // theirs
	far       = func(a netip.Addr) bool { return farNet.Contains(a) }
	farther   = icmpv6.With(icmpv6.TypeRedirect, ndp.RD, ndp.RDDst.Where("beyond any router", far)) // Redirects
	unicastNS = ndp.Solicitation().With(ipv6.Dst.Where("unicast", func(a netip.Addr) bool { return !a.IsMulticast() }))
	// unicastDst and multicastDst are on the IPv6 header of a message.
	unicastDst   = ipv6.Dst.Where("unicast", func(a netip.Addr) bool { return !a.IsMulticast() })
	multicastDst = ipv6.Dst.Where("multicast", netip.Addr.IsMulticast)
)

// own is an address with a prefix of 64 bits that no other world has: a target of which there is one remembers its neighbours,
// and whither Redirects led.
func own(n target.Net, prefix netip.Prefix, i byte) netip.Addr {
	a := prefix.Addr().As16()
	if len(n.Testers) > 0 { // a mutation is named before there is a network
		copy(a[8:], n.Testers[0].MAC)
	}
	a[15] = i
	return netip.AddrFrom16(a)
}

// A nobody is a host with an address that no tester answers for: what the target knows of it is what the check tells it.
type nobody struct {
	*probe.Tester
	lan  *probe.Tester    // another host, which answers
	mac2 net.HardwareAddr // where it is after it has moved
}

// nobodyOn is a neighbour at the unused address, at the link address of the first tester.
func nobodyOn(lan *probe.Tester) nobody { return nobodyAt(lan, lan.UnusedIP()) }

func nobodyAt(lan *probe.Tester, ip netip.Addr) nobody {
	return nobody{lan.Claiming(ip), lan, lan.As(1).MAC()}
}

// echo sends an echo request from there, and gives the template of its reply.
func (x nobody) echo() packet.Template {
	id := x.Serial()
	x.Send(icmpv6.Echo(id, 1, nil))
	return icmpv6.EchoReply(icmpv6.ID.Is(id))
}

// ask is echo, and gives the reply, nil when the target has sent none by the time at which it answers another host.
func (x nobody) ask() *packet.Frame {
	reply := x.echo()
	kit.Alive(x.lan)
	if fs := x.Seen(reply); len(fs) > 0 {
		return fs[0]
	}
	return nil
}

// solicits is the template of the target's solicitations for it.
func (x nobody) solicits(conds ...packet.Cond) packet.Template {
	return ndp.Solicit(x.IP()).With(conds...)
}

// asked are those that have come since an instant.
func (x nobody) asked(since time.Duration, conds ...packet.Cond) (fs []*packet.Frame) {
	for _, f := range x.Seen(x.solicits(conds...)) {
		if f.At >= since {
			fs = append(fs, f)
		}
	}
	return fs
}

// resolved lets the target resolve the address: REACHABLE at a link address. It gives when.
func (x nobody) resolved(at net.HardwareAddr) time.Duration {
	reply := x.echo()
	x.Expect(x.solicits(), probe.For(), probe.Because("the address is to be resolved"))
	x.Send(ndp.Advert(ndp.NALink.Is(at)))
	x.Expect(reply, probe.For(), probe.Because("its address is known now"))
	return x.Now()
}

// told are the advertisements for the unused address.
func told(n target.Net, conds ...packet.Cond) packet.Template {
	return ndp.Advert(append([]packet.Cond{ndp.NATarget.Is(n.Unused6)}, conds...)...)
}

// Where the target is to send a reply, as conditions on it.
func linkTo(mac net.HardwareAddr) packet.Cond { return ethernet.Dst.Is(mac) }

// A claim is a requirement with its mutation, for claims that are built of a table.
type claim struct {
	req string
	mut mutate.Mutation
}

func proves(all ...claim) check.Claims {
	c := check.Proves(all[0].req, all[0].mut)
	for _, x := range all[1:] {
		c = c.And(x.req, x.mut)
	}
	return c
}

func unicastAddr(a netip.Addr) bool { return !a.IsMulticast() }

// doubted brings it to DELAY: resolved elsewhere, moved here, and used. It gives when the delay began.
func (x nobody) doubted() time.Duration {
	x.stale()
	x.Expect(x.echo(), probe.For(), probe.Because("the address is known"))
	return x.Now()
}

// stale brings it to STALE, at the link address of the first tester: an advertisement that nobody asked for moves it there.
func (x nobody) stale() {
	x.resolved(x.mac2)
	x.Wait(300 * time.Millisecond) // a stack may count the confirmation for what is sent within the next 5 s
	x.Send(ndp.Unsolicited(x.IP(), ndp.NALink.Is(x.MAC()), ndp.Override.Is(1)))
}
