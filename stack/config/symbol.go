package config

import (
	"strings"
	"time"
)

// A Type is a type of symbols.
type Type uint8

const (
	Bool   Type = iota // y or n
	Int                // a decimal number
	Hex                // a number written 0x...
	String             // text in quotes
)

var typeNames = [...]string{Bool: "bool", Int: "int", Hex: "hex", String: "string"} // never written

func (t Type) String() string { return typeNames[t] }

// A Symbol is one option: what is known of it, once, for fragments, documentation and Config alike.
//
// The members of a choice are symbols of type Bool that name the same Choice, one behind the other; exactly one is y.
type Symbol struct {
	Name    string // without CONFIG_; Zephyr's name, or CONFORM_ and ours
	Type    Type
	Choice  string // that it is a member of; empty for most
	Default string // as a fragment would write it; Zephyr's
	Min     int64  // of an Int; beside it stands 0, where 0 means that a value follows from others
	Max     int64
	Unit    string // of an Int; empty for a number of things that the name tells
	Zero    string // what 0 means, where it is more than a number
	Depends string // an expression over symbols declared before; see expr.go
	Prompt  string // a few words
	Help    string // what the prompt leaves open
	Source  string // where the default or the behaviour comes from

	at    func(*Config) any                // the field: a pointer to an integer, a time.Duration, a Switch or a string
	one   time.Duration                    // what 1 is of a field that is a duration
	is    any                              // what the field is when this member of a choice is y
	not   bool                             // the field is on when the symbol is n
	plain bool                             // 0 is 0 in the field as well, not "as the profile says"
	auto  func(s *Symbol, c *Config) int64 // what 0 stands for, of a configuration in which all before it is settled
}

// Full is the name as fragments have it.
func (s *Symbol) Full() string { return prefix + s.Name }

const prefix = "CONFIG_"

// A Layer is a part of the table.
type Layer struct {
	Name    string // short, for --layer
	Title   string
	Symbols []Symbol
}

// Layers is the table, in the order of the stack from the bottom up. It is not to be changed.
func Layers() []Layer { return layers }

var layers = []Layer{ // never written
	{"node", "The node", nodeSymbols},
	{"protocol", "What there is", protocolSymbols},
	{"packet", "Packets and buffers", packetSymbols},
	{"iface", "Queues and interfaces", ifaceSymbols},
	{"l2", "Ethernet, ARP, conflict detection", l2Symbols},
	{"ieee802154", "IEEE 802.15.4", ieee802154Symbols},
	{"ipv4", "IPv4, ICMPv4, IGMP", ipv4Symbols},
	{"ipv6", "IPv6 and ICMPv6", ipv6Symbols},
	{"nd", "Neighbor Discovery, addresses, MLD", ndSymbols},
	{"lowpan", "6LoWPAN", lowpanSymbols},
	{"register", "Registration of addresses", registrationSymbols},
	{"udp", "UDP", udpSymbols},
	{"tcp", "TCP", tcpSymbols},
	{"socket", "Sockets", socketSymbols},
}

// table is all symbols in the order of layers, byName where each is in it, and choices where the members of each are.
var ( // never written
	table, byName, choices = index()
	needs                  = dependencies() // beside table, nil where there are none
)

func index() (all []*Symbol, names map[string]int, choices map[string][]int) {
	names, choices = map[string]int{}, map[string][]int{}
	for _, l := range layers {
		for i := range l.Symbols {
			s := &l.Symbols[i]
			names[s.Name] = len(all)
			if s.Choice != "" {
				choices[s.Choice] = append(choices[s.Choice], len(all))
			}
			all = append(all, s)
		}
	}
	return all, names, choices
}

func dependencies() []expr {
	list := make([]expr, len(table))
	for i, s := range table {
		if s.Depends == "" {
			continue
		}
		e, err := parseExpr(s.Depends)
		if err != nil {
			panic("config: the table's " + s.Name + ": " + err.Error())
		}
		list[i] = e
	}
	return list
}

// Find is the symbol of a name, with CONFIG_ or without; nil when there is none.
func Find(name string) *Symbol {
	if i, ok := byName[strings.TrimPrefix(name, prefix)]; ok {
		return table[i]
	}
	return nil
}

// members are the indices of a choice's members.
func members(choice string) []int { return choices[choice] }

// LayerOf is the layer of a symbol.
func LayerOf(s *Symbol) Layer {
	for _, l := range layers {
		for i := range l.Symbols {
			if &l.Symbols[i] == s {
				return l
			}
		}
	}
	return Layer{}
}
