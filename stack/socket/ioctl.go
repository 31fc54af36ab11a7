package socket

import "github.com/conform-stack/conform/stack/errno"

// A Request is a control of a socket that is no option (ioctl).
type Request string

const (
	FIONRead   Request = "FIONREAD"   // octets that can be read; of a datagram socket, those of the next datagram
	FIONBIO    Request = "FIONBIO"    // sets O_NONBLOCK, when the value is not 0
	SIOCAtMark Request = "SIOCATMARK" // 1 when the next octet of a stream is the one that urgent data stood at
	SIOCOutQ   Request = "SIOCOUTQ"   // octets of a stream that the peer has not acknowledged
)

// Ioctl makes a request. EINVAL says that this socket has no such request.
func (s *Socket) Ioctl(r Request, value int) (int, error) {
	if s.closed {
		return 0, errno.EBADF
	}
	switch r {
	case FIONRead:
		if s.stream != nil && s.stream.listens() {
			return 0, errno.EINVAL
		}
		return s.endpoint.pending(), nil
	case FIONBIO:
		s.nonblock = value != 0
		return 0, nil
	}
	if s.stream == nil {
		return 0, errno.EINVAL
	}
	return s.stream.ioctl(r)
}

// SetNonBlocking sets O_NONBLOCK (fcntl), for blocking layers to look at.
func (s *Socket) SetNonBlocking(on bool) { s.nonblock = on }

// Blocks tells blocking layers whether a call with some flags is to wait.
func (s *Socket) Blocks(f Flags) bool { return !s.nonblock && f&DontWait == 0 }

// NonBlocking tells whether O_NONBLOCK is set.
func (s *Socket) NonBlocking() bool { return s.nonblock }
