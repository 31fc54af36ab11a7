// Package packet builds, reads and compares frames for the suites.
//
// A protocol is a table of fields. A field knows its name in the RFC, where it stands in the header and how to print a
// value, and from that one line follow the rest: arp.Op.Is(2) sets it in a frame to send and asks for it in a frame
// received, arp.Op.Of(f) reads it, a difference names it, a mutant rewrites it.
//
// A Template is a stack of partial layers. What it leaves out is a default when it is built and matches anything when it
// is compared. Building fills lengths, checksums and the layers below; a field that the template sets itself is left
// alone, which is how wrong lengths and checksums are made.
//
// A Frame is dissected by gopacket, which says which layers there are and where; the values are read from the raw bytes
// by the tables. gopacket mends and overlooks faults, so a frame is never judged here: that is package judge's work.
package packet
