// Package probe is what the body of a check works with: a tester on the link of one world.
//
// A check sends frames and expects frames. Time passes only while it expects something or waits. Every frame is logged,
// judged and kept as evidence; what came and was not asked for stays in an inbox until something asks for it.
//
// An assertion belongs to a requirement. Must and That name theirs. Expect, Never and Silent take it from For, or from
// the check if it proves just one; without either they are preparation, and their failure proves nothing about any
// requirement in particular. A failed Must lets the body go on, so that one run shows all that is wrong; a missing frame
// ends it.
package probe
