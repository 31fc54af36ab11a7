package interop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/agent"
)

// A Stage is where one scenario is played: two sides, the wire between them, and what was said and seen.
type Stage struct {
	A, B *Side
	Six  bool // the scenario is played over IPv6

	wire    *wire
	ctx     context.Context
	records []record
	left    int // frames that were not recorded any more
}

// maxRecords bounds the evidence of one scenario.
const maxRecords = 20_000

// A record is a frame on the wire, or words.
type record struct {
	at    time.Duration
	from  *Side // nil with words
	frame []byte
	notes []string
}

func newStage(ctx context.Context, a, b *Side, sc *Scenario, seed uint64) *Stage {
	s := &Stage{A: a, B: b, Six: sc.Six, ctx: ctx}
	s.wire = &wire{
		a: a, b: b, virtual: a.Info.Virtual && b.Info.Virtual, start: time.Now(), faults: sc.Faults,
		random: rand.New(rand.NewPCG(seed, 0)), seen: s.seen, tooLong: s.tooLong,
	}
	return s
}

func (s *Stage) seen(from *Side, at time.Duration, frame []byte, note string) {
	found := from.sent(at, frame)
	if len(s.records) >= maxRecords {
		s.left++
		return
	}
	r := record{at: at, from: from, frame: frame}
	if note != "" {
		r.notes = append(r.notes, note)
	}
	for _, f := range found {
		r.notes = append(r.notes, fmt.Sprintf("JUDGE %s: %s", from, f))
	}
	s.records = append(s.records, r)
}

// Step says in words what the next frames are about.
func (s *Stage) Step(format string, args ...any) {
	if len(s.records) < maxRecords {
		s.records = append(s.records, record{at: s.wire.now, notes: []string{fmt.Sprintf(format, args...)}})
	}
}

// failure ends a scenario: it was played, and did not work.
type failure struct{ text string }

// fail ends the scenario, and says which side it failed at.
func (s *Stage) fail(at *Side, format string, args ...any) {
	panic(failure{fmt.Sprintf("at %s: %s", at, fmt.Sprintf(format, args...))})
}

// lacking ends a scenario that a side cannot play.
type lacking struct{ text string }

// broken ends a scenario that could not be played to its end.
type broken struct{ err error }

// play runs a scenario's body.
func (s *Stage) play(body func(*Stage)) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = errors.New(r.text)
		case lacking:
			err = errLacking(r)
		case broken:
			err = errBroken{r.err}
		default:
			panic(r)
		}
	}()
	body(s)
	return nil
}

type errLacking struct{ text string }

func (e errLacking) Error() string { return e.text }

type errBroken struct{ error }

func (e errBroken) Unwrap() error { return e.error }

// patience is how long a call may take that the other side has to answer.
func (s *Stage) patience() time.Duration {
	if s.wire.virtual {
		return 5 * time.Minute
	}
	return time.Minute // a retransmission timer that has backed off twice takes half of it
}

// until lets time pass until done says so, and tells whether it did within the bound.
func (s *Stage) until(within time.Duration, done func() bool) bool {
	for end := s.wire.now + within; !done(); {
		if s.wire.now >= end {
			return false
		}
		if err := s.ctx.Err(); err != nil {
			panic(broken{err})
		}
		if err := s.wire.advance(); err != nil {
			panic(broken{err})
		}
	}
	return true
}

// Wait lets time pass.
func (s *Stage) Wait(d time.Duration) { s.until(d, func() bool { return false }) }

// A Call is under way at a side.
type Call struct {
	s  *Stage
	at *Side
	op *agent.Op
}

func (s *Stage) start(at *Side, r agent.Request) *Call {
	return &Call{s, at, at.world.Agent().Start(r)}
}

// Done tells whether the call has returned.
func (c *Call) Done() bool { _, done := c.op.Done(); return done }

// Reply waits for the end of the call. A call that does not end fails the scenario.
func (c *Call) Reply() agent.Reply {
	if !c.s.until(c.s.patience(), c.Done) {
		c.s.fail(c.at, "%s did not return within %v", c.op.Request.Do, c.s.patience())
	}
	r, _ := c.op.Done()
	return r
}

// OK is Reply of a call that has to work.
func (c *Call) OK() agent.Reply {
	r := c.Reply()
	if r.Errno != "" {
		c.s.fail(c.at, "%s: %s", c.op.Request.Do, r.Errno)
	}
	return r
}

// A Socket is one of a side.
type Socket struct {
	s     *Stage
	at    *Side
	id    int
	Local netip.AddrPort
}

// Open opens a socket of the scenario's family. A side that has none of the kind ends the scenario as not applicable.
func (s *Stage) Open(at *Side, kind string, protocol int) *Socket {
	family := "inet"
	if s.Six {
		family = "inet6"
	}
	r := s.start(at, agent.Request{Do: agent.Open, Family: family, Type: kind, Protocol: protocol}).Reply()
	switch r.Errno {
	case "":
	case "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EAFNOSUPPORT":
		panic(lacking{fmt.Sprintf("%s has no sockets of type %s: %s", at, kind, r.Errno)})
	default:
		s.fail(at, "a socket of type %s cannot be opened: %s", kind, r.Errno)
	}
	return &Socket{s: s, at: at, id: r.Socket}
}

// Bind binds the socket to a port of the side's address; 0 asks for any.
func (k *Socket) Bind(port uint16) *Socket {
	k.Local = k.start(agent.Request{Do: agent.Bind, Local: netip.AddrPortFrom(k.at.IP(k.s.Six), port)}).OK().Local
	return k
}

func (k *Socket) start(r agent.Request) *Call {
	r.Socket = k.id
	return k.s.start(k.at, r)
}

// Listen makes the socket passive.
func (k *Socket) Listen() *Socket {
	k.start(agent.Request{Do: agent.Listen, Value: 8}).OK()
	return k
}

// Accept waits for a connection.
func (k *Socket) Accept() *Call { return k.start(agent.Request{Do: agent.Accept}) }

// Accepted is the socket that an Accept gave.
func (k *Socket) Accepted(r agent.Reply) *Socket {
	return &Socket{s: k.s, at: k.at, id: r.Socket, Local: r.Local}
}

// Dial connects to an address.
func (k *Socket) Dial(to netip.AddrPort) *Call {
	return k.start(agent.Request{Do: agent.Dial, Remote: to})
}

// Send sends data; the zero address is the connected peer's.
func (k *Socket) Send(data []byte, to netip.AddrPort) *Call {
	return k.start(agent.Request{Do: agent.Send, Data: data, Remote: to})
}

// Recv waits for data.
func (k *Socket) Recv() *Call { return k.start(agent.Request{Do: agent.Recv, Max: 65535}) }

// Shutdown ends the direction to the peer.
func (k *Socket) Shutdown() { k.start(agent.Request{Do: agent.Shutdown, Value: 1}).OK() }

// Option sets an option.
func (k *Socket) Option(name string, value int) {
	k.start(agent.Request{Do: agent.SetOpt, Option: name, Value: value}).OK()
}

// Close closes the socket.
func (k *Socket) Close() { k.start(agent.Request{Do: agent.Close}).OK() }
