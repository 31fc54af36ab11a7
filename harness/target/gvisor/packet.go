package gvisor

import (
	"github.com/conform-stack/conform/harness/agent"
	"gvisor.dev/gvisor/pkg/tcpip"
)

// kindsOfFrames are those of frames that packet sockets have received.
var kindsOfFrames = map[tcpip.PacketType]string{ // never written
	tcpip.PacketHost: "host", tcpip.PacketBroadcast: "broadcast", tcpip.PacketMulticast: "multicast",
	tcpip.PacketOtherHost: "other", tcpip.PacketOutgoing: "outgoing",
}

// linkAddress is an address as packet endpoints take it, with the protocol for a port.
func linkAddress(a *agent.LinkAddr) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: tcpip.NICID(a.Ifindex), LinkAddr: tcpip.LinkAddress(a.Addr), Port: uint16(a.Protocol)}
}

// bindLink is bind of a packet socket. No address is no protocol, which leaves the one that it has.
func (s *socket) bindLink(to *agent.LinkAddr) agent.Reply {
	if to == nil {
		return agent.Reply{Errno: "EINVAL"}
	}
	if err := s.endpoint.Bind(linkAddress(to)); err != nil {
		return agent.Reply{Errno: errno(err)}
	}
	return agent.Reply{Link: s.linkName()}
}

func (s *socket) linkName() *agent.LinkAddr {
	a, err := s.endpoint.GetLocalAddress()
	if err != nil {
		return nil
	}
	return &agent.LinkAddr{Protocol: int(a.Port), Ifindex: int(a.NIC), Addr: []byte(a.LinkAddr)}
}

// linkFrom is where a frame came from.
func linkFrom(r tcpip.ReadResult) *agent.LinkAddr {
	return &agent.LinkAddr{
		Protocol: int(r.LinkPacketInfo.Protocol), Ifindex: int(r.RemoteAddr.NIC),
		Kind: kindsOfFrames[r.LinkPacketInfo.PktType], Addr: []byte(r.RemoteAddr.LinkAddr),
	}
}

// stamps are the options that ask for the time of arrival. Netstack always knows it; as in gVisor's sentry the socket that
// does not ask is not told.
var stamps = map[string]bool{"SO_TIMESTAMP": true} // never written
