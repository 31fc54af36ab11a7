package socket

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/inbox"
)

// A Control is one piece of ancillary data (struct cmsghdr), by the name of its type.
//
//	IP_PKTINFO, IPV6_PKTINFO    Addr the destination, Index the interface; to send: the source and the interface
//	IP_TTL, IPV6_HOPLIMIT       Int
//	IP_TOS, IPV6_TCLASS         Int
//	IP_RECVOPTS                 Bytes; received only
//	SO_TIMESTAMP                Time, by the loop's clock, in whole microseconds; received only
//	SO_TIMESTAMPNS              the same, to the nanosecond
//	SCM_TIMESTAMPING            the same
//	IP_RECVERR, IPV6_RECVERR    Failure; received only, with ErrQueue
type Control struct {
	Type    Option
	Int     int
	Addr    netip.Addr
	Index   int
	Bytes   []byte
	Time    time.Duration
	Failure inbox.Failure
}

// Types of ancillary data that are no options.
const (
	IPV6HopLimit    Option = "IPV6_HOPLIMIT"
	IPV6PktInfo     Option = "IPV6_PKTINFO"
	ScmTimestamping Option = "SCM_TIMESTAMPING"
)

// recorder is an endpoint that gives records of failures.
type recorder interface{ lastRecord() inbox.Failure }

// wants are the kinds of ancillary data that a socket asks for, a bit each.
type wants uint16

const (
	wantPktInfo wants = 1 << iota
	wantPktInfo6
	wantTTL
	wantHopLimit
	wantTOS
	wantTClass
	wantOptions
	wantTimestamp
	wantTimestampNS
	wantTimestamping
)

// appendControl adds the ancillary data of a message. What tells of IPv4 comes with datagrams of IPv4 only, and likewise
// for IPv6; but IPV6_PKTINFO comes with both (RFC 3493, 3.7: as mapped addresses).
func (s *Socket) appendControl(all []Control, m *Message) []Control {
	if m.Flags&ErrQueue != 0 {
		t := IPRecvErr
		if s.family == Inet6 {
			t = IPV6RecvErr
		}
		return append(all, Control{Type: t, Failure: s.endpoint.(recorder).lastRecord()})
	}
	if m.In == nil {
		return all
	}
	v4 := m.To.Is4() || m.To.Is4In6()
	info := Control{Addr: m.To.WithZone(""), Index: m.In.Index}
	if s.want&wantPktInfo6 != 0 {
		info.Type = IPV6PktInfo
		all = append(all, info)
	}
	if s.want&wantPktInfo != 0 && v4 {
		info.Type, info.Addr = IPPktInfo, m.To.Unmap()
		all = append(all, info)
	}
	for _, w := range [...]struct {
		want wants
		v4   bool
		t    Option
		v    uint8
	}{
		{wantTTL, true, IPTTL, m.TTL},
		{wantHopLimit, false, IPV6HopLimit, m.TTL},
		{wantTOS, true, IPTOS, m.TOS},
		{wantTClass, false, IPV6TClass, m.TOS},
	} {
		if s.want&w.want != 0 && v4 == w.v4 {
			all = append(all, Control{Type: w.t, Int: int(w.v)})
		}
	}
	if s.want&wantOptions != 0 && m.Options != nil {
		all = append(all, Control{Type: IPRecvOpts, Bytes: m.Options})
	}
	if s.want&wantTimestamp != 0 {
		all = append(all, Control{Type: SOTimestamp, Time: m.At.Truncate(time.Microsecond)})
	}
	if s.want&wantTimestampNS != 0 {
		all = append(all, Control{Type: SOTimestampNS, Time: m.At})
	}
	if s.want&wantTimestamping != 0 {
		all = append(all, Control{Type: ScmTimestamping, Time: m.At})
	}
	return all
}

// applyControl makes the options those of one message, for as long as it is sent.
func (s *Socket) applyControl(c *Control) error {
	switch c.Type {
	case IPPktInfo, IPV6PktInfo:
		if c.Index != 0 {
			in := s.system.byIndex(c.Index)
			switch {
			case in == nil:
				return errno.ENODEV
			case s.options.Out != nil && s.options.Out != in: // RFC 3542, 6.7
				return errno.EINVAL
			}
			s.useInterface(in)
		}
		if a := c.Addr; a.IsValid() && !a.IsUnspecified() {
			if c.Index != 0 && a.Is6() && a.IsLinkLocalUnicast() {
				a = a.WithZone(s.options.Out.Name)
			}
			if s.mayBind(a, false) != nil {
				return errno.EINVAL // RFC 3542, 6.2, of an address that is none of the interface's
			}
			if s.family == Inet6 && a.Is4() {
				a = netip.AddrFrom16(a.As16())
			}
			s.out.from = a
		}
	case IPTTL:
		if c.Int < 1 || c.Int > 255 {
			return errno.EINVAL
		}
		s.options.TTL, s.options.MulticastTTL = uint8(c.Int), uint8(c.Int)
	case IPV6HopLimit:
		if c.Int < -1 || c.Int > 255 { // RFC 3542, 6.3
			return errno.EINVAL
		}
		s.options.TTL, s.options.MulticastTTL = hops(c.Int), hops(c.Int)
	case IPTOS, IPV6TClass:
		if c.Int < -1 || c.Int > 255 {
			return errno.EINVAL
		}
		s.options.TOS = uint8(max(c.Int, 0))
	default:
		return errno.EINVAL
	}
	return nil
}

func (s *Socket) useInterface(in *iface.Iface) {
	s.options.Out, s.options.MulticastOut = in, in
}

// hops is a hop limit in which -1 means the default, as 0 does in ip.Options.
func hops(n int) uint8 { return uint8(max(n, 0)) }
