// Package acd finds out whether anybody else uses an IPv4 address, before it is used and for as long as it is
// (RFC 5227).
//
// A Claim is one address that is wanted on an interface. It is probed for, then announced, then defended; its User is told
// when it may be used, and when it is lost.
package acd

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
)

// The constants of RFC 5227, 1.1. They are not to be tuned.
const (
	ProbeWait         = 1 * time.Second  // the initial random delay, at most
	ProbeNum          = 3                // probes
	ProbeMin          = 1 * time.Second  // between probes, at least
	ProbeMax          = 2 * time.Second  // between probes, at most
	AnnounceWait      = 2 * time.Second  // from the last probe to the first announcement
	AnnounceNum       = 2                // announcements
	AnnounceInterval  = 2 * time.Second  // between announcements
	MaxConflicts      = 10               // before the rate is limited
	RateLimitInterval = 60 * time.Second // between candidates then
	DefendInterval    = 10 * time.Second // between defences, at least
)

// A Link sends what the procedure sends.
type Link interface {
	Probe(target ipv4.Addr)  // an ARP request from 0.0.0.0
	Announce(addr ipv4.Addr) // an ARP request from and for the address
}

// A User is told what becomes of a claim.
type User interface {
	// Won says that the address may be used. The first announcement leaves right after it.
	Won(addr ipv4.Addr)
	// Lost says that somebody else has the address; used tells whether it had been won before. The claim is over.
	Lost(addr ipv4.Addr, to link.Addr, used bool)
}

// A Defence is what a claim does about a conflict once its address is in use (RFC 5227, 2.4).
type Defence uint8

const (
	DefendOnce   Defence = iota // (b): announce, and give up at the second conflict within DefendInterval
	GiveUp                      // (a): at the first conflict
	DefendAlways                // (c): never give up, announce once in DefendInterval
)

// A Detector watches one interface.
type Detector struct {
	loop      *clock.Loop
	link      Link
	own       func(link.Addr) bool
	random    *rand.Rand // of delays
	claims    []*Claim
	conflicts int           // since the detector was made (2.1.1)
	began     time.Duration // when a candidate was last begun with
	begun     bool
}

// New makes a detector. own tells whether a link address is of one of this host's interfaces.
func New(l *clock.Loop, k Link, own func(link.Addr) bool, r *rand.Rand) *Detector {
	return &Detector{loop: l, link: k, own: own, random: r}
}

type phase uint8

const (
	probing phase = iota
	announcing
	using
)

// A Claim is an address that is wanted.
type Claim struct {
	detector *Detector
	addr     ipv4.Addr
	user     User
	defence  Defence
	phase    phase
	sent     int           // probes, then announcements
	conflict time.Duration // when the last one was seen
	seen     bool
	timer    clock.Timer
}

// Claim begins to probe for an address.
func (d *Detector) Claim(addr ipv4.Addr, u User, how Defence) *Claim {
	c := &Claim{detector: d, addr: addr, user: u, defence: how}
	c.timer.Init(d.loop, c.due)
	d.claims = append(d.claims, c)
	at := d.loop.Now()
	if d.conflicts >= MaxConflicts && d.begun { // 2.1.1: one new candidate in an interval
		at = max(at, d.began+RateLimitInterval)
	}
	d.began, d.begun = at, true
	c.timer.Set(at + d.between(0, ProbeWait))
	return c
}

// Hold defends an address that is known to be free, or has been in use before: it is neither probed for nor announced.
func (d *Detector) Hold(addr ipv4.Addr, u User, how Defence) *Claim {
	c := &Claim{detector: d, addr: addr, user: u, defence: how, phase: using}
	c.timer.Init(d.loop, c.due)
	d.claims = append(d.claims, c)
	return c
}

// Stop ends the claim, without telling the user.
func (c *Claim) Stop() {
	c.timer.Stop()
	d := c.detector
	d.claims = slices.DeleteFunc(d.claims, func(x *Claim) bool { return x == c })
}

// Close ends all claims.
func (d *Detector) Close() {
	for len(d.claims) > 0 {
		d.claims[0].Stop()
	}
}

// due sends the next probe or announcement.
func (c *Claim) due() {
	d := c.detector
	switch {
	case c.phase == probing && c.sent < ProbeNum:
		c.sent++
		if c.sent < ProbeNum {
			c.timer.After(d.between(ProbeMin, ProbeMax))
		} else {
			c.timer.After(AnnounceWait)
		}
		d.link.Probe(c.addr)
	case c.phase == probing: // nobody answered (2.1.1)
		c.phase, c.sent = announcing, 0
		c.timer.Post() // set before the user is told, who may stop the claim
		c.user.Won(c.addr)
	default:
		if c.sent++; c.sent < AnnounceNum { // 2.3
			c.timer.After(AnnounceInterval)
		} else {
			c.phase = using
		}
		d.link.Announce(c.addr)
	}
}

// between draws a time.
func (d *Detector) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.random.Int64N(int64(most-least)+1))
}

// ARP takes in a packet that came by the interface. It is true when the packet conflicts with an address in use: nothing
// else is to be made of it.
func (d *Detector) ARP(h arp.Header) bool {
	if d.own(h.SenderHW) { // our own, by a repeater or another of our interfaces
		return false
	}
	for _, c := range d.claims {
		switch {
		case h.SenderIP == c.addr:
		case c.phase == probing && h.Op == arp.Request && h.SenderIP.IsUnspecified() && h.TargetIP == c.addr:
			// somebody probes for the same address at the same time (2.1.1)
		default:
			continue
		}
		inUse := c.phase != probing
		c.contest(h.SenderHW)
		return inUse
	}
	return false
}

// contest is what a conflict brings about (2.1.1 and 2.4).
func (c *Claim) contest(by link.Addr) {
	d, now := c.detector, c.detector.loop.Now()
	d.conflicts++
	again := c.seen && now < c.conflict+DefendInterval
	switch {
	case c.phase == probing, c.defence == GiveUp, c.defence == DefendOnce && again:
		c.Stop()
		c.user.Lost(c.addr, by, c.phase != probing)
	case again: // (c): two hosts that defend for ever must not flood the link
	default:
		c.seen, c.conflict = true, now
		d.link.Announce(c.addr)
	}
}
