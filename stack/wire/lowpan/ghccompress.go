package lowpan

import (
	"math"
)

// GHC is what generic compression works with (RFC 7400). One serves any number of calls of Compress, one after the other.
//
// It finds the shortest code for every beginning of the data in one pass from its front: cost[i] is that of the first i
// octets, and how it was reached is beside it. Where back references are looked for is bounded, in number and length, so
// that no data makes it slow.
type GHC struct {
	// Fragment says that only the front of the payload need be compressed: as much as fits the limit and ends at a multiple
	// of 8 octets of the datagram.
	Fragment bool

	cost [ghcMax + 1]uint16
	open [ghcMax + 1]uint16 // the cost when the last octet is in a literal that may go on
	run  [ghcMax + 1]uint16 // and the octets in that literal
	by   [ghcMax + 1]step   // the last step to the octet
	long [ghcMax + 1]uint16 // how many octets it was
	to   [ghcMax + 1]uint16 // where the step from an octet of the way leads
	data [ghcDict + ghcMax]byte
	head [1 << hashBits]int16 // the last place of two octets, by their hash, and the one before each place
	prev [ghcDict + ghcMax]int16
}

const (
	ghcMax   = 1280 // octets of data
	hashBits = 8
	maxTries = 32  // back references looked at for one octet
	maxMatch = 256 // octets of one
)

// step is how an octet was reached: a back reference to so many octets before, or one of those below.
type step uint16

const (
	literal step = 0
	zeros   step = math.MaxUint16
)

// load puts a dictionary and data in place, and forgets what was there.
func (g *GHC) load(header []byte, n int) []byte {
	dict := ghcDictionary(header)
	copy(g.data[:], dict[:])
	for i := range g.head {
		g.head[i] = -1
	}
	return g.data[ghcDict : ghcDict+n]
}

// solve finds the shortest codes for all beginnings of n octets of data.
func (g *GHC) solve(n int) {
	for i := range g.cost[:n+1] {
		g.cost[i], g.open[i] = math.MaxUint16, math.MaxUint16
	}
	g.cost[0] = 0
	b := g.data[:ghcDict+n]
	for i := range ghcDict {
		g.enter(b, i)
	}
	for i := range n {
		if i > 0 && g.open[i] < g.cost[i] {
			g.cost[i], g.by[i], g.long[i] = g.open[i], literal, g.run[i]
		}
		// A literal that goes on costs one octet, a new one two.
		if c := g.cost[i] + 2; c < g.open[i+1] {
			g.open[i+1], g.run[i+1] = c, 1
		}
		if i > 0 && g.open[i] != math.MaxUint16 && g.run[i] < ghcLiteral && g.open[i]+1 <= g.open[i+1] {
			g.open[i+1], g.run[i+1] = g.open[i]+1, g.run[i]+1
		}
		z := 0
		for i+z < n && z < 17 && b[ghcDict+i+z] == 0 {
			z++
			if z >= 2 {
				g.reach(i, z, g.cost[i]+1, zeros)
			}
		}
		g.refer(b, i, n)
		g.enter(b, ghcDict+i)
	}
	if n > 0 && g.open[n] < g.cost[n] {
		g.cost[n], g.by[n], g.long[n] = g.open[n], literal, g.run[n]
	}
}

// refer takes all steps from an octet that are back references.
func (g *GHC) refer(b []byte, i, n int) {
	at := ghcDict + i
	if at+1 >= len(b) {
		return
	}
	tries := 0
	for j := int(g.head[hash(b[at], b[at+1])]); j >= 0 && tries < maxTries; j = int(g.prev[j]) {
		tries++
		most := min(len(b)-at, at-j, maxMatch) // what is referred to ends before the octet
		m := 0
		for m < most && b[j+m] == b[at+m] {
			m++
		}
		for k := m; k >= 2; {
			g.reach(i, k, g.cost[i]+1+uint16(extensions(k, at-j)), step(at-j))
			if k > 9 {
				k = (k-2)&^7 + 1 // the longest that takes an octet less
			} else {
				break
			}
		}
	}
}

