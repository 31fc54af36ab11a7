package socket_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

func TestOpen(t *testing.T) {
	p := newPair(t, config.Config{Sockets: 2})
	y := p.a.Sockets
	for _, tt := range []struct {
		name     string
		family   socket.Family
		typ      socket.Type
		protocol int
		want     errno.Errno
		then     int // SO_PROTOCOL
	}{
		{"UDP by default", socket.Inet, socket.Dgram, 0, 0, 17},
		{"UDP by name", socket.Inet, socket.Dgram, 17, 0, 17},
		{"TCP by default", socket.Inet, socket.Stream, 0, 0, 6},
		{"TCP by name", socket.Inet, socket.Stream, 6, 0, 6},
		{"raw ICMP", socket.Inet, socket.Raw, 1, 0, 1},
		{"frames", socket.Packet, socket.Raw, socket.EtherTypeAll, 0, socket.EtherTypeAll},
		{"content of frames", socket.Packet, socket.Dgram, 0x800, 0, 0x800},
		{"streams of frames", socket.Packet, socket.Stream, 0, errno.ESOCKTNOSUPPORT, 0},
		{"TCP in datagrams", socket.Inet, socket.Dgram, 6, errno.EPROTOTYPE, 0},
		{"UDP in a stream", socket.Inet, socket.Stream, 17, errno.EPROTOTYPE, 0},
		{"a protocol that nobody has", socket.Inet, socket.Stream, 99, errno.EPROTONOSUPPORT, 0},
		{"no protocol number", socket.Inet, socket.Raw, 256, errno.EINVAL, 0},
		{"a negative one", socket.Inet, socket.Raw, -1, errno.EINVAL, 0},
		{"no type", socket.Inet, 9, 0, errno.ESOCKTNOSUPPORT, 0},
		{"no family", 77, socket.Dgram, 0, errno.EAFNOSUPPORT, 0},
		{"pairs are not opened", socket.Unix, socket.Stream, 0, errno.EAFNOSUPPORT, 0},
	} {
		s, err := y.Open(tt.family, tt.typ, tt.protocol)
		if p.fails(tt.name, err, tt.want); err != nil {
			continue
		}
		if v, err := s.GetOption(socket.SOProtocol); v != tt.then || err != nil {
			t.Errorf("%s: SO_PROTOCOL %d, %v; want %d", tt.name, v, err, tt.then)
		}
		p.ok(tt.name, s.Close())
	}
	p.open(p.a, socket.Dgram, 0)
	if _, _, err := y.Pair(); err != errno.EMFILE {
		t.Errorf("a pair where there is room for one: %v, want EMFILE", err)
	}
	p.open(p.a, socket.Stream, 0)
	_, err := y.Open(socket.Inet, socket.Raw, 1)
	p.fails("one too many", err, errno.EMFILE)
}

// Every call on a closed socket is EBADF.
func TestClosed(t *testing.T) {
	p := newPair(t, config.Config{})
	for _, typ := range []socket.Type{socket.Dgram, socket.Stream, socket.Raw} {
		s := p.open(p.a, typ, 0)
		p.ok("close", s.Close())
		_, recv := s.Recv(nil)
		_, accept := s.Accept()
		_, get := s.GetOption(socket.SOType)
		_, ioctl := s.Ioctl(socket.FIONRead, 0)
		for what, err := range map[string]error{
			"close": s.Close(), "bind": s.Bind(at(addrA, 1)), "connect": s.Connect(at(addrB, 1)), "listen": s.Listen(1), "accept": accept,
			"send": s.Send(nil), "recv": recv, "shutdown": s.Shutdown(socket.Both), "get": get, "ioctl": ioctl,
			"set": s.SetOption(socket.SOType, socket.Value{}), "error": s.TakeError(), "bind to a link": s.BindLink(socket.LinkAddr{}),
		} {
			if what == "bind to a link" && typ != socket.Raw {
				continue
			}
			p.fails(what, err, errno.EBADF)
		}
		if e := s.Poll(); e != socket.Invalid {
			t.Errorf("ready for %#x, want POLLNVAL", e)
		}
	}
}

