package trace

import (
	"fmt"

	"github.com/conform-stack/conform/stack/wire/ieee802154"
)

// IEEE802154 describes a frame of IEEE 802.15.4 with its FCS: the header, what a command asks for, and in square brackets
// what is wrong.
func IEEE802154(mpdu []byte) string {
	frame, bad := ieee802154.Check(mpdu)
	if frame == nil {
		frame = mpdu[:max(0, len(mpdu)-ieee802154.FCSLen)]
	}
	h, payload, err := ieee802154.Parse(frame)
	if err != nil {
		return unreadable("frame", mpdu, err)
	}
	s := h.String() + complaint(bad)
	switch {
	case h.Type == ieee802154.Ack:
		return s
	case h.Type == ieee802154.Command && !h.Secured && len(payload) > 0:
		return s + ": " + ieee802154.CommandID(payload[0]).String()
	}
	return fmt.Sprintf("%s: %d octets", s, len(payload))
}
