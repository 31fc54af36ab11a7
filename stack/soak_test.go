package stack_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// everything is a node on which all is on, as a router, with sockets and groups.
func everything(t testing.TB, c config.Config) *kit {
	c.Forwarding, c.EchoBroadcast, c.ICMPRate = config.On, config.On, -1
	k := newKit(t, c)
	k.echoService(7)
	s := k.open(9)
	k.raw(1)
	s.SetOption(socket.IPAddMembership, socket.Value{Group: groupIP.Netip()})
	k.node.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), testerIP.Netip(), k.eth)
	return k
}

// seeds are good frames of every kind.
func seeds() [][]byte {
	options := ipv4.Options{}.AppendRecordRoute(2).AppendTimestamp(ipv4.TimestampAddress, 1).AppendRouterAlert()
	udp := toEcho(200)
	all := [][]byte{
		arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP),
		arpFrame(arp.Reply, testerMAC, testerIP, nodeMAC, nodeIP),
		echoRequest("hello"),
		pingWith(options),
		pingWith(ipv4.Options{131, 11, 12, 10, 0, 0, 1, 10, 0, 0, 2}),
		udpFrame(4000, 7, "echo"),
		udpFrame(4000, 99, "closed"),
		through(ipv4.Header{Dst: ipv4.Addr{203, 0, 113, 5}}, []byte("on")),
		generalQuery(2, 10), generalQuery(3, 10), query(3, groupIP, groupIP, 10, true, src1),
		ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.FragNeeded(600), udpFrame(9, 4000, "x")[14:])),
		ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Redirected(1, ipv4.Addr{192, 0, 2, 3}), udpFrame(9, 4000, "x")[14:])),
	}
	return append(all, pieces(1, udp, 64, 128)...)
}

// alive says that the node still answers.
func (k *kit) alive() {
	k.t.Helper()
	k.advance(10 * time.Minute)
	k.frames = nil
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.want("alive", "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)")
	k.send(echoRequest("alive"))
	df := ""
	if k.node.Config.PathMTU.On() {
		df = "DF "
	}
	k.want("alive", "00:01 192.0.2.2 > 192.0.2.1 "+df+`ICMP echo reply id 7 seq 1 "alive"`)
}

// Frames damaged at random end with a node that answers and has nothing in use.
func TestSoakOfDamagedFrames(t *testing.T) {
	for _, profile := range []config.Profile{config.RFC, config.Zephyr} {
		rng := rand.New(rand.NewPCG(5, 6))
		k := everything(t, config.Config{Profile: profile})
		all := seeds()
		for range 30000 {
			f := append([]byte(nil), all[rng.IntN(len(all))]...)
			for range rng.IntN(4) {
				switch rng.IntN(3) {
				case 0:
					f[rng.IntN(len(f))] = byte(rng.Uint32())
				case 1:
					f = f[:1+rng.IntN(len(f))]
				case 2:
					f[rng.IntN(len(f))] ^= 1 << rng.IntN(8)
				}
			}
			if len(f) >= 34 && rng.IntN(2) == 0 && int(f[14]&0xf)*4 <= len(f)-14 && f[14]&0xf >= 5 {
				ipv4.SealChecksum(f[14:]) // so that more of it is looked at
			}
			k.far.Send(f)
			if rng.IntN(10) == 0 {
				k.advance(time.Duration(rng.Int64N(int64(time.Second))))
			}
			k.frames = k.frames[:0]
		}
		k.alive()
	}
}

// Floods stay within the bounds of the configuration.
func TestFloods(t *testing.T) {
	addr := func(i int) ipv4.Addr { return ipv4.Addr{10, byte(i >> 16), byte(i >> 8), byte(i)} }
	for name, flood := range map[string]func(i int) []byte{
		"ARP": func(i int) []byte { return arpFrame(arp.Request, testerMAC, addr(i), ethernet.MAC{}, nodeIP) },
		"fragments": func(i int) []byte {
			return ipFrame(ipv4.Header{Protocol: codec.UDP, Src: addr(i), Flags: ipv4.MF}, make([]byte, 1480))
		},
		"holes": func(i int) []byte {
			return ipFrame(ipv4.Header{Protocol: codec.UDP, Flags: ipv4.MF, FragOffset: uint16(i%4000) * 16}, make([]byte, 8))
		},
		"IGMP": func(i int) []byte { return query(3, groupIP, groupIP, 255, true, addr(i).Netip()) },
		"redirects": func(i int) []byte {
			d := ipFrame(ipv4.Header{Protocol: codec.UDP, Src: nodeIP, Dst: ipv4.Addr{203, 0, byte(i >> 8), byte(i)}}, make([]byte, 8))
			return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Redirected(1, ipv4.Addr{192, 0, 2, 3}), d[14:]))
		},
		"path MTUs": func(i int) []byte {
			d := ipFrame(ipv4.Header{Protocol: codec.UDP, Src: nodeIP, Dst: ipv4.Addr{203, 0, byte(i >> 8), byte(i)}}, make([]byte, 8))
			return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.FragNeeded(600), d[14:]))
		},
		"unresolved": func(i int) []byte {
			return ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Src: addr(i)}, echoRequest("x")[34:])
		},
		"full socket": func(i int) []byte { return udpFrame(4000, 9, "never read") },
	} {
		t.Run(name, func(t *testing.T) {
			k := everything(t, config.Config{})
			for i := range 20000 {
				k.far.Send(flood(i))
				k.advance(0)
				k.frames = k.frames[:0]
			}
			c := k.node.Config
			if n := k.eth.Ethernet.Neighbours().Len(); n > c.NeighEntries {
				t.Errorf("%d neighbours, at most %d are wanted", n, c.NeighEntries)
			}
			if n := k.node.InUse(); n > c.RxPackets+c.TxPackets {
				t.Errorf("%d packets in use", n)
			}
			k.frames = k.frames[:0]
			k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
			if !slices.ContainsFunc(k.frames, func(f []byte) bool { // others have waited for the address
				return show(f) == "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)"
			}) {
				t.Error("no answer in the middle of it")
			}
			k.alive()
		})
	}
}

// Law: no sequence of frames makes the node panic, run without end, or keep a packet when it is closed; and after it the
// node answers. Frames stand one behind the other, each with its length in front.
func FuzzNode(f *testing.F) {
	var all []byte
	for _, s := range seeds() {
		one := append([]byte{byte(len(s) >> 8), byte(len(s))}, s...)
		f.Add(one)
		all = append(all, one...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		k := everything(t, config.Config{})
		for len(b) > 2 {
			n := min(int(b[0])<<8|int(b[1]), len(b)-2)
			k.far.Send(b[2 : 2+n])
			k.advance(time.Millisecond)
			b = b[2+n:]
		}
		k.frames = nil
		if _, at := k.eth.Ethernet.Neighbours().State(testerIP.Netip()); at == testerMAC.Addr() || at.IsZero() {
			k.alive()
		}
		k.frames = nil
	})
}
