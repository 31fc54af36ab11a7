package stack_test

import (
	"encoding/binary"
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Each header that is refused is one fault away from one that is accepted (RFC 791, 3.1; RFC 1122, 3.2.1).
func TestHeaderChecks(t *testing.T) {
	reseal := func(f []byte) { ipv4.SealChecksum(f[ethernet.HeaderLen:]) }
	for _, tt := range []struct {
		name  string
		spoil func(f []byte) []byte
		why   stats.Drop
	}{
		{"version 5", func(f []byte) []byte { f[14] = 0x55; reseal(f); return f }, stats.IPVersion},
		{"header length 4", func(f []byte) []byte { f[14] = 0x44; return f }, stats.IPInvalid},
		{"header length beyond the datagram", func(f []byte) []byte { f[14] = 0x4f; return f }, stats.IPInvalid},
		{"checksum", func(f []byte) []byte { f[24] ^= 1; return f }, stats.IPChecksum},
		{"total length below the header", func(f []byte) []byte { binary.BigEndian.PutUint16(f[16:], 19); reseal(f); return f }, stats.IPLength},
		{"total length beyond what came", func(f []byte) []byte { binary.BigEndian.PutUint16(f[16:], 1000); reseal(f); return f }, stats.IPLengthHigh},
		{"cut short", func(f []byte) []byte { return f[:14+19] }, stats.IPInvalid},
		{"another destination", func(f []byte) []byte { f[33] = 77; reseal(f); return f }, stats.IPDestination},
		{"a loopback destination", func(f []byte) []byte { copy(f[30:], []byte{127, 0, 0, 1}); reseal(f); return f }, stats.IPDestination},
		{"a group that is not joined", func(f []byte) []byte { copy(f[30:], []byte{224, 0, 0, 9}); reseal(f); return f }, stats.IPDestination},
		{"a source of zeros", func(f []byte) []byte { copy(f[26:], []byte{0, 0, 0, 0}); reseal(f); return f }, stats.IPSource},
		{"another station", func(f []byte) []byte { f[5] = 9; return f }, stats.OtherStation},
		{"a link source that is a group", func(f []byte) []byte { f[6] = 3; return f }, stats.BadLinkSource},
		{"from the node's own station", func(f []byte) []byte { copy(f[6:], nodeMAC[:]); return f }, stats.OwnFrame},
		{"an unknown EtherType", func(f []byte) []byte { f[12], f[13] = 0x88, 0xb5; return f }, stats.UnknownType},
		{"a type between length and EtherType", func(f []byte) []byte { f[12], f[13] = 0x05, 0xdd; return f }, stats.FrameInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, config.Config{})
			k.meet()
			k.send(tt.spoil(echoRequest("bad")))
			k.quiet("it is dropped silently")
			k.dropped(tt.why, 1)
			k.send(echoRequest("good"))
			k.want("the fault made right", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "good"`)
		})
	}
}

func TestWhatIsAccepted(t *testing.T) {
	reply := `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "x"`
	k := newKit(t, config.Config{})
	k.meet()
	k.send(append(echoRequest("x"), make([]byte, 17)...))
	k.want("the link's padding is no data", reply)

	f := echoRequest("x")
	f[22] = 0 // TTL
	ipv4.SealChecksum(f[14:])
	k.send(f)
	k.want("TTL 0 at its destination (RFC 1122, 3.2.1.7)", reply)

	f = echoRequest("x")
	snap := append([]byte(nil), f[:12]...)
	snap = binary.BigEndian.AppendUint16(snap, uint16(len(f)-14+8))
	snap = append(snap, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0)
	k.send(append(append(snap, f[14:]...), 0, 0, 0, 0))
	k.want("RFC 1042 encapsulation (RFC 1122, 2.3.3)", reply)

	tagged := append(append([]byte(nil), f[:12]...), 0x81, 0, 0xe0, 0)
	k.send(append(tagged, f[12:]...))
	k.want("a priority tag", reply)
	tagged[15] = 7
	k.send(append(tagged[:16:16], f[12:]...))
	k.quiet("another VLAN")

	for range 2 { // RFC 6864, 4.1: no duplicate detection by identification
		k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4, ID: 5, Flags: ipv4.Reserved}, echoRequest("x")[34:]))
		k.want("the same identification twice, a reserved flag", reply)
	}
}
