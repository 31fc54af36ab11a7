// Package ipv4ll gives an interface an address of 169.254/16 that nobody else on the link has (RFC 3927).
package ipv4ll

import (
	"math/rand/v2"

	"github.com/conform-stack/conform/stack/acd"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A User is told of the address.
type User interface {
	Gained(addr ipv4.Addr) // may be used from now on; its prefix has 16 bits
	Lost(addr ipv4.Addr)   // may be used no longer: somebody else has it
}

// A Configurator looks after one interface.
type Configurator struct {
	detector *acd.Detector
	user     User
	random   *rand.Rand // seeded by what is different on each host, such as the link address (2.1)
	addr     ipv4.Addr  // claimed last
	claim    *acd.Claim // nil when stopped
}

// New makes a configurator that does nothing until Start.
func New(d *acd.Detector, u User, r *rand.Rand) *Configurator {
	return &Configurator{detector: d, user: u, random: r}
}

// Start claims an address, and another one whenever one is taken.
func (c *Configurator) Start() {
	if c.claim == nil {
		c.next()
	}
}

// Stop gives up the claim. The user takes the address away itself.
func (c *Configurator) Stop() {
	if c.claim != nil {
		c.claim.Stop()
		c.claim = nil
	}
}

// Again probes for the claimed address anew, as when the link comes back (2.2). The user takes the address away itself,
// and gains it again.
func (c *Configurator) Again() {
	if c.claim != nil {
		c.claim.Stop()
		c.begin()
	}
}

func (c *Configurator) begin() {
	c.claim = c.detector.Claim(c.addr, user{c}, acd.DefendOnce) // 2.5: a host may defend once in DEFEND_INTERVAL
}

// next picks an address of 169.254.1.0 to 169.254.254.255 with the same chance for each (2.1).
func (c *Configurator) next() {
	n := c.random.IntN(254 * 256)
	c.addr = ipv4.Addr{169, 254, byte(1 + n/256), byte(n)}
	c.begin()
}

// user is the Configurator, as its claim sees it.
type user struct{ c *Configurator }

func (u user) Won(addr ipv4.Addr) { u.c.user.Gained(addr) }

func (u user) Lost(addr ipv4.Addr, _ link.Addr, used bool) {
	if used {
		u.c.user.Lost(addr)
	}
	u.c.next()
}