// What a kind of socket does not do.
func TestCallsOfOtherKinds(t *testing.T) {
	p := newPair(t, config.Config{})
	udp, link := p.open(p.a, socket.Dgram, 0), func() *socket.Socket {
		s, err := p.a.Sockets.Open(socket.Packet, socket.Raw, 0)
		p.ok("open", err)
		return s
	}()
	one, _, err := p.a.Sockets.Pair()
	p.ok("pair", err)
	stream := p.open(p.a, socket.Stream, 0)
	buf := make([]byte, 1)
	recv := func(s *socket.Socket, f socket.Flags) error {
		_, err := s.RecvMsg(buf, f)
		return err
	}
	send := func(s *socket.Socket, f socket.Flags) error {
		_, err := s.SendMsg(buf, socket.Out{To: netip.AddrPort{}, Flags: f})
		return err
	}
	_, accept := udp.Accept()
	_, idle := stream.Accept()
	_, linkName := udp.LocalLink()
	_, mark := udp.Ioctl(socket.SIOCAtMark, 0)
	for _, tt := range []struct {
		what string
		err  error
		want errno.Errno
	}{
		{"listen on UDP", udp.Listen(1), errno.EOPNOTSUPP},
		{"accept on UDP", accept, errno.EOPNOTSUPP},
		{"accept without listen", idle, errno.EINVAL},
		{"urgent data of UDP", recv(udp, socket.OOB), errno.EOPNOTSUPP},
		{"urgent data to UDP", func() error {
			_, err := udp.SendMsg(nil, socket.Out{To: at(addrB, 1), Flags: socket.OOB})
			return err
		}(), errno.EOPNOTSUPP},
		{"shutdown of UDP without a peer", udp.Shutdown(socket.Read), errno.ENOTCONN},
		{"no half", udp.Shutdown(9), errno.EINVAL},
		{"a link to UDP", udp.BindLink(socket.LinkAddr{}), errno.EAFNOSUPPORT},
		{"the link of UDP", linkName, errno.EAFNOSUPPORT},
		{"the mark of UDP", mark, errno.EINVAL},
		{"send on a stream without a peer", send(stream, 0), errno.ENOTCONN},
		{"recv on a stream without a peer", recv(stream, 0), errno.ENOTCONN},
		{"shutdown of a stream without a peer", stream.Shutdown(socket.Both), errno.ENOTCONN},
		{"a stream to nobody", stream.Connect(netip.AddrPort{}), errno.EAFNOSUPPORT},
		{"a stream to a group", stream.Connect(netip.MustParseAddrPort("239.1.2.3:1")), errno.ENETUNREACH},
		{"a stream bound to a group", stream.Bind(netip.MustParseAddrPort("239.1.2.3:1")), errno.EADDRNOTAVAIL},
		{"an address for a link", link.Bind(at(addrA, 1)), errno.EAFNOSUPPORT},
		{"connect of a link", link.Connect(netip.AddrPort{}), errno.EOPNOTSUPP},
		{"shutdown of a link", link.Shutdown(socket.Read), errno.EOPNOTSUPP},
		{"no such interface", link.BindLink(socket.LinkAddr{Index: 9}), errno.ENODEV},
		{"a frame to no interface", send(link, 0), errno.ENXIO},
		{"urgent data to a link", send(link, socket.OOB), errno.EOPNOTSUPP},
		{"a pair that has a peer", one.Connect(netip.AddrPort{}), errno.EISCONN},
		{"an address for a pair", one.Bind(netip.AddrPort{}), errno.EINVAL},
		{"urgent data of a pair", recv(one, socket.OOB), errno.EOPNOTSUPP},
		{"urgent data to a pair", send(one, socket.OOB), errno.EOPNOTSUPP},
		{"listen on a pair", one.Listen(1), errno.EOPNOTSUPP},
	} {
		p.fails(tt.what, tt.err, tt.want)
	}
}

func TestDisconnect(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.udp(p.a, 7)
	p.ok("connect", s.Connect(at(addrB, 9)))
	if l := s.Local(); l != at(addrA, 7) {
		t.Errorf("connected, it is bound to %v", l)
	}
	p.ok("disconnect", s.Connect(netip.AddrPort{}))
	_, err := s.Peer()
	p.fails("the peer", err, errno.ENOTCONN)
	if l := s.Local(); l != at(netip.IPv4Unspecified(), 7) {
		t.Errorf("bound to %v after it, want all addresses again", l)
	}
}

