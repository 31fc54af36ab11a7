//go:build linux

package agents

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
)

const hello = "{\"hello\":1}\n"

// feed gives the agent all that it shall read and tells what it says. It must end of its own accord and without an error.
func feed(t *testing.T, path, said string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, "--stdio")
	cmd.Stdin = strings.NewReader(said)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	// an agent that closes the stream leaves what is unread: that is its right
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("%v after %.200q\n%s", err, said, wrong.Bytes())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestMalformedLines(t *testing.T) {
	path := sanitized(t)
	const open = "{\"id\":1,\"do\":\"open\"}\n"
	for said, want := range map[string]string{ // the line after the welcome; empty: the stream is closed
		"{\n":                                      "",
		"{\"id\":1,}\n":                            "",
		"{\"id\":1.0}\n":                           "",
		"{\"id\":\"1\"}\n":                         "",
		"{\"id\":99999999999999999999}\n":          "",
		"{\"id\":1} x\n":                           "",
		"{\"id\":1,\"do\":\"a\nb\"}\n":             "",
		"{\"id\":1,\"do\":\"\\x\"}\n":              "",
		"{\"id\":1,\"do\":\"\\u12\n":               "",
		"{\"id\":1,\"local\":\"1.2.3.4\"}\n":       "",
		"{\"id\":1,\"local\":\"1.2.3.4:99999\"}\n": "",
		"{\"id\":1,\"local\":\"[1.2.3.4]:9\"}\n":   "",
		"{\"id\":1,\"local\":\"::1:9\"}\n":         "",
		"{\"id\":1,\"group\":\"1.2.3\"}\n":         "",
		"{\"id\":1,\"data\":\"AA\"}\n":             "",
		"{\"id\":1,\"data\":\"A===\"}\n":           "",
		"{\"id\":1,\"data\":\"AA==AA==\"}\n":       "",
		"{\"id\":1,\"data\":\"A*AA\"}\n":           "",
		"{\"id\":1,\"flags\":{}}\n":                "",
		"{\"id\":1,\"flags\":[\"a\"\n":             "",
		"{\"id\":1,\"polls\":[7]}\n":               "",
		"{\"id\":1,\"x\":" + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}\n": "",
		"{\"id\":1,\"x\":01}\n":                      "",
		"{\"id\":1,\"x\":\"\x00\"}\n":                "",
		strings.Repeat(" ", 5000000) + open:          "",
		"{" + strings.Repeat("x", 5000000):           "",
		"rubbish\n\n \r\n[]\n" + open:                `{"id":1,"socket":1}`,
		"{}\n":                                       `{"id":0,"errno":"ENOSYS"}`,
		" {\"id\":2 , \"do\" : \"clo\\u0073e\"}":     "", // no line feed
		" {\"id\":2 , \"do\" : \"clo\\u0073e\"}\r\n": `{"id":2,"errno":"EBADF"}`,
		"{\"id\":-3,\"do\":null,\"x\":{\"a\":[1e5,-0.5,true,{}],\"b\":[]},\"flags\":null}\n":      `{"id":-3,"errno":"ENOSYS"}`,
		"{\"id\":1,\"do\":\"poll\",\"polls\":[" + strings.Repeat("{},", 2000) + "{}]}\n":          `{"id":1,"errno":"ENOBUFS"}`,
		"{\"id\":1,\"do\":\"poll\",\"polls\":[{\"events\":[\"in\"]}]}\n":                          `{"id":1,"errno":"EBADF"}`,
		"{\"id\":1,\"do\":\"recv\",\"socket\":9223372036854775807,\"max\":9223372036854775807}\n": `{"id":1,"errno":"EBADF"}`,
	} {
		got := feed(t, path, hello+said)
		if len(got) < 2 || got[1] != `{"ok":true}` {
			t.Errorf("%.60q: %.200q", said, got)
			continue
		}
		if answer := strings.Join(got[2:], "|"); answer != want {
			t.Errorf("%.60q: %.200q, want %q", said, answer, want)
		}
	}
}

// Lines that are nearly right, with a fixed seed: the agent may answer or close the stream, but neither crash nor hang.
func TestNearlyRightLines(t *testing.T) {
	path := sanitized(t)
	seeds := []string{
		`{"id":1,"do":"open","family":"inet6","type":"dgram"}`, `{"id":2,"do":"bind","socket":1,"local":"[::1%1]:0"}`,
		`{"id":3,"do":"send","socket":1,"data":"aGVsbG8=","remote":"[::1]:9","flags":["MSG_DONTWAIT"],"control":[{"type":"IPV6_HOPLIMIT","value":9}]}`,
		`{"id":4,"do":"recv","socket":1,"max":100,"flags":["MSG_PEEK","MSG_DONTWAIT"]}`, `{"id":5,"do":"recv","socket":1}`,
		`{"id":6,"do":"setopt","socket":1,"option":"MCAST_MSFILTER","group":"ff02::9","sources":["fe80::1","fe80::2"],"iface":1,"value":1}`,
		`{"id":7,"do":"poll","polls":[{"socket":1,"events":["in","pri"]}],"value":-1}`, `{"id":8,"do":"getopt","socket":1,"option":"SO_LINGER"}`,
		`{"id":9,"do":"close","socket":1}`, `{"id":10,"do":"reset"}`, `{"id":11,"do":"open","\ud83d\ude00":[{"a":[]},1e9]}`,
	}
	r := rand.New(rand.NewPCG(8, 8))
	answered := 0
	for range 60 {
		said := hello
		for range 12 {
			b := []byte(seeds[r.IntN(len(seeds))])
			for range r.IntN(3) {
				i := r.IntN(len(b))
				switch r.IntN(4) {
				case 0:
					b[i] = byte(r.Uint32())
				case 1:
					b = append(b[:i], b[i+1:]...)
				case 2:
					b[i] = `{}[]":,\%0-`[r.IntN(11)]
				case 3:
					j := r.IntN(len(b))
					b = append(b[:max(i, j):max(i, j)], b[min(i, j):]...)
				}
			}
			said += string(b) + "\n"
		}
		answered += len(feed(t, path, said)) - 2
	}
	if answered < 60 {
		t.Errorf("%d answers only: the lines are too wrong to try anything", answered)
	}
}

