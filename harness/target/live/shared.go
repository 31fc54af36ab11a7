package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

// Config describes a target of which there is one. Nothing in it has a default.
type Config struct {
	Info        target.Info
	Link        target.LinkType // Ethernet, or IEEE 802.15.4 with 6LoWPAN
	Target      netip.Addr      // of IPv4; the zero Addr without it
	Prefix      netip.Prefix
	Testers     []netip.Addr // the pool; the last of them asks for signs of life, the others are lent to worlds
	Number      int          // of testers, where they have no addresses of IPv4
	PerWorld    int          // testers that a world is lent
	Unused      netip.Addr
	Target6     netip.Addr   // of global scope; the zero Addr without one
	LinkLocal   netip.Addr   // of IPv6; the zero Addr is made of the link address if there is IPv6
	Prefix6     netip.Prefix // the testers have addresses in it that are made of their link addresses
	Unused6     netip.Addr
	MAC         net.HardwareAddr // of the target, where it is not asked for: on IEEE 802.15.4
	Short       net.HardwareAddr // its short address there; empty without one
	PAN         uint16           // of IEEE 802.15.4
	Security    target.Security  // of its frames; Counter is not looked at
	MTU         int
	Service     netip.AddrPort // the UDP echo service; zero without one
	AliveWithin time.Duration  // bound of a sign of life
	// Reset brings the target back to life, or begins to; nil when nobody can. It has done so when there is a sign of life
	// within ResetWithin.
	Reset       func(context.Context) error
	ResetWithin time.Duration
	// Agent connects to the target's agent, for one world; nil when it has none. ended is told each operation that has ended,
	// broken that the agent is gone.
	Agent func(ctx context.Context, ended func(*agent.Op), broken func(error)) (Agent, error)
	// Reopen opens the link anew when it broke; nil when it cannot be.
	Reopen func(context.Context) (io.ReadWriteCloser, error)
}

// has6 tells whether the target has IPv6.
func (c Config) has6() bool { return c.Target6.IsValid() || c.Link == target.IEEE802154 }

// number is how many testers there are.
func (c Config) number() int { return max(len(c.Testers), c.Number) }

// An Agent is that of one world. Closing it closes its sockets.
type Agent interface {
	agent.Agent
	Close() error
}

// Shared is a target of which there is one. Its worlds differ by their testers, and several may live at once.
//
// A world sees the frames to its own testers, the group-addressed ones, and those that are nobody's. That the target looks
// for the tester of another world, or of an earlier one, is not shown to it.
type Shared struct {
	config Config
	medium medium
	pump   *Pump
	pool   *pool
	mac    net.HardwareAddr // the target's

	askers sync.Mutex   // one question at a time
	answer chan reading // to it

	mu     sync.Mutex
	worlds map[*world]bool
	broken error
	dead   error // why the target was given up; nil while it lives
	failed int   // attempts in a row to bring it back
	gone   error // what the last of them said
}

// NewShared takes over port and asks the target for its link address, which is the first sign of life.
func NewShared(ctx context.Context, port io.ReadWriteCloser, c Config) (*Shared, error) {
	s := &Shared{
		config: c,
		medium: c.medium(),
		pool:   newPool(c),
		worlds: map[*world]bool{},
		answer: make(chan reading, 8),
	}
	pump := NewPump(port, s.frame, s.portBroken)
	s.mu.Lock()
	s.pump = pump
	s.mu.Unlock()
	if err := s.introduce(ctx); err != nil {
		return nil, errors.Join(err, pump.Close())
	}
	return s, nil
}

// introduce asks for the target's link address, and whether it has all the addresses that it is said to have: without one of
// them most checks would be inconclusive, and none would say why.
func (s *Shared) introduce(ctx context.Context) (err error) {
	if s.mac, err = s.ask(ctx); err != nil {
		return err
	}
	all := s.medium.addresses()
	if s.config.has6() && !s.config.LinkLocal.IsValid() {
		all = append(all, target.LinkLocalOf(s.mac))
	}
	for _, a := range all[1:] {
		mac, err := s.askFor(ctx, a)
		switch {
		case errors.Is(err, target.ErrDead):
			return fmt.Errorf("the target has %s, but not %s, which it is said to have: %w", all[0], a, err)
		case err != nil:
			return err
		case mac.String() != s.mac.String():
			return fmt.Errorf("%s is at %s and %s at %s: a target has one link address", all[0], s.mac, a, mac)
		}
	}
	return nil
}

// Info describes the target.
func (s *Shared) Info() target.Info { return s.config.Info }

