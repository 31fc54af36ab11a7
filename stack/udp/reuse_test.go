package udp_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/udp"
	"github.com/conform-stack/conform/stack/wire"
	codec "github.com/conform-stack/conform/stack/wire/udp"
)

// kit is UDP over networks that have every address.
type kit struct {
	t    *testing.T
	udp  *udp.UDP
	x    ip.Demux
	pool *packet.Pool
	in   *iface.Iface
}

func newKit(t *testing.T) *kit {
	c, err := config.Config{}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{t: t, pool: packet.NewPool(packet.Limits{})}
	k.in = &iface.Iface{Stats: new(stats.Node), RxPool: k.pool}
	k.udp = udp.New(c, &k.x, k.pool, new(stats.Node))
	k.x.SetNetwork(ip.V4, network{})
	k.x.SetNetwork(ip.V6, network{})
	t.Cleanup(func() {
		if n := k.pool.InUse(); n != 0 {
			t.Errorf("%d packets left in use", n)
		}
	})
	return k
}

func (k *kit) open(f ip.Family, set func(*udp.Endpoint)) *udp.Endpoint {
	e := k.udp.Open(f)
	if set != nil {
		set(e)
	}
	k.t.Cleanup(e.Close)
	return e
}

// deliver gives UDP a message to port 7.
func (k *kit) deliver(src, dst netip.Addr, from uint16, cast packet.Cast) ip.Verdict {
	p := k.pool.Get(0, codec.HeaderLen)
	sum := wire.Pseudo6(src.As16(), dst.As16(), wire.UDP)
	if src.Is4() {
		sum = wire.Pseudo4(src.As4(), dst.As4(), wire.UDP)
	}
	codec.Put(p.Bytes(), codec.Header{SrcPort: from, DstPort: 7, Length: codec.HeaderLen})
	codec.Seal(p.Bytes(), sum)
	v := k.x.Deliver(p, &ip.Datagram{Src: src, Dst: dst, Protocol: wire.UDP, Pseudo: sum, In: k.in, Cast: cast})
	if v != ip.Accepted {
		p.Free()
	}
	return v
}

func reuseAddr(e *udp.Endpoint) { e.ReuseAddr = true }
func reusePort(e *udp.Endpoint) { e.ReusePort = true }
func reuseBoth(e *udp.Endpoint) { e.ReuseAddr, e.ReusePort = true, true }
func dual(e *udp.Endpoint)      { e.Dual = true }

// A port is shared when both say the same.
func TestWhoMayShareAPort(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second func(*udp.Endpoint)
		shared        bool
	}{
		{"nobody", nil, nil, false},
		{"address and nobody", reuseAddr, nil, false},
		{"nobody and address", nil, reuseAddr, false},
		{"address", reuseAddr, reuseAddr, true},
		{"port", reusePort, reusePort, true},
		{"address and port", reuseAddr, reusePort, false},
		{"both and address", reuseBoth, reuseAddr, true},
		{"both and port", reuseBoth, reusePort, true},
	} {
		k := newKit(t)
		all := netip.AddrPortFrom(netip.Addr{}, 7)
		if err := k.open(ip.V4, tt.first).Bind(all); err != nil {
			t.Fatal(err)
		}
		want := error(errno.EADDRINUSE)
		if tt.shared {
			want = nil
		}
		if err := k.open(ip.V4, tt.second).Bind(all); err != want {
			t.Errorf("%s: %v, want %v", tt.name, err, want)
		}
	}
}

