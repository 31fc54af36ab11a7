package ieee802154_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

const us = time.Microsecond

func TestDataIsAcknowledgedInTime(t *testing.T) { // 6.7.4.2
	k := newKit(t, radio.Config{})
	a, b := k.station(1, nil), k.station(2, nil)
	a.say(ext(2), "hello")
	k.run(time.Second)
	b.wantGot("the payload, and nothing else", fmt.Sprint("hello ", ext(1), " > ", ext(2)))
	if len(k.seen) != 2 {
		t.Fatalf("%d frames on the air, want the data and its acknowledgement: %+v", len(k.seen), k.seen)
	}
	d, ack := k.seen[0], k.seen[1]
	if d.h.Type != codec.Data || !d.h.AckRequest || d.h.Version != codec.V2003 || !d.h.Compressed || d.h.DstPAN != pan {
		t.Errorf("data %+v", d.h)
	}
	if len(ack.octets) != codec.AckLen || ack.h.Seq != d.h.Seq || ack.h.Pending || ack.octets[0] != 2 || ack.octets[1] != 0 {
		t.Errorf("acknowledgement %x of %x", ack.octets, d.octets)
	}
	if began := ack.at - a.radio.Airtime(codec.AckLen); began-d.at != 192*us {
		t.Errorf("it begins %v after the frame, want aTurnaroundTime", began-d.at)
	}
	if a.stats.MAC.AcksReceived != 1 || b.stats.MAC.AcksSent != 1 || len(a.failed) != 0 {
		t.Errorf("%+v, %+v, %v", a.stats.MAC, b.stats.MAC, a.failed)
	}
}

func TestEverybodyHearsABroadcast(t *testing.T) {
	k := newKit(t, radio.Config{})
	a, b, c := k.station(1, nil), k.station(2, nil), k.station(3, func(c *ieee802154.Config) { c.PAN = 0x1111 })
	a.say(everybody, "all")
	k.run(time.Second)
	b.wantGot("one of the PAN", fmt.Sprint("all ", ext(1), " > ff:ff"))
	c.wantGot("one of another PAN")
	if len(k.seen) != 1 || k.seen[0].h.AckRequest {
		t.Errorf("a broadcast asks for no acknowledgement and gets none: %+v", k.seen)
	}
	c.wantDrops(stats.OtherStation, 1)
}

func TestRetries(t *testing.T) { // 6.7.4.3
	for _, retries := range []int{-1, 1, 0} {
		k := newKit(t, radio.Config{})
		a := k.station(1, func(c *ieee802154.Config) { c.MaxRetries = retries })
		a.say(ext(2), "nobody there")
		a.say(everybody, "next")
		k.run(time.Second)
		want := map[int]int{-1: 1, 1: 2, 0: 4}[retries]
		if len(k.seen) != want+1 {
			t.Fatalf("macMaxFrameRetries %d: %d frames, want %d and the one behind them", retries, len(k.seen), want)
		}
		for i, s := range k.seen[:want] {
			if string(s.octets) != string(k.seen[0].octets) {
				t.Errorf("repeat %d is not the same frame", i)
			}
			if i > 0 && s.at-a.radio.Airtime(len(s.octets))-k.seen[i-1].at < 864*us {
				t.Errorf("repeat %d comes before macAckWaitDuration is over", i)
			}
		}
		if got := fmt.Sprint(a.failed); got != fmt.Sprint([]string{fmt.Sprint(ext(2), " no-ack")}) {
			t.Errorf("told %v", got)
		}
		a.wantDrops(stats.FrameUnacked, 1)
	}
}

