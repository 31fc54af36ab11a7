package socket_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/socket"
)

func TestPeekAndTruncation(t *testing.T) {
	p := newPair(t, config.Config{})
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	p.sends(a, "datagram", socket.Out{To: at(addrB, 7)})
	p.sends(a, "next", socket.Out{To: at(addrB, 7)})
	if n, err := b.Ioctl(socket.FIONRead, 0); n != 8 || err != nil {
		t.Errorf("FIONREAD %d, %v; want the length of the first", n, err)
	}
	buf := make([]byte, 4)
	for _, f := range []socket.Flags{socket.Peek, socket.Peek | socket.Trunc, socket.DontWait} {
		m, err := b.RecvMsg(buf, f)
		if err != nil || m.N != 4 || m.Len != 8 || !m.Truncated || string(buf) != "data" || m.From != at(addrA, 7) {
			t.Errorf("flags %#x: %+v, %v", f, m, err)
		}
	}
	p.reads("the rest is lost", b, 0, "next")
	_, err := b.RecvMsg(buf, socket.DontWait)
	p.fails("nothing waits", err, errno.EAGAIN)
	p.sends(a, "", socket.Out{To: at(addrB, 7)})
	if m := p.reads("an empty one", b, 0, ""); m.From != at(addrA, 7) {
		t.Errorf("an empty datagram from %v", m.From)
	}
	p.ok("SO_SNDBUF", a.SetOption(socket.SOSndBuf, socket.Value{Int: 1000}))
	p.fails("more than the send buffer", a.SendTo(make([]byte, 1001), at(addrB, 7)), errno.EMSGSIZE)
}

// Each option asks for one piece; without any there is none.
func TestControlReceived(t *testing.T) {
	p := newPair(t, config.Config{})
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	p.ok("TTL", a.SetOption(socket.IPTTL, socket.Value{Int: 9}))
	p.ok("TOS", a.SetOption(socket.IPTOS, socket.Value{Int: 0xb8}))
	p.ok("options", a.SetOption(socket.IPOptions, socket.Value{Bytes: []byte{148, 4, 0, 0}}))
	eth := p.b.InterfaceByName("eth0").Index
	p.sends(a, "first", socket.Out{To: at(addrB, 7)}) // ARP comes before it
	if m := p.reads("unasked", b, 0, "first"); m.Control != nil {
		t.Errorf("unasked: %+v", m.Control)
	}
	for _, tt := range []struct {
		ask, get socket.Option
		value    int
		want     socket.Control
	}{
		{socket.IPPktInfo, socket.IPPktInfo, 1, socket.Control{Addr: addrB, Index: eth}},
		{socket.IPRecvTTL, socket.IPTTL, 1, socket.Control{Int: 9}},
		{socket.IPRecvTOS, socket.IPTOS, 1, socket.Control{Int: 0xb8}},
		{socket.IPRecvOpts, socket.IPRecvOpts, 1, socket.Control{Bytes: []byte{148, 4, 0, 0}}},
		{socket.SOTimestamp, socket.SOTimestamp, 1, socket.Control{}},
		{socket.SOTimestampNS, socket.SOTimestampNS, 1, socket.Control{}},
		{socket.SOTimestamping, socket.ScmTimestamping, socket.TimestampingRxSoftware | socket.TimestampingSoftware, socket.Control{}},
	} {
		p.ok(string(tt.ask), b.SetOption(tt.ask, socket.Value{Int: tt.value}))
		sent := p.loop.Now()
		p.sends(a, "x", socket.Out{To: at(addrB, 7)})
		m := p.reads(string(tt.ask), b, 0, "x")
		tt.want.Type = tt.get
		if tt.get == socket.SOTimestamp || tt.get == socket.SOTimestampNS || tt.get == socket.ScmTimestamping {
			tt.want.Time = sent + time.Millisecond
		}
		if len(m.Control) != 1 || !same(m.Control[0], tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.ask, m.Control, tt.want)
		}
		p.ok(string(tt.ask), b.SetOption(tt.ask, socket.Value{}))
	}
}

