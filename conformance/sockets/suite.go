// Package sockets checks the socket interface: POSIX.1-2017, the functions of <sys/socket.h> and poll; RFC 3493, RFC 3542
// and RFC 3678; packet(7), raw(7) and socket(7) of Linux.
//
// Calls go through the target's agent, and so do the faults: a mutant here tells another error, another value, or does not
// do what it says that it did. Where a rule shows on the link as well, the mutant is one of frames.
package sockets

import (
	"net/netip"
	"strings"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("sockets", "sockets: POSIX.1-2017, RFC 3493, RFC 3542, RFC 3678; packet(7), raw(7), socket(7)")

// Ports: of the tester, and of sockets of the target.
const (
	testerPort = 5000
	otherPort  = 5001
	boundPort  = 4001
)

// both adds a check for each version of IP.
func both(id, title string, claims check.Claims, body func(host *probe.Tester)) {
	suite.Families(id, title, check.Both(claims.Needs(target.Agent)), func(_ *probe.P, host *probe.Tester) { body(host) })
}

// A failing call is one that has to fail, and the errors that are right.
type failing struct {
	id, title   string
	requirement string
	verb        agent.Verb // of the call
	errors      []string
	slow        bool
	call        func(host *probe.Tester) agent.Reply
}

// add makes a check of it. Its mutant is a target that says another error.
func (f failing) add() {
	claims := check.Proves(f.requirement, mutate.Errno(f.verb, "EIO", f.errors...))
	if f.slow {
		claims = claims.Slow()
	}
	both(f.id, f.title, claims, func(host *probe.Tester) {
		got := f.call(host)
		host.That(f.requirement, "the error of "+string(f.verb), got.Errno, gomega.BeElementOf(f.errors))
	})
}

// errors writes down the errors of a call that are right.
func errors(names string) []string { return strings.Fields(names) }

// here and there are addresses of the target and of the tester.
func here(host *probe.Tester, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(host.TargetIP(), port)
}

func there(host *probe.Tester, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(host.IP(), port)
}

// Requests of the agent.
func bindTo(a netip.AddrPort) agent.Request { return agent.Request{Do: agent.Bind, Local: a} }
func dialTo(a netip.AddrPort, flags ...string) agent.Request {
	return agent.Request{Do: agent.Dial, Remote: a, Flags: flags}
}
func listenWith(backlog int) agent.Request { return agent.Request{Do: agent.Listen, Value: backlog} }
func send(data []byte, to netip.AddrPort, flags ...string) agent.Request {
	return agent.Request{Do: agent.Send, Data: data, Remote: to, Flags: flags}
}
func recv(n int, flags ...string) agent.Request {
	return agent.Request{Do: agent.Recv, Max: n, Flags: flags}
}
func get(option string) agent.Request { return agent.Request{Do: agent.GetOpt, Option: option} }
func set(option string, v int) agent.Request {
	return agent.Request{Do: agent.SetOpt, Option: option, Value: v}
}
func shut(how int) agent.Request { return agent.Request{Do: agent.Shutdown, Value: how} }

const dontWait = "MSG_DONTWAIT"

// peer is the zero address: whoever the socket is connected to.
var peer netip.AddrPort // never written

// must makes a call that prepares something.
func must(host *probe.Tester, s *probe.Socket, r agent.Request) agent.Reply {
	reply := s.Do(r)
	if reply.Errno != "" {
		host.Inconclusive("%s %s failed: %s", r.Do, r.Option, reply.Errno)
	}
	return reply
}

// granted makes a call that a requirement asks a target to grant, and tells whether it did.
func granted(host *probe.Tester, requirement string, s *probe.Socket, r agent.Request) bool {
	what := strings.TrimSpace(string(r.Do) + " " + r.Option)
	return host.That(requirement, "the error of "+what, s.Do(r).Errno, gomega.BeEmpty())
}

// connected opens a connection, from the tester to the target.
func connected(host *probe.Tester) *probe.Conn {
	c := host.TCP()
	c.Open(probe.Passive)
	return c
}

// datagram is one from a port of the tester to one of the target.
func datagram(from, to uint16, data string) packet.Template {
	return udp.Datagram(udp.SrcPort.Is(uint(from)), udp.DstPort.Is(uint(to))).Then(packet.Payload([]byte(data)))
}
