//go:build linux

package sockets

import (
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// sockaddr is a in the socket's family; without an address it is the unspecified one.
func (s *socket) sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	addr := a.Addr()
	switch {
	case s.family == unix.AF_INET && !addr.IsValid():
		return &unix.SockaddrInet4{Port: int(a.Port())}, nil
	case s.family == unix.AF_INET && addr.Unmap().Is4():
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: addr.Unmap().As4()}, nil
	case s.family == unix.AF_INET6 && !addr.IsValid():
		return &unix.SockaddrInet6{Port: int(a.Port())}, nil
	case s.family == unix.AF_INET6:
		zone, err := interfaceIndex(addr.Zone())
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: addr.As16(), ZoneId: zone}, err
	}
	return nil, unix.EAFNOSUPPORT
}

// interfaceIndex reads a zone, which is an index: names belong to a namespace, and this thread may be in another.
func interfaceIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	index, err := strconv.ParseUint(zone, 10, 32)
	if err != nil {
		return 0, unix.EINVAL
	}
	return uint32(index), nil
}

// addrPort is the zero AddrPort for a nil address, as streams give it.
func addrPort(s unix.Sockaddr) netip.AddrPort {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(s.Addr)
		if s.ZoneId != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(s.ZoneId), 10))
		}
		return netip.AddrPortFrom(addr, uint16(s.Port))
	}
	return netip.AddrPort{}
}

func localOf(fd int) netip.AddrPort {
	s, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(s)
}
