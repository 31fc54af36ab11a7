//go:build linux

package linux

import (
	"fmt"
	"net"
)

// An echo is the UDP echo service of RFC 862: each datagram goes back to where it came from.
type echo struct {
	conn *net.UDPConn
	over chan struct{}
}

// newEcho listens on all addresses of the calling thread's namespace: those of IPv4, or of both families.
func newEcho(port int, ipv6 bool) (*echo, error) {
	network := "udp4"
	if ipv6 {
		network = "udp"
	}
	conn, err := net.ListenUDP(network, &net.UDPAddr{Port: port})
	if err != nil {
		return nil, fmt.Errorf("the echo service cannot listen: %w", err)
	}
	e := &echo{conn: conn, over: make(chan struct{})}
	go func() {
		defer close(e.over)
		buf := make([]byte, 65535)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return // closed
			}
			conn.WriteToUDPAddrPort(buf[:n], from) // an answer that cannot be sent is one that gets lost
		}
	}()
	return e, nil
}

func (e *echo) close() error {
	err := e.conn.Close()
	<-e.over
	return err
}