// SHUT_RD ends reading behind what has come, SHUT_WR sending.
func TestShutdownOfDatagrams(t *testing.T) {
	p := newPair(t, config.Config{})
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	p.ok("connect", a.Connect(at(addrB, 7)))
	p.sends(b, "last", socket.Out{To: at(addrA, 7)})
	told := 0
	a.OnReady(func() { told++ })
	p.ok("shutdown", a.Shutdown(socket.Read))
	p.reads("what had come", a, 0, "last")
	p.reads("the end", a, 0, "")
	if e := a.Poll(); told != 1 || e != socket.In|socket.Writing|socket.PeerClosed {
		t.Errorf("told %d times, ready for %#x", told, e)
	}
	p.ok("shutdown", a.Shutdown(socket.Write))
	p.fails("send", a.Send(nil), errno.EPIPE)
	if e := a.Poll(); e&socket.HangUp == 0 {
		t.Errorf("ready for %#x, want POLLHUP when both halves are closed", e)
	}
}

func TestStreams(t *testing.T) {
	p := newPair(t, config.Config{})
	l := p.listener(p.b, 80)
	a := p.open(p.a, socket.Stream, 0)
	_, err := l.Accept()
	p.fails("accept, when nobody has called", err, errno.EAGAIN)
	p.fails("connect", a.Connect(at(addrB, 80)), errno.EINPROGRESS)
	p.fails("connect again", a.Connect(at(addrB, 80)), errno.EALREADY)
	_, err = a.Peer()
	p.fails("the peer, before there is a connection", err, errno.ENOTCONN)
	p.advance(time.Second)
	p.fails("connect when connected", a.Connect(at(addrB, 80)), errno.EISCONN)
	b, err := l.Accept()
	p.ok("accept", err)
	if peer, err := b.Peer(); peer != a.Local() || err != nil || b.Local() != at(addrB, 80) {
		t.Errorf("accepted from %v to %v, %v; want from %v", peer, b.Local(), err, a.Local())
	}
	p.sends(a, "hello", socket.Out{})
	if n, err := b.Ioctl(socket.FIONRead, 0); n != 5 || err != nil {
		t.Errorf("FIONREAD %d, %v; want 5", n, err)
	}
	_, err = l.Ioctl(socket.FIONRead, 0)
	p.fails("FIONREAD of a listener", err, errno.EINVAL)
	p.reads("peeked", b, socket.Peek, "hello")
	p.reads("read", b, 0, "hello")
	_, err = b.Recv(make([]byte, 1))
	p.fails("nothing is left", err, errno.EAGAIN)
	_, err = b.SendMsg([]byte("x"), socket.Out{To: at(addrA, 9)})
	p.fails("to an address, when connected", err, errno.EISCONN)

	p.sends(a, "ab!", socket.Out{Flags: socket.OOB})
	if e := b.Poll(); e&socket.Pri == 0 {
		t.Errorf("ready for %#x, want POLLPRI", e)
	}
	p.reads("up to the mark", b, 0, "ab")
	if n, err := b.Ioctl(socket.SIOCAtMark, 0); n != 1 || err != nil {
		t.Errorf("SIOCATMARK %d, %v; want 1", n, err)
	}
	if m := p.reads("the urgent octet", b, socket.OOB, "!"); m.Flags != socket.OOB {
		t.Errorf("flags %#x, want MSG_OOB", m.Flags)
	}

	p.ok("shutdown", a.Shutdown(socket.Write))
	p.fails("send behind it", a.Send([]byte("x")), errno.EPIPE)
	p.advance(time.Second)
	p.reads("the end", b, 0, "")
	p.sends(b, "the other half is open", socket.Out{})
	p.reads("the other half is open", a, 0, "the other half is open")
	p.ok("close", b.Close())
	p.ok("close", a.Close())
	p.advance(time.Hour)
}

