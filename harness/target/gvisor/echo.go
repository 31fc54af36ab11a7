package gvisor

import (
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// An echo is the UDP echo service of RFC 862: each datagram goes back to where it came from.
type echo struct {
	conn *gonet.UDPConn
	over chan struct{}
}

// newEcho listens on all addresses of the stack: those of IPv4, or of both families.
func newEcho(s *stack.Stack, port uint16, of6 bool) (*echo, error) {
	network := ipv4.ProtocolNumber
	if of6 {
		network = ipv6.ProtocolNumber
	}
	conn, err := gonet.DialUDP(s, &tcpip.FullAddress{Port: port}, nil, network)
	if err != nil {
		return nil, fmt.Errorf("the echo service cannot listen: %w", err)
	}
	e := &echo{conn: conn, over: make(chan struct{})}
	go e.run()
	return e, nil
}

func (e *echo) run() {
	defer close(e.over)
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := e.conn.ReadFrom(buf)
		if err != nil {
			return // closed
		}
		e.conn.WriteTo(buf[:n], from) // an answer that cannot be sent is one that gets lost
	}
}

func (e *echo) close() {
	e.conn.Close()
	<-e.over
}
