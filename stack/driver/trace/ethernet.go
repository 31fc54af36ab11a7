package trace

import (
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// Ethernet describes an Ethernet frame: each header that can be read, and in square brackets what is wrong.
func Ethernet(frame []byte) string {
	h, payload, err := ethernet.Parse(frame)
	if err != nil {
		return unreadable("frame", frame, err)
	}
	s := h.String() + complaint(ethernet.Verify(frame, h))
	switch h.Type {
	case ethernet.TypeARP:
		p, _, err := arp.Parse(payload)
		if err != nil {
			return s + ": " + unreadable("ARP", payload, err)
		}
		return s + ": " + p.String()
	case ethernet.TypeIPv4:
		return s + ": " + describeIPv4(payload, false)
	}
	return fmt.Sprintf("%s: %d octets", s, len(payload))
}

func describeIPv4(b []byte, quoted bool) string {
	h, payload, err := ipv4.Parse(b)
	if err != nil {
		return unreadable("IP", b, err)
	}
	s := h.String()
	if !quoted {
		s += complaint(ipv4.Verify(b, h))
	}
	if h.FragOffset != 0 {
		return s
	}
	whole := !quoted && !h.IsFragment()
	switch h.Protocol {
	case wire.ICMPv4:
		return s + ": " + describeICMP(payload, whole)
	case wire.UDP:
		u, _, err := udp.Parse(payload)
		if err != nil {
			return s + ": " + unreadable("UDP", payload, err)
		}
		s += ": " + u.String()
		if whole {
			s += complaint(udp.Verify(payload, u, h.Pseudo()))
		}
	case wire.IGMP:
		if whole {
			s += ": " + describeIGMP(payload)
		}
	}
	return s
}

func describeICMP(b []byte, whole bool) string {
	h, payload, err := icmpv4.Parse(b)
	if err != nil {
		return unreadable("ICMP", b, err)
	}
	s := h.String()
	if whole {
		s += complaint(icmpv4.Verify(b))
	}
	if h.Type.IsError() {
		return s + ", about " + describeIPv4(payload, true)
	}
	return s + fmt.Sprintf(" len %d", len(payload))
}

func describeIGMP(b []byte) string {
	if p, _, err := igmp.ParseReport(b); err == nil {
		return p.String() + complaint(igmp.Verify(b))
	}
	h, _, err := igmp.Parse(b)
	if err != nil {
		return unreadable("IGMP", b, err)
	}
	if h.Type == igmp.Query && h.Version(len(b)) == 3 {
		q, _, err := igmp.ParseQuery(b)
		if err != nil {
			return unreadable("IGMP", b, err)
		}
		return q.String() + complaint(igmp.Verify(b))
	}
	return h.String() + complaint(igmp.Verify(b))
}

func complaint(err error) string {
	if err == nil {
		return ""
	}
	return " [" + err.Error() + "]"
}

// unreadable shows the beginning of what cannot be read.
func unreadable(what string, b []byte, err error) string {
	const shown = 32
	if len(b) <= shown {
		return fmt.Sprintf("%s [%v] %x", what, err, b)
	}
	return fmt.Sprintf("%s [%v] %x... (%d octets)", what, err, b[:shown], len(b))
}