// What waits is bounded, and so is what is unread: the harness that reads nothing until it has said all gets every answer.
func TestManyCalls(t *testing.T) {
	path := sanitized(t)
	var said strings.Builder
	said.WriteString(hello + "{\"id\":1,\"do\":\"open\"}\n{\"id\":2,\"do\":\"bind\",\"socket\":1,\"local\":\"127.0.0.1:0\"}\n")
	for i := range 5000 {
		fmt.Fprintf(&said, "{\"id\":%d,\"do\":\"recv\",\"socket\":1}\n", 10+i)
	}
	said.WriteString("{\"id\":3,\"do\":\"close\",\"socket\":1}\n")
	count := map[string]int{}
	for _, l := range feed(t, path, said.String()) {
		for _, e := range []string{"ENOBUFS", "ECANCELED"} {
			if strings.Contains(l, e) {
				count[e]++
			}
		}
	}
	if count["ENOBUFS"] != 5000-4096 || count["ECANCELED"] != 4096 {
		t.Errorf("%v", count)
	}
}

// listening starts the agent and tells where it is.
func listening(t *testing.T, path string, args ...string) string {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "agent at "))
}

func TestListens(t *testing.T) {
	path := sanitized(t)
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	unix := filepath.Join(t.TempDir(), "agent")
	for _, c := range []struct{ name, where, token string }{
		{"IPv4", listening(t, path, "--listen", "127.0.0.1:0"), ""},
		{"IPv6", listening(t, path, "--listen", "[::1]:0"), ""},
		{"Unix", "unix:" + listening(t, path, "--listen", "unix:"+unix), ""},
		{"token", listening(t, path, "--listen", "127.0.0.1:0", "--token-file", secret), "secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.token != "" {
				for token, want := range map[string]string{"": "the agent wants a token", "secres": "the agent refuses: the token is not the agent's"} {
					stream, err := remote.Dial(t.Context(), c.where)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := remote.Connect(t.Context(), stream, token, func(*agent.Op) {}, nil); err == nil || err.Error() != want {
						t.Errorf("token %q: %v", token, err)
					}
				}
			}
			for range 2 { // one harness after the other; each has sockets of its own
				stream, err := remote.Dial(t.Context(), c.where)
				if err != nil {
					t.Fatal(err)
				}
				k := converse(t, stream, c.token)
				if r := k.call(agent.Request{Do: agent.Open}); r.Socket != 1 {
					t.Errorf("%+v", r)
				}
				pending := k.Start(agent.Request{Do: agent.Recv, Socket: 1})
				if err := k.Reset(t.Context()); err != nil {
					t.Error(err)
				}
				if _, done := pending.Done(); done {
					t.Error("a call that was pending at a reset has ended")
				}
				if r := k.call(agent.Request{Do: agent.SockName, Socket: 1}); r.Errno != "EBADF" {
					t.Errorf("a socket outlived a reset: %+v", r)
				}
				k.Close()
			}
		})
	}
}

func TestIsNotForEverybody(t *testing.T) {
	path := plain(t)
	for _, where := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "localhost:1", "127.0.0.1"} {
		cmd := exec.CommandContext(t.Context(), path, "--listen", where)
		b, err := cmd.CombinedOutput()
		var failed *exec.ExitError
		if !errors.As(err, &failed) || failed.ExitCode() != 2 || !strings.Contains(string(b), "token") && !strings.Contains(string(b), "--listen takes") {
			t.Errorf("%s: %v, %s", where, err, b)
		}
	}
}

// A close that lingers holds up no other call.
func TestLingeringClose(t *testing.T) {
	k := inC(t, sanitized(t))
	r := k.run([]step{
		open("inet", "stream"), on(1, agent.SetOpt, option("SO_RCVBUF", 2000)), on(1, agent.Bind, at(loop4)), on(1, agent.Listen, value(1)),
		open("inet", "stream"), on(5, agent.SetOpt, option("SO_SNDBUF", 100000)), on(5, agent.Dial, to(3)), on(1, agent.Accept),
		on(5, agent.Send, data(strings.Repeat("x", 60000))), on(5, agent.SetOpt, option("SO_LINGER", 2)),
	})
	if r[8].Value != 60000 {
		t.Fatalf("%+v", r[8])
	}
	begun := time.Now()
	closing := k.Start(agent.Request{Do: agent.Close, Socket: r[4].Socket})
	if r := k.call(agent.Request{Do: agent.SockName, Socket: r[0].Socket}); r.Errno != "" || time.Since(begun) > time.Second {
		t.Errorf("%+v after %v", r, time.Since(begun))
	}
	if r := k.wait(closing); r.Errno != "" || time.Since(begun) < time.Second {
		t.Errorf("the close did not linger: %+v after %v", r, time.Since(begun))
	}
}
