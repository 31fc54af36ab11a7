//go:build linux

package sockets

import (
	"bytes"
	"net/netip"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

// flags are those of send(2) and recv(2). MSG_DONTWAIT is the agent's own business: no call blocks.
var flags = map[string]int{
	"MSG_DONTWAIT": 0, "MSG_PEEK": unix.MSG_PEEK, "MSG_OOB": unix.MSG_OOB, "MSG_TRUNC": unix.MSG_TRUNC, "MSG_MORE": unix.MSG_MORE,
	"MSG_EOR": unix.MSG_EOR, "MSG_DONTROUTE": unix.MSG_DONTROUTE, "MSG_CONFIRM": unix.MSG_CONFIRM, "MSG_WAITALL": unix.MSG_WAITALL,
	"MSG_ERRQUEUE": unix.MSG_ERRQUEUE, "MSG_FASTOPEN": unix.MSG_FASTOPEN, "MSG_CTRUNC": unix.MSG_CTRUNC, "MSG_NOSIGNAL": unix.MSG_NOSIGNAL,
}

func flagsOf(names []string) (int, error) {
	all := 0
	for _, n := range names {
		f, ok := flags[n]
		if !ok {
			return 0, unix.EOPNOTSUPP
		}
		all |= f
	}
	return all, nil
}

// received are the flags that a receive may give.
var received = []string{"MSG_TRUNC", "MSG_CTRUNC", "MSG_OOB", "MSG_EOR", "MSG_ERRQUEUE"}

func (a *Agent) send(op *agent.Op, s *socket) {
	r := op.Request
	var to unix.Sockaddr
	var control []byte
	how, err := flagsOf(r.Flags)
	switch {
	case err != nil:
	case s.family == unix.AF_PACKET && r.Link != nil:
		to = sockaddrLink(r.Link)
	case r.Remote.IsValid():
		to, err = s.sockaddr(r.Remote)
	}
	if err == nil {
		control, err = s.encodeControl(r.Control)
	}
	if err != nil {
		a.end(op, fail(err))
		return
	}
	data, sent := bytes.Clone(r.Data), 0
	a.begin(op, s, &s.writes, s.raw.Write, func(fd int) (agent.Reply, bool) {
		for {
			n, err := unix.SendmsgN(fd, data[sent:], control, to, how|unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN && sent > 0 && has(r.Flags, "MSG_DONTWAIT"):
				return agent.Reply{Value: sent}, false
			case err == unix.EAGAIN:
				return agent.Reply{}, true
			case err != nil && sent == 0:
				return fail(err), false
			case err != nil: // the next call tells the error
				return agent.Reply{Value: sent}, false
			}
			if sent += n; sent == len(data) {
				return agent.Reply{Value: sent, Local: localOf(fd)}, false
			}
		}
	})
}

func (a *Agent) recv(op *agent.Op, s *socket) {
	size := op.Request.Max
	if size <= 0 {
		size = maxDatagram
	}
	how, err := flagsOf(op.Request.Flags)
	if err != nil {
		a.end(op, fail(err))
		return
	}
	a.begin(op, s, &s.reads, s.raw.Read, func(fd int) (agent.Reply, bool) {
		data, control := make([]byte, size), make([]byte, 512)
		n, controls, got, from, err := unix.Recvmsg(fd, data, control, how|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN, err == unix.EINTR:
			return agent.Reply{}, true
		case err != nil:
			return fail(err), false
		}
		r := agent.Reply{Data: bytes.Clone(data[:min(n, size)]), Value: n, Remote: addrPort(from), Local: localOf(fd), Link: linkOf(from)}
		for _, name := range received {
			if got&flags[name] != 0 {
				r.Flags = append(r.Flags, name)
			}
		}
		var to netip.Addr
		if r.Control, to = decodeControl(control[:controls]); to.IsValid() {
			r.Local = netip.AddrPortFrom(to, r.Local.Port())
		}
		return r, false
	})
}
