package ieee802154_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// coordinator adds station n, which runs a network.
func (k *kit) coordinator(n byte, c ieee802154.Network, change func(*ieee802154.Config)) *node {
	k.Helper()
	x := k.station(n, change)
	if err := x.Start(c); err != nil {
		k.Fatal(err)
	}
	return x
}

var network = ieee802154.Network{PAN: 0x1234, Short: 0x0001, Channel: 15, Permit: true, Beacon: []byte("hi"), First: 0x0010}

func unassociated(c *ieee802154.Config) { c.PAN, c.Channel = 0xffff, 11 }

func TestScan(t *testing.T) { // 6.3.1
	for _, active := range []bool{true, false} {
		k := newKit(t, radio.Config{})
		a := k.station(1, nil)
		k.coordinator(2, network, nil)
		other := network
		other.PAN, other.Channel, other.Permit, other.Short, other.Beacon = 0x5678, 20, false, codec.Unassigned, nil
		k.coordinator(3, other, nil)
		s := ieee802154.Scan{Channels: 1<<15 | 1<<20 | 1<<25 | 1<<3, Duration: 50 * time.Millisecond, Active: active}
		if err := a.Scan(s); err != nil {
			t.Fatal(err)
		}
		if err := a.Scan(s); !errors.Is(err, ieee802154.ErrBusy) {
			t.Errorf("a second scan: %v", err)
		}
		a.say(ext(2), "waits until the scan is over")
		k.run(149 * time.Millisecond)
		if len(a.events) > 0 && a.events[len(a.events)-1].Code == event.IEEE802154ScanDone {
			t.Error("over before its time")
		}
		k.run(time.Second)
		if !active { // there are no regular beacons to hear
			a.wantEvents("passive", event.IEEE802154ScanDone)
			continue
		}
		all := a.wantEvents("active", event.IEEE802154ScanResult, event.IEEE802154ScanResult, event.IEEE802154ScanDone)
		for i, want := range []string{
			fmt.Sprint(codec.Short(1), " {ID:4660 Channel:15 LQI:255 Permit:true Payload:[104 105] Short:0 Status:0}"),
			fmt.Sprint(ext(3), " {ID:22136 Channel:20 LQI:255 Permit:false Payload:[] Short:0 Status:0}"),
		} {
			if got := fmt.Sprintf("%v %+v", all[i].Link, *all[i].PAN); got != want {
				t.Errorf("result %d: %s\nwant      %s", i, got, want)
			}
		}
		if last := k.seen[len(k.seen)-1]; last.payload != "waits until the scan is over" || a.Channel() != 26 {
			t.Errorf("after the scan, on channel %d: %+v", a.Channel(), last)
		}
	}
}