// When a part of a packet was given up, those behind it are not sent; those of other packets are, and so is the next packet of
// the same name.
func TestPartsOfALostPacket(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, func(c *ieee802154.Config) { c.MaxRetries, c.Queue = -1, 3 }) // the last ones wait before the MAC
	var want []string
	for _, s := range []struct {
		payload string
		sent    bool
	}{{"#A", true}, {"#a2", false}, {"#a3", false}, {"#B", true}, {"#b2", false}, {"whole", true}, {"#b3", false}} {
		a.say(ext(2), s.payload)
		if s.sent {
			want = append(want, s.payload)
		}
	}
	k.run(time.Second)
	var got []string
	for _, s := range k.seen {
		got = append(got, string(s.octets[21:len(s.octets)-2]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	k.seen = nil
	a.say(ext(2), "#B")
	k.run(time.Second)
	if len(k.seen) != 1 {
		t.Errorf("the first part of the next packet was not sent")
	}
}

// An acknowledgement that comes a microsecond too late is none.
func TestAckWait(t *testing.T) {
	for _, tt := range []struct {
		why    string
		delay  time.Duration // from the end of the frame to the end of the acknowledgement
		seq    uint8         // added
		frames int           // with the acknowledgements
	}{
		{"in time", 863 * us, 0, 2},
		{"too late", 865 * us, 0, 8},
		{"of another frame", 544 * us, 1, 8},
	} {
		k := newKit(t, radio.Config{})
		a := k.station(1, nil)
		x := k.tester()
		k.air.Watch(func(from *radio.Station, b []byte) {
			if from == x.radio {
				return
			}
			ack := []byte{2, 0, b[2] + tt.seq, 0, 0}
			codec.Seal(ack)
			k.loop.NewTimer(func() { x.radio.Send(ack) }).After(tt.delay - x.radio.Airtime(5))
		})
		a.say(ext(2), "x")
		k.run(time.Second)
		if len(k.seen) != tt.frames {
			t.Errorf("%s: %d frames, want %d", tt.why, len(k.seen), tt.frames)
		}
	}
}

// A frame that comes again because its acknowledgement was lost is acknowledged again, and not taken again.
func TestDuplicates(t *testing.T) {
	k := newKit(t, radio.Config{})
	a, b := k.station(1, nil), k.station(2, nil)
	k.air.SetPath(b.radio, a.radio, &radio.Path{Loss: 1})
	a.say(ext(2), "once")
	k.run(time.Second)
	b.wantGot("the frame", fmt.Sprint("once ", ext(1), " > ", ext(2)))
	b.wantDrops(stats.FrameDuplicate, 3)
	if b.stats.MAC.AcksSent != 4 || len(a.failed) != 1 {
		t.Errorf("%d acknowledgements, failed %v", b.stats.MAC.AcksSent, a.failed)
	}
	k.air.SetPath(b.radio, a.radio, nil)
	a.say(ext(2), "once")
	k.run(time.Second)
	b.wantGot("the same payload with another number", fmt.Sprint("once ", ext(1), " > ", ext(2)))
}

func TestDuplicatesOfManySenders(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, func(c *ieee802154.Config) { c.Senders = 2 })
	x := k.tester()
	for _, tt := range []struct {
		from byte
		want bool
	}{{2, true}, {3, true}, {2, false}, {4, true}, {4, false}, {3, false}, {2, true}} { // station 4 takes the place of 2
		x.send(data(func(h *codec.Header) { h.Src, h.Seq = ext(tt.from), 5 }), "x")
		if got := len(a.got) == 1; got != tt.want {
			t.Errorf("frame of station %d: taken %v, want %v", tt.from, got, tt.want)
		}
		a.got = nil
	}
	k.run(time.Second)
	x.send(data(func(h *codec.Header) { h.Src, h.Seq = ext(3), 5 }), "x")
	a.wantGot("after a while it is another frame", fmt.Sprint("x ", ext(3), " > ", ext(1)))
}

func TestChannelNeverClear(t *testing.T) { // 6.2.5.1
	k := newKit(t, radio.Config{})
	a := k.station(1, nil)
	x := k.tester()
	jam := k.loop.NewTimer(nil)
	jam.Init(k.loop, func() {
		x.radio.Send(make([]byte, 127))
		jam.After(x.radio.Airtime(127) + us)
	})
	jam.Post()
	a.say(ext(2), "x")
	k.run(200 * time.Millisecond)
	jam.Stop()
	if got := fmt.Sprint(a.failed); got != fmt.Sprint([]string{fmt.Sprint(ext(2), " channel-access-failure")}) {
		t.Errorf("told %v", got)
	}
	if a.stats.MAC.Busy != 5 {
		t.Errorf("listened %d times, want once and macMaxCsmaBackoffs", a.stats.MAC.Busy)
	}
	a.wantDrops(stats.ChannelBusy, 1)
	k.run(time.Second)
	b := k.station(2, nil)
	a.say(ext(2), "later")
	k.run(time.Second)
	b.wantGot("the next frame", fmt.Sprint("later ", ext(1), " > ", ext(2)))
}

// The first backoff is 0 to 7 periods of 320 us, then the channel is assessed, 128 us, and the radio turns, 192 us.
func TestFirstBackoff(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 40 {
		k := newKit(t, radio.Config{})
		a := k.station(byte(len(seen)*3+1), nil)
		for range 20 {
			began := k.loop.Now()
			a.say(everybody, "x")
			k.run(time.Second)
			s := k.seen[len(k.seen)-1]
			wait := s.at - a.radio.Airtime(len(s.octets)) - began - 320*us
			if wait%(320*us) != 0 || wait < 0 || wait > 7*320*us {
				t.Fatalf("waits %v before it listens", wait)
			}
			seen[wait] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different backoffs, want 8", len(seen))
	}
}

func TestAloha(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, func(c *ieee802154.Config) { c.Aloha = true })
	b := k.station(2, nil)
	began := k.loop.Now()
	a.say(ext(2), "x")
	k.run(time.Second)
	b.wantGot("the frame", fmt.Sprint("x ", ext(1), " > ", ext(2)))
	if s := k.seen[0]; s.at-a.radio.Airtime(len(s.octets)) != began {
		t.Errorf("on the air %v after it was sent", s.at-a.radio.Airtime(len(s.octets))-began)
	}
}

// Two frames of one station are macLifsPeriod apart, or macSifsPeriod behind a short one (6.2.4).
func TestSpacing(t *testing.T) {
	for _, tt := range []struct {
		payload string
		space   time.Duration
	}{{"", 192 * us}, {strings.Repeat("x", 50), 640 * us}} {
		k := newKit(t, radio.Config{})
		a := k.station(1, func(c *ieee802154.Config) { c.MinBE = -1; c.Short = 7 })
		a.say(everybody, tt.payload+"1")
		a.say(everybody, tt.payload+"2")
		k.run(time.Second)
		s := k.seen[1]
		if gap := s.at - a.radio.Airtime(len(s.octets)) - k.seen[0].at; gap != tt.space+320*us {
			t.Errorf("%d octets: %v apart, want %v, and 320 us to listen and to turn", len(k.seen[0].octets), gap, tt.space)
		}
	}
}

// The third level of filtering (6.7.2): who a frame is for.
func TestFilter(t *testing.T) {
	for _, tt := range []struct {
		why   string
		taken bool
		acked bool
		h     codec.Header
	}{
		{"extended address", true, true, data(nil)},
		{"another extended address", false, false, data(func(h *codec.Header) { h.Dst = ext(2) })},
		{"short address", true, true, data(func(h *codec.Header) { h.Dst = codec.Short(0x0101) })},
		{"another short address", false, false, data(func(h *codec.Header) { h.Dst = codec.Short(0x0102) })},
		{"nobody's short address", false, false, data(func(h *codec.Header) { h.Dst = codec.Short(0xfffe) })},
		{"everybody", true, false, data(func(h *codec.Header) { h.Dst = everybody })},
		{"another PAN", false, false, data(func(h *codec.Header) { h.DstPAN = 0xabce })},
		{"every PAN", true, true, data(func(h *codec.Header) { h.DstPAN, h.Compressed, h.SrcPAN = 0xffff, false, 0x1111 })},
		{"no request to acknowledge", true, false, data(func(h *codec.Header) { h.AckRequest = false })},
		{"no destination", false, false, data(func(h *codec.Header) { h.Dst, h.DstPAN, h.Compressed, h.SrcPAN = link.Addr{}, 0, false, pan })},
		{"no PANs", true, true, data(func(h *codec.Header) { h.Version, h.DstPAN = codec.V2015, 0 })},
		{"a source that is everybody", false, true, data(func(h *codec.Header) { h.Src = everybody })},
		{"no source", false, true, data(func(h *codec.Header) { h.Src, h.Compressed = link.Addr{}, false })},
		{"our own source", false, true, data(func(h *codec.Header) { h.Src = ext(1) })},
	} {
		t.Run(tt.why, func(t *testing.T) {
			k := newKit(t, radio.Config{})
			a := k.station(1, func(c *ieee802154.Config) { c.Short = 0x0101 })
			k.tester().send(tt.h, "x")
			if got := len(a.got) == 1; got != tt.taken {
				t.Errorf("taken %v, want %v", got, tt.taken)
			}
			if got := len(k.seen) == 2; got != tt.acked {
				t.Errorf("acknowledged %v, want %v", got, tt.acked)
			}
			if sum := a.stats.Dropped(); !tt.taken && sum != 1 {
				t.Errorf("%d drops", sum)
			}
		})
	}
}

func TestDamagedFrames(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, nil)
	x := k.tester()
	good := codec.Append(nil, data(nil))
	mpdu := append(good, "x\x00\x00"...)
	codec.Seal(mpdu)
	mpdu[len(mpdu)-3] ^= 1
	x.radio.Send(mpdu)
	k.run(time.Second)
	a.wantDrops(stats.FrameChecksum, 1)
	x.raw([]byte{0x41, 0x88, 1}) // it ends in the middle of its addresses
	x.raw([]byte{0x05, 0, 1})    // a multipurpose frame
	a.wantDrops(stats.FrameInvalid, 2)
	if len(k.seen) != 3 || len(a.got) != 0 {
		t.Errorf("something was answered or taken: %d frames, %q", len(k.seen), a.got)
	}
}

