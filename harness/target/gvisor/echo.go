package gvisor

import (
	"bytes"
	"fmt"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// An echo is the UDP echo service of RFC 862: each datagram goes back to where it came from.
type echo struct {
	endpoint tcpip.Endpoint
	woken    atomic.Bool // something may have come
}

// newEcho listens on all addresses of the stack: those of IPv4, or of both families.
func newEcho(s *stack.Stack, port uint16, of6 bool) (*echo, error) {
	network := ipv4.ProtocolNumber
	if of6 {
		network = ipv6.ProtocolNumber
	}
	e, ready := &echo{}, &waiter.Queue{}
	entry := waiter.NewFunctionEntry(waiter.ReadableEvents, func(waiter.EventMask) { e.woken.Store(true) })
	ready.EventRegister(&entry)
	var err tcpip.Error
	if e.endpoint, err = s.NewEndpoint(udp.ProtocolNumber, network, ready); err != nil {
		return nil, fmt.Errorf("the echo service has no socket: %s", err)
	}
	if err := e.endpoint.Bind(tcpip.FullAddress{Port: port}); err != nil {
		e.endpoint.Close()
		return nil, fmt.Errorf("the echo service cannot listen: %s", err)
	}
	return e, nil
}

// serve answers what has come. It is false when nothing has.
func (e *echo) serve() bool {
	if !e.woken.Swap(false) {
		return false
	}
	for {
		var data bytes.Buffer
		got, err := e.endpoint.Read(&data, tcpip.ReadOptions{NeedRemoteAddr: true})
		if err != nil {
			if _, none := err.(*tcpip.ErrWouldBlock); none {
				return true
			}
			continue // an ICMP error about an answer: the service goes on
		}
		e.endpoint.Write(&data, tcpip.WriteOptions{To: &got.RemoteAddr}) // an answer that cannot be sent is one that gets lost
	}
}

func (e *echo) close() { e.endpoint.Close() }
