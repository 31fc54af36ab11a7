package bench

import (
	"bytes"
	"io"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/pipe"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// gvisorLane is a lane of gVisor's: goroutines of its own process segments, and wake those who wait.
type gvisorLane struct {
	in             network
	client, server *stack.Stack
	listener       *gvisorEnd
	block          []byte
}

// gvisorEnd is an endpoint, and what wakes who waits for it.
type gvisorEnd struct {
	tcpip.Endpoint
	queue *waiter.Queue
	wake  chan struct{}
}

func gvisorLaneOf(tb testing.TB, in network, mtu int) lane {
	near, far := pipe.New("\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", uint32(mtu)+14)
	l := &gvisorLane{in: in, client: gvisorNode(tb, near, in, 1), server: gvisorNode(tb, far, in, 2), block: make([]byte, block)}
	meet(tb, l.client, in, 2)
	meet(tb, l.server, in, 1)
	for _, s := range []*stack.Stack{l.client, l.server} {
		wait := tcpip.TCPTimeWaitTimeoutOption(0)
		sack := tcpip.TCPSACKEnabled(true)
		moderate := tcpip.TCPModerateReceiveBufferOption(true)
		for _, o := range []tcpip.SettableTransportProtocolOption{&wait, &sack, &moderate} {
			if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
				tb.Fatal(err)
			}
		}
	}
	l.listener = gvisorStream(tb, l.server, in)
	if err := l.listener.Bind(tcpip.FullAddress{Addr: gvisorAddr(in, 2), Port: port}); err != nil {
		tb.Fatal(err)
	}
	if err := l.listener.Listen(1024); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.listener.Close)
	return l
}

func gvisorStream(tb testing.TB, s *stack.Stack, in network) *gvisorEnd {
	q := new(waiter.Queue)
	e, err := s.NewEndpoint(tcp.ProtocolNumber, numberOf(in), q)
	if err != nil {
		tb.Fatal(err)
	}
	return newGvisorEnd(e, q)
}

func newGvisorEnd(e tcpip.Endpoint, q *waiter.Queue) *gvisorEnd {
	x := &gvisorEnd{Endpoint: e, queue: q}
	entry, wake := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.WritableEvents | waiter.EventHUp | waiter.EventErr)
	x.wake = wake
	q.EventRegister(&entry)
	return x
}

// until calls try until it does not say that it would block.
func (x *gvisorEnd) until(tb testing.TB, try func() tcpip.Error) {
	for {
		err := try()
		switch err.(type) {
		case nil:
			return
		case *tcpip.ErrWouldBlock:
			select {
			case <-x.wake:
			case <-time.After(10 * time.Second):
				tb.Fatal("nothing goes on")
			}
		default:
			tb.Fatal(err)
		}
	}
}

func (l *gvisorLane) dial(tb testing.TB) (client, server end) {
	c := gvisorStream(tb, l.client, l.in)
	if err := c.Connect(tcpip.FullAddress{Addr: gvisorAddr(l.in, 2), Port: port}); err != nil {
		if _, begun := err.(*tcpip.ErrConnectStarted); !begun {
			tb.Fatal(err)
		}
	}
	s := l.accept(tb)
	c.SocketOptions().SetDelayOption(false)
	s.SocketOptions().SetDelayOption(false)
	for c.Readiness(waiter.WritableEvents) == 0 {
		<-c.wake
	}
	return c, s
}

func (l *gvisorLane) accept(tb testing.TB) (s *gvisorEnd) {
	l.listener.until(tb, func() tcpip.Error {
		e, q, err := l.listener.Accept(nil)
		if err == nil {
			s = newGvisorEnd(e, q)
		}
		return err
	})
	return s
}

func (l *gvisorLane) move(tb testing.TB, from, to end, n int) {
	f, t := from.(*gvisorEnd), to.(*gvisorEnd)
	read := make(chan struct{})
	reads := func() {
		defer close(read)
		for got := 0; got < n; {
			t.until(tb, func() tcpip.Error {
				r, err := t.Read(io.Discard, tcpip.ReadOptions{})
				got += r.Count
				return err
			})
		}
	}
	if n > block/4 {
		go reads()
	} else { // the buffers hold it
		defer reads()
	}
	var in bytes.Reader
	for left := n; left > 0; {
		in.Reset(l.block[:min(block, left)])
		f.until(tb, func() tcpip.Error {
			k, err := f.Write(&in, tcpip.WriteOptions{})
			left -= int(k)
			return err
		})
	}
	if n > block/4 {
		<-read
	}
}

func (l *gvisorLane) cycle(tb testing.TB) {
	client, server := l.dial(tb)
	c, s := client.(*gvisorEnd), server.(*gvisorEnd)
	c.Close()
	for s.Readiness(waiter.EventRdHUp|waiter.EventHUp) == 0 {
		if _, err := s.Read(io.Discard, tcpip.ReadOptions{}); err != nil {
			if _, wait := err.(*tcpip.ErrWouldBlock); !wait {
				break
			}
			<-s.wake
		}
	}
	s.Close()
	for s.Endpoint.(interface{ EndpointState() tcp.EndpointState }).EndpointState() != tcp.StateClose {
		select {
		case <-s.wake:
		case <-time.After(time.Millisecond):
		}
	}
}

func (l *gvisorLane) segments() uint64 {
	t := l.client.Stats().TCP
	return t.SegmentsSent.Value() + t.ValidSegmentsReceived.Value()
}
