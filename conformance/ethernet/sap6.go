package ethernet

import (
	"encoding/binary"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/llc"
)

// sap6 puts a datagram behind the 802.2 header with the protocol id that IEEE reserved for IP (RFC 1122, 2.3.3).
func sap6(datagram packet.Template) packet.Template {
	return llc.Header(llc.DSAP.Is(llc.SAPIP), llc.SSAP.Is(llc.SAPIP)).Then(datagram)
}

// behindSAP6 does so with an Ethernet II frame.
func behindSAP6(frame []byte) []byte {
	frame = slices.Insert(frame, header, llc.SAPIP, llc.SAPIP, llc.UI)
	binary.BigEndian.PutUint16(frame[header-2:], uint16(len(frame)-header))
	return frame
}

func isSAP6(frame []byte) bool {
	return binary.BigEndian.Uint16(frame[header-2:]) <= mtu && len(frame) > header+1 && frame[header] == llc.SAPIP && frame[header+1]&^1 == llc.SAPIP
}
