package tcp_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

func unreachable(c icmpv4.Code) icmpv4.Header {
	return icmpv4.Header{Type: icmpv4.Unreachable, Code: c}
}

func TestErrorsWhileConnecting(t *testing.T) { // 3.9.2.2
	for _, tt := range []struct {
		name string
		h    icmpv4.Header
		want tcp.State
		err  error
	}{
		{"port", unreachable(icmpv4.PortUnreachable), tcp.Closed, errno.ECONNREFUSED},
		{"protocol", unreachable(icmpv4.ProtocolUnreachable), tcp.Closed, errno.ECONNREFUSED},
		{"network", unreachable(icmpv4.NetUnreachable), tcp.SynSent, nil},
		{"host", unreachable(icmpv4.HostUnreachable), tcp.SynSent, nil},
		{"source route", unreachable(icmpv4.SourceRouteFailed), tcp.SynSent, nil},
		{"time", icmpv4.Header{Type: icmpv4.TimeExceeded}, tcp.SynSent, nil},
		{"parameter", icmpv4.Header{Type: icmpv4.ParameterProblem}, tcp.SynSent, nil},
		{"quench", icmpv4.Header{Type: icmpv4.SourceQuench}, tcp.SynSent, nil}, // MUST-55
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, plain())
			e := k.open()
			e.Connect(testerAt)
			k.advance(0)
			f := k.next("SYN")
			k.show(f)
			k.icmp(tt.h, f)
			k.state(e, tt.want)
			if err := e.TakeError(); err != tt.err {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if tt.want == tcp.SynSent && tt.name != "quench" { // what the network said is told in the end
				k.advance(5 * time.Minute)
				k.frames = nil
				if err := e.TakeError(); err == nil || err == errno.ETIMEDOUT {
					t.Errorf("in the end: %v", err)
				}
			}
		})
	}
}

func TestErrorsOfAConnection(t *testing.T) { // RFC 5927
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	k.write(e, "abc")
	f := k.next("data")
	k.icmp(unreachable(icmpv4.PortUnreachable), f)
	k.icmp(unreachable(icmpv4.ProtocolUnreachable), f)
	k.state(e, tcp.Established)
	if err := e.TakeError(); err != nil {
		t.Errorf("error %v", err)
	}
	k.send(seg{flags: ack, seq: 1, ack: 4})
	k.icmp(unreachable(icmpv4.HostUnreachable), f) // of what is acknowledged
	k.write(e, "d")
	k.frames = nil
	k.advance(6 * time.Minute)
	k.frames = nil
	if err := e.TakeError(); err != errno.ECONNREFUSED {
		t.Errorf("in the end: %v, want what the network said of what was in flight", err)
	}
}

func TestPathMTU(t *testing.T) { // RFC 1191
	k := newKit(t, plain())
	e := k.accepted(mss(1460))
	e.SetOption(tcp.NoDelay, 1)
	k.write(e, strings.Repeat("a", 3000))
	f := k.next("data")
	h, _, data := k.parse(f)
	if len(data) != 1460 || h.Flags == 0 {
		t.Errorf("%d octets, flags %v; want 1460 with DF", len(data), h.Flags)
	}
	k.frames = nil
	window := e.Info().Window
	k.icmp(icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.FragmentationNeeded, Word: 1000}, f)
	sent := 0
	for len(k.frames) > 0 {
		_, _, data := k.parse(k.next("again"))
		if len(data) > 960 {
			t.Errorf("%d octets in a segment, want at most 960", len(data))
		}
		sent += len(data)
	}
	if sent < 2920 {
		t.Errorf("%d octets were sent again, want all", sent)
	}
	if i := e.Info(); i.MSS != 960 || i.Window < window/2 {
		t.Errorf("%+v", i)
	}
	k.send(seg{flags: ack, seq: 1, ack: 3001})
	k.icmp(icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.FragmentationNeeded, Word: 600}, f)
	if m := e.Info().MSS; m != 960 {
		t.Errorf("MSS %d: a message about what is acknowledged counts", m)
	}
}

func TestBlackHole(t *testing.T) { // RFC 4821, 7.7: large packets vanish without a word
	k := newKit(t, plain())
	e := k.accepted(mss(1460))
	k.write(e, strings.Repeat("a", 3000))
	got := uint32(1)
	for range 100 {
		k.advance(time.Second)
		for len(k.frames) > 0 {
			_, h, data := k.parse(k.next(""))
			if len(data) <= 1240 && h.Seq-k.iss <= got && len(data) > 0 {
				got = max(got, h.Seq-k.iss+uint32(len(data)))
				k.send(seg{flags: ack, seq: 1, ack: got})
			}
		}
	}
	if got != 3001 {
		t.Errorf("%d octets went through", got-1)
	}
	if e.State() != tcp.Established {
		t.Error(e.State())
	}
}

