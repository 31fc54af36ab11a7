package reference

import (
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/socket"
	wire "github.com/conform-stack/conform/stack/wire/link"
)

// kindsOfFrames are those of frames that packet sockets have received, by the agent's names.
var kindsOfFrames = map[inbox.Kind]string{ // never written
	inbox.ToHost: "host", inbox.ToAll: "broadcast", inbox.ToGroup: "multicast", inbox.ToOther: "other", inbox.Outgoing: "outgoing",
}

// bindLink is bind of a packet socket.
func bindLink(s *socket.Socket, to *agent.LinkAddr) (agent.Reply, error) {
	if err := s.BindLink(linkTo(to)); err != nil {
		return agent.Reply{}, err
	}
	return agent.Reply{Link: linkName(s)}, nil
}

// linkName is nil of a socket that is none of a link.
func linkName(s *socket.Socket) *agent.LinkAddr {
	a, err := s.LocalLink()
	if err != nil {
		return nil
	}
	name := linkFrom(a)
	name.Kind = ""
	return name
}

func linkTo(a *agent.LinkAddr) socket.LinkAddr {
	if a == nil {
		return socket.LinkAddr{}
	}
	station, _ := wire.AddrFrom(a.Addr) // one that is too long is none, which the socket refuses
	return socket.LinkAddr{Protocol: uint16(a.Protocol), Index: a.Ifindex, Addr: station}
}

func linkFrom(a socket.LinkAddr) *agent.LinkAddr {
	return &agent.LinkAddr{Protocol: int(a.Protocol), Ifindex: a.Index, Kind: kindsOfFrames[a.Kind], Addr: a.Addr.Append(nil)}
}
