package interop

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	_ "github.com/conform-stack/conform/harness/packet/all" // what frames hold
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv4"
)

// narrow is the MTU of the wire after it has changed.
const narrow = 1300

// narrower makes the wire carry less in the middle of a transfer each way. The link's router says so, as it has to (RFC
// 1191, 4; RFC 8201, 4).
func narrower(s *Stage) {
	a, b := s.connect()
	s.transfer(a, b, 100_000)
	s.transfer(b, a, 100_000)
	s.Step("the wire carries %d octets from now on", narrow)
	s.wire.faults.MTU = narrow
	s.transfer(a, b, 200_000)
	s.transfer(b, a, 200_000)
	for _, side := range []*Side{s.A, s.B} {
		if n := s.deaf(side); n > 0 {
			s.fail(side, "%d packets of more than %d octets were sent %v and more after it was told that the path is narrower", n, narrow, hearing)
		}
	}
	a.Close()
	s.end(b)
	b.Close()
}

// hearing is how long packets may still be too long: what was under way when the path changed, once more.
const hearing = 2 * time.Second

// deaf counts the packets of a side that were too long for the wire, long after the first of them.
func (s *Stage) deaf(side *Side) (n int) {
	first := time.Duration(-1)
	for _, r := range s.records {
		if r.from != side || !slices.Contains(r.notes, tooLongNote) {
			continue
		}
		if first < 0 {
			first = r.at
		}
		if r.at > first+hearing {
			n++
		}
	}
	return n
}

// tooLong is the router's answer to a frame that does not fit: nil for what gets none.
func (s *Stage) tooLong(from *Side, frame []byte) []byte {
	f := packet.Dissect(from.Net.Link, frame)
	router := from.Net.Testers[0]
	env := packet.Env{Local: router, Peer: from.Net.Target}
	switch {
	case f.Has(icmpv4.Proto) || f.Has(icmpv6.Proto): // never about an error, and echoes of this size are not sent here
		return nil
	case f.Has(ipv4.Proto):
		if df, _ := ipv4.DF.Of(f); df == 0 {
			return nil
		}
		quote := f.Header(ipv4.Proto)
		body := f.Body(ipv4.Proto)
		quote = append(slices.Clone(quote), body[:min(len(body), 8)]...)
		return icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(icmpv4.MTU.Is(narrow)).Then(packet.Payload(quote)).Build(env)
	default:
		return icmpv6.PacketTooBig(icmpv6.MTU.Is(narrow)).Then(icmpv6.About(f)).Build(env)
	}
}

// conflict gives b the address of a. Both families say that it must not be used (RFC 5227, 2.1.1; RFC 4862, 5.4).
func conflict(s *Stage) {
	taken, bits := s.A.IP(s.Six), s.A.Net.Prefix4.Bits()
	if s.Six {
		bits = s.A.Net.Prefix6.Bits()
	}
	r := s.start(s.B, agent.Request{Do: agent.AddAddr, Local: netip.AddrPortFrom(taken, 0), Value: bits}).Reply()
	s.Step("%s was told to take %s: %q", s.B, taken, r.Errno)
	s.Wait(12 * time.Second) // probes of RFC 5227 take 7 s at most, and 2 s more until the address is used
	for _, a := range s.start(s.B, agent.Request{Do: agent.Addrs}).OK().Addrs {
		if a.Addr == taken && a.State != "conflict" && a.State != "duplicate" && a.State != "tentative" {
			s.fail(s.B, "the address %s that %s has is %s here", taken, s.A, a.State)
		}
	}
	if r.Errno == "" { // a host does not speak to an address that it believes to be its own
		s.start(s.B, agent.Request{Do: agent.DelAddr, Local: netip.AddrPortFrom(taken, 0)}).Reply()
	}
	to := s.Open(s.A, "dgram", 0).Bind(echoPort)
	s.exchange(s.Open(s.B, "dgram", 0), to, []byte("the address is still yours"))
}

// slaac lets b make an address of the prefix that a advertises, and speaks to it there.
func slaac(s *Stage) {
	var found netip.Addr
	prefix := s.A.Net.Prefix6
	ok := s.until(30*time.Second, func() bool {
		for _, a := range s.start(s.B, agent.Request{Do: agent.Addrs}).OK().Addrs {
			if prefix.Contains(a.Addr) && a.State == "preferred" {
				found = a.Addr
			}
		}
		return found.IsValid()
	})
	if !ok {
		s.fail(s.B, "%s advertised %s, and no address was made of it in 30 s", s.A, prefix)
	}
	s.Step("%s has %s", s.B, found)
	s.B.Net.Target.IP6 = found
	s.exchange(s.Open(s.A, "dgram", 0).Bind(0), s.Open(s.B, "dgram", 0).Bind(echoPort), []byte("welcome"))
}
