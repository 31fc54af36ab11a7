package port

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// packetVnetHdr is PACKET_VNET_HDR of linux/if_packet.h: each frame comes behind what is left to do for its hardware.
const (
	packetVnetHdr        = 15
	packetIgnoreOutgoing = 23
)

// packets is an interface by AF_PACKET. What the sending host has left to its hardware, a checksum or the cutting of a long
// segment, is done here, as the hardware would have done it: the harness sees what the wire would have carried.
type packets struct {
	file  *os.File
	ready [][]byte // frames of a segment that was cut
	buf   []byte
	out   []byte
}

func openPacket(_ context.Context, device string) (io.ReadWriteCloser, error) {
	if err := isUp(device, ""); err != nil {
		return nil, err
	}
	i, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0) // bound before it hears anything
	if errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("this user may not open packet sockets on %s: run as root, or with CAP_NET_RAW", device)
	}
	if err != nil {
		return nil, fmt.Errorf("packet:%s: %w", device, os.NewSyscallError("socket", err))
	}
	if err := setUp(fd, i.Index, all); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("packet:%s: %w", device, err)
	}
	return &packets{file: os.NewFile(uintptr(fd), "packet:"+device), buf: make([]byte, vnetHdr+MaxFrame)}, nil
}

func setUp(fd, index int, protocol uint16) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, packetVnetHdr, 1); err != nil {
		return os.NewSyscallError("PACKET_VNET_HDR", err)
	}
	// An old kernel does not know the next one: then the harness hears itself, which the checks can bear.
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, packetIgnoreOutgoing, 1)
	everything := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &everything); err != nil {
		return os.NewSyscallError("PACKET_MR_PROMISC", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: index}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	return nil
}

func (p *packets) Read(b []byte) (int, error) {
	for {
		if len(p.ready) > 0 {
			f := p.ready[0]
			p.ready = p.ready[1:]
			return copy(b, f), nil
		}
		n, err := p.file.Read(p.buf)
		if err != nil {
			return 0, err
		}
		if n <= vnetHdr {
			continue
		}
		h := *(*vnet)(unsafe.Pointer(&p.buf[0]))
		p.ready = finish(h, p.buf[vnetHdr:n])
	}
}

func (p *packets) Write(b []byte) (int, error) {
	p.out = append(append(p.out[:0], make([]byte, vnetHdr)...), b...) // nothing is left to do
	if _, err := p.file.Write(p.out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *packets) Close() error { return p.file.Close() }
