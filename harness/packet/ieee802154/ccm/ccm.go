// Package ccm is CCM* with AES-128, as IEEE 802.15.4 secures frames with (annex B of the edition of 2015): CCM of RFC 3610
// with lengths of 2 octets (L = 2), and beside its codes of 4, 8 and 16 octets none at all, which is encryption alone.
//
// It is made of the modes of crypto/cipher, as the text describes them: the code is the last block of CBC over everything,
// and one stream in counter mode covers the code with its first block and the message with the others.
package ccm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// NonceOctets are in a nonce: 15 - L.
const NonceOctets = 13

// Seal encrypts m and gives the code of mic octets over a and m, encrypted as well; mic is 0, or even from 4 to 16.
func Seal(key [16]byte, nonce [NonceOctets]byte, a, m []byte, mic int) (c, code []byte) {
	block, _ := aes.NewCipher(key[:]) // the length is right
	stream := cipher.NewCTR(block, append(append([]byte{1}, nonce[:]...), 0, 0))
	full := tag(block, nonce, a, m, mic)
	stream.XORKeyStream(full, full)
	c = make([]byte, len(m))
	stream.XORKeyStream(c, m)
	return c, full[:mic]
}

// Open decrypts c and tells whether code is the one over a and the message.
func Open(key [16]byte, nonce [NonceOctets]byte, a, c, code []byte) (m []byte, ok bool) {
	m, _ = Seal(key, nonce, a, c, 0) // a stream undoes itself
	_, want := Seal(key, nonce, a, m, len(code))
	return m, subtle.ConstantTimeCompare(want, code) == 1
}

// tag is the block that the code is cut from.
func tag(block cipher.Block, nonce [NonceOctets]byte, a, m []byte, mic int) []byte {
	flags := byte(1) // L - 1
	if mic > 0 {
		flags |= byte(mic-2) / 2 << 3
	}
	if len(a) > 0 {
		flags |= 0x40
	}
	b := append([]byte{flags}, nonce[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m)))
	if len(a) > 0 {
		b = padded(append(binary.BigEndian.AppendUint16(b, uint16(len(a))), a...))
	}
	b = padded(append(b, m...))
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(b, b)
	return b[len(b)-aes.BlockSize:]
}

func padded(b []byte) []byte {
	for len(b)%aes.BlockSize != 0 {
		b = append(b, 0)
	}
	return b
}
