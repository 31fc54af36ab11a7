package socket

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
)

// Options of IPPROTO_IP. Sockets of IPv6 have them for the IPv4 that they speak, as on Linux; hop limit and traffic class
// are TTL and TOS by another name.
const (
	IPTTL            Option = "IP_TTL"
	IPTOS            Option = "IP_TOS"
	IPHdrIncl        Option = "IP_HDRINCL"
	IPMTU            Option = "IP_MTU" // of the path to the peer connected to
	IPMTUDiscover    Option = "IP_MTU_DISCOVER"
	IPRecvErr        Option = "IP_RECVERR"
	IPOptions        Option = "IP_OPTIONS" // Bytes
	IPMulticastTTL   Option = "IP_MULTICAST_TTL"
	IPMulticastLoop  Option = "IP_MULTICAST_LOOP"
	IPMulticastIf    Option = "IP_MULTICAST_IF"     // Interface or Index
	IPLocalPortRange Option = "IP_LOCAL_PORT_RANGE" // the last port times 65536, plus the first; 0 in either for the default
	ICMPFilter       Option = "ICMP_FILTER"         // a bit for each type up to 31 that is not received

	IPPktInfo  Option = "IP_PKTINFO"
	IPRecvTTL  Option = "IP_RECVTTL"
	IPRecvTOS  Option = "IP_RECVTOS"
	IPRecvOpts Option = "IP_RECVOPTS"

	IPAddMembership        Option = "IP_ADD_MEMBERSHIP"         // Group, Interface or Index
	IPDropMembership       Option = "IP_DROP_MEMBERSHIP"        // the same
	IPAddSourceMembership  Option = "IP_ADD_SOURCE_MEMBERSHIP"  // Group, Interface or Index, one of Sources
	IPDropSourceMembership Option = "IP_DROP_SOURCE_MEMBERSHIP" // the same
	IPBlockSource          Option = "IP_BLOCK_SOURCE"           // the same
	IPUnblockSource        Option = "IP_UNBLOCK_SOURCE"         // the same
	IPMsfilter             Option = "IP_MSFILTER"               // Group, Interface or Index, Sources; Int: 0 exclude, 1 include

	// By RFC 3678, 5.1, for either version of IP: Group, Index, and Sources as above.
	McastJoinGroup        Option = "MCAST_JOIN_GROUP"
	McastLeaveGroup       Option = "MCAST_LEAVE_GROUP"
	McastJoinSourceGroup  Option = "MCAST_JOIN_SOURCE_GROUP"
	McastLeaveSourceGroup Option = "MCAST_LEAVE_SOURCE_GROUP"
	McastBlockSource      Option = "MCAST_BLOCK_SOURCE"
	McastUnblockSource    Option = "MCAST_UNBLOCK_SOURCE"
	McastMsfilter         Option = "MCAST_MSFILTER"
)

// Values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER, as Linux numbers them.
const (
	PMTUDont  = 0
	PMTUWant  = 1
	PMTUDo    = 2
	PMTUProbe = 3
)

var fragmentOf = [...]ip.FragmentPolicy{ // never written
	PMTUDont: ip.FragmentAlways, PMTUWant: ip.FragmentWanted, PMTUDo: ip.FragmentNever, PMTUProbe: ip.FragmentProbe,
}

var ipOptions = map[Option]row{ // never written
	IPTTL:           octet(notRaw6, 1, defaultTTL, func(s *Socket) *uint8 { return &s.options.TTL }),
	IPTOS:           octet(notRaw6, 0, nil, func(s *Socket) *uint8 { return &s.options.TOS }),
	IPMulticastTTL:  octet(notRaw6, 1, defaultMulticastTTL, func(s *Socket) *uint8 { return &s.options.MulticastTTL }),
	IPMulticastLoop: {notRaw6, setMulticastLoop, getMulticastLoop},
	IPMulticastIf: {notRaw6, (*Socket).setMulticastIf, func(s *Socket) (Value, error) {
		v := Value{Interface: s.options.MulticastSrc}
		if out := s.options.MulticastOut; out != nil {
			v.Index = out.Index
		}
		return v, nil
	}},
	IPHdrIncl: toggle(func(s *Socket) bool { return s.raw != nil && s.family == Inet },
		func(s *Socket) *bool { return &s.raw.HeaderWritten }),
	ICMPFilter: {func(s *Socket) bool { return s.raw != nil && s.family == Inet && s.protocol == 1 },
		func(s *Socket, v Value) error {
			s.raw.Blocked[0] = uint32(v.Int)
			return nil
		}, constant(func(s *Socket) int { return int(s.raw.Blocked[0]) })},
	IPMTUDiscover: {notRaw6, setMTUDiscover, getMTUDiscover},
	IPMTU:         {notRaw6, nil, (*Socket).pathMTU},
	IPRecvErr:     {ofInet, (*Socket).setRecvErr, (*Socket).getRecvErr},
	IPOptions: {ofInet, func(s *Socket, v Value) error { return s.setIPOptions(v.Bytes) },
		func(s *Socket) (Value, error) { return Value{Bytes: append([]byte(nil), s.options.IP...)}, nil }},
	IPLocalPortRange: {ofBound, func(s *Socket, v Value) error {
		first, last := v.Int&0xffff, v.Int>>16
		if v.Int < 0 || last > 0xffff || first != 0 && last != 0 && first > last {
			return errno.EINVAL
		}
		*s.ports() = ip.Ports{First: uint16(first), Last: uint16(last)}
		return nil
	}, constant(func(s *Socket) int { return int(s.ports().Last)<<16 | int(s.ports().First) })},

	IPPktInfo:  asks(ofInbox4, wantPktInfo),
	IPRecvTTL:  asks(ofInbox4, wantTTL),
	IPRecvTOS:  asks(ofInbox4, wantTOS),
	IPRecvOpts: asks(ofInbox4, wantOptions),

	IPAddMembership:        changes(notRaw6, group4, joinGroup),
	IPDropMembership:       changes(notRaw6, group4, leaveGroup),
	IPAddSourceMembership:  changes(notRaw6, group4, joinSource),
	IPDropSourceMembership: changes(notRaw6, group4, leaveSource),
	IPBlockSource:          changes(notRaw6, group4, blockSource),
	IPUnblockSource:        changes(notRaw6, group4, unblockSource),
	IPMsfilter:             changes(notRaw6, group4, setSources),
	McastJoinGroup:         changes(ofIP, nil, joinGroup),
	McastLeaveGroup:        changes(ofIP, nil, leaveGroup),
	McastJoinSourceGroup:   changes(ofIP, nil, joinSource),
	McastLeaveSourceGroup:  changes(ofIP, nil, leaveSource),
	McastBlockSource:       changes(ofIP, nil, blockSource),
	McastUnblockSource:     changes(ofIP, nil, unblockSource),
	McastMsfilter:          changes(ofIP, nil, setSources),
}

