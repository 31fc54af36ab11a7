package ieee802154_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	codec "github.com/conform-stack/conform/stack/wire/ieee802154"
)

// Whatever comes off the air, a coordinator goes on: it answers a beacon request, its memory is bounded, and no packet is
// lost. The input is frames, each behind an octet with its length; they get an FCS.
func FuzzAir(f *testing.F) {
	one := func(h codec.Header, payload string) []byte {
		b := append(codec.Append(nil, h), payload...)
		return append([]byte{byte(len(b))}, b...)
	}
	join := codec.Header{Type: codec.Command, AckRequest: true, Dst: codec.Short(1), DstPAN: 0x1234, Src: ext(9), SrcPAN: 0xffff}
	f.Add(one(join, "\x01\x80"))
	f.Add(append(one(join, "\x01\x80"), one(codec.Header{Type: codec.Command, AckRequest: true, Compressed: true,
		Dst: codec.Short(1), DstPAN: 0x1234, Src: ext(9)}, "\x04")...))
	f.Add(one(guarded(1, nil), "payload1234"))
	f.Add(one(codec.Header{Type: codec.Beacon, SrcPAN: 0x1234, Src: ext(3)}, "\xff\xcf\x00\x00"))
	f.Add(one(codec.Header{Type: codec.Data, Version: codec.V2015, HasIEs: true, IEs: []byte{0, 0x3f}, AckRequest: true,
		Dst: ext(2), DstPAN: 0x1234, Src: ext(9)}, "\x00\x88\x00\xf8x"))
	f.Add([]byte{2, 0xff, 0xff, 3, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		k := newKit(t, radio.Config{})
		k.blind = true
		c := k.coordinator(2, network, protect(codec.ENCMIC32, codec.KeyIndex))
		x := k.tester()
		if err := x.radio.Tune(15); err != nil {
			t.Fatal(err)
		}
		for frames := 0; len(b) > 0 && frames < 200; frames++ {
			n := min(int(b[0]), len(b)-1, codec.MaxFrame-codec.FCSLen)
			x.raw(b[1 : 1+n])
			b = b[1+n:]
		}
		k.run(time.Second)
		a := k.station(1, unassociated)
		if err := a.Scan(ieee802154.Scan{Channels: 1 << 15, Duration: 100 * time.Millisecond, Active: true}); err != nil {
			t.Fatal(err)
		}
		k.run(200 * time.Millisecond)
		if len(a.events) != 2 || a.events[0].Code != event.IEEE802154ScanResult {
			t.Errorf("a scan finds %+v", a.events)
		}
		k.run(10 * time.Second)
		if n := len(c.Members()); n > 32 {
			t.Errorf("%d members", n)
		}
		if c.pool.InUse() != 0 {
			t.Errorf("%d packets in use", c.pool.InUse())
		}
	})
}
