package replay

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/target"
)

// A plan is what happens when the target plays one host.
type plan struct {
	role    Host
	streams bool // the role has TCP sockets
	steps   []step
	packets []Packet // of the capture, in order; those of steps are filled in while it is played
}

type verb int

const (
	send  verb = iota // the peer says a part of message
	start             // a socket of the target does what makes it say message
	want              // the target has to say message
)

// A step is one thing to do at its time in the capture.
type step struct {
	do      verb
	at      time.Duration
	message *message
	part    int // of the message, for send
	packets []*captured
	act     *act // for start
	// receiver is the socket of the target that a part which completes a message is for; nil for none.
	receiver *Socket
	repeats  bool // for want: the target said it before
	// shows are requirements beyond those of the message itself: for send, those that the target shows by saying nothing to
	// it; for want, those that it shows by saying it.
	shows []string
}

// requirements are all that the plan can show, some more than once.
func (p *plan) requirements() (reqs []string) {
	for _, st := range p.steps {
		reqs = append(reqs, st.shows...)
		if st.do == want {
			reqs = append(reqs, alignerOf(st.message.frame).requirements(st.message.frame, st.repeats)...)
		}
	}
	return reqs
}

// needs are the features without which a target cannot play the role.
func (p *plan) needs() []target.Feature {
	needs := slices.Clone(p.role.Needs)
	for _, st := range p.steps {
		if (st.do == start || st.receiver != nil) && !slices.Contains(needs, target.Agent) {
			needs = append(needs, target.Agent)
		}
	}
	if p.streams && !slices.Contains(needs, target.Agent) {
		needs = append(needs, target.Agent)
	}
	return needs
}

// saysNext is what the peer says from step i on; nil for nothing more.
func (p *plan) saysNext(i int) *packet.Frame {
	for _, st := range p.steps[i:] {
		if st.do == send {
			return st.message.frame
		}
	}
	return nil
}
