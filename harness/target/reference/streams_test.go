package reference_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
)

// Both ends of a connection are sockets of the node.
func TestStreams(t *testing.T) {
	w := newWorld(t, reference.Options{}, target.Spec{Needs: []target.Feature{target.Agent}})
	wait := func(op *agent.Op) agent.Reply {
		t.Helper()
		for {
			if r, done := op.Done(); done {
				return r
			}
			if e := next(t, w, w.Now()+time.Minute); e.Op == nil && e.Frame == nil {
				t.Fatalf("%s has not ended in a minute", op.Request.Do)
			}
		}
	}
	start := func(r agent.Request) *agent.Op { return w.Agent().Start(r) }
	do := func(r agent.Request) agent.Reply { t.Helper(); return wait(start(r)) }

	port := netip.MustParseAddrPort("192.0.2.2:80")
	listener := do(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	do(agent.Request{Do: agent.Bind, Socket: listener, Local: port})
	do(agent.Request{Do: agent.Listen, Socket: listener, Value: 4})
	first, second := start(agent.Request{Do: agent.Accept, Socket: listener}), start(agent.Request{Do: agent.Accept, Socket: listener})
	client := do(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	if r := do(agent.Request{Do: agent.Dial, Socket: client, Remote: port}); r.Errno != "" {
		t.Fatalf("dial: %+v", r)
	}
	server := wait(first).Socket
	if _, done := second.Done(); done {
		t.Error("one connection ended two accepts")
	}

	polling := start(agent.Request{Do: agent.Poll, Value: -1, Polls: []agent.PollFor{{Socket: server, Events: []string{"in"}}}})
	reads := []*agent.Op{start(agent.Request{Do: agent.Recv, Socket: client, Max: 3}), start(agent.Request{Do: agent.Recv, Socket: client, Max: 3})}
	do(agent.Request{Do: agent.Send, Socket: client, Data: []byte("hello")})
	if r := wait(polling); r.Value != 1 || r.Polls[0].Socket != server || !slices.Equal(r.Polls[0].Events, []string{"in"}) {
		t.Errorf("poll: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Recv, Socket: server, Flags: []string{"MSG_PEEK"}}); string(r.Data) != "hello" {
		t.Errorf("peek: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Recv, Socket: server}); string(r.Data) != "hello" {
		t.Errorf("recv: %+v", r)
	}
	do(agent.Request{Do: agent.Send, Socket: server, Data: []byte("answer")})
	if a, b := wait(reads[0]), wait(reads[1]); string(a.Data) != "ans" || string(b.Data) != "wer" {
		t.Errorf("two receives that waited got %q and %q", a.Data, b.Data)
	}
	if r := do(agent.Request{Do: agent.Recv, Socket: server, Flags: []string{"MSG_DONTWAIT"}}); r.Errno != "EAGAIN" {
		t.Errorf("recv that does not wait: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Poll, Value: 50, Polls: []agent.PollFor{{Socket: server, Events: []string{"in"}}}}); r.Value != 0 || r.Errno != "" {
		t.Errorf("poll whose time is up: %+v", r)
	}

	big := bytes.Repeat([]byte("0123456789"), 300_000) // more than any buffer holds
	sending := start(agent.Request{Do: agent.Send, Socket: client, Data: big})
	if _, done := sending.Done(); done {
		t.Error("a send beyond the buffers did not wait")
	}
	var got []byte
	for len(got) < len(big) {
		r := do(agent.Request{Do: agent.Recv, Socket: server})
		if r.Errno != "" || r.EOF() {
			t.Fatalf("after %d octets: %+v", len(got), r)
		}
		got = append(got, r.Data...)
	}
	if r := wait(sending); r.Value != len(big) || !bytes.Equal(got, big) {
		t.Errorf("the send gave %d, other octets came than went: %v", r.Value, !bytes.Equal(got, big))
	}

	do(agent.Request{Do: agent.Shutdown, Socket: client, Value: 1})
	if r := do(agent.Request{Do: agent.Recv, Socket: server}); !r.EOF() {
		t.Errorf("at the end: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Send, Socket: client, Data: []byte("x")}); r.Errno != "EPIPE" {
		t.Errorf("send after shutdown: %+v", r)
	}
	closing := start(agent.Request{Do: agent.Poll, Value: -1, Polls: []agent.PollFor{{Socket: listener, Events: []string{"in"}}}})
	do(agent.Request{Do: agent.Close, Socket: listener})
	if p, a := wait(closing), wait(second); p.Errno != "ECANCELED" || a.Errno != "ECANCELED" {
		t.Errorf("of a socket that was closed: poll %+v, accept %+v", p, a)
	}
	if r := do(agent.Request{Do: agent.Dial, Socket: do(agent.Request{Do: agent.Open, Type: "stream"}).Socket, Remote: port}); r.Errno != "ECONNREFUSED" {
		t.Errorf("dial to a port that is closed: %+v", r)
	}
	for _, o := range []struct {
		name  string
		value int
	}{{"SO_LINGER", 3}, {"SO_LINGER", agent.NoLinger}, {"TCP_NODELAY", 1}, {"TCP_KEEPIDLE", 9}, {"TCP_USER_TIMEOUT", 700}, {"TCP_KEEPCNT", 4}} {
		do(agent.Request{Do: agent.SetOpt, Socket: client, Option: o.name, Value: o.value})
		if r := do(agent.Request{Do: agent.GetOpt, Socket: client, Option: o.name}); r.Value != o.value {
			t.Errorf("%s: %+v, want %d", o.name, r, o.value)
		}
	}
}
