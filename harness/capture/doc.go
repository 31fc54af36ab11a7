// Package capture reads and writes packet captures.
//
// A Reader takes pcap (µs and ns, both byte orders), pcapng, snoop (RFC 1761) and btsnoop files and gives one Packet
// after the other. Which format it is, the first octets tell; names and extensions do not count. Packets that stand
// before a fault are never lost: Next returns them all, and then the error.
//
// A Writer makes pcapng: one section, any number of interfaces, several comments a packet. The same input gives the
// same octets, so that two runs can be compared by their evidence.
//
// A link type (LinkType) is what the registry of tcpdump.org calls LINKTYPE_; snoop and btsnoop have numbers of their
// own, which are translated. A Reader does not care whether a link type is known: what to do with it is the caller's.
//
// Every length is checked before memory is taken for it. Nothing here understands the packets themselves.
package capture
