// Package stack is a node: a network stack with its interfaces, wired together.
//
// A node runs on a loop (package clock). In virtual time the caller drives the loop, and many nodes may share one; then
// everything is done in the goroutine that does so. Started by GoLive, a node has a goroutine of its own, paced by the
// wall clock, and whatever comes from outside goes through Do.
//
//	loop := clock.New()
//	node, err := stack.New(loop, config.Config{})
//	eth, err := node.AddEthernet(device, mac)
//	err = node.AddAddress(eth, netip.MustParsePrefix("192.0.2.1/24"))
//	socket, err := node.Sockets.Open(socket.Inet, socket.Dgram, 0)
package stack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/acd"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/clock/live"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/loopback"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/igmp"
	"github.com/conform-stack/conform/stack/ip/ipv4"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/ipv6/mld"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/ip/ipv6/register"
	"github.com/conform-stack/conform/stack/ip/ipv6/slaac"
	"github.com/conform-stack/conform/stack/ipv4ll"
	"github.com/conform-stack/conform/stack/l2/ethernet"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/l2/loop"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/mgmt"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/raw"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/udp"
	wire "github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// A Node is one host or router.
type Node struct {
	Loop    *clock.Loop
	Config  config.Config // resolved; not to be changed
	IPv4    *ipv4.Layer   // nil when the configuration does not want it, like those below
	IPv6    *ipv6.Layer
	ND      *nd.ND // with IPv6
	UDP     *udp.UDP
	TCP     *tcp.TCP
	Sockets *socket.System
	Mgmt    *mgmt.Manager // requests and events
	// OnAddress is told what becomes of addresses. It may be nil.
	OnAddress func(i *Interface, p netip.Prefix, e AddressEvent)
	// OnRegistration is told, on a router, of stations that register their addresses: what a routing protocol wants to know
	// (RFC 6775, 6.5.3). It may be nil.
	OnRegistration func(i *Interface, e register.Event)

	counters   stats.Node // of what concerns no interface
	demux      ip.Demux
	igmp       *igmp.Host // nil when the configuration does not want it
	slaac      *slaac.Configurator
	prefixes   []icmpv6.Prefix    // of prefixes6, to be used again
	register   *register.Register // nil when the configuration does not want it
	mld        *mld.Host
	rx, tx     *packet.Pool
	interfaces []*Interface
	lastIndex  int // of an interface; none is used again
	ethernets  int // made so far
	radios     int // likewise
	live       *live.Clock
	connected  bool // as the latest event says
}

// An Interface is one of a node's.
type Interface struct {
	*iface.Iface
	Ethernet   *ethernet.Link   // nil on the loopback interface
	VLAN       *ethernet.VLAN   // nil but on an interface that is one
	IEEE802154 *ieee802154.Link // nil but on a radio
	Lowpan     *lowpan.Adapter  // likewise

	node      *Node
	detector  *acd.Detector // nil on the loopback interface
	claims    map[netip.Addr]*acd.Claim
	linkLocal *ipv4ll.Configurator // nil when the configuration does not want one
}

// New makes a node with a loopback interface, 127.0.0.1. The error names what is wrong with the configuration.
func New(l *clock.Loop, c config.Config) (*Node, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	n := &Node{
		Loop: l, Config: c,
		rx: packet.NewPool(packet.Limits{Packets: c.RxPackets, Buffers: c.RxBuffers, BufferSize: c.BufferSize}),
		tx: packet.NewPool(packet.Limits{Packets: c.TxPackets, Buffers: c.TxBuffers, BufferSize: c.BufferSize}),
	}
	n.setUpPools()
	n.setUpManagement()
	var headers raw.HeaderSender
	if c.Have.IPv4.On() {
		n.IPv4 = ipv4.New(l, c, &n.demux, n.tx, &n.counters)
		n.IPv4.Events = n.Mgmt
		n.IPv4.Default = func() *iface.Iface { return n.Default().Iface }
		n.demux.SetNetwork(ip.V4, n.IPv4)
		headers = n.IPv4
	}
	n.setUpIPv6()
	if c.Multicast4.On() {
		n.igmp = igmp.New(l, c, &n.demux, n.IPv4, n.tx)
	}
	if c.Have.UDP.On() {
		n.UDP = udp.New(c, &n.demux, n.tx, &n.counters)
	}
	if c.TCP.Enabled.On() {
		n.TCP = tcp.New(c, l, &n.demux, n.tx, &n.counters)
	}
	n.Sockets = socket.NewSystem(c)
	n.Sockets.Loop, n.Sockets.IP, n.Sockets.UDP, n.Sockets.TCP = l, &n.demux, n.UDP, n.TCP
	if c.Have.RawSockets.On() {
		n.Sockets.Raw = raw.New(c, &n.demux, headers, n.tx, &n.counters)
	}
	i := n.newInterface("lo", loopback.New(l, 0))
	loop.New(i.Iface)
	if n.IPv4 != nil {
		n.IPv4.Attach(i.Iface)
		i.Iface.AddAddress(netip.MustParsePrefix("127.0.0.1/8"), false)
	}
	if n.IPv6 != nil {
		n.IPv6.Attach(i.Iface)
		i.Iface.AddAddress(netip.MustParsePrefix("::1/128"), false)
	}
	i.SetUp(true)
	return n, nil
}

