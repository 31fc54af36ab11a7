// Package replay plays captures of real exchanges against a target.
//
// A Scenario is a capture and what is known about it: the hosts in it, which of them the target can play (its roles),
// the packets to leave out. In a run the target plays one host and the harness all the others: it sends the packets of
// the capture that they sent (the peer's half) and holds what the target says against what its host said.
//
// Three words carry the design:
//
//	message       what a host says at once: a frame, or an IPv4 datagram in fragments
//	translation   turns a message of the capture into one of the live world: addresses, wherever they stand, and what
//	              depends on them, such as checksums and the packets that ICMP errors quote
//	event         names what a message is about: "ICMP echo reply 192.0.2.2 > 192.0.2.1 id 7 seq 1"
//
// A message that the target has to say is translated and named by its event; a message of the target with the same event
// is the one, and is compared field by field. So nothing depends on which frame came first, and a field that a stack may
// choose (identification, time to live, padding, how much of a packet an ICMP error quotes) is simply not in the table.
// A message that never came, and one that nobody waits for, are failures too. When the event itself is wrong, the two are
// put together as far as they are alike, so that the failure names the field.
//
// TCP is not compared message by message: a stack cuts its stream, acknowledges and repeats as it likes. What the segments
// of the capture say together, octets, SYN, FIN, RST and acknowledgments, the live segments have to say together.
//
// What is known about a protocol stands in two tables: translators, one a header, and aligners, one a kind of exchange.
// The engine knows neither ARP nor ICMP.
//
// The time between the packets of the capture is kept, up to a bound; a packet of the peer that follows an answer waits
// for it.
package replay