// With SO_REUSEPORT datagrams to one host are shared out by flow; with SO_REUSEADDR the one bound last has them all.
// Those to groups and to all go to everybody, with either.
func TestHowAPortIsShared(t *testing.T) {
	const flows, users = 400, 4
	for name, set := range map[string]func(*udp.Endpoint){"port": reusePort, "address": reuseAddr} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			var all []*udp.Endpoint
			for range users {
				e := k.open(ip.V4, set)
				e.SetRoom(1 << 20)
				if err := e.Bind(netip.AddrPortFrom(netip.Addr{}, 7)); err != nil {
					t.Fatal(err)
				}
				all = append(all, e)
			}
			for i := range uint16(flows) {
				var mine *udp.Endpoint
				for range 2 { // a flow stays where it is
					before := make([]int, users)
					for j, e := range all {
						before[j] = e.Waiting()
					}
					k.deliver(peer[ip.V4], here[ip.V4], 1000+i, packet.Unicast)
					for j, e := range all {
						if e.Waiting() == before[j] {
							continue
						}
						if mine != nil && mine != e {
							t.Fatalf("flow %d moved", i)
						}
						mine = e
					}
				}
			}
			for i, e := range all {
				n := e.Waiting() / 2
				switch {
				case name == "port" && (n < flows/users*6/10 || n > flows/users*14/10):
					t.Errorf("user %d has %d of %d flows", i, n, flows)
				case name == "address" && n != map[bool]int{true: flows}[i == users-1]:
					t.Errorf("user %d has %d of %d flows", i, n, flows)
				}
			}
			for i, e := range all {
				for r, ok := e.Recv(); ok; r, ok = e.Recv() {
					r.Packet.Free()
				}
				e.Wants = func(*iface.Iface, netip.Addr, netip.Addr) bool { return i > 0 } // all but one are members
			}
			k.deliver(peer[ip.V4], netip.MustParseAddr("192.0.2.255"), 9, packet.Broadcast)
			k.deliver(peer[ip.V4], netip.MustParseAddr("239.1.2.3"), 9, packet.Multicast)
			for i, e := range all {
				if want := 1 + min(i, 1); e.Waiting() != want {
					t.Errorf("user %d has %d copies of a broadcast and of one to a group, want %d", i, e.Waiting(), want)
				}
			}
		})
	}
}

// An endpoint of IPv6 that is dual speaks IPv4 by mapped addresses.
func TestDual(t *testing.T) {
	k := newKit(t)
	mapped := func(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }
	e := k.open(ip.V6, dual)
	all := netip.AddrPortFrom(netip.Addr{}, 7)
	if err := e.Bind(all); err != nil {
		t.Fatal(err)
	}
	for f := ip.V4; f <= ip.V6; f++ {
		if err := k.open(f, nil).Bind(all); err != errno.EADDRINUSE {
			t.Errorf("another one of %v at the port: %v, want EADDRINUSE", f, err)
		}
		if v := k.deliver(peer[f], here[f], 4000, packet.Unicast); v != ip.Accepted {
			t.Fatalf("a datagram of %v: verdict %d", f, v)
		}
		r, _ := e.Recv()
		r.Packet.Free()
		if r.From != netip.AddrPortFrom(mapped(peer[f]), 4000) || r.To != mapped(here[f]) {
			t.Errorf("of %v: from %v to %v, want IPv6 addresses", f, r.From, r.To)
		}
	}
	quote := []byte{0, 7, 0x0f, 0xa0, 0, 8, 0, 0}
	e.AllErrors = true
	k.x.Error(&ip.Error{Fate: ip.PortUnreachable, Src: here[ip.V4], Dst: peer[ip.V4], Protocol: wire.UDP, Quote: quote})
	if f, ok := e.Failure(); !ok || f.Peer != netip.AddrPortFrom(mapped(peer[ip.V4]), 4000) {
		t.Errorf("the fate of a datagram by IPv4: %+v, %v", f, ok)
	}
}

