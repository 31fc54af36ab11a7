package stack_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// floodSize is how many frames a flood has: many more than anything is bounded by.
const floodSize = 20000

// flood sends n frames, some of which may be answered. When half of them have come the node keeps all that it may, so that
// the second half must not make it grow; grown is what it grew by before that, in octets.
func (k *kit) flood(n int, frame func(i int) []byte) (grown int) {
	k.t.Helper()
	before := liveHeap()
	half := before
	for i := range n {
		if i == n/2 {
			half = liveHeap()
		}
		k.far.Send(frame(i))
		k.advance(0)
		k.frames = k.frames[:0]
	}
	const noise = 64 << 10 // of the test and of the runtime
	if more := liveHeap() - half; more > noise {
		k.t.Errorf("the second half of the flood makes the node grow by %d octets", more)
	}
	runtime.KeepAlive(k)
	return half - before
}

func liveHeap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one had to keep
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// over says that the flood is over: the node answers at once, and once its timers have run out nothing is in use.
func (k *kit) over(sockets ...*socket.Socket) {
	k.t.Helper()
	k.alive()
	k.advance(time.Hour)
	buf := make([]byte, 65536)
	for _, s := range sockets {
		for _, err := s.Recv(buf); err == nil; _, err = s.Recv(buf) {
		}
	}
	if n := k.node.InUse(); n != 0 {
		k.t.Errorf("%d packets are in use when all is over", n)
	}
	k.alive()
}

// stranger is one of many addresses of the subnet; from 10 on, so that it is neither the tester's nor the node's.
func stranger(i int) ipv4.Addr { return ipv4.Addr{10, byte(i / 60000), byte(i / 250), byte(i%250 + 3)} }

func strangerMAC(i int) ethernet.MAC {
	return ethernet.MAC{2, 1, 0, byte(i >> 16), byte(i >> 8), byte(i)}
}

// newFlooded is a kit on a large subnet, with an echo service.
func newFlooded(t *testing.T, c config.Config) *kit {
	k := newKit(t, c)
	if err := k.node.AddAddress(k.eth, subnetOf("10.255.0.1/8")); err != nil {
		t.Fatal(err)
	}
	k.echoService(7)
	k.meet()
	return k
}

// Requests and replies from many senders: the neighbours stay bounded, and the node's own traffic goes on, after another
// request where there is room for few.
func TestFloodOfARP(t *testing.T) {
	for _, c := range []config.Config{{}, {NeighEntries: 4}} {
		k := newFlooded(t, c)
		max := k.node.Config.NeighEntries
		k.flood(floodSize, func(i int) []byte {
			if i%100 == 0 { // the node's own traffic
				k.send(udpFrame(4000, 7, "on"))
				if len(k.frames) > 0 && show(k.frames[0]) == "all ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)" {
					k.next("the tester has given way, and is asked for")
					k.send(arpFrame(arp.Reply, testerMAC, testerIP, nodeMAC, nodeIP))
				}
				k.want("in the middle of it", `00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 "on"`)
			}
			if n := k.eth.Ethernet.Neighbours().Len(); n > max {
				t.Fatalf("%d neighbours after %d frames, the configuration says %d", n, i, max)
			}
			if i%2 == 0 {
				return arpFrame(arp.Request, strangerMAC(i), stranger(i), ethernet.MAC{}, nodeIP)
			}
			return arpFrame(arp.Reply, strangerMAC(i), stranger(i), nodeMAC, nodeIP)
		})
		if n := k.eth.Ethernet.Neighbours().Len(); n != max {
			t.Errorf("%d neighbours at the end, want as many as there may be, %d", n, max)
		}
		k.over()
	}
}

// Datagrams from senders that answer no request: those that wait for them are bounded, each by itself and together.
func TestFloodFromSendersThatDoNotAnswer(t *testing.T) {
	k := newFlooded(t, config.Config{})
	c := k.node.Config
	k.flood(floodSize, func(i int) []byte {
		if n := k.node.InUse(); n > c.NeighEntries*c.NeighPending {
			t.Fatalf("%d packets wait, the configuration says %d for each of %d neighbours", n, c.NeighPending, c.NeighEntries)
		}
		return ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Src: stranger(i / 20)}, echoRequest("x")[34:])
	})
	k.over()
}

// Fragments of datagrams that are never complete: what is kept is bounded in datagrams and in octets, holes included.
func TestFloodOfFragments(t *testing.T) {
	first := func(i int) []byte {
		return ipFrame(ipv4.Header{Protocol: codec.UDP, Src: stranger(i), ID: uint16(i), Flags: ipv4.MF}, make([]byte, 1480))
	}
	for name, flood := range map[string]struct {
		n     int
		frame func(i int) []byte
	}{
		"first": {floodSize, first},
		"last": {floodSize, func(i int) []byte {
			return ipFrame(ipv4.Header{Protocol: codec.UDP, Src: stranger(i), ID: uint16(i), FragOffset: 65504}, make([]byte, 8))
		}},
		"holes": {4000 * 40, func(i int) []byte { // every second eight octets
			h := ipv4.Header{Protocol: codec.UDP, ID: uint16(i / 4000), Flags: ipv4.MF, FragOffset: uint16(i%4000) * 16}
			return ipFrame(h, make([]byte, 8))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newFlooded(t, config.Config{NeighReachable: patient})
			c := k.node.Config
			most := 0
			grown := k.flood(flood.n, func(i int) []byte {
				most = max(most, k.node.InUse())
				return flood.frame(i)
			})
			if most > c.Reassemblies {
				t.Errorf("%d packets were in use, the configuration says %d datagrams in reassembly", most, c.Reassemblies)
			}
			const besides = 512 << 10 // storage of packets that is free again, in the largest size, and the tables
			if grown > c.ReassemblyBytes+besides {
				t.Errorf("the node grew by %d octets, the configuration says %d for reassembly", grown, c.ReassemblyBytes)
			}
			parts := pieces(7, toEcho(3000), 1480)
			k.send(parts[1])
			k.send(parts[0])
			k.want("a datagram in fragments still comes through", "00:01 192.0.2.2 > 192.0.2.1 frag 0+ len 1480")
			k.frames = nil
			k.over()
		})
	}
}