// New lends a world testers of which the target has not heard, else those that have rested longest.
func (s *Shared) New(ctx context.Context, spec target.Spec) (target.World, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.revive(ctx); err != nil {
		return nil, err
	}
	wanted := s.config.PerWorld
	if spec.Strangers {
		wanted++ // an address that nobody has, and that the target has not asked for yet
	}
	testers, ok := s.pool.lend(wanted, spec.Strangers)
	switch {
	case ok:
	case spec.Strangers:
		return nil, fmt.Errorf("%w: give it more than the %d that it has, or begin a run of its own with those checks", target.ErrKnown, len(s.pool.testers))
	default:
		return nil, fmt.Errorf("%s: all testers are in use: the %d addresses of the pool serve %d worlds at once",
			spec.Check, len(s.pool.testers), len(s.pool.testers)/s.config.PerWorld)
	}
	w := &world{Queue: NewQueue(), shared: s, testers: testers, unused: s.config.Unused, unused6: s.pool.nobody6(), security: s.config.secure(), said: said{}}
	if spec.Strangers {
		nobody := s.pool.testers[testers[wanted-1]]
		w.unused, w.unused6 = nobody.IP4, nobody.IP6
	}
	if s.config.Agent != nil && slices.Contains(spec.Needs, target.Agent) {
		a, err := s.config.Agent(ctx, w.Ended, w.Break)
		if err != nil {
			s.pool.giveBack(testers)
			return nil, err
		}
		w.agent = a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worlds[w] = true
	if s.broken != nil {
		w.Break(s.broken)
	}
	return w, nil
}

// Alive asks the target for its link address, three times within the bound.
func (s *Shared) Alive(ctx context.Context) error {
	_, err := s.ask(ctx)
	if err != nil && ctx.Err() == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dead = err
	}
	return err
}

// revivals is how many attempts in a row to bring a target back may fail. Each costs the time that a target may take to come
// back; a run of a thousand checks does not wait a thousand times for one that is gone.
const revivals = 3

// revive brings back a target that has died, before the next world. One that is gone for good is not asked any more.
func (s *Shared) revive(ctx context.Context) error {
	s.mu.Lock()
	died, failed, gone := s.dead, s.failed, s.gone
	s.mu.Unlock()
	switch {
	case died == nil:
		return nil
	case failed >= revivals:
		return gone
	}
	mac, err := s.reset(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.dead, s.gone, s.failed, s.mac = nil, nil, 0, mac
	case ctx.Err() == nil:
		s.gone, s.failed = err, failed+1
	}
	return err
}

