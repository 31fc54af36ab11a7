package socket_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/loopback"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/udp"
	"github.com/conform-stack/conform/stack/wire"
)

// network is a version of IP that has one address, on one interface, and writes down what it is asked for.
type network struct {
	addr netip.Addr
	in   *iface.Iface
	log  []string
}

func (n *network) Path(s *ip.Send) (ip.Path, error) {
	return ip.Path{Src: n.addr, Out: n.in, MTU: 1280}, nil
}

func (n *network) Output(p *packet.Packet, s *ip.Send, by ip.Path) error {
	n.log = append(n.log, fmt.Sprintf("%v to %v", s.Protocol, s.Dst))
	p.Free()
	return nil
}

func (*network) Pseudo(src, dst netip.Addr, p wire.Protocol) wire.Sum { return 0 }
func (n *network) Holds(a netip.Addr) bool                            { return a == n.addr }
func (*network) IsBroadcast(netip.Addr) bool                          { return false }
func (*network) AllHosts(netip.Addr) bool                             { return false }
func (n *network) GroupInterface(netip.Addr) *iface.Iface             { return n.in }

func (n *network) InterfaceOf(a netip.Addr) *iface.Iface {
	if a == n.addr {
		return n.in
	}
	return nil
}

func (n *network) SetFilter(_ any, i *iface.Iface, group netip.Addr, f ip.Filter) {
	n.log = append(n.log, fmt.Sprintf("filter %v on %s: none %v", group, i.Name, f.None()))
}

// A socket asks the version of IP of its family, whichever that is, and takes no address of the other.
func TestSocketUsesTheNetworkOfItsFamily(t *testing.T) {
	c, err := config.Config{}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	var x ip.Demux
	loop, pool, counters := clock.New(), packet.NewPool(packet.Limits{}), new(stats.Node)
	in := iface.New(1, "lo", loop, loopback.New(loop, 0), pool, pool, counters, iface.Config{})
	y := socket.NewSystem(c)
	y.IP, y.UDP = &x, udp.New(c, &x, pool, counters)
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		family      socket.Family
		version     ip.Family
		addr, other netip.Addr
		group       string
		otherGroup  string
		join        socket.Option
	}{
		{socket.Inet, ip.V4, v4, v6, "239.1.2.3", "ff05::1:3", socket.IPAddMembership},
		{socket.Inet6, ip.V6, v6, v4, "ff05::1:3", "239.1.2.3", socket.IPV6JoinGroup},
	} {
		t.Run(tt.version.String(), func(t *testing.T) {
			if _, err := y.Open(tt.family, socket.Dgram, 0); err != errno.EAFNOSUPPORT {
				t.Errorf("open without that IP: %v, want EAFNOSUPPORT", err)
			}
			n := &network{addr: tt.addr, in: in}
			x.SetNetwork(tt.version, n)
			s, err := y.Open(tt.family, socket.Dgram, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Bind(netip.AddrPortFrom(tt.other, 7)); err != errno.EAFNOSUPPORT {
				t.Errorf("bound to %v: %v, want EAFNOSUPPORT", tt.other, err)
			}
			if err := s.Bind(netip.AddrPortFrom(tt.addr.Next(), 7)); err != errno.EADDRNOTAVAIL {
				t.Errorf("bound to an address of somebody else: %v, want EADDRNOTAVAIL", err)
			}
			if err := s.Bind(netip.AddrPortFrom(netip.Addr{}, 7)); err != nil {
				t.Errorf("bound to all: %v", err)
			}
			if a := s.Local().Addr(); !a.IsUnspecified() || ip.FamilyOf(a) != tt.version {
				t.Errorf("local address %v, want the unspecified one of %v", a, tt.version)
			}
			join := socket.Value{Group: netip.MustParseAddr(tt.group)}
			if err := s.SetOption(tt.join, join); err != nil {
				t.Errorf("join: %v", err)
			}
			join.Group = netip.MustParseAddr(tt.otherGroup)
			if err := s.SetOption(tt.join, join); err != errno.EINVAL {
				t.Errorf("join what is no group of the family: %v, want EINVAL", err)
			}
			if err := s.SendTo([]byte("x"), netip.AddrPortFrom(tt.addr.Next(), 9)); err != nil {
				t.Errorf("send: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			want := []string{
				fmt.Sprintf("filter %s on lo: none false", tt.group),
				fmt.Sprintf("UDP to %v", tt.addr.Next()),
				fmt.Sprintf("filter %s on lo: none true", tt.group),
			}
			if !slices.Equal(n.log, want) {
				t.Errorf("the network was asked for\n%q, want\n%q", n.log, want)
			}
		})
	}
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d packets left in use", n)
	}
}

func TestUnknownFamily(t *testing.T) {
	y := socket.NewSystem(config.Config{})
	y.IP = new(ip.Demux)
	if _, err := y.Open(77, socket.Dgram, 0); err != errno.EAFNOSUPPORT {
		t.Errorf("open: %v, want EAFNOSUPPORT", err)
	}
}
