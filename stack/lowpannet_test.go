package stack_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/ip/ipv6/register"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// network is a border router, routers and hosts on one medium: a grid of routers with the border router in a corner, who
// hear their neighbours in it, and hosts beside them. What a routing protocol would do is done by hand: routers are a tree,
// along the rows and then the first column; each knows the way to the border router, and by whom those are reached who
// registered with a router below it.
type network struct {
	*air
	border  *mote
	routers []*mote // the border router first
	hosts   []*mote
	dirty   bool // the routes are to be looked at
	routes  map[*mote]map[netip.Addr]*mote
}

var lowpanPrefix = netip.MustParsePrefix("2001:db8::/64")

const (
	columns, rows = 4, 4
	spacing       = 10.0
	reach         = 11.0 // no diagonals
)

func newNetwork(t *testing.T, nodes int, seed uint64, loss float64, change func(*config.Config)) *network {
	w := &network{air: newAir(t, radio.Config{Range: reach, Loss: loss, Random: rand.New(rand.NewPCG(seed, 1))})}
	router := config.Config{IPv6: config.IPv6{Forwarding: config.On, MLD: config.Off}}
	border := router
	border.Registration.BorderRouter = config.On
	host := config.Config{IPv6: config.IPv6{MLD: config.Off}}
	for _, c := range []*config.Config{&border, &router, &host} {
		change(c)
	}
	for k := range columns * rows {
		c := router
		if k == 0 {
			c = border
		}
		m := w.add(c, w.medium.Station(spacing*float64(k%columns), spacing*float64(k/columns)), 0)
		m.OnRegistration = func(*stack.Interface, register.Event) { w.dirty = true }
		w.routers = append(w.routers, m)
		if up := w.parent(m); up != nil {
			w.loop.NewTimer(func() { m.AddRoute(netip.MustParsePrefix("::/0"), linkLocalOf(up), m.wpan) }).After(time.Second)
		}
	}
	w.border = w.routers[0]
	for k := range nodes - columns*rows {
		at := k % (columns * rows)
		angle := float64(k)
		x := spacing*float64(at%columns) + 3*float64(k/16-1)
		y := spacing*float64(at/columns) + 4 + angle/100
		w.hosts = append(w.hosts, w.add(host, w.medium.Station(x, y), 0))
	}
	if err := w.border.AddAddress(w.border.wpan, netip.PrefixFrom(lowpanPrefix.Addr().Next(), 64)); err != nil {
		t.Fatal(err)
	}
	if err := w.border.Advertise(w.border.wpan, nd.Advertisement{}); err != nil {
		t.Fatal(err)
	}
	w.step = w.reroute
	w.border.Registry(w.border.wpan).OfferContext(icmpv6.Context{Bits: 64, ID: 0, Lifetime: 600, Prefix: lowpanPrefix.Addr().As16()})
	return w
}

// parent is the next router on the way to the border router; nil for that one.
func (w *network) parent(m *mote) *mote {
	k := slices.Index(w.routers, m)
	switch {
	case k <= 0:
		return nil
	case k%columns > 0:
		return w.routers[k-1]
	}
	return w.routers[k-columns]
}

func linkLocalOf(m *mote) netip.Addr {
	a, _ := m.IPv6.LinkLocal(m.wpan.Iface)
	return a.Netip()
}

// reroute is the routing protocol: each router between the border router and that with which an address is registered knows
// by whom it is reached.
func (w *network) reroute() {
	if !w.dirty {
		return
	}
	w.dirty = false
	want := map[*mote]map[netip.Addr]*mote{} // of each router, below which other one an address is
	for _, m := range w.nodes[1:] {
		a := m.global()
		at := w.attached(m)
		for at != nil {
			up := w.parent(at)
			if up != nil {
				if want[up] == nil {
					want[up] = map[netip.Addr]*mote{}
				}
				want[up][a] = at
			}
			at = up
		}
	}
	for _, m := range w.routers {
		for a, by := range w.routes[m] {
			if want[m][a] != by {
				m.RemoveRoute(netip.PrefixFrom(a, 128), linkLocalOf(by), m.wpan)
			}
		}
		for _, x := range w.nodes {
			a := x.global()
			if by := want[m][a]; by != nil && w.routes[m][a] != by {
				m.AddRoute(netip.PrefixFrom(a, 128), linkLocalOf(by), m.wpan)
			}
		}
	}
	w.routes = want
}

// attached is a router with which a node is registered; nil for none. A router is in its place in any case.
func (w *network) attached(m *mote) *mote {
	if slices.Contains(w.routers, m) {
		return m
	}
	for _, a := range m.ND.Link(m.wpan.Iface).Routers() {
		for _, r := range w.routers {
			if linkLocalOf(r) == a && slices.ContainsFunc(registrations(r), func(e register.Event) bool { return e.Addr == m.global() }) {
				return r
			}
		}
	}
	return nil
}

