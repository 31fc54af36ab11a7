package tcp_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

// A path that swallows long packets is found out, and then the longest that it carries is searched for, without a word to
// congestion control; when it widens, that is found out, too (RFC 4821, 7).
func TestSearchForTheMTU(t *testing.T) {
	off := config.Off
	for name, c := range map[string]config.TCP{
		"RACK":    {},
		"no RACK": {RACK: off},
		"no SACK": {SACK: off, RACK: off},
		"plain":   {SACK: off, Timestamps: off, WindowScale: off, FRTO: off, PRR: off, LimitedTransmit: off},
	} {
		for _, mtu := range []int{1300, 1400, 1492, 1500} {
			t.Run(fmt.Sprint(name, "/", mtu), func(t *testing.T) {
				at := mtu
				p := newPair(t, config.Config{TCP: c}, link{silent: &at, wire: wire.Config{Delay: 5 * time.Millisecond}})
				client, server := p.connect()
				p.stream(client, server, 20*time.Second)
				i := client.Info()
				if i.MSS > mtu-40 || i.MSS < mtu-40-12-16 {
					t.Errorf("MSS %d on a path of %d", i.MSS, mtu)
				}
				if i.Window < 20*i.MSS { // it grew beyond what the timeouts of the black hole have left, through all probes
					t.Errorf("the window is %d", i.Window)
				}
				if mtu == 1500 && i.Retransmitted > 0 {
					t.Errorf("%d retransmissions where nothing is swallowed", i.Retransmitted)
				}
			})
		}
	}
}

// stream sends for a while what differs from octet to octet, as much as the buffers take now and then, and looks at it.
func (p *pair) stream(from, to *tcp.Endpoint, d time.Duration) {
	p.t.Helper()
	out, in := pattern(1<<15, 7), make([]byte, 1<<20)
	sent, got := 0, 0
	for end := p.loop.Now() + d; p.loop.Now() < end || got < sent; {
		if p.loop.Now() < end {
			n, _ := from.Send(out[sent%len(out):], 0)
			sent += n
		}
		p.advance(20 * time.Millisecond)
		n, _ := to.Recv(in, 0)
		for i, b := range in[:n] {
			if b != out[(got+i)%len(out)] {
				p.t.Fatalf("another octet at %d", got+i)
			}
		}
		got += n
	}
}

func TestWiderPath(t *testing.T) {
	at := 1400
	p := newPair(t, config.Config{}, link{silent: &at, wire: wire.Config{Delay: time.Millisecond}})
	client, server := p.connect()
	p.stream(client, server, 20*time.Second)
	if m := client.Info().MSS; m > 1348 || m < 1332 {
		t.Fatalf("MSS %d on a path of 1400", m)
	}
	at = 1500
	p.advance(9 * time.Minute)
	p.stream(client, server, time.Second)
	if m := client.Info().MSS; m > 1348 {
		t.Errorf("MSS %d: another search so soon", m)
	}
	p.advance(time.Minute)
	window := client.Info().Window
	p.stream(client, server, 5*time.Second)
	if i := client.Info(); i.MSS != 1448 || i.Window < window {
		t.Errorf("MSS %d on a path of 1500, window %d, was %d", i.MSS, i.Window, window)
	}
}

// A message that the path is narrower than what was just acknowledged waits for a timeout (RFC 5927, 7.2).
func TestMessageAgainstEvidence(t *testing.T) {
	tooBig := icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.FragmentationNeeded, Word: 600}
	for _, tt := range []struct {
		name string
		lost bool // what the message is about
		want int
	}{{"made up", false, 1460}, {"true", true, 560}} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, plain())
			e := k.accepted(mss(1460))
			e.SetOption(tcp.NoDelay, 1)
			k.write(e, strings.Repeat("a", 1460))
			k.show(k.next("a full segment"))
			k.send(seg{flags: ack, seq: 1, ack: 1461})
			k.write(e, strings.Repeat("b", 1460))
			f := k.next("another")
			k.icmp(tooBig, f)
			k.quiet("the message is not believed yet")
			if m := e.Info().MSS; m != 1460 {
				t.Errorf("MSS %d", m)
			}
			if tt.lost {
				k.advance(time.Second)
				for end := uint32(1461); len(k.frames) > 0; {
					_, h, data := k.parse(k.next("again"))
					if h.Seq-k.iss != end || len(data) > 560 {
						t.Errorf("%d octets at %d, want at most 560 at %d", len(data), h.Seq-k.iss, end)
					}
					end += uint32(len(data))
					k.send(seg{flags: ack, seq: 1, ack: end})
				}
			}
			k.send(seg{flags: ack, seq: 1, ack: 2921})
			k.frames = nil
			if m := e.Info().MSS; m != tt.want {
				t.Errorf("MSS %d, want %d", m, tt.want)
			}
			k.write(e, "c")
			k.show(k.next("more"))
			k.advance(5 * time.Second) // a timeout of something else
			k.frames = nil
			if m := e.Info().MSS; m != tt.want {
				t.Errorf("MSS %d later, want %d", m, tt.want)
			}
		})
	}
}

// After R1 retransmissions IP looks whether the next hop is still there (RFC 9293, 3.8.3, MUST-20; RFC 1122, 3.3.1.4).
func TestDoubt(t *testing.T) {
	p := newPair(t, config.Config{}, link{})
	client, _ := p.connect()
	cache := p.a.Interfaces()[0].Ethernet
	if cache == nil {
		cache = p.a.Interfaces()[1].Ethernet
	}
	state := func() neigh.State { s, _ := cache.Neighbours().State(netip.MustParseAddr("192.0.2.2")); return s }
	p.b.TCP.Close() // nobody answers, but the host is there
	if s := state(); s != neigh.Reachable {
		t.Fatal(s)
	}
	client.Send([]byte("x"), 0)
	asked := p.b.Stats().ARP.RequestsReceived
	p.advance(6 * time.Second) // 1 + 2 s
	if n := p.b.Stats().ARP.RequestsReceived; n != asked {
		t.Errorf("%d ARP requests before R1", n-asked)
	}
	p.advance(2 * time.Second) // and 4
	if n := p.b.Stats().ARP.RequestsReceived; n == asked {
		t.Error("no ARP request after R1")
	}
	if s := state(); s != neigh.Reachable {
		t.Errorf("it answered, but is %v", s)
	}
}

// The window is reduced by a timeout as well, and the first new data after it says so (RFC 3168, 6.1.2).
func TestCWRAfterATimeout(t *testing.T) {
	c := plain()
	c.TCP.ECN = config.On
	k := newKit(t, c)
	l := k.listen(1)
	k.send(seg{flags: syn | segment.ECE | segment.CWR, opt: mss(1000)})
	k.show(k.next("SYN,ACK"))
	k.send(seg{flags: ack, seq: 1, ack: 1})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	e.SetOption(tcp.NoDelay, 1)
	k.write(e, "a")
	k.want("marked as able", `[P.] 1:2 ack 1 win 65535 ecn 2 "a"`)
	k.advance(time.Second)
	k.want("again, not marked, and without CWR", `[P.] 1:2 ack 1 win 65535 "a"`)
	k.send(seg{flags: ack, seq: 1, ack: 2})
	k.write(e, "b")
	k.want("new", `[PW.] 2:3 ack 1 win 65535 ecn 2 "b"`)
	k.send(seg{flags: ack, seq: 1, ack: 3})
	k.write(e, "c")
	k.want("once", `[P.] 3:4 ack 1 win 65535 ecn 2 "c"`)
	k.send(seg{flags: ack, seq: 1, ack: 4})
}
