package replay

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/target"
)

// An aligner knows one kind of exchange: what its messages are about, and what of them is compared.
type aligner struct {
	kind string // as scenario files name it
	// event says what a message is about. ok is false for messages of another kind.
	event func(f *packet.Frame) (event string, ok bool)
	// begins tells whether a host says f of its own accord, and not as an answer.
	begins func(f *packet.Frame) bool
	// comes are the requirements that are shown by the message coming at all.
	comes func(f *packet.Frame) []string
	// fields are compared, in the order of the headers.
	fields func(f *packet.Frame) []field
	// unasked is the requirement broken by a message that the target says though nobody waits for it; empty when no
	// single one is. speaker is who the target is.
	unasked func(f *packet.Frame, speaker target.Host) string
	// leaves are the requirements that a host shows by saying nothing to f; nil for none.
	leaves func(f *packet.Frame, h Host) []string
	// aside is set for messages that serve others: the target may say them when it likes, and the peer's answer to one is
	// made when it is asked for, in env, where the target is the peer. It gives that answer, nil for none; ok is false for
	// messages that are no such thing.
	aside func(f *packet.Frame, peers []target.Host, env packet.Env) (answer []byte, ok bool)
	// serves tells whether f is said so that later can be said.
	serves func(f, later *packet.Frame) bool
	// answers tells whether f is the answer to an earlier message that serves others.
	answers func(f, earlier *packet.Frame) bool
	// again tells whether f only repeats what the target said before, in order, as it may do as often as it likes; nil
	// when nothing is repeated.
	again func(f *packet.Frame, before []*packet.Frame) bool
	// fresh tells that a message of before its cause is not the one that is waited for: the target says such by itself, too.
	fresh bool
	// repeats are the requirements that are shown by a message of the capture being repeated.
	repeats []string
	// within is how long a host may put f off; nil for not at all.
	within func(f *packet.Frame) time.Duration
	// refills tells that the end of a message is data, which can be made up when the capture cut it.
	refills bool
	// ranges tells that messages are not compared one with one: what they say together is (see stream).
	ranges bool
}

// aligners has a line for each kind of exchange. A message is of the first kind that takes it.
func aligners() []*aligner {
	return []*aligner{arpAligner, echoAligner, errorAligner, udpAligner, igmpAligner, ndAligner, routersAligner, echo6Aligner, error6Aligner, tcpAligner}
}

// alignerOf gives the aligner of a message, nil when no kind takes it.
func alignerOf(f *packet.Frame) *aligner {
	for _, a := range aligners() {
		if _, ok := a.event(f); ok {
			return a
		}
	}
	return nil
}

func eventOf(f *packet.Frame) string {
	if a := alignerOf(f); a != nil {
		e, _ := a.event(f)
		return e
	}
	return f.String()
}

func kinds() (names []string) {
	for _, a := range aligners() {
		names = append(names, a.kind)
	}
	return names
}

// shown are the requirements that are shown by f coming at all, for the first time or again.
func (a *aligner) shown(f *packet.Frame, again bool) []string {
	if again {
		return a.repeats
	}
	return a.comes(f)
}

// requirements are all that a wanted message can show.
func (a *aligner) requirements(f *packet.Frame, again bool) []string {
	reqs := append([]string(nil), a.shown(f, again)...)
	for _, fd := range a.present(f) {
		reqs = append(reqs, fd.requirements...)
	}
	return reqs
}

// present are the fields that are compared with a message that has them.
func (a *aligner) present(want *packet.Frame) []field {
	return slices.DeleteFunc(slices.Clone(a.fields(want)), func(fd field) bool { return fd.of != nil && !want.Has(fd.of) })
}

// blamed are the requirements for a message that should have come and did not, or came and should not have: those that
// it shows by coming, else the first that it is compared for.
func (a *aligner) blamed(f *packet.Frame, again bool) []string {
	if reqs := a.shown(f, again); len(reqs) > 0 {
		return reqs
	}
	return a.requirements(f, again)[:1]
}

// isAside tells whether f serves others.
func (a *aligner) isAside(f *packet.Frame) bool {
	if a.aside == nil {
		return false
	}
	_, ok := a.aside(f, nil, packet.Env{})
	return ok
}

func never(*packet.Frame) bool                 { return false }
func always(*packet.Frame) bool                { return true }
func noRule(*packet.Frame, target.Host) string { return "" }
func shows(reqs ...string) func(*packet.Frame) []string {
	return func(*packet.Frame) []string { return reqs }
}
