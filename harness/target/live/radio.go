package live

import (
	"net"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	_ "github.com/conform-stack/conform/harness/packet/lowpan" // reads and makes the packets on such a link
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// radio is IEEE 802.15.4 with 6LoWPAN. Everybody's link address is known; the sign of life is an echo, or that the target
// looks for whoever asked for one.
type radio struct {
	Config
	counter uint32 // of the last question that was secured
}

func (r *radio) question(asker target.Host, _ netip.Addr) []byte {
	asker.IP6 = asker.LinkLocal
	env := packet.Env{Local: asker, Peer: target.Host{MAC: r.MAC, IP6: r.LinkLocal}, Network: ipv6.Proto, Link: target.IEEE802154, PAN: r.PAN}
	if env.Security = r.secure(); env.Security.On() {
		r.counter = max(r.counter+1, env.Security.Counter)
		env.Numbers = &packet.Numbers{Counter: r.counter}
	}
	return ieee802154.Header(ieee802154.AckRequest.Is(0)).Then(icmpv6.EchoRequest()).Build(env)
}

// Others than the link-local address are perhaps not reached yet: that is for routers to say.
func (r *radio) addresses() []netip.Addr { return []netip.Addr{r.LinkLocal} }

func (r *radio) read(b []byte) (d reading) {
	f := (&packet.Reader{Link: target.IEEE802154, Security: r.opening()}).Dissect(b)
	kind, _ := ieee802154.Type.Of(f)
	if dst, ok := ieee802154.Dst.Of(f); ok && len(dst) == 8 {
		d.to = dst
	}
	if wants, _ := ieee802154.AckRequest.Of(f); wants == 1 && kind != ieee802154.TypeAck && len(d.to) > 0 {
		if seq, ok := ieee802154.Sequence.Of(f); ok {
			d.ack = ieee802154.Ack(seq).Build(packet.Env{Link: target.IEEE802154})
		}
	}
	d.about, _ = ndp.NSTarget.Of(f)
	if src, ok := ipv6.Src.Of(f); ok && kind == ieee802154.TypeData {
		d.from, _ = ieee802154.Src.Of(f)
		d.of = src
		d.reply = icmpv6.EchoReply().Matches(f) || d.about.IsValid()
	}
	return d
}

// opening is what frames of the target are opened with.
func (r *radio) opening() target.Security {
	s := r.Security
	s.Stations = []target.Host{{MAC: r.MAC, ShortAddr: r.Short}}
	return s
}

// testerMAC is a locally administered address, as 02:00:00:00:00:00:01:01.
func (*radio) testerMAC(n int) net.HardwareAddr {
	n += 0x101
	return net.HardwareAddr{0x02, 0, 0, 0, 0, 0, byte(n >> 8), byte(n)}
}

// Addresses stand in a frame least significant octet first.
func (*radio) octets(mac net.HardwareAddr) []byte {
	b := slices.Clone(mac)
	slices.Reverse(b)
	return b
}
