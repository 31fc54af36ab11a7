package reference

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/errno"
)

// management serves the verbs that change addresses and the link, on the world's first interface.
type management struct {
	world *world
	lost  []netip.Addr // to somebody else, and neither added nor removed since
}

func newManagement(w *world) *management {
	m := &management{world: w}
	w.node.OnAddress = func(i *stack.Interface, p netip.Prefix, e stack.AddressEvent) {
		if e == stack.AddressConflict && i == m.iface() {
			m.lost = append(m.lost, p.Addr())
		}
	}
	return m
}

func (m *management) iface() *stack.Interface { return m.world.links[0].iface }

// serve makes a call; ok is false when the verb is none of management.
func (m *management) serve(r agent.Request) (reply agent.Reply, ok bool, err error) {
	a := r.Local.Addr()
	switch r.Do {
	case agent.AddAddr:
		p := netip.PrefixFrom(a, r.Value)
		if !p.IsValid() {
			return reply, true, errno.EINVAL
		}
		m.forget(a)
		if m.world.node.AddAddress(m.iface(), p) != nil {
			err = errno.EINVAL
		}
	case agent.DelAddr:
		known := slices.Contains(m.lost, a)
		m.forget(a)
		if !m.world.node.RemoveAddress(m.iface(), a) && !known {
			err = errno.EADDRNOTAVAIL
		}
	case agent.Addrs:
		reply.Addrs = m.addresses()
	case agent.LinkUp:
		m.iface().SetUp(true)
	case agent.LinkDown:
		m.iface().SetUp(false)
	case agent.LinkLocal: // a world that needs them has begun with it by itself
		if !m.world.node.Config.LinkLocal4.On() {
			err = errors.New("ENOSYS")
		}
	default:
		return reply, false, nil
	}
	return reply, true, err
}

func (m *management) forget(a netip.Addr) {
	m.lost = slices.DeleteFunc(m.lost, func(b netip.Addr) bool { return a == b })
}

func (m *management) addresses() (all []agent.Address) {
	for _, a := range m.iface().Addresses() {
		state := "preferred"
		if a.Tentative {
			state = "tentative"
		}
		all = append(all, agent.Address{Addr: a.Addr(), State: state})
	}
	for _, a := range m.lost {
		all = append(all, agent.Address{Addr: a, State: "conflict"})
	}
	return all
}