type taps struct{ seen []string }

func (x *taps) Tap(s *iface.Seen) {
	x.seen = append(x.seen, fmt.Sprintf("%d octets %v %v > %v", len(s.Frame), s.Cast, s.Src, s.Dst))
}

func TestPromiscuous(t *testing.T) {
	k := newKit(t, radio.Config{})
	a, b, c := k.station(1, nil), k.station(2, nil), k.station(3, nil)
	x := &taps{}
	c.iface.AddTap(x)
	a.say(ext(2), "x")
	k.run(time.Second)
	if len(x.seen) != 0 {
		t.Errorf("seen without being promiscuous: %q", x.seen)
	}
	if _, err := c.iface.SetPromiscuous(true); err != nil {
		t.Fatal(err)
	}
	a.say(ext(2), "x")
	k.run(time.Second)
	if want := fmt.Sprintf("[24 octets another station %v > %v 5 octets another station none > none]", ext(1), ext(2)); fmt.Sprint(x.seen) != want {
		t.Errorf("seen %v\nwant %v", x.seen, want)
	}
	c.wantGot("what is for others")
	b.wantGot("both", fmt.Sprint("x ", ext(1), " > ", ext(2)), fmt.Sprint("x ", ext(1), " > ", ext(2)))
}

// The version of a data frame is the lowest that it fits in (7.2.1.9).
func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		payload int
		change  func(*ieee802154.Config)
		version uint8
		dst     link.Addr
		comp    bool
	}{
		{102, nil, codec.V2003, ext(2), true},
		{103, nil, codec.V2006, ext(2), true},
		{20, func(c *ieee802154.Config) { c.Version2015 = true }, codec.V2015, ext(2), false},
		{20, func(c *ieee802154.Config) { c.Version2015, c.Short = true, 5 }, codec.V2015, ext(2), true},
	} {
		k := newKit(t, radio.Config{})
		a, b := k.station(1, tt.change), k.station(2, nil)
		a.say(tt.dst, strings.Repeat("x", tt.payload))
		k.run(time.Second)
		if h := k.seen[0].h; h.Version != tt.version || h.Compressed != tt.comp || h.DstPAN != pan || len(b.got) != 1 {
			t.Errorf("%d octets: %+v, taken %d", tt.payload, h, len(b.got))
		}
	}
}

