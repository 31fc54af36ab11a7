package slaac

import (
	"bytes"
	"time"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip/ipv6"
)

const (
	maxMulticastSolicit = 3           // RFC 4861, 10: also how often is asked again when the link echoes (RFC 7527, 4.1)
	maxIdentifiers      = 3           // IDGEN_RETRIES of RFC 7217, 6.2; TEMP_IDGEN_RETRIES of RFC 8981, 3.8
	identifierDelay     = time.Second // IDGEN_DELAY of RFC 7217, 6.2
)

// begin begins to find out whether an address is free. The first message of an interface is delayed at random, and so is
// the joining of groups (RFC 4862, 5.4.2).
func (a *address) begin() {
	l, c := a.l, a.l.c
	n := c.transmits()
	if l.registrar != nil { // RFC 6775, 3.1: what is made of the EUI-64 nobody else has
		if a.left < 0 || n == 0 || l.lasting(a.addr) {
			a.ready()
			l.registrar.Claim(a.addr, true)
			return
		}
		a.tentative = true
		l.set(a)
		l.registrar.Claim(a.addr, false)
		return
	}
	if a.left < 0 || n == 0 {
		a.ready()
		return
	}
	a.left, a.tentative = n, true
	if !l.quiet || c.c.RSDelay <= 0 {
		l.set(a)
		a.timer.Post()
		return
	}
	l.quiet = false
	l.place(a, a.flags()|ipv6.Unjoined)
	a.timer.After(time.Duration(c.random.Int64N(int64(c.c.RSDelay) + 1)))
}

// transmits is DupAddrDetectTransmits (RFC 4862, 5.1).
func (c *Configurator) transmits() int {
	if !c.c.DAD.On() {
		return 0
	}
	return max(0, c.c.DADTransmits)
}

// detect is due for each solicitation and when the last one was not answered in time (RFC 4862, 5.4).
func (a *address) detect() {
	l, c := a.l, a.l.c
	if a.left == 0 {
		a.ready()
		return
	}
	a.left--
	l.quiet = false
	l.set(a) // the group is joined first
	var nonce []byte
	if c.c.EnhancedDAD.On() { // a new one for each (RFC 7527, 4.1)
		for k := range a.nonce {
			a.nonce[k] = byte(c.random.Uint32())
		}
		nonce = a.nonce[:]
	}
	l.nd.SolicitDuplicate(a.addr, nonce)
	a.timer.After(l.nd.RetransTimer())
}

// ready puts an address into use.
func (a *address) ready() {
	l, c := a.l, a.l.c
	a.tentative = false
	l.set(a)
	l.tell(a, Ready)
	if c.c.UnsolicitedNA.On() && l.registrar == nil {
		l.nd.Announce(a.addr)
	}
	if a.addr.IsLinkLocal() && (l.registrar == nil || l.lasting(a.addr) || a.left < 0) {
		l.nd.SolicitRouters()
	}
}

// Solicited implements nd.Addresses (RFC 4862, 5.4.3; RFC 7527, 4.2).
func (c *Configurator) Solicited(i *iface.Iface, target Addr, dad bool, nonce []byte) bool {
	a := c.tentative(i, target)
	if a == nil {
		return false
	}
	switch {
	case !dad: // somebody looks for the address: that tells nothing. One that is optimistic is answered for (RFC 4429, 3.2)
		return a.flags()&ipv6.Optimistic == 0
	case c.c.EnhancedDAD.On() && len(nonce) > 0 && bytes.Equal(nonce, a.nonce[:]): // our own, which the link echoes
		a.left = maxMulticastSolicit
		a.timer.After(a.l.nd.RetransTimer())
	default:
		a.duplicate()
	}
	return true
}

// SetRegistrar has somebody else decide about the addresses of an interface; it is called before Start.
func (c *Configurator) SetRegistrar(i *iface.Iface, r Registrar) { c.registrars[i] = r }

// Registered is told that an address is this station's alone.
func (c *Configurator) Registered(i *iface.Iface, addr Addr) {
	if a := c.tentative(i, addr); a != nil {
		a.ready()
	}
}

// Refused is told that somebody else has an address, whether it was in use already or not.
func (c *Configurator) Refused(i *iface.Iface, addr Addr) {
	if l := c.conf(i); l != nil {
		if a := l.find(addr); a != nil {
			a.duplicate()
		}
	}
}

// Advertised implements nd.Addresses (RFC 4862, 5.4.4).
func (c *Configurator) Advertised(i *iface.Iface, target Addr) bool {
	a := c.tentative(i, target)
	if a == nil {
		return false
	}
	a.duplicate()
	return true
}

// tentative finds an address for which duplicates are being looked for, and whose group is joined.
func (c *Configurator) tentative(i *iface.Iface, addr Addr) *address {
	if l := c.conf(i); l != nil {
		if a := l.find(addr); a != nil && a.tentative {
			return a
		}
	}
	return nil
}

// duplicate gives an address up. An identifier that was drawn is drawn again, some times (RFC 7217, 6; RFC 8981, 3.4); when
// it was made of the link address, and the address is link-local, there is another station like this one, and the interface
// is not used for IPv6 any more (RFC 4862, 5.4.5). An address that is given up is not tried again on this link.
func (a *address) duplicate() {
	l, c := a.l, a.l.c
	l.remove(a, Duplicate)
	switch {
	case a.kind == byHand:
	case a.kind == temporary:
		l.makeAnother(a)
	case c.c.StableIID.On():
		id, tries, ok := l.identifier(a.prefix, a.tries+1)
		if !ok {
			l.giveUp(a.kind, a.prefix)
			return
		}
		next := &address{
			addr: join(a.prefix, id), kind: a.kind, bits: a.bits, prefix: a.prefix, tries: tries, deprecated: a.deprecated,
			preferred: a.preferred, valid: a.valid,
		}
		l.add(next, false)
		if next.timer.Stop() {
			next.timer.After(time.Duration(c.random.Int64N(int64(identifierDelay) + 1)))
		}
	case a.kind == linkLocal:
		l.disabled = true
		c.ipv6.SetDisabled(l.Iface, true)
	default:
		l.giveUp(a.kind, a.prefix)
	}
}
