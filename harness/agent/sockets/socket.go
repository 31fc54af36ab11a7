//go:build linux

package sockets

import (
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

const maxDatagram = 65535 // octets that recv takes when the request does not say

var (
	families = map[string]int{"": unix.AF_INET, "inet": unix.AF_INET, "inet6": unix.AF_INET6, "packet": unix.AF_PACKET}
	types    = map[string]int{"": unix.SOCK_DGRAM, "dgram": unix.SOCK_DGRAM, "stream": unix.SOCK_STREAM, "raw": unix.SOCK_RAW}
)

// A socket is one socket of the kernel. Its file is registered with Go's poller, so that waiting costs no thread and
// closing ends every wait.
type socket struct {
	file          *os.File
	raw           syscall.RawConn
	family, kind  int
	reads, writes line
}

// openSocket opens a socket in the network namespace of the calling thread.
func openSocket(family, kind string, protocol int) (*socket, error) {
	f, ok := families[family]
	if !ok {
		return nil, unix.EAFNOSUPPORT
	}
	k, ok := types[kind]
	if !ok {
		return nil, unix.ESOCKTNOSUPPORT
	}
	if f == unix.AF_PACKET {
		protocol = int(networkOrder(protocol))
	}
	fd, err := unix.Socket(f, k|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, err
	}
	if k != unix.SOCK_STREAM && f != unix.AF_PACKET { // so that recv can tell the destination address
		level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
		if f == unix.AF_INET6 {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
		}
		if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
			unix.Close(fd)
			return nil, err
		}
	}
	return newSocket(fd, f, k)
}

// newSocket takes over a descriptor that does not block.
func newSocket(fd, family, kind int) (s *socket, err error) {
	s = &socket{file: os.NewFile(uintptr(fd), "socket"), family: family, kind: kind}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// control runs f on the descriptor.
func (s *socket) control(f func(fd int) error) error {
	var err error
	if closed := s.raw.Control(func(fd uintptr) { err = f(int(fd)) }); closed != nil {
		return closed
	}
	return err
}

func (s *socket) bind(r agent.Request) agent.Reply {
	if s.family == unix.AF_PACKET {
		return s.bindLink(r.Link)
	}
	to := r.Local
	var local netip.AddrPort
	err := s.control(func(fd int) (err error) {
		address, err := s.sockaddr(to)
		if err != nil {
			return err
		}
		if err := unix.Bind(fd, address); err != nil {
			return err
		}
		local = localOf(fd)
		return nil
	})
	return reply(agent.Reply{Local: local}, err)
}

// connect is connect(2); without an address it is to one of AF_UNSPEC.
func connect(fd int, to unix.Sockaddr) error {
	if to != nil {
		return unix.Connect(fd, to)
	}
	none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	if _, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unix.SizeofSockaddrInet4); errno != 0 {
		return errno
	}
	return nil
}

func (a *Agent) dial(op *agent.Op, s *socket) {
	var address unix.Sockaddr
	var err error
	if op.Request.Remote.IsValid() {
		address, err = s.sockaddr(op.Request.Remote)
	}
	var local netip.AddrPort
	if err == nil {
		err = s.control(func(fd int) error {
			err := connect(fd, address)
			local = localOf(fd)
			return err
		})
	}
	if err == nil {
		a.end(op, agent.Reply{Local: local})
		return
	}
	if err != unix.EINPROGRESS || has(op.Request.Flags, "MSG_DONTWAIT") {
		a.end(op, reply(agent.Reply{Local: local}, err))
		return
	}
	a.begin(op, s, &s.writes, s.raw.Write, func(fd int) (agent.Reply, bool) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, err := unix.Poll(poll, 0); n == 0 || err == unix.EINTR {
			return agent.Reply{}, true
		}
		if errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || errno != 0 {
			if err == nil {
				err = syscall.Errno(errno)
			}
			return fail(err), false
		}
		if _, err := unix.Getpeername(fd); err == unix.ENOTCONN { // the poller woke us for an older reason
			return agent.Reply{}, true
		}
		return agent.Reply{Local: localOf(fd)}, false
	})
}
