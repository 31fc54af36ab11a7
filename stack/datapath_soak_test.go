package stack_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire/arp"
	codec "github.com/conform-stack/conform/stack/wire/ethernet"
)

// In the midst of traffic cables are pulled, interfaces taken down, VLANs made and removed, taps and filters put in and
// taken out. Afterwards nothing is in use, and the node answers as it did.
func TestDataPathChangesUnderLoad(t *testing.T) {
	for name, c := range map[string]config.Config{
		"queues": {RxClasses: 4, TxClasses: 4, QueueSlots: 4, PacketCost: 20 * time.Microsecond},
		"none":   {RxClasses: -1, TxClasses: -1},
		"direct": {RxClasses: 3, TxClasses: 3, QueueSlots: 2, Data: config.DataPath{SkipHighRx: config.On, SkipHighTx: config.On, RxTime: config.On, TxTime: config.On}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKitOn(t, c, wire.Config{BitRate: 10_000_000, Flying: 32})
			rng := rand.New(rand.NewPCG(4, 2))
			chance := func(n int) bool { return rng.IntN(n) == 0 }
			k.echoService(7)
			tap := &casts{}
			tags := []uint16{5, 6, tagSeven}
			for range 20000 {
				id := tags[rng.IntN(len(tags))]
				switch {
				case chance(200):
					k.far.Pull()
				case chance(50):
					k.far.Plug()
				case chance(200):
					k.eth.SetUp(chance(2))
				case chance(200):
					k.eth.SetDormant(chance(3))
				case chance(100):
					k.node.SetPromiscuous(k.eth, chance(2))
				case chance(100):
					if v, err := k.node.AddVLAN(k.eth, id); err == nil {
						if err := k.node.AddAddress(v, subnetOf("198.51.100.2/24")); err != nil {
							t.Fatal(err)
						}
					}
				case chance(100):
					k.node.RemoveVLAN(k.eth, id)
				case chance(100):
					k.eth.AddTap(tap)
				case chance(50):
					k.eth.RemoveTap(tap)
				case chance(100):
					k.eth.Iface.SetFilters(iface.Hook(rng.IntN(5)), func(_ *iface.Iface, p *packet.Packet) bool { return p.Len()%3 != 0 })
				case chance(50):
					k.eth.Iface.SetFilters(iface.Hook(rng.IntN(5)))
				}
				f := echoRequest("some octets of an echo"[:rng.IntN(22)])
				switch rng.IntN(4) {
				case 0:
					f = udpFrame(5000, 7, "some octets of an echo"[:rng.IntN(22)])
				case 1:
					f = vlanPing("x")
				case 2:
					f = arpFrame(arp.Request, testerMAC, vlanPeer, codec.MAC{}, vlanIP)
				}
				if chance(2) {
					f = tag(f, 0x8100, codec.MakeTCI(uint8(rng.IntN(8)), false, []uint16{0, 5, 6, 7, 8}[rng.IntN(5)]))
				}
				k.far.Send(f)
				k.advance(time.Duration(rng.IntN(int(100 * time.Microsecond))))
				k.frames = k.frames[:0]
			}
			for h := range iface.OnSend + 1 {
				k.eth.Iface.SetFilters(h)
			}
			k.far.Plug()
			k.eth.SetDormant(false)
			k.eth.SetUp(true)
			for _, id := range tags {
				k.node.RemoveVLAN(k.eth, id)
			}
			k.advance(10 * time.Minute)
			k.frames = nil
			if n := k.node.InUse(); n != 0 {
				t.Errorf("%d packets in use, and nobody has them", n)
			}
			if len(tap.got) == 0 {
				t.Error("the tap saw nothing")
			}
			k.send(arpFrame(arp.Request, testerMAC, testerIP, codec.MAC{}, nodeIP))
			k.advance(time.Millisecond)
			k.want("the node answers", "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)")
			k.send(echoRequest("x"))
			k.advance(time.Millisecond)
			k.want("and again", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "x"`)
		})
	}
}
