package socket

import (
	"encoding/binary"
	"math/bits"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire"
)

// Options of IPPROTO_IPV6 (RFC 3493, 5; RFC 3542).
const (
	IPV6UnicastHops    Option = "IPV6_UNICAST_HOPS" // -1 for the default
	IPV6MulticastHops  Option = "IPV6_MULTICAST_HOPS"
	IPV6MulticastLoop  Option = "IPV6_MULTICAST_LOOP"
	IPV6MulticastIf    Option = "IPV6_MULTICAST_IF"   // Int: an index, 0 for the system's choice
	IPV6JoinGroup      Option = "IPV6_JOIN_GROUP"     // Group, Index
	IPV6LeaveGroup     Option = "IPV6_LEAVE_GROUP"    // Group, Index
	IPV6AddMembership  Option = "IPV6_ADD_MEMBERSHIP" // Linux's name for IPV6_JOIN_GROUP
	IPV6DropMembership Option = "IPV6_DROP_MEMBERSHIP"
	IPV6V6Only         Option = "IPV6_V6ONLY" // not once the socket is bound
	IPV6TClass         Option = "IPV6_TCLASS" // -1 for the default
	IPV6RecvPktInfo    Option = "IPV6_RECVPKTINFO"
	IPV6RecvHopLimit   Option = "IPV6_RECVHOPLIMIT"
	IPV6RecvTClass     Option = "IPV6_RECVTCLASS"
	IPV6RecvErr        Option = "IPV6_RECVERR"
	IPV6MTU            Option = "IPV6_MTU" // of the path to the peer connected to
	IPV6MTUDiscover    Option = "IPV6_MTU_DISCOVER"
	IPV6DontFrag       Option = "IPV6_DONTFRAG"
	IPV6Checksum       Option = "IPV6_CHECKSUM" // where it is in a message of a raw socket, -1 for none
	ICMP6Filter        Option = "ICMP6_FILTER"  // Bytes: 32, a bit for each type that is not received
	IPV6AddrPrefs      Option = "IPV6_ADDR_PREFERENCES"
)

// What IPV6_ADDR_PREFERENCES is made of (RFC 5014, 5), with the values that Linux has for it. Of each pair one may be asked
// for; the last of the first is what the system does by itself.
const (
	PreferSrcTmp           = 0x1
	PreferSrcPublic        = 0x2
	PreferSrcPubTmpDefault = 0x100
	PreferSrcCOA           = 0x4
	PreferSrcHome          = 0x400
	PreferSrcCGA           = 0x8
	PreferSrcNonCGA        = 0x800
)

var ipv6Options = map[Option]row{ // never written
	IPV6UnicastHops:   octet(ofInet6, 1, defaultTTL, func(s *Socket) *uint8 { return &s.options.TTL }),
	IPV6MulticastHops: octet(ofInet6, 1, defaultMulticastTTL, func(s *Socket) *uint8 { return &s.options.MulticastTTL }),
	IPV6TClass:        octet(ofInet6, 0, noTrafficClass, func(s *Socket) *uint8 { return &s.options.TOS }),
	IPV6MulticastLoop: {ofInet6, setMulticastLoop, getMulticastLoop},
	IPV6MulticastIf: {ofInet6, func(s *Socket, v Value) error { return s.setMulticastIf(Value{Index: v.Int}) },
		constant(func(s *Socket) int {
			if out := s.options.MulticastOut; out != nil {
				return out.Index
			}
			return 0
		})},
	IPV6JoinGroup:      changes(ofInet6, group6, joinGroup),
	IPV6LeaveGroup:     changes(ofInet6, group6, leaveGroup),
	IPV6AddMembership:  changes(ofInet6, group6, joinGroup),
	IPV6DropMembership: changes(ofInet6, group6, leaveGroup),
	IPV6V6Only:         {ofInet6, (*Socket).setV6Only, constant(func(s *Socket) int { return toInt(s.v6only) })},
	IPV6RecvPktInfo:    asks(ofInbox6, wantPktInfo6),
	IPV6RecvHopLimit:   asks(ofInbox6, wantHopLimit),
	IPV6RecvTClass:     asks(ofInbox6, wantTClass),
	IPV6RecvErr:        {ofInet6, (*Socket).setRecvErr, (*Socket).getRecvErr},
	IPV6MTU:            {ofInet6, nil, (*Socket).pathMTU},
	IPV6MTUDiscover:    {ofInet6, setMTUDiscover, getMTUDiscover},
	IPV6DontFrag: {ofInet6, func(s *Socket, v Value) error {
		s.options.Fragment = ip.FragmentWanted
		if v.Int != 0 {
			s.options.Fragment = ip.FragmentNever
		}
		return nil
	}, constant(func(s *Socket) int { return toInt(s.options.Fragment == ip.FragmentNever) })},
	IPV6AddrPrefs: {ofInet6, (*Socket).setPreferences, constant((*Socket).preferences)},
	IPV6Checksum:  {ofRaw6, (*Socket).setChecksum, constant(func(s *Socket) int { return s.raw.ChecksumAt })},
	ICMP6Filter: {func(s *Socket) bool { return ofRaw6(s) && s.protocol == int(wire.ICMPv6) },
		(*Socket).setICMP6Filter, func(s *Socket) (v Value, err error) {
			for _, w := range s.raw.Blocked {
				v.Bytes = binary.LittleEndian.AppendUint32(v.Bytes, w)
			}
			return v, nil
		}},
}

