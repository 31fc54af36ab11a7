package capture

import "time"

// A Packet is one record of a capture.
type Packet struct {
	Number    int       // in the capture, from 1
	Time      time.Time // when it was captured; the zero Time where the format has none (simple packet blocks)
	LinkType  LinkType
	Data      []byte // what was captured; the receiver's to keep
	Original  int    // length in octets on the link; more than len(Data) when the packet was cut
	Comments  []string
	Interface *Interface
	Direction Direction
}

// Cut tells whether the capture holds less of the packet than there was on the link.
func (p Packet) Cut() bool { return len(p.Data) < p.Original }

// An Interface is where packets were captured. Formats without interfaces have one, without a name.
type Interface struct {
	Section     int // of the capture, from 0
	ID          int // within its section, from 0
	Name        string
	Description string
	LinkType    LinkType
	SnapLen     int // longest packet kept; 0 is no limit
	Comments    []string

	resolution resolution // of the time stamps
	offset     int64      // seconds to add to them
}

// Direction is which way a packet went, as seen from the capturing host.
type Direction uint8

const (
	UnknownDirection Direction = iota
	Inbound
	Outbound
)

func (d Direction) String() string {
	switch d {
	case Inbound:
		return "inbound"
	case Outbound:
		return "outbound"
	}
	return "unknown direction"
}
