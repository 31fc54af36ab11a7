package reference

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/mgmt"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats/netstats"
)

// system serves the verbs about interfaces, counters and events, by requests of the node's own management where it has
// them. i is nil for an interface that is not there.
func (m *management) system(r agent.Request, i *stack.Interface) (reply agent.Reply, ok bool, err error) {
	n := m.world.node
	switch {
	case r.Do == agent.Stats, r.Do == agent.ResetStats, r.Do == agent.StatsText, r.Do == agent.Prometheus:
		if i == nil && r.Iface != agent.Node {
			return reply, true, errno.ENODEV
		}
		reply, err = m.statistics(r, i)
		return reply, true, err
	case i == nil:
		return reply, true, errno.ENODEV
	}
	request := func(c event.Code, data any) error { return n.Mgmt.Request(c, i.Iface, data) }
	switch on := r.Value != 0; r.Do {
	case agent.State:
		var s iface.State
		err = request(mgmt.GetState, &s)
		reply.State = &agent.IfaceState{Admin: s.Admin, Carrier: s.Carrier, Dormant: s.Dormant, Promiscuous: s.Promiscuous, Oper: s.Oper.String()}
	case agent.Ifaces:
		for _, i := range n.Interfaces() {
			if !i.Loopback {
				reply.Ifaces = append(reply.Ifaces, agent.Iface{Index: i.Index, Name: i.Name, MTU: i.MTU(), Default: i == n.Default()})
			}
		}
	case agent.Carrier:
		if far := m.world.links[0].far; on {
			far.Plug()
		} else {
			far.Pull()
		}
	case agent.Dormant:
		err = request(mgmt.SetDormant, on)
	case agent.Promiscuous:
		err = request(mgmt.SetPromiscuous, on)
	case agent.AddRoute:
		err = request(mgmt.AddRoute, routeOf(r))
	case agent.DelRoute:
		err = request(mgmt.RemoveRoute, routeOf(r))
	case agent.AddVLAN:
		v := mgmt.VLAN{Tag: uint16(r.Value)}
		err = request(mgmt.EnableVLAN, &v)
		reply.Value = v.Index
	case agent.DelVLAN:
		err = request(mgmt.DisableVLAN, &mgmt.VLAN{Tag: uint16(r.Value)})
	case agent.Refuse:
		err = m.refuse(r, i)
	case agent.Subscribe:
		m.told = append(m.told, m.subscribe(event.Code(uint32(r.Value))))
		reply.Socket = len(m.told)
	case agent.Events, agent.Unsubscribe:
		reply, err = m.events(r)
	default:
		return reply, false, nil
	}
	return reply, true, err
}

func routeOf(r agent.Request) mgmt.Route {
	return mgmt.Route{Prefix: netip.PrefixFrom(r.Local.Addr(), r.Value), Gateway: r.Remote.Addr()}
}

func (m *management) statistics(r agent.Request, i *stack.Interface) (reply agent.Reply, err error) {
	n, about := m.world.node, (*iface.Iface)(nil)
	if i != nil {
		about = i.Iface
	}
	switch r.Do {
	case agent.Stats:
		var c netstats.Counters
		err = n.Mgmt.Request(mgmt.GetAll, about, &c)
		reply.Counters = map[string]uint64{}
		c.Each(func(name string, value uint64) { reply.Counters[name] = value })
	case agent.ResetStats:
		err = n.Mgmt.Request(mgmt.Reset, about, nil)
	case agent.StatsText:
		reply.Data = []byte(n.StatsText(i))
	case agent.Prometheus:
		reply.Data = []byte(n.Prometheus())
	}
	return reply, err
}

// hooks are those of packet filters, by their names in a request.
var hooks = map[string]iface.Hook{ // never written
	"recv": iface.OnReceive, "ipv4": iface.OnIPv4, "ipv6": iface.OnIPv6, "local": iface.OnLocal, "send": iface.OnSend,
}

func (m *management) refuse(r agent.Request, i *stack.Interface) error {
	at, known := hooks[r.Option]
	if !known {
		return errno.EINVAL
	}
	if r.Value == 0 {
		return m.world.node.SetFilters(i, at)
	}
	return m.world.node.SetFilters(i, at, func(*iface.Iface, *packet.Packet) bool { return false })
}

// A subscriber keeps events until it is asked.
type subscriber struct {
	s      *mgmt.Subscription
	events []agent.Event
}

func (m *management) subscribe(mask event.Code) *subscriber {
	s := &subscriber{}
	s.s = m.world.node.Mgmt.Subscribe(mask, func(e event.Event) {
		s.events = append(s.events, agent.Event{
			Name: e.Code.String(), Iface: e.Iface, Prefix: e.Prefix, Addr: e.Addr, MTU: e.MTU, Tag: int(e.Tag),
		})
	})
	return s
}

func (m *management) events(r agent.Request) (reply agent.Reply, err error) {
	if r.Socket < 1 || r.Socket > len(m.told) {
		return reply, errno.EBADF
	}
	s := m.told[r.Socket-1]
	if r.Do == agent.Unsubscribe {
		s.s.Cancel()
		return reply, nil
	}
	reply.Events = slices.Clone(s.events)
	s.events = nil
	return reply, nil
}
