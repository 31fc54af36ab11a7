package lowpan_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/target"
)

// Recoverable fragments make the packet in whatever order they come, some of them twice; a reset forgets what there was.
func TestRecoverableFragments(t *testing.T) { // RFC 8931, section 5.1
	ip := append([]byte{0x60, 0, 0, 0, 0, 60, 59, 64}, make([]byte, 32+60)...)
	for i := range ip[40:] {
		ip[40+i] = byte(i)
	}
	encoded := append([]byte{lowpan.DispatchIPv6}, ip...)
	env := packet.Env{Link: target.IEEE802154, PAN: 1, Numbers: new(packet.Numbers)}
	env.Local.MAC, env.Peer.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		reader := packet.Reader{Link: env.Link}
		parts := lowpan.Recoverables(encoded, 7, 10+r.IntN(40))
		order := r.Perm(len(parts))
		order = append(order[:len(order)-1:len(order)-1], order[0], order[len(order)-1])
		for i, k := range order {
			f := reader.Dissect(parts[k].Build(env))
			if whole := i == len(order)-1; whole != bytes.Equal(f.Packet(), ip) || f.Has(ipv6.Proto) != whole {
				t.Fatalf("fragment %d of %v: %x", i, order, f.Packet())
			}
		}
		for _, k := range order[:len(order)-1] {
			reader.Dissect(parts[k].Build(env))
		}
		reader.Dissect(lowpan.RFrag(lowpan.RecoveryTag.Is(7)).Build(env))
		if f := reader.Dissect(parts[order[len(order)-1]].Build(env)); f.Packet() != nil {
			t.Fatalf("after a reset: %x", f.Packet())
		}
	}
	f := packet.Dissect(env.Link, lowpan.RFragAck(lowpan.AckTag.Is(9), lowpan.Bitmap.Is(0x80000001), lowpan.Echoed.Is(1)).Build(env))
	if want := []byte{0xeb, 9, 0x80, 0, 0, 1}; !bytes.Equal(f.Body(ieee802154.Proto), want) {
		t.Errorf("%x, want %x", f.Body(ieee802154.Proto), want)
	}
}