// A passive scan hears beacons that others have asked for; a scan that is cancelled is over at once.
func TestPassiveScanHears(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, nil)
	k.coordinator(2, network, nil)
	x := k.tester()
	if err := x.radio.Tune(15); err != nil {
		t.Fatal(err)
	}
	if err := a.Scan(ieee802154.Scan{Channels: 1 << 15, Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	request := codec.Header{Type: codec.Command, Dst: everybody, DstPAN: 0xffff}
	x.send(request, "\x07")
	x.send(request, "\x07")
	a.wantEvents("one network, told once", event.IEEE802154ScanResult)
	if !a.CancelScan() || a.CancelScan() {
		t.Error("cancelled, and there is nothing left to cancel")
	}
	a.wantEvents("cancelled", event.IEEE802154ScanDone)
	if a.stats.MAC.BeaconsReceived != 1 {
		t.Errorf("%+v", a.stats.MAC)
	}
}

func TestScanRefuses(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, nil)
	for _, s := range []ieee802154.Scan{{Duration: 1}, {Channels: 1}} {
		if err := a.Scan(s); !errors.Is(err, ieee802154.ErrParameter) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	a.iface.SetUp(false)
	if err := a.Scan(ieee802154.Scan{Channels: 1, Duration: 1}); !errors.Is(err, ieee802154.ErrDown) {
		t.Errorf("down: %v", err)
	}
}

func TestAssociate(t *testing.T) { // 6.4.1
	for _, by := range []link.Addr{codec.Short(1), ext(2)} {
		k := newKit(t, radio.Config{})
		c := k.coordinator(2, network, nil)
		a := k.station(1, unassociated)
		join := ieee802154.Association{Channel: 15, PAN: 0x1234, Coordinator: by,
			Capability: codec.CapabilityAllocate | codec.CapabilityReceives}
		if err := a.Associate(join); err != nil {
			t.Fatal(err)
		}
		if err := a.Associate(join); !errors.Is(err, ieee802154.ErrBusy) {
			t.Errorf("a second one: %v", err)
		}
		k.run(time.Second)
		e := a.wantEvents("associated", event.IEEE802154Associated)
		if len(e) == 1 && (e[0].PAN.Short != 0x10 || e[0].Link != by) || a.Short() != 0x10 || a.PAN() != 0x1234 || a.Parent() != by {
			t.Errorf("%+v, short %#x in PAN %#x with %v", e, a.Short(), a.PAN(), a.Parent())
		}
		if got, want := fmt.Sprint(c.Members()), fmt.Sprint([][2]link.Addr{{ext(1), codec.Short(0x10)}}); got != want {
			t.Errorf("members %v, want %v", got, want)
		}
		a.say(codec.Short(1), "up")
		c.say(codec.Short(0x10), "down")
		k.run(time.Second)
		c.wantGot("by the short addresses", fmt.Sprint("up ", codec.Short(0x10), " > ", codec.Short(1)))
		a.wantGot("by the short addresses", fmt.Sprint("down ", codec.Short(1), " > ", codec.Short(0x10)))

		if err := a.Associate(join); err != nil { // again, and it keeps its address
			t.Fatal(err)
		}
		k.run(time.Second)
		a.wantEvents("associated again", event.IEEE802154Associated)
		if a.Short() != 0x10 || len(c.Members()) != 1 {
			t.Errorf("short %#x, %v", a.Short(), c.Members())
		}

		if err := a.Disassociate(); err != nil {
			t.Fatal(err)
		}
		k.run(time.Second)
		a.wantEvents("gone", event.IEEE802154Disassociated)
		if a.PAN() != 0xffff || a.Short() != 0xffff || len(c.Members()) != 0 || !errors.Is(a.Disassociate(), ieee802154.ErrNoPAN) {
			t.Errorf("PAN %#x, short %#x, members %v", a.PAN(), a.Short(), c.Members())
		}
		if len(a.Addrs()) != 1 {
			t.Errorf("addresses %v", a.Addrs())
		}
	}
}

// The frames of an association, in order: what each asks for, whom it is for, and who says to be where.
func TestAssociationFrames(t *testing.T) {
	k := newKit(t, radio.Config{})
	k.coordinator(2, network, nil)
	a := k.station(1, unassociated)
	if err := a.Associate(ieee802154.Association{Channel: 15, PAN: 0x1234, Coordinator: codec.Short(1), Capability: codec.CapabilityAllocate}); err != nil {
		t.Fatal(err)
	}
	k.run(time.Second)
	var got []string
	for _, s := range k.seen {
		if s.h.Type == codec.Ack {
			got = append(got, fmt.Sprint("ack, more to come: ", s.h.Pending))
			continue
		}
		pan, _ := s.h.Source()
		got = append(got, fmt.Sprintf("%04x/%v > %04x/%v ack %v: %x", pan, s.h.Src, s.h.DstPAN, s.h.Dst, s.h.AckRequest, s.payload))
	}
	want := []string{
		fmt.Sprint("ffff/", ext(1), " > 1234/00:01 ack true: 0180"), "ack, more to come: false",
		fmt.Sprint("1234/", ext(1), " > 1234/00:01 ack true: 04"), "ack, more to come: true",
		fmt.Sprint("1234/", ext(2), " > 1234/", ext(1), " ack true: 02100000"), "ack, more to come: false",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("frames\n%q\nwant\n%q", got, want)
	}
	if d := k.seen[2].at - k.seen[1].at; d < 491520*us || d > 500*time.Millisecond {
		t.Errorf("the answer is asked for %v after the request was acknowledged, want macResponseWaitTime", d)
	}
}

func TestAssociationFails(t *testing.T) {
	full := func(c *ieee802154.Config) { c.Members = -1 }
	for _, tt := range []struct {
		why    string
		net    func(*ieee802154.Network)
		change func(*ieee802154.Config)
		to     link.Addr
		status uint8
	}{
		{"nobody there", nil, nil, ext(77), 0xe9},
		{"nobody may", func(n *ieee802154.Network) { n.Permit = false }, nil, codec.Short(1), 0xeb},
		{"at capacity", nil, full, codec.Short(1), 1},
	} {
		t.Run(tt.why, func(t *testing.T) {
			k := newKit(t, radio.Config{})
			n := network
			if tt.net != nil {
				tt.net(&n)
			}
			c := k.coordinator(2, n, tt.change)
			a := k.station(1, unassociated)
			if err := a.Associate(ieee802154.Association{Channel: 15, PAN: 0x1234, Coordinator: tt.to}); err != nil {
				t.Fatal(err)
			}
			k.run(2 * time.Second)
			e := a.wantEvents("failed", event.IEEE802154AssociationFailed)
			if len(e) == 1 && e[0].PAN.Status != tt.status || a.PAN() != 0xffff || len(c.Members()) != 0 {
				t.Errorf("%+v, PAN %#x, members %v", e[0].PAN, a.PAN(), c.Members())
			}
		})
	}
}

// What a station that polls is sent waits for it, and not for ever (6.7.3).
func TestIndirect(t *testing.T) {
	k := newKit(t, radio.Config{})
	c := k.coordinator(2, network, func(c *ieee802154.Config) { c.Pending = 3 })
	a := k.station(1, unassociated)
	if err := a.Associate(ieee802154.Association{Channel: 15, PAN: 0x1234, Coordinator: codec.Short(1), Capability: codec.CapabilityAllocate}); err != nil {
		t.Fatal(err)
	}
	k.run(time.Second)
	me := codec.Short(0x10)
	for _, s := range []string{"one", "two", "three", "four"} {
		c.say(me, s)
	}
	c.wantDrops(stats.TxQueueFull, 1)
	k.run(time.Second)
	a.wantGot("nothing before it polls")
	for _, s := range []string{"one", "two"} {
		if err := a.Poll(); err != nil {
			t.Fatal(err)
		}
		k.seen = nil
		k.run(100 * time.Millisecond)
		a.wantGot("one frame for each poll", fmt.Sprint(s, " ", codec.Short(1), " > ", me))
		if !k.seen[1].h.Pending || !k.seen[2].h.Pending {
			t.Errorf("%s: the acknowledgement says that it comes (%v), and the frame that there is more (%v)", s, k.seen[1].h.Pending, k.seen[2].h.Pending)
		}
	}
	k.run(8 * time.Second)
	c.wantDrops(stats.FrameExpired, 1)
	if fmt.Sprint(c.failed) != fmt.Sprintf("[%v transaction-expired]", me) {
		t.Errorf("told %v", c.failed)
	}
	k.seen = nil
	if err := a.Poll(); err != nil {
		t.Fatal(err)
	}
	k.run(time.Second)
	a.wantGot("nothing is left")
	if len(k.seen) != 2 || k.seen[1].h.Pending {
		t.Errorf("%d frames, the acknowledgement says that something comes: %v", len(k.seen), k.seen[1].h.Pending)
	}
}

func TestOrphan(t *testing.T) {
	k := newKit(t, radio.Config{})
	c := k.coordinator(2, network, nil)
	a := k.station(1, unassociated)
	if err := a.Associate(ieee802154.Association{Channel: 15, PAN: 0x1234, Coordinator: codec.Short(1), Capability: codec.CapabilityAllocate}); err != nil {
		t.Fatal(err)
	}
	k.run(time.Second)
	x := k.tester()
	if err := x.radio.Tune(15); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		who  link.Addr
		want string
	}{{ext(1), "08341201000f1000"}, {ext(9), ""}} {
		k.seen = nil
		x.send(codec.Header{Type: codec.Command, Seq: 1, Dst: everybody, DstPAN: 0xffff, Src: tt.who, SrcPAN: 0xffff}, "\x06")
		got := ""
		for _, s := range k.seen[1:] {
			if s.h.Type == codec.Command {
				got = fmt.Sprintf("%x", s.payload)
				break
			}
		}
		if got != tt.want {
			t.Errorf("orphan %v is told %q, want %q", tt.who, got, tt.want)
		}
	}
	_ = c
}

