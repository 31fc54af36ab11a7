//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/sockets"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
	"github.com/songgao/water"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	device   = "eth0"
	mtu      = 1500
	echoPort = 7 // RFC 862
)

var (
	prefix4 = netip.MustParsePrefix("192.0.2.0/24")
	prefix6 = netip.MustParsePrefix("2001:db8::/64")
)

// host is the n-th host of the link.
func host(n byte, ipv6 bool) target.Host {
	h := target.Host{MAC: net.HardwareAddr{0x02, 0, 0, 0, 0, n}, IP4: netip.AddrFrom4([4]byte{192, 0, 2, n})}
	if ipv6 {
		h.IP6 = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: n})
	}
	return h
}

// A world is a network namespace, the thread in it, and the harness's end of its link.
type world struct {
	*live.Queue
	net      target.Net
	settings []target.Setting
	thread   *thread
	netlink  *netlink.Handle
	eth0     int // its index
	pump     *live.Pump
	agent    *sockets.Agent
	echo     *echo // nil without
	ending   *ending
}

func newWorld(rfc bool, needs []target.Feature, e *ending) (*world, error) {
	ipv6 := has(needs, target.IPv6)
	w := &world{Queue: live.NewQueue(), thread: newThread(), ending: e, net: target.Net{
		Link: target.Ethernet, MTU: mtu,
		Target:  host(2, ipv6),
		Testers: []target.Host{host(1, ipv6), host(3, ipv6), host(4, ipv6), host(5, ipv6)},
		Prefix4: prefix4, Unused4: host(99, false).IP4,
	}}
	if ipv6 {
		w.net.Prefix6 = prefix6
	}
	w.agent = sockets.New(w.thread.do, w.Ended)
	var err error
	w.thread.do(func() { err = w.setUp(rfc, needs) })
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// setUp runs on the world's thread. What it made when it fails is for Close.
func (w *world) setUp(rfc bool, needs []target.Feature) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a network namespace cannot be made (run as root, or in a user namespace): %w", err)
	}
	ipv6 := has(needs, target.IPv6)
	if err := w.set(rfc, ipv6); err != nil {
		return err
	}
	port, err := water.New(water.Config{DeviceType: water.TAP, PlatformSpecificParams: water.PlatformSpecificParams{Name: device}})
	if err != nil {
		return fmt.Errorf("a TAP device cannot be made: %w", err)
	}
	w.pump = live.NewPump(port, w.Frame, w.Break)
	if err := w.configure(rfc, ipv6); err != nil {
		return err
	}
	if has(needs, target.UDPEcho) {
		if w.echo, err = newEcho(echoPort); err != nil {
			return err
		}
		w.net.Service = netip.AddrPortFrom(w.net.Target.IP4, echoPort)
	}
	return nil
}

// set makes the settings that must stand before the interface is there.
func (w *world) set(rfc, ipv6 bool) error {
	tables := [][]target.Setting{quiet, noIPv6}
	if ipv6 {
		tables[1] = withIPv6
	}
	if rfc {
		tables = append(tables, forRFC)
	}
	for _, table := range tables {
		made, err := apply(table)
		w.settings = append(w.settings, made...)
		if err != nil {
			return err
		}
	}
	return nil
}

// configure gives the interfaces their addresses and routes and brings them up.
func (w *world) configure(rfc, ipv6 bool) (err error) {
	if w.netlink, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return err
	}
	loopback, err := w.netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	eth0, err := w.netlink.LinkByName(device)
	if err != nil {
		return err
	}
	w.eth0 = eth0.Attrs().Index
	if rfc {
		if err := setNeighLocktime(w.eth0); err != nil {
			return err
		}
		w.settings = append(w.settings, neighLocktime)
	}
	gateway := w.net.Testers[0]
	steps := []struct {
		what string
		do   func() error
	}{
		{"link address", func() error { return w.netlink.LinkSetHardwareAddr(eth0, w.net.Target.MAC) }},
		{"address", func() error { return w.netlink.AddrAdd(eth0, address(w.net.Target.IP4, prefix4)) }},
		{"loopback", func() error { return w.netlink.LinkSetUp(loopback) }},
		{"interface up", func() error { return w.netlink.LinkSetUp(eth0) }},
		{"default route", func() error {
			return w.netlink.RouteAdd(&netlink.Route{LinkIndex: w.eth0, Gw: gateway.IP4.AsSlice()})
		}},
	}
	if ipv6 {
		steps = append(steps, []struct {
			what string
			do   func() error
		}{
			{"IPv6 address", func() error { return w.netlink.AddrAdd(eth0, address(w.net.Target.IP6, prefix6)) }},
			{"IPv6 default route", func() error {
				return w.netlink.RouteAdd(&netlink.Route{LinkIndex: w.eth0, Gw: gateway.IP6.AsSlice()})
			}},
		}...)
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s of the new namespace cannot be set: %w", s.what, err)
		}
	}
	return nil
}

// address is ip in its subnet, usable at once.
func address(ip netip.Addr, in netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(in.Bits(), ip.BitLen())}}
	if ip.Is6() {
		a.Flags = unix.IFA_F_NODAD
		return a
	}
	a.Broadcast = broadcast(in)
	return a
}

// broadcast is the last address of a subnet.
func broadcast(in netip.Prefix) net.IP {
	ip, mask := net.IP(in.Addr().AsSlice()), net.CIDRMask(in.Bits(), 32)
	for i := range ip {
		ip[i] |= ^mask[i]
	}
	return ip
}

func (w *world) Net() target.Net { return w.net }

func (w *world) Send(frame []byte) error { return w.pump.Send(frame) }

func (w *world) Agent() agent.Agent { return w.agent }

// Close takes everything out of the namespace, which then vanishes. The device follows when the kernel is ready;
// Target.Close waits for it.
func (w *world) Close() error {
	if w.thread == nil {
		return nil
	}
	w.agent.CloseAll()
	errs := []error{w.Lost()}
	if w.echo != nil {
		errs = append(errs, w.echo.close())
	}
	if w.eth0 != 0 {
		errs = append(errs, w.dropped())
	}
	if w.netlink != nil {
		w.netlink.Close()
	}
	w.thread.end()
	w.thread = nil
	if w.pump != nil {
		w.ending.run(w.pump.Close)
	}
	return errors.Join(errs...)
}

// dropped is nil or says how many frames the kernel could not hand over.
func (w *world) dropped() error {
	link, err := w.netlink.LinkByIndex(w.eth0)
	if err != nil {
		return err
	}
	if s := link.Attrs().Statistics; s != nil && s.TxDropped > 0 {
		return fmt.Errorf("%d frames of the target were lost: the kernel dropped them at a full device queue", s.TxDropped)
	}
	return nil
}
