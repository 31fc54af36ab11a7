package remote

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/conform-stack/conform/harness/agent"
)

// A Closer is an agent that ends all that is open and pending.
type Closer interface {
	agent.Agent
	CloseAll()
}

// A Server lets others use the sockets of this host.
type Server struct {
	Name  string
	Token string // wanted from whoever connects; empty: none
	// New makes the agent of one connection. notify is told each operation that has ended; it may block.
	New func(notify func(*agent.Op)) Closer
}

// ErrToken says that the harness has not the token.
var ErrToken = errors.New("the token is not the agent's")

// Serve speaks on one connection until it ends, and closes what it left open. A connection that ends is no error.
func (s *Server) Serve(c io.ReadWriter) error {
	in := newLines(c)
	if err := write(c, greeting{Version, s.Name, s.Token != ""}); err != nil {
		return err
	}
	var h hello
	switch err := in.next(&h); {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	if s.Token != "" && subtle.ConstantTimeCompare([]byte(h.Token), []byte(s.Token)) != 1 {
		return errors.Join(ErrToken, write(c, welcome{Error: ErrToken.Error()}))
	}
	if err := write(c, welcome{OK: true}); err != nil {
		return err
	}
	session := &session{server: s, c: c, ids: map[*agent.Op]int{}}
	defer session.end()
	return session.run(in)
}

// ServeListener serves the connections of a listener, one after the other or side by side, until ctx ends.
func (s *Server) ServeListener(ctx context.Context, l net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		all.Go(func() {
			defer context.AfterFunc(ctx, func() { c.Close() })()
			defer c.Close()
			_ = s.Serve(c) // what is wrong with one harness is not the agent's affair
		})
	}
}

// A session is one connection, after its beginning.
type session struct {
	server *Server
	agent  Closer

	mu   sync.Mutex
	c    io.Writer
	ids  map[*agent.Op]int  // of operations under way
	done map[*agent.Op]bool // ended before their number was noted
	err  error              // of writing
}

func (s *session) run(in lines) error {
	s.fresh()
	for {
		var r request
		switch err := in.next(&r); {
		case err == io.EOF, errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		if r.Do == reset {
			s.fresh()
			s.say(reply{ID: r.ID})
		} else {
			s.begin(s.agent.Start(r.Request), r.ID)
		}
		s.mu.Lock()
		err := s.err
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// fresh puts an agent without sockets in the place of the one that there is.
func (s *session) fresh() {
	if s.agent != nil {
		s.agent.CloseAll()
	}
	s.mu.Lock()
	clear(s.ids) // nobody waits for them any more
	s.done = map[*agent.Op]bool{}
	s.mu.Unlock()
	s.agent = s.server.New(s.ended)
}

func (s *session) end() {
	if s.agent != nil {
		s.agent.CloseAll()
	}
}

// begin notes the number of an operation, and answers when it has ended already.
func (s *session) begin(op *agent.Op, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done[op] {
		delete(s.done, op)
		s.tell(op, id)
		return
	}
	s.ids[op] = id
}

// ended is told by the agent, from any goroutine, perhaps before begin.
func (s *session) ended(op *agent.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, begun := s.ids[op]
	if !begun {
		s.done[op] = true
		return
	}
	delete(s.ids, op)
	s.tell(op, id)
}

func (s *session) tell(op *agent.Op, id int) {
	r, _ := op.Done()
	if err := write(s.c, reply{id, r}); s.err == nil {
		s.err = err
	}
}

func (s *session) say(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := write(s.c, r); s.err == nil {
		s.err = err
	}
}
