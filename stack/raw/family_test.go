package raw_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/loopback"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/raw"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
)

// headers would send what it is given.
type headers struct{}

func (headers) SendHeader(p *packet.Packet, _ *ip.Options) error { p.Free(); return nil }

// A raw socket of one version of IP gets nothing that came by the other, whatever the protocol's number.
func TestFamiliesAreApart(t *testing.T) {
	c, err := config.Config{}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	var x ip.Demux
	loop, pool, counters := clock.New(), packet.NewPool(packet.Limits{}), new(stats.Node)
	in := iface.New(1, "lo", loop, loopback.New(loop, 0), pool, pool, counters, iface.Config{})
	r := raw.New(c, &x, headers{}, pool, counters)
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	one, any4, six := r.Open(ip.V4, wire.ICMPv4), r.Open(ip.V4, raw.Any), r.Open(ip.V6, raw.Any)
	r.Tap(nil, &ip.Datagram{Src: v6, Dst: v6, Protocol: wire.ICMPv4, In: in})
	if one.Waiting() != 0 || any4.Waiting() != 0 || six.Waiting() != 1 {
		t.Errorf("of IPv6: %d, %d and %d got it; want 0, 0, 1", one.Waiting(), any4.Waiting(), six.Waiting())
	}
	r.Tap(nil, &ip.Datagram{Src: v4, Dst: v4, Protocol: wire.ICMPv4, In: in})
	if one.Waiting() != 1 || any4.Waiting() != 1 || six.Waiting() != 1 {
		t.Errorf("of IPv4 as well: %d, %d and %d have got it; want 1, 1, 1", one.Waiting(), any4.Waiting(), six.Waiting())
	}
	six.HeaderWritten = true
	for _, err := range []error{
		one.Connect(netip.AddrPortFrom(v6, 0)), one.Send(nil, netip.AddrPortFrom(v6, 0)), six.Connect(netip.AddrPortFrom(v4, 0)),
	} {
		if err != errno.EAFNOSUPPORT {
			t.Errorf("an address of the other family: %v, want EAFNOSUPPORT", err)
		}
	}
	if err := six.Send(nil, netip.AddrPortFrom(v6, 0)); err != errno.EOPNOTSUPP {
		t.Errorf("a header of IPv6 written by the user: %v, want EOPNOTSUPP", err)
	}
	for _, e := range []*raw.Endpoint{one, any4, six} {
		e.Close()
	}
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d packets left in use", n)
	}
}