func same(a, b socket.Control) bool {
	return a.Type == b.Type && a.Int == b.Int && a.Addr == b.Addr && a.Index == b.Index && a.Time == b.Time && slices.Equal(a.Bytes, b.Bytes)
}

// Ancillary data is for one datagram only.
func TestControlSent(t *testing.T) {
	p := newPair(t, config.Config{})
	second := netip.MustParseAddr("192.0.2.11")
	p.ok("a second address", p.a.AddAddress(p.a.InterfaceByName("eth0"), netip.PrefixFrom(second, 24)))
	p.advance(time.Second)
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	eth := p.a.InterfaceByName("eth0").Index
	send := func(c ...socket.Control) error {
		_, err := a.SendMsg([]byte("x"), socket.Out{To: at(addrB, 7), Control: c})
		p.advance(10 * time.Millisecond)
		return err
	}
	p.ok("sent", send(
		socket.Control{Type: socket.IPTTL, Int: 3}, socket.Control{Type: socket.IPTOS, Int: 0x20},
		socket.Control{Type: socket.IPPktInfo, Addr: second, Index: eth}))
	if m := p.reads("with all", b, 0, "x"); m.TTL != 3 || m.TOS != 0x20 || m.From != at(second, 7) {
		t.Errorf("%+v", m)
	}
	p.ok("sent", send())
	if m := p.reads("with none", b, 0, "x"); m.TTL != 64 || m.TOS != 0 || m.From != at(addrA, 7) {
		t.Errorf("%+v", m)
	}
	for _, tt := range []struct {
		c    socket.Control
		want errno.Errno
	}{
		{socket.Control{Type: socket.IPTTL, Int: 0}, errno.EINVAL},
		{socket.Control{Type: socket.IPTTL, Int: 256}, errno.EINVAL},
		{socket.Control{Type: socket.IPTOS, Int: 256}, errno.EINVAL},
		{socket.Control{Type: socket.IPPktInfo, Index: 99}, errno.ENODEV},
		{socket.Control{Type: socket.IPPktInfo, Addr: addrB}, errno.EINVAL},
		{socket.Control{Type: "IP_NONSENSE"}, errno.EINVAL},
		{socket.Control{Type: socket.IPPktInfo, Index: 1}, errno.ENETUNREACH}, // by the loopback interface
	} {
		p.fails(string(tt.c.Type), send(tt.c), tt.want)
	}
	p.ok("bound to the device", a.SetOption(socket.SOBindToDevice, socket.Value{Bytes: []byte("eth0")}))
	p.fails("by another device", send(socket.Control{Type: socket.IPPktInfo, Index: 1}), errno.EINVAL)
	_, err := a.SendMsg(nil, socket.Out{To: netip.MustParseAddrPort("8.8.8.8:9"), Flags: socket.DontRoute})
	p.fails("to neighbours only", err, errno.ENETUNREACH)
}

// IP_RECVERR: the record tells what was sent, to whom, and what became of it.
func TestErrorQueue(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.udp(p.a, 7)
	read := func() (socket.Message, string, error) {
		b := make([]byte, 100)
		m, err := s.RecvMsg(b, socket.ErrQueue)
		return m, string(b[:m.N]), err
	}
	p.sends(s, "lost", socket.Out{To: at(addrB, 9)})
	_, _, err := read()
	p.fails("unasked", err, errno.EAGAIN)
	p.ok("IP_RECVERR", s.SetOption(socket.IPRecvErr, socket.Value{Int: 1}))
	told := 0
	s.OnReady(func() { told++ })
	p.sends(s, "lost", socket.Out{To: at(addrB, 9)})
	if e := s.Poll(); told != 1 || e != socket.Err|socket.Writing {
		t.Errorf("told %d times, ready for %#x; want POLLERR", told, e)
	}
	m, data, err := read()
	if err != nil || m.Flags != socket.ErrQueue || m.From != at(addrB, 9) || data != "lost" || len(m.Control) != 1 {
		t.Fatalf("read %q, %+v, %v", data, m, err)
	}
	want := inbox.Failure{Err: errno.ECONNREFUSED, Peer: at(addrB, 9), From: addrB, Type: 3, Code: 3}
	f := m.Control[0].Failure
	f.Data = nil
	if m.Control[0].Type != socket.IPRecvErr || f.Err != want.Err || f.Peer != want.Peer || f.From != want.From || f.Type != want.Type || f.Code != want.Code {
		t.Errorf("record %+v, want %+v", f, want)
	}
	_, err = s.Recv(nil)
	p.fails("the error itself", err, errno.ECONNREFUSED)
	_, _, err = read()
	p.fails("one record", err, errno.EAGAIN)
	if e := s.Poll(); e != socket.Writing {
		t.Errorf("ready for %#x at the end", e)
	}
}