// reset resets a target, opens its link again if that broke, and waits for a sign of life.
func (s *Shared) reset(ctx context.Context) (net.HardwareAddr, error) {
	mac, err := s.ask(ctx) // it may have come back by itself
	s.mu.Lock()
	reopens := s.broken != nil && s.config.Reopen != nil
	s.mu.Unlock()
	if err != nil && s.config.Reset == nil && !reopens {
		return nil, fmt.Errorf("%w, and nobody has said how to reset it: %w", target.ErrGone, err)
	}
	if err != nil {
		if s.config.Reset != nil {
			if err = s.config.Reset(ctx); err != nil {
				return nil, fmt.Errorf("%w, and the reset failed: %w", target.ErrGone, err)
			}
		}
		for until := time.Now().Add(s.config.ResetWithin); ; {
			began := time.Now()
			if err = s.reopen(ctx); err != nil {
				err = fmt.Errorf("%w, and its link cannot be opened again: %w", target.ErrGone, err)
			} else if mac, err = s.ask(ctx); err != nil && ctx.Err() == nil {
				err = fmt.Errorf("%w, and the reset did not bring it back in %v", target.ErrGone, s.config.ResetWithin)
			}
			if err == nil || ctx.Err() != nil || time.Now().After(until) {
				break
			}
			if time.Since(began) < again { // a link that broke at once
				pause(ctx, again)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return mac, nil
}

// again is how long a link that cannot be opened, or broke at once, is left alone.
const again = time.Second

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// reopen takes over a new port when the old one broke.
func (s *Shared) reopen(ctx context.Context) error {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken == nil || s.config.Reopen == nil {
		return nil
	}
	_ = s.link().Close() // it is broken
	p, err := s.config.Reopen(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.pump = nil, NewPump(p, s.frame, s.portBroken)
	return nil
}

// link is the pump of the port that is open now.
func (s *Shared) link() *Pump {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pump
}

// Close gives the port back. Worlds that are still open see nothing more.
func (s *Shared) Close() error { return s.link().Close() }

// ask asks the target for its link address.
func (s *Shared) ask(ctx context.Context) (net.HardwareAddr, error) {
	return s.askFor(ctx, s.medium.addresses()[0])
}

// askFor asks for the link address of one of its addresses.
func (s *Shared) askFor(ctx context.Context, of netip.Addr) (net.HardwareAddr, error) {
	const attempts = 3 // a frame may be lost
	s.askers.Lock()
	defer s.askers.Unlock()
	asker, wait := s.pool.asker, s.config.AliveWithin/attempts
	for range attempts {
		if err := s.link().Send(s.medium.question(asker, of)); err != nil {
			return nil, fmt.Errorf("%w: %w", target.ErrDead, err)
		}
		timer := time.NewTimer(wait)
		for waiting := true; waiting; {
			select {
			case r := <-s.answer:
				if r.of == of || s.config.Link == target.IEEE802154 && s.config.owns(r.of) { // others came too late for their questions
					timer.Stop()
					return r.from, nil
				}
			case <-ctx.Done():
				timer.Stop()
				return nil, ctx.Err()
			case <-timer.C:
				waiting = false
			}
		}
	}
	how := "Neighbor Solicitations"
	switch {
	case s.config.Link == target.IEEE802154:
		how = "ICMPv6 echo requests"
	case of.Is4():
		how = "ARP requests"
	}
	return nil, fmt.Errorf("%w: %s has not answered %d %s in %v", target.ErrDead, of, attempts, how, s.config.AliveWithin)
}

func (s *Shared) portBroken(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
	for w := range s.worlds {
		w.Break(err)
	}
}

// owns tells whether an address is the target's.
func (c Config) owns(a netip.Addr) bool {
	return a.IsValid() && (a == c.Target || a == c.Target6 || a == c.LinkLocal)
}

// frame hands a frame to the worlds that it concerns.
func (s *Shared) frame(frame []byte) {
	r := s.medium.read(frame)
	to, known := s.pool.byMAC(r.to)
	if !known && len(r.to) == 0 {
		to, known = s.pool.byIP(r.about)
	}
	if !known {
		to = -1
	}
	if r.ack != nil && known && s.acknowledges(to) {
		_ = s.link().Send(r.ack) // a link that is broken breaks the worlds by itself
	}
	asker := s.pool.asker
	if forAsker := known && to < 0 || r.about.IsValid() && r.about == asker.IP4; forAsker {
		if r.reply {
			r.from = slices.Clone(r.from) // the frame is the port's
			select {
			case s.answer <- r:
			default: // nobody asks
			}
		}
		return
	}
	s.pool.meets(to)
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.worlds {
		if !known || slices.Contains(w.testers, to) {
			w.Frame(append([]byte(nil), frame...))
		}
	}
}

// A world is what one check sees of a shared target.
type world struct {
	*Queue
	shared   *Shared
	testers  []int // of the pool, that it was lent
	unused   netip.Addr
	unused6  netip.Addr
	security target.Security // as it was when the world began
	said     said
	mute     bool  // its testers do not acknowledge what they receive; the shared target's lock is over it
	agent    Agent // nil when the check does not need one
}

// Acknowledge implements target.Radio, on IEEE 802.15.4.
func (w *world) Acknowledge(_ int, on bool) bool {
	w.shared.mu.Lock()
	defer w.shared.mu.Unlock()
	w.mute = !on
	return w.shared.config.Link == target.IEEE802154
}

// acknowledges tells whether the radio of a tester does. That of one that is in no world does.
func (s *Shared) acknowledges(tester int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.worlds {
		if slices.Contains(w.testers, tester) {
			return !w.mute
		}
	}
	return true
}

func (w *world) Nets() []target.Net {
	c := w.shared.config
	host := target.Host{MAC: w.shared.mac, IP4: c.Target, IP6: c.Target6, LinkLocal: c.LinkLocal, ShortAddr: c.Short}
	if c.has6() && !host.LinkLocal.IsValid() {
		host.LinkLocal = target.LinkLocalOf(host.MAC)
	}
	return []target.Net{{
		Link: c.Link, MTU: c.MTU, PAN: c.PAN,
		Target:  host,
		Testers: w.shared.pool.hosts(w.testers[:c.PerWorld]),
		Prefix4: c.Prefix, Unused4: w.unused, Service: c.Service,
		Prefix6: c.Prefix6, Unused6: w.unused6, Security: w.secured(host),
	}}
}

func (w *world) Send(_ int, frame []byte) error {
	w.shared.pool.mentions(w.testers, frame)
	if w.shared.config.Link == target.Ethernet {
		w.said.note(frame)
	}
	return w.shared.link().Send(frame)
}

func (w *world) Agent() agent.Agent {
	if w.agent == nil { // not an interface that holds a nil
		return nil
	}
	return w.agent
}

// Close takes back what the testers said as routers, gives them back, and asks the target whether it has lived through the check.
func (w *world) Close() error {
	s := w.shared
	s.mu.Lock()
	open := s.worlds[w]
	delete(s.worlds, w)
	s.mu.Unlock()
	if !open {
		return nil
	}
	var gone error
	if w.agent != nil {
		gone = w.agent.Close()
	}
	for _, f := range w.said.undone(s.config) {
		_ = s.link().Send(f) // a link that is broken breaks the worlds by itself
	}
	s.pool.giveBack(w.testers)
	return errors.Join(w.Lost(), gone, s.Alive(context.Background()))
}
