// Package zep is a radio of IEEE 802.15.4 on a network of UDP: what a station sends goes to a dispatcher, which gives it to
// all others, as the native boards of RIOT do with ZEP. A peer instead of a dispatcher makes a network of two.
//
// Nothing takes airtime there and nothing collides, but a frame is on its way for longer than on the air: a MAC waits longer
// for acknowledgements than the standard says, which Latency tells it. Whoever does not, RIOT's boards among them, repeats
// a frame now and then that did arrive.
package zep

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/pump"
	"github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/zep"
)

// Config says whose network.
type Config struct {
	Remote  string        // host:port of the dispatcher
	Local   string        // host:port of this station; empty: any
	Device  uint16        // what the station calls itself in its packets
	Latency time.Duration // from a station to another one; 0 means 10 ms
	Frames  int           // that have been read and not been received; 0 means 64
}

// Counts are frames, and what became of them. They belong to the loop.
type Counts struct {
	Received uint64
	Sent     uint64
	Early    uint64 // came before Start
	Other    uint64 // on another channel
	Invalid  uint64 // no packet of ZEP, or one that contradicts itself
	Unsent   uint64 // the network did not take them
}

// A Device is a station's radio. Its methods are called on the loop, except Wait.
type Device struct {
	conn    *net.UDPConn
	pump    *pump.Pump
	config  Config
	handler driver.Handler
	counts  Counts
	closed  bool
	err     error
	channel int
	lqi     uint8
	seq     uint32
	out     [32 + ieee802154.MaxFrame]byte
}

// What the radio refuses.
var ErrChannel = errors.New("zep: there are channels 11 to 26")

// Open joins the network. It is not started: until then, what comes is read and lost.
func Open(c Config, door pump.Door) (*Device, error) {
	remote, err := net.ResolveUDPAddr("udp", c.Remote)
	if err != nil {
		return nil, fmt.Errorf("zep: the dispatcher: %w", err)
	}
	var local *net.UDPAddr
	if c.Local != "" {
		if local, err = net.ResolveUDPAddr("udp", c.Local); err != nil {
			return nil, fmt.Errorf("zep: the station's own address: %w", err)
		}
	}
	conn, err := net.DialUDP("udp", local, remote)
	if err != nil {
		return nil, fmt.Errorf("zep: %w", err)
	}
	d := &Device{conn: conn, config: c, channel: 26}
	d.pump = pump.Start(patient{conn}, cmp.Or(c.Frames, 64), 2048, door, d.receive, d.ended)
	return d, nil
}

// patient reads on when a dispatcher that is not there yet, or not at the moment, has refused a packet.
type patient struct{ conn *net.UDPConn }

func (p patient) Read(b []byte) (int, error) {
	for {
		n, err := p.conn.Read(b)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return n, err
		}
	}
}

// Local is the address that the station sends from.
func (d *Device) Local() netip.AddrPort { return d.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Name says where the device is, as a link of a command line.
func (d *Device) Name() string { return "zep:" + d.conn.RemoteAddr().String() }

// Counts is what has happened so far.
func (d *Device) Counts() Counts { return d.counts }

// Err is why nothing more is received, if the network failed.
func (d *Device) Err() error { return d.err }

// HasCarrier implements driver.Carrier.
func (d *Device) HasCarrier() bool { return d.err == nil }

// Start implements driver.Device. A greeting tells the dispatcher that there is another station.
func (d *Device) Start(h driver.Handler) {
	d.handler = h
	d.send(zep.Hello, nil)
}

// Send implements driver.Device. The network always has room; what it does not take is counted.
func (d *Device) Send(mpdu []byte) bool {
	if !d.closed && len(mpdu) <= ieee802154.MaxFrame {
		d.send(zep.Data, mpdu)
	}
	return true
}

func (d *Device) send(t zep.Type, mpdu []byte) {
	h := zep.Header{Version: 2, Type: t, Channel: uint8(d.channel), Device: d.config.Device, CRC: true, LQI: 255,
		Time: zep.TimeOf(time.Now()), Length: uint8(len(mpdu))}
	if t == zep.Data {
		d.seq++
		h.Seq = d.seq
	}
	n := h.Len()
	zep.Put(d.out[:], h)
	n += copy(d.out[n:], mpdu)
	switch _, err := d.conn.Write(d.out[:n]); {
	case err != nil:
		d.counts.Unsent++
	case t == zep.Data:
		d.counts.Sent++
	}
}

// receive runs on the loop. The FCS of a packet that says to have none is made here: the radio had checked it.
func (d *Device) receive(packet []byte) {
	if d.closed {
		return
	}
	h, frame, err := zep.Parse(packet)
	switch {
	case err != nil || zep.Verify(packet, h) != nil:
		d.counts.Invalid++
	case h.Type != zep.Data:
	case len(frame) < ieee802154.FCSLen || len(frame) > ieee802154.MaxFrame:
		d.counts.Invalid++
	case d.handler == nil:
		d.counts.Early++
	case int(h.Channel) != d.channel:
		d.counts.Other++
	default:
		if !h.CRC {
			ieee802154.Seal(frame)
		}
		d.counts.Received++
		d.lqi = h.LQI
		d.handler.Receive(frame)
	}
}

// ended runs on the loop: nothing more will be received.
func (d *Device) ended(err error) {
	if d.closed { // it is Close that ended it
		return
	}
	d.err = err
	if d.handler != nil {
		driver.TellCarrier(d.handler, false)
	}
}

// Close implements driver.Device. It does not wait for the goroutines; Wait does.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.closed, d.handler = true, nil
	d.pump.Stop()
	return d.conn.Close()
}

// Wait returns when the goroutines have ended, which they do after Close. It must not be called on the loop.
func (d *Device) Wait() { d.pump.Wait() }

// Airtime is none: a packet is out when it is sent.
func (*Device) Airtime(int) time.Duration { return 0 }

// Latency is how long a frame may be on its way to another station.
func (d *Device) Latency() time.Duration { return cmp.Or(d.config.Latency, 10*time.Millisecond) }

// Busy is clear channel assessment: nothing disturbs anything here.
func (*Device) Busy(time.Duration) bool { return false }

// Tune chooses a channel, 11 to 26.
func (d *Device) Tune(channel int) error {
	if channel < 11 || channel > 26 {
		return ErrChannel
	}
	d.channel = channel
	return nil
}

// SetPower does nothing: everybody hears everybody.
func (*Device) SetPower(int) error { return nil }

// LQI is what the packet said of the frame that is being received.
func (d *Device) LQI() uint8 { return d.lqi }
