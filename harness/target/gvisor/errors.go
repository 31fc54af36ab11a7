package gvisor

import (
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// errno is the POSIX name of an error, as gVisor's sentry translates it for programs. An error that has none keeps its
// words.
func errno(err tcpip.Error) string {
	switch err.(type) {
	case *tcpip.ErrAborted, *tcpip.ErrClosedForSend:
		return "EPIPE"
	case *tcpip.ErrAddressFamilyNotSupported:
		return "EAFNOSUPPORT"
	case *tcpip.ErrAlreadyBound, *tcpip.ErrInvalidEndpointState, *tcpip.ErrInvalidOptionValue, *tcpip.ErrInvalidPortRange,
		*tcpip.ErrMalformedHeader, *tcpip.ErrUnknownProtocol:
		return "EINVAL"
	case *tcpip.ErrAlreadyConnecting:
		return "EALREADY"
	case *tcpip.ErrConnectStarted:
		return "EINPROGRESS"
	case *tcpip.ErrAlreadyConnected:
		return "EISCONN"
	case *tcpip.ErrBadAddress, *tcpip.ErrBadBuffer:
		return "EFAULT"
	case *tcpip.ErrBadLocalAddress:
		return "EADDRNOTAVAIL"
	case *tcpip.ErrBroadcastDisabled:
		return "EACCES"
	case *tcpip.ErrConnectionRefused:
		return "ECONNREFUSED"
	case *tcpip.ErrConnectionAborted:
		return "ECONNABORTED"
	case *tcpip.ErrConnectionReset:
		return "ECONNRESET"
	case *tcpip.ErrDestinationRequired:
		return "EDESTADDRREQ"
	case *tcpip.ErrHostDown:
		return "EHOSTDOWN"
	case *tcpip.ErrHostUnreachable:
		return "EHOSTUNREACH"
	case *tcpip.ErrMessageTooLong:
		return "EMSGSIZE"
	case *tcpip.ErrNetworkUnreachable:
		return "ENETUNREACH"
	case *tcpip.ErrNoBufferSpace:
		return "ENOBUFS"
	case *tcpip.ErrNoNet:
		return "ENONET"
	case *tcpip.ErrNoPortAvailable, *tcpip.ErrWouldBlock:
		return "EAGAIN"
	case *tcpip.ErrNotConnected:
		return "ENOTCONN"
	case *tcpip.ErrNotPermitted:
		return "EPERM"
	case *tcpip.ErrNotSupported:
		return "EOPNOTSUPP"
	case *tcpip.ErrPortInUse:
		return "EADDRINUSE"
	case *tcpip.ErrTimeout:
		return "ETIMEDOUT"
	case *tcpip.ErrUnknownDevice, *tcpip.ErrUnknownNICID:
		return "ENODEV"
	case *tcpip.ErrUnknownProtocolOption:
		return "ENOPROTOOPT"
	}
	return fmt.Sprint(err)
}
