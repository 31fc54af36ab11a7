package agent

import "net/netip"

// Interfaces of a target that declares them. What cannot be done has its POSIX name: EALREADY, EOPNOTSUPP.
const (
	State       Verb = "state"       // Iface -> State
	Ifaces      Verb = "ifaces"      // -> Ifaces, but for the loopback interface
	Carrier     Verb = "carrier"     // Value 1 plugs the first link's cable in, 0 pulls it
	Dormant     Verb = "dormant"     // Iface, Value 1 or 0
	Promiscuous Verb = "promiscuous" // Iface, Value 1 or 0
	AddRoute    Verb = "route-add"   // Iface, Local and Value the prefix, Remote the gateway
	DelRoute    Verb = "route-del"   // likewise
	AddVLAN     Verb = "vlan-add"    // Iface, Value the tag -> Value, the index of the new interface, which is up
	DelVLAN     Verb = "vlan-del"    // Iface, Value the tag
)

// Statistics of a target that declares them, with the names that Zephyr has for them: "ipv4.recv", "tc.sent[0].pkts".
// With Iface Node they are those of all interfaces and of what concerns none.
const (
	Stats      Verb = "stats"            // Iface -> Counters
	ResetStats Verb = "stats-reset"      // Iface
	StatsText  Verb = "stats-text"       // Iface -> Data, what "net stats" prints
	Prometheus Verb = "stats-prometheus" // -> Data, in its text format
	Refuse     Verb = "filter"           // Iface, Option a hook: recv, ipv4, ipv6, local, send; Value 1 drops all there, 0 nothing
)

// Node asks for the counters of the target as a whole.
const Node = -1

// Events of a target that declares them.
const (
	Subscribe   Verb = "subscribe"   // Value a mask, with the numbers of Zephyr -> Socket
	Events      Verb = "events"      // Socket -> Events, in their order, those that were given before left out
	Unsubscribe Verb = "unsubscribe" // Socket
)

// System is what a reply of these verbs holds.
type System struct {
	State    *IfaceState       `json:"state,omitempty"`
	Ifaces   []Iface           `json:"ifaces,omitempty"`
	Counters map[string]uint64 `json:"counters,omitempty"`
	Events   []Event           `json:"events,omitempty"`
	Servers  []netip.Addr      `json:"servers,omitempty"` // of DNS, in the order in which they are asked
	Domains  []string          `json:"domains,omitempty"` // in which names are looked for, likewise
	Ordered  []netip.Addr      `json:"ordered,omitempty"`
}

// An IfaceState is the state of an interface (RFC 2863).
type IfaceState struct {
	Admin       bool   `json:"admin"`
	Carrier     bool   `json:"carrier"`
	Dormant     bool   `json:"dormant"`
	Promiscuous bool   `json:"promiscuous"`
	Oper        string `json:"oper"` // up, down, dormant, lower-layer-down
}

// An Iface is an interface of the target.
type Iface struct {
	Index   int    `json:"index"`
	Name    string `json:"name"`
	MTU     int    `json:"mtu"`
	Default bool   `json:"default"` // the one that is used where nothing else decides
}

// An Event is one of network management. What is not zero, the name says.
type Event struct {
	Name   string       `json:"name"` // of Zephyr, without its prefix: IPV4_ADDR_ADD
	Iface  int          `json:"iface"`
	Prefix netip.Prefix `json:"prefix,omitzero"`
	Addr   netip.Addr   `json:"addr,omitzero"`
	MTU    int          `json:"mtu,omitempty"`
	Tag    int          `json:"tag,omitempty"`
}
