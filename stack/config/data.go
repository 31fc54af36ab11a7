package config

// A ClassMap says which priority belongs to which traffic class (IEEE 802.1Q).
type ClassMap string

const (
	Strict ClassMap = "strict" // table 8-4
	SRAB   ClassMap = "sr_ab"  // table 34-1: stream reservation, classes A and B
	SRB    ClassMap = "sr_b"   // table 34-2: stream reservation, class B only
)

// A DefaultIface says which interface is the node's default.
type DefaultIface string

const (
	FirstIface      DefaultIface = "first"      // the first one that is not the loopback interface
	FirstUp         DefaultIface = "up"         // the first of those that is up
	FirstEthernet   DefaultIface = "ethernet"   // the first on an Ethernet
	FirstIEEE802154 DefaultIface = "ieee802154" // the first on an IEEE 802.15.4 network
	FirstBluetooth  DefaultIface = "bluetooth"  // the first on Bluetooth
	FirstCAN        DefaultIface = "can"        // the first on a CAN bus
)

// DataPath configures what happens to packets between a device and the protocols.
type DataPath struct {
	ClassMap               ClassMap     // of both directions
	SkipHighRx, SkipHighTx Switch       // one class more, the highest, which is not queued: it is processed at once
	RxPriority, TxPriority int          // of packets that say nothing of it, 1 to 7; negative: 0, best effort
	VLANs                  int          // virtual interfaces with an IEEE 802.1Q tag, in the node; negative: none
	DefaultIface           DefaultIface // the node's default interface
	Promiscuous            Switch       // interfaces can be made to accept frames for other stations
	PacketFilter           Switch       // packets can be filtered
	Capture                Switch       // frames can be captured
	RxTime, TxTime         Switch       // measure how long packets are in the node
	RxTimeDetail           Switch       // and from point to point of their way
	TxTimeDetail           Switch
}

// MaxClasses is how many traffic classes there are at most in each direction.
const MaxClasses = 8

// EffectiveRx is the number of classes of received packets: with SkipHighRx, one more than are queued.
func (c *Config) EffectiveRx() int { return effective(c.RxClasses, c.Data.SkipHighRx) }

// EffectiveTx is the number of classes of sent packets.
func (c *Config) EffectiveTx() int { return effective(c.TxClasses, c.Data.SkipHighTx) }

func effective(classes int, skip Switch) int {
	n := max(0, classes)
	if skip.On() {
		n++
	}
	return n
}

// RxSlots is how many received packets one class holds.
func (c *Config) RxSlots() int { return slots(c.QueueSlots, c.RxPackets, c.EffectiveRx()) }

// TxSlots is how many packets to send one class holds.
func (c *Config) TxSlots() int { return slots(c.QueueSlots, c.TxPackets, c.EffectiveTx()) }

func slots(each, packets, classes int) int {
	if each > 0 {
		return each
	}
	return max(1, packets/max(1, classes))
}
