package stack_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Requests that are not answered and change nothing, each one fault away from one that is answered (RFC 826).
func TestARPReception(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(f []byte)
		why   stats.Drop
	}{
		{"another hardware type", func(f []byte) { f[15] = 7 }, stats.ARPInvalid},
		{"hardware type 6 in an Ethernet II frame", func(f []byte) { f[15] = 6 }, stats.ARPInvalid},
		{"another protocol", func(f []byte) { f[16] = 0x86 }, stats.ARPInvalid},
		{"hardware addresses of another length", func(f []byte) { f[18] = 5 }, stats.ARPInvalid},
		{"protocol addresses of another length", func(f []byte) { f[19] = 3 }, stats.ARPInvalid},
		{"a sender that is a group", func(f []byte) { f[22] = 3 }, stats.ARPSource},
		{"a sender of zeros", func(f []byte) { copy(f[22:], make([]byte, 6)) }, stats.ARPSource},
		{"the node's own hardware address", func(f []byte) { copy(f[22:], nodeMAC[:]) }, stats.ARPSource},
		{"a sender that is a multicast address", func(f []byte) { f[28] = 224 }, stats.ARPSource},
		{"a sender that is a broadcast address", func(f []byte) { f[31] = 255 }, stats.ARPSource},
		{"the node's own address", func(f []byte) { f[31] = 2 }, stats.ARPConflict},
		{"another target", func(f []byte) { f[41] = 77 }, stats.NotDropped},
		{"another operation", func(f []byte) { f[21] = 3; f[41] = 77 }, stats.NotDropped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, config.Config{})
			f := arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP)
			tt.spoil(f)
			k.send(f)
			k.quiet("no answer")
			if n := k.eth.Ethernet.Neighbours().Len(); n != 0 {
				t.Errorf("%d neighbours are known", n)
			}
			if tt.why != stats.NotDropped {
				k.dropped(tt.why, 1)
			}
			k.meet()
		})
	}
}

func TestARPMerge(t *testing.T) {
	moved := ethernet.MAC{2, 0, 0, 0, 0, 9}
	addr := netipOf(testerIP)
	for _, tt := range []struct {
		name   string
		known  bool
		frame  []byte
		exists bool
	}{
		{"a reply to the node", true, arpFrame(arp.Reply, moved, testerIP, nodeMAC, nodeIP), true},
		{"a request for another (RX-7)", true, arpFrame(arp.Request, moved, testerIP, ethernet.MAC{}, ipv4.Addr{192, 0, 2, 77}), true},
		{"a gratuitous request", true, arpFrame(arp.Request, moved, testerIP, ethernet.MAC{}, testerIP), true},
		{"an unknown operation", true, arpFrame(9, moved, testerIP, nodeMAC, nodeIP), true},
		{"a reply to the node, unknown before (RX-9)", false, arpFrame(arp.Reply, moved, testerIP, nodeMAC, nodeIP), true},
		{"a gratuitous request, unknown before", false, arpFrame(arp.Request, moved, testerIP, ethernet.MAC{}, testerIP), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, config.Config{})
			if tt.known {
				k.meet()
			}
			k.send(tt.frame)
			k.quiet("none is answered")
			state, at := k.eth.Ethernet.Neighbours().State(addr)
			if tt.exists != (state != neigh.None) || tt.exists && at != moved.Addr() {
				t.Errorf("the neighbour is %v at %v", state, at)
			}
		})
	}
}

func TestSNAPRequestIsAnswered(t *testing.T) { // RFC 1042; RFC 826: the hardware type comes back
	k := newKit(t, config.Config{})
	f := arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP)
	f[15] = 6
	snap := append([]byte(nil), f[:12]...)
	snap = binary.BigEndian.AppendUint16(snap, uint16(8+28))
	snap = append(snap, 0xaa, 0xaa, 3, 0, 0, 0, 8, 6)
	k.send(append(snap, f[14:]...))
	if got := k.want("answered", "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)"); got[15] != 6 {
		t.Errorf("hardware type %d", got[15])
	}
}

func TestUnusedNeighbourIsPolled(t *testing.T) { // RFC 1122, 2.3.2.1
	k := newKit(t, config.Config{})
	k.meet()
	k.advance(60 * time.Second)
	k.send(echoRequest("x"))
	k.want("the old entry is used at once", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "x"`)
	k.advance(5*time.Second - 1)
	k.quiet("a nanosecond before the poll")
	k.advance(1)
	k.want("the poll is unicast", "00:01 ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)")
	k.send(arpFrame(arp.Reply, testerMAC, testerIP, nodeMAC, nodeIP))
	k.advance(time.Hour)
	k.quiet("answered")
	k.send(echoRequest("x"))
	k.next("the reply")
	k.advance(5 * time.Second)
	for range 3 {
		k.want("a poll", "00:01 ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)")
		k.advance(time.Second)
	}
	k.send(echoRequest("x"))
	k.want("nobody answered: the entry is gone", "all ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)")
	k.advance(time.Hour)
	k.frames = nil
}

func TestGratuitousARP(t *testing.T) {
	k := newKit(t, config.Config{GratuitousARP: config.On})
	k.advance(0)
	k.want("an address is announced when it is added", "all ARP who-has 192.0.2.2 tell 192.0.2.2 (02:00:00:00:00:02)")
	k.advance(time.Hour)
}
