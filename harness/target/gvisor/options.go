package gvisor

import (
	"time"

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
	"SO_BROADCAST":        {(*tcpip.SocketOptions).GetBroadcast, (*tcpip.SocketOptions).SetBroadcast},
	"SO_REUSEADDR":        {(*tcpip.SocketOptions).GetReuseAddress, (*tcpip.SocketOptions).SetReuseAddress},
	"SO_REUSEPORT":        {(*tcpip.SocketOptions).GetReusePort, (*tcpip.SocketOptions).SetReusePort},
	"SO_NO_CHECK":         {(*tcpip.SocketOptions).GetNoChecksum, (*tcpip.SocketOptions).SetNoChecksum},
	"IP_HDRINCL":          {(*tcpip.SocketOptions).GetHeaderIncluded, (*tcpip.SocketOptions).SetHeaderIncluded},
	"IP_MULTICAST_LOOP":   {(*tcpip.SocketOptions).GetMulticastLoop, (*tcpip.SocketOptions).SetMulticastLoop},
	"SO_KEEPALIVE":        {(*tcpip.SocketOptions).GetKeepAlive, (*tcpip.SocketOptions).SetKeepAlive},
	"TCP_NODELAY":         {func(o *tcpip.SocketOptions) bool { return !o.GetDelayOption() }, func(o *tcpip.SocketOptions, on bool) { o.SetDelayOption(!on) }},
	"TCP_CORK":            {(*tcpip.SocketOptions).GetCorkOption, (*tcpip.SocketOptions).SetCorkOption},
	"TCP_QUICKACK":        {(*tcpip.SocketOptions).GetQuickAck, (*tcpip.SocketOptions).SetQuickAck},
	"IP_RECVTTL":          {(*tcpip.SocketOptions).GetReceiveTTL, (*tcpip.SocketOptions).SetReceiveTTL},
	"IP_PKTINFO":          {(*tcpip.SocketOptions).GetReceivePacketInfo, (*tcpip.SocketOptions).SetReceivePacketInfo},
	"IP_RECVTOS":          {(*tcpip.SocketOptions).GetReceiveTOS, (*tcpip.SocketOptions).SetReceiveTOS},
	"IPV6_V6ONLY":         {(*tcpip.SocketOptions).GetV6Only, (*tcpip.SocketOptions).SetV6Only},
	"IPV6_RECVHOPLIMIT":   {(*tcpip.SocketOptions).GetReceiveHopLimit, (*tcpip.SocketOptions).SetReceiveHopLimit},
	"IPV6_RECVTCLASS":     {(*tcpip.SocketOptions).GetReceiveTClass, (*tcpip.SocketOptions).SetReceiveTClass},
	"IPV6_RECVERR":        {(*tcpip.SocketOptions).GetIPv6RecvError, (*tcpip.SocketOptions).SetIPv6RecvError},
	"IPV6_MULTICAST_LOOP": {(*tcpip.SocketOptions).GetMulticastLoop, (*tcpip.SocketOptions).SetMulticastLoop},
	"IP_RECVERR":          {(*tcpip.SocketOptions).GetIPv4RecvError, (*tcpip.SocketOptions).SetIPv4RecvError},
}

// A number is an option with a value from least to most.
type number struct {
	name        tcpip.SockOptInt
	least, most int
	unset       int // what -1 stands for
}

var numbers = map[string]number{
	"IP_TTL":              {tcpip.IPv4TTLOption, 1, 255, tcpip.UseDefaultIPv4TTL},
	"IP_TOS":              {tcpip.IPv4TOSOption, 0, 255, 0},
	"IP_MULTICAST_TTL":    {tcpip.MulticastTTLOption, 0, 255, 1},
	"IPV6_UNICAST_HOPS":   {tcpip.IPv6HopLimitOption, 0, 255, tcpip.UseDefaultIPv6HopLimit},
	"IPV6_MULTICAST_HOPS": {tcpip.MulticastTTLOption, 0, 255, 1},
	"IPV6_TCLASS":         {tcpip.IPv6TrafficClassOption, 0, 255, 0},
	"TCP_MAXSEG":          {tcpip.MaxSegOption, 1, 65535, 0},
	"TCP_KEEPCNT":         {tcpip.KeepaliveCountOption, 1, 127, 0},
	"TCP_SYNCNT":          {tcpip.TCPSynCountOption, 1, 255, 0},
	"TCP_WINDOW_CLAMP":    {tcpip.TCPWindowClampOption, 0, 1 << 30, 0},
}

