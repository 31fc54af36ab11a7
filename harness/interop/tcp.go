package interop

import (
	"bytes"
	"crypto/sha256"
	"net/netip"

	"github.com/conform-stack/conform/harness/agent"
)

// connect makes a connection from a to b.
func (s *Stage) connect() (a, b *Socket) {
	l := s.Open(s.B, "stream", 0).Bind(0).Listen() // a port of the last connection may still be in TIME-WAIT
	accepting := l.Accept()
	a = s.Open(s.A, "stream", 0)
	a.Dial(l.Local).OK()
	b = l.Accepted(accepting.OK())
	l.Close()
	return a, b
}

// line sends a few octets one way.
func (s *Stage) line(from, to *Socket, text string) {
	from.Send([]byte(text), netip.AddrPort{}).OK()
	var got []byte
	for len(got) < len(text) {
		r := to.Recv().OK()
		if r.EOF() {
			s.fail(to.at, "the stream ended after %q, before %q was there", got, text)
		}
		got = append(got, r.Data...)
	}
	if string(got) != text {
		s.fail(to.at, "%q came as %q", text, got)
	}
}

// end waits for the end of a stream.
func (s *Stage) end(k *Socket) {
	if r := k.Recv().Reply(); !r.EOF() {
		s.fail(k.at, "the peer closed, and a receive gave %d octets and error %q", len(r.Data), r.Errno)
	}
}

func conversation(s *Stage) {
	for _, first := range []*Side{s.A, s.B} {
		a, b := s.connect()
		for _, text := range []string{"hello", "a longer line, which has more to say", "."} {
			s.line(a, b, text)
			s.line(b, a, text)
		}
		s.Step("%s closes first", first)
		if first == s.B {
			a, b = b, a
		}
		a.Close()
		s.end(b)
		b.Close()
	}
}

func refused(s *Stage) {
	k := s.Open(s.A, "stream", 0)
	if r := k.Dial(netip.AddrPortFrom(s.B.IP(s.Six), 9)).Reply(); r.Errno != "ECONNREFUSED" {
		s.fail(s.A, "a connection to a port where nobody listens gave %q, not ECONNREFUSED", r.Errno)
	}
}

// transfer sends n octets one way, and holds them against each other.
func (s *Stage) transfer(from, to *Socket, n int) {
	data := pattern(n)
	const piece = 32 << 10
	sending, sent := (*Call)(nil), 0
	receiving, got := to.Recv(), bytes.Buffer{}
	send := func() {
		if sent < n {
			sending = from.Send(data[sent:min(n, sent+piece)], netip.AddrPort{})
		}
	}
	send()
	for got.Len() < n {
		if !s.until(s.patience(), func() bool { return receiving.Done() || sending != nil && sending.Done() }) {
			s.fail(to.at, "a transfer of %d octets stands still at %d, %d sent", n, got.Len(), sent)
		}
		if sending != nil && sending.Done() {
			r := sending.OK()
			sending = nil
			sent += r.Value
			send()
		}
		if receiving.Done() {
			r := receiving.OK()
			if r.EOF() {
				s.fail(to.at, "the stream ended after %d of %d octets", got.Len(), n)
			}
			got.Write(r.Data)
			if got.Len() < n {
				receiving = to.Recv()
			}
		}
	}
	if sha256.Sum256(got.Bytes()) != sha256.Sum256(data) {
		s.fail(to.at, "what came of %d octets has another hash", n)
	}
}

// bulk is a transfer each way on one connection.
func bulk(n int) func(*Stage) {
	return func(s *Stage) {
		a, b := s.connect()
		s.transfer(a, b, n)
		s.transfer(b, a, n)
		a.Close()
		s.end(b)
		b.Close()
	}
}

func halfClose(s *Stage) {
	for _, first := range []*Side{s.A, s.B} {
		a, b := s.connect()
		if first == s.B {
			a, b = b, a
		}
		s.Step("%s ends its direction", first)
		s.line(a, b, "the last that I say")
		a.Shutdown()
		s.end(b)
		s.transfer(b, a, 100_000)
		b.Close()
		s.end(a)
		a.Close()
	}
}

func abort(s *Stage) {
	for _, first := range []*Side{s.A, s.B} {
		a, b := s.connect()
		if first == s.B {
			a, b = b, a
		}
		s.Step("%s aborts", first)
		s.line(a, b, "more will come")
		waiting := b.start(agent.Request{Do: agent.Recv, Max: 65535})
		a.Option("SO_LINGER", 0)
		a.Close()
		if r := waiting.Reply(); r.Errno != "ECONNRESET" {
			s.fail(b.at, "the peer aborted, and a receive gave %d octets and %q, not ECONNRESET", len(r.Data), r.Errno)
		}
		b.Close()
	}
}
