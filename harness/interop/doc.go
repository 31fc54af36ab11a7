// Package interop lets two targets talk to each other.
//
// The harness is the wire between them: it carries each frame of one to the other, and may lose, repeat or delay it, or
// carry only short ones. A scenario tells the agents of both what to do with their sockets and sees whether it worked. The
// passive judge reads both directions, each as frames of the side that sent them, so that a rule that was broken has a
// name to it.
//
// Every pair plays every scenario in both roles. Side a is the one that begins: it resolves, asks, connects.
package interop