// setPreferences is RFC 5014, 5: what contradicts itself is an error (6); what is not there, such as addresses of RFC 3972,
// may be asked for.
func (s *Socket) setPreferences(v Value) error {
	const known = PreferSrcTmp | PreferSrcPublic | PreferSrcPubTmpDefault | PreferSrcCOA | PreferSrcHome | PreferSrcCGA | PreferSrcNonCGA
	both := func(flags int) bool { return bits.OnesCount(uint(v.Int&flags)) > 1 }
	if v.Int&^known != 0 || both(PreferSrcTmp|PreferSrcPublic|PreferSrcPubTmpDefault) || both(PreferSrcCOA|PreferSrcHome) || both(PreferSrcCGA|PreferSrcNonCGA) {
		return errno.EINVAL
	}
	p := s.options.Prefer
	switch {
	case v.Int&PreferSrcTmp != 0:
		p = p&^ip.PreferPublic | ip.PreferTemporary
	case v.Int&PreferSrcPublic != 0:
		p = p&^ip.PreferTemporary | ip.PreferPublic
	case v.Int&PreferSrcPubTmpDefault != 0:
		p &^= ip.PreferTemporary | ip.PreferPublic
	}
	switch {
	case v.Int&PreferSrcCOA != 0:
		p |= ip.PreferCareOf
	case v.Int&PreferSrcHome != 0:
		p &^= ip.PreferCareOf
	}
	s.options.Prefer = p
	return nil
}

func (s *Socket) preferences() int {
	v := PreferSrcPubTmpDefault
	switch p := s.options.Prefer; {
	case p&ip.PreferTemporary != 0:
		v = PreferSrcTmp
	case p&ip.PreferPublic != 0:
		v = PreferSrcPublic
	}
	if s.options.Prefer&ip.PreferCareOf != 0 {
		return v | PreferSrcCOA
	}
	return v | PreferSrcHome
}

func noTrafficClass(*Socket) int { return 0 }

func ofInbox6(s *Socket) bool { return s.family == Inet6 && s.stream == nil }

// setV6Only keeps IPv4 away, or lets it in (RFC 3493, 5.3).
func (s *Socket) setV6Only(v Value) error {
	on := v.Int != 0
	switch {
	case s.Local().Port() != 0, s.raw != nil && !on:
		return errno.EINVAL
	case s.udp != nil:
		s.udp.Dual = !on
	case s.stream != nil:
		s.stream.e.Dual = !on
	}
	s.v6only = on
	return nil
}

// setChecksum is RFC 3542, 3.1: an even offset; that of ICMPv6 is not to be changed.
func (s *Socket) setChecksum(v Value) error {
	if s.protocol == int(wire.ICMPv6) || v.Int < -1 || v.Int > 0 && v.Int%2 != 0 {
		return errno.EINVAL
	}
	s.raw.ChecksumAt = v.Int
	return nil
}

func (s *Socket) setICMP6Filter(v Value) error {
	if len(v.Bytes) != 4*len(s.raw.Blocked) {
		return errno.EINVAL
	}
	for i := range s.raw.Blocked {
		s.raw.Blocked[i] = binary.LittleEndian.Uint32(v.Bytes[4*i:])
	}
	return nil
}