func defaultTTL(s *Socket) int          { return s.system.ttl[s.family.ip()] }
func defaultMulticastTTL(s *Socket) int { return s.system.groupTTL[s.family.ip()] }

func ofInbox4(s *Socket) bool { return notRaw6(s) && s.stream == nil }

// changes is an option that changes what the socket wants of a group, one for which is says yes.
func changes(has func(*Socket) bool, is func(netip.Addr) bool, c groupChange) row {
	return row{has, func(s *Socket, v Value) error {
		if is != nil && !is(v.Group) {
			return errno.EINVAL
		}
		return s.changeGroup(c, v)
	}, nil}
}

// ports is from where a port is chosen for the socket.
func (s *Socket) ports() *ip.Ports {
	if s.stream != nil {
		return &s.stream.e.Ports
	}
	return &s.udp.Ports
}

func group4(a netip.Addr) bool { return a.Is4() }
func group6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }

func setMulticastLoop(s *Socket, v Value) error {
	s.options.NoLoop = v.Int == 0
	return nil
}

func getMulticastLoop(s *Socket) (Value, error) { return number(toInt(!s.options.NoLoop)) }

func setMTUDiscover(s *Socket, v Value) error {
	if v.Int < 0 || v.Int >= len(fragmentOf) {
		return errno.EINVAL
	}
	s.options.Fragment = fragmentOf[v.Int]
	return nil
}

func getMTUDiscover(s *Socket) (v Value, err error) {
	for n, p := range fragmentOf {
		if p == s.options.Fragment {
			v.Int = n
		}
	}
	return v, nil
}

func (s *Socket) pathMTU() (Value, error) {
	peer := s.endpoint.peer().Addr()
	if !peer.IsValid() {
		return Value{}, errno.ENOTCONN
	}
	peer = peer.Unmap()
	by, err := s.system.IP.Network(ip.FamilyOf(peer)).Path(&ip.Send{Dst: peer, Out: s.options.Out})
	if err != nil {
		return Value{}, errno.Of(err)
	}
	return number(by.MTU)
}

// setRecvErr asks for a record of each failure; a socket that is not connected learns of failures at all by it.
func (s *Socket) setRecvErr(v Value) error {
	on := v.Int != 0
	switch {
	case s.udp != nil:
		s.udp.AllErrors, s.udp.Recording = on, on
	case s.raw != nil:
		s.raw.AllErrors, s.raw.Recording = on, on
	default:
		return errno.ENOPROTOOPT
	}
	return nil
}

func (s *Socket) getRecvErr() (Value, error) {
	switch {
	case s.udp != nil:
		return number(toInt(s.udp.AllErrors))
	case s.raw != nil:
		return number(toInt(s.raw.AllErrors))
	}
	return Value{}, errno.ENOPROTOOPT
}

func (s *Socket) setMulticastIf(v Value) error {
	s.options.MulticastOut, s.options.MulticastSrc = nil, netip.Addr{}
	if v.Index != 0 {
		in := s.system.byIndex(v.Index)
		if in == nil {
			return errno.ENODEV
		}
		s.options.MulticastOut = in
		return nil
	}
	addr := v.Interface
	if !addr.IsValid() || addr.IsUnspecified() {
		return nil
	}
	n := s.networkOf(addr)
	if n == nil {
		return errno.EADDRNOTAVAIL
	}
	in := n.InterfaceOf(addr)
	if in == nil {
		return errno.EADDRNOTAVAIL
	}
	s.options.MulticastOut, s.options.MulticastSrc = in, addr
	return nil
}
