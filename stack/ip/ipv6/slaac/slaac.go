// Package slaac gives interfaces their addresses of IPv6: by hand, from the prefixes that routers advertise (RFC 4862), and
// temporary ones (RFC 8981); and it finds out whether an address is free before it is used (duplicate address detection,
// with the nonce of RFC 7527).
//
// An address is tentative, then preferred, then deprecated, then gone (lifetime). What is known of each beyond its state on
// the interface is in this package; package ipv6 is told what it has to know.
package slaac

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/random"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// An Addr is an address without a zone.
type Addr = wire6.Addr

// An Event is what became of an address.
type Event uint8

const (
	Added      Event = iota // it is there, and tentative if duplicates are looked for
	Ready                   // nobody else has it: it may be used
	Duplicate               // somebody else has it: it is gone
	Deprecated              // it is not for new communication any more
	Removed                 // it is gone: its time is over, or somebody took it away
)

// forever is a lifetime's end that does not come.
const forever = time.Duration(1<<63 - 1)

// A kind is where an address comes from.
type kind uint8

const (
	byHand kind = iota
	linkLocal
	autonomous // RFC 4862, 5.5
	temporary  // RFC 8981
)

// A Registrar decides whether somebody else has an address, on a link on which addresses are registered with routers (RFC
// 6775).
type Registrar interface {
	// Claim is told of an address, which is in use already when sure is true; else it waits for Registered or Refused.
	Claim(a Addr, sure bool)
	// Release is told that an address is gone.
	Release(a Addr)
}

// Configurator configures the addresses of a node.
type Configurator struct {
	// OnEvent is told what becomes of addresses. It may be nil.
	OnEvent func(i *iface.Iface, p netip.Prefix, e Event)

	loop       *clock.Loop
	ipv6       *ipv6.Layer
	nd         *nd.ND
	c          config.IPv6
	random     *rand.Rand // of delays and nonces
	ids        *rand.Rand // of temporary interface identifiers
	secret     [16]byte   // of stable ones (RFC 7217)
	forwards   bool       // the node is a router
	links      []*conf
	registrars map[*iface.Iface]Registrar
}

// Detach ends the configuration of an interface; its addresses go.
func (c *Configurator) Detach(i *iface.Iface) {
	l := c.conf(i)
	if l == nil {
		return
	}
	c.links = slices.DeleteFunc(c.links, func(x *conf) bool { return x == l })
	l.lifetime.Stop()
	l.form.Stop()
	l.gone = true
	delete(c.registrars, i)
	for len(l.addresses) > 0 {
		l.remove(l.addresses[len(l.addresses)-1], Removed)
	}
}

// conf is an interface's configuration.
type conf struct {
	*iface.Iface
	c         *Configurator
	nd        *nd.Link
	addresses []*address
	lifetime  clock.Timer // of the first end of any
	form      clock.Timer // the link-local address is made behind what else happens at the instant: one may be set by hand
	failures  []failure
	up        bool
	gone      bool
	registrar Registrar // nil: duplicates are detected as RFC 4862 says
	quiet     bool      // nothing was sent yet since the interface came up
	disabled  bool      // another station has our link-local address (RFC 4862, 5.4.5)
}

// address is one of an interface's.
type address struct {
	l          *conf
	addr       Addr
	bits       int
	kind       kind
	prefix     netip.Prefix // of which it was formed
	tries      int          // how often another identifier was tried
	preferred  time.Duration
	valid      time.Duration
	made       time.Duration
	tentative  bool
	deprecated bool
	home       bool          // RFC 6275
	desync     time.Duration // of a temporary one (RFC 8981, 3.8)

	left  int // solicitations still to be sent
	nonce [6]byte
	timer clock.Timer
}

// New makes the configurator of a node and tells Neighbor Discovery of it. The configuration is resolved.
func New(l *clock.Loop, c config.Config, y *ipv6.Layer, n *nd.ND) *Configurator {
	x := &Configurator{
		loop: l, ipv6: y, nd: n, c: c.IPv6, forwards: c.IPv6.Forwarding.On(),
		random: random.New(c.Seed, "slaac"), ids: random.New(c.Seed, "slaac.temporary"),
	}
	x.registrars = map[*iface.Iface]Registrar{}
	secret := random.New(c.Seed, "slaac.secret")
	for k := range x.secret {
		x.secret[k] = byte(secret.Uint32())
	}
	n.Addresses = x
	return x
}

// Start configures an interface from now on, whenever it is up: a link-local address first (RFC 4862, 5.3).
func (c *Configurator) Start(i *iface.Iface) {
	if c.conf(i) != nil {
		return
	}
	l := &conf{Iface: i, c: c, nd: c.nd.Attach(i), registrar: c.registrars[i]}
	l.lifetime.Init(c.loop, l.age)
	l.form.Init(c.loop, l.formLinkLocal)
	c.links = append(c.links, l)
	i.Watch(l.watch)
	l.watch()
}

