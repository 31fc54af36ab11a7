package gvisor

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/conform-stack/conform/harness/agent"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// addresses are those of all devices, in the order in which they came. Netstack tells of them while it holds locks.
type addresses struct {
	mu   sync.Mutex
	held []*held
}

// A held address is one that a device has, or that it has lost to somebody else.
type held struct {
	of        *addresses
	nic       tcpip.NICID
	addr      netip.Addr
	temporary bool
	lost      bool
	state     stack.AddressAssignmentState
	lifetimes stack.AddressLifetimes
}

var _ stack.AddressDispatcher = (*held)(nil)

// hold is told of an address from now on.
func (b *addresses) hold(nic tcpip.NICID, a tcpip.Address, temporary bool) *held {
	h := &held{of: b, nic: nic, addr: addr(a), temporary: temporary}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, h)
	return h
}

// OnChanged implements stack.AddressDispatcher.
func (h *held) OnChanged(l stack.AddressLifetimes, s stack.AddressAssignmentState) {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	h.lifetimes, h.state = l, s
}

// OnRemoved implements stack.AddressDispatcher.
func (h *held) OnRemoved(why stack.AddressRemovalReason) {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.lost = why == stack.AddressRemovalDADFailed; !h.lost {
		h.of.held = slices.DeleteFunc(h.of.held, func(g *held) bool { return g == h })
	}
}

// forget takes out what was lost. It is false when the address was not.
func (b *addresses) forget(nic tcpip.NICID, a netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	had := len(b.held)
	b.held = slices.DeleteFunc(b.held, func(h *held) bool { return h.lost && h.nic == nic && h.addr == a })
	return len(b.held) < had
}

// on tells of the addresses of a device, as they are now.
func (b *addresses) on(nic tcpip.NICID, now tcpip.MonotonicTime) (all []agent.Address) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.held {
		if h.nic == nic {
			all = append(all, h.told(now))
		}
	}
	return all
}

// told is the address in the agent's words. A time that netstack does not keep is one without end.
func (h *held) told(now tcpip.MonotonicTime) agent.Address {
	left := agent.Lifetimes{Preferred: -1, Valid: -1}
	if until := h.lifetimes.PreferredUntil; ends(until) {
		left.Preferred = max(0, until.Sub(now))
	}
	if until := h.lifetimes.ValidUntil; ends(until) {
		left.Valid = max(0, until.Sub(now))
	}
	a := agent.Address{Addr: h.addr, State: "preferred", Temporary: h.temporary, Lifetimes: &left}
	switch {
	case h.lost:
		a.State = "conflict"
	case h.state != stack.AddressAssigned:
		a.State = "tentative"
	case h.lifetimes.Deprecated:
		a.State, left.Preferred = "deprecated", 0
	}
	return a
}

func ends(at tcpip.MonotonicTime) bool {
	return at != tcpip.MonotonicTime{} && at != tcpip.MonotonicTimeInfinite()
}

// manage makes a call that changes addresses or a device; ok is false when the verb is none of those.
func (w *world) manage(r agent.Request) (reply agent.Reply, ok bool) {
	nic := tcpip.NICID(r.Iface)
	if nic == 0 {
		nic = w.links[0].nic
	}
	var err tcpip.Error
	switch r.Do {
	case agent.AddAddr:
		if r.Option != "" && r.Option != "deprecated" {
			return agent.Reply{Errno: "EOPNOTSUPP"}, true
		}
		if !netip.PrefixFrom(r.Local.Addr(), r.Value).IsValid() {
			return agent.Reply{Errno: "EINVAL"}, true
		}
		w.addresses.forget(nic, r.Local.Addr())
		err = w.addAddress(nic, r.Local.Addr(), r.Value, r.Option == "deprecated")
	case agent.DelAddr:
		if known := w.addresses.forget(nic, r.Local.Addr()); !known {
			err = w.removeAddress(nic, r.Local.Addr())
		}
	case agent.Addrs:
		reply.Addrs = w.addresses.on(nic, w.clock.NowMonotonic())
	case agent.LinkUp:
		err = w.stack.EnableNIC(nic)
	case agent.LinkDown:
		err = w.stack.DisableNIC(nic)
	default:
		return reply, false
	}
	if err != nil {
		return agent.Reply{Errno: errno(err)}, true
	}
	return reply, true
}

// addAddress gives a device an address, with the route to those beside it.
func (w *world) addAddress(nic tcpip.NICID, ip netip.Addr, bits int, deprecated bool) tcpip.Error {
	a := protocolAddress(ip, bits)
	if err := w.stack.AddProtocolAddress(nic, a, stack.AddressProperties{
		Lifetimes: stack.AddressLifetimes{Deprecated: deprecated},
		Disp:      w.addresses.hold(nic, a.AddressWithPrefix.Address, false),
	}); err != nil {
		return err
	}
	w.routes.fix(tcpip.Route{Destination: a.AddressWithPrefix.Subnet(), NIC: nic})
	return nil
}

// removeAddress takes an address from a device, and the route that came with it.
func (w *world) removeAddress(nic tcpip.NICID, ip netip.Addr) tcpip.Error {
	for _, a := range w.stack.AllAddresses()[nic] {
		if addr(a.AddressWithPrefix.Address) != ip {
			continue
		}
		if err := w.stack.RemoveAddress(nic, a.AddressWithPrefix.Address); err != nil {
			return err
		}
		w.routes.unfix(tcpip.Route{Destination: a.AddressWithPrefix.Subnet(), NIC: nic})
		return nil
	}
	return &tcpip.ErrBadLocalAddress{}
}

func protocolAddress(ip netip.Addr, bits int) tcpip.ProtocolAddress {
	if ip.Is4() {
		return tcpip.ProtocolAddress{
			Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4(ip.As4()), PrefixLen: bits},
		}
	}
	return tcpip.ProtocolAddress{
		Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.AddrFrom16(ip.As16()), PrefixLen: bits},
	}
}
