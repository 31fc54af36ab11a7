package port

import (
	"bytes"
	"encoding/binary"
)

// vnet is struct virtio_net_hdr in the byte order of the host: what the sender of a frame has left to hardware.
type vnet struct {
	Flags, GSOType                         uint8
	HdrLen, GSOSize, CsumStart, CsumOffset uint16
}

const (
	vnetHdr    = 10 // octets
	needsCsum  = 1  // VIRTIO_NET_HDR_F_NEEDS_CSUM
	gsoTCPv4   = 1
	gsoTCPv6   = 4
	gsoTypes   = 0x7f // without the flag for ECN
	ethIPv4    = 0x0800
	ethIPv6    = 0x86dd
	tcpMinimum = 20
)

// finish does what a frame's hardware would do, and gives the frames that reach the wire. A frame that contradicts its
// header is given as it is.
func finish(h vnet, frame []byte) [][]byte {
	whole := [][]byte{bytes.Clone(frame)}
	if h.Flags&needsCsum == 0 {
		return whole
	}
	start, at := int(h.CsumStart), int(h.CsumStart)+int(h.CsumOffset)
	if start < 14 || at+2 > len(frame) {
		return whole
	}
	if t := h.GSOType & gsoTypes; (t == gsoTCPv4 || t == gsoTCPv6) && h.GSOSize > 0 {
		if cut := segments(frame, start, int(h.GSOSize), t == gsoTCPv6); cut != nil {
			return cut
		}
	}
	// What the field holds already is the sum of the pseudo-header.
	fill(whole[0], start, at)
	return whole
}

// fill sets the checksum field at an octet to that of the octets from start on.
func fill(frame []byte, start, at int) {
	sum := ^fold(add(0, frame[start:]))
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(frame[at:], sum)
}

// segments cuts a TCP segment that is longer than the wire takes; nil when it is no such segment.
func segments(frame []byte, tcp, size int, v6 bool) (cut [][]byte) {
	ip := 14
	for ip+4 <= len(frame) && binary.BigEndian.Uint16(frame[ip-2:]) == 0x8100 {
		ip += 4
	}
	if len(frame) < tcp+tcpMinimum || ip >= tcp {
		return nil
	}
	if etherType := binary.BigEndian.Uint16(frame[ip-2:]); v6 != (etherType == ethIPv6) || !v6 && etherType != ethIPv4 {
		return nil
	}
	data := tcp + int(frame[tcp+12]>>4)*4
	if data > len(frame) {
		return nil
	}
	payload := frame[data:]
	if len(payload) <= size {
		return nil
	}
	seq := binary.BigEndian.Uint32(frame[tcp+4:])
	for from := 0; from < len(payload); from += size {
		part := payload[from:min(from+size, len(payload))]
		f := append(bytes.Clone(frame[:data]), part...)
		binary.BigEndian.PutUint32(f[tcp+4:], seq+uint32(from))
		flags := &f[tcp+13]
		if from > 0 {
			*flags &^= 0x80 // CWR is in the first one only
		}
		if from+size < len(payload) {
			*flags &^= 0x01 | 0x08 // FIN and PSH are in the last one only
		}
		pseudo := uint32(0)
		if v6 {
			binary.BigEndian.PutUint16(f[ip+4:], uint16(len(f)-ip-40))
			pseudo = add(0, f[ip+8:ip+40])
		} else {
			binary.BigEndian.PutUint16(f[ip+2:], uint16(len(f)-ip))
			id := binary.BigEndian.Uint16(f[ip+4:])
			binary.BigEndian.PutUint16(f[ip+4:], id+uint16(from/size))
			binary.BigEndian.PutUint16(f[ip+10:], 0)
			binary.BigEndian.PutUint16(f[ip+10:], ^fold(add(0, f[ip:ip+int(f[ip]&15)*4])))
			pseudo = add(0, f[ip+12:ip+20])
		}
		pseudo += 6 + uint32(len(f)-tcp)
		binary.BigEndian.PutUint16(f[tcp+16:], fold(pseudo))
		fill(f, tcp, tcp+16)
		cut = append(cut, f)
	}
	return cut
}

func add(sum uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
		sum = sum&0xffff + sum>>16
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}