// discovery is IP_MTU_DISCOVER by Linux's numbers, which are others than gVisor's.
var discovery = []tcpip.PMTUDStrategy{
	tcpip.PMTUDiscoveryDont, tcpip.PMTUDiscoveryWant, tcpip.PMTUDiscoveryDo, tcpip.PMTUDiscoveryProbe,
}

// durations are options of TCP that are times.
var durations = map[string]struct { // never written
	unit time.Duration
	set  func(tcpip.Endpoint, time.Duration) tcpip.Error
	get  func(tcpip.Endpoint) (time.Duration, tcpip.Error)
}{
	"TCP_KEEPIDLE":     {time.Second, setTime[tcpip.KeepaliveIdleOption], getTime[tcpip.KeepaliveIdleOption]},
	"TCP_KEEPINTVL":    {time.Second, setTime[tcpip.KeepaliveIntervalOption], getTime[tcpip.KeepaliveIntervalOption]},
	"TCP_USER_TIMEOUT": {time.Millisecond, setTime[tcpip.TCPUserTimeoutOption], getTime[tcpip.TCPUserTimeoutOption]},
	"TCP_LINGER2":      {time.Second, setTime[tcpip.TCPLingerTimeoutOption], getTime[tcpip.TCPLingerTimeoutOption]},
	"TCP_DEFER_ACCEPT": {time.Second, setTime[tcpip.TCPDeferAcceptOption], getTime[tcpip.TCPDeferAcceptOption]},
}

func setTime[T ~int64, P interface {
	*T
	tcpip.SettableSocketOption
}](e tcpip.Endpoint, d time.Duration) tcpip.Error {
	v := T(d)
	return e.SetSockOpt(P(&v))
}

func getTime[T ~int64, P interface {
	*T
	tcpip.GettableSocketOption
}](e tcpip.Endpoint) (time.Duration, tcpip.Error) {
	var v T
	err := e.GetSockOpt(P(&v))
	return time.Duration(v), err
}

func (s *socket) setOption(r agent.Request) agent.Reply {
	if stamps[r.Option] {
		s.stamped = r.Value != 0
		return agent.Reply{}
	}
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
	if d, ok := durations[r.Option]; ok {
		return d.set(s.endpoint, time.Duration(r.Value)*d.unit)
	}
	switch r.Option {
	case "SO_LINGER":
		o.SetLinger(tcpip.LingerOption{Enabled: r.Value >= 0, Timeout: time.Duration(max(0, r.Value)) * time.Second})
		return nil
	case "TCP_CONGESTION":
		name := tcpip.CongestionControlOption(r.Data)
		return s.endpoint.SetSockOpt(&name)
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
	case "IPV6_MULTICAST_IF":
		return s.endpoint.SetSockOpt(&tcpip.MulticastInterfaceOption{NIC: tcpip.NICID(r.Value)})
	case "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP", "IPV6_JOIN_GROUP", "IPV6_LEAVE_GROUP":
		of := membership
		if r.Option == "IPV6_JOIN_GROUP" || r.Option == "IPV6_LEAVE_GROUP" {
			of = membership6
		}
		m, err := of(r)
		if err != nil {
			return err
		}
		if r.Option == "IP_ADD_MEMBERSHIP" || r.Option == "IPV6_JOIN_GROUP" {
			add := tcpip.AddMembershipOption(m)
			return s.endpoint.SetSockOpt(&add)
		}
		drop := tcpip.RemoveMembershipOption(m)
		return s.endpoint.SetSockOpt(&drop)
	}
	return &tcpip.ErrUnknownProtocolOption{}
}

func (s *socket) getOption(r agent.Request) agent.Reply {
	if stamps[r.Option] && s.stamped {
		return agent.Reply{Value: 1}
	}
	if stamps[r.Option] {
		return agent.Reply{}
	}
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
	case r.Option == "SO_LINGER":
		v = agent.NoLinger
		if l := s.endpoint.SocketOptions().GetLinger(); l.Enabled {
			v = int(l.Timeout / time.Second)
		}
	case r.Option == "SO_ERROR":
		if pending := s.endpoint.LastError(); pending != nil {
			return agent.Reply{Data: []byte(errno(pending))}
		}
	case r.Option == "TCP_CONGESTION":
		var name tcpip.CongestionControlOption
		if err = s.endpoint.GetSockOpt(&name); err == nil {
			return agent.Reply{Data: []byte(name)}
		}
	case durations[r.Option].unit != 0:
		var of time.Duration
		d := durations[r.Option]
		of, err = d.get(s.endpoint)
		v = int(of / d.unit)
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