// reach takes a step of n octets from i, if no shorter code is known for where it leads.
func (g *GHC) reach(i, n int, cost uint16, by step) {
	if i += n; cost < g.cost[i] {
		g.cost[i], g.by[i], g.long[i] = cost, by, uint16(n)
	}
}

// enter makes the two octets at a place known; the second one may not be there yet.
func (g *GHC) enter(b []byte, at int) {
	if at+1 < len(b) {
		h := hash(b[at], b[at+1])
		g.prev[at], g.head[h] = g.head[h], int16(at)
	}
}

func hash(a, b byte) uint8 { return a ^ b<<3 ^ b>>5 }

// extensions is how many code bytes a back reference to n octets, s before, has in front of it.
func extensions(n, s int) int { return max((n-2)/8, ((s-n)/8+14)/15) }

// code writes the shortest code for the first n octets of data, and tells how long it is.
func (g *GHC) code(to []byte, n int) int {
	for i := n; i > 0; {
		from := i - int(g.long[i])
		g.to[from] = uint16(i)
		i = from
	}
	w := 0
	for i := 0; i < n; {
		end := int(g.to[i])
		k := end - i
		switch by := g.by[end]; by {
		case literal:
			to[w] = uint8(k)
			w += 1 + copy(to[w+1:], g.data[ghcDict+i:ghcDict+end])
		case zeros:
			to[w] = ghcZeros | uint8(k-2)
			w++
		default:
			w += refer(to[w:], k, int(by))
		}
		i = end
	}
	return w
}

// refer writes a back reference to n octets, s before.
func refer(to []byte, n, s int) (w int) {
	s -= n
	n -= 2
	for n > 7 || s > 7 {
		c := uint8(ghcExtend)
		if n > 7 {
			c |= 16
			n -= 8
		}
		sa := min(s/8, 15)
		c |= uint8(sa)
		s -= sa * 8
		to[w] = c
		w++
	}
	to[w] = ghcRefer | uint8(n)<<3 | uint8(s)
	return w + 1
}

// payload compresses what of the datagram begins at an offset, to w; ip is where its IPv6 header is. ok is false when that
// is no shorter, or does not fit.
func (g *GHC) payload(z *compressor, w, at, ip int) (end, took int, ok bool) {
	n, limit := len(z.b)-at, z.o.Limit-w
	if n == 0 || n > ghcMax || limit <= 0 {
		return 0, 0, false
	}
	copy(g.load(z.b[ip:], n), z.b[at:])
	g.solve(n)
	if g.Fragment {
		plain := max(0, (at+limit)&^7-at) // as it is, so much would go into the first fragment
		for n = (at+n-1)&^7 - at; n > plain && int(g.cost[n]) > limit; n -= 8 {
		}
		if n <= plain {
			return 0, 0, false
		}
	} else if c := int(g.cost[n]); c >= n || c > limit {
		return 0, 0, false
	}
	return w + g.code(z.room[w:], n), at + n, true
}

// extension compresses an extension header with an EID of 2 bits to w: data is what is behind its length field, first its
// NHC octet without generic compression, with which it would be plain octets long. ok is false when this is no shorter, or
// does not fit.
//
// Only forms of which RFC 7400, 3.2 leaves no doubt are made: without a Next Header, of which it does not say whether it is
// in front of the code or in it, and of no Fragment header, which has another octet where others have their length.
func (g *GHC) extension(z *compressor, w int, first uint8, data []byte, plain, ip int) (end int, ok bool) {
	n := len(data)
	if first&1 == 0 || first>>1&7 == 2 || n > ghcMax {
		return 0, false
	}
	copy(g.load(z.b[ip:], n), data)
	g.solve(n)
	if c := 2 + int(g.cost[n]); c >= plain || w+c > z.o.Limit {
		return 0, false
	}
	z.room[w] = nhcExtGHC | first&7
	end = w + 1 + g.code(z.room[w+1:], n)
	z.room[end] = ghcStop
	return end + 1, true
}
