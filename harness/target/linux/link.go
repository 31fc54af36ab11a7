//go:build linux

package linux

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
	"github.com/songgao/water"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// mtus are those of the links: behind the second one a router has to make fragments.
var mtus = [...]int{1500, 1280}

// subnets are those of the links, of documentation addresses (RFC 5737).
var subnets = []netip.Prefix{ // never written
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.51.100.0/24"),
}

// A link is a TAP device: the kernel is the target on its network side, the harness has the rest of the link.
type link struct {
	device string
	net    target.Net
	index  int // 0 until the device is there
	pump   *live.Pump
	port   *water.Interface // what the pump reads
	pulled bool             // it was without a carrier for a while: frames are lost then
}

func newLink(n int, x wants) *link {
	host := func(i byte) target.Host {
		ip4 := subnets[n].Addr().As4()
		ip4[3] = i
		return target.Host{MAC: net.HardwareAddr{0x02, 0, 0, 0, byte(n), i}, IP4: netip.AddrFrom4(ip4)}
	}
	l := &link{device: fmt.Sprintf("eth%d", n), net: target.Net{
		Link: target.Ethernet, MTU: mtus[n],
		Target:  host(2),
		Testers: []target.Host{host(1), host(3), host(4), host(5)},
		Prefix4: subnets[n], Unused4: host(99).IP4,
	}}
	placed := x.place != nil && n == 0
	if placed {
		l.net = *x.place
		l.net.MTU = mtus[n]
	}
	if !x.ipv6 {
		return l
	}
	if !placed {
		l.net.Give6(n)
	}
	if x.slaac { // it has to find its address itself
		l.net.Target.IP6 = netip.Addr{}
	}
	if x.stableIID {
		l.net.Target.LinkLocal = netip.Addr{}
	}
	return l
}

// attach makes the device in the calling thread's namespace, gives it its addresses and brings it up.
func (l *link) attach(h *netlink.Handle, frame func([]byte), broken func(error)) error {
	port, err := water.New(water.Config{DeviceType: water.TAP, PlatformSpecificParams: water.PlatformSpecificParams{Name: l.device}})
	if err != nil {
		return fmt.Errorf("a TAP device cannot be made: %w", err)
	}
	l.port, l.pump = port, live.NewPump(port, frame, broken)
	device, err := h.LinkByName(l.device)
	if err != nil {
		return err
	}
	l.index = device.Attrs().Index
	l.net.Ifindex = l.index
	if err := h.LinkSetHardwareAddr(device, l.net.Target.MAC); err != nil {
		return fmt.Errorf("its link address cannot be set: %w", err)
	}
	if err := h.LinkSetMTU(device, l.net.MTU); err != nil {
		return fmt.Errorf("its MTU cannot be set: %w", err)
	}
	if err := h.AddrAdd(device, address(l.net.Target.IP4, l.net.Prefix4)); err != nil {
		return fmt.Errorf("its address cannot be set: %w", err)
	}
	if err := h.LinkSetUp(device); err != nil {
		return fmt.Errorf("it cannot be brought up: %w", err)
	}
	if l.net.Target.IP6.IsValid() {
		if err := h.AddrAdd(device, address(l.net.Target.IP6, l.net.Prefix6)); err != nil {
			return fmt.Errorf("its IPv6 address cannot be set: %w", err)
		}
	}
	return nil
}

// groups routes multicasts and broadcasts to the link: the kernel has no interface of its own choice for them.
func (l *link) groups(h *netlink.Handle) error {
	for _, to := range []netip.Prefix{netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("255.255.255.255/32")} {
		dst := &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), 32)}
		if err := h.RouteAdd(&netlink.Route{LinkIndex: l.index, Dst: dst, Scope: netlink.SCOPE_LINK}); err != nil {
			return fmt.Errorf("the route to %s: %w", to, err)
		}
	}
	return nil
}

// route makes the first tester the default gateway.
func (l *link) route(h *netlink.Handle) error {
	gateway := l.net.Testers[0]
	if err := h.RouteAdd(&netlink.Route{LinkIndex: l.index, Gw: gateway.IP4.AsSlice()}); err != nil || !gateway.IP6.IsValid() {
		return err
	}
	return h.RouteAdd(&netlink.Route{LinkIndex: l.index, Gw: gateway.LinkLocal.AsSlice()})
}

// dropped is nil or says how many frames the kernel could not hand over.
func (l *link) dropped(h *netlink.Handle) error {
	if l.index == 0 || l.pulled {
		return nil
	}
	device, err := h.LinkByIndex(l.index)
	if err != nil {
		return err
	}
	if s := device.Attrs().Statistics; s != nil && s.TxDropped > 0 {
		return fmt.Errorf("%d frames of the target were lost: the kernel dropped them at the full queue of %s", s.TxDropped, l.device)
	}
	return nil
}

// readable tells whether the device holds a frame that the pump has not read.
func (l *link) readable() bool {
	f, ok := l.port.ReadWriteCloser.(*os.File)
	if !ok {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	_ = conn.Control(func(fd uintptr) { n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) })
	return n > 0
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
