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

// Config describes a target of which there is one, on an Ethernet link. Nothing in it has a default.
type Config struct {
	Info        target.Info
	Target      netip.Addr
	Prefix      netip.Prefix
	Testers     []netip.Addr // the pool; the last of them asks for signs of life, the others are lent to worlds
	PerWorld    int          // testers that a world is lent
	Unused      netip.Addr
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

// An Agent is that of one world. Closing it closes its sockets.
type Agent interface {
	agent.Agent
	Close() error
}

// Shared is a target of which there is one. Its worlds differ by their testers, and several may live at once.
//
// A world sees the frames to its own testers, the group-addressed ones, and those that are nobody's. ARP requests for
// the tester of another world, or of an earlier one, are not shown to it.
type Shared struct {
	config Config
	pump   *Pump
	pool   *pool
	mac    net.HardwareAddr // the target's

	askers sync.Mutex            // one question at a time
	answer chan net.HardwareAddr // to it

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
		pool:   newPool(c.Testers),
		worlds: map[*world]bool{},
		answer: make(chan net.HardwareAddr, 1),
	}
	pump := NewPump(port, s.frame, s.portBroken)
	s.mu.Lock()
	s.pump = pump
	s.mu.Unlock()
	mac, err := s.ask(ctx)
	if err != nil {
		return nil, errors.Join(err, pump.Close())
	}
	s.mac = mac
	return s, nil
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
	w := &world{Queue: NewQueue(), shared: s, testers: testers, unused: s.config.Unused}
	if spec.Strangers {
		w.unused = s.pool.testers[testers[wanted-1]].IP4
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

func (s *Shared) ask(ctx context.Context) (net.HardwareAddr, error) {
	const attempts = 3 // a frame may be lost
	s.askers.Lock()
	defer s.askers.Unlock()
	asker, wait := s.pool.asker, s.config.AliveWithin/attempts
	select {
	case <-s.answer: // an answer that came too late for its question
	default:
	}
	for range attempts {
		if err := s.link().Send(arpRequest(asker.MAC, asker.IP4, s.config.Target)); err != nil {
			return nil, fmt.Errorf("%w: %w", target.ErrDead, err)
		}
		timer := time.NewTimer(wait)
		select {
		case mac := <-s.answer:
			timer.Stop()
			return mac, nil
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
	return nil, fmt.Errorf("%w: %s has not answered %d ARP requests in %v", target.ErrDead, s.config.Target, attempts, s.config.AliveWithin)
}

func (s *Shared) portBroken(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
	for w := range s.worlds {
		w.Break(err)
	}
}

// frame hands a frame to the worlds that it concerns.
func (s *Shared) frame(frame []byte) {
	arp, isARP := parseARP(frame)
	if isARP && arp.targetIP == s.pool.asker.IP4 {
		if arp.reply && arp.senderIP == s.config.Target {
			select {
			case s.answer <- arp.senderMAC:
			default: // it has answered already
			}
		}
		return
	}
	to, known := -1, false
	switch {
	case len(frame) < 6: // not even a destination: everybody's
	case frame[0]&1 == 0:
		to, known = s.pool.byMAC([6]byte(frame))
	case isARP && !arp.reply:
		to, known = s.pool.byIP(arp.targetIP)
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
	shared  *Shared
	testers []int // of the pool, that it was lent
	unused  netip.Addr
	agent   Agent // nil when the check does not need one
}

func (w *world) Nets() []target.Net {
	c := w.shared.config
	return []target.Net{{
		Link: target.Ethernet, MTU: c.MTU,
		Target:  target.Host{MAC: w.shared.mac, IP4: c.Target},
		Testers: w.shared.pool.hosts(w.testers[:c.PerWorld]),
		Prefix4: c.Prefix, Unused4: w.unused, Service: c.Service,
	}}
}

func (w *world) Send(_ int, frame []byte) error {
	w.shared.pool.mentions(w.testers, frame)
	return w.shared.link().Send(frame)
}

func (w *world) Agent() agent.Agent {
	if w.agent == nil { // not an interface that holds a nil
		return nil
	}
	return w.agent
}

// Close gives the testers back, and asks the target whether it has lived through the check.
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
	s.pool.giveBack(w.testers)
	return errors.Join(w.Lost(), gone, s.Alive(context.Background()))
}
