package remote

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/conform-stack/conform/harness/agent"
)

// A Client drives an agent at the other end of a stream. It implements agent.Agent.
type Client struct {
	Name string // what the agent calls itself

	c      io.ReadWriteCloser
	notify func(*agent.Op)
	broken func(error)
	over   chan struct{} // closed when the reader is gone
	reset  chan struct{} // holds a token when a reset has been answered

	mu      sync.Mutex
	last    int
	pending map[int]*agent.Op
	closed  bool
	err     error // why nothing can be asked any more
}

// lost is the error of calls whose agent is gone.
const lost = "EPIPE"

// Connect begins a conversation with the agent at the other end of c, which is the client's from now on. notify is told
// each operation that has ended, broken that the stream ended before Close; neither may block.
func Connect(ctx context.Context, c io.ReadWriteCloser, token string, notify func(*agent.Op), broken func(error)) (*Client, error) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	k := &Client{c: c, notify: notify, broken: broken, over: make(chan struct{}), reset: make(chan struct{}, 1), pending: map[int]*agent.Op{}}
	in := newLines(c)
	err := k.begin(in, token)
	if !stop() && ctx.Err() != nil {
		err = fmt.Errorf("the agent does not answer: %w", ctx.Err())
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	go k.read(in)
	return k, nil
}

func (k *Client) begin(in lines, token string) error {
	var g greeting
	if err := in.next(&g); err != nil {
		return fmt.Errorf("the agent does not greet: %w", err)
	}
	switch {
	case g.Conform != Version:
		return fmt.Errorf("the agent speaks version %d of the protocol, the harness %d", g.Conform, Version)
	case g.Token && token == "":
		return fmt.Errorf("the agent wants a token")
	}
	k.Name = g.Name
	if err := write(k.c, hello{Version, token}); err != nil {
		return err
	}
	var w welcome
	if err := in.next(&w); err != nil {
		return fmt.Errorf("the agent does not answer: %w", err)
	}
	if !w.OK {
		return fmt.Errorf("the agent refuses: %s", w.Error)
	}
	return nil
}

func (k *Client) read(in lines) {
	defer close(k.over)
	for {
		var r reply
		if err := in.next(&r); err != nil {
			k.fail(fmt.Errorf("the agent is gone: %w", err))
			return
		}
		k.mu.Lock()
		op := k.pending[r.ID]
		delete(k.pending, r.ID)
		k.mu.Unlock()
		if op != nil { // else it was pending at a reset
			k.end(op, r.Reply)
		}
	}
}

// fail ends all that is pending, and all that comes.
func (k *Client) fail(err error) {
	k.mu.Lock()
	pending, closed := k.pending, k.closed
	k.pending = map[int]*agent.Op{}
	if k.err == nil {
		k.err = err
	}
	k.mu.Unlock()
	for _, op := range pending {
		k.end(op, agent.Reply{Errno: lost})
	}
	if !closed && k.broken != nil {
		k.broken(err)
	}
}

// Start implements agent.Agent.
func (k *Client) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	if err := k.send(op, r); err != nil {
		k.end(op, agent.Reply{Errno: lost})
	}
	return op
}

func (k *Client) end(op *agent.Op, r agent.Reply) {
	op.End(r)
	if op.Request.Do != reset {
		k.notify(op)
		return
	}
	select {
	case k.reset <- struct{}{}:
	default: // nobody waits for it any more
	}
}

// send writes a request. The lock keeps lines whole and their order that of the calls.
func (k *Client) send(op *agent.Op, r agent.Request) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	k.last++
	k.pending[k.last] = op
	if err := write(k.c, request{k.last, r}); err != nil {
		delete(k.pending, k.last)
		return err
	}
	return nil
}

// Reset closes all sockets of the agent and returns when it has done so. Operations that are pending never end.
func (k *Client) Reset(ctx context.Context) error {
	k.mu.Lock()
	clear(k.pending)
	k.mu.Unlock()
	if err := k.send(&agent.Op{Request: agent.Request{Do: reset}}, agent.Request{Do: reset}); err != nil {
		return err
	}
	select {
	case <-k.reset:
		return nil
	case <-k.over:
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.err
	case <-ctx.Done():
		return fmt.Errorf("the agent does not answer: %w", ctx.Err())
	}
}

// Close ends the conversation; the agent closes its sockets.
func (k *Client) Close() error {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	err := k.c.Close()
	<-k.over
	return err
}
