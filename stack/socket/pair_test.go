package socket_test

import (
	"bytes"
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

func TestPairIsAStreamWithABound(t *testing.T) {
	p := newPair(t, config.Config{SocketBuffer: 300})
	a, b, err := p.a.Sockets.Pair()
	p.ok("pair", err)
	told := 0
	a.OnReady(func() { told++ })
	n, err := a.SendMsg(bytes.Repeat([]byte("x"), 500), socket.Out{})
	if n != 300 || err != nil {
		t.Errorf("sent %d, %v; want what there is room for", n, err)
	}
	_, err = a.SendMsg([]byte("x"), socket.Out{})
	p.fails("full", err, errno.EAGAIN)
	if e := a.Poll(); e != 0 {
		t.Errorf("full, it is ready for %#x", e)
	}
	p.ok("SO_RCVBUF", b.SetOption(socket.SORcvBuf, socket.Value{Int: 400}))
	if v, err := a.GetOption(socket.SOSndBuf); v != 400 || err != nil {
		t.Errorf("SO_SNDBUF %d, %v: it is the other end's room", v, err)
	}
	p.ok("SO_SNDBUF", a.SetOption(socket.SOSndBuf, socket.Value{Int: 300}))
	buf := make([]byte, 200)
	for _, f := range []socket.Flags{socket.Peek, 0} {
		if m, err := b.RecvMsg(buf, f); m.N != 200 || m.Len != 300 || err != nil {
			t.Errorf("read %+v, %v", m, err)
		}
	}
	if told != 1 || a.Poll() != socket.Writing {
		t.Errorf("told %d times that there is room, ready for %#x", told, a.Poll())
	}
	if n, err := b.Ioctl(socket.FIONRead, 0); n != 100 || err != nil {
		t.Errorf("FIONREAD %d, %v", n, err)
	}
	p.ok("shutdown", a.Shutdown(socket.Write))
	p.fails("send behind it", a.Send([]byte("x")), errno.EPIPE)
	if m, err := b.Recv(buf); m.N != 100 || err != nil {
		t.Errorf("read %+v, %v", m, err)
	}
	p.reads("the end", b, 0, "")
	_, err = a.Recv(buf)
	p.fails("nothing came back", err, errno.EAGAIN)
	p.ok("the other half", b.Send([]byte("back")))
	p.ok("close", b.Close())
	p.reads("what was sent before", a, 0, "back")
	p.reads("the end", a, 0, "")
	if e := a.Poll(); e&socket.HangUp == 0 {
		t.Errorf("ready for %#x", e)
	}
	p.fails("shutdown without the other end", a.Shutdown(socket.Read), errno.ENOTCONN)
}

// What is never read is an error to the one who sent it.
func TestPairReset(t *testing.T) {
	p := newPair(t, config.Config{})
	a, b, err := p.a.Sockets.Pair()
	p.ok("pair", err)
	p.ok("send", a.Send([]byte("lost")))
	p.ok("close", b.Close())
	if e := a.Poll(); e&(socket.Err|socket.HangUp) != socket.Err|socket.HangUp {
		t.Errorf("ready for %#x", e)
	}
	_, err = a.Recv(make([]byte, 1))
	p.fails("reset", err, errno.ECONNRESET)
	p.reads("then the end", a, 0, "")
	p.fails("send", a.Send([]byte("x")), errno.EPIPE)
	c, d, err := p.a.Sockets.Pair()
	p.ok("pair", err)
	p.ok("shutdown", d.Shutdown(socket.Read))
	p.fails("to one that reads no more", c.Send([]byte("x")), errno.EPIPE)
}
