// Package ieee802154 is the link layer of IEEE 802.15.4: the MAC of a network without regular beacons, in which a station
// listens before it talks (unslotted CSMA-CA), and what manages it. Sections are those of the edition of 2015.
//
// It has two halves, with the queues of an interface between them. The MAC is the interface's device: it owns the radio,
// waits for a clear channel, acknowledges what asks for it within aTurnaroundTime, repeats what was not acknowledged, and
// refuses what is damaged, a duplicate, or for somebody else. The Link is the interface's iface.L2: it puts headers on
// and takes them off, protects frames and lifts their protection, and runs the MLME (scan, associate, coordinate).
//
//	m := ieee802154.NewMAC(loop, radio, config)
//	i := iface.New(index, "lowpan0", loop, m, ...)
//	l := ieee802154.New(i, m)
//	l.Use(lowpan.New(..., l, ...)) // the Link is what an adaptation layer calls its link
//
// Frames cross radio and interface as MPDUs with their FCS, so that captures of either are of link type 195. A frame that is
// secured is so before it leaves the interface's queue for good; one that was queued for later, for a station that polls,
// is secured when it is sent.
//
// Packets of the network layer do not fit into frames: an Adaptation carries them in payloads. An address of two octets
// is a short one, one of eight an extended one; everybody is short address ffff.
package ieee802154

import (
	"time"

	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire/link"
)

// An Adaptation carries packets of the network layer in the payloads of data frames. For what it sends, and for what came
// in whole, it uses the Link's Addrs, PAN, Room, Send and Deliver.
type Adaptation interface {
	// Input owns the payload of a data frame for this station, or for all; to tells which of them. p holds only the
	// payload, and is in no other layer's hands.
	Input(p *packet.Packet, from, to link.Addr)
	// Output owns an IPv6 packet for a station; a group, and everybody, is short address ffff (RFC 4944, 9).
	Output(p *packet.Packet, dst link.Addr)
	// Headroom is the octets that Output needs in front of a packet, those of the Link's headers not counted.
	Headroom() int
	// MTU is the largest packet that Output takes, in octets: 1280 (RFC 4944, 4).
	MTU() int
	// Close stops timers and frees packets.
	Close()
}

// A Cutter is an Adaptation that sends some packets in several payloads. When a frame with one of them is given up, those
// behind it are worth nothing to anybody, and are not sent.
type Cutter interface {
	// PartOf tells which packet a payload is part of, 0 for one that is not cut, and whether it is its first part.
	PartOf(payload []byte) (id uint64, first bool)
}

// A Radio is a device that puts MPDUs on the air, FCS and all, and takes them off. Send begins to transmit at once and is
// false while it transmits, or while it cannot; it does not listen meanwhile.
type Radio interface {
	driver.Device
	// Airtime is how long it takes from Send until the last octet of an MPDU is out, preamble and all.
	Airtime(octets int) time.Duration
	// Busy is clear channel assessment: something was on the air here during the last time d.
	Busy(d time.Duration) bool
	// Tune chooses the channel; the error is that of a channel that there is not.
	Tune(channel int) error
	// SetPower chooses the transmit power in dBm.
	SetPower(dBm int) error
	// LQI is the quality of the frame that is being received, 0 to 255; it is asked within Receive.
	LQI() uint8
}

// Wrapped is a radio of which a wrapper around its device, one that traces or captures, sees the frames.
func Wrapped(around driver.Device, r Radio) Radio { return &wrapped{around, r} }

type wrapped struct {
	driver.Device
	radio Radio
}

func (w *wrapped) Airtime(octets int) time.Duration { return w.radio.Airtime(octets) }
func (w *wrapped) Busy(d time.Duration) bool        { return w.radio.Busy(d) }
func (w *wrapped) Tune(channel int) error           { return w.radio.Tune(channel) }
func (w *wrapped) SetPower(dBm int) error           { return w.radio.SetPower(dBm) }
func (w *wrapped) LQI() uint8                       { return w.radio.LQI() }
func (w *wrapped) HasCarrier() bool                 { return driver.CarrierOf(w.Device) }
func (w *wrapped) SetPromiscuous(on bool) error     { return driver.SetPromiscuous(w.Device, on) }

// Latency is the radio's, if it says one.
func (w *wrapped) Latency() time.Duration { return latency(w.radio) }

// latency is how long a frame is on its way beyond its airtime, on a medium that is no air.
func latency(r Radio) time.Duration {
	if l, ok := r.(interface{ Latency() time.Duration }); ok {
		return l.Latency()
	}
	return 0
}
