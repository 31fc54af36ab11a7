//go:build linux

package linux

import (
	"errors"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An address of IPv6 that the kernel lists need not work yet. Listing it takes a call; the route in the table "local", by which
// a packet for it is delivered, is made by a worker of the kernel's, which has to wait for a lock that all namespaces share.
// An address that was added as not to be probed for is never marked as tentative, so that nothing but the route tells.
// The worker joins the solicited-node group before it makes the route, and a router's Subnet-Router anycast address has a
// route of its own behind it.

// ready6Within bounds the wait for the kernel's own work on a machine that is busy.
const ready6Within = time.Minute

// A delivery is an address that packets are delivered for which come by an interface.
type delivery struct {
	index int
	ip    netip.Addr
}

// received6 are the addresses that have a route in the table "local".
func (w *world) received6() (map[delivery]bool, error) {
	routes, err := w.netlink.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Table: unix.RT_TABLE_LOCAL}, netlink.RT_FILTER_TABLE)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // then some are missing, which the caller awaits anyway
		return nil, err
	}
	to := map[delivery]bool{}
	for _, r := range routes {
		if r.Dst == nil || r.Type != unix.RTN_LOCAL && r.Type != unix.RTN_ANYCAST {
			continue
		}
		if ip, ok := netip.AddrFromSlice(r.Dst.IP); ok {
			to[delivery{r.LinkIndex, ip}] = true
		}
	}
	return to, nil
}

// ready6 returns when each link has a link-local address, and packets for all of its addresses are delivered.
func (w *world) ready6() error {
	for until := time.Now().Add(ready6Within); time.Now().Before(until); time.Sleep(time.Millisecond) {
		ready, err := w.isReady6()
		if ready || err != nil {
			return err
		}
	}
	return errors.New("an address of IPv6 is missing, or stays without a route in the table local")
}

func (w *world) isReady6() (bool, error) {
	received, err := w.received6()
	if err != nil {
		return false, err
	}
	for _, l := range w.links {
		all, err := w.netlink.AddrList(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: l.index}}, netlink.FAMILY_V6)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		linkLocal := false
		for _, a := range all {
			ip, _ := netip.AddrFromSlice(a.IP)
			linkLocal = linkLocal || ip.IsLinkLocalUnicast()
			ones, _ := a.Mask.Size()
			anycast := netip.PrefixFrom(ip, ones).Masked().Addr() // RFC 4291, 2.6.1
			if a.Flags&unix.IFA_F_TENTATIVE != 0 || !received[delivery{l.index, ip}] ||
				w.wants.forwarding6 && ones < 127 && !received[delivery{l.index, anycast}] {
				return false, nil
			}
		}
		if !linkLocal {
			return false, nil
		}
	}
	return true, nil
}
