//go:build linux

// Package agents holds agents that are no part of conform: here the test that the one in C says what the one in Go does.
package agents

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
	"github.com/conform-stack/conform/harness/agent/sockets"
)

// build compiles the agent with more flags and gives its path. What it gives is kept until all tests have ended.
func build(dir string, flags ...string) (path string, err error) {
	cc, err := exec.LookPath(cmp.Or(os.Getenv("CC"), "cc"))
	if err != nil {
		return "", errNoCompiler
	}
	path = filepath.Join(dir, "conform-agent")
	args := append([]string{"-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, "conform_agent.c"}, flags...)
	if b, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, b)
	}
	return path, nil
}

var errNoCompiler = errors.New("there is no C compiler")

func need(t *testing.T, path string, err error) string {
	t.Helper()
	switch {
	case err == errNoCompiler:
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return path
}

// plain is the agent as it is used.
func plain(t *testing.T) string {
	t.Helper()
	path, err := build(t.TempDir())
	return need(t, path, err)
}

var buildSanitized func() (string, error)

// sanitized is the agent that ends with an error at the first mistake with memory.
func sanitized(t *testing.T) string {
	t.Helper()
	path, err := buildSanitized()
	return need(t, path, err)
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "conform-agent")
	if err != nil {
		panic(err)
	}
	buildSanitized = sync.OnceValues(func() (string, error) {
		return build(dir, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	})
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

type conversation struct {
	*testing.T
	*remote.Client
	ended chan *agent.Op
}

func converse(t *testing.T, c io.ReadWriteCloser, token string) *conversation {
	t.Helper()
	k := &conversation{T: t, ended: make(chan *agent.Op, 100)}
	var err error
	if k.Client, err = remote.Connect(t.Context(), c, token, func(op *agent.Op) { k.ended <- op }, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// inGo talks to the server in Go, inC to the program.
func inGo(t *testing.T) *conversation {
	here, there := net.Pipe()
	s := remote.Server{Name: "go", New: func(notify func(*agent.Op)) remote.Closer {
		return sockets.New(func(f func()) { f() }, notify)
	}}
	go func() { _ = s.Serve(there) }()
	return converse(t, here, "")
}

func inC(t *testing.T, path string) *conversation {
	c, err := remote.Exec([]string{path, "--stdio"})
	if err != nil {
		t.Fatal(err)
	}
	return converse(t, c, "")
}

func (k *conversation) wait(op *agent.Op) agent.Reply {
	k.Helper()
	late := time.After(10 * time.Second)
	for {
		if r, done := op.Done(); done {
			return r
		}
		select {
		case <-k.ended:
		case <-late:
			k.Fatalf("%s does not end", op.Request.Do)
		}
	}
}

func (k *conversation) call(r agent.Request) agent.Reply { k.Helper(); return k.wait(k.Start(r)) }

// A step is a call; its sockets and its remote address are named by the step that made them, from 1 on.
type step struct {
	agent.Request
	to    int  // the step whose reply's Local is dialled
	start bool // it waits, and is awaited at the end
}

var (
	loop4 = netip.MustParseAddrPort("127.0.0.1:0")
	loop6 = netip.MustParseAddrPort("[::1]:0")
	ip    = netip.MustParseAddr
)

// run makes the calls of a script and gives what they said, without the ports that the kernel chose.
func (k *conversation) run(script []step) []agent.Reply {
	k.Helper()
	replies := make([]agent.Reply, len(script))
	waiting := map[int]*agent.Op{}
	for i, s := range script {
		if s.Socket > 0 && s.Socket <= i {
			s.Socket = replies[s.Socket-1].Socket
		}
		for p := range s.Polls {
			s.Polls = append([]agent.PollFor(nil), s.Polls...)
			s.Polls[p].Socket = replies[s.Polls[p].Socket-1].Socket
		}
		if s.to > 0 {
			s.Remote = replies[s.to-1].Local
		}
		if s.start {
			waiting[i] = k.Start(s.Request)
			continue
		}
		replies[i] = k.call(s.Request)
	}
	for i, op := range waiting {
		replies[i] = k.wait(op)
	}
	ports := map[uint16]uint16{0: 0}
	for i := range replies {
		r := &replies[i]
		if r.Errno != "" { // the other fields mean nothing
			*r = agent.Reply{Errno: r.Errno}
		}
		for _, a := range []*netip.AddrPort{&r.Local, &r.Remote} {
			if _, known := ports[a.Port()]; !known {
				ports[a.Port()] = uint16(len(ports))
			}
			*a = netip.AddrPortFrom(a.Addr(), ports[a.Port()])
		}
	}
	return replies
}

func open(family, kind string) step {
	return step{Request: agent.Request{Do: agent.Open, Family: family, Type: kind}}
}

func on(socket int, do agent.Verb, change ...func(*step)) step {
	s := step{Request: agent.Request{Do: do, Socket: socket}}
	for _, c := range change {
		c(&s)
	}
	return s
}

func at(a netip.AddrPort) func(*step)        { return func(s *step) { s.Local = a } }
func to(i int) func(*step)                   { return func(s *step) { s.to = i } }
func data(d string) func(*step)              { return func(s *step) { s.Data = []byte(d) } }
func flags(f ...string) func(*step)          { return func(s *step) { s.Flags = f } }
func value(v int) func(*step)                { return func(s *step) { s.Value = v } }
func most(v int) func(*step)                 { return func(s *step) { s.Max = v } }
func later(s *step)                          { s.start = true }
func control(c ...agent.Control) func(*step) { return func(s *step) { s.Control = c } }
func option(name string, v int) func(*step) {
	return func(s *step) { s.Option, s.Value = name, v }
}
func polls(ms int, p ...agent.PollFor) func(*step) {
	return func(s *step) { s.Value, s.Polls = ms, p }
}

var scripts = map[string][]step{
	"datagrams": {
		open("inet", "dgram"), on(1, agent.Bind, at(loop4)), open("", ""), on(3, agent.Send, to(2), data("hello")),
		on(1, agent.Recv, most(3)), on(3, agent.Dial, to(2)), on(3, agent.PeerName), on(3, agent.Send, data("")), on(1, agent.Recv),
		on(1, agent.SockName), on(1, agent.PeerName), on(1, agent.Recv, flags("MSG_DONTWAIT")), on(1, agent.Bind, at(loop4)),
		on(3, agent.Send, data("peeked")), on(1, agent.Recv, flags("MSG_PEEK")), on(1, agent.Recv, most(2), flags("MSG_TRUNC")),
		on(1, agent.Recv, flags("MSG_NONSENSE")), on(3, agent.Send, data(strings.Repeat("x", 65507))), on(1, agent.Recv),
		on(3, agent.Send, data(strings.Repeat("x", 65508))), on(1, "nonsense"), on(1, agent.Close), on(1, agent.SockName),
		on(3, agent.Send, data("to nobody")), on(3, agent.Recv),
	},
	"IPv6": {
		open("inet6", "dgram"), on(1, agent.Bind, at(loop6)), open("inet6", "dgram"), on(3, agent.Send, to(2), data("hello")), on(1, agent.Recv),
		on(1, agent.SetOpt, option("IPV6_RECVHOPLIMIT", 1)), on(1, agent.SetOpt, option("IPV6_RECVTCLASS", 1)),
		on(3, agent.Send, to(2), data("x"), control(agent.Control{Type: "IPV6_HOPLIMIT", Value: 9}, agent.Control{Type: "IPV6_TCLASS", Value: 4},
			agent.Control{Type: "IPV6_PKTINFO", Addr: ip("::1"), Ifindex: 1})), on(1, agent.Recv),
		on(3, agent.Dial, at(loop4), func(s *step) { s.Remote = netip.MustParseAddrPort("127.0.0.1:9") }),
		on(3, agent.Bind, at(netip.MustParseAddrPort("[fe80::1%77]:0"))), on(3, agent.Bind, at(netip.MustParseAddrPort("[fe80::1%lo]:0"))),
	},
	"control": {
		open("inet", "dgram"), on(1, agent.Bind, at(loop4)), on(1, agent.SetOpt, option("IP_RECVTTL", 1)), on(1, agent.SetOpt, option("IP_RECVTOS", 1)),
		on(1, agent.Send, to(2), data("x"), control(agent.Control{Type: "IP_TTL", Value: 5}, agent.Control{Type: "IP_TOS", Value: 16},
			agent.Control{Type: "IP_PKTINFO", Addr: ip("127.0.0.1")})), on(1, agent.Recv),
		on(1, agent.Send, to(2), control(agent.Control{Type: "IP_NONSENSE"})), on(1, agent.Send, to(2), control(agent.Control{Type: "IP_PKTINFO", Addr: ip("::1")})),
	},
	"stream": {
		open("inet", "stream"), on(1, agent.Bind, at(loop4)), on(1, agent.Listen, value(5)), on(1, agent.Accept, flags("MSG_DONTWAIT")),
		open("inet", "stream"), on(5, agent.Dial, to(2)), on(1, agent.Accept), on(7, agent.PeerName), on(5, agent.Dial, to(2)),
		on(5, agent.Send, data("hello")), on(7, agent.Recv, most(2)), on(7, agent.Recv), on(5, agent.Send, data("ab"), flags("MSG_OOB")),
		on(7, agent.GetOpt, option("SIOCINQ", 0)), on(7, agent.Recv, flags("MSG_OOB")), on(7, agent.Recv), on(7, agent.GetOpt, option("SIOCATMARK", 0)),
		on(5, agent.Shutdown, value(1)), on(7, agent.Recv), on(7, agent.Send, data(strings.Repeat("z", 100000))), on(7, agent.Close),
		on(5, agent.Recv, most(150000), flags("MSG_WAITALL")), on(5, agent.Recv), on(5, agent.Send, data("x")), on(5, agent.Shutdown, value(9)),
	},
	"refused": {
		open("inet", "stream"), on(1, agent.Bind, at(loop4)), open("inet", "stream"), on(3, agent.Dial, to(2)),
		on(3, agent.Recv), on(3, agent.Send, data("x")), on(3, agent.Accept), on(3, agent.Shutdown),
	},
	"waiting": {
		open("inet", "dgram"), on(1, agent.Bind, at(loop4)), on(1, agent.Recv, later), on(1, agent.Recv, later), on(1, agent.Recv, later),
		on(1, agent.Send, to(2), data("first")), on(1, agent.Send, to(2), data("second")),
		on(0, agent.Poll, polls(100)), // the one in Go may take a moment
		on(0, agent.Poll, polls(-1, agent.PollFor{Socket: 1, Events: []string{"pri"}}), later), on(1, agent.Close),
	},
	"poll": {
		open("inet", "dgram"), on(1, agent.Bind, at(loop4)), on(0, agent.Poll, polls(0, agent.PollFor{Socket: 1, Events: []string{"in"}})),
		on(0, agent.Poll, polls(20, agent.PollFor{Socket: 1, Events: []string{"in"}})), on(0, agent.Poll, polls(10)),
		on(0, agent.Poll, polls(-1, agent.PollFor{Socket: 1, Events: []string{"in"}}, agent.PollFor{Socket: 1, Events: []string{"pri"}}), later),
		on(1, agent.Send, to(2), data("x")), on(0, agent.Poll, polls(5, agent.PollFor{Socket: 1, Events: []string{"in", "out", "odd"}})),
		open("inet", "stream"), on(0, agent.Poll, polls(0, agent.PollFor{Socket: 9})),
		on(9, agent.Close), on(0, agent.Poll, polls(0, agent.PollFor{Socket: 9})),
	},
	"openings": {
		open("inet9", ""), open("", "seqpacket"), open("packet", "raw"),
		{Request: agent.Request{Do: agent.Open, Type: "raw", Protocol: 253}}, {Request: agent.Request{Do: agent.Open, Type: "stream", Protocol: 17}},
	},
	"groups": {
		open("inet", "dgram"), group(1, "IP_ADD_MEMBERSHIP", "239.1.1.1"), group(1, "IP_ADD_MEMBERSHIP", "239.1.1.1"), group(1, "IP_ADD_MEMBERSHIP", "10.0.0.1"),
		group(1, "IP_ADD_MEMBERSHIP", "ff02::9"), group(1, "IP_BLOCK_SOURCE", "239.1.1.1", "10.0.0.9"), group(1, "IP_UNBLOCK_SOURCE", "239.1.1.1", "10.0.0.9"),
		group(1, "IP_MSFILTER", "239.1.1.1", "10.0.0.7", "10.0.0.8"), group(1, "IP_ADD_SOURCE_MEMBERSHIP", "239.1.1.2", "10.0.0.9"),
		group(1, "IP_ADD_SOURCE_MEMBERSHIP", "239.1.1.2"), group(1, "IP_DROP_SOURCE_MEMBERSHIP", "239.1.1.2", "10.0.0.9"), group(1, "IP_DROP_MEMBERSHIP", "239.1.1.1"),
		group(1, "IP_DROP_MEMBERSHIP", "239.1.1.1"), group(1, "IP_MULTICAST_IF", ""),
		open("inet6", "dgram"), group(15, "IPV6_JOIN_GROUP", "ff02::9"), group(15, "MCAST_BLOCK_SOURCE", "ff02::9", "fe80::9"), group(15, "MCAST_UNBLOCK_SOURCE", "ff02::9", "fe80::9"),
		group(15, "MCAST_MSFILTER", "ff02::9", "fe80::1", "fe80::2"), group(15, "MCAST_JOIN_SOURCE_GROUP", "ff02::8", "fe80::1"), group(15, "MCAST_LEAVE_SOURCE_GROUP", "ff02::8", "fe80::1"),
		group(15, "MCAST_JOIN_SOURCE_GROUP", "ff02::8"), group(15, "IPV6_LEAVE_GROUP", "ff02::9"), group(15, "IPV6_LEAVE_GROUP", "ff02::9"), group(15, "IPV6_JOIN_GROUP", "239.1.1.1"),
	},
}

// group is an option about a group on the loopback interface.
func group(socket int, option, group string, sources ...string) step {
	return on(socket, agent.SetOpt, func(s *step) {
		s.Option, s.Iface, s.Value = option, 1, 1
		if group != "" {
			s.Group = ip(group)
		}
		for _, a := range sources {
			s.Sources = append(s.Sources, ip(a))
		}
		s.Local = loop4
	})
}

// Every option is set, twice, and read on each kind of socket: names and numbers are those of the agent in Go.
func init() {
	names := strings.Fields(`SO_REUSEADDR SO_REUSEPORT SO_BROADCAST SO_DONTROUTE SO_KEEPALIVE SO_OOBINLINE SO_RCVBUF SO_SNDBUF SO_ERROR SO_NO_CHECK
		SO_LINGER SO_ACCEPTCONN SO_PRIORITY SO_RCVLOWAT SO_TYPE SO_TIMESTAMP SO_TIMESTAMPNS PACKET_ADD_MEMBERSHIP PACKET_DROP_MEMBERSHIP
		PACKET_IGNORE_OUTGOING IP_PKTINFO IP_TTL IP_TOS IP_HDRINCL IP_MTU IP_MTU_DISCOVER IP_RECVERR IP_RECVTTL IP_RECVTOS
		IP_ROUTER_ALERT IP_MULTICAST_TTL IP_MULTICAST_LOOP IP_MULTICAST_ALL IP_MULTICAST_IF IP_OPTIONS IPV6_RECVPKTINFO IPV6_DONTFRAG IPV6_RECVHOPOPTS
		IPV6_RECVDSTOPTS IPV6_RECVRTHDR IPV6_RECVPATHMTU IPV6_CHECKSUM IPV6_ADDR_PREFERENCES IPV6_V6ONLY IPV6_UNICAST_HOPS IPV6_MULTICAST_HOPS
		IPV6_MULTICAST_LOOP IPV6_MULTICAST_IF IPV6_RECVHOPLIMIT IPV6_RECVTCLASS IPV6_TCLASS IPV6_MTU IPV6_MTU_DISCOVER IPV6_RECVERR TCP_NODELAY TCP_CORK
		TCP_MAXSEG TCP_QUICKACK TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_USER_TIMEOUT TCP_CONGESTION TCP_DEFER_ACCEPT TCP_FASTOPEN
		TCP_FASTOPEN_CONNECT TCP_LINGER2 TCP_NOTSENT_LOWAT TCP_SYNCNT TCP_WINDOW_CLAMP SIOCINQ SIOCOUTQ SIOCATMARK SO_NONSENSE`)
	for _, family := range []string{"inet", "inet6"} {
		for _, kind := range []string{"dgram", "stream", "raw"} {
			script := []step{{Request: agent.Request{Do: agent.Open, Family: family, Type: kind}}}
			if kind == "raw" {
				script[0].Protocol = 253
			}
			for _, n := range names {
				script = append(script, on(1, agent.GetOpt, option(n, 0)), on(1, agent.SetOpt, option(n, 1), data("reno")), on(1, agent.GetOpt, option(n, 0)),
					on(1, agent.SetOpt, option(n, -1), data("\x07\x07\x04\x00\x00\x00\x00\x00")), on(1, agent.GetOpt, option(n, 0)))
			}
			scripts["options of "+family+" "+kind] = script
		}
	}
}

// Frames of a protocol for experiments on the loopback device, whose index is 1.
func init() {
	link := func(l agent.LinkAddr) func(*step) { return func(s *step) { s.Link = &l } }
	frame := data(strings.Repeat("\x00", 12) + "\x88\xb5" + strings.Repeat("x", 50))
	membership := func(s *step) { s.Iface, s.Value = 1, 1 }
	for _, kind := range []string{"raw", "dgram", "stream"} {
		scripts["packets "+kind+" raw"] = []step{
			{Request: agent.Request{Do: agent.Open, Family: "packet", Type: kind, Protocol: 0x88b5}},
			on(1, agent.SockName),
			on(1, agent.Bind),
			on(1, agent.Bind, link(agent.LinkAddr{Protocol: 0x88b5, Ifindex: 1})),
			on(1, agent.Bind, link(agent.LinkAddr{Protocol: 0x88b5, Ifindex: 1 << 20})),
			on(1, agent.SockName),
			on(1, agent.SetOpt, option("PACKET_DROP_MEMBERSHIP", 0), membership),
			on(1, agent.SetOpt, option("PACKET_ADD_MEMBERSHIP", 0), membership),
			on(1, agent.SetOpt, option("PACKET_DROP_MEMBERSHIP", 0), membership),
			on(1, agent.Send, frame, link(agent.LinkAddr{Protocol: 0x88b5, Ifindex: 1, Addr: make([]byte, 6)})),
			on(1, agent.Recv),
			on(1, agent.Send, frame, link(agent.LinkAddr{Ifindex: 1, Addr: make([]byte, 9)})),
			on(1, agent.Send, frame, link(agent.LinkAddr{Ifindex: 1 << 20})),
			on(1, agent.Send, frame),
			on(1, agent.PeerName),
			on(1, agent.Listen),
		}
	}
}

func TestSaysWhatTheOneInGoDoes(t *testing.T) {
	path := sanitized(t)
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(name, " raw") && os.Geteuid() != 0 {
				t.Skip("raw sockets take privileges: run the test as root")
			}
			want, got := inGo(t).run(script), inC(t, path).run(script)
			errs := 0
			for i := range want {
				if want[i].Errno != "" {
					errs++
				}
				if !reflect.DeepEqual(want[i], got[i]) {
					w, _ := json.Marshal(want[i])
					g, _ := json.Marshal(got[i])
					q, _ := json.Marshal(script[i].Request)
					t.Errorf("%d: %.300s\n  Go: %.300s\n  C:  %.300s", i+1, q, w, g)
				}
			}
			if errs == len(want) && name != "openings" && name != "packets stream raw" {
				t.Error("every call failed: the script shows nothing")
			}
		})
	}
}
