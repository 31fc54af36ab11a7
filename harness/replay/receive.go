package replay

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
)

// received is what a socket shows that gives a program the data of a datagram, and where it came from.
const received = "RFC768:UI-2"

// receiver is the socket of a role that a packet is for; nil for none.
func (s *Scenario) receiver(number int, role string) *Socket {
	for i := range s.Sockets {
		if k := &s.Sockets[i]; k.Host == role && slices.Contains(k.Receives, number) {
			return k
		}
	}
	return nil
}

func (s *Scenario) validateReceives(k Socket) error {
	for _, n := range k.Receives {
		if n > len(s.packets) {
			return fmt.Errorf("the %s socket of %s receives packet %d, but the capture has %d", k.Type, k.Host, n, len(s.packets))
		}
		if port, ok := udp.DstPort.Of(s.packets[n-1].frame); !ok || port != uint(k.Port) {
			return fmt.Errorf("the udp socket of %s receives packet %d, which is no datagram to port %d", k.Host, n, k.Port)
		}
	}
	return nil
}

// receive has the socket that a message is for receive it, and holds that against it.
func (p *player) receive(st step) error {
	k, m := st.receiver, st.message.frame
	r, err := p.call(agent.Request{Do: agent.Recv, Socket: p.sockets.ids[k], Max: 65535})
	if err != nil {
		return fmt.Errorf("the target's udp socket, which receives packet %d: %w", st.packets[0].number, err)
	}
	p.heard = true
	p.step("the target's udp socket has received what packet %d holds", st.packets[0].number)
	from, _ := ends(m)
	port, _ := udp.SrcPort.Of(m)
	if want := netip.AddrPortFrom(p.tr.ip(from), uint16(port)); r.Remote.Port() != want.Port() || r.Remote.Addr().WithZone("") != want.Addr() {
		p.unlike(st, "source", want.String(), r.Remote.String())
	}
	if d := octets("data", m.Body(udp.Proto), r.Data); d != nil {
		p.unlike(st, "data", d.Want, d.Got)
	}
	return nil
}

func (p *player) unlike(st step, what, want, got string) {
	number := st.packets[0].number
	p.fail(Failure{Requirement: received, Kind: probe.Field, Packet: number, Field: what, Want: want, Got: got,
		Text: fmt.Sprintf("what the target's socket received for packet %d has another %s: %s, want %s", number, what, got, want)})
}
