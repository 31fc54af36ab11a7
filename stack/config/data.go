package config

import "fmt"

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

var dataLimits = []limit{ // never written
	{"Data.RxPriority", func(c *Config) int64 { return int64(c.Data.RxPriority) }, -1, 7},
	{"Data.TxPriority", func(c *Config) int64 { return int64(c.Data.TxPriority) }, -1, 7},
	{"Data.VLANs", func(c *Config) int64 { return int64(c.Data.VLANs) }, -1, 4094},
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

// checkData tells what does not fit together.
func (c *Config) checkData() (errs []error) {
	d := &c.Data
	switch d.ClassMap {
	case Strict:
	case SRAB, SRB:
		for _, way := range []struct {
			name string
			n    int
		}{{"RxClasses", c.EffectiveRx()}, {"TxClasses", c.EffectiveTx()}} {
			if way.n == 1 { // none at all need no map
				errs = append(errs, fmt.Errorf("config: Data.ClassMap %s takes 2 classes or more; %s makes 1", d.ClassMap, way.name))
			}
		}
	default:
		errs = append(errs, fmt.Errorf("config: Data.ClassMap is %q; it takes strict, sr_ab or sr_b", d.ClassMap))
	}
	for _, way := range []struct {
		name string
		n    int
		skip Switch
	}{{"RxClasses", c.RxClasses, d.SkipHighRx}, {"TxClasses", c.TxClasses, d.SkipHighTx}} {
		if way.n == MaxClasses && way.skip.On() {
			errs = append(errs, fmt.Errorf("config: %s is %d; with a class that is not queued it takes 7 at most", way.name, way.n))
		}
	}
	switch d.DefaultIface {
	case FirstIface, FirstUp, FirstEthernet, FirstIEEE802154, FirstBluetooth, FirstCAN:
	default:
		errs = append(errs, fmt.Errorf("config: Data.DefaultIface is %q; it takes first, up, ethernet, ieee802154, bluetooth or can", d.DefaultIface))
	}
	if d.RxTimeDetail.On() && !d.RxTime.On() {
		errs = append(errs, fmt.Errorf("config: Data.RxTimeDetail needs Data.RxTime"))
	}
	if d.TxTimeDetail.On() && !d.TxTime.On() {
		errs = append(errs, fmt.Errorf("config: Data.TxTimeDetail needs Data.TxTime"))
	}
	return errs
}

func rfcData() DataPath {
	return DataPath{
		ClassMap:     Strict,
		SkipHighRx:   Off,
		SkipHighTx:   Off,
		RxPriority:   -1,
		TxPriority:   -1,
		VLANs:        64,
		DefaultIface: FirstIface,
		Promiscuous:  On,
		PacketFilter: On,
		Capture:      On,
		RxTime:       Off,
		TxTime:       Off,
		RxTimeDetail: Off,
		TxTimeDetail: Off,
	}
}

// zephyrData is what Zephyr's Kconfig files set by default.
func zephyrData() DataPath {
	d := rfcData()
	d.TxPriority = 1 // background
	d.VLANs = 1
	d.Promiscuous = Off
	d.PacketFilter = Off
	d.Capture = Off
	return d
}
