// Package arp is the table of ARP packets for IPv4 on Ethernet (RFC 826).
package arp

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
)

// Opcodes.
const (
	OpRequest = 1
	OpReply   = 2
)

// Proto is ARP.
var Proto = packet.Define("ARP", layer, 28)

// The fields, with the names that RFC 826 gives them.
var (
	HType     = packet.Uint(Proto, "ar$hrd", 0, 16)
	PType     = packet.Uint(Proto, "ar$pro", 16, 16, packet.Hex())
	HLen      = packet.Uint(Proto, "ar$hln", 32, 8)
	PLen      = packet.Uint(Proto, "ar$pln", 40, 8)
	Op        = packet.Uint(Proto, "ar$op", 48, 16, packet.Named(map[uint]string{OpRequest: "request", OpReply: "reply"}))
	SenderMAC = packet.LinkAddr(Proto, "ar$sha", 64, 48)
	SenderIP  = packet.IP(Proto, "ar$spa", 112, 32)
	TargetMAC = packet.LinkAddr(Proto, "ar$tha", 144, 48)
	TargetIP  = packet.IP(Proto, "ar$tpa", 192, 32)
)

// Packet is any ARP packet.
func Packet(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// Request asks who has ip. It is broadcast.
func Request(ip netip.Addr, conds ...packet.Cond) packet.Template {
	return Proto.Layer(append([]packet.Cond{Op.Is(OpRequest), TargetIP.Is(ip)}, conds...)...)
}

// Reply is any reply.
func Reply(conds ...packet.Cond) packet.Template {
	return Proto.Layer(append([]packet.Cond{Op.Is(OpReply)}, conds...)...)
}

// Probe asks whether anybody has ip, without claiming it (RFC 5227, 1.1).
func Probe(ip netip.Addr, conds ...packet.Cond) packet.Template {
	return Request(ip, append([]packet.Cond{SenderIP.Is(netip.IPv4Unspecified())}, conds...)...)
}

// Announcement claims ip (RFC 5227, 1.1).
func Announcement(ip netip.Addr, conds ...packet.Cond) packet.Template {
	return Request(ip, append([]packet.Cond{SenderIP.Is(ip)}, conds...)...)
}

func summary(h, _ []byte) string {
	if len(h) < 28 {
		return "ARP"
	}
	spa, tpa := netip.AddrFrom4([4]byte(h[14:18])), netip.AddrFrom4([4]byte(h[24:28]))
	switch op := int(h[6])<<8 | int(h[7]); op {
	case OpRequest:
		switch {
		case spa.IsUnspecified():
			return fmt.Sprintf("ARP probe who-has %s", tpa)
		case spa == tpa:
			return fmt.Sprintf("ARP announcement of %s", spa)
		}
		return fmt.Sprintf("ARP request who-has %s tell %s", tpa, spa)
	case OpReply:
		return fmt.Sprintf("ARP reply %s is-at %s", spa, net.HardwareAddr(h[8:14]))
	default:
		return fmt.Sprintf("ARP op %d from %s for %s", op, spa, tpa)
	}
}

func init() {
	Proto.Rules = packet.Rules{
		Below:     func(packet.Env) *packet.Proto { return ethernet.Proto },
		EtherType: 0x0806,
		Defaults: func(env packet.Env, _ *packet.Layer) []packet.Cond {
			conds := []packet.Cond{HType.Is(1), PType.Is(0x0800), HLen.Is(6), PLen.Is(4), SenderMAC.Is(env.Local.MAC)}
			if env.Local.IP4.IsValid() {
				conds = append(conds, SenderIP.Is(env.Local.IP4))
			}
			if env.Peer.IP4.IsValid() {
				conds = append(conds, TargetIP.Is(env.Peer.IP4))
			}
			return conds
		},
		LinkDst: func(_ packet.Env, l *packet.Layer) net.HardwareAddr {
			if op, ok := packet.Get(l, Op); ok && op == OpRequest {
				return ethernet.Broadcast
			}
			return nil
		},
		Summary: summary,
	}
}