// A frame of version 2 is acknowledged by an enhanced acknowledgement, to its sender (7.3.3).
func TestEnhancedAck(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, func(c *ieee802154.Config) { c.Version2015 = true })
	b := k.station(2, nil)
	a.say(ext(2), "x")
	k.run(time.Second)
	b.wantGot("the payload", fmt.Sprint("x ", ext(1), " > ", ext(2)))
	if len(k.seen) != 2 || k.seen[1].h.Version != codec.V2015 || k.seen[1].h.Dst != ext(1) || k.seen[1].h.Seq != k.seen[0].h.Seq {
		t.Fatalf("%+v", k.seen)
	}
	if a.stats.MAC.AcksReceived != 1 || len(a.failed) != 0 {
		t.Errorf("%+v, %v", a.stats.MAC, a.failed)
	}
	// One for somebody else does not count, and neither does an immediate one for a frame without a number.
	x := k.tester()
	x.send(data(func(h *codec.Header) { h.Version, h.Compressed, h.NoSeq, h.Seq = codec.V2015, false, true, 0 }), "y")
	last := k.seen[len(k.seen)-1].h
	if last.Type != codec.Ack || !last.NoSeq || last.Dst != ext(9) {
		t.Errorf("a frame without a number is acknowledged by %+v", last)
	}
}

