package socket

import (
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp"
)

// Options of IPPROTO_TCP.
const (
	TCPNoDelay     Option = "TCP_NODELAY"
	TCPCork        Option = "TCP_CORK"
	TCPKeepIdle    Option = "TCP_KEEPIDLE"  // seconds
	TCPKeepIntvl   Option = "TCP_KEEPINTVL" // seconds
	TCPKeepCnt     Option = "TCP_KEEPCNT"
	TCPMaxSeg      Option = "TCP_MAXSEG"
	TCPUserTimeout Option = "TCP_USER_TIMEOUT" // milliseconds
	TCPCongestion  Option = "TCP_CONGESTION"   // Bytes: the name
	TCPFastOpen    Option = "TCP_FASTOPEN"
	TCPQuickAck    Option = "TCP_QUICKACK"
	TCPSynCnt      Option = "TCP_SYNCNT"
	TCPDeferAccept Option = "TCP_DEFER_ACCEPT"
	TCPInfo        Option = "TCP_INFO" // Int: the state, as Linux numbers it; Socket.TCP tells the rest
)

var tcpOptions = map[Option]row{ // never written
	SOKeepAlive:    ofStream(tcp.KeepAlive),
	SOLinger:       ofStream(tcp.Linger),
	SOOOBInline:    ofStream(tcp.OOBInline),
	TCPNoDelay:     ofStream(tcp.NoDelay),
	TCPCork:        ofStream(tcp.Cork),
	TCPKeepIdle:    ofStream(tcp.KeepIdle),
	TCPKeepIntvl:   ofStream(tcp.KeepInterval),
	TCPKeepCnt:     ofStream(tcp.KeepCount),
	TCPMaxSeg:      ofStream(tcp.MaxSeg),
	TCPUserTimeout: ofStream(tcp.UserTimeout),
	TCPFastOpen:    ofStream(tcp.FastOpen),
	TCPQuickAck:    ofStream(tcp.QuickAck),
	TCPSynCnt:      ofStream(tcp.SynCount),
	TCPDeferAccept: ofStream(tcp.DeferAccept),
	TCPCongestion:  {ofTCP, setCongestion, getCongestion},
	TCPInfo:        {ofTCP, nil, constant(func(s *Socket) int { return stateNumbers[s.stream.e.State()] })},
}

// stateNumbers are the states as Linux numbers them (TCP_ESTABLISHED and so on).
var stateNumbers = [...]int{ // never written
	tcp.Established: 1, tcp.SynSent: 2, tcp.SynReceived: 3, tcp.FinWait1: 4, tcp.FinWait2: 5, tcp.TimeWait: 6,
	tcp.Closed: 7, tcp.CloseWait: 8, tcp.LastAck: 9, tcp.Listen: 10, tcp.Closing: 11,
}

func ofStream(o tcp.Option) row {
	return row{ofTCP, func(s *Socket, v Value) error { return s.stream.setOption(o, v.Int) },
		func(s *Socket) (Value, error) {
			n, err := s.stream.e.Option(o)
			return Value{Int: n}, err
		}}
}

// setOption remembers what is set, for an endpoint that may take the place of this one.
func (t *stream) setOption(o tcp.Option, v int) error {
	if err := t.e.SetOption(o, v); err != nil {
		return err
	}
	if i := slices.IndexFunc(t.set, func(s setting) bool { return s.option == o }); i >= 0 {
		t.set[i].value = v
	} else {
		t.set = append(t.set, setting{o, v})
	}
	return nil
}

// congestions are the algorithms of congestion control, by the numbers that TCP gives them.
var congestions = [...]string{"reno", "cubic"} // never written

// setCongestion says EINVAL to a name that it does not know, where Linux says ENOENT: POSIX has no such option.
func setCongestion(s *Socket, v Value) error {
	i := slices.Index(congestions[:], string(v.Bytes))
	if i < 0 {
		return errno.EINVAL
	}
	return s.stream.setOption(tcp.Congestion, i)
}

func getCongestion(s *Socket) (Value, error) {
	n, err := s.stream.e.Option(tcp.Congestion)
	if err != nil {
		return Value{}, err
	}
	return Value{Int: n, Bytes: []byte(congestions[n])}, nil
}

// buffer is SO_SNDBUF or SO_RCVBUF.
func (t *stream) buffer(send bool) (Value, error) {
	n, err := t.e.Option(bufferOption(send))
	return Value{Int: n}, err
}

func (t *stream) setBuffer(send bool, octets int) error {
	return t.setOption(bufferOption(send), octets)
}

func bufferOption(send bool) tcp.Option {
	if send {
		return tcp.SendBuffer
	}
	return tcp.RecvBuffer
}
