// Package errno holds the errors of socket calls, by their POSIX names, the same on every system that the stack runs on.
// EDOM and ESOCKTNOSUPPORT are those of Linux and BSD.
package errno

import (
	"errors"

	"github.com/conform-stack/conform/stack/ip"
)

// An Errno is the error of a socket call. Its zero value is none of them.
type Errno uint8

const (
	EACCES Errno = 1 + iota
	EADDRINUSE
	EADDRNOTAVAIL
	EAFNOSUPPORT
	EAGAIN
	EALREADY
	EBADF
	EBUSY
	ECANCELED
	ECONNABORTED
	ECONNREFUSED
	ECONNRESET
	EDESTADDRREQ
	EDOM
	EHOSTUNREACH
	EINPROGRESS
	EINVAL
	EISCONN
	EMFILE
	EMSGSIZE
	ENETDOWN
	ENETRESET
	ENETUNREACH
	ENOBUFS
	ENODEV
	ENOENT
	ENOMEM
	ENOPROTOOPT
	ENOSYS
	ENOTCONN
	ENXIO
	EOPNOTSUPP
	EPERM
	EPIPE
	EPROTO
	EPROTONOSUPPORT
	EPROTOTYPE
	ESOCKTNOSUPPORT
	ETIMEDOUT
	numErrnos
)

var names = [numErrnos]string{ // never written
	"", "EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EAGAIN", "EALREADY", "EBADF", "EBUSY", "ECANCELED",
	"ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EDESTADDRREQ", "EDOM", "EHOSTUNREACH", "EINPROGRESS", "EINVAL",
	"EISCONN", "EMFILE", "EMSGSIZE", "ENETDOWN", "ENETRESET", "ENETUNREACH", "ENOBUFS", "ENODEV", "ENOENT", "ENOMEM",
	"ENOPROTOOPT", "ENOSYS", "ENOTCONN", "ENXIO", "EOPNOTSUPP", "EPERM", "EPIPE", "EPROTO", "EPROTONOSUPPORT",
	"EPROTOTYPE", "ESOCKTNOSUPPORT", "ETIMEDOUT",
}

// Error gives the POSIX name.
func (e Errno) Error() string {
	if e > 0 && e < numErrnos {
		return names[e]
	}
	return "unknown errno"
}

// Of is the Errno of an error of the stack; 0 for nil.
func Of(err error) Errno {
	var e Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e
	case errors.Is(err, ip.ErrNoRoute):
		return ENETUNREACH
	case errors.Is(err, ip.ErrBadSource):
		return EADDRNOTAVAIL
	case errors.Is(err, ip.ErrTooBig):
		return EMSGSIZE
	case errors.Is(err, ip.ErrNoBuffer):
		return ENOBUFS
	case errors.Is(err, ip.ErrDown):
		return ENETDOWN
	}
	return EINVAL
}

// OfFate is the Errno by which a socket learns of a datagram's fate; 0 for one that it need not learn of.
func OfFate(f ip.Fate) Errno {
	switch f {
	case ip.NetUnreachable:
		return ENETUNREACH
	case ip.PortUnreachable:
		return ECONNREFUSED
	case ip.ProtocolUnreachable:
		return ENOPROTOOPT
	case ip.TooBig:
		return EMSGSIZE
	case ip.SourceRouteFailed:
		return EOPNOTSUPP
	case ip.ParameterProblem, ip.UnknownError:
		return EPROTO
	case ip.HostUnreachable, ip.Prohibited, ip.TimeExceeded:
		return EHOSTUNREACH
	}
	return 0
}
