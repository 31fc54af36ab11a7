package gvisor

import (
	"bytes"
	"net"
	"net/netip"
	"sync"

	"github.com/conform-stack/conform/harness/target"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const queue = 1024 // frames that the channel holds; they are taken out as they come

// mtus are those of the links: behind the second one a router has to make fragments.
var mtus = [...]int{1500, 1280} // never written

// subnets are those of the links, of documentation addresses (RFC 5737).
var subnets = []netip.Prefix{ // never written
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.51.100.0/24"),
}

// A link is the harness's end of a device of the stack.
type link struct {
	net     target.Net
	nic     tcpip.NICID
	channel *channel.Endpoint

	mu   sync.Mutex // keeps frames in the order in which they were sent
	sent func(frame []byte)
}

// newLink makes the n-th link, the first one at its place. It gives each frame that the stack sends to sent, from any goroutine.
func newLink(n int, place *target.Net, sent func([]byte)) *link {
	host := func(i byte) target.Host {
		ip := subnets[n].Addr().As4()
		ip[3] = i
		return target.Host{MAC: net.HardwareAddr{0x02, 0, 0, 0, byte(n), i}, IP4: netip.AddrFrom4(ip)}
	}
	l := &link{nic: tcpip.NICID(n + 1), sent: sent, net: target.Net{
		Link: target.Ethernet, MTU: mtus[n], Ifindex: n + 1,
		Target:  host(2),
		Testers: []target.Host{host(1), host(3), host(4), host(5)},
		Prefix4: subnets[n], Unused4: host(99).IP4,
	}}
	if place != nil && n == 0 {
		l.net = *place
		l.net.MTU, l.net.Ifindex = mtus[n], n+1
	}
	l.channel = channel.New(queue, uint32(mtus[n])+header.EthernetMinimumSize, tcpip.LinkAddress(l.net.Target.MAC))
	l.channel.AddNotify(l)
	return l
}

// attach makes a device of the stack and gives it its address.
func (l *link) attach(s *stack.Stack, known *addresses) tcpip.Error {
	o := stack.NICOptions{DeliverLinkPackets: true} // as gVisor's runsc makes devices of Ethernet
	if err := s.CreateNICWithOptions(l.nic, ethernet.New(l.channel), o); err != nil {
		return err
	}
	return s.AddProtocolAddress(l.nic, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: address(l.net.Target.IP4, l.net.Prefix4),
	}, stack.AddressProperties{Disp: known.hold(l.nic, address(l.net.Target.IP4, l.net.Prefix4).Address, false)})
}

func address(ip netip.Addr, in netip.Prefix) tcpip.AddressWithPrefix {
	return tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4(ip.As4()), PrefixLen: in.Bits()}
}

// receive hands a frame to the stack, unless the device would not: it is for another station.
func (l *link) receive(frame []byte) {
	if len(frame) >= header.EthernetMinimumSize && frame[0]&1 == 0 && !bytes.Equal(frame[:6], l.net.Target.MAC) {
		return
	}
	p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
	defer p.DecRef()
	l.channel.InjectInbound(0, p) // the frame's own header says which protocol
}

// WriteNotify takes out of the channel what the stack has sent.
func (l *link) WriteNotify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := l.channel.Read(); p != nil; p = l.channel.Read() {
		l.sent(bytes.Join(p.AsSlices(), nil))
		p.DecRef()
	}
}
