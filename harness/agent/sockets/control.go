//go:build linux

package sockets

import (
	"encoding/binary"
	"net/netip"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

// numbers are the control messages whose value is an int (ip(7), ipv6(7)).
var numbers = map[string]struct{ level, kind int }{
	"IP_TTL":        {unix.IPPROTO_IP, unix.IP_TTL},
	"IP_TOS":        {unix.IPPROTO_IP, unix.IP_TOS},
	"IPV6_HOPLIMIT": {unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT},
	"IPV6_TCLASS":   {unix.IPPROTO_IPV6, unix.IPV6_TCLASS},
}

func (s *socket) encodeControl(all []agent.Control) (b []byte, err error) {
	for _, c := range all {
		if n, ok := numbers[c.Type]; ok {
			b = appendMessage(b, n.level, n.kind, binary.NativeEndian.AppendUint32(nil, uint32(c.Value)))
			continue
		}
		switch {
		case c.Type == "IP_PKTINFO" && (c.Addr.Is4() || !c.Addr.IsValid()): // struct in_pktinfo: index, source, nothing
			info := binary.NativeEndian.AppendUint32(nil, uint32(c.Ifindex))
			info, _ = in4(info, c.Addr)
			b = appendMessage(b, unix.IPPROTO_IP, unix.IP_PKTINFO, append(info, 0, 0, 0, 0))
		case c.Type == "IPV6_PKTINFO":
			var a [16]byte
			if c.Addr.IsValid() {
				a = c.Addr.As16()
			}
			b = appendMessage(b, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, binary.NativeEndian.AppendUint32(a[:], uint32(c.Ifindex)))
		default:
			return nil, unix.EINVAL
		}
	}
	return b, nil
}

// appendMessage appends one struct cmsghdr with its data.
func appendMessage(b []byte, level, kind int, data []byte) []byte {
	m := make([]byte, unix.CmsgSpace(len(data)))
	head := unix.CmsgLen(0)
	binary.NativeEndian.PutUint64(m, uint64(unix.CmsgLen(len(data)))) // a size_t; 64-bit kernels only
	binary.NativeEndian.PutUint32(m[head-8:], uint32(level))
	binary.NativeEndian.PutUint32(m[head-4:], uint32(kind))
	copy(m[head:], data)
	return append(b, m...)
}

// decodeControl names control messages. to is the destination address of the datagram, where they hold it; those of the
// agent's own asking are told like the others.
func decodeControl(b []byte) (all []agent.Control, to netip.Addr) {
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return nil, to
	}
	for _, m := range messages {
		level, kind := int(m.Header.Level), int(m.Header.Type)
		for name, n := range numbers {
			if n.level == level && n.kind == kind && len(m.Data) > 0 {
				v := int(m.Data[0]) // IP_TOS comes as one octet
				if len(m.Data) >= 4 {
					v = int(int32(binary.NativeEndian.Uint32(m.Data)))
				}
				all = append(all, agent.Control{Type: name, Value: v})
			}
		}
		switch {
		case level == unix.SOL_SOCKET && kind == unix.SO_TIMESTAMP && len(m.Data) >= 16: // struct timeval
			all = append(all, agent.Control{Type: "SO_TIMESTAMP", Value: pair(m.Data, 1_000)})
		case level == unix.SOL_SOCKET && kind == unix.SO_TIMESTAMPNS && len(m.Data) >= 16: // struct timespec
			all = append(all, agent.Control{Type: "SO_TIMESTAMPNS", Value: pair(m.Data, 1)})
		case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			to = netip.AddrFrom4([4]byte(m.Data[8:12])) // after the interface and the local address
			all = append(all, agent.Control{Type: "IP_PKTINFO", Addr: to, Ifindex: int(binary.NativeEndian.Uint32(m.Data))})
		case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			to = netip.AddrFrom16([16]byte(m.Data[:16]))
			all = append(all, agent.Control{Type: "IPV6_PKTINFO", Addr: to, Ifindex: int(binary.NativeEndian.Uint32(m.Data[16:]))})
		}
	}
	return all, to
}

// pair is a time of seconds and of parts of one, of 64 bits each, in nanoseconds.
func pair(b []byte, part int) int {
	return int(binary.NativeEndian.Uint64(b))*1_000_000_000 + int(binary.NativeEndian.Uint64(b[8:]))*part
}
