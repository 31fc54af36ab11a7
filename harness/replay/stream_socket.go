package replay

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// What a TCP socket does, beside what others do.
const (
	connects = "connects"
	writes   = "writes"
	reads    = "begins to read"
	closes   = "closes"
	aborts   = "aborts"
)

// A streamSocket is a TCP socket of the target at work: it listens until a connection comes, or connects. From then on, or
// from the packet that the scenario names, its application reads whatever comes.
type streamSocket struct {
	of        *Socket
	id        int       // of the connection, once there is one
	known     bool      // it is
	accepting *agent.Op // of a socket that listens
	reads     bool
	reading   *agent.Op
	writing   *agent.Op
}

// shortWrite says that a socket of the target has not taken all that the capture has it send.
type shortWrite string

func (s shortWrite) Error() string { return string(s) }

// streamAct is what a TCP socket does for a packet; empty for nothing.
func (k *Socket) streamAct(number int) string {
	switch {
	case number == k.Connects:
		return connects
	case number == k.Reads:
		return reads
	case number == k.Closes:
		return closes
	case number == k.Aborts:
		return aborts
	case slices.Contains(k.Sends, number):
		return writes
	}
	return ""
}

// streamPackets are those for which it does something.
func (k *Socket) streamPackets() (ns []int) {
	for _, n := range []int{k.Connects, k.Reads, k.Closes, k.Aborts} {
		if n > 0 {
			ns = append(ns, n)
		}
	}
	return ns
}

// streamFor is the TCP socket of a role by which it says f; nil for none.
func (s *Scenario) streamFor(role string, f *packet.Frame) *Socket {
	port, ok := tcp.SrcPort.Of(f)
	for i := range s.Sockets {
		if k := &s.Sockets[i]; ok && k.Host == role && k.Type == tcpSocket && uint(k.Port) == port {
			return k
		}
	}
	return nil
}

// openStreams opens the TCP sockets of the role.
func (p *player) openStreams() error {
	for i := range p.scenario.Sockets {
		k := &p.scenario.Sockets[i]
		if k.Host != p.plan.role.Name || k.Type != tcpSocket {
			continue
		}
		if p.sockets.agent == nil {
			return fmt.Errorf("the target has no agent to open sockets through")
		}
		r, err := p.call(k.open(p.six()))
		if err != nil {
			return fmt.Errorf("opening the tcp socket of %s on the target: %w", k.Host, err)
		}
		p.sockets.ids[k] = r.Socket
		w := &streamSocket{of: k, id: r.Socket, reads: k.Reads == 0}
		p.sockets.streams = append(p.sockets.streams, w)
		_, err = p.call(agent.Request{Do: agent.Bind, Socket: r.Socket, Local: p.anyPort(k.Port)})
		if err == nil && k.Connects == 0 {
			_, err = p.call(agent.Request{Do: agent.Listen, Socket: r.Socket, Value: 8})
			w.accepting = p.sockets.agent.Start(agent.Request{Do: agent.Accept, Socket: r.Socket})
		}
		if err != nil {
			return fmt.Errorf("preparing the tcp socket of %s, port %d, on the target: %w", k.Host, k.Port, err)
		}
	}
	return nil
}

// serve lets the applications of TCP sockets go on: they take connections, and read.
func (p *player) serve() {
	for _, w := range p.sockets.streams {
		if w.accepting != nil {
			if r, done := w.accepting.Done(); done && r.Errno == "" {
				w.accepting, w.id, w.known = nil, r.Socket, true
			}
		}
		for w.known && w.reads {
			if w.reading != nil {
				r, done := w.reading.Done()
				if !done {
					break
				}
				if r.Errno != "" || r.EOF() {
					w.reads = false
					break
				}
			}
			w.reading = p.sockets.agent.Start(agent.Request{Do: agent.Recv, Socket: w.id, Max: 65535})
		}
	}
}

// startStream lets a TCP socket do something.
func (p *player) startStream(st step) error {
	i := slices.IndexFunc(p.sockets.streams, func(w *streamSocket) bool { return w.of == st.act.socket })
	w := p.sockets.streams[i]
	p.step("the target's tcp socket %s, for packet %d", st.act.what, st.packets[0].number)
	if st.act.what == connects {
		_, to := socketsOf(st.message.frame)
		w.known = true
		p.sockets.agent.Start(agent.Request{Do: agent.Dial, Socket: w.id, Remote: netip.AddrPortFrom(p.tr.ip(to.Addr()), to.Port())})
		return nil
	}
	if err := p.waitFor(func() bool { p.serve(); return w.known }); err != nil {
		return err
	}
	if !w.known {
		return nil // what is missing shows in the segments
	}
	switch st.act.what {
	case reads:
		w.reads = true
		p.serve()
	case writes:
		w.writing = p.sockets.agent.Start(agent.Request{Do: agent.Send, Socket: w.id, Data: p.written(st)})
	case closes:
		if w.writing != nil { // what was written goes first
			if err := p.waitFor(func() bool { _, done := w.writing.Done(); return done }); err != nil {
				return err
			}
			switch r, done := w.writing.Done(); {
			case !done:
				return shortWrite(fmt.Sprintf("the target's tcp socket has not taken %d octets by the time when it is to end the stream", len(w.writing.Request.Data)))
			case r.Errno == "" && r.Value < len(w.writing.Request.Data):
				return shortWrite(fmt.Sprintf("the target's tcp socket took %d of %d octets", r.Value, len(w.writing.Request.Data)))
			}
		}
		if _, err := p.call(agent.Request{Do: agent.Shutdown, Socket: w.id, Value: 1}); err != nil {
			p.step("the target's tcp socket cannot end its stream: %v", err)
		}
	case aborts:
		_, err := p.call(agent.Request{Do: agent.SetOpt, Socket: w.id, Option: "SO_LINGER", Value: 0})
		if err == nil {
			_, err = p.call(agent.Request{Do: agent.Close, Socket: w.id})
		}
		if err != nil {
			return fmt.Errorf("the target's tcp socket cannot abort: %w", err)
		}
	}
	return nil
}

// waitFor lets time pass until cond holds, for as long as an answer is waited for.
func (p *player) waitFor(cond func() bool) error {
	for until := p.world.Now() + p.patience(); !cond(); {
		if more, err := p.next(min(until, p.world.Now()+10*time.Millisecond)); err != nil {
			return err
		} else if !more && p.world.Now() >= until {
			return nil
		}
	}
	return nil
}

// written are the octets from the packet of the step to the next one for which the socket writes.
func (p *player) written(st step) []byte {
	s := p.tr.streamOf(st.message.frame)
	from := s.position(st.message.frame)
	to := len(s.captured.data)
	for _, other := range p.plan.steps {
		if other.do == start && other.act.socket == st.act.socket && other.act.what == writes {
			if at := s.position(other.message.frame); at > from {
				to = min(to, at)
			}
		}
	}
	if from < 0 || from > to {
		return nil
	}
	return s.captured.data[from:to]
}

// position is where a captured segment of the target begins.
func (s *stream) position(f *packet.Frame) int {
	seq, _ := tcp.Seq.Of(f)
	return s.captured.at(seq)
}
