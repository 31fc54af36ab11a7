package ip

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/wire"
)

// Options are what a user of IP sets for all that it sends: the options of a socket at the level of IP.
type Options struct {
	TTL          uint8 // of datagrams to one host; 0 means the default
	MulticastTTL uint8 // of datagrams to groups; 0 means the default
	TOS          uint8
	Priority     uint8 // 1 to 7, for the traffic class (IEEE 802.1Q); 0 means the node's default, 8 best effort
	Fragment     FragmentPolicy
	NoLoop       bool         // members on this host do not get what is sent to a group
	Broadcast    bool         // sending to broadcast addresses is allowed
	OnLink       bool         // to neighbours only
	Out          *iface.Iface // the only interface that is used, if not nil
	MulticastOut *iface.Iface // the interface for groups, if not nil
	MulticastSrc netip.Addr   // the source for groups, if valid
	IP           []byte       // options of IPv4
	Prefer       Preference   // which of several sources
}

// Fill makes s what is to be sent from src, which may be the zero Addr, to dst.
func (o *Options) Fill(s *Send, proto wire.Protocol, src, dst netip.Addr) {
	s.Src, s.Dst, s.Protocol, s.Options, s.Out = src, dst, proto, o.IP, o.Out // in place: this is done for each datagram
	s.TTL, s.TOS, s.Priority, s.Fragment, s.OnLink = o.TTL, o.TOS, o.Priority, o.Fragment, o.OnLink
	s.Loop, s.AnySource, s.Prefer = false, false, o.Prefer
	if dst.IsMulticast() {
		s.TTL, s.Loop = o.MulticastTTL, !o.NoLoop
		if o.MulticastOut != nil {
			s.Out = o.MulticastOut
		}
		if !src.IsValid() {
			s.Src = o.MulticastSrc
		}
	}
}
