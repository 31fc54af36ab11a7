package stats

// A Drop is why a packet went no further. Its value is the index of its counter, its name the one in reports.
type Drop uint8

const (
	NotDropped Drop = iota

	// Interface and link.
	IfaceDown     // the interface was down
	NoBuffer      // the pool of packets was exhausted
	RxNoBuffer    // likewise, when it arrived at a device
	RxQueueFull   // the receive queue of its class was full
	TxQueueFull   // the transmit queue of its class was full
	DeviceFull    // the device was full and there is no transmit queue
	FrameInvalid  // no link header, or one that contradicts itself
	OtherStation  // addressed to another station, or to a group that nobody here joined
	BadLinkSource // the source of the frame is a group
	OwnFrame      // the source of the frame is this station
	UnknownType   // no protocol for its EtherType, LLC or VLAN
	NotResolved   // its next hop did not answer
	PendingFull   // too many packets waited for its next hop
	NoLinkAddr    // no link address for such a destination
	UnknownVLAN   // an IEEE 802.1Q tag that no interface has

	// The MAC of IEEE 802.15.4.
	FrameChecksum  // its frame check sequence is another
	FrameDuplicate // it came before: its acknowledgement was lost
	FrameSecurity  // it could not be protected, or its protection not be lifted, or it has too little
	FrameReplay    // its frame counter has been seen
	FrameUnacked   // it was sent as often as may be, and not acknowledged
	ChannelBusy    // the channel was never clear
	FrameExpired   // the station that it waited for did not poll

	// Packet filters, by the hook at which a rule said so.
	FilterReceive // as it came from the link
	FilterIPv4    // as a datagram of IPv4
	FilterIPv6    // as a datagram of IPv6
	FilterLocal   // on its way to a user of this host
	FilterSend    // on its way out

	// ARP.
	ARPInvalid  // not about Ethernet and IPv4, or cut short
	ARPSource   // its sender cannot be a neighbour
	ARPConflict // its sender uses an address of ours

	// IP.
	IPInvalid      // cut short, or with a header too short
	IPVersion      // its header says another version than its frame
	IPChecksum     // RFC 1122, 3.2.1.2
	IPLength       // the total length disagrees with what came
	IPLengthHigh   // likewise, by its high octet already (see WrongLength)
	IPSource       // no host can have the source address (RFC 1122, 3.2.1.3)
	IPDestination  // not for this host, and it does not forward
	IPLinkCast     // a link broadcast or multicast with a unicast destination (RFC 1122, 3.3.6)
	IPOption       // a malformed option
	IPSourceRoute  // a source route that does not end here
	IPNoProtocol   // nobody for its protocol
	IPTTL          // its time to live was used up
	IPNoRoute      // no route to its destination
	IPTooBig       // larger than the next link takes, and not to be fragmented
	IPIDExhausted  // no identification is free yet (RFC 6864, 5.2)
	FragInvalid    // a fragment of a length that cannot be, or past 65535 octets
	FragTimeout    // its datagram was never complete
	FragEvicted    // its datagram gave way to another one
	FragNoBuffer   // no room to reassemble
	FragAborted    // its datagram was given up on either side (RFC 8931, 6.3)
	ForwardRefused // not to be forwarded: by its link, source or destination

	// ICMP, IGMP.
	ICMPInvalid  // cut short, or of an impossible length
	ICMPChecksum // bad checksum
	ICMPUnknown  // a type that is not handled (RFC 1122, 3.2.2)
	ICMPIgnored  // one that a host may or must ignore
	ICMPNotSent  // an error that must not be sent (RFC 1122, 3.2.2)

	// IPv6 beyond what both versions have.
	ExtHeader  // an extension header that is malformed, or not where it may be (RFC 8200, 4)
	ExtOption  // an option that asks to be discarded with its packet (RFC 8200, 4.2)
	ExtRouting // a routing header that is not known, or not allowed (RFC 5095)
	NDInvalid  // Neighbor Discovery that is not valid (RFC 4861, 6.1, 7.1, 8.1)
	NDIgnored  // valid, and without effect here
	MLDInvalid // not valid (RFC 3810, 5.1.14, 6.2)
	MLDIgnored // not for a host, or of an unknown type

	// 6LoWPAN. Fragments below IPv6 have the reasons of fragments of IP.
	LowpanInvalid  // cut short, or headers that contradict themselves
	LowpanUnknown  // a dispatch, page or encoding that is reserved, not known, or not of 6LoWPAN
	LowpanContext  // an address of a context that is not known
	LowpanChecksum // an elided UDP checksum, and nothing else that protects the datagram (RFC 6282, 4.3.2)
	MeshHops       // no hops left (RFC 4944, 5.2)
	MeshRepeat     // a broadcast of the mesh that was here before
	MeshRefused    // to be forwarded by this station, which does not

	ICMPRateLimit // an error beyond the rate limit
	IGMPInvalid   // cut short, bad checksum, or not acceptable
	IGMPIgnored   // not for a host, or of an unknown type

	// Transports and sockets.
	UDPInvalid   // cut short, or of a length that cannot be
	UDPChecksum  // RFC 1122, 4.1.3.4
	UDPNoPort    // nobody listens
	TCPInvalid   // cut short, or of a data offset that cannot be
	TCPChecksum  // RFC 9293, 3.1, MUST-3
	TCPNoPort    // nobody listens
	TCPUnwanted  // not acceptable in the state of its connection (RFC 9293, 3.10.7)
	TCPOutWindow // outside the receive window
	TCPDuplicate // all its data was there already
	TCPNoRoom    // out of order, and no room to keep it
	TCPBacklog   // a SYN that the backlog turned away
	TCPOld       // an old duplicate by its timestamp (RFC 7323, 5)
	SocketFull   // the socket's receive buffer was full
	RawFull      // likewise, of a raw socket's
	SocketClose  // it waited in a socket that was closed

	NumDrops // how many reasons there are
)

