package ieee802154_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/target"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// secret is the key of the examples of IEEE 802.15.4-2006, annex C.2.
func secret() (k [16]byte) {
	for i := range k {
		k[i] = 0xc0 + byte(i)
	}
	return k
}

var (
	local = target.Host{MAC: net.HardwareAddr{0xac, 0xde, 0x48, 0, 0, 0, 0, 1}, ShortAddr: net.HardwareAddr{0, 1}}
	peer  = target.Host{MAC: net.HardwareAddr{0xac, 0xde, 0x48, 0, 0, 0, 0, 2}, ShortAddr: net.HardwareAddr{0, 2}}
)

func secures(level, mode uint8) target.Security {
	return target.Security{Level: level, KeyMode: mode, KeyIndex: 7, Stations: []target.Host{local, peer}, Keys: []target.Key{
		{Secret: secret()}, {Mode: 1, Index: 7, Secret: secret()},
		{Mode: 2, Index: 3, Source: []byte{1, 2, 3, 4}, Secret: secret()}, {Mode: 3, Index: 4, Source: []byte{1, 2, 3, 4, 5, 6, 7, 8}, Secret: secret()},
	}}
}

// The frames of annex C.2: a beacon, data and a command, each as it is secured and without the code and the encryption.
func TestAnnexCFrames(t *testing.T) {
	for name, f := range map[string][2]string{
		"beacon":  {"08d0842143010000000048deac020500000055cf000051525354223bc1ec841ab553", "55cf000051525354"},
		"data":    {"69dc842143020000000048deac010000000048deac0405000000d43e022b", "61626364"},
		"command": {"2bdc842143020000000048deacffff010000000048deac060500000001d84fde529061f9c6f1", "01ce"},
	} {
		b := unhex(t, f[0])
		plain, err := ieee802154.Open(secures(0, 0), b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if want := unhex(t, f[1]); !bytes.Contains(plain, want) || len(plain) != len(b) {
			t.Errorf("%s: opened %x, wants %x in %d octets", name, plain, want, len(b))
		}
		if name == "data" {
			continue // nothing tells whether data without a code are genuine
		}
		b[len(b)-1] ^= 1
		if _, err := ieee802154.Open(secures(0, 0), b); !errors.Is(err, ieee802154.ErrMIC) {
			t.Errorf("%s with another code: %v", name, err)
		}
	}
}

// What is built is read again, with the packet in it; whoever has no key sees that there is one, and no packet.
func TestSealedAndOpened(t *testing.T) {
	for _, mode := range []uint8{0, 1} {
		for level := uint8(1); level <= 7; level++ {
			for _, size := range []int{4, 300} {
				t.Run(fmt.Sprintf("level=%d,mode=%d,octets=%d", level, mode, size), func(t *testing.T) { sealedAndOpened(t, secures(level, mode), size) })
			}
		}
	}
}

func sealedAndOpened(t *testing.T, s target.Security, size int) {
	env := packet.Env{Local: local, Peer: peer, Link: target.IEEE802154, PAN: 0xabcd, Security: s, Network: ipv6.Proto, Numbers: &packet.Numbers{Counter: 5}}
	env.Local.IP6, env.Peer.IP6 = target.LinkLocalOf(local.MAC), target.LinkLocalOf(peer.MAC)
	data := bytes.Repeat([]byte{0x5a}, size)
	frames := icmpv6.Echo(7, 1, data).Frames(env)
	reader := packet.Reader{Link: target.IEEE802154, Security: s}
	blind := packet.Reader{Link: target.IEEE802154}
	var last *packet.Frame
	for i, b := range frames {
		if len(b) > ieee802154.MaxOctets {
			t.Fatalf("a frame of %d octets", len(b))
		}
		if s.Level >= ieee802154.ENC && bytes.Contains(b, data[:4]) {
			t.Errorf("frame %d has its payload in clear", i)
		}
		if f := blind.Dissect(bytes.Clone(b)); f.Packet() != nil || f.Opened() || ieee802154.LevelOf(f) != uint(s.Level) {
			t.Errorf("without the key: %v", f)
		}
		last = reader.Dissect(b)
		if n, _ := ieee802154.FrameCounter.Of(last); n != uint(5+i) || ieee802154.KeyModeOf(last) != uint(s.KeyMode) {
			t.Errorf("frame %d: %v", i, last)
		}
		if sum, _ := ieee802154.FCS.Of(last); sum != uint(ieee802154.Sum(b[:len(b)-2])) {
			t.Errorf("frame %d: check sequence %#x", i, sum)
		}
		if code, ok := ieee802154.MIC.Of(last); len(code) != ieee802154.CodeOctets(uint(s.Level)) || ok != (len(code) > 0) {
			t.Errorf("frame %d: code %x", i, code)
		}
	}
	got, _ := packet.Data.Of(last)
	if last.Err != nil || !bytes.Equal(got, data) {
		t.Fatalf("read: %v, %v", last, last.Err)
	}
	if size > 4 {
		return
	}
	// A mutant changes a field of the packet, or of the header: it is sealed again.
	for _, c := range []packet.Cond{ipv6.HopLimit.Is(9), ieee802154.Pending.Is(1), ieee802154.FrameCounter.Is(99)} {
		if g := last.Again(last.Rewrite(c)); g.Err != nil || !g.Opened() || len(packet.Check(g, c)) > 0 {
			t.Errorf("rewritten with %v: %v, %v", c, g, g.Err)
		}
	}
	spoilt := icmpv6.Echo(7, 1, data).With(ieee802154.Spoilt.Is([]byte{1})).Build(env)
	other := icmpv6.Echo(7, 1, data).With(ieee802154.WithKey.Is(make([]byte, 16))).Build(env)
	for what, b := range map[string][]byte{"a code that is spoilt": spoilt, "another key": other} {
		f := reader.Dissect(b)
		if s.Level != ieee802154.ENC && !errors.Is(f.Err, ieee802154.ErrMIC) {
			t.Errorf("%s: %v, %v", what, f, f.Err)
		}
		if b := b[:len(b)-2]; ieee802154.Sum(b) != ieee802154.Sum(f.Bytes[:len(b)]) {
			t.Errorf("%s: the check sequence is wrong", what)
		}
	}
}

// From a short address the nonce is of the extended one (9.3.2.1).
func TestShortAddress(t *testing.T) {
	s := secures(5, 1)
	env := packet.Env{Local: local, Peer: peer, Link: target.IEEE802154, PAN: 1, Security: s, Numbers: &packet.Numbers{}}
	env.Local.MAC = local.ShortAddr
	b := ieee802154.Data().Then(packet.Payload([]byte{0x3f, 1, 2})).Build(env)
	if f := (&packet.Reader{Link: env.Link, Security: s}).Dissect(b); !f.Opened() || f.Err != nil {
		t.Errorf("%v, %v", f, f.Err)
	}
	s.Stations = nil
	if f := (&packet.Reader{Link: env.Link, Security: s}).Dissect(b); f.Opened() || f.Err != nil {
		t.Errorf("of a station that nobody knows: %v, %v", f, f.Err)
	}
}

// Keys of modes 2 and 3 are read by their source.
func TestKeySources(t *testing.T) {
	s := secures(6, 0)
	env := packet.Env{Local: local, Peer: peer, Link: target.IEEE802154, PAN: 1, Security: s, Numbers: &packet.Numbers{}}
	for mode, index := range map[uint]uint{2: 3, 3: 4} {
		source := []byte{1, 2, 3, 4, 5, 6, 7, 8}[:map[uint]int{2: 4, 3: 8}[mode]]
		b := ieee802154.Data(ieee802154.SecurityControl.Is(ieee802154.Control(6, mode)), ieee802154.KeySource.Is(source), ieee802154.KeyIndex.Is(index)).
			Then(lowpan.Other(0x3f), packet.Payload([]byte("mode"))).Build(env)
		f := (&packet.Reader{Link: env.Link, Security: s}).Dissect(b)
		if n, _ := ieee802154.KeyIndex.Of(f); !f.Opened() || f.Err != nil || n != index {
			t.Errorf("mode %d: %v, %v", mode, f, f.Err)
		}
	}
}

// Neither level 0 nor version 0 opens, and no header that is cut makes trouble.
func TestNotOpened(t *testing.T) {
	whole := unhex(t, "2bdc842143020000000048deacffff010000000048deac060500000001d84fde529061f9c6f1")
	for n := range whole {
		if plain, err := ieee802154.Open(secures(0, 0), whole[:n]); plain != nil && err == nil {
			t.Errorf("opened %d octets of %d", n, len(whole))
		}
	}
	old := bytes.Clone(whole)
	old[1] &^= 0x30
	if plain, _ := ieee802154.Open(secures(0, 0), old); plain != nil {
		t.Error("opened a frame of version 0")
	}
}
