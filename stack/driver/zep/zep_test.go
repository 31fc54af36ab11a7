package zep_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/clock/live"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/zep"
	"github.com/conform-stack/conform/stack/wire/ieee802154"
	wire "github.com/conform-stack/conform/stack/wire/zep"
)

// dispatcher gives what one station sends to all others that it has heard of, as RIOT's does. It ends with the test.
func dispatcher(t *testing.T) (at string, heard chan wire.Header) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	heard = make(chan wire.Header, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var stations []netip.AddrPort
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if errors.Is(err, net.ErrClosed) {
				return
			} else if err != nil {
				continue
			}
			h, _, _ := wire.Parse(b[:n])
			known := false
			for _, s := range stations {
				if s == from {
					known = true
				} else if h.Type != wire.Hello {
					_, _ = conn.WriteToUDPAddrPort(b[:n], s)
				}
			}
			if !known {
				stations = append(stations, from)
			}
			heard <- h
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String(), heard
}

// station opens a device whose frames go to a channel.
func station(t *testing.T, at string) (*zep.Device, *live.Clock, chan string) {
	loop := live.Start(clock.New())
	d, err := zep.Open(zep.Config{Remote: at, Device: 7}, loop.Do)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 100)
	loop.Do(func() { d.Start(driver.Frames(func(b []byte) { got <- string(b) })) })
	t.Cleanup(func() {
		loop.Do(func() { _ = d.Close() })
		d.Wait()
		loop.Close()
	})
	return d, loop, got
}

func await[T any](t *testing.T, why string, c chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nothing came", why)
	}
	return v
}

func TestNetworkOfTwo(t *testing.T) {
	at, heard := dispatcher(t)
	_, _, got := station(t, at)
	if h := await(t, "a greeting", heard); h.Type != wire.Hello || h.Version != 2 {
		t.Errorf("greets with %+v", h)
	}
	b, loop, _ := station(t, at)
	await(t, "another greeting", heard)
	mpdu := []byte{2, 0, 0x62, 0xac, 0xf5}
	loop.Do(func() { b.Send(mpdu) })
	h := await(t, "the frame at the dispatcher", heard)
	if h.Type != wire.Data || h.Channel != 26 || h.Device != 7 || !h.CRC || h.Seq != 1 || h.Length != 5 || h.Time == 0 {
		t.Errorf("%+v", h)
	}
	if f := await(t, "the frame", got); f != string(mpdu) {
		t.Errorf("%x, want %x", f, mpdu)
	}
	loop.Do(func() {
		if err := b.Tune(11); err != nil {
			t.Error(err)
		}
		b.Send(mpdu)
		if b.Tune(26) != nil || b.Tune(27) == nil {
			t.Error("channels")
		}
		b.Send(append(mpdu, 9))
	})
	if f := await(t, "the frame on the same channel", got); len(f) != 6 {
		t.Errorf("%x came first", f)
	}
}

// Packets as others make them, straight to the device.
func TestReceive(t *testing.T) {
	peer, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	d, loop, got := station(t, peer.LocalAddr().String())
	send := func(b []byte) {
		if _, err := peer.WriteToUDPAddrPort(b, d.Local()); err != nil {
			t.Fatal(err)
		}
	}
	frame := []byte{2, 0, 0x62, 0, 0}
	v1 := wire.Append(nil, wire.Header{Version: 1, Channel: 26, LQI: 99, Length: 5})
	for _, bad := range [][]byte{
		{}, []byte("EX"), append([]byte("XX\x02"), v1...), append(v1[:len(v1):len(v1)], frame[:3]...), wire.Append(nil, wire.Header{Version: 1, Channel: 26}),
		wire.Append(nil, wire.Header{Version: 2, Type: wire.Ack}), append(append([]byte{}, v1[:15]...), make([]byte, 200)...),
	} {
		send(bad)
	}
	send(append(v1, frame...))
	f := await(t, "a frame of version 1 without FCS", got)
	if _, err := ieee802154.Check([]byte(f)); err != nil || len(f) != 5 {
		t.Errorf("%x: %v", f, err)
	}
	loop.Do(func() {
		if c := d.Counts(); c.Received != 1 || c.Invalid != 6 || d.LQI() != 99 {
			t.Errorf("%+v, LQI %d", c, d.LQI())
		}
	})
}

// A dispatcher that is not there refuses packets; when it comes, the network works.
func TestDispatcherComesLater(t *testing.T) {
	gone, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	at := gone.LocalAddr().(*net.UDPAddr)
	_ = gone.Close()
	d, loop, got := station(t, at.String())
	loop.Do(func() { d.Send([]byte{1, 2, 3}); d.Send([]byte{1, 2, 3}) })
	peer, err := net.ListenUDP("udp", at)
	if err != nil {
		t.Skip("somebody else took the port: ", err)
	}
	defer peer.Close()
	h := wire.Append(nil, wire.Header{Version: 2, Type: wire.Data, Channel: 26, CRC: true, Length: 3})
	if _, err := peer.WriteToUDPAddrPort(append(h, 4, 5, 6), d.Local()); err != nil {
		t.Fatal(err)
	}
	if f := await(t, "the frame", got); f != "\x04\x05\x06" {
		t.Errorf("%x", f)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []zep.Config{{Remote: "nowhere"}, {Remote: "127.0.0.1:1", Local: "x"}} {
		if _, err := zep.Open(c, nil); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