var dropNames = [NumDrops]string{ // never written
	"not-dropped",
	"iface-down", "no-buffer", "rx-no-buffer", "rx-queue-full", "tx-queue-full", "device-full", "frame-invalid", "other-station",
	"bad-link-source", "own-frame", "unknown-type", "not-resolved", "pending-full", "no-link-addr",
	"unknown-vlan",
	"frame-checksum", "frame-duplicate", "frame-security", "frame-replay", "frame-unacked", "channel-busy", "frame-expired",
	"filter-receive", "filter-ipv4", "filter-ipv6", "filter-local", "filter-send",
	"arp-invalid", "arp-source", "arp-conflict",
	"ip-invalid", "ip-version", "ip-checksum", "ip-length", "ip-length-high", "ip-source", "ip-destination", "ip-link-cast", "ip-option",
	"ip-source-route", "ip-no-protocol", "ip-ttl", "ip-no-route", "ip-too-big", "ip-id-exhausted", "frag-invalid",
	"frag-timeout", "frag-evicted", "frag-no-buffer", "frag-aborted", "forward-refused",
	"icmp-invalid", "icmp-checksum", "icmp-unknown", "icmp-ignored", "icmp-not-sent",
	"ext-header", "ext-option", "ext-routing", "nd-invalid", "nd-ignored", "mld-invalid", "mld-ignored",
	"lowpan-invalid", "lowpan-unknown", "lowpan-context", "lowpan-checksum", "mesh-hops", "mesh-repeat", "mesh-refused",
	"icmp-rate-limit",
	"igmp-invalid", "igmp-ignored",
	"udp-invalid", "udp-checksum", "udp-no-port",
	"tcp-invalid", "tcp-checksum", "tcp-no-port", "tcp-unwanted", "tcp-out-of-window", "tcp-duplicate", "tcp-no-room",
	"tcp-backlog", "tcp-old",
	"socket-full", "raw-full", "socket-close",
}

func (d Drop) String() string {
	if d < NumDrops {
		return dropNames[d]
	}
	return "unknown-drop"
}

// WrongLength is the reason to drop a datagram whose length field says what did not come. Zephyr tells apart which octet
// of the field is wrong.
func WrongLength(said, came int) Drop {
	if said>>8 != came>>8 {
		return IPLengthHigh
	}
	return IPLength
}
