// Package addrsel checks which address a host sends from, and in which order it tries those of a peer: RFC 6724.
//
// The source of a datagram that no application chose shows in the datagram. The order of destinations shows in no frame: a
// target that can tell it does so by its agent, as getaddrinfo would.
package addrsel

import (
	"net/netip"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("addrsel", "RFC 6724: selection of source and destination addresses").On(target.Ethernet).Needing(target.IPv6)

const discard = 9

var datagram = udp.Datagram(udp.DstPort.Is(discard))

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// given is an address as a case writes it: "!" in front is deprecated, "^" a home address; a prefix of 64 bits, unless it
// says another.
func given(s string) (p netip.Prefix, mark byte) {
	if s[0] == '!' || s[0] == '^' {
		mark, s = s[0], s[1:]
	}
	if !strings.Contains(s, "/") {
		bits := "/64"
		if addr(s).Is4() {
			bits = "/24"
		}
		s += bits
	}
	return netip.MustParsePrefix(s), mark
}

// host is the target with these addresses, and no others of IPv6 unless bare is false: then its link-local one stays. There
// is a default router, the tester.
func host(p *probe.P, bare bool, addrs ...string) *probe.Tester {
	lan := p.IPv6()
	own := lan.TargetIP()
	r := lan.Router(ndp.Lifetime.Is(9000))
	local := lan.LinkLocal().TargetIP()
	v4 := lan.Net().Target.IP4
	replaced := false
	p.RemoveAddress(own)
	for _, s := range addrs {
		a, mark := given(s)
		if a.Addr().Is4() {
			if !replaced {
				p.RemoveAddress(v4)
				replaced = true
			}
		}
		switch mark {
		case '!':
			p.AddDeprecated(a)
		case '^':
			p.AddHome(a)
		default:
			p.AddAddress(a)
		}
	}
	r.Advertise()
	p.Wait(settled(p))
	if bare {
		p.RemoveAddress(local)
	}
	for _, s := range addrs {
		a, _ := given(s)
		used := false
		for end := p.Now() + 3*time.Second; !used && p.Now() < end; p.Wait(settled(p)) {
			x, ok := p.Address(a.Addr())
			used = ok && x.State != "tentative"
		}
		if !used {
			p.Inconclusive("the target does not take %s into use", a)
		}
	}
	return lan
}

// settled is a time in which a target has taken in what it heard.
func settled(p *probe.P) time.Duration {
	if p.Virtual() {
		return 10 * time.Millisecond
	}
	return 200 * time.Millisecond
}

// from is where a datagram to an address comes from, which the tester has; the zero Addr when none comes.
func from(lan *probe.Tester, s *probe.Socket, dst netip.Addr) netip.Addr {
	var f *packet.Frame
	if !dst.IsMulticast() {
		lan.Owns(dst)
	} else if err := s.SetOption("IPV6_MULTICAST_IF", lan.Net().Ifindex); err != nil {
		lan.Inconclusive("the interface for groups cannot be set: %v", err)
	}
	before := lan.Now()
	if err := s.SendTo([]byte("from where"), netip.AddrPortFrom(lan.Zoned(dst), discard)); err != nil {
		lan.Inconclusive("the target does not send to %s: %v", dst, err)
	}
	for end := lan.Now() + 2*time.Second; f == nil && lan.Now() < end; lan.Wait(10 * time.Millisecond) {
		for _, x := range lan.Seen(datagram.With(ipv6.Dst.Is(dst))) {
			if x.At >= before {
				f = x
			}
		}
	}
	if f == nil {
		return netip.Addr{}
	}
	src, _ := ipv6.Src.Of(f)
	return src
}