// A flood of requests to associate, by stations that do not exist, fills what waits and no more; a real one gets in when
// that is over.
func TestFloodOfAssociationRequests(t *testing.T) {
	k := newKit(t, radio.Config{})
	c := k.coordinator(2, network, nil)
	x := k.tester()
	if err := x.radio.Tune(15); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		x.send(codec.Header{Type: codec.Command, Seq: uint8(i), AckRequest: true, Dst: codec.Short(1), DstPAN: 0x1234,
			Src: link.AddrFrom8([8]byte{6, 0, 0, 0, 0, 0, byte(i >> 8), byte(i)}), SrcPAN: 0xffff}, "\x01\x80")
	}
	if len(c.Members()) != 0 {
		t.Errorf("%d members", len(c.Members()))
	}
	k.run(10 * time.Second)
	a := k.station(1, unassociated)
	if err := a.Associate(ieee802154.Association{Channel: 15, PAN: 0x1234, Coordinator: codec.Short(1), Capability: codec.CapabilityAllocate}); err != nil {
		t.Fatal(err)
	}
	k.run(time.Second)
	a.wantEvents("after the flood", event.IEEE802154Associated)
}

// Many ask for beacons at once: they are answered together, and the channel is not flooded.
func TestFloodOfBeaconRequests(t *testing.T) {
	k := newKit(t, radio.Config{})
	k.coordinator(2, network, nil)
	x := k.tester()
	if err := x.radio.Tune(15); err != nil {
		t.Fatal(err)
	}
	request := append(codec.Append(nil, codec.Header{Type: codec.Command, Dst: everybody, DstPAN: 0xffff}), 7, 0, 0)
	codec.Seal(request)
	for range 100 {
		x.radio.Send(request)
		k.run(x.radio.Airtime(len(request)) + us)
	}
	k.run(time.Second)
	beacons := 0
	for _, s := range k.seen {
		if s.h.Type == codec.Beacon {
			beacons++
		}
	}
	if beacons == 0 || beacons > 50 {
		t.Errorf("%d beacons for 100 requests", beacons)
	}
}

