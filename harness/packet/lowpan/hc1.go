package lowpan

import "errors"

// A packet of RFC 4944, section 10: dispatch, HC1 octet, HC2 octet if bit 7 is set, hop limit, then fields of whole and
// broken octets without gaps, then zero bits up to the next octet.

// bits reads and writes numbers of any width in order. Reading past the end marks it short.
type bits struct {
	b     []byte
	at    int // in bits
	short bool
}

func (r *bits) get(width int) (n uint64) {
	for range width {
		n <<= 1
		if r.at/8 >= len(r.b) {
			r.short = true
			continue
		}
		n |= uint64(r.b[r.at/8]>>(7-r.at%8)) & 1
		r.at++
	}
	return n
}

func (r *bits) put(width int, n uint64) {
	for i := width - 1; i >= 0; i-- {
		if r.at%8 == 0 {
			r.b = append(r.b, 0)
		}
		r.b[r.at/8] |= byte(n>>i&1) << (7 - r.at%8)
		r.at++
	}
}

// hc1Widths are the widths of the fields in line, in order: prefix and identifier of the source and of the destination,
// traffic class, flow label, next header, ports, UDP length, UDP checksum.
func hc1Widths(hc1, hc2 byte) (w [10]int) {
	for i, prefixed := range []byte{hc1 >> 6, hc1 >> 4} {
		if prefixed&2 == 0 {
			w[2*i] = 64
		}
		if prefixed&1 == 0 {
			w[2*i+1] = 64
		}
	}
	if hc1&8 == 0 {
		w[4] = 8 + 20
	}
	if hc1&6 == 0 {
		w[6] = 8
	}
	if hc1&7 != 3 { // no HC_UDP
		return w
	}
	w[7], w[8], w[9] = 16, 16, 16
	if hc2&0x80 != 0 {
		w[7] = 4
	}
	w[5] = 16 // the destination port
	if hc2&0x40 != 0 {
		w[5] = 4
	}
	if hc2&0x20 != 0 {
		w[8] = 0
	}
	return w
}

// hc1Len is how long the header is, with the dispatch; more than there is when it does not end.
func hc1Len(b []byte) int {
	if len(b) < 2 {
		return len(b) + 1
	}
	n := 2
	var hc2 byte
	if b[1]&1 != 0 {
		if len(b) < 3 {
			return len(b) + 1
		}
		hc2 = b[2]
		n++
	}
	sum := 8 // hop limit
	for _, w := range hc1Widths(b[1], hc2) {
		sum += w
	}
	return n + (sum+7)/8
}

// hc1 reads a packet that begins with an HC1 dispatch.
func (x *expander) hc1(b []byte) error {
	n := hc1Len(b)
	if n > len(b) {
		return errors.New("the packet ends inside its HC1 header")
	}
	hc1, at := b[1], 2
	var hc2 byte
	if hc1&1 != 0 {
		hc2, at = b[2], 3
	}
	if hc1&1 != 0 && hc1&6 != 2 {
		return errors.New("HC2 is defined for UDP only (RFC 4944, section 10.2)")
	}
	if hc2&0x1f != 0 {
		return errors.New("reserved bits of HC_UDP are set")
	}
	r := &bits{b: b[at:n]}
	h := make([]byte, 40)
	h[0] = 6 << 4
	h[7] = byte(r.get(8))
	w := hc1Widths(hc1, hc2)
	for i, around := range [][8]byte{oldIID(x.around.Src, x.around.PAN), oldIID(x.around.Dst, x.around.PAN)} {
		a := h[8+16*i:]
		a[0], a[1] = 0xfe, 0x80
		if w[2*i] > 0 {
			put64(a, r.get(64))
		}
		copy(a[8:16], around[:])
		if w[2*i+1] > 0 {
			put64(a[8:], r.get(64))
		}
	}
	if w[4] > 0 {
		class(h, byte(r.get(8)))
		flow := r.get(20)
		h[1] |= byte(flow >> 16)
		h[2], h[3] = byte(flow>>8), byte(flow)
	}
	h[6] = [4]byte{0, 17, 58, 6}[hc1>>1&3]
	if w[6] > 0 {
		h[6] = byte(r.get(8))
	}
	x.lengths = append(x.lengths, fixup{at: 4, from: 40})
	x.out = append(x.out, h...)
	if w[9] > 0 {
		u := make([]byte, 8)
		for i, width := range []int{w[7], w[5]} {
			port := r.get(width)
			if width == 4 {
				port += 61616
			}
			u[2*i], u[2*i+1] = byte(port>>8), byte(port)
		}
		if w[8] > 0 {
			n := r.get(16)
			u[4], u[5] = byte(n>>8), byte(n)
		} else {
			x.lengths = append(x.lengths, fixup{at: 44, from: 40})
		}
		sum := r.get(16)
		u[6], u[7] = byte(sum>>8), byte(sum)
		x.out = append(x.out, u...)
	}
	x.out = append(x.out, b[n:]...)
	return nil
}

func put64(b []byte, n uint64) {
	for i := range 8 {
		b[i] = byte(n >> (56 - 8*i))
	}
}

// hc1Header compresses a packet's headers as bits of HC1 and HC2 say, whether or not that gives them back. covered is how
// many of the packet's octets it stands for.
func hc1Header(hc1, hc2 byte, ip []byte) (h []byte, covered int) {
	h = []byte{DispatchHC1, hc1}
	if hc1&1 != 0 {
		h = append(h, hc2)
	}
	w := &bits{}
	w.put(8, uint64(ip[7]))
	widths := hc1Widths(hc1, hc2)
	value := func(from, to int) (n uint64) {
		for _, c := range ip[min(from, len(ip)):min(to, len(ip))] {
			n = n<<8 | uint64(c)
		}
		return n
	}
	for i := range 4 {
		w.put(widths[i], value(8+8*i, 16+8*i))
	}
	w.put(widths[4], value(0, 4)&0x0fffffff) // traffic class and flow label stand together there, too
	w.put(widths[6], uint64(ip[6]))
	covered = 40
	if widths[9] > 0 {
		w.put(widths[7], value(40, 42))
		w.put(widths[5], value(42, 44))
		w.put(widths[8], value(44, 46))
		w.put(widths[9], value(46, 48))
		covered = 48
	}
	return append(h, w.b...), covered
}
