package ccm_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/conform-stack/conform/harness/packet/ieee802154/ccm"
)

// The packet vectors of RFC 3610, section 8, with the key c0 to cf: where CCM* has the lengths of CCM they are its own.
var rfc3610 = []struct {
	number         int
	nonce          string
	header, octets int // of the packet 00 01 02 ...
	out            string
	mic            int
}{
	{1, "00000003020100a0a1a2a3a4a5", 8, 31, "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0", 8},
	{2, "00000004030201a0a1a2a3a4a5", 8, 32, "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916", 8},
	{3, "00000005040302a0a1a2a3a4a5", 8, 33, "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5", 8},
	{4, "00000006050403a0a1a2a3a4a5", 12, 31, "a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1", 8},
	{5, "00000007060504a0a1a2a3a4a5", 12, 32, "dcf1fb7b5d9e23fb9d4e131253658ad86ebdca3e51e83f077d9c2d93", 8},
	{6, "00000008070605a0a1a2a3a4a5", 12, 33, "6fc1b011f006568b5171a42d953d469b2570a4bd87405a0443ac91cb94", 8},
	{7, "00000009080706a0a1a2a3a4a5", 8, 31, "0135d1b2c95f41d5d1d4fec185d166b8094e999dfed96c048c56602c97acbb7490", 10},
}

func counted(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func keyC0() (k [16]byte) {
	for i := range k {
		k[i] = 0xc0 + byte(i)
	}
	return k
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRFC3610(t *testing.T) {
	for _, v := range rfc3610 {
		p := counted(v.octets)
		holds(t, v.nonce, p[:v.header], p[v.header:], unhex(t, v.out), v.mic)
	}
}

// The examples of IEEE 802.15.4-2006, annex C.2: a beacon with a code of 8 octets, data that is encrypted alone, which CCM
// does not have, and a command with both.
func TestAnnexC(t *testing.T) {
	holds(t, "acde4800000000010000000502", unhex(t, "08d0842143010000000048deac020500000055cf000051525354"), nil, unhex(t, "223bc1ec841ab553"), 8)
	holds(t, "acde4800000000010000000504", nil, unhex(t, "61626364"), unhex(t, "d43e022b"), 0)
	holds(t, "acde4800000000010000000506", unhex(t, "2bdc842143020000000048deacffff010000000048deac060500000001"), unhex(t, "ce"), unhex(t, "d84fde529061f9c6f1"), 8)
}

func holds(t *testing.T, nonce string, a, m, out []byte, mic int) {
	t.Helper()
	n := [ccm.NonceOctets]byte(unhex(t, nonce))
	c, code := ccm.Seal(keyC0(), n, a, m, mic)
	if got := append(c, code...); !bytes.Equal(got, out) {
		t.Errorf("nonce %s: sealed\n%x, want\n%x", nonce, got, out)
	}
	opens := func(a, sealed []byte) bool {
		got, ok := ccm.Open(keyC0(), n, a, sealed[:len(m)], sealed[len(m):])
		return ok && bytes.Equal(got, m)
	}
	if !opens(a, out) {
		t.Errorf("nonce %s: does not open", nonce)
	}
	for i := range out {
		bad := bytes.Clone(out)
		bad[i] ^= 0x80
		if opens(a, bad) {
			t.Errorf("nonce %s: opens with octet %d changed", nonce, i)
		}
	}
	for i := range a {
		bad := bytes.Clone(a)
		bad[i] ^= 1
		if mic > 0 && opens(bad, out) {
			t.Errorf("nonce %s: opens with octet %d of what is authenticated changed", nonce, i)
		}
	}
}