func TestStartRefuses(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, nil)
	for _, bad := range []func(*ieee802154.Network){
		func(n *ieee802154.Network) { n.PAN = 0xffff }, func(n *ieee802154.Network) { n.Short = 0xffff },
		func(n *ieee802154.Network) { n.Channel = 10 }, func(n *ieee802154.Network) { n.Beacon = make([]byte, 53) },
	} {
		n := network
		bad(&n)
		if a.Start(n) == nil {
			t.Errorf("taken: %+v", n)
		}
	}
}

func TestAttributes(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, nil)
	if err := errors.Join(a.SetChannel(12), a.SetPower(3), a.SetPAN(7), a.SetShort(9), a.SetExtended(ext(50))); err != nil {
		t.Fatal(err)
	}
	a.SetAckRequest(false)
	if a.Channel() != 12 || a.Power() != 3 || a.PAN() != 7 || a.Short() != 9 || a.Extended() != ext(50) || a.AckRequest() {
		t.Error("an attribute is not what it was set to")
	}
	if fmt.Sprint(a.Addrs()) != fmt.Sprint([]link.Addr{ext(50), codec.Short(9)}) {
		t.Errorf("addresses %v", a.Addrs())
	}
	if a.SetChannel(27) == nil || a.SetPower(99) == nil || a.SetExtended(codec.Short(1)) == nil || a.Channel() != 12 {
		t.Error("something that there is not was taken")
	}
}
