package probe_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
)

// onReference runs a body on a world of the reference stack, as a check that proves X:1, and gives its log.
func onReference(t *testing.T, body func(p *probe.P)) *probe.Log {
	t.Helper()
	r, err := reference.New(reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.New(context.Background(), target.Spec{Check: t.Name(), Seed: 1, Link: target.Ethernet, Needs: []target.Feature{target.Agent}})
	if err != nil {
		t.Fatal(err)
	}
	log := probe.New(context.Background(), probe.Config{World: w, Info: r.Info(), Proves: []string{"X:1"}}).Run(body)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if log.Err != nil {
		t.Error(log.Err)
	}
	return log
}

// clean is onReference for a body in which nothing may fail.
func clean(t *testing.T, body func(p *probe.P)) {
	t.Helper()
	log := onReference(t, body)
	for _, f := range log.Failures {
		t.Errorf("%s", f.Text)
	}
	if t.Failed() {
		for _, r := range log.Records[max(0, len(log.Records)-30):] {
			t.Log(r.At, r)
		}
	}
}

// Each way leads to its state, and State finds that out from outside.
func TestReachAndState(t *testing.T) {
	for _, s := range probe.States {
		for _, o := range []probe.Origin{probe.Passive, probe.Active} {
			t.Run(fmt.Sprintf("%s/%s", s, o), func(t *testing.T) {
				clean(t, func(p *probe.P) {
					c := p.Host(probe.IPv4).TCP()
					c.Reach(s, o)
					if got := c.State(); got != s {
						t.Errorf("it is in %s", got)
					}
				})
			})
		}
	}
}

func TestBulk(t *testing.T) {
	data := probe.Pattern(200_000)
	for _, tt := range []struct {
		name     string
		offer    func(*probe.Offer)
		receiver probe.Receiver
		lost     int // segments at least that were sent again
	}{
		{"plain", func(*probe.Offer) {}, probe.Receiver{}, 0},
		{"every second one, with delay", func(*probe.Offer) {}, probe.Receiver{Every: 2, Delay: 100 * time.Millisecond}, 0},
		{"a round trip", func(o *probe.Offer) { o.Scale, o.Shift = true, 3 }, probe.Receiver{RTT: 50 * time.Millisecond}, 0},
		{"loss", func(o *probe.Offer) { o.Timestamps = true }, probe.Receiver{RTT: 10 * time.Millisecond, Lose: each(17)}, 5},
		{"loss with SACK", func(o *probe.Offer) { o.SACK, o.Timestamps = true, true }, probe.Receiver{RTT: 10 * time.Millisecond, Lose: each(13)}, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clean(t, func(p *probe.P) {
				c := p.Host(probe.IPv4).TCP()
				tt.offer(&c.Offer)
				c.Open(probe.Passive)
				c.Acknowledge(tt.receiver)
				writing := c.Socket.Write(data)
				if got := c.Gather(len(data)); !bytes.Equal(got, data) {
					t.Error("other data came than was sent")
				}
				if r, done := writing.Delivered(); !done || r.Value != len(data) {
					t.Errorf("the send gave %+v, %v", r, done)
				}
				blocks := 0
				for _, r := range p.Log().Records {
					if !r.FromTarget && r.Frame != nil && len(tcp.Blocks(r.Frame)) > 0 {
						blocks++
					}
				}
				if want := c.Offer.SACK; want != (blocks > 0) {
					t.Errorf("%d acknowledgments with SACK, want some: %v", blocks, want)
				}
				if lost := strings.Count(p.Log().Text(), "lost, as the check wants it"); lost < tt.lost {
					t.Errorf("%d segments were lost, want %d or more", lost, tt.lost)
				}
				read := c.Socket.Drain()
				c.Deliver(data)
				c.FIN()
				if c.Until(time.Second, func() bool { return read.EOF }); !bytes.Equal(read.Data, data) || !read.EOF {
					t.Errorf("the application read %d octets, or others, and the end %v", len(read.Data), read.EOF)
				}
			})
		})
	}
}

// each loses every n-th segment.
func each(n int) func(int, *packet.Frame) bool {
	return func(i int, _ *packet.Frame) bool { return i%n == n-1 }
}

func TestOverlooks(t *testing.T) {
	var c *probe.Conn
	clean(t, func(p *probe.P) {
		c = p.Host(probe.IPv4).TCP()
		c.Open(probe.Passive)
		good := c.Segment(tcp.PSH|tcp.ACK, []byte("data"))
		c.Overlooks(good.With(tcp.Checksum.Is(0x1234)), good)
		c.Data([]byte("more")) // the numbers are as they were
		if r, ok := c.Socket.Read(10).Delivered(); !ok || string(r.Data) != "more" {
			t.Errorf("the application read %+v", r)
		}
	})
	log := onReference(t, func(p *probe.P) {
		c := p.Host(probe.IPv4).TCP()
		c.Open(probe.Passive)
		good := c.Segment(tcp.PSH|tcp.ACK, []byte("data"))
		c.Overlooks(good, good)
	})
	if len(log.Failures) != 1 || log.Failures[0].Kind != probe.Spurious || log.Failures[0].Requirement != "X:1" {
		t.Errorf("a segment that is taken: %+v", log.Failures)
	}
}

