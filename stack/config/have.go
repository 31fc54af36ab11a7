package config

// Have says which protocols a node has. What is off is not there: frames and datagrams of it are what the layer below
// makes of any that it does not know, and its sockets cannot be opened. TCP.Enabled and IPv6.Enabled are two more.
type Have struct {
	Networking    Switch // anything but the loopback interface
	Native        Switch // IP at all
	Ethernet      Switch // interfaces of Ethernet
	IEEE802154    Switch // interfaces of IEEE 802.15.4
	VLAN          Switch // IEEE 802.1Q; without it tagged frames are of an unknown type
	ARP           Switch // RFC 826; without it no neighbour of IPv4 is found
	IPv4          Switch
	ICMPv4        Switch // echo, and errors: both received and sent
	UDP           Switch
	Sockets       Switch // of any kind
	RawSockets    Switch // of IP
	PacketSockets Switch // of the link
}
