package crosscheck

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	harness "github.com/conform-stack/conform/harness/packet/ieee802154"
	harnessccm "github.com/conform-stack/conform/harness/packet/ieee802154/ccm"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/target"
	stackccm "github.com/conform-stack/conform/stack/l2/ieee802154/ccm"
)

// AES-CCM* of both sides is the same for random keys, nonces and lengths, with every length of code.
func TestBothSecure(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 3))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for i := range 2000 {
		key, nonce := [16]byte(random(16)), [13]byte(random(13))
		a, m, n := random(r.IntN(60)), random(r.IntN(100)), []int{0, 4, 8, 16}[i%4]
		if n == 0 {
			a = nil
		}
		c, code := harnessccm.Seal(key, nonce, a, m, n)
		theirs := append(bytes.Clone(m), make([]byte, n)...)
		stackccm.New(key).Seal(&nonce, a, theirs[:len(m)], theirs[len(m):])
		if ours := append(c, code...); !bytes.Equal(ours, theirs) {
			t.Fatalf("key %x, nonce %x, %d and %d octets, code of %d: harness %x, stack %x", key, nonce, len(a), len(m), n, ours, theirs)
		}
	}
}

// What the harness has secured tshark opens, with the same packet in it, and it sees that a code is wrong.
func TestTsharkOpens(t *testing.T) {
	needTshark(t)
	implicit, indexed := [16]byte([]byte("implicit key, 16")), [16]byte([]byte("key of index one"))
	local, peer := net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}
	env := packet.Env{
		Local: target.Host{MAC: local, IP6: target.LinkLocalOf(local)}, Peer: target.Host{MAC: peer, IP6: target.LinkLocalOf(peer)},
		Network: ipv6.Proto, Link: target.IEEE802154, PAN: 0xabcd, Numbers: &packet.Numbers{Counter: 0x01020304},
		Security: target.Security{Keys: []target.Key{{Secret: implicit}, {Mode: 1, Index: 1, Secret: indexed}}},
	}
	type frame struct {
		name   string
		octets []byte
		opens  bool
		id     uint
	}
	var frames []frame
	id := uint(1)
	for _, version := range []uint{harness.Version2006, harness.Version2015} {
		for _, level := range []uint8{1, 2, 3, 5, 6, 7} {
			for _, mode := range []uint8{0, 1} {
				for _, spoilt := range []byte{0, 1} {
					env.Security.Level, env.Security.KeyMode, env.Security.KeyIndex = level, mode, 1
					id++
					tmpl := icmpv6.Echo(id, 1, bytes.Repeat([]byte{byte(id)}, int(id)%20)).With(harness.Version.Is(version), harness.Spoilt.Is([]byte{spoilt}))
					if version == harness.Version2015 {
						tmpl = tmpl.With(harness.PANCompression.Is(0))
					}
					frames = append(frames, frame{fmt.Sprintf("version %d, level %d, mode %d, spoilt %d", version, level, mode, spoilt), tmpl.Build(env), spoilt == 0, id})
				}
			}
		}
	}
	var bare [][]byte
	for _, f := range frames {
		bare = append(bare, f.octets[:len(f.octets)-2])
	}
	key := func(k [16]byte, index int) string {
		return fmt.Sprintf(`uat:ieee802154_keys:"%s","%d","No hash"`, hex.EncodeToString(k[:]), index)
	}
	out, err := tshark("-n", "-r", captureOf154(t, bare), "-o", key(implicit, 0), "-o", key(indexed, 1),
		"-T", "fields", "-E", "separator=|", "-e", "icmpv6.echo.identifier", "-e", "wpan.aux_sec.frame_counter")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(frames) {
		t.Fatalf("tshark read %d of %d frames", len(lines), len(frames))
	}
	for i, f := range frames {
		ours := (&packet.Reader{Link: env.Link, Security: env.Security}).Dissect(f.octets)
		if n, ok := icmpv6.ID.Of(ours); ok != f.opens || ok && n != f.id {
			t.Errorf("%s: the harness reads %v, %v", f.name, ours, ours.Err)
		}
		counter, _ := harness.FrameCounter.Of(ours)
		want := fmt.Sprintf("|%d", counter)
		if f.opens {
			want = fmt.Sprintf("0x%04x%s", f.id, want)
		}
		if lines[i] != want {
			t.Errorf("%s: tshark reads %q, want %q", f.name, lines[i], want)
		}
	}
}