// Close stops all timers.
func (c *Configurator) Close() {
	for _, l := range c.links {
		l.lifetime.Stop()
		l.form.Stop()
		for _, a := range l.addresses {
			a.timer.Stop()
		}
	}
}

func (c *Configurator) conf(i *iface.Iface) *conf {
	for _, l := range c.links {
		if l.Iface == i {
			return l
		}
	}
	return nil
}

// watch begins anew when the interface comes up: it may be another link.
func (l *conf) watch() {
	up := l.Up()
	if up == l.up || l.gone {
		return
	}
	l.up = up
	if !up {
		l.down()
		return
	}
	l.quiet = true
	for _, a := range l.addresses { // those set by hand
		a.begin()
	}
	l.form.Post()
}

// down forgets what was learned on the link; addresses set by hand stay, and are tentative when it comes back.
func (l *conf) down() {
	l.form.Stop()
	l.nd.Reset()
	l.failures = nil
	l.enable()
	for k := len(l.addresses) - 1; k >= 0; k-- {
		a := l.addresses[k]
		a.timer.Stop()
		if a.kind != byHand {
			l.remove(a, Removed)
		}
	}
}

// enable takes the interface into use again.
func (l *conf) enable() {
	l.disabled = false
	l.c.ipv6.SetDisabled(l.Iface, false)
}

// formLinkLocal makes the link-local address (RFC 4862, 5.3), unless one was set by hand.
func (l *conf) formLinkLocal() {
	for _, a := range l.addresses {
		if a.addr.IsLinkLocal() {
			return
		}
	}
	p := netip.PrefixFrom(wire6.LinkLocal.Netip(), 64)
	id, tries, ok := l.identifier(p, 0)
	if !ok {
		return
	}
	l.add(&address{addr: join(p, id), bits: 64, kind: linkLocal, prefix: p, tries: tries, preferred: forever, valid: forever}, true)
	if id, ok = l.shortIdentifier(); ok && len(l.addresses) < l.c.c.Addresses {
		l.add(&address{addr: join(p, id), bits: 64, kind: linkLocal, prefix: p, preferred: forever, valid: forever}, true)
	}
}

func (l *conf) find(addr Addr) *address {
	for _, a := range l.addresses {
		if a.addr == addr {
			return a
		}
	}
	return nil
}

func (a *address) netip() netip.Prefix { return netip.PrefixFrom(a.addr.Netip(), a.bits) }

// add puts an address on the interface. With slow its first solicitation is delayed even when it is not the first message.
func (l *conf) add(a *address, slow bool) {
	a.l, a.made = l, l.c.loop.Now()
	a.timer.Init(l.c.loop, a.detect)
	l.addresses = append(l.addresses, a)
	l.tell(a, Added)
	if l.up && !l.disabled {
		if slow {
			l.quiet = true
		}
		a.begin()
	} else {
		a.tentative = true
		l.set(a)
	}
	l.lifetime.Post() // its end may be the first
}

// set tells interface and IPv6 of an address as it is now.
func (l *conf) set(a *address) { l.place(a, a.flags()) }

func (l *conf) place(a *address, f ipv6.Flags) {
	l.c.ipv6.SetFlags(l.Iface, a.addr, f)
	x := iface.Address{Prefix: a.netip(), Tentative: a.tentative && f&ipv6.Optimistic == 0, Deprecated: a.deprecated}
	if a.kind != byHand {
		x.Type = iface.Autoconf
	}
	l.SetAddress(x)
}

func (a *address) flags() (f ipv6.Flags) {
	if a.l.registrar != nil && !a.l.c.forwards { // RFC 6775, 5.2: nobody asks for it by its group
		f |= ipv6.Unjoined
	}
	if a.l.registrar != nil {
		f |= ipv6.Registering
	}
	if a.kind == temporary {
		f |= ipv6.Temporary
	}
	if a.home {
		f |= ipv6.Home
	}
	if a.tentative && a.l.registrar == nil && a.l.c.c.OptimisticDAD.On() && (a.kind == autonomous || a.kind == temporary || a.kind == linkLocal) {
		f |= ipv6.Optimistic // RFC 4429, 3.1: not those set by hand
	}
	return f
}

// remove takes an address away for good.
func (l *conf) remove(a *address, e Event) {
	a.timer.Stop()
	for k, x := range l.addresses {
		if x == a {
			l.addresses = append(l.addresses[:k:k], l.addresses[k+1:]...)
			break
		}
	}
	l.RemoveAddress(a.addr.Netip())
	l.c.ipv6.SetFlags(l.Iface, a.addr, 0)
	if l.registrar != nil {
		l.registrar.Release(a.addr)
	}
	l.tell(a, e)
}

func (l *conf) tell(a *address, e Event) {
	if f := l.c.OnEvent; f != nil {
		f(l.Iface, a.netip(), e)
	}
}

// mac is the link address of which identifiers are made.
func (l *conf) mac() link.Addr {
	if all := l.Link().Addrs(); len(all) > 0 {
		return all[0]
	}
	return link.Addr{}
}
