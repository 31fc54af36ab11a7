package tcp

import (
	"cmp"
	"time"

	"github.com/conform-stack/conform/stack/errno"
)

// settings are what the user of an endpoint has set.
type settings struct {
	noDelay, cork, keepAlive, oobInline, quickAck bool
	fastOpen, deferAccept, adoptTimeout           bool
	keepIdle, keepInterval                        time.Duration
	keepCount, synCount                           int
	maxSeg                                        int
	userTimeout                                   time.Duration // 0: as configured; negative: none
	tellTimeout                                   bool          // RFC 5482: the user has set it, so the peer learns of it
	linger                                        time.Duration // negative: off
	sendBuffer, recvBuffer                        int           // 0: as configured, and growing; noBuffer: none
	congestion                                    int
}

// settings are what an endpoint begins with.
func (t *TCP) settings() settings {
	s := settings{
		noDelay: !t.c.Nagle.On(), adoptTimeout: t.c.AdoptTimeout.On(),
		keepIdle: t.c.KeepIdle, keepInterval: t.c.KeepInterval, keepCount: t.c.KeepCount,
		synCount: t.c.SynRetries, linger: -1,
	}
	if t.c.Congestion == "cubic" {
		s.congestion = 1
	}
	return s
}

// settings are those of the connection, once there is one.
func (e *Endpoint) settings() *settings {
	if e.conn != nil {
		return &e.conn.set
	}
	return &e.set
}

const (
	minBuffer = 256 // the least that SendBuffer sets, and RecvBuffer, which may be none as well
	noBuffer  = -1
)

// SetOption sets an option. EINVAL says that it does not take the value, ENOPROTOOPT that there is none of the name.
func (e *Endpoint) SetOption(o Option, v int) error {
	if e.closed {
		return errno.EBADF
	}
	s, c := e.settings(), e.conn
	on := v != 0
	switch o {
	case NoDelay:
		s.noDelay = on
	case Cork:
		s.cork = on
	case KeepAlive:
		s.keepAlive = on
	case OOBInline:
		s.oobInline = on
	case QuickAck:
		s.quickAck = on
	case DeferAccept:
		s.deferAccept = on
	case AdoptTimeout:
		s.adoptTimeout = on
	case FastOpen:
		s.fastOpen = on
	case KeepIdle:
		return setSeconds(c, &s.keepIdle, v, 32767)
	case KeepInterval:
		return setSeconds(c, &s.keepInterval, v, 32767)
	case KeepCount:
		return setCount(&s.keepCount, v, 127)
	case SynCount:
		return setCount(&s.synCount, v, 127)
	case MaxSeg:
		if v < 64 || v > 65495 {
			return errno.EINVAL
		}
		s.maxSeg = v
	case UserTimeout:
		if v < 0 {
			return errno.EINVAL
		}
		s.userTimeout, s.tellTimeout = time.Duration(v)*time.Millisecond, v > 0
	case Linger:
		if s.linger = -1; v >= 0 {
			s.linger = time.Duration(v) * time.Second
		}
	case SendBuffer:
		if v < 0 {
			return errno.EINVAL
		}
		s.sendBuffer = min(max(v, minBuffer), e.tcp.c.SendBufferMax)
	case RecvBuffer:
		if v < 0 {
			return errno.EINVAL
		}
		if s.recvBuffer = min(max(v, minBuffer), e.tcp.c.RecvBufferMax); v == 0 {
			s.recvBuffer = noBuffer
		}
	case Congestion:
		if v < 0 || v >= len(congestionNames) {
			return errno.EINVAL
		}
		s.congestion = v
	default:
		return errno.ENOPROTOOPT
	}
	if c != nil {
		c.settingChanged(o)
	}
	return nil
}

// settingChanged makes a setting of a connection take effect that does more than wait for its use.
func (c *conn) settingChanged(o Option) {
	switch o {
	case NoDelay, Cork, UserTimeout, MaxSeg:
		c.tellTimeout = c.tellTimeout || o == UserTimeout && c.set.tellTimeout
		c.userTimeoutChanged()
		c.measure()
		c.output()
	case KeepAlive, KeepIdle:
		c.keepRestart()
	case QuickAck:
		if c.set.quickAck && c.timerSet(ackTimer) {
			c.ackTimeout()
		}
	case Congestion:
		c.setCongestion()
	case RecvBuffer:
		c.rcv.capacity = max(c.set.recvBuffer, 0)
		c.windowOpened()
	case SendBuffer:
		c.notifyWritable()
	}
}

func setSeconds(c *conn, d *time.Duration, v, most int) error {
	if v < 1 || v > most {
		return errno.EINVAL
	}
	*d = time.Duration(v) * time.Second
	return nil
}

func setCount(n *int, v, most int) error {
	if v < 1 || v > most {
		return errno.EINVAL
	}
	*n = v
	return nil
}

// Option reads an option.
func (e *Endpoint) Option(o Option) (int, error) {
	if e.closed {
		return 0, errno.EBADF
	}
	s := e.settings()
	switch o {
	case NoDelay:
		return toInt(s.noDelay), nil
	case Cork:
		return toInt(s.cork), nil
	case KeepAlive:
		return toInt(s.keepAlive), nil
	case OOBInline:
		return toInt(s.oobInline), nil
	case QuickAck:
		return toInt(s.quickAck), nil
	case DeferAccept:
		return toInt(s.deferAccept), nil
	case AdoptTimeout:
		return toInt(s.adoptTimeout), nil
	case FastOpen:
		return toInt(s.fastOpen), nil
	case KeepIdle:
		return int(s.keepIdle / time.Second), nil
	case KeepInterval:
		return int(s.keepInterval / time.Second), nil
	case KeepCount:
		return s.keepCount, nil
	case SynCount:
		return s.synCount, nil
	case MaxSeg:
		if e.conn != nil && e.conn.state.synchronized() {
			return e.conn.snd.mss, nil
		}
		return cmp.Or(s.maxSeg, e.tcp.defaultMSS(e.family)), nil
	case UserTimeout:
		return int(max(s.userTimeout, 0) / time.Millisecond), nil
	case Linger:
		if s.linger < 0 {
			return -1, nil
		}
		return int(s.linger / time.Second), nil
	case SendBuffer:
		if e.conn != nil {
			return e.conn.sendCapacity(), nil
		}
		return cmp.Or(s.sendBuffer, e.tcp.c.SendBuffer), nil
	case RecvBuffer:
		if e.conn != nil {
			return e.conn.rcv.capacity, nil
		}
		return max(cmp.Or(s.recvBuffer, e.tcp.c.RecvBuffer), 0), nil
	case Congestion:
		return s.congestion, nil
	}
	return 0, errno.ENOPROTOOPT
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// congestionNames are the values of Congestion.
var congestionNames = [...]string{"reno", "cubic"} // never written
