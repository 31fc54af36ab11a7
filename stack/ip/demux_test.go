package ip_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire"
)

// upper counts what reaches it.
type upper struct{ input, errors int }

func (u *upper) Input(p *packet.Packet, _ *ip.Datagram) ip.Verdict {
	u.input++
	p.Free()
	return ip.Accepted
}

func (u *upper) Error(*ip.Error) { u.errors++ }

var (
	here = [...]netip.Addr{ip.V4: netip.MustParseAddr("192.0.2.1"), ip.V6: netip.MustParseAddr("2001:db8::1")}
	peer = [...]netip.Addr{ip.V4: netip.MustParseAddr("192.0.2.2"), ip.V6: netip.MustParseAddr("2001:db8::2")}
)

func TestProtocolsAreOfAFamily(t *testing.T) {
	var x ip.Demux
	icmp, udp := new(upper), new(upper)
	x.Handle(ip.V4, wire.ICMPv4, icmp)
	x.Handle(ip.V4, wire.UDP, udp)
	x.Handle(ip.V6, wire.UDP, udp)
	pool := packet.NewPool(packet.Limits{})
	for _, tt := range []struct {
		family ip.Family
		proto  wire.Protocol
		want   ip.Verdict
	}{
		{ip.V4, wire.ICMPv4, ip.Accepted},
		{ip.V6, wire.ICMPv4, ip.NoProtocol}, // protocol 1 means nothing to IPv6 (RFC 4443, 1)
		{ip.V4, wire.UDP, ip.Accepted},
		{ip.V6, wire.UDP, ip.Accepted},
	} {
		p := pool.Get(0, 8)
		got := x.Deliver(p, &ip.Datagram{Src: peer[tt.family], Dst: here[tt.family], Protocol: tt.proto})
		if got != tt.want {
			t.Errorf("%v of %v: verdict %d, want %d", tt.proto, tt.family, got, tt.want)
		}
		if got != ip.Accepted {
			p.Free()
		}
		x.Error(&ip.Error{Src: here[tt.family], Dst: peer[tt.family], Protocol: tt.proto})
	}
	if *icmp != (upper{1, 1}) || *udp != (upper{2, 2}) {
		t.Errorf("ICMP got %+v, UDP %+v (datagrams, errors); want one of each, two of each", *icmp, *udp)
	}
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d packets left in use", n)
	}
}
