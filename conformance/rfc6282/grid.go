package rfc6282

import (
	"fmt"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The encoding grid: all 8192 values of the 13 bits of LOWPAN_IPHC. Each is sent. A legal one, whose packet the target can
// refuse, is quoted as it was meant; a reserved one draws nothing, and neither does one from the unspecified address, to
// whom no error can go. A case has TF, NH, HLIM and CID, the 128 values of the address bits are in it.

type corner struct{ tf, nh, hlim, cid uint }

func (c corner) String() string {
	return fmt.Sprintf("TF=%02b NH=%d HLIM=%02b CID=%d", c.tf, c.nh, c.hlim, c.cid)
}

func corners() (all []corner) {
	for i := range uint(64) {
		all = append(all, corner{i >> 4, i >> 3 & 1, i >> 1 & 3, i & 1})
	}
	return all
}

// An encoding is the address bits.
type encoding struct{ sac, sam, m, dac, dam uint }

func encodings() (all []encoding) {
	for i := range uint(128) {
		all = append(all, encoding{i >> 6, i >> 4 & 3, i >> 3 & 1, i >> 2 & 1, i & 3})
	}
	return all
}

func (e encoding) reserved() bool {
	return e.dac == 1 && (e.m == 0 && e.dam == 0 || e.m == 1 && e.dam != 0)
}

// unspecified has no source that could be told anything.
func (e encoding) unspecified() bool { return e.sac == 1 && e.sam == 0 }

// silent is one that draws no error though it is legal.
func (e encoding) silent() bool { return e.unspecified() }

const groupOfContext = "ff3e:40:2001:db8:1:0:1234:5678"

// conds are the addresses that an encoding can tell, and its bits.
func (e encoding) conds(lan *probe.Tester, cid uint) []packet.Cond {
	from := own(lan)
	h := lan.Host()
	switch {
	case e.unspecified():
		from = ipv6.Unspecified
	case e.sac == 1 && e.sam == 2:
		from = in(lan, int(cid), lowpan.IID(h.ShortAddr))
	case e.sac == 1:
		from = in(lan, int(cid), lowpan.IID(h.MAC))
	case e.sam == 0:
		from = h.IP6
	case e.sam == 2:
		from = ownShort(lan)
	}
	to := peer(lan)
	switch {
	case e.m == 1 && e.dac == 1:
		to = ipv6.MustAddr(groupOfContext)
	case e.m == 1 && e.dam == 1:
		to = solicited(lan)
	case e.m == 1:
		to = ipv6.AllNodes
	case e.dac == 1 && e.dam == 2:
		to = in(lan, 0, lowpan.IID(lan.Net().Target.ShortAddr))
	case e.dac == 1 || e.dam == 0:
		to = lan.Net().Target.IP6
	case e.dam == 2:
		to = peerShort(lan)
	}
	conds := []packet.Cond{ipv6.Src.Is(from), ipv6.Dst.Is(to)}
	conds = append(conds, src(e.sac, e.sam)...)
	return append(conds, dst(e.m, e.dac, e.dam)...)
}

// packet is what is sent in a corner of the grid: with an option that is refused.
func (c corner) packet(lan *probe.Tester, e encoding) packet.Template {
	conds := []packet.Cond{lowpan.TF.Is(c.tf), lowpan.NH.Is(c.nh), lowpan.HLIM.Is(c.hlim)}
	class := [4][2]uint{{0xb9, 0xabcde}, {2, 0x12345}, {0xb9, 0}, {0, 0}}[c.tf]
	conds = append(conds, ipv6.TrafficClass.Is(class[0]), ipv6.FlowLabel.Is(class[1]), ipv6.HopLimit.Is([4]uint{77, 1, 64, 255}[c.hlim]))
	cid := uint(0)
	if c.cid == 1 { // of the source; of the destination it is 0
		cid = 1
		conds = append(conds, lowpan.CIDs.Is(0x10))
	} else {
		conds = append(conds, lowpan.CID.Is(0))
	}
	if e.m == 1 { // a packet for a group is in a frame for all
		conds = append(conds, ieee802154.Dst.Is(ieee802154.Broadcast))
	}
	return unknownOption().With(append(conds, e.conds(lan, cid)...)...)
}

func init() {
	check.Grid(suite, "iphc.grid", "each of the 8192 encodings of LOWPAN_IPHC is read as it is meant, or not taken when it is reserved",
		check.Proves("RFC6282:2-4", mutate.Ignores(iphc(append(src(1, 2), dst(1, 0, 2)...)...))).
			Needs(target.Contexts6, target.Gateway, target.Agent, target.ShortAddress),
		corners(),
		func(p *probe.P, c corner) {
			const req = "RFC6282:2-4"
			lan := p.IPv6()
			for _, a := range []uint{0, 1} {
				lan.Owns(in(lan, int(a), lowpan.IID(lan.Host().ShortAddr)))
				lan.Owns(in(lan, int(a), lowpan.IID(lan.MAC())))
			}
			lan.Owns(ownShort(lan))
			if err := lan.UDP(0).Join(ipv6.MustAddr(groupOfContext)); err != nil {
				p.Inconclusive("the target does not join a group: %v", err)
			}
			legal := 0
			for _, e := range encodings() {
				sent := c.packet(lan, e)
				if e.reserved() || e.silent() {
					lan.Send(sent)
					continue
				}
				answer := lan.Ask(sent, icmpv6.Error(), probe.For(req), probe.Because(fmt.Sprintf("%v %+v", c, e)))
				p.Must(req, answer, icmpv6.Quotes(lan.Framed(sent)))
				legal++
			}
			kit.Alive(lan)
			p.That(req, "no answer but those to legal encodings", len(lan.Seen(icmpv6.Error())), gomega.Equal(legal))
		})
}
