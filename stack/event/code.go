package event

import "fmt"

// A Code names a kind of event, or a request: the layer of the network that it is about, a group within the layer, and
// a command within the group. It lies in 32 bits:
//
//	31      event, and not request
//	30      about an interface
//	29..28  layer
//	27..16  group, which Zephyr calls the layer code
//	15..0   command
type Code uint32

const (
	isEvent Code = 1 << 31
	onIface Code = 1 << 30
)

// Layers.
const (
	L1 = 0 // and whatever is of no layer
	L2 = 1
	L3 = 2
	L4 = 3
)

// Groups, with the layers that they are of.
const (
	GroupIface      = 0x001 // L2
	GroupEthernet   = 0x208 // L2
	GroupVLAN       = 0x209 // L2, requests only
	GroupIEEE802154 = 0x154 // L2
	GroupIPv4       = 0x004 // L3
	GroupIPv6       = 0x060 // L3
	GroupStats      = 0x101 // L3, requests only
	GroupL4         = 0x114 // L4
)

// Request makes the code of a request about an interface or, with none given, the node.
func Request(layer, group, command int) Code {
	return onIface | Code(layer&3)<<28 | Code(group&0xfff)<<16 | Code(command&0xffff)
}

// Mask makes a code that selects events of one group: those whose command has a bit in common with commands. All that
// the group has are selected by 0xffff.
func Mask(layer, group, commands int) Code { return isEvent | Request(layer, group, commands) }

// IsEvent tells an event from a request.
func (c Code) IsEvent() bool { return c&isEvent != 0 }

// Layer is one of L1 to L4.
func (c Code) Layer() int { return int(c >> 28 & 3) }

// Group is the group within the layer.
func (c Code) Group() int { return int(c >> 16 & 0xfff) }

// Command is the command within the group, or the commands of a mask.
func (c Code) Command() int { return int(c & 0xffff) }

// Selects tells whether a mask selects an event: both are of the same layer and group, and have a bit of the command in
// common. Commands are numbers and not bits, as in Zephyr; so a mask for command 1 selects command 3 as well, and whoever
// is told of an event looks at its code.
func (c Code) Selects(e Code) bool {
	const where = isEvent | 3<<28 | 0xfff<<16
	return c&where == e&where && c&e&0xffff != 0
}

func (c Code) String() string {
	if s := c.name(); s != "" {
		return s
	}
	kind := "request"
	if c.IsEvent() {
		kind = "event"
	}
	return fmt.Sprintf("%s L%d 0x%03x %d", kind, c.Layer()+1, c.Group(), c.Command())
}
