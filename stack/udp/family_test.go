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

// network is a version of IP that has every address and sends nothing.
type network struct{ ip.Network }

func (network) Holds(netip.Addr) bool    { return true }
func (network) AllHosts(netip.Addr) bool { return false }

var (
	here = [...]netip.Addr{ip.V4: netip.MustParseAddr("192.0.2.1"), ip.V6: netip.MustParseAddr("2001:db8::1")}
	peer = [...]netip.Addr{ip.V4: netip.MustParseAddr("192.0.2.2"), ip.V6: netip.MustParseAddr("2001:db8::2")}
)

// message is one from port 4000 to port 7, and what IP tells of it.
func message(pool *packet.Pool, f ip.Family) (*packet.Packet, *ip.Datagram) {
	p := pool.Get(0, codec.HeaderLen)
	pseudo := wire.Pseudo4(peer[ip.V4].As4(), here[ip.V4].As4(), wire.UDP)
	if f == ip.V6 {
		pseudo = wire.Pseudo6(peer[ip.V6].As16(), here[ip.V6].As16(), wire.UDP)
	}
	codec.Put(p.Bytes(), codec.Header{SrcPort: 4000, DstPort: 7, Length: codec.HeaderLen})
	codec.Seal(p.Bytes(), pseudo)
	return p, &ip.Datagram{Src: peer[f], Dst: here[f], Protocol: wire.UDP, Pseudo: pseudo, In: &iface.Iface{Stats: new(stats.Node)}}
}

// Users of the two versions of IP have the same port and do not hear of each other, bound to all addresses as they are.
func TestFamiliesAreApart(t *testing.T) {
	c, err := config.Config{}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	var x ip.Demux
	pool := packet.NewPool(packet.Limits{})
	u := udp.New(c, &x, pool, new(stats.Node))
	all := netip.AddrPortFrom(netip.Addr{}, 7)
	for f := ip.V4; f <= ip.V6; f++ {
		x.SetNetwork(f, network{})
		t.Run(f.String(), func(t *testing.T) {
			e := u.Open(f)
			defer e.Close()
			e.AllErrors = true
			other := ip.V6 - f
			if err := e.Bind(netip.AddrPortFrom(here[other], 7)); err != errno.EAFNOSUPPORT {
				t.Errorf("bound to %v: %v, want EAFNOSUPPORT", here[other], err)
			}
			if err := e.Bind(all); err != nil {
				t.Fatal(err)
			}
			if err := u.Open(f).Bind(all); err != errno.EADDRINUSE {
				t.Errorf("a second user of the port: %v, want EADDRINUSE", err)
			}
			if err := e.Send(nil, netip.AddrPortFrom(peer[other], 9)); err != errno.EAFNOSUPPORT {
				t.Errorf("sent to %v: %v, want EAFNOSUPPORT", peer[other], err)
			}
			if err := e.Connect(netip.AddrPortFrom(peer[other], 9)); err != errno.EAFNOSUPPORT {
				t.Errorf("connected to %v: %v, want EAFNOSUPPORT", peer[other], err)
			}

			p, d := message(pool, other)
			if v := x.Deliver(p, d); v != ip.NoPort {
				t.Errorf("a datagram of %v: verdict %d, want NoPort", other, v)
			}
			p.Free()
			quote := []byte{0, 7, 0x0f, 0xa0, 0, 8, 0, 0}
			x.Error(&ip.Error{Fate: ip.PortUnreachable, Src: here[other], Dst: peer[other], Protocol: wire.UDP, Quote: quote})
			if e.Failed() {
				t.Errorf("heard of the fate of a datagram of %v", other)
			}

			second := u.Open(other)
			defer second.Close()
			if err := second.Bind(all); err != nil {
				t.Errorf("the port in the other family: %v", err)
			}
			p, d = message(pool, f)
			if v := x.Deliver(p, d); v != ip.Accepted || e.Waiting() != 1 || second.Waiting() != 0 {
				t.Errorf("a datagram of %v: verdict %d, %d for its user, %d for the other", f, v, e.Waiting(), second.Waiting())
			}
			x.Error(&ip.Error{Fate: ip.PortUnreachable, Src: here[f], Dst: peer[f], Protocol: wire.UDP, Quote: quote})
			if !e.Failed() || second.Failed() {
				t.Errorf("the fate of a datagram: heard by its user %v, by the other %v", e.Failed(), second.Failed())
			}
		})
	}
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d packets left in use", n)
	}
}