// Positions in the streams stand behind the frames of the log, and in what a condition wants.
func TestPositionsInTheLog(t *testing.T) {
	log := onReference(t, func(p *probe.P) {
		c := p.Host(probe.IPv4).TCP()
		c.Open(probe.Passive)
		c.Data([]byte("hello"))
		f := c.Expect(c.From(tcp.ACK))
		p.Must("X:1", f, c.AckIs(6))
	})
	all := log.Text()
	for _, want := range []string{"(seq -1)", "(seq -1 ack +0)", "(seq +0..+5 ack +0)", "(seq +0 ack +5)"} {
		if !strings.Contains(all, want) {
			t.Errorf("no line has %q:\n%s", want, all)
		}
	}
	if len(log.Failures) != 1 || !strings.Contains(log.Failures[0].Text, "(+6)") {
		t.Errorf("failures %+v", log.Failures)
	}
}

// Every field of a segment can be told, and the numbers follow what was really sent.
func TestNumbersFollowTheLink(t *testing.T) {
	clean(t, func(p *probe.P) {
		c := p.Host(probe.IPv4).TCP()
		c.Open(probe.Passive)
		next := c.SndNxt
		c.Data([]byte("abc"), c.At(10)) // ahead of the stream: it does not count
		if c.SndNxt != next {
			t.Error("a segment out of order moved SND.NXT")
		}
		c.Data([]byte("0123456789"))
		if c.SndNxt != next+10 {
			t.Errorf("SND.NXT moved by %d, want 10", c.SndNxt-next)
		}
		c.Until(time.Second, func() bool { return c.SndUna == next+13 }) // the target had kept what came ahead
		if c.SndUna != next+13 || c.SndNxt != next+13 {
			t.Errorf("SND.UNA moved by %d and SND.NXT by %d, want 13", c.SndUna-next, c.SndNxt-next)
		}
		r, _ := c.Socket.Read(100).Delivered()
		if string(r.Data) != "0123456789abc" {
			t.Errorf("the application read %q", r.Data)
		}
	})
}

// Retransmissions back off (RFC 6298, 5.5), and a window that is full closes.
func TestRetransmissionsAndFullWindow(t *testing.T) {
	clean(t, func(p *probe.P) {
		c := p.Host(probe.IPv4).TCP()
		c.Open(probe.Passive)
		c.Socket.Write([]byte("hello"))
		p.Wait(20 * time.Second)
		sent := c.Carrying(2)
		gaps := probe.Gaps(sent)
		if len(gaps) < 3 || gaps[1] != 2*gaps[0] || gaps[2] != 2*gaps[1] {
			t.Errorf("an octet was sent %d times, in %v", len(sent), gaps)
		}
		if len(c.Carrying(5)) != 0 || len(c.Carrying(-1)) != 1 {
			t.Error("octets that were not sent are found, or the SYN is not")
		}
	})
	clean(t, func(p *probe.P) {
		c := p.Host(probe.IPv4).TCP()
		c.Setup = func(s *probe.Socket) {
			if err := s.SetOption("SO_RCVBUF", 20000); err != nil {
				t.Error(err)
			}
		}
		c.Open(probe.Passive)
		data := c.FillWindow()
		if c.PeerWindow != 0 || len(data) < 10000 {
			t.Errorf("the window is %d after %d octets", c.PeerWindow, len(data))
		}
		if got, _ := c.Socket.ReadFull(len(data), time.Second); !bytes.Equal(got, data) {
			t.Errorf("the application read %d octets, or others", len(got))
		}
	})
}

func TestSocketsOfStreams(t *testing.T) {
	clean(t, func(p *probe.P) {
		c := p.Host(probe.IPv4).TCP()
		c.Open(probe.Active)
		if ready := c.Socket.Ready("in", "out"); !slices.Equal(ready, []string{"out"}) {
			t.Errorf("ready for %v", ready)
		}
		polling := c.Socket.Poll(-1, "in")
		c.Data([]byte("x"))
		if r, ok := polling.Delivered(); !ok || r.Value != 1 {
			t.Errorf("poll gave %+v, %v", r, ok)
		}
		if peer, err := c.Socket.PeerName(); err != nil || peer.Port() != c.Local {
			t.Errorf("the peer is %s, %v", peer, err)
		}
		c.FIN()
		if data, last := c.Socket.ReadFull(10, time.Second); string(data) != "x" || !last.EOF() {
			t.Errorf("read %q, then %+v", data, last)
		}
		if err := c.Socket.Abort(); err != nil {
			t.Error(err)
		}
		c.Expect(c.Any(tcp.Has(tcp.RST)), probe.For())
		if !c.Reset {
			t.Error("the reset was not noticed")
		}
	})
}
