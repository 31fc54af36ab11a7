//go:build linux

package linux

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
	"github.com/conform-stack/conform/harness/agent/sockets"
	"github.com/conform-stack/conform/harness/target"
)

// asAgent makes of the test binary a program that is an agent.
const asAgent = "LINUX_TEST_AGENT"

func serveAgent() error {
	s := remote.Server{Name: "program", New: func(notify func(*agent.Op)) remote.Closer { return sockets.New(func(f func()) { f() }, notify) }}
	return s.Serve(stdio{})
}

type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }

// The program is in the world's namespace, and ends with the world.
func TestAgentInAProgram(t *testing.T) {
	needsRoot(t)
	t.Setenv(asAgent, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	k, err := New(Options{Agent: []string{self}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.New(t.Context(), target.Spec{Check: "test", Needs: []target.Feature{target.Agent}})
	if err != nil {
		t.Fatal(err)
	}
	call := func(r agent.Request) agent.Reply {
		t.Helper()
		op := w.Agent().Start(r)
		for {
			if reply, done := op.Done(); done {
				return reply
			}
			if ev, err := w.Next(w.Now() + 5*time.Second); err != nil || ev.Frame == nil && ev.Op == nil {
				t.Fatalf("%s does not end: %v", r.Do, err)
			}
		}
	}
	s := call(agent.Request{Do: agent.Open, Type: "dgram"}).Socket
	own := w.Nets()[0].Target.IP4
	if r := call(agent.Request{Do: agent.Bind, Socket: s, Local: netip.AddrPortFrom(own, 4000)}); r.Errno != "" {
		t.Errorf("binding to the world's address: %s", r.Errno)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
