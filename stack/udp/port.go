package udp

import (
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
)

// ephemeral picks a port at random that nobody has (RFC 6056, 3.3.1).
func (u *UDP) ephemeral(r ip.Ports) (uint16, error) {
	first, last := r.Bounds()
	n := last - first + 1
	start := u.random.IntN(n)
	for i := range n {
		if port := uint16(first + (start+i)%n); len(u.ports[port]) == 0 && !r.Avoids(port) {
			return port, nil
		}
	}
	return 0, errno.EADDRINUSE
}

// at are the endpoints that have a port.
func (u *UDP) at(port uint16) []*Endpoint {
	if u.last.port != port || u.last.endpoints == nil {
		u.last.port, u.last.endpoints = port, u.ports[port]
	}
	return u.last.endpoints
}

func (u *UDP) take(port uint16, e *Endpoint) {
	u.ports[port] = append(u.ports[port], e)
	u.last.endpoints = nil
}

func (u *UDP) giveBack(port uint16, e *Endpoint) {
	u.ports[port] = slices.DeleteFunc(u.ports[port], func(x *Endpoint) bool { return x == e })
	if len(u.ports[port]) == 0 {
		delete(u.ports, port)
	}
	u.last.endpoints = nil
}
