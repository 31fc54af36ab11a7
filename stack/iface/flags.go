package iface

import "strings"

// Flags are what an interface is, and the state that it is in, as bits.
type Flags uint16

const (
	FlagUp           Flags = 1 << iota // it is wanted up
	FlagLowerUp                        // the medium is there
	FlagDormant                        // it waits for something
	FlagRunning                        // packets pass
	FlagLoopback                       // nobody else is on the link
	FlagPointToPoint                   // one other is
	FlagPromiscuous                    // it accepts all frames
	FlagVirtual                        // another interface is below it
	numFlags         = 8
)

var flagNames = [numFlags]string{ // never written
	"up", "lower-up", "dormant", "running", "loopback", "point-to-point", "promiscuous", "virtual",
}

// Flags tells all at once.
func (i *Iface) Flags() (f Flags) {
	for _, b := range [numFlags]struct {
		flag Flags
		is   bool
	}{
		{FlagUp, i.state.Admin}, {FlagLowerUp, i.state.Carrier}, {FlagDormant, i.state.Dormant}, {FlagRunning, i.running},
		{FlagLoopback, i.Loopback}, {FlagPointToPoint, i.PointToPoint}, {FlagPromiscuous, i.state.Promiscuous},
		{FlagVirtual, i.lower != nil},
	} {
		if b.is {
			f |= b.flag
		}
	}
	return f
}

// String lists the flags that are set, with commas.
func (f Flags) String() string {
	var set []string
	for k, name := range flagNames {
		if f&(1<<k) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, ",")
}
