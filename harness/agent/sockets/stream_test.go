//go:build linux

package sockets

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/harness/agent"
)

// connected are both ends of a connection over loopback.
func (k *kit) connected() (listener, client, server int) {
	k.Helper()
	listener = k.must(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	k.must(agent.Request{Do: agent.Bind, Socket: listener, Local: netip.AddrPortFrom(loopback, 0)})
	local := k.must(agent.Request{Do: agent.Listen, Socket: listener, Value: 4}).Local
	accepting := k.pend(agent.Request{Do: agent.Accept, Socket: listener})
	client = k.must(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	dialing := k.agent.Start(agent.Request{Do: agent.Dial, Socket: client, Remote: local})
	for range 2 { // in either order
		k.next()
	}
	accepted, _ := accepting.Done()
	dialed, _ := dialing.Done()
	if accepted.Errno != "" || dialed.Errno != "" || accepted.Remote != dialed.Local || accepted.Local != local {
		k.Fatalf("accepted %+v, dialed %+v", accepted, dialed)
	}
	if p := k.must(agent.Request{Do: agent.PeerName, Socket: client}).Remote; p != local {
		k.Errorf("peername %s, want %s", p, local)
	}
	if n := k.must(agent.Request{Do: agent.SockName, Socket: client}).Local; n != dialed.Local {
		k.Errorf("sockname %s, want %s", n, dialed.Local)
	}
	return listener, client, accepted.Socket
}

func TestConversation(t *testing.T) {
	k := newKit(t)
	_, client, server := k.connected()
	reading := k.pend(agent.Request{Do: agent.Recv, Socket: server})
	k.must(agent.Request{Do: agent.Send, Socket: client, Data: []byte("hello")})
	if r := k.end(reading); string(r.Data) != "hello" {
		t.Errorf("received %+v", r)
	}
	k.must(agent.Request{Do: agent.Send, Socket: client, Data: []byte("again")})
	if r := k.must(agent.Request{Do: agent.Recv, Socket: server, Flags: []string{"MSG_PEEK"}, Max: 2}); string(r.Data) != "ag" {
		t.Errorf("peeked %+v", r)
	}
	if r := k.must(agent.Request{Do: agent.Recv, Socket: server}); string(r.Data) != "again" {
		t.Errorf("received %+v after a peek", r)
	}
	if r := k.call(agent.Request{Do: agent.Recv, Socket: server, Flags: []string{"MSG_DONTWAIT"}}); r.Errno != "EAGAIN" {
		t.Errorf("a receive that does not wait gives %+v", r)
	}
	k.must(agent.Request{Do: agent.Send, Socket: client, Data: []byte("!"), Flags: []string{"MSG_OOB"}})
	if r := k.must(agent.Request{Do: agent.Recv, Socket: server, Flags: []string{"MSG_OOB"}}); string(r.Data) != "!" {
		t.Errorf("urgent %+v", r)
	}
	k.must(agent.Request{Do: agent.Shutdown, Socket: client, Value: 1})
	if r := k.must(agent.Request{Do: agent.Recv, Socket: server}); !r.EOF() {
		t.Errorf("at the end of the stream: %+v", r)
	}
	if r := k.call(agent.Request{Do: agent.Send, Socket: client, Data: []byte("x")}); r.Errno != "EPIPE" {
		t.Errorf("a send after shutdown: %+v", r)
	}
}

// A send that is larger than the buffers ends when the peer has read enough for all of it.
func TestSendWaitsForRoom(t *testing.T) {
	k := newKit(t)
	_, client, server := k.connected()
	data := bytes.Repeat([]byte("0123456789"), 2_000_000)
	sending := k.pend(agent.Request{Do: agent.Send, Socket: client, Data: data})
	got := 0
	for got < len(data) {
		op := k.agent.Start(agent.Request{Do: agent.Recv, Socket: server})
		for ended := k.next(); ended != op; ended = k.next() {
			if ended != sending {
				t.Fatalf("%+v has ended", ended.Request)
			}
		}
		r, _ := op.Done()
		if r.Errno != "" || r.EOF() {
			t.Fatalf("after %d octets: %+v", got, r)
		}
		got += len(r.Data)
	}
	for {
		if r, done := sending.Done(); done {
			if r.Value != len(data) {
				t.Errorf("sent %d of %d, %s", r.Value, len(data), r.Errno)
			}
			return
		}
		k.next()
	}
}

func TestPoll(t *testing.T) {
	k := newKit(t)
	listener, client, server := k.connected()
	ask := func(timeout int, polls ...agent.PollFor) agent.Request {
		return agent.Request{Do: agent.Poll, Polls: polls, Value: timeout}
	}
	in := []string{"in"}
	if r := k.must(ask(0, agent.PollFor{Socket: server, Events: in}, agent.PollFor{Socket: client, Events: []string{"out"}})); r.Value != 1 ||
		r.Polls[0].Socket != client || !slices.Equal(r.Polls[0].Events, []string{"out"}) {
		t.Errorf("ready %+v, want the client to be writable alone", r.Polls)
	}
	if r := k.must(ask(10, agent.PollFor{Socket: server, Events: in})); r.Value != 0 {
		t.Errorf("ready %+v, want the time to be up", r.Polls)
	}
	waiting := k.pend(ask(-1, agent.PollFor{Socket: server, Events: in}))
	k.agent.Start(agent.Request{Do: agent.Send, Socket: client, Data: []byte("x")})
	k.next() // the send and the poll, in either order
	k.next()
	if r, _ := waiting.Done(); r.Value != 1 || r.Polls[0].Socket != server {
		t.Errorf("ready %+v", r)
	}
	closing := k.pend(ask(-1, agent.PollFor{Socket: listener, Events: in}))
	k.agent.Start(agent.Request{Do: agent.Close, Socket: listener})
	k.next() // the close and the poll
	k.next()
	if r, _ := closing.Done(); r.Errno != "ECANCELED" {
		t.Errorf("the socket was closed: %+v", r)
	}
	if r := k.call(ask(0, agent.PollFor{Socket: listener})); r.Errno != "EBADF" {
		t.Errorf("the socket is closed: %+v", r)
	}
	k.pend(ask(-1, agent.PollFor{Socket: client, Events: []string{"pri"}})) // CloseAll ends it
}

func TestStreamOptions(t *testing.T) {
	k := newKit(t)
	_, client, server := k.connected()
	for _, o := range []struct {
		name  string
		value int
	}{{"SO_LINGER", 5}, {"SO_LINGER", agent.NoLinger}, {"TCP_NODELAY", 1}, {"TCP_KEEPIDLE", 7}, {"TCP_USER_TIMEOUT", 900}, {"SO_OOBINLINE", 1}} {
		k.must(agent.Request{Do: agent.SetOpt, Socket: client, Option: o.name, Value: o.value})
		if r := k.must(agent.Request{Do: agent.GetOpt, Socket: client, Option: o.name}); r.Value != o.value {
			t.Errorf("%s is %d, want %d", o.name, r.Value, o.value)
		}
	}
	k.must(agent.Request{Do: agent.SetOpt, Socket: client, Option: "TCP_CONGESTION", Data: []byte("reno")})
	if r := k.must(agent.Request{Do: agent.GetOpt, Socket: client, Option: "TCP_CONGESTION"}); string(r.Data) != "reno" {
		t.Errorf("TCP_CONGESTION %q", r.Data)
	}
	// A linger of 0 makes close an abort.
	k.must(agent.Request{Do: agent.SetOpt, Socket: client, Option: "SO_LINGER", Value: 0})
	k.must(agent.Request{Do: agent.Close, Socket: client})
	if r := k.call(agent.Request{Do: agent.Recv, Socket: server}); r.Errno != "ECONNRESET" {
		t.Errorf("after an abort: %+v", r)
	}
}

func TestControl(t *testing.T) {
	k := newKit(t)
	receiver := k.must(agent.Request{Do: agent.Open}).Socket
	local := k.must(agent.Request{Do: agent.Bind, Socket: receiver, Local: netip.AddrPortFrom(loopback, 0)}).Local
	for _, o := range []string{"IP_RECVTTL", "IP_RECVTOS"} {
		k.must(agent.Request{Do: agent.SetOpt, Socket: receiver, Option: o, Value: 1})
	}
	sender := k.must(agent.Request{Do: agent.Open}).Socket
	k.must(agent.Request{Do: agent.Send, Socket: sender, Remote: local, Data: []byte("long"),
		Control: []agent.Control{{Type: "IP_TTL", Value: 9}, {Type: "IP_TOS", Value: 0x20}}})
	r := k.must(agent.Request{Do: agent.Recv, Socket: receiver, Max: 2})
	for _, want := range []agent.Control{{Type: "IP_TTL", Value: 9}, {Type: "IP_TOS", Value: 0x20}, {Type: "IP_PKTINFO", Addr: loopback, Ifindex: 1}} {
		if !slices.Contains(r.Control, want) {
			t.Errorf("control %+v, want %+v in it", r.Control, want)
		}
	}
	if !slices.Equal(r.Flags, []string{"MSG_TRUNC"}) || string(r.Data) != "lo" {
		t.Errorf("received %+v, want it cut", r)
	}
}