func TestECN(t *testing.T) { // RFC 3168, 6.1
	c := plain()
	c.TCP.ECN = config.On
	k := newKit(t, c)
	l := k.listen(1)
	k.send(seg{flags: syn | segment.ECE | segment.CWR, opt: mss(1000)})
	k.want("SYN,ACK agrees", "[SE.] 0 ack 1 win 65535 mss 1460")
	k.send(seg{flags: ack, seq: 1, ack: 1})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	k.write(e, strings.Repeat("a", 20000))
	n := uint32(0)
	for len(k.frames) > 0 {
		h, _, data := k.parse(k.next("data"))
		if h.TOS&3 != 2 {
			t.Errorf("ECN field %d, want ECT(0)", h.TOS&3)
		}
		n += uint32(len(data))
	}
	before := e.Info().Window
	k.send(seg{flags: ack | segment.ECE, seq: 1, ack: 1001})
	if w := e.Info().Window; w > before/2+1000 {
		t.Errorf("window is %d after an echo, was %d", w, before)
	}
	k.frames = nil
	k.send(seg{flags: ack, seq: 1, ack: 1 + n})
	_, h, _ := k.parse(k.next("new data"))
	if !h.Flags.Has(segment.CWR) {
		t.Errorf("new data has %v, want CWR", h.Flags)
	}
	k.frames = nil
	e.Abort()
	k.advance(0)
	k.frames = nil
}

func TestFastOpen(t *testing.T) { // RFC 7413
	c := config.Config{TCP: config.TCP{FastOpen: config.On}}
	p := newPair(t, c, link{})
	l := p.listen(4)
	if err := l.SetOption(tcp.FastOpen, 1); err != nil {
		t.Fatal(err)
	}
	var served *tcp.Endpoint
	l.SetReady(func(tcp.Ready) { served, _ = l.Accept() })
	dial := func(want error) *tcp.Endpoint {
		e := p.open()
		e.SetOption(tcp.FastOpen, 1)
		if err := e.Connect(serverAt); err != want {
			t.Fatalf("Connect: %v, want %v", err, want)
		}
		return e
	}
	first := dial(errno.EINPROGRESS) // asks for a cookie
	p.advance(time.Millisecond)
	if first.State() != tcp.Established || first.Info().FastOpen {
		t.Errorf("%+v", first.Info())
	}
	first.Close()
	served.Close()
	p.advance(time.Second)
	served = nil
	e := dial(nil)
	if s := e.State(); s != tcp.SynSent {
		t.Error(s)
	}
	if n, err := e.Send([]byte("question"), 0); n != 8 || err != nil {
		t.Fatal(n, err)
	}
	p.advance(time.Millisecond)
	if served == nil {
		t.Fatal("not accepted")
	}
	b := make([]byte, 100)
	if n, err := served.Recv(b, 0); string(b[:n]) != "question" || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	served.Send([]byte("answer"), 0)
	p.advance(time.Millisecond)
	if n, err := e.Recv(b, 0); string(b[:n]) != "answer" || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	if !e.Info().FastOpen || !served.Info().FastOpen {
		t.Error("data did not go with the SYN")
	}
	e.Close()
	served.Close()
	p.advance(5 * time.Minute)
	if e.State() != tcp.Closed || served.State() != tcp.Closed {
		t.Error(e.State(), served.State())
	}
}

// The data on a SYN is not taken, or the SYN is lost: the stream arrives all the same.
func TestFastOpenFallsBack(t *testing.T) {
	k := newKit(t, config.Config{TCP: config.TCP{FastOpen: config.On, Timestamps: config.Off, SACK: config.Off, WindowScale: config.Off}})
	dial := func(want error) *tcp.Endpoint {
		e := k.open()
		e.SetOption(tcp.FastOpen, 1)
		if err := e.Connect(testerAt); err != want {
			t.Fatalf("Connect: %v, want %v", err, want)
		}
		k.advance(0)
		return e
	}
	e := dial(errno.EINPROGRESS)
	k.want("a request", "[S] 0 win 65535 mss 1460 tfo ")
	cookie, _ := segment.MakeCookie([]byte("cookie!!"))
	k.send(seg{flags: syn | ack, ack: 1, opt: segment.Options{Has: segment.HasFastOpen | segment.HasMSS, MSS: 1000, Cookie: cookie}})
	k.show(k.next("ACK"))
	e.Abort()
	k.advance(0)
	k.show(k.next("RST"))

	e = dial(nil)
	k.quiet("the SYN waits for data")
	k.write(e, "abcdef")
	k.want("and has it", `[S] 0:6 win 65535 mss 1460 tfo 636f6f6b69652121 "abcdef"`)
	k.send(seg{flags: syn | ack, ack: 1, opt: mss(1000)})
	k.want("it was not taken", `[P.] 1:7 ack 1 win 65535 "abcdef"`)
	k.send(seg{flags: ack, seq: 1, ack: 7})
	e.Abort()
	k.advance(0)
	k.frames = nil

	dial(errno.EINPROGRESS)
	k.want("that is remembered (4.1.3.1)", "[S] 0 win 65535 mss 1460")
	k.send(seg{flags: rst | ack, ack: 1})
	k.advance(5 * time.Minute)

	e = dial(nil)
	k.write(e, "abcdef")
	k.show(k.next("SYN"))
	k.advance(time.Second)
	k.want("without data the second time", `[S] 0 win 65535 mss 1460`)
	k.send(seg{flags: syn | ack, ack: 1, opt: mss(1000)})
	k.want("which follows", `[P.] 1:7 ack 1 win 65535 "abcdef"`)
	e.Abort()
	k.advance(5 * time.Minute)
	k.frames = nil

	e = dial(nil)
	k.write(e, "abcdef")
	k.show(k.next("SYN"))
	k.send(seg{flags: syn | ack, ack: 4, opt: mss(1000)})
	k.want("half of it was taken", `[P.] 4:7 ack 1 win 65535 "def"`)
	e.Abort()
	k.advance(0)
	k.frames = nil
}

