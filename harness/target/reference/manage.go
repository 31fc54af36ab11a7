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
	told  []*subscriber
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

// on is the interface of an index, 0 being the first link's; nil when there is none.
func (m *management) on(index int) *stack.Interface {
	if index == 0 {
		return m.iface()
	}
	return m.world.node.Interface(index)
}

// serve makes a call; ok is false when the verb is none of management.
func (m *management) serve(r agent.Request) (reply agent.Reply, ok bool, err error) {
	a, i := r.Local.Addr(), m.on(r.Iface)
	if reply, ok = m.names(r); ok {
		return reply, true, nil
	}
	if i == nil {
		return m.system(r, nil)
	}
	if reply, ok, err = m.registry(r, i); ok {
		return reply, true, err
	}
	switch r.Do {
	case agent.AddAddr:
		p := netip.PrefixFrom(a, r.Value)
		if !p.IsValid() {
			return reply, true, errno.EINVAL
		}
		m.forget(a)
		if err = m.world.added(r, i, p); err != nil && !errors.Is(err, errno.ENOBUFS) {
			err = errno.EINVAL
		} else if err != nil {
			err = errno.ENOBUFS
		}
	case agent.DelAddr:
		known := slices.Contains(m.lost, a)
		m.forget(a)
		if !m.world.node.RemoveAddress(i, a) && !known {
			err = errno.EADDRNOTAVAIL
		}
	case agent.Addrs:
		reply.Addrs = m.addresses(i)
	case agent.LinkUp:
		i.SetUp(true)
	case agent.LinkDown:
		i.SetUp(false)
	case agent.LinkLocal: // a world that needs them has begun with it by itself
		if !m.world.node.Config.LinkLocal4.On() {
			err = errors.New("ENOSYS")
		}
	default:
		return m.system(r, i)
	}
	return reply, true, err
}

func (m *management) forget(a netip.Addr) {
	m.lost = slices.DeleteFunc(m.lost, func(b netip.Addr) bool { return a == b })
}

func (m *management) addresses(i *stack.Interface) (all []agent.Address) {
	of6 := addresses6(m.world.node, i)
	for _, a := range i.Addresses() {
		state := "preferred"
		if a.Tentative {
			state = "tentative"
		}
		x, ok := of6[a.Addr()]
		if !ok {
			x = agent.Address{Addr: a.Addr(), State: state}
		}
		all = append(all, x)
	}
	if i != m.iface() {
		return all
	}
	for _, a := range m.lost {
		all = append(all, agent.Address{Addr: a, State: "conflict"})
	}
	return all
}
