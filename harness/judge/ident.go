package judge

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"
)

// identKey is what must not be repeated within one maximum datagram lifetime (RFC 6864, section 4.3).
type identKey struct {
	src, dst netip.Addr
	link     [6]byte // of a sender without an address, who is not alone in having none
	proto    uint8
	id       uint16
}

// identUse is the datagram that used an identification last.
type identUse struct {
	at      time.Duration
	offsets []int  // of its fragments seen; one 0 for a whole datagram
	whole   bool   // it came in one piece
	digest  uint64 // of its first piece
}

// identLimit bounds what is remembered. Beyond it everything is forgotten: faults may be missed, none is invented.
const identLimit = 1 << 16

var identSeed = maphash.MakeSeed()

// repeatsIdent judges the identification of non-atomic datagrams. Protocols with a strong integrity check may repeat
// it (RFC 6864, 5.2).
func (p *ipv4) repeatsIdent() *fault {
	if p.df || p.proto == protoESP || p.proto == protoAH || p.passedOn() {
		return nil
	}
	key := identKey{src: p.src, dst: p.dst, proto: p.proto, id: p.id}
	if p.src.IsUnspecified() && p.eth != nil {
		key.link = p.eth.src
	}
	now := identUse{at: p.f.Time, offsets: []int{p.offset}, whole: !p.fragment(), digest: maphash.Bytes(identSeed, p.withoutTTL())}
	last, seen := p.j.idents[key]
	if !seen || p.f.Time-last.at >= p.j.opts.mdl() {
		p.keepIdent(key, now)
		return nil
	}
	if p.j.opts.Mirrored && (!p.whole || slices.Contains(last.offsets, p.offset) && (last.digest == now.digest || p.offset > 0)) {
		return nil // the same datagram, or one of which too little is here to tell
	}
	if !now.whole && !last.whole && !slices.Contains(last.offsets, p.offset) { // one more piece of the same datagram
		last.offsets = append(last.offsets, p.offset)
		if p.offset == 0 {
			last.digest = now.digest
		}
		p.keepIdent(key, last)
		return nil
	}
	p.keepIdent(key, now)
	return &fault{p.at + 4, fmt.Sprintf("%d again after %v", p.id, p.f.Time-last.at), "another one"}
}

func (p *ipv4) keepIdent(key identKey, use identUse) {
	if len(p.j.idents) >= identLimit {
		clear(p.j.idents)
	}
	p.j.idents[key] = use
}

// withoutTTL is the datagram without what changes from hop to hop.
func (p *ipv4) withoutTTL() []byte {
	b := slices.Clone(p.b[:min(p.total, len(p.b))])
	b[1], b[8], b[10], b[11] = 0, 0, 0, 0
	return b
}