// Queries for sources, groups and all, and reports and leaves of others: what is remembered of a query is bounded, and
// answers do not become more.
func TestFloodOfIGMP(t *testing.T) {
	k := newFlooded(t, config.Config{})
	s := k.open(5000)
	k.group(s, socket.IPAddMembership, groupIP)
	k.advance(time.Minute)
	k.frames = nil
	k.flood(floodSize, func(i int) []byte {
		group := ipv4.Addr{239, 1, byte(i >> 8), byte(i)}
		switch i % 5 {
		case 0:
			return query(3, groupIP, groupIP, 255, true, stranger(i).Netip(), stranger(i+1).Netip())
		case 1:
			return query(2, group, group, 255, true)
		case 2:
			return generalQuery(3, 255)
		case 3:
			m := igmp.Append(nil, igmp.Header{Type: igmp.V2Report, Group: group})
			return ipFrame(ipv4.Header{Protocol: codec.IGMP, Dst: groupIP, TTL: 1}, igmpSealed(m))
		}
		return query(3, groupIP, groupIP, 255, true)
	})
	k.over()
}

// Redirects for many destinations: the cache is bounded, and it is the latest that count.
func TestFloodOfRedirects(t *testing.T) {
	const most = 64 // destinations
	k := newFlooded(t, config.Config{NeighReachable: patient})
	k.node.AddRoute(subnetOf("0.0.0.0/0"), testerIP.Netip(), k.eth)
	other := ipv4.Addr{192, 0, 2, 3}
	k.flood(floodSize, func(i int) []byte {
		return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Redirected(1, other), k.sentTo(remote(i))))
	})
	redirected := 0
	for i := range floodSize {
		if by, err := k.node.IPv4.Path(pathTo(remote(i).String())); err == nil && by.Hop.Addr == other.Netip() {
			redirected++
			if i < floodSize-most {
				t.Errorf("destination %d is still redirected", i)
			}
		}
	}
	if redirected != most {
		t.Errorf("%d destinations are redirected, want the latest %d", redirected, most)
	}
	k.over()
}

// Messages that datagrams are too big, for many destinations: the entries are bounded.
func TestFloodOfPathMTUs(t *testing.T) {
	k := newFlooded(t, config.Config{NeighReachable: patient})
	k.node.AddRoute(subnetOf("0.0.0.0/0"), testerIP.Netip(), k.eth)
	k.flood(floodSize, func(i int) []byte {
		k.advance(time.Microsecond) // so that there is an oldest
		return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.FragNeeded(600), k.sentTo(remote(i))))
	})
	most, lowered := k.node.Config.PathMTUEntries, 0
	for i := range floodSize {
		if by, err := k.node.IPv4.Path(pathTo(remote(i).String())); err == nil && by.MTU == 600 {
			lowered++
			if i < floodSize-most {
				t.Errorf("the path MTU of destination %d is still kept", i)
			}
		}
	}
	if lowered != most {
		t.Errorf("%d path MTUs are kept, want %d", lowered, most)
	}
	k.over()
}

// Datagrams to sockets that do not read: each keeps what fits, counts the rest, and the node has packets left.
func TestFloodOfSocketsThatDoNotRead(t *testing.T) {
	for _, n := range []int{0, 1, 1400} {
		k := newFlooded(t, config.Config{NeighReachable: patient})
		var sockets []*socket.Socket
		for port := range uint16(4) {
			sockets = append(sockets, k.open(9000+port))
		}
		body := bytes.Repeat([]byte{'u'}, n)
		k.flood(floodSize, func(i int) []byte {
			m := udpMessage(testerIP, nodeIP, 4000, 9000+uint16(i%4), body)
			return ipFrame(ipv4.Header{Protocol: codec.UDP}, m)
		})
		k.alive()
		c := k.node.Config
		buf := make([]byte, 2000)
		read := 0
		for _, s := range sockets {
			held := 0
			for m, err := s.Recv(buf); err == nil; m, err = s.Recv(buf) {
				held += m.N
				read++
			}
			if held > c.SocketBuffer {
				t.Errorf("a socket kept %d octets, the configuration says %d", held, c.SocketBuffer)
			}
		}
		dropped := k.node.Stats().Drops[stats.SocketFull]
		if read == 0 || read+int(dropped) != floodSize {
			t.Errorf("of %d datagrams of %d octets %d were read and %d counted as dropped", floodSize, n, read, dropped)
		}
		k.over(sockets...)
	}
}

// remote is one of many destinations beyond the gateway.
func remote(i int) ipv4.Addr {
	a := ipv4.Addr{203}
	binary.BigEndian.PutUint16(a[2:], uint16(i))
	return a
}

// sentTo is the beginning of a datagram that the node may have sent, as an error quotes it.
func (k *kit) sentTo(dst ipv4.Addr) []byte {
	return ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Src: nodeIP, Dst: dst}, make([]byte, 1400))[14 : 14+28]
}
