package config

import "time"

const (
	classMapChoice = "NET_TC_MAPPING"
	defaultIface   = "NET_DEFAULT_IF"
)

// Effective classes are those that are queued and, with skipping, one more. A direction with fewer than two needs no map; one
// of both must have them.
const twoClasses = "NET_TC_RX_COUNT >= 2 || NET_TC_RX_COUNT = 1 && NET_TC_RX_SKIP_FOR_HIGH_PRIO || " +
	"NET_TC_TX_COUNT >= 2 || NET_TC_TX_COUNT = 1 && NET_TC_TX_SKIP_FOR_HIGH_PRIO"

// ifaceSymbols are of what every interface has, whatever its link.
var ifaceSymbols = []Symbol{ // never written
	{Name: "NET_TC_RX_COUNT", Type: Int, Default: "1", Max: MaxClasses, at: func(c *Config) any { return &c.RxClasses },
		Zero:   "received packets are processed at once",
		Prompt: "traffic classes of received packets", Help: "Each is a queue; the highest class goes first.", Source: "Zephyr: 1"},
	{Name: "NET_TC_TX_COUNT", Type: Int, Default: "0", Max: MaxClasses, at: func(c *Config) any { return &c.TxClasses },
		Zero:   "packets go to the device in the call that sends them",
		Prompt: "traffic classes of packets to send", Help: "Each is a queue; the highest class goes first.", Source: "Zephyr: 0"},
	{Name: "NET_TC_RX_SKIP_FOR_HIGH_PRIO", Default: "n", Depends: "NET_TC_RX_COUNT < 8", at: func(c *Config) any { return &c.Data.SkipHighRx },
		Prompt: "received packets of the highest class are not queued", Help: "It makes one class more than are queued.", Source: "Zephyr: n"},
	{Name: "NET_TC_TX_SKIP_FOR_HIGH_PRIO", Default: "n", Depends: "NET_TC_TX_COUNT < 8", at: func(c *Config) any { return &c.Data.SkipHighTx },
		Prompt: "packets to send of the highest class are not queued", Help: "It makes one class more than are queued.", Source: "Zephyr: n"},
	{Name: "NET_TC_MAPPING_STRICT", Choice: classMapChoice, Default: "y", at: classMap, is: Strict,
		Prompt: "priorities go to classes by strict priority", Help: "The table of IEEE 802.1Q for bridges without credit-based shaping.", Source: "Zephyr; IEEE 802.1Q, table 8-4"},
	{Name: "NET_TC_MAPPING_SR_CLASS_A_AND_B", Choice: classMapChoice, Default: "n", Depends: twoClasses, at: classMap, is: SRAB,
		Prompt: "priorities go to classes for stream reservation, A and B", Help: "Priorities 2 and 3 are those of streams.", Source: "Zephyr; IEEE 802.1Q, table 34-1"},
	{Name: "NET_TC_MAPPING_SR_CLASS_B_ONLY", Choice: classMapChoice, Default: "n", Depends: twoClasses, at: classMap, is: SRB,
		Prompt: "priorities go to classes for stream reservation, B only", Help: "Priority 2 is that of streams.", Source: "Zephyr; IEEE 802.1Q, table 34-2"},
	{Name: "NET_RX_DEFAULT_PRIORITY", Type: Int, Default: "0", Max: 7, at: func(c *Config) any { return &c.Data.RxPriority },
		Prompt: "priority of received packets that say nothing of it", Help: "0 is best effort; 1, background, is below it.", Source: "Zephyr: 0"},
	{Name: "NET_TX_DEFAULT_PRIORITY", Type: Int, Default: "1", Max: 7, at: func(c *Config) any { return &c.Data.TxPriority },
		Prompt: "priority of packets to send when their socket says nothing of it", Help: "0 is best effort; 1, background, is below it.", Source: "Zephyr: 1"},
	{Name: "CONFORM_TC_SLOTS", Type: Int, Default: "0", Max: 1 << 20, at: func(c *Config) any { return &c.QueueSlots },
		Zero:   "the packets of the pool, divided among the classes",
		Prompt: "packets that one class holds", Help: "One more is dropped and counted.", Source: "Zephyr divides, too"},
	{Name: "CONFORM_PACKET_COST", Type: Int, Default: "0", Max: 1e9, Unit: "ns", one: time.Nanosecond, at: func(c *Config) any { return &c.PacketCost },
		Zero:   "processing takes no time",
		Prompt: "processing time of a received packet, in virtual time", Help: "It lets queues fill in tests as they do on a slow processor.", Source: "this project"},
	{Name: "NET_VLAN_COUNT", Type: Int, Default: "1", Max: 4094, Depends: "NET_VLAN", at: func(c *Config) any { return &c.Data.VLANs },
		Zero:   "priority tags only, of tag 0",
		Prompt: "virtual interfaces with a tag of IEEE 802.1Q", Help: "They are counted for the node.", Source: "Zephyr: 1"},
	{Name: "NET_DEFAULT_IF_FIRST", Choice: defaultIface, Default: "y", at: defaultOf, is: FirstIface,
		Prompt: "the default interface is the first one", Help: "The loopback interface does not count.", Source: "Zephyr"},
	{Name: "NET_DEFAULT_IF_UP", Choice: defaultIface, Default: "n", at: defaultOf, is: FirstUp,
		Prompt: "the default interface is the first that is up", Help: "", Source: "Zephyr"},
	{Name: "NET_DEFAULT_IF_ETHERNET", Choice: defaultIface, Default: "n", Depends: "NET_L2_ETHERNET", at: defaultOf, is: FirstEthernet,
		Prompt: "the default interface is the first on Ethernet", Help: "", Source: "Zephyr"},
	{Name: "NET_DEFAULT_IF_IEEE802154", Choice: defaultIface, Default: "n", at: defaultOf, is: FirstIEEE802154,
		Prompt: "the default interface is the first on IEEE 802.15.4", Help: "", Source: "Zephyr"},
	{Name: "NET_DEFAULT_IF_BLUETOOTH", Choice: defaultIface, Default: "n", at: defaultOf, is: FirstBluetooth,
		Prompt: "the default interface is the first on Bluetooth", Help: "", Source: "Zephyr"},
	{Name: "NET_DEFAULT_IF_CANBUS_RAW", Choice: defaultIface, Default: "n", at: defaultOf, is: FirstCAN,
		Prompt: "the default interface is the first on a CAN bus", Help: "", Source: "Zephyr"},
	{Name: "NET_PROMISCUOUS_MODE", Default: "n", at: func(c *Config) any { return &c.Data.Promiscuous },
		Prompt: "interfaces can be made to accept frames for other stations", Help: "", Source: "Zephyr: n"},
	{Name: "NET_PKT_FILTER", Default: "n", at: func(c *Config) any { return &c.Data.PacketFilter },
		Prompt: "packets can be filtered", Help: "Rules stand at the hooks of reception, of the IP layers and of sending.", Source: "Zephyr: n"},
	{Name: "NET_CAPTURE", Default: "n", at: func(c *Config) any { return &c.Data.Capture },
		Prompt: "frames can be captured in the stack", Help: "", Source: "Zephyr: n"},
	{Name: "NET_PKT_RXTIME_STATS", Default: "n", at: func(c *Config) any { return &c.Data.RxTime },
		Prompt: "measure how long received packets are in the node", Help: "From the device to the application.", Source: "Zephyr: n"},
	{Name: "NET_PKT_RXTIME_STATS_DETAIL", Default: "n", Depends: "NET_PKT_RXTIME_STATS", at: func(c *Config) any { return &c.Data.RxTimeDetail },
		Prompt: "and from point to point of their way", Help: "", Source: "Zephyr: n"},
	{Name: "NET_PKT_TXTIME_STATS", Default: "n", at: func(c *Config) any { return &c.Data.TxTime },
		Prompt: "measure how long packets to send are in the node", Help: "From their making to the end of their sending.", Source: "Zephyr: n"},
	{Name: "NET_PKT_TXTIME_STATS_DETAIL", Default: "n", Depends: "NET_PKT_TXTIME_STATS", at: func(c *Config) any { return &c.Data.TxTimeDetail },
		Prompt: "and from point to point of their way", Help: "", Source: "Zephyr: n"},
}

func classMap(c *Config) any  { return &c.Data.ClassMap }
func defaultOf(c *Config) any { return &c.Data.DefaultIface }
