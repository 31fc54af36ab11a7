package lowpan_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/lowpan/lowpantest"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// expand puts a whole payload together.
func expand(b []byte, s *lowpan.Surroundings) ([]byte, lowpan.Result, error) {
	room := make([]byte, 2048)
	r, err := lowpan.Decompress(room, b, s, 0)
	if err != nil {
		return nil, r, err
	}
	out := append(room[:r.Len:r.Len], b[r.Took:]...)
	if r.Elided != 0 {
		lowpan.Restore(out, r)
	}
	return out, r, nil
}

const rounds = 20000

// Compressing and expanding is the identity, for random packets in random networks, and no form is longer than IPv6 as it
// is.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g := new(lowpan.GHC)
	saved, ghc := 0, 0
	for i := range rounds {
		n := lowpantest.Random(r)
		s := n.Surroundings()
		b := n.Packet(r, 300)
		o := lowpan.Options{}
		if i%3 == 0 {
			o.GHC = g
		}
		room := make([]byte, len(b)+1)
		k, took := lowpan.Compress(room, b, &s, o)
		if k == 0 {
			t.Fatalf("not compressed: %x", b)
		}
		wire := append(room[:k:k], b[took:]...)
		if len(wire) > len(b) {
			t.Fatalf("%d octets became %d\n%x\n%x", len(b), len(wire), b, wire)
		}
		saved += len(b) - len(wire)
		out, res, err := expand(wire, &s)
		if err != nil || !bytes.Equal(out, b) {
			t.Fatalf("round %d: %v\n%x\n%x\nby %x\n%+v", i, err, b, out, wire, n)
		}
		if res.Generic {
			ghc++
		}
	}
	if saved < rounds*30 || ghc < rounds/100 {
		t.Errorf("only %d octets saved, %d with generic compression", saved, ghc)
	}
}