// A connection that nobody takes, one that is refused, one that is reset.
func TestStreamErrors(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.open(p.a, socket.Stream, 0)
	p.fails("connect", s.Connect(at(addrB, 81)), errno.EINPROGRESS)
	p.advance(time.Second)
	if e := s.Poll(); e&(socket.Err|socket.HangUp|socket.Writing) != socket.Err|socket.HangUp|socket.Writing {
		t.Errorf("refused, it is ready for %#x", e)
	}
	if v, err := s.GetOption(socket.SOError); errno.Errno(v) != errno.ECONNREFUSED || err != nil {
		t.Errorf("SO_ERROR %v, %v; want ECONNREFUSED", errno.Errno(v), err)
	}
	if v, _ := s.GetOption(socket.SOError); v != 0 {
		t.Errorf("SO_ERROR %v the second time", errno.Errno(v))
	}

	s = p.open(p.a, socket.Stream, 0)
	p.fails("connect", s.Connect(at(netip.MustParseAddr("192.0.2.77"), 80)), errno.EINPROGRESS)
	p.advance(time.Hour)
	if err := s.TakeError(); err != errno.EHOSTUNREACH && err != errno.ETIMEDOUT {
		t.Errorf("nobody is there: %v", err)
	}

	a, b := p.streams()
	p.ok("SO_LINGER", b.SetOption(socket.SOLinger, socket.Value{Int: 0}))
	p.ok("close", b.Close())
	p.advance(time.Second)
	_, err := a.Recv(make([]byte, 1))
	p.fails("reset", err, errno.ECONNRESET)
	p.fails("send after it", a.Send([]byte("x")), errno.EPIPE)

	l := p.listener(p.b, 90)
	other := p.open(p.b, socket.Stream, 0)
	p.fails("a port that somebody listens at", other.Bind(at(addrB, 90)), errno.EADDRINUSE)
	p.fails("bound already", l.Bind(at(addrB, 91)), errno.EINVAL)
	p.fails("connect of a listener", l.Connect(at(addrA, 80)), errno.EOPNOTSUPP)
}

// A connection waits in the listener until there is a socket for it.
func TestAcceptBeyondTheBound(t *testing.T) {
	p := newPair(t, config.Config{Sockets: 2})
	l, spare := p.listener(p.b, 80), p.open(p.b, socket.Dgram, 0)
	a := p.open(p.a, socket.Stream, 0)
	_ = a.Connect(at(addrB, 80))
	p.advance(time.Second)
	_, err := l.Accept()
	p.fails("too many sockets", err, errno.EMFILE)
	p.ok("close", spare.Close())
	_, err = l.Accept()
	p.ok("accept", err)
}

// A datagram of this host to a port of its own that nobody has: the error comes by the loopback interface.
func TestRefusedByThisHost(t *testing.T) {
	p := newPair(t, config.Config{})
	for _, a := range []netip.Addr{addrA, netip.MustParseAddr("127.0.0.1")} {
		s := p.open(p.a, socket.Dgram, 0)
		p.ok("connect", s.Connect(at(a, 9)))
		p.ok("send", s.Send([]byte("x")))
		p.advance(time.Second)
		p.fails(a.String(), s.TakeError(), errno.ECONNREFUSED)
	}
}

// A stream that has to choose a port keeps to the range that it was given, by connect and by listen.
func TestStreamsKeepToTheirPorts(t *testing.T) {
	p := newPair(t, config.Config{})
	for range 20 {
		s := p.open(p.a, socket.Stream, 0)
		p.ok("range", s.SetOption(socket.IPLocalPortRange, socket.Value{Int: 1019<<16 | 1000}))
		p.fails("connect", s.Connect(at(addrB, 80)), errno.EINPROGRESS)
		if port := s.Local().Port(); port < 1000 || port > 1019 {
			t.Errorf("port %d", port)
		}
	}
	s := p.open(p.a, socket.Stream, 0)
	p.ok("range", s.SetOption(socket.IPLocalPortRange, socket.Value{Int: 2000<<16 | 2000}))
	p.ok("bind", s.Bind(at(netip.IPv4Unspecified(), 0)))
	if port := s.Local().Port(); port != 2000 {
		t.Errorf("port %d, want 2000", port)
	}
	other := p.open(p.a, socket.Stream, 0)
	p.ok("range", other.SetOption(socket.IPLocalPortRange, socket.Value{Int: 2000<<16 | 2000}))
	p.fails("no port is left", other.Bind(at(netip.IPv4Unspecified(), 0)), errno.EADDRINUSE)
	p.advance(time.Hour)
}