// global is the address of a node that is not link-local; not valid before it has one in use.
func (m *mote) global() netip.Addr {
	for _, a := range m.wpan.Addresses() {
		if !a.Addr().IsLinkLocalUnicast() && !a.Tentative {
			return a.Addr()
		}
	}
	return netip.Addr{}
}

// up tells whether all addresses are registered with the border router.
func (w *network) up() bool {
	return w.border.Registry(w.border.wpan).Bindings() == len(w.nodes)
}

// hops is how far a node is from the border router.
func (w *network) hops(m *mote) (n int) {
	at := w.attached(m)
	if at != m {
		n++
	}
	for at = w.parent(at); at != nil; at = w.parent(at) {
		n++
	}
	return n
}

// Issue 7, 4: pings of 1280 octets across a network of 50 nodes, with loss; the same seed gives the same octets.
func TestNetworkOf50(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds")
	}
	first := pingAcross(t, 50, 7, 0.02)
	if again := pingAcross(t, 50, 7, 0.02); again != first {
		t.Errorf("two runs of one seed differ:\n%v\n%v", first, again)
	}
	if other := pingAcross(t, 50, 8, 0.02); other.air == first.air {
		t.Error("two seeds give the same octets")
	}
	t.Log(first)
}

// crossing is what came of a run.
type crossing struct {
	air            uint64 // a hash of all that was on the air, and when
	ready          time.Duration
	asked, repeats int
	farthest       int
	frames         uint64
	took           time.Duration // virtual
}

func (c crossing) String() string {
	return fmt.Sprintf("all registered after %v; %d echoes of 1280 octets, %d asked for again, up to %d hops one way; %d frames, %v of virtual time",
		c.ready, c.asked, c.repeats, c.farthest, c.frames, c.took)
}

func pingAcross(t *testing.T, nodes int, seed uint64, loss float64) (c crossing) {
	w := newNetwork(t, nodes, seed, loss, func(*config.Config) {})
	if !w.until(5*time.Minute, w.up) {
		for _, m := range w.nodes {
			t.Logf("node %d: %v; attached %v; registered here %d", m.id, m.addresses(), w.attached(m) != nil, len(registrations(m)))
		}
		t.Fatalf("of %d addresses the border router knows %d", len(w.nodes), w.border.Registry(w.border.wpan).Bindings())
	}
	c.ready = w.loop.Now()
	ping := func(from, to *mote, seq uint16) {
		p := from.echoes(t)
		defer p.s.Close()
		c.asked++
		c.farthest = max(c.farthest, w.hops(from)+w.hops(to))
		for range 4 { // a datagram may be lost: a fragment that is, takes it along
			if err := p.ask(to.global(), seq, ipv6.MinMTU); err != nil {
				t.Fatalf("node %d to node %d: %v", from.id, to.id, err)
			}
			if w.until(5*time.Second, func() bool { return p.answered(seq, ipv6.MinMTU) }) {
				return
			}
			c.repeats++
		}
		t.Errorf("node %d got no echo from node %d, %d and %d hops from the border router", from.id, to.id, w.hops(from), w.hops(to))
	}
	for k, h := range w.hosts {
		ping(w.border, h, uint16(k))
	}
	for k := range len(w.hosts) / 2 { // across: up to the border router, or a router on the way, and down
		ping(w.hosts[k], w.hosts[len(w.hosts)-1-k], uint16(100+k))
	}
	c.air, c.frames, c.took = w.hash.Sum64(), w.medium.Counts().Sent, w.loop.Now()
	return c
}

func registrations(m *mote) []register.Event { return m.Registry(m.wpan).Registrations() }

// Of datagrams that cross several hops with much loss, more arrive where lost fragments are sent again than where a
// datagram is lost with any of them (RFC 8931, 1).
func TestRecoveryAcrossHops(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds")
	}
	arrived := map[bool]int{}
	for _, recovers := range []bool{false, true} {
		w := newNetwork(t, 18, 5, 0.25, func(c *config.Config) {
			if recovers {
				c.Lowpan.Recovery.Enabled = config.On
			}
		})
		if !w.until(10*time.Minute, w.up) {
			t.Fatalf("of %d addresses the border router knows %d", len(w.nodes), w.border.Registry(w.border.wpan).Bindings())
		}
		far := w.routers[columns*rows-1]
		p := w.border.echoes(t)
		for seq := range uint16(20) {
			if err := p.ask(far.global(), seq, ipv6.MinMTU); err != nil {
				t.Fatal(err)
			}
			if w.until(30*time.Second, func() bool { return p.answered(seq, ipv6.MinMTU) }) {
				arrived[recovers]++
			}
		}
		p.s.Close()
	}
	t.Logf("of 20 echoes of 1280 octets across %d hops and back, %d came without recovery and %d with it", rows+columns-2, arrived[false], arrived[true])
	if arrived[true] < 18 || arrived[true] <= arrived[false] {
		t.Errorf("%v came", arrived)
	}
}
