package replay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// Types of sockets.
const (
	udpSocket  = "udp"
	tcpSocket  = "tcp"
	icmpSocket = "icmp" // a raw socket that sends whole ICMP messages
)

// Protocol numbers.
const (
	protocolICMP   = 1
	protocolUDP    = 17
	protocolICMPv6 = 58
)

// data is what the socket has to send so that the target says f.
func (k *Socket) data(f *packet.Frame) ([]byte, error) {
	switch {
	case k.Type == udpSocket && f.Has(udp.Proto):
		if port, _ := udp.SrcPort.Of(f); port != uint(k.Port) {
			return nil, fmt.Errorf("it comes from port %d, the socket is bound to %d", port, k.Port)
		}
		return f.Body(udp.Proto), nil
	case k.Type == tcpSocket && f.Has(tcp.Proto):
		if port, _ := tcp.SrcPort.Of(f); port != uint(k.Port) {
			return nil, fmt.Errorf("it comes from port %d, the socket has port %d", port, k.Port)
		}
		return f.Body(tcp.Proto), nil
	case k.Type == icmpSocket && f.Has(icmpv4.Proto):
		return append(append([]byte(nil), f.Header(icmpv4.Proto)...), f.Body(icmpv4.Proto)...), nil
	case k.Type == icmpSocket && f.Has(icmpv6.Proto): // the target makes the checksum (RFC 3542, 3.1)
		return append(append([]byte(nil), f.Header(icmpv6.Proto)...), f.Body(icmpv6.Proto)...), nil
	}
	return nil, fmt.Errorf("a socket of type %s does not send such a packet", k.Type)
}

// packets are those that the target says because of the socket.
func (k *Socket) packets() []int {
	ns := append(slices.Clone(k.Sends), k.streamPackets()...)
	for _, m := range slices.Concat(k.Joins, k.Leaves) {
		ns = append(ns, m.Packets...)
	}
	return ns
}

// open is the request that opens the socket.
func (k *Socket) open(six bool) agent.Request {
	r := agent.Request{Do: agent.Open, Family: "inet", Type: "dgram"}
	if six {
		r.Family = "inet6"
	}
	switch {
	case k.Type == tcpSocket:
		r.Type = "stream"
	case k.Type == icmpSocket && six:
		r.Type, r.Protocol = "raw", protocolICMPv6
	case k.Type == icmpSocket:
		r.Type, r.Protocol = "raw", protocolICMP
	}
	return r
}

// six tells whether the target plays a host of IPv6.
func (p *player) six() bool { return p.plan.role.IP.Is6() }

// anyPort is a port at all addresses of the role's family.
func (p *player) anyPort(port uint16) netip.AddrPort {
	if p.six() {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), port)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), port)
}

// sockets are those of the role, open on the target.
type sockets struct {
	agent   agent.Agent
	ids     map[*Socket]int
	streams []*streamSocket
	sent    []sentBy
}

// sentBy is a call to send under way, and the packet of the capture that it is for.
type sentBy struct {
	op     *agent.Op
	packet *captured
}

// openSockets opens and binds the sockets that the plan sends from and receives with.
func (p *player) openSockets() error {
	p.sockets = sockets{agent: p.world.Agent(), ids: map[*Socket]int{}}
	if err := p.openStreams(); err != nil {
		return err
	}
	for _, st := range p.plan.steps {
		k := st.receiver
		if st.act != nil && st.act.assigns == nil {
			k = st.act.socket
		}
		if k == nil {
			continue
		}
		if _, opened := p.sockets.ids[k]; opened {
			continue
		}
		if p.sockets.agent == nil {
			return errors.New("the target has no agent to open sockets through")
		}
		r, err := p.call(k.open(p.six()))
		if err != nil {
			return fmt.Errorf("opening the %s socket of %s on the target: %w", k.Type, k.Host, err)
		}
		p.sockets.ids[k] = r.Socket
		if k.Port == 0 {
			continue
		}
		if _, err := p.call(agent.Request{Do: agent.Bind, Socket: r.Socket, Local: p.anyPort(k.Port)}); err != nil {
			return fmt.Errorf("binding the udp socket of %s to port %d on the target: %w", k.Host, k.Port, err)
		}
	}
	return nil
}

// call makes a socket call that returns by itself.
func (p *player) call(r agent.Request) (agent.Reply, error) {
	op := p.sockets.agent.Start(r)
	for until := p.world.Now() + p.patience(); ; {
		if reply, done := op.Done(); done {
			return reply, reply.Err()
		}
		more, err := p.next(until)
		if err != nil {
			return agent.Reply{}, err
		}
		if !more {
			return agent.Reply{}, fmt.Errorf("%s did not return in %v", r.Do, p.patience())
		}
	}
}

// start lets a socket of the target do what makes it say a message.
func (p *player) start(st step) error {
	if st.act.assigns != nil {
		return p.assign(st)
	}
	if st.act.what != "" {
		return p.startStream(st)
	}
	if st.act.option != "" {
		return p.change(st)
	}
	return p.sendFrom(st)
}

// change joins or leaves a group.
func (p *player) change(st step) error {
	p.step("the target's %s socket %s %s", st.act.socket.Type, st.act.verb(), st.act.group)
	set := agent.Request{Do: agent.SetOpt, Socket: p.sockets.ids[st.act.socket], Option: st.act.option, Group: st.act.group}
	if _, err := p.call(set); err != nil {
		return fmt.Errorf("the target's socket, which %s %s: %w", st.act.verb(), st.act.group, err)
	}
	return nil
}

// sendFrom lets a socket send a message. The call may have to wait for an answer of the peer.
func (p *player) sendFrom(st step) error {
	socket := st.act.socket
	data, err := socket.data(st.message.frame)
	if err != nil {
		return err
	}
	hops, option, ok := uint(0), "IP_TTL", false
	if hops, ok = ipv4.TTL.Of(st.message.frame); !ok {
		option = "IPV6_UNICAST_HOPS"
		hops, ok = ipv6.HopLimit.Of(st.message.frame)
	}
	if ok {
		set := agent.Request{Do: agent.SetOpt, Socket: p.sockets.ids[socket], Option: option, Value: int(hops)}
		if _, err := p.call(set); err != nil {
			return fmt.Errorf("setting the time to live that packet %d has: %w", st.packets[0].number, err)
		}
	}
	_, to := ends(st.message.frame)
	port, _ := udp.DstPort.Of(st.message.frame)
	op := p.sockets.agent.Start(agent.Request{
		Do: agent.Send, Socket: p.sockets.ids[socket], Data: data, Remote: netip.AddrPortFrom(p.tr.ip(to), uint16(port)),
	})
	p.step("the target's %s socket sends what packet %d holds", socket.Type, st.packets[0].number)
	p.sockets.sent = append(p.sockets.sent, sentBy{op, st.packets[0]})
	return p.refused()
}

// refused is nil or says that a call to send has failed.
func (p *player) refused() error {
	for _, s := range p.sockets.sent {
		if reply, done := s.op.Done(); done && reply.Err() != nil {
			return fmt.Errorf("the target's socket cannot send what packet %d holds: %w", s.packet.number, reply.Err())
		}
	}
	return nil
}