// Interfaces are the node's, the loopback interface first.
func (n *Node) Interfaces() []*Interface { return n.interfaces }

// AddEthernet adds an interface, which is up at once, on a device that the node closes. mac is not a group's.
func (n *Node) AddEthernet(d driver.Device, mac wire.MAC) (*Interface, error) {
	if mac.IsGroup() || mac.IsZero() {
		return nil, fmt.Errorf("stack: %v is no address of a station", mac)
	}
	if !n.Config.Have.Ethernet.On() {
		return nil, fmt.Errorf("stack: the configuration leaves Ethernet out: %w", errno.EOPNOTSUPP)
	}
	i := n.newInterface(fmt.Sprintf("eth%d", n.ethernets), d)
	n.ethernets++
	i.Ethernet = ethernet.New(i.Iface, mac, n.neighbours())
	n.attach(i)
	return i, nil
}

// attach puts the network protocols on an Ethernet interface, and wants it up.
func (n *Node) attach(i *Interface) {
	i.Ethernet.NoARP, i.Ethernet.NoVLAN = !n.Config.Have.ARP.On(), !n.Config.Have.VLAN.On()
	if n.IPv4 != nil {
		n.IPv4.Attach(i.Iface)
	}
	i.SetUp(true)
	i.setUpAddresses()
}

// detach takes the network protocols off an interface that is down, with its addresses and the routes by it.
func (n *Node) detach(i *Interface) {
	n.Sockets.Detach(i.Iface)
	if i.linkLocal != nil {
		i.linkLocal.Stop()
	}
	if i.detector != nil {
		i.detector.Close()
	}
	n.detach6(i)
	if n.IPv4 != nil {
		for _, r := range n.IPv4.Routes.Routes() {
			if r.Out == i.Iface {
				n.RemoveRoute(r.Prefix, r.Gateway, i)
			}
		}
	}
	for _, a := range slices.Clone(i.Addresses()) {
		i.Iface.RemoveAddress(a.Addr())
	}
	if n.igmp != nil {
		n.igmp.Detach(i.Iface)
	}
	if n.IPv4 != nil {
		n.IPv4.Detach(i.Iface)
	}
}

// AddRoute adds a route by a gateway, which is a neighbour on the interface. Several routes to one prefix are tried in
// the order in which they were added. Of a version of IP that the node does not have there are none.
func (n *Node) AddRoute(to netip.Prefix, gateway netip.Addr, i *Interface) {
	table := n.routes(to)
	if table == nil {
		return
	}
	table.Add(ip.Route{Prefix: to, Gateway: gateway, Out: i.Iface})
	n.tellRoute(true, to, gateway, i)
}

// RemoveRoute removes a route and tells whether it was there.
func (n *Node) RemoveRoute(to netip.Prefix, gateway netip.Addr, i *Interface) bool {
	table := n.routes(to)
	removed := table != nil && table.Remove(ip.Route{Prefix: to, Gateway: gateway, Out: i.Iface})
	if removed {
		n.tellRoute(false, to, gateway, i)
	}
	return removed
}

// routes are those of the family of a prefix; nil when the node does not have it.
func (n *Node) routes(to netip.Prefix) *ip.Table {
	switch {
	case to.Addr().Is4() && n.IPv4 != nil:
		return &n.IPv4.Routes
	case to.Addr().Is6() && n.IPv6 != nil:
		return &n.IPv6.Routes
	}
	return nil
}

// GoLive gives the node's loop to a goroutine that is paced by the wall clock, until Close.
func (n *Node) GoLive() { n.live = live.Start(n.Loop) }

// Do runs f on the node's loop: at once in virtual time, through the door of a live node. It is false, without having
// run f, when the node is closed. What runs on the loop must not call Do on a live node.
func (n *Node) Do(f func()) bool {
	if n.live != nil {
		return n.live.Do(f)
	}
	f()
	return true
}

// InUse is the number of packets that are somewhere in the node.
func (n *Node) InUse() int { return n.rx.InUse() + n.tx.InUse() }

// Close closes sockets, interfaces and devices. The error tells of packets that were left in use, which is a mistake of
// the stack.
func (n *Node) Close() error {
	if n.live != nil {
		n.live.Close()
	}
	n.Sockets.Close()
	if n.TCP != nil {
		n.TCP.Close()
	}
	if n.igmp != nil {
		n.igmp.Close()
	}
	var errs []error
	for _, i := range n.interfaces {
		if i.detector != nil {
			i.detector.Close()
		}
		errs = append(errs, i.Close())
	}
	if n.IPv4 != nil {
		n.IPv4.Close()
	}
	n.close6()
	n.Mgmt.Close()
	if rx, tx := n.rx.InUse(), n.tx.InUse(); rx+tx != 0 {
		errs = append(errs, fmt.Errorf("stack: %d received and %d sent packets were never freed", rx, tx))
	}
	return errors.Join(errs...)
}
