package remote_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
	"github.com/conform-stack/conform/harness/agent/sockets"
)

// serve offers this host's sockets on a Unix socket.
func serve(t *testing.T, token string) (where string) {
	t.Helper()
	where = filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", where)
	if err != nil {
		t.Fatal(err)
	}
	s := remote.Server{Name: "test", Token: token, New: func(notify func(*agent.Op)) remote.Closer {
		return sockets.New(func(f func()) { f() }, notify)
	}}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- s.ServeListener(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	return "unix:" + where
}

type conversation struct {
	*testing.T
	*remote.Client
	ended chan *agent.Op
}

func converse(t *testing.T, where string) *conversation {
	t.Helper()
	stream, err := remote.Dial(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	k := &conversation{T: t, ended: make(chan *agent.Op, 100)}
	if k.Client, err = remote.Connect(t.Context(), stream, "", func(op *agent.Op) { k.ended <- op }, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// call makes a call and waits for its end, or for that of an earlier one.
func (k *conversation) call(r agent.Request) agent.Reply {
	k.Helper()
	op := k.Start(r)
	for {
		if reply, done := op.Done(); done {
			return reply
		}
		select {
		case <-k.ended:
		case <-k.Context().Done():
			k.Fatalf("%s does not end", r.Do)
		}
	}
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func TestCalls(t *testing.T) {
	k := converse(t, serve(t, ""))
	if k.Name != "test" {
		t.Errorf("the agent is called %q", k.Name)
	}
	a := k.call(agent.Request{Do: agent.Open, Type: "dgram"}).Socket
	at := k.call(agent.Request{Do: agent.Bind, Socket: a, Local: loopback}).Local
	b := k.call(agent.Request{Do: agent.Open, Type: "dgram"}).Socket
	waiting := k.Start(agent.Request{Do: agent.Recv, Socket: a, Max: 70000})
	big := make([]byte, 60000)
	for i := range big {
		big[i] = byte(i)
	}
	if r := k.call(agent.Request{Do: agent.Send, Socket: b, Data: big, Remote: at}); r.Errno != "" || r.Value != len(big) {
		t.Fatalf("send: %+v", r)
	}
	for {
		if r, done := waiting.Done(); done {
			if len(r.Data) != len(big) || r.Data[59999] != big[59999] {
				t.Errorf("received %d octets, %s", len(r.Data), r.Errno)
			}
			break
		}
		<-k.ended
	}
	if r := k.call(agent.Request{Do: agent.Recv, Socket: 99}); r.Errno != "EBADF" {
		t.Errorf("a socket that is not there: %+v", r)
	}
}

func TestReset(t *testing.T) {
	k := converse(t, serve(t, ""))
	a := k.call(agent.Request{Do: agent.Open, Type: "dgram"}).Socket
	pending := k.Start(agent.Request{Do: agent.Recv, Socket: a})
	if err := k.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := k.call(agent.Request{Do: agent.SockName, Socket: a}); r.Errno != "EBADF" {
		t.Errorf("a socket outlived a reset: %+v", r)
	}
	if _, done := pending.Done(); done {
		t.Error("a call that was pending at a reset has ended")
	}
}

// A connection that ends takes its sockets with it, and the harness learns that its agent is gone.
func TestAgentIsGone(t *testing.T) {
	here, there := net.Pipe()
	s := remote.Server{New: func(notify func(*agent.Op)) remote.Closer { return sockets.New(func(f func()) { f() }, notify) }}
	over := make(chan error, 1)
	go func() { over <- s.Serve(there) }()
	broken := make(chan error, 1)
	ended := make(chan *agent.Op, 10)
	c, err := remote.Connect(t.Context(), here, "", func(op *agent.Op) { ended <- op }, func(err error) { broken <- err })
	if err != nil {
		t.Fatal(err)
	}
	c.Start(agent.Request{Do: agent.Open, Type: "dgram"})
	n, _ := (<-ended).Done()
	pending := c.Start(agent.Request{Do: agent.Recv, Socket: n.Socket})
	there.Close()
	if err := <-broken; err == nil || !strings.HasPrefix(err.Error(), "the agent is gone") {
		t.Errorf("%v", err)
	}
	<-ended
	if r, done := pending.Done(); !done || r.Errno != "EPIPE" {
		t.Errorf("a call under way: %+v, %v", r, done)
	}
	if r, done := c.Start(agent.Request{Do: agent.Open}).Done(); !done || r.Errno != "EPIPE" {
		t.Errorf("a call afterwards: %+v, %v", r, done)
	}
	c.Close()
	if err := <-over; err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

func TestToken(t *testing.T) {
	where := serve(t, "secret")
	for token, want := range map[string]string{"": "the agent wants a token", "guess": "the agent refuses: the token is not the agent's", "secret": ""} {
		stream, err := remote.Dial(t.Context(), where)
		if err != nil {
			t.Fatal(err)
		}
		c, err := remote.Connect(t.Context(), stream, token, func(*agent.Op) {}, nil)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || err.Error() != want):
			t.Errorf("token %q: %v, want %q", token, err, want)
		case err == nil:
			c.Close()
		}
	}
}

// rubbish speaks before it greets, as a serial console does, or says what it must not.
func TestStrangers(t *testing.T) {
	for said, want := range map[string]string{
		"U-Boot 2024.01\r\n\r\n{\"conform\":1,\"name\":\"uart\"}\n{\"ok\":true}\n": "",
		"{\"conform\":2}\n":             "the agent speaks version 2 of the protocol, the harness 1",
		"{\"conform\":\"yes\"}\n":       "the agent does not greet: a line is no message of the protocol: ",
		"SSH-2.0-OpenSSH_9.2\r\n":       "the agent does not greet: EOF",
		strings.Repeat("x", 5<<20):      "the agent does not greet: a line is longer than 4194304 octets",
		"{\"conform\":1,\"name\":\"x\"": "the agent does not greet: unexpected EOF",
	} {
		here, there := net.Pipe()
		go io.Copy(io.Discard, there)
		go func() {
			io.WriteString(there, said)
			if want != "" {
				there.Close()
			}
		}()
		c, err := remote.Connect(t.Context(), here, "", func(*agent.Op) {}, nil)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%.30q: %v, want %q", said, err, want)
		case err == nil:
			if c.Name != "uart" {
				t.Errorf("the agent is called %q", c.Name)
			}
			c.Close()
		}
	}
}

// An agent that says nothing is waited for as long as the context lasts.
func TestSilentAgent(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := remote.Connect(ctx, here, "", func(*agent.Op) {}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestProgramEnds(t *testing.T) {
	c, err := remote.Exec([]string{"cat"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := remote.Exec([]string{"/no/such/agent"}); err == nil || !strings.HasPrefix(err.Error(), "the agent cannot be started") {
		t.Errorf("%v", err)
	}
}
