// Package inspect judges whole captures: every host in them is judged by what it sent.
//
// File reads a capture twice. The first pass learns which hosts leave checksums to their network card, so that the
// second does not blame them for it. Findings are grouped by sender: the source of the datagram where there is one,
// else the link address. Stations of IEEE 802.15.4 go by their link addresses and PANs; their frames are found by themselves,
// behind TAP headers and in ZEP, and opened with the keys that Options has.
//
// A capture shows the world from one place: copies of a frame may be in it twice, and what a router sends is seen
// with the addresses of others. Rules that need to know a host's own addresses are silent here; the judge of package
// judge applies them when it is told which host the target is.
package inspect
