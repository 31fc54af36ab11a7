package rfc7400

import (
	"fmt"
	"slices"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
)

// The code: section 2, and what section 5 says of its bounds.

// octet is a case named in hexadecimal.
type octet byte

func (o octet) String() string { return fmt.Sprintf("%#02x", byte(o)) }

// reference is the fields of a back reference with what was set up for it.
type reference struct{ n, s int }

func (r reference) String() string { return fmt.Sprintf("n=%d s=%d", r.n, r.s) }

func references() (all []reference) {
	for n := 2; n <= 9; n++ {
		for over := range 8 {
			all = append(all, reference{n, n + over})
		}
	}
	return all
}

// extended are references whose length, distance or both need one extension or several.
var extended = []reference{{2, 10}, {2, 17}, {10, 10}, {10, 18}, {17, 24}, {18, 18}, {3, 40}, {26, 34}} // never written

// refers has some distinct octets, and then those that are referred to.
func refers(p *probe.P, req string, r reference) {
	data := distinct(40)
	data = append(data, data[40-r.s:40-r.s+r.n]...)
	echoes(p, req, data, func(m []byte) []byte { return append(literal(m[:header+40]), refer(r.n, r.s)...) })
}

func init() {
	suite.It("ghc.pieces", "code is carried out piece by piece from its first octet",
		check.Proves("RFC7400:2-1", misread("pieces")),
		func(p *probe.P) {
			echoes(p, "RFC7400:2-1", distinct(20), func(m []byte) []byte {
				return slices.Concat(literal(m[:1]), literal(m[1:5]), literal(m[5:20]), literal(m[20:]))
			})
		})

	check.Grid(suite, "ghc.literal", "0kkkkkkk appends k octets as they are",
		check.Proves("RFC7400:2-3", misread("literal")), []int{1, 2, 7, 31, 32, 63, 64, 94, 95},
		func(p *probe.P, k int) {
			echoes(p, "RFC7400:2-3", distinct(max(k, header)-header), func(m []byte) []byte { return append(literal(m[:k]), literal(m[k:])...) })
		})

	check.Grid(suite, "ghc.zeros", "1000nnnn appends nnnn+2 zeros",
		check.Proves("RFC7400:2-4", misread("\x00")), []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17},
		func(p *probe.P, n int) {
			echoes(p, "RFC7400:2-4", append(make([]byte, n), 0xff), func(m []byte) []byte {
				return slices.Concat(literal(m[:header]), []byte{0x80 | byte(n-2)}, literal([]byte{0xff}))
			})
		})

	check.Grid(suite, "ghc.reference", "11nnnkkk appends what stands further left",
		check.Proves("RFC7400:2-7", misread("reference")), references(), func(p *probe.P, r reference) { refers(p, "RFC7400:2-7", r) })

	check.Grid(suite, "ghc.extended", "101nssss makes the next reference longer, and reach further; it adds up",
		check.Proves("RFC7400:2-6", misread("extended")), extended, func(p *probe.P, r reference) { refers(p, "RFC7400:2-6", r) })

	suite.It("ghc.variables", "what was set up for a reference is gone behind it, and in the next packet",
		check.Proves("RFC7400:2-2", misread("variables")),
		func(p *probe.P) {
			data := distinct(20)
			twice := append(slices.Clone(data), data[10:12]...) // s=10
			twice = append(twice, data[10:12]...)               // and s=2
			echoes(p, "RFC7400:2-2", twice, func(m []byte) []byte {
				return slices.Concat(literal(m[:header+20]), refer(2, 10), refer(2, 2))
			})
			echoes(p, "RFC7400:2-2", data, func(m []byte) []byte { return append(literal(m), 0xbf) }) // set up for nothing
			echoes(p, "RFC7400:2-2", append(slices.Clone(data), data[18:]...), func(m []byte) []byte {
				return append(literal(m[:header+20]), refer(2, 2)...)
			})
		})

	check.Grid(suite, "ghc.dictionary", "references reach to the addresses of the packet, in front of what is made",
		check.Proves("RFC7400:2-9", misread("dictionary")), []reference{{16, 48}, {16, 32}, {32, 48}, {2, 48}, {48, 48}},
		func(p *probe.P, r reference) {
			lan := p.IPv6()
			dictionary := lowpan.Dictionary(lan.Host().LinkLocal, lan.Net().Target.LinkLocal)
			at := 48 - r.s
			echoes(p, "RFC7400:2-9", dictionary[at:at+r.n], func(m []byte) []byte { return append(literal(m[:header]), refer(r.n, r.s+header)...) })
		})

	suite.It("ghc.static", "the dictionary ends with 16 octets that are always the same",
		check.Proves("RFC7400:2-10", misread("static")),
		func(p *probe.P) {
			static := []byte{0x16, 0xfe, 0xfd, 0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0}
			echoes(p, "RFC7400:2-10", static, func(m []byte) []byte { return append(literal(m[:header]), refer(16, 16+header)...) })
		})

	suite.It("ghc.output", "the dictionary is no part of what is made",
		check.Proves("RFC7400:2-11", misread("\x16\xfe\xfd\x17\xfe\xfd")),
		func(p *probe.P) {
			echoes(p, "RFC7400:2-11", distinct(4), literal)
		})

	check.Grid(suite, "ghc.reserved", "code that is reserved makes a packet that is not taken",
		check.Proves("RFC7400:2-8", mutate.Gullible()), []octet{0x60, 0x61, 0x6f, 0x7f, 0x91, 0x92, 0x98, 0x9f},
		func(p *probe.P, o octet) {
			silent(p, func(m []byte) []byte { return append(literal(m), byte(o)) })
		})

	suite.It("ghc.beyond", "a reference beyond the dictionary makes a packet that is not taken",
		check.Proves("RFC7400:5-1", mutate.Gullible()),
		func(p *probe.P) {
			silent(p, func(m []byte) []byte { return append(literal(m), refer(2, 48+len(m)+1)...) })
			silent(p, func(m []byte) []byte { return append(literal(m), refer(9, 48+len(m)+200)...) })
		})

	check.Grid(suite, "ghc.bomb", "code for more than a packet may have makes one that is not taken",
		check.Proves("RFC7400:5-2", mutate.Gullible()), []int{76, 80, 85},
		func(p *probe.P, n int) {
			silent(p, func(m []byte) []byte { return append(literal(m), slices.Repeat([]byte{0x8f}, n)...) })
		})
}

// silent asserts that an echo whose code is spoiled draws nothing. The fence is one whose code is right.
func silent(p *probe.P, spoiled func(message []byte) []byte) {
	lan := p.IPv6()
	id := p.Serial()
	lan.Silent(coded(lan, id, distinct(4), spoiled), coded(lan, id, distinct(4), literal), icmpv6.EchoReply(icmpv6.ID.Is(id)))
}
