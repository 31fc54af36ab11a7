package ccm_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/conform-stack/conform/stack/l2/ieee802154/ccm"
)

// Packet vectors of RFC 3610, 8, and the examples of IEEE 802.15.4-2006, annex C.2: all have the key c0 to cf. What goes
// in counts up from 0, the first octets of it authenticated only, where no input is given.
var vectors = []struct {
	name, nonce, a, m, out string
	mic                    int
}{
	{"RFC 3610 #1", "00000003020100a0a1a2a3a4a5", "0001020304050607", "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
		"588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0", 8},
	{"RFC 3610 #2", "00000004030201a0a1a2a3a4a5", "0001020304050607", "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916", 8},
	{"RFC 3610 #3", "00000005040302a0a1a2a3a4a5", "0001020304050607", "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
		"51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5", 8},
	{"RFC 3610 #4", "00000006050403a0a1a2a3a4a5", "000102030405060708090a0b", "0c0d0e0f101112131415161718191a1b1c1d1e",
		"a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1", 8},
	{"RFC 3610 #7", "00000009080706a0a1a2a3a4a5", "0001020304050607", "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
		"0135d1b2c95f41d5d1d4fec185d166b8094e999dfed96c048c56602c97acbb7490", 10},
	{"a beacon, MIC-64", "acde4800000000010000000502", "08d0842143010000000048deac020500000055cf000051525354", "", "223bc1ec841ab553", 8},
	{"data, encrypted only", "acde4800000000010000000504", "", "61626364", "d43e022b", 0},
	{"a command, ENC-MIC-64", "acde4800000000010000000506", "2bdc842143020000000048deacffff010000000048deac060500000001", "ce",
		"d84fde529061f9c6f1", 8},
}

func TestVectors(t *testing.T) {
	var key [16]byte
	for i := range key {
		key[i] = 0xc0 + byte(i)
	}
	k := ccm.New(key)
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			nonce, a, m, out := [13]byte(unhex(t, tt.nonce)), unhex(t, tt.a), unhex(t, tt.m), unhex(t, tt.out)
			b := append(bytes.Clone(m), make([]byte, tt.mic)...)
			k.Seal(&nonce, a, b[:len(m)], b[len(m):])
			if !bytes.Equal(b, out) {
				t.Fatalf("seal = %x\nwant   %x", b, out)
			}
			if !k.Open(&nonce, a, b[:len(m)], b[len(m):]) || !bytes.Equal(b[:len(m)], m) {
				t.Errorf("open = %x\nwant   %x", b[:len(m)], m)
			}
			if tt.mic == 0 {
				return
			}
			spoil := func(what string, where []byte, at int) {
				b := bytes.Clone(out)
				if where == nil {
					where = b
				}
				where[at] ^= 1
				if k.Open(&nonce, a, b[:len(m)], b[len(m):]) {
					t.Errorf("%s changed: opened", what)
				}
				where[at] ^= 1
			}
			for i := range out {
				spoil("the sealed text", nil, i)
			}
			for i := range a {
				spoil("what is only authenticated", a, i)
			}
			for i := range nonce {
				spoil("the nonce", nonce[:], i)
			}
		})
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNoAllocations(t *testing.T) {
	k := ccm.New([16]byte{})
	nonce, m, mic := [13]byte{}, make([]byte, 80), make([]byte, 8)
	if n := testing.AllocsPerRun(100, func() {
		k.Seal(&nonce, m[:20], m[20:], mic)
		k.Open(&nonce, m[:20], m[20:], mic)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	k := ccm.New([16]byte{})
	nonce, m, mic := [13]byte{}, make([]byte, 100), make([]byte, 4)
	b.SetBytes(int64(len(m)))
	b.ReportAllocs()
	for b.Loop() {
		k.Seal(&nonce, m[:20], m[20:], mic)
	}
}
