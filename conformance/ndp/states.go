package ndp

import (
	"net"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

// A state of a neighbour as it shows from outside (RFC 4861, 7.3.2). All but incomplete have a link address.
type state string

const (
	incomplete state = "INCOMPLETE" // nothing is sent to it: no entry, too
	reachable  state = "REACHABLE"
	stale      state = "STALE" // doubts begin with the next packet
	delay      state = "DELAY" // they have begun
	probing    state = "PROBE"
)

// reach brings the neighbour from nothing to a state, at the link address of the first tester. An address in DELAY has
// been there for a second.
func (x nobody) reach(s state) {
	switch s {
	case incomplete:
		x.echo()
		x.Expect(x.solicits(), probe.For())
	case reachable:
		x.resolved(x.MAC())
	case stale:
		x.stale()
	case delay:
		x.doubted()
		x.Wait(time.Second)
	case probing:
		x.doubted()
		x.Expect(x.solicits(), probe.For(), probe.Within(firstProbe+2*retrans), probe.Because("5 s have passed without confirmation"))
	}
	x.Wait(100 * time.Millisecond) // what comes from now on is told from what came before
	x.Forget()
}

// shown finds out in which state the neighbour is, and at which link address: by an echo from there, and by when the target
// asks it for its address after that. It takes 6 s. DELAY that has only begun looks like STALE.
func (x nobody) shown() (s state, at net.HardwareAddr) {
	since := x.Now()
	reply := x.ask()
	if reply == nil {
		return incomplete, nil
	}
	at, _ = ethernet.Dst.Of(reply)
	x.Wait(firstProbe + retrans)
	for _, f := range x.asked(since) {
		switch after := f.At - since; {
		case after > firstProbe-500*time.Millisecond:
			return stale, at
		case after > retrans+300*time.Millisecond:
			return delay, at
		default:
			return probing, at
		}
	}
	return reachable, at
}

// advert is an advertisement for the neighbour with S and O flags, and a link address or none.
func (x nobody) advert(s, o uint, link net.HardwareAddr) packet.Template {
	t := ndp.Advert(ndp.Solicited.Is(s), ndp.Override.Is(o))
	if link == nil {
		return t.With(ndp.NALink.None())
	}
	return t.With(ndp.NALink.Is(link))
}

// settled lets the target work on what it has been sent.
func (x nobody) settled() { kit.Alive(x.lan) }
