// Package ccm is CCM*, the mode in which IEEE 802.15.4 uses AES (annex B): CCM of RFC 3610 with a nonce of 13 octets, and
// beyond it without authentication, or without encryption.
//
// A Key has room for its computations, so that sealing and opening allocate nothing; it is used by one at a time.
package ccm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// NonceLen is the length of a nonce in octets. It leaves two for the length of a message.
const NonceLen = 13

// A Key is a key of AES-128.
type Key struct {
	block cipher.Block
	mac   [16]byte // CBC-MAC so far
	ctr   [16]byte // the counter block
	pad   [16]byte // its encryption
	n     int      // octets of mac that are filled
}

// New makes a key.
func New(key [16]byte) *Key {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // 16 octets are a key
	}
	return &Key{block: b}
}

// Seal encrypts m, where it stands, and writes the message integrity code of a and m, in plain text, into mic. mic is 0, 4,
// 6, ... 16 octets long; an m that is to be authenticated alone belongs to a. The nonce must never have been used with
// this key.
func (k *Key) Seal(nonce *[NonceLen]byte, a, m, mic []byte) {
	k.authenticate(nonce, a, m, len(mic))
	k.crypt(nonce, m)
	k.finish(nonce, mic)
}

// Open decrypts m, where it stands, and tells whether mic is that of a and m. If not, m holds nothing of use.
func (k *Key) Open(nonce *[NonceLen]byte, a, m, mic []byte) bool {
	k.crypt(nonce, m)
	k.authenticate(nonce, a, m, len(mic))
	if len(mic) == 0 {
		return true
	}
	var want [16]byte
	k.finish(nonce, want[:len(mic)])
	return subtle.ConstantTimeCompare(want[:len(mic)], mic) == 1
}

// authenticate computes the CBC-MAC of the first block, a and m, each filled up with zeros (RFC 3610, 2.2).
func (k *Key) authenticate(nonce *[NonceLen]byte, a, m []byte, micLen int) {
	if micLen == 0 {
		return
	}
	b := &k.mac
	b[0] = byte((micLen-2)/2<<3) | 1 // two octets of length
	if len(a) > 0 {
		b[0] |= 1 << 6
	}
	copy(b[1:], nonce[:])
	binary.BigEndian.PutUint16(b[14:], uint16(len(m)))
	k.block.Encrypt(b[:], b[:])
	k.n = 0
	if n := len(a); n > 0 { // a frame is far below the 65280 octets of the short form
		b[0] ^= byte(n >> 8)
		b[1] ^= byte(n)
		k.n = 2
		k.absorb(a)
	}
	k.absorb(m)
}

// absorb takes octets into the CBC-MAC and fills up the last block with zeros.
func (k *Key) absorb(b []byte) {
	for len(b) > 0 {
		n := subtle.XORBytes(k.mac[k.n:], k.mac[k.n:], b[:min(len(b), 16-k.n)])
		b = b[n:]
		if k.n += n; k.n == 16 {
			k.block.Encrypt(k.mac[:], k.mac[:])
			k.n = 0
		}
	}
	if k.n > 0 {
		k.block.Encrypt(k.mac[:], k.mac[:])
		k.n = 0
	}
}

// encryptCounter makes the pad of a counter.
func (k *Key) encryptCounter(nonce *[NonceLen]byte, i uint16) {
	k.ctr[0] = 1 // two octets of length
	copy(k.ctr[1:], nonce[:])
	binary.BigEndian.PutUint16(k.ctr[14:], i)
	k.block.Encrypt(k.pad[:], k.ctr[:])
}

// crypt encrypts or decrypts (RFC 3610, 2.3).
func (k *Key) crypt(nonce *[NonceLen]byte, m []byte) {
	for i := uint16(1); len(m) > 0; i++ {
		k.encryptCounter(nonce, i)
		m = m[subtle.XORBytes(m, m, k.pad[:]):]
	}
}

// finish writes the code: the first octets of the last block, under the pad of counter 0.
func (k *Key) finish(nonce *[NonceLen]byte, mic []byte) {
	k.encryptCounter(nonce, 0)
	subtle.XORBytes(mic, k.mac[:len(mic)], k.pad[:])
}
