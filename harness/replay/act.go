package replay

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ndp"
)

// The options of a socket by which it joins and leaves groups.
const (
	joinOption  = "IP_ADD_MEMBERSHIP"
	leaveOption = "IP_DROP_MEMBERSHIP"
)

// An act is what a socket of the target does, or is done to its interface, so that the target says a packet of the capture.
type act struct {
	assigns *Assignment // nil when a socket acts
	socket  *Socket
	option  string     // by which it joins or leaves group; empty when it sends the packet
	group   netip.Addr // the zero Addr when it sends
	what    string     // a TCP socket does for it; empty for others
	again   bool       // the packet repeats an earlier one: there is nothing to do for it
}

// cause gives the act for a packet when the target plays role; nil when no socket has to do with it.
func (s *Scenario) cause(number int, role string) *act {
	for i := range s.Assigns {
		if a := &s.Assigns[i]; a.Host == role && a.Packet == number {
			return &act{assigns: a}
		}
	}
	for i := range s.Sockets {
		k := &s.Sockets[i]
		if k.Host != role {
			continue
		}
		if k.Type == tcpSocket {
			if what := k.streamAct(number); what != "" {
				return &act{socket: k, what: what}
			}
			continue
		}
		if slices.Contains(k.Sends, number) {
			return &act{socket: k}
		}
		for _, m := range k.Joins {
			if at := slices.Index(m.Packets, number); at >= 0 {
				return &act{socket: k, option: joinOption, group: m.Group, again: at > 0}
			}
		}
		for _, m := range k.Leaves {
			if at := slices.Index(m.Packets, number); at >= 0 {
				return &act{socket: k, option: leaveOption, group: m.Group, again: at > 0}
			}
		}
	}
	return nil
}

// fits says why the act cannot make a host say f; nil when it can.
func (a *act) fits(f *packet.Frame) error {
	if a.assigns != nil {
		if of, ok := ndp.NSTarget.Of(f); !ok || of != a.assigns.IP {
			return errors.New("an interface that is given an address does not send such a packet")
		}
		return nil
	}
	if a.what != "" && a.what != writes {
		return nil
	}
	if a.option == "" {
		_, err := a.socket.data(f)
		return err
	}
	if alignerOf(f) != igmpAligner {
		return errors.New("a socket that " + a.verb() + " a group does not send such a packet")
	}
	return nil
}

func (a *act) verb() string {
	switch a.option {
	case joinOption:
		return "joins"
	case leaveOption:
		return "leaves"
	}
	return "sends"
}
