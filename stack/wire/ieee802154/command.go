package ieee802154

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

// A CommandID is the first octet of the payload of a command frame (7.5.1).
type CommandID uint8

const (
	AssociationRequest  CommandID = 1
	AssociationResponse CommandID = 2
	Disassociation      CommandID = 3
	DataRequest         CommandID = 4
	PANConflict         CommandID = 5
	OrphanNotification  CommandID = 6
	BeaconRequest       CommandID = 7
	Realignment         CommandID = 8
	GTSRequest          CommandID = 9
)

var commandNames = [...]string{ // never written
	1: "association request", 2: "association response", 3: "disassociation notification", 4: "data request",
	5: "PAN ID conflict notification", 6: "orphan notification", 7: "beacon request", 8: "coordinator realignment",
	9: "GTS request",
}

func (c CommandID) String() string {
	if int(c) < len(commandNames) && c > 0 {
		return commandNames[c]
	}
	return fmt.Sprintf("command %d", uint8(c))
}

// A Capability is what a device tells of itself when it asks to associate (7.5.2).
type Capability uint8

const (
	CapabilityFFD      Capability = 1 << 1 // it could be a coordinator
	CapabilityPower    Capability = 1 << 2 // it does not run on a battery
	CapabilityReceives Capability = 1 << 3 // its receiver is on when it is idle
	CapabilitySecurity Capability = 1 << 6
	CapabilityAllocate Capability = 1 << 7 // it wants a short address
)

// A Status is a coordinator's answer to a device that asks to associate (7.5.3).
type Status uint8

const (
	Associated Status = 0
	AtCapacity Status = 1
	Denied     Status = 2
)

// A Response is the content of an association response (7.5.3).
type Response struct {
	Short  uint16 // Unassigned: the device goes by its extended address; Broadcast: it is not associated
	Status Status
}

// ParseResponse reads what stands behind the command id.
func ParseResponse(b []byte) (a Response, rest []byte, err error) {
	r := wire.NewReader(b)
	a = Response{Short: u16(&r), Status: Status(r.U8())}
	if r.Short() {
		return Response{}, nil, wire.ErrShort
	}
	return a, r.Rest(), nil
}

// AppendResponse adds the content of an association response.
func AppendResponse(b []byte, a Response) []byte {
	return append(binary.LittleEndian.AppendUint16(b, a.Short), byte(a.Status))
}

// A Reason is why a device and a PAN part (7.5.4).
type Reason uint8

const (
	CoordinatorWishes Reason = 1
	DeviceWishes      Reason = 2
)

// A Realign is the content of a coordinator realignment (7.5.10).
type Realign struct {
	PAN         uint16
	Coordinator uint16
	Channel     uint8
	Short       uint16
}

// ParseRealign reads what stands behind the command id; what rest begins with, if anything, is the channel page.
func ParseRealign(b []byte) (a Realign, rest []byte, err error) {
	r := wire.NewReader(b)
	a = Realign{PAN: u16(&r), Coordinator: u16(&r), Channel: r.U8(), Short: u16(&r)}
	if r.Short() {
		return Realign{}, nil, wire.ErrShort
	}
	return a, r.Rest(), nil
}

// AppendRealign adds the content of a coordinator realignment.
func AppendRealign(b []byte, a Realign) []byte {
	b = binary.LittleEndian.AppendUint16(b, a.PAN)
	b = append(binary.LittleEndian.AppendUint16(b, a.Coordinator), a.Channel)
	return binary.LittleEndian.AppendUint16(b, a.Short)
}
