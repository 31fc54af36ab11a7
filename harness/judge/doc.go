// Package judge finds what is wrong with frames, without being part of any check.
//
// A Judge sees every frame of a link in order. Frames of the target are judged; the others are context: they tell
// which request an answer belongs to, and what an ICMP error quotes. A Finding says which requirement of the
// catalogue a frame breaks, in which field, what was there and what should have been.
//
// The judge reads octets with a cursor of its own and shares no reader with the stack or with the matchers of the
// checks, so that a misreading in one of them shows.
//
// A false finding is worse than a missing one. A rule speaks only where the frame itself, or what the judge saw
// before, shows the fault under every reading of the RFC. What depends on the target (is it a router? which addresses
// are its own?) is judged only when Options tell it. Frames cut by the capture are judged as far as their octets go;
// checksums left to the network card are not judged; protocols without rules are counted (NotJudged) and let pass.
//
// The rules of a protocol are one table in one file; Rules lists them all.
package judge