func TestUserTimeoutOption(t *testing.T) { // RFC 5482
	k := newKit(t, plain())
	l := k.listen(1)
	l.SetOption(tcp.UserTimeout, 200_000)
	k.send(seg{flags: syn})
	k.want("it is told", "[S.] 0 ack 1 win 65535 mss 1460 uto 3m20s")
	k.send(seg{flags: rst, seq: 1})
	l.Close()
	e := k.accepted(segment.Options{Has: segment.HasUserTimeout, UserTimeout: 20 * time.Minute})
	e.SetOption(tcp.AdoptTimeout, 1) // off by default
	k.write(e, "x")
	k.advance(20*time.Minute - 1)
	k.state(e, tcp.Established)
	k.advance(1)
	k.state(e, tcp.Closed)
	k.frames = nil

	e = k.accepted(segment.Options{Has: segment.HasUserTimeout, UserTimeout: 20 * time.Minute})
	e.SetOption(tcp.UserTimeout, 150_000)
	k.write(e, "x")
	k.want("a new one is told", `[P.] 1:2 ack 1 win 65535 uto 2m30s "x"`)
	k.advance(150*time.Second - 1)
	k.state(e, tcp.Established)
	k.advance(1)
	k.state(e, tcp.Closed) // what the user says goes first
	k.frames = nil
}

func TestBinding(t *testing.T) {
	k := newKit(t, plain())
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	a, b, c := k.open(), k.open(), k.open()
	for _, tt := range []struct {
		e    *tcp.Endpoint
		to   string
		want error
	}{
		{a, "192.0.2.9:80", errno.EADDRNOTAVAIL},
		{a, "224.0.0.1:80", errno.EADDRNOTAVAIL},
		{a, "192.0.2.255:80", errno.EADDRNOTAVAIL},
		{a, "[2001:db8::1]:80", errno.EAFNOSUPPORT},
		{a, "192.0.2.2:80", nil},
		{a, "192.0.2.2:81", errno.EINVAL},
		{b, "0.0.0.0:80", errno.EADDRINUSE},
		{b, "127.0.0.1:80", nil},
		{c, "0.0.0.0:0", nil},
	} {
		if err := tt.e.Bind(at(tt.to)); err != tt.want {
			t.Errorf("Bind to %s: %v, want %v", tt.to, err, tt.want)
		}
	}
	if p := c.Local().Port(); p < 49152 {
		t.Errorf("port %d", p)
	}
	if err := a.Connect(at("224.0.0.1:80")); err != errno.ENETUNREACH { // MUST-57
		t.Error(err)
	}
	if err := a.Connect(at("255.255.255.255:80")); err != errno.ENETUNREACH {
		t.Error(err)
	}
	if err := a.Connect(at("10.0.0.1:80")); err != errno.ENETUNREACH {
		t.Error(err)
	}
	if _, err := a.Accept(); err != errno.EINVAL {
		t.Error(err)
	}
	if _, err := a.Send([]byte("x"), 0); err != errno.ENOTCONN {
		t.Error(err)
	}
	if _, err := a.Recv(make([]byte, 1), 0); err != errno.ENOTCONN {
		t.Error(err)
	}
	if err := a.Shutdown(tcp.Both); err != errno.ENOTCONN {
		t.Error(err)
	}
	if err := a.Listen(1); err != nil {
		t.Error(err)
	}
	if err := a.Connect(testerAt); err != errno.EOPNOTSUPP {
		t.Error(err)
	}
	a.Close()
	if err := a.Listen(1); err != errno.EBADF {
		t.Error(err)
	}
	if _, err := k.node.TCP.Open(ip.V6); err != nil {
		t.Error(err)
	}
}