func TestPayloadElementsAreParsedOver(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, nil)
	x := k.tester()
	end1 := codec.AppendHeaderIE(nil, codec.HeaderTermination1, nil)
	nested := codec.AppendPayloadIE(codec.AppendPayloadIE(nil, 1, []byte("abc")), codec.PayloadTermination, nil)
	h := data(func(h *codec.Header) { h.Version, h.Compressed, h.HasIEs, h.IEs = codec.V2015, false, true, end1 })
	x.send(h, string(nested)+"payload")
	a.wantGot("what is behind them", fmt.Sprint("payload ", ext(9), " > ", ext(1)))
	h.Seq++
	x.send(h, "\x01")
	a.wantDrops(stats.FrameInvalid, 1)
}

// Six stations that send at once, and one that all send to: with repeats nearly everything arrives, and nothing twice.
func TestContention(t *testing.T) {
	k := newKit(t, radio.Config{})
	sink := k.station(200, nil)
	var senders []*node
	for n := range byte(6) {
		senders = append(senders, k.station(n+1, nil))
	}
	const each = 50
	for i := range each {
		for _, s := range senders {
			s.say(ext(200), fmt.Sprintf("%d of %v", i, s.Extended()))
		}
		k.run(200 * time.Millisecond)
	}
	k.run(time.Second)
	once := map[string]int{}
	for _, g := range sink.got {
		once[g]++
	}
	failed := 0
	for _, s := range senders {
		failed += len(s.failed)
	}
	for g, n := range once {
		if n > 1 {
			t.Errorf("%q was taken %d times", g, n)
		}
	}
	if sent := each * len(senders); len(once)+failed < sent || len(once) < sent*9/10 {
		t.Errorf("of %d sent %d arrived and %d were given up", sent, len(once), failed)
	}
	if k.air.Counts().Collided == 0 {
		t.Error("no collisions: the test tests nothing")
	}
}

func TestRoom(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, func(c *ieee802154.Config) { c.Short = 5 })
	b := k.station(2, nil)
	for _, tt := range []struct {
		src, dst link.Addr
		want     int
	}{
		{ext(1), ext(2), 127 - 2 - 21}, {ext(1), everybody, 127 - 2 - 15}, {codec.Short(5), codec.Short(6), 127 - 2 - 9},
	} {
		if got := a.Room(tt.src, tt.dst); got != tt.want {
			t.Errorf("from %v to %v: %d octets, want %d", tt.src, tt.dst, got, tt.want)
		}
	}
	p := a.pool.Copy(iface.Headroom, []byte(strings.Repeat("x", a.Room(ext(1), ext(2)))))
	a.Link.Send(p, ext(1), ext(2))
	k.run(time.Second)
	if len(b.got) != 1 || len(k.seen[0].octets) != codec.MaxFrame {
		t.Errorf("a payload that fills the frame: %d octets on the air, %d taken", len(k.seen[0].octets), len(b.got))
	}
	a.Link.Send(a.pool.Copy(iface.Headroom, make([]byte, a.Room(ext(1), ext(2))+1)), ext(1), ext(2))
	a.wantDrops(stats.FrameInvalid, 1)
}
