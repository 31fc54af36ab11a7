package probe

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	_ "github.com/conform-stack/conform/harness/packet/mld" // frames are dissected alike in all checks
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// IPv6 is the first tester as an IPv6 host: solicitations for its addresses are answered. It speaks from its global address
// to the target's; LinkLocal is it with the link-local ones.
func (p *P) IPv6() *Tester { return p.Host(IPv6) }

// Bare is the first tester of a family that does nothing by itself.
func (p *P) Bare(f Family) *Tester {
	return &Tester{P: p, env: p.env(0, f.networkOf().proto), family: f}
}

// LinkLocal is the tester speaking from its link-local address to the target's. Where the latter is not known before the
// first frame, the target is found.
func (t *Tester) LinkLocal() *Tester {
	other := *t
	other.local = true
	return other.scoped()
}

// scoped is t with the addresses of its scope.
func (t *Tester) scoped() *Tester {
	if !t.local {
		return t
	}
	t.env.Local.IP6, t.env.Peer.IP6 = t.env.Local.LinkLocal, t.env.Peer.LinkLocal
	if !t.env.Peer.IP6.IsValid() {
		return t.FindTarget()
	}
	return t
}

// FindTarget is the tester facing the address that the target answers from: all nodes are asked for an echo, until one of the
// target's addresses with the prefix of the tester's own answers. It is preparation, for targets that choose their
// addresses themselves.
func (t *Tester) FindTarget() *Tester {
	in := netip.PrefixFrom(t.IP(), 64).Masked()
	for until := t.Now() + max(2*t.patience(), 4*time.Second); t.Now() < until; { // it may have to probe for them first
		id := t.Serial()
		t.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)))
		f := t.await(t.Now()+t.patience()/5, func(f *packet.Frame) bool {
			from := senderOf(f)
			src, _ := ipv6.Src.Of(f)
			return slices.Equal(from, t.TargetMAC()) && in.Contains(src) && icmpv6.EchoReply(icmpv6.ID.Is(id)).Matches(f)
		})
		if f != nil {
			src, _ := ipv6.Src.Of(f)
			return t.Facing(src)
		}
	}
	t.Inconclusive("the target answers no echo to all nodes from an address in %s", in)
	return nil
}

// owned is an address that somebody on a link has who is none of the testers, or that one has besides.
type owned struct {
	link int
	mac  net.HardwareAddr
	ip   netip.Addr
}

// Owns lets the tester have another address: solicitations for it are answered, probes of others included, so that who
// wants it learns that it is taken. It gives the tester with that address.
func (t *Tester) Owns(ip netip.Addr) *Tester {
	t.owned = append(t.owned, owned{t.link, t.MAC(), ip})
	return t.Claiming(ip)
}

// AnswerND lets the tester answer Neighbor Solicitations for the addresses of every tester, as real hosts would.
func (t *Tester) AnswerND() {
	t.IgnoreND()
	t.answers = append(t.answers, responder{"ND", t.answerND})
}

// IgnoreND takes AnswerND back.
func (t *Tester) IgnoreND() {
	t.answers = slices.DeleteFunc(t.answers, func(r responder) bool { return r.name == "ND" })
}

func (t *Tester) answerND(f *packet.Frame) {
	want, ok := ndp.NSTarget.Of(f)
	if hops, _ := ipv6.HopLimit.Of(f); !ok || hops != 255 {
		return
	}
	mac := t.ownerOf(f.On, want)
	if mac == nil {
		return
	}
	t.log.Note(f, "answered by the tester")
	from := senderOf(f)
	src, _ := ipv6.Src.Of(f)
	answer := ndp.Advert(ndp.NATarget.Is(want))
	if src.IsUnspecified() { // somebody probes for it (RFC 4861, 7.2.4)
		src, answer = ipv6.AllNodes, answer.With(ndp.Solicited.Is(0))
	}
	env := t.P.env(f.On, ipv6.Proto)
	env.Local, env.Peer = target.Host{MAC: mac, IP6: want}, target.Host{MAC: from, IP6: src}
	t.reflexes(f.On, answer.With(ipv6.Dst.Is(src)).Frames(env))
}

// ownerOf is the link address of the tester that has an address on a link, nil when none has.
func (p *P) ownerOf(link int, ip netip.Addr) net.HardwareAddr {
	for _, o := range p.owned {
		if o.link == link && o.ip == ip {
			return o.mac
		}
	}
	for _, h := range p.nets[link].Testers {
		if h.IP6 == ip || h.LinkLocal == ip {
			return h.MAC
		}
		if len(h.ShortAddr) > 0 && target.LinkLocalOf(h.ShortAddr) == ip {
			return h.ShortAddr
		}
	}
	return nil
}

// ifindexOf is the target's number of the interface that has an address, that of the first link when none is known to.
func (p *P) ifindexOf(local netip.Addr) int {
	for _, n := range p.nets {
		if n.Target.IP6 == local || n.Target.LinkLocal == local {
			return n.Ifindex
		}
	}
	return p.net.Ifindex
}

// Zoned is an address as a socket of the target takes it for the tester's link: with the number of the interface, if it is
// of link-local scope.
func (t *Tester) Zoned(a netip.Addr) netip.Addr {
	if n := t.Net().Ifindex; n > 0 && (a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast()) && a.Is6() {
		return a.WithZone(strconv.Itoa(n))
	}
	return a
}

// UDP opens a UDP socket of the tester's family, bound to a port of all addresses; 0 for any.
func (t *Tester) UDP(port uint16) *Socket { return t.UDPAt(netip.AddrPortFrom(t.Any(), port)) }

// UDPEcho is the port of a UDP echo service for the tester's family.
func (t *Tester) UDPEcho() uint16 { return t.echoAt(t.Any()) }

// membership joins or leaves a group of either family, on the interface that has the address local, if it is valid.
func (s *Socket) membership(option string, group, local netip.Addr) error {
	r := agent.Request{Do: agent.SetOpt, Socket: s.id, Option: option, Group: group}
	if local.IsValid() {
		r.Local = netip.AddrPortFrom(local, 0)
	}
	if group.Is6() {
		r.Option = map[string]string{"IP_ADD_MEMBERSHIP": "IPV6_JOIN_GROUP", "IP_DROP_MEMBERSHIP": "IPV6_LEAVE_GROUP"}[option]
		r.Iface, r.Local = s.p.ifindexOf(local), netip.AddrPort{}
	}
	_, err := s.p.call(r)
	return err
}

// of6 is a request about a group of IPv4 as one about a group of IPv6, on the first link, if that is what it names.
func (p *P) of6(r agent.Request) agent.Request {
	if !r.Group.Is6() {
		return r
	}
	r.Option = strings.NewReplacer(
		"IP_ADD_SOURCE_MEMBERSHIP", "MCAST_JOIN_SOURCE_GROUP", "IP_DROP_SOURCE_MEMBERSHIP", "MCAST_LEAVE_SOURCE_GROUP",
		"IP_BLOCK_SOURCE", "MCAST_BLOCK_SOURCE", "IP_UNBLOCK_SOURCE", "MCAST_UNBLOCK_SOURCE", "IP_MSFILTER", "MCAST_MSFILTER",
	).Replace(r.Option)
	r.Iface = p.net.Ifindex
	return r
}
