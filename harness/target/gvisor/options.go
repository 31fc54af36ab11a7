package gvisor

import (
	"github.com/conform-stack/conform/harness/agent"
	"gvisor.dev/gvisor/pkg/tcpip"
)

// A flag is an option that is on or off.
type flag struct {
	get func(*tcpip.SocketOptions) bool
	set func(*tcpip.SocketOptions, bool)
}

// The options by the names of socket(7) and ip(7). Never written.
var flags = map[string]flag{
	"SO_BROADCAST":      {(*tcpip.SocketOptions).GetBroadcast, (*tcpip.SocketOptions).SetBroadcast},
	"SO_REUSEADDR":      {(*tcpip.SocketOptions).GetReuseAddress, (*tcpip.SocketOptions).SetReuseAddress},
	"SO_REUSEPORT":      {(*tcpip.SocketOptions).GetReusePort, (*tcpip.SocketOptions).SetReusePort},
	"SO_NO_CHECK":       {(*tcpip.SocketOptions).GetNoChecksum, (*tcpip.SocketOptions).SetNoChecksum},
	"IP_HDRINCL":        {(*tcpip.SocketOptions).GetHeaderIncluded, (*tcpip.SocketOptions).SetHeaderIncluded},
	"IP_MULTICAST_LOOP": {(*tcpip.SocketOptions).GetMulticastLoop, (*tcpip.SocketOptions).SetMulticastLoop},
	"IP_RECVERR":        {(*tcpip.SocketOptions).GetIPv4RecvError, (*tcpip.SocketOptions).SetIPv4RecvError},
}

// A number is an option with a value from least to most.
type number struct {
	name        tcpip.SockOptInt
	least, most int
	unset       int // what -1 stands for
}

var numbers = map[string]number{
	"IP_TTL":           {tcpip.IPv4TTLOption, 1, 255, tcpip.UseDefaultIPv4TTL},
	"IP_TOS":           {tcpip.IPv4TOSOption, 0, 255, 0},
	"IP_MULTICAST_TTL": {tcpip.MulticastTTLOption, 0, 255, 1},
}

// discovery is IP_MTU_DISCOVER by Linux's numbers, which are others than gVisor's.
var discovery = []tcpip.PMTUDStrategy{
	tcpip.PMTUDiscoveryDont, tcpip.PMTUDiscoveryWant, tcpip.PMTUDiscoveryDo, tcpip.PMTUDiscoveryProbe,
}

func (s *socket) setOption(r agent.Request) agent.Reply {
	err := s.set(r)
	if err != nil {
		return agent.Reply{Errno: errno(err)}
	}
	return agent.Reply{}
}

func (s *socket) set(r agent.Request) tcpip.Error {
	o := s.endpoint.SocketOptions()
	if f, ok := flags[r.Option]; ok {
		f.set(o, r.Value != 0)
		return nil
	}
	if n, ok := numbers[r.Option]; ok {
		switch {
		case r.Value == -1:
			return s.endpoint.SetSockOptInt(n.name, n.unset)
		case r.Value < n.least || r.Value > n.most:
			return &tcpip.ErrInvalidOptionValue{}
		}
		return s.endpoint.SetSockOptInt(n.name, r.Value)
	}
	switch r.Option {
	case "IP_MTU_DISCOVER":
		if r.Value < 0 || r.Value >= len(discovery) {
			return &tcpip.ErrInvalidOptionValue{}
		}
		return s.endpoint.SetSockOptInt(tcpip.MTUDiscoverOption, int(discovery[r.Value]))
	case "SO_RCVBUF":
		o.SetReceiveBufferSize(int64(r.Value), true)
		return nil
	case "SO_SNDBUF":
		o.SetSendBufferSize(int64(r.Value), true)
		return nil
	case "IP_MULTICAST_IF":
		at, err := interfaceAddress(r)
		if err != nil {
			return err
		}
		return s.endpoint.SetSockOpt(&tcpip.MulticastInterfaceOption{InterfaceAddr: at})
	case "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP":
		m, err := membership(r)
		if err != nil {
			return err
		}
		if r.Option == "IP_ADD_MEMBERSHIP" {
			add := tcpip.AddMembershipOption(m)
			return s.endpoint.SetSockOpt(&add)
		}
		drop := tcpip.RemoveMembershipOption(m)
		return s.endpoint.SetSockOpt(&drop)
	}
	return &tcpip.ErrUnknownProtocolOption{}
}

func (s *socket) getOption(r agent.Request) agent.Reply {
	if f, ok := flags[r.Option]; ok {
		if f.get(s.endpoint.SocketOptions()) {
			return agent.Reply{Value: 1}
		}
		return agent.Reply{}
	}
	var v int
	var err tcpip.Error
	n, ok := numbers[r.Option]
	switch {
	case ok:
		v, err = s.endpoint.GetSockOptInt(n.name)
	case r.Option == "SO_RCVBUF":
		v = int(s.endpoint.SocketOptions().GetReceiveBufferSize())
	case r.Option == "SO_SNDBUF":
		v = int(s.endpoint.SocketOptions().GetSendBufferSize())
	default:
		err = &tcpip.ErrUnknownProtocolOption{}
	}
	if err != nil {
		return agent.Reply{Errno: errno(err)}
	}
	return agent.Reply{Value: v}
}

// membership has the interface's address in Local; none leaves it to the stack.
func membership(r agent.Request) (tcpip.MembershipOption, tcpip.Error) {
	if !r.Group.Is4() {
		return tcpip.MembershipOption{}, &tcpip.ErrInvalidOptionValue{}
	}
	at, err := interfaceAddress(r)
	return tcpip.MembershipOption{InterfaceAddr: at, MulticastAddr: tcpip.AddrFrom4(r.Group.As4())}, err
}

func interfaceAddress(r agent.Request) (tcpip.Address, tcpip.Error) {
	a, err := fullAddress(r.Local)
	return anyAddr(a.Addr), err
}
