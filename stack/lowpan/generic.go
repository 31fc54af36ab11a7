package lowpan

import (
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// generic is generic header compression: what it works with, and which neighbours understand it (RFC 7400, 3.3).
type generic struct {
	work  *lowpan.GHC           // nil: there is none
	knows [maxGeneric]link.Addr // the latest first
}

// maxGeneric bounds the neighbours of which it is remembered. One that was forgotten is sent what everybody understands.
const maxGeneric = 32

func (g *generic) init(c config.Lowpan) {
	if c.GHC.On() {
		g.work = new(lowpan.GHC)
	}
}

// SetGeneric says whether a neighbour understands RFC 7400: it said so in a 6CIO, or it can no longer be reached and must be
// asked anew (3.3). One that used it itself is known by that.
func (a *Adapter) SetGeneric(neighbour link.Addr, understands bool) {
	g := &a.generic
	i := 0
	for i < maxGeneric-1 && g.knows[i] != neighbour {
		i++
	}
	if understands {
		copy(g.knows[1:i+1], g.knows[:i])
		g.knows[0] = neighbour
	} else if g.knows[i] == neighbour {
		copy(g.knows[i:], g.knows[i+1:])
		g.knows[maxGeneric-1] = link.Addr{}
	}
}

// Generic tells whether a neighbour is known to understand RFC 7400.
func (a *Adapter) Generic(neighbour link.Addr) bool {
	if neighbour.IsZero() {
		return false
	}
	for _, n := range a.generic.knows {
		if n == neighbour {
			return true
		}
	}
	return false
}

// towards gives what generic compression towards a station works with, nil when it is not to be used.
func (g *generic) towards(a *Adapter, dst link.Addr) *lowpan.GHC {
	if g.work == nil || !a.Generic(dst) {
		return nil
	}
	return g.work
}