// MSG_MORE makes one datagram of several calls; the first says where it goes.
func TestMoreOfADatagram(t *testing.T) {
	p := newPair(t, config.Config{})
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	p.sends(a, "one ", socket.Out{To: at(addrB, 7), Flags: socket.More})
	p.sends(a, "two ", socket.Out{To: at(addrB, 8), Flags: socket.More})
	_, err := b.Recv(nil)
	p.fails("not yet", err, errno.EAGAIN)
	p.sends(a, "three", socket.Out{})
	p.reads("as one", b, 0, "one two three")
	p.sends(a, "four", socket.Out{To: at(addrB, 7)})
	p.reads("by itself again", b, 0, "four")
	p.sends(a, "lost", socket.Out{Flags: socket.More})
	_, err = a.SendMsg(nil, socket.Out{})
	p.fails("to nobody", err, errno.EDESTADDRREQ)
	p.ok("SO_SNDBUF", a.SetOption(socket.SOSndBuf, socket.Value{Int: 300}))
	p.sends(a, "half", socket.Out{To: at(addrB, 7), Flags: socket.More})
	_, err = a.SendMsg(make([]byte, 297), socket.Out{})
	p.fails("more than fits", err, errno.EMSGSIZE)
	p.sends(a, "", socket.Out{})
	p.reads("what did", b, 0, "half")
}

// A datagram that is larger than its path takes is an error at once, and a record of it with the MTU.
func TestTooBigIsRecorded(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.udp(p.a, 7)
	p.ok("IP_RECVERR", s.SetOption(socket.IPRecvErr, socket.Value{Int: 1}))
	p.ok("IP_MTU_DISCOVER", s.SetOption(socket.IPMTUDiscover, socket.Value{Int: socket.PMTUDo}))
	big := make([]byte, 1473)
	n, err := s.SendMsg(big, socket.Out{To: at(addrB, 9)})
	if p.fails("too big", err, errno.EMSGSIZE); n != 0 {
		t.Errorf("%d octets are taken with an error", n)
	}
	m, err := s.RecvMsg(make([]byte, 2000), socket.ErrQueue)
	p.ok("the record", err)
	f := m.Control[0].Failure
	if m.N != len(big) || m.From != at(addrB, 9) || f.Err != errno.EMSGSIZE || f.MTU != 1500 || f.From.IsValid() {
		t.Errorf("%d octets to %v, %+v", m.N, m.From, f)
	}
	p.ok("told once", s.TakeError())
	p.sends(s, string(big[1:]), socket.Out{To: at(addrB, 9)})
}

// Of the two forms of SO_TIMESTAMP the one that was set last holds.
func TestTimesComeInOneForm(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.udp(p.a, 7)
	for _, o := range []socket.Option{socket.SOTimestamp, socket.SOTimestampNS, socket.SOTimestamp} {
		if err := s.SetOption(o, socket.Value{Int: 1}); err != nil {
			t.Fatal(err)
		}
		for _, other := range []socket.Option{socket.SOTimestamp, socket.SOTimestampNS} {
			if v, err := s.GetValue(other); err != nil || v.Int != 0 != (other == o) {
				t.Errorf("after %s was set %s is %d, %v", o, other, v.Int, err)
			}
		}
	}
}
