package bench

import (
	"bytes"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/link/pipe"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// gvisorStack is gVisor's netstack as it comes, but for neighbours, which it trusts for good: its clock is real, and no
// probe shall fall into a measurement.
var gvisorStack = subject{name: "gvisor", answered: gvisorAnswered, echo: gvisorEcho, forward: gvisorForward, lane: gvisorLaneOf}

const (
	nic  = tcpip.NICID(1)
	port = 7 // RFC 862
)

// gvisorAnswered has a channel below the node, which keeps the frames that are sent until they are asked for.
func gvisorAnswered(tb testing.TB, in network, frame []byte) work {
	link := channel.New(8, 1514, tcpip.LinkAddress(nodeMAC))
	s := gvisorNode(tb, link, in, 2)
	answers, last := 0, []byte(nil)
	send := func(frame []byte) {
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
		link.InjectInbound(0, p) // the frame's own header says which protocol
		p.DecRef()
		for out := link.Read(); out != nil; out = link.Read() {
			answers++
			last = last[:0]
			for _, b := range out.AsSlices() {
				last = append(last, b...)
			}
			out.DecRef()
		}
	}
	if in.six() {
		know(tb, s, in, 1, tcpip.LinkAddress(testerMAC))
	} else {
		send(arpRequest())
	}
	return work{
		run:  func() { send(frame) },
		done: func() int { return answers },
		last: func() []byte { return last },
	}
}

// gvisorEcho has a pipe between the nodes, which delivers within the sender's call: a datagram that was sent has
// arrived.
func gvisorEcho(tb testing.TB, net network, size, window int) work {
	near, far := pipe.New("\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", 1514)
	clientNode, serverNode := gvisorNode(tb, near, net, 1), gvisorNode(tb, far, net, 2)
	meet(tb, clientNode, net, 2)
	meet(tb, serverNode, net, 1)
	client, server := gvisorSocket(tb, clientNode, net), gvisorSocket(tb, serverNode, net)
	service := tcpip.FullAddress{Addr: gvisorAddr(net, 2), Port: port}
	if err := server.Bind(service); err != nil {
		tb.Fatal(err)
	}
	if err := client.Connect(service); err != nil {
		tb.Fatal(err)
	}
	var (
		echoes      int
		there, back bytes.Buffer
		fromThere   = tcpip.ReadOptions{NeedRemoteAddr: true}
		data        = message(size)
		in          bytes.Reader
		send        = func(e tcpip.Endpoint, b []byte, to *tcpip.FullAddress) {
			in.Reset(b)
			if n, err := e.Write(&in, tcpip.WriteOptions{To: to}); err != nil || n != int64(len(b)) {
				tb.Fatalf("%d of %d octets sent: %v", n, len(b), err)
			}
		}
	)
	return work{
		run: func() {
			for range window {
				send(client, data, nil)
			}
			for range window {
				there.Reset()
				r, err := server.Read(&there, fromThere)
				if err != nil {
					tb.Fatal(err)
				}
				send(server, there.Bytes(), &r.RemoteAddr)
			}
			for range window {
				back.Reset()
				if _, err := client.Read(&back, tcpip.ReadOptions{}); err != nil {
					tb.Fatal(err)
				}
				echoes++
			}
		},
		done: func() int { return echoes },
		last: func() []byte { return back.Bytes() },
	}
}

func gvisorForward(tb testing.TB, frame []byte) work {
	near := channel.New(8, 1514, tcpip.LinkAddress(nodeMAC))
	s := gvisorNode(tb, near, net4, 2)
	far := channel.New(8, 1514, "\x02\x00\x00\x00\x01\x02")
	const farNIC = nic + 1
	if err := s.CreateNIC(farNIC, ethernet.New(far)); err != nil {
		tb.Fatal(err)
	}
	address := tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4([4]byte{198, 51, 100, 2}), PrefixLen: 24}
	if err := s.AddProtocolAddress(farNIC, tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: address}, stack.AddressProperties{}); err != nil {
		tb.Fatal(err)
	}
	s.AddRoute(tcpip.Route{Destination: address.Subnet(), NIC: farNIC})
	if err := s.AddStaticNeighbor(farNIC, ipv4.ProtocolNumber, tcpip.AddrFrom4([4]byte(farIP)), tcpip.LinkAddress(farMAC)); err != nil {
		tb.Fatal(err)
	}
	if err := s.SetForwardingDefaultAndAllNICs(ipv4.ProtocolNumber, true); err != nil {
		tb.Fatal(err)
	}
	passed, last := 0, []byte(nil)
	return work{
		run: func() {
			in := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
			near.InjectInbound(0, in) // the frame's own header says which protocol
			in.DecRef()
			for out := far.Read(); out != nil; out = far.Read() {
				passed++
				last = last[:0]
				for _, b := range out.AsSlices() {
					last = append(last, b...)
				}
				out.DecRef()
			}
		},
		done: func() int { return passed },
		last: func() []byte { return last },
	}
}

func gvisorAddr(in network, last byte) tcpip.Address {
	return tcpip.AddrFromSlice(in.host(last).AsSlice())
}

// numberOf is how gVisor calls the protocol of a network.
func numberOf(in network) tcpip.NetworkProtocolNumber {
	if in.six() {
		return ipv6.ProtocolNumber
	}
	return ipv4.ProtocolNumber
}

func gvisorNode(tb testing.TB, link stack.LinkEndpoint, in network, last byte) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{arp.NewProtocol, ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{icmp.NewProtocol4, icmp.NewProtocol6, udp.NewProtocol, tcp.NewProtocol},
		NUDConfigs:         stack.NUDConfigurations{BaseReachableTime: 1000 * time.Hour},
	})
	tb.Cleanup(s.Destroy)
	if err := s.CreateNIC(nic, ethernet.New(link)); err != nil {
		tb.Fatal(err)
	}
	address := tcpip.AddressWithPrefix{Address: gvisorAddr(in, last), PrefixLen: in.net.Bits()}
	if err := s.AddProtocolAddress(nic, tcpip.ProtocolAddress{Protocol: numberOf(in), AddressWithPrefix: address}, stack.AddressProperties{}); err != nil {
		tb.Fatal(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: address.Subnet(), NIC: nic}})
	return s
}

// meet has s resolve the link address of a neighbour.
func meet(tb testing.TB, s *stack.Stack, in network, last byte) {
	resolved := make(chan tcpip.Error, 1)
	err := s.GetLinkAddress(nic, gvisorAddr(in, last), tcpip.Address{}, numberOf(in), func(r stack.LinkResolutionResult) {
		resolved <- r.Err
	})
	if _, asked := err.(*tcpip.ErrWouldBlock); asked {
		err = <-resolved
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// know tells s the link address of a neighbour.
func know(tb testing.TB, s *stack.Stack, in network, last byte, mac tcpip.LinkAddress) {
	if err := s.AddStaticNeighbor(nic, numberOf(in), gvisorAddr(in, last), mac); err != nil {
		tb.Fatal(err)
	}
}

func gvisorSocket(tb testing.TB, s *stack.Stack, in network) tcpip.Endpoint {
	e, err := s.NewEndpoint(udp.ProtocolNumber, numberOf(in), new(waiter.Queue))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(e.Close)
	return e
}
