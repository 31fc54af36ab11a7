package socket

// PacketIgnoreOutgoing is an option of SOL_PACKET: frames that this host sends are not wanted.
const PacketIgnoreOutgoing Option = "PACKET_IGNORE_OUTGOING"

var packetOptions = map[Option]row{ // never written
	PacketIgnoreOutgoing: toggle(ofPacket, func(s *Socket) *bool { return &s.link.ignores }),
}
