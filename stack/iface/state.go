package iface

import (
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/stats"
)

// An Oper is the operational state of an interface (RFC 2863, 3.1.13 and 3.1.14). It follows from three things: whether
// somebody wants it up, whether the medium is there, and whether something else has to happen first, such as
// authentication.
type Oper uint8

const (
	OperDown           Oper = iota // not wanted up, or without a medium
	OperLowerLayerDown             // the interface below is not up
	OperDormant                    // it waits for something
	OperUp                         // packets pass
)

func (o Oper) String() string {
	switch o {
	case OperDown:
		return "down"
	case OperLowerLayerDown:
		return "lower-layer-down"
	case OperDormant:
		return "dormant"
	case OperUp:
		return "up"
	}
	return "unknown"
}

// A State is all that there is to know of an interface's state.
type State struct {
	Admin       bool // somebody wants it up
	Carrier     bool // the medium is there
	Dormant     bool
	Promiscuous bool
	Oper        Oper
}

// State is the present state.
func (i *Iface) State() State { return i.state }

// Oper is the operational state.
func (i *Iface) Oper() Oper { return i.state.Oper }

// Up tells whether packets pass: the operational state is up. What stands above is told when that changes, and of
// nothing else.
func (i *Iface) Up() bool { return i.running }

// SetUp says whether the interface is wanted up. When packets no longer pass, what is queued is dropped.
func (i *Iface) SetUp(up bool) {
	if up == i.state.Admin {
		return
	}
	was := i.state
	i.state.Admin = up
	if up && i.device != nil {
		i.device.Start(i)
		i.state.Carrier = driver.CarrierOf(i.device)
	}
	i.settle(was)
}

// Carrier implements driver.CarrierHandler: it says whether the medium is there.
func (i *Iface) Carrier(on bool) {
	was := i.state
	i.state.Carrier = on
	i.settle(was)
}

// SetDormant says whether the interface waits for something before packets may pass.
func (i *Iface) SetDormant(on bool) {
	was := i.state
	i.state.Dormant = on
	i.settle(was)
}

// SetPromiscuous has the interface accept all frames, or only those for this station. Those for others are seen by taps
// and go no further. changed is false when it was so already.
func (i *Iface) SetPromiscuous(on bool) (changed bool, err error) {
	if on == i.state.Promiscuous {
		return false, nil
	}
	if err := driver.SetPromiscuous(i.device, on); err != nil {
		return false, err
	}
	was := i.state
	i.state.Promiscuous = on
	i.settle(was)
	return true, nil
}

// WatchState has f called with the states before and after each change.
func (i *Iface) WatchState(f func(was, is State)) { i.stateWatchers = append(i.stateWatchers, f) }

// oper is the operational state that follows.
func (i *Iface) oper() Oper {
	switch s := &i.state; {
	case !s.Admin:
		return OperDown
	case !s.Carrier && i.lower != nil:
		return OperLowerLayerDown
	case !s.Carrier:
		return OperDown
	case s.Dormant:
		return OperDormant
	}
	return OperUp
}

// settle does what follows from a change of state, and tells of it.
func (i *Iface) settle(was State) {
	i.state.Oper = i.oper()
	if i.state == was {
		return
	}
	is := i.state
	ran := i.running
	i.running = is.Oper == OperUp
	if ran && !i.running {
		i.rxOn.Stop()
		i.txOn.Stop()
		i.full = false // a device that comes back has room
		i.Stats.Drops[stats.IfaceDown] += uint64(i.rx.clear() + i.tx.clear())
	}
	for _, f := range i.stateWatchers {
		f(was, is)
	}
	if ran != i.running {
		i.changed()
	}
}
