package live

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	ether "github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// said is what the testers of a world told the target as routers. It lasts for hours, and would meet the next world: when the
// world is closed it is taken back.
type said map[string]*packet.Frame // the last advertisement of each source with each list of options

// advertises tells whether a frame of Ethernet is a Router Advertisement without extension headers.
func advertises(frame []byte) bool {
	return len(frame) >= 14+40+16 && binary.BigEndian.Uint16(frame[12:]) == 0x86dd && frame[14+6] == 58 && frame[14+40] == 134
}

// note keeps a frame, if it is an advertisement.
func (s said) note(frame []byte) {
	if !advertises(frame) {
		return
	}
	f := packet.Dissect(target.Ethernet, append([]byte(nil), frame...))
	src, ok := ipv6.Src.Of(f)
	if ok && src.IsLinkLocalUnicast() { // others are ignored (RFC 4861, 6.1.2)
		s[src.String()+string(ndp.OptionsOf(f))] = f
	}
}

// undone are advertisements that take back what was said: no router, prefixes and routes that are over, and the parameters that
// there are without a router (RFC 4861, sections 6.3.2 and 10; RFC 4191, section 3.1).
func (s said) undone(c Config) (all [][]byte) {
	for _, f := range s {
		all = append(all, undo(f, c))
	}
	return all
}

func undo(f *packet.Frame, c Config) []byte {
	var options []byte
	for _, kind := range []byte{ndp.PrefixType, ndp.RouteInfoType, ndp.MTUType} {
		for _, o := range ndp.Find(f, kind) {
			options = append(options, ended(o, c)...)
		}
	}
	set := func(field packet.Field[uint], initial uint) packet.Cond {
		if v, _ := field.Of(f); v == 0 { // nothing was said
			initial = 0
		}
		return field.Is(initial)
	}
	own := c.Info.Params
	ms := func(d, unknown time.Duration) uint { return uint(cmp.Or(d, unknown) / time.Millisecond) }
	src, _ := ipv6.Src.Of(f)
	mac, _ := ether.Src.Of(f)
	return ndp.RouterAdvert(ndp.Lifetime.Is(0), set(ndp.CurHopLimit, uint(cmp.Or(own.HopLimit, 64))),
		set(ndp.Reachable, ms(own.ReachableTime, 30*time.Second)), set(ndp.Retrans, ms(own.Retrans, time.Second)),
		ndp.RAOptions.Is(options)).
		Build(packet.Env{
			Local:   target.Host{MAC: mac, IP6: src, LinkLocal: src},
			Peer:    target.Host{MAC: ipv6.GroupMAC(ipv6.AllNodes), IP6: ipv6.AllNodes},
			Network: ipv6.Proto,
		})
}

// ended is an option with no lifetime left, or the link's own MTU.
func ended(o []byte, c Config) []byte {
	if p, ok := ndp.PrefixOf(o); ok {
		return p.Lasting(0, 0).Option()
	}
	switch {
	case o[0] == ndp.MTUType && len(o) == 8:
		return ndp.MTU(uint32(c.MTU))
	case o[0] == ndp.RouteInfoType && o[2] <= 128:
		var a [16]byte
		copy(a[:], o[8:])
		return ndp.RouteInfo(netip.PrefixFrom(netip.AddrFrom16(a), int(o[2])), o[3]>>3, 0)
	}
	return nil
}