// Which addresses of a dual endpoint stand in the way of which others.
func TestDualAndOthers(t *testing.T) {
	any6, any4 := netip.IPv6Unspecified(), netip.MustParseAddr("::ffff:0.0.0.0")
	map4 := netip.AddrFrom16(here[ip.V4].As16())
	for _, tt := range []struct {
		name           string
		local          netip.Addr // of the dual one
		family         ip.Family  // of the other one
		other          netip.Addr
		clash          bool
		hears4, hears6 bool // the dual one
	}{
		{"all and one of IPv4", any6, ip.V4, here[ip.V4], true, true, true},
		{"all and one of IPv6", any6, ip.V6, here[ip.V6], true, true, true},
		{"all of IPv4 and all of IPv4", any4, ip.V4, netip.Addr{}, true, true, false},
		{"all of IPv4 and all of IPv6", any4, ip.V6, any6, false, true, false},
		{"one of IPv4 and the same", map4, ip.V4, here[ip.V4], true, true, false},
		{"one of IPv4 and another", map4, ip.V4, peer[ip.V4], false, true, false},
		{"one of IPv4 and all of IPv6", map4, ip.V6, any6, false, true, false},
		{"one of IPv6 and all of IPv4", here[ip.V6], ip.V4, netip.Addr{}, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t)
			e := k.open(ip.V6, dual)
			if err := e.Bind(netip.AddrPortFrom(tt.local, 7)); err != nil {
				t.Fatal(err)
			}
			for f, hears := range []bool{tt.hears4, tt.hears6} {
				if got := k.deliver(peer[f], here[f], 1, packet.Unicast) == ip.Accepted; got != hears {
					t.Errorf("hears of a datagram of %v: %v, want %v", ip.Family(f), got, hears)
				}
			}
			var want error
			if tt.clash {
				want = errno.EADDRINUSE
			}
			if err := k.open(tt.family, nil).Bind(netip.AddrPortFrom(tt.other, 7)); err != want {
				t.Errorf("the other: %v, want %v", err, want)
			}
		})
	}
}

func TestPortRange(t *testing.T) {
	k := newKit(t)
	seen := map[uint16]bool{}
	for i := range 12 {
		e := k.open(ip.V4, nil)
		e.Ports = ip.Ports{First: 1000, Last: 1009}
		err := e.Bind(netip.AddrPort{})
		if i >= 10 {
			if err != errno.EADDRINUSE {
				t.Errorf("all are taken: %v, want EADDRINUSE", err)
			}
			continue
		}
		port := e.Local().Port()
		if err != nil || port < 1000 || port > 1009 || seen[port] {
			t.Errorf("port %d, %v", port, err)
		}
		seen[port] = true
	}
	e := k.open(ip.V4, nil)
	e.Ports = ip.Ports{Last: 100} // no range: the first one stands
	if err := e.Bind(netip.AddrPort{}); err != nil || e.Local().Port() != 49152 {
		t.Errorf("port %d, %v", e.Local().Port(), err)
	}
}

// sending is a network that sends.
type sending struct {
	network
	out *iface.Iface
}

func (n sending) Path(s *ip.Send) (ip.Path, error) {
	return ip.Path{Src: netip.MustParseAddr("192.0.2.1"), Out: n.out}, nil
}

func (sending) Output(p *packet.Packet, _ *ip.Send, _ ip.Path) error {
	p.Free()
	return nil
}

func (sending) Pseudo(src, dst netip.Addr, proto wire.Protocol) wire.Sum {
	return wire.Pseudo4(src.As4(), dst.As4(), proto)
}

// An error is about a datagram that was sent only if an endpoint of its port has sent one, to its peer if it has one.
func TestSent(t *testing.T) {
	k := newKit(t)
	k.x.SetNetwork(ip.V4, sending{out: k.in})
	local, peer := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddrPort("192.0.2.9:9")
	bind := func(port uint16) *udp.Endpoint {
		return k.open(ip.V4, func(e *udp.Endpoint) {
			if err := e.Bind(netip.AddrPortFrom(netip.Addr{}, port)); err != nil {
				t.Fatal(err)
			}
		})
	}
	bind(1)
	if err := bind(2).Send([]byte("x"), peer); err != nil {
		t.Fatal(err)
	}
	if err := bind(3).Connect(peer); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		why      string
		from, to uint16
		want     bool
	}{
		{"nobody has the port", 4, 9, false},
		{"it has sent nothing", 1, 9, false},
		{"it has sent", 2, 9, true},
		{"it may have sent to others", 2, 10, true},
		{"it is connected to this one", 3, 9, true},
		{"it is connected to another one", 3, 10, false},
	} {
		quote := codec.Append(nil, codec.Header{SrcPort: tt.from, DstPort: tt.to, Length: 100})
		if got := k.udp.Sent(&ip.Error{Src: local, Dst: peer.Addr(), Protocol: wire.UDP, Quote: quote}); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.why, got, tt.want)
		}
	}
	if k.udp.Sent(&ip.Error{Src: local, Dst: peer.Addr(), Protocol: wire.UDP, Quote: []byte{0, 2, 0}}) {
		t.Error("a quote of three octets is believed")
	}
}
