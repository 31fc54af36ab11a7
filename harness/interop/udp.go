package interop

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
)

// pattern is n octets that tell where they belong.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

const echoPort = 7007 // of the scenarios; above what takes privileges

// exchange sends a datagram from a, lets b echo it, and holds what comes back against it.
func (s *Stage) exchange(from, to *Socket, data []byte) {
	answer := from.Recv()
	from.Send(data, to.Local).OK()
	r := to.Recv().OK()
	if !bytes.Equal(r.Data, data) {
		s.fail(to.at, "a datagram of %d octets came as %d, or changed", len(data), len(r.Data))
	}
	to.Send(r.Data, r.Remote).OK()
	if back := answer.OK(); !bytes.Equal(back.Data, data) {
		s.fail(from.at, "the answer of %d octets came as %d, or changed", len(data), len(back.Data))
	}
}

func resolve(s *Stage) {
	s.exchange(s.Open(s.A, "dgram", 0).Bind(0), s.Open(s.B, "dgram", 0).Bind(echoPort), []byte("are you there?"))
}

// header is the octets in front of a datagram's data.
func (s *Stage) header() int {
	if s.Six {
		return 40 + 8
	}
	return 20 + 8
}

// sizes are lengths of data around everything where a stack may change its ways.
func (s *Stage) sizes() (all []int) {
	mtu := min(s.A.Net.MTU, s.B.Net.MTU)
	for n := range 66 {
		all = append(all, n)
	}
	for _, edge := range []int{128, 256, 512, 1024, mtu - s.header(), 2 * (mtu - s.header()), 4096, 8192} {
		for d := -2; d <= 2; d++ {
			all = append(all, edge+d)
		}
	}
	slices.Sort(all)
	return append(slices.Compact(all), 30_000, 60_000, 65_535-s.header())
}

func datagrams(s *Stage) {
	from, to := s.Open(s.A, "dgram", 0).Bind(0), s.Open(s.B, "dgram", 0).Bind(echoPort)
	for _, n := range s.sizes() {
		s.exchange(from, to, pattern(n))
	}
}

func udpClosed(s *Stage) {
	k := s.Open(s.A, "dgram", 0)
	s.exchange(s.Open(s.A, "dgram", 0).Bind(0), s.Open(s.B, "dgram", 0).Bind(echoPort), []byte("there?")) // addresses are resolved
	k.Dial(netip.AddrPortFrom(s.B.IP(s.Six), 9)).OK()
	k.Send([]byte("nobody?"), netip.AddrPort{}).OK()
	if r := k.Recv().Reply(); r.Errno != "ECONNREFUSED" {
		s.fail(s.A, "a datagram to a port where nobody is gave %q and %d octets, not ECONNREFUSED", r.Errno, len(r.Data))
	}
}

// ping sends echo requests by a raw socket of a, which b's stack answers.
func ping(s *Stage) {
	protocol, request, reply := 1, byte(8), byte(0)
	if s.Six {
		protocol, request, reply = 58, 128, 129
	}
	k := s.Open(s.A, "raw", protocol)
	to := netip.AddrPortFrom(s.B.IP(s.Six), 0)
	for seq, n := range s.sizes() {
		m := append([]byte{request, 0, 0, 0, 0x70, 0x07, byte(seq >> 8), byte(seq)}, pattern(n)...)
		if !s.Six { // of IPv6 the stack computes it (RFC 3542, 3.1)
			binary.BigEndian.PutUint16(m[2:], checksum(m))
		}
		if r := k.Send(m, to).Reply(); r.Errno == "EMSGSIZE" && s.header()+n > s.A.Net.MTU {
			s.Step("%s sends no %d octets by a raw socket", s.A, len(m)) // a bound of its raw sockets, not of its packets
			continue
		} else if r.Errno != "" {
			s.fail(s.A, "send: %s", r.Errno)
		}
		for {
			got := k.Recv().OK().Data
			if !s.Six { // with its header (raw(7))
				if len(got) < 20 || len(got) < int(got[0]&15)*4 {
					s.fail(s.A, "a raw socket gave %d octets, without an IPv4 header", len(got))
				}
				got = got[int(got[0]&15)*4:]
			}
			if len(got) < 8 || got[0] != reply || !bytes.Equal(got[4:8], m[4:8]) {
				continue // of somebody else, or another kind
			}
			if !bytes.Equal(got[8:], m[8:]) {
				s.fail(s.B, "the answer to an echo of %d octets has %d, or changed them", n, len(got)-8)
			}
			break
		}
	}
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
