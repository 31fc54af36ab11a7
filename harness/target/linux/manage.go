//go:build linux

package linux

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// manager is the agent of a world: calls on sockets, and on the addresses and the state of its first interface.
type manager struct {
	remote.Closer
	world *world
}

// Start begins a call. Those of management end at once.
func (m manager) Start(r agent.Request) *agent.Op {
	call := m.world.managing(r)
	if call == nil {
		return m.Closer.Start(r)
	}
	op := &agent.Op{Request: r}
	var reply agent.Reply
	err := error(unix.ENETDOWN) // stays when the world has ended
	m.world.thread.do(func() { reply, err = call() })
	if err != nil {
		reply = agent.Reply{Errno: errnoName(err)}
	}
	op.End(reply)
	m.world.Ended(op)
	return op
}

func errnoName(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return unix.ErrnoName(errno)
	}
	return unix.ErrnoName(unix.EINVAL)
}

// managing gives what a verb of management does; nil for other verbs.
func (w *world) managing(r agent.Request) func() (agent.Reply, error) {
	device := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: w.links[0].index}}
	nothing := func(f func() error) func() (agent.Reply, error) {
		return func() (agent.Reply, error) { return agent.Reply{}, f() }
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: r.Local.Addr().AsSlice()}}
	switch r.Do {
	case agent.AddAddr:
		return nothing(func() error {
			addr.Mask = net.CIDRMask(r.Value, r.Local.Addr().BitLen())
			if r.Option == "deprecated" {
				addr.PreferedLft, addr.ValidLft = 0, math.MaxInt32 // a lifetime of neither is taken for infinity
			}
			if err := w.netlink.AddrAdd(device, addr); err != nil || r.Local.Addr().Is4() || w.wants.dad {
				return err
			}
			return w.ready6()
		})
	case agent.DelAddr:
		return nothing(func() error {
			all, err := w.netlink.AddrList(device, netlink.FAMILY_ALL)
			for _, a := range all {
				if a.IP.Equal(addr.IP) {
					return w.netlink.AddrDel(device, &a)
				}
			}
			return errors.Join(err, unix.EADDRNOTAVAIL)
		})
	case agent.State, agent.Ifaces, agent.Carrier:
		return w.interfaces(r)
	case agent.LinkUp:
		return nothing(func() error { return w.netlink.LinkSetUp(device) })
	case agent.LinkDown:
		return nothing(func() error { return w.netlink.LinkSetDown(device) })
	case agent.Addrs:
		return func() (reply agent.Reply, err error) {
			received, err := w.received6() // before the list: what it lacks and the list has is not complete yet
			if err != nil {
				return reply, err
			}
			all, err := w.netlink.AddrList(device, netlink.FAMILY_ALL)
			for _, a := range all {
				ip, _ := netip.AddrFromSlice(a.IP)
				x := agent.Address{Addr: ip.Unmap(), State: stateOf(a.Flags)}
				if x.Addr.Is6() {
					x.Temporary = a.Flags&unix.IFA_F_TEMPORARY != 0
					x.Lifetimes = &agent.Lifetimes{Preferred: lasting(a.PreferedLft), Valid: lasting(a.ValidLft)}
					if x.State == "preferred" && !received[delivery{device.Index, x.Addr}] {
						x.State = "tentative"
					}
				}
				reply.Addrs = append(reply.Addrs, x)
			}
			return reply, err
		}
	}
	return nil
}

// lasting is a lifetime that the kernel tells in seconds.
func lasting(seconds int) time.Duration {
	if uint32(seconds) == math.MaxUint32 {
		return -1
	}
	return time.Duration(seconds) * time.Second
}

func stateOf(flags int) string {
	switch {
	case flags&unix.IFA_F_DADFAILED != 0:
		return "conflict"
	case flags&unix.IFA_F_TENTATIVE != 0:
		return "tentative"
	case flags&unix.IFA_F_DEPRECATED != 0:
		return "deprecated"
	}
	return "preferred"
}
