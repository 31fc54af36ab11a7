// Package userns gives an ordinary user what network namespaces and TAP devices take: a user namespace in which the
// program runs once more, as its root.
//
// A program calls Ensure before it does anything else, when it is about to use the kernel as a target. For root that is
// all. For anybody else Ensure starts the same program with the same arguments inside, stands in for it (signals go in,
// the exit code comes out) and does not return; inside, Ensure returns nil.
package userns
