package slaac

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
)

// An identifier is that of an interface: the last 64 bits of an address.
type identifier uint64

// identifier makes the one for a prefix: of the link address (RFC 4291, appendix A; RFC 2464, 4), or a stable one that tells
// nothing (RFC 7217), which is another one each time a duplicate was met. tried is which try it is of. ok is false on a link
// without addresses, unless identifiers are stable.
func (l *conf) identifier(p netip.Prefix, tries int) (id identifier, tried int, ok bool) {
	if l.c.c.StableIID.On() {
		return l.stable(p, tries)
	}
	x, ok := wire6.Identifier(l.mac())
	return identifier(x), tries, ok
}

// shortIdentifier is the one of the short address that the station was assigned (RFC 4944, 6); ok is false when it has none,
// or when identifiers tell nothing of the link.
func (l *conf) shortIdentifier() (id identifier, ok bool) {
	all := l.Link().Addrs()
	if l.c.c.StableIID.On() || len(all) < 2 {
		return 0, false
	}
	x, ok := wire6.Identifier(all[1])
	return identifier(x), ok
}

// lasting tells whether an identifier is that of the station's lasting address, which nobody else has.
func (l *conf) lasting(a Addr) bool {
	x, ok := wire6.Identifier(l.mac())
	_, id := a.Halves()
	return ok && x == id
}

// stable is the function of RFC 7217, 5, with SHA-256; the interface goes by its name, and there is no network identifier.
// An identifier that is reserved or used counts as a duplicate.
func (l *conf) stable(p netip.Prefix, tries int) (id identifier, tried int, ok bool) {
	for ; tries < maxIdentifiers; tries++ {
		h := sha256.New()
		a := p.Addr().As16()
		h.Write(a[:8])
		h.Write([]byte(l.Name))
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(tries)))
		h.Write(l.c.secret[:])
		id = identifier(binary.BigEndian.Uint64(h.Sum(nil)[24:]))
		if !id.reserved() && l.find(join(p, id)) == nil {
			return id, tries, true
		}
	}
	return 0, tries, false
}

// randomIdentifier draws one for a temporary address (RFC 8981, 3.3.1).
func (l *conf) randomIdentifier() identifier {
	for {
		if id := identifier(l.c.ids.Uint64()); !id.reserved() && !l.uses(id) {
			return id
		}
	}
}

// uses tells whether an address of the interface has an identifier.
func (l *conf) uses(id identifier) bool {
	for _, a := range l.addresses {
		if _, lo := a.addr.Halves(); identifier(lo) == id {
			return true
		}
	}
	return false
}

// reserved tells whether an identifier is taken for other ends (RFC 5453): subnet-router anycast, reserved anycast, and the
// range of the Ethernet block.
func (id identifier) reserved() bool {
	return id == 0 || id >= 0xfdffffffffffff80 && id <= 0xfdffffffffffffff || id>>24 == 0x02005efffe
}

// join makes an address of a prefix of 64 bits.
func join(p netip.Prefix, id identifier) Addr {
	a := wire6.Addr(p.Addr().As16())
	binary.BigEndian.PutUint64(a[8:], uint64(id))
	return a
}
