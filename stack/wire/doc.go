// Package wire holds what every codec of the stack stands on: a cursor, the errors, the Internet checksum.
//
// Each format has a package below this one with the same few verbs:
//
//	Parse(b) (h, payload, err)  reads a header by value; payload and slices within h alias b, clipped to their end
//	Append(b, h) []byte         adds the header's octets to b
//	Put(b, h)                   writes them into the first h.Len() octets of b, the headroom before a payload
//	Verify(b, h) error          judges lengths and checksum of a whole message
//	Seal(b)                     fills in lengths and checksum of a whole message
//
// Parse refuses only what it cannot represent: a header cut short, a length that contradicts itself. Everything else it
// reports as it stood on the wire, so that a trace shows what came and not what should have come. Whoever acts on a
// message calls Verify as well. In the same way Append and Put write the length and checksum that they are given, and
// Seal makes them right. A message that was put and never sealed carries a checksum of zero, or whatever h held.
//
// Parse, Append into enough room, Put, Verify and Seal allocate nothing. No input makes them panic or read past its end.
// Put into too little room does panic: that is a mistake of the caller, and no input leads to it.
//
// Package wiretest checks these laws for every codec; the table is in laws_test.go.
package wire
