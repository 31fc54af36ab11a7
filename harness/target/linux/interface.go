//go:build linux

package linux

import (
	"errors"
	"fmt"
	"os"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/songgao/water"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// interfaces gives what a verb about interfaces does; nil for other verbs. It runs on the world's thread. VLANs are left
// out: kernels without 8021q have none.
func (w *world) interfaces(r agent.Request) func() (agent.Reply, error) {
	switch r.Do {
	case agent.State:
		return func() (reply agent.Reply, err error) {
			index := r.Iface
			if index == 0 {
				index = w.links[0].index
			}
			l, err := w.netlink.LinkByIndex(index)
			if err != nil {
				return reply, errors.Join(unix.ENODEV, err)
			}
			reply.State = stateOfLink(l.Attrs())
			return reply, nil
		}
	case agent.Ifaces: // of several nothing else decides which is used: the first route does
		return func() (reply agent.Reply, err error) {
			for n, l := range w.links {
				reply.Ifaces = append(reply.Ifaces, agent.Iface{Index: l.index, Name: l.device, MTU: l.net.MTU, Default: n == 0})
			}
			return reply, nil
		}
	case agent.Carrier:
		return func() (agent.Reply, error) {
			w.links[0].pulled = true
			return agent.Reply{}, setCarrier(w.links[0].port, r.Value)
		}
	}
	return nil
}

// stateOfLink is what the kernel says of a link. A driver that knows nothing of its state is up with its carrier (RFC 2863
// has "unknown" for that).
func stateOfLink(a *netlink.LinkAttrs) *agent.IfaceState {
	s := &agent.IfaceState{
		Admin: a.RawFlags&unix.IFF_UP != 0, Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0, Dormant: a.RawFlags&unix.IFF_DORMANT != 0,
		Promiscuous: a.RawFlags&unix.IFF_PROMISC != 0, Oper: "down",
	}
	switch {
	case a.OperState == netlink.OperLowerLayerDown:
		s.Oper = "lower-layer-down"
	case a.OperState == netlink.OperDormant:
		s.Oper = "dormant"
	case s.Admin && (a.OperState == netlink.OperUp || a.OperState == netlink.OperUnknown && s.Carrier):
		s.Oper = "up"
	}
	return s
}

// setCarrier says whether a TAP device has one: TUNSETCARRIER.
func setCarrier(port *water.Interface, on int) error {
	f, ok := port.ReadWriteCloser.(*os.File)
	if !ok {
		return fmt.Errorf("the port is a %T, and no file: %w", port.ReadWriteCloser, unix.ENOTSUP)
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) { failed = unix.IoctlSetPointerInt(int(fd), unix.TUNSETCARRIER, on) })
	return errors.Join(err, failed)
}
