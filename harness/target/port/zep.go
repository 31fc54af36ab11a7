package port

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/conform-stack/conform/harness/packet/zep"
	"github.com/conform-stack/conform/harness/target"
)

// LinkType is the kind of the frames that the link which is named carries.
func LinkType(link string) target.LinkType {
	if strings.HasPrefix(link, "zep:") {
		return target.IEEE802154
	}
	return target.Ethernet
}

// defaultChannel is that of RIOT's native boards.
const defaultChannel = 26

// zepNetwork carries frames of IEEE 802.15.4, check sequence included, over ZEP.
type zepNetwork struct {
	conn    *net.UDPConn
	peer    atomic.Pointer[netip.AddrPort] // the dispatcher, or who was heard last; nil for nobody
	listens bool
	channel uint8
	seq     uint32
}

func openZEP(ctx context.Context, where string) (io.ReadWriteCloser, error) {
	words := strings.Split(where, ",")
	z := &zepNetwork{channel: defaultChannel}
	for _, word := range words[1:] {
		if z.listens = z.listens || word == "listen"; word == "listen" {
			continue
		}
		channel, ok := strings.CutPrefix(word, "channel=")
		n, err := strconv.ParseUint(channel, 10, 8)
		if !ok || err != nil || n < 11 || n > 26 {
			return nil, fmt.Errorf("zep:%s: what follows the address is listen, or channel=N, N from 11 to 26", where)
		}
		z.channel = uint8(n)
	}
	at, err := net.ResolveUDPAddr("udp", words[0])
	if err != nil {
		return nil, fmt.Errorf("zep:%s: %w", where, err)
	}
	if z.listens {
		if z.conn, err = net.ListenUDP("udp", at); err != nil {
			return nil, fmt.Errorf("zep:%s: %w", where, err)
		}
		if err := z.await(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("zep:%s: no station has said anything in %v: start it, or let it look for routers: %w", where, heardWithin, err), z.Close())
		}
		return z, nil
	}
	to := at.AddrPort()
	z.peer.Store(&to)
	if z.conn, err = net.ListenUDP("udp", nil); err != nil {
		return nil, fmt.Errorf("zep:%s: %w", where, err)
	}
	// The dispatcher learns that there is one station more.
	if err := z.write(zep.Hello()); err != nil {
		return nil, errors.Join(fmt.Errorf("zep:%s: %w", where, err), z.Close())
	}
	return z, nil
}

// heardWithin is how long a station may take until it is heard for the first time.
const heardWithin = 30 * time.Second

// await returns when a station was heard, whose address is then known.
func (z *zepNetwork) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, heardWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = z.conn.SetReadDeadline(time.Now()) })
	defer stop()
	b := make([]byte, 256)
	for {
		n, from, err := z.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		if _, err := zep.Frame(b[:n]); err == nil {
			z.peer.Store(&from)
			return nil
		}
	}
}

// Read gives the next frame on the channel. A dispatcher that is not there, at the moment, is no end of the link.
func (z *zepNetwork) Read(b []byte) (int, error) {
	packet := make([]byte, 256)
	for {
		n, from, err := z.conn.ReadFromUDPAddrPort(packet)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			continue
		case err != nil:
			return 0, err
		}
		frame, err := zep.Frame(packet[:n])
		if err != nil {
			continue
		}
		if z.listens {
			z.peer.Store(&from)
		}
		if len(frame) > 0 && packet[4] == z.channel {
			return copy(b, frame), nil
		}
	}
}

// Write sends a frame. One that nobody is there for is lost, as on the air.
func (z *zepNetwork) Write(frame []byte) (int, error) {
	if len(frame) > 127 {
		return 0, fmt.Errorf("a frame of %d octets is none of IEEE 802.15.4", len(frame))
	}
	z.seq++
	return len(frame), z.write(zep.Wrap(frame, z.channel, z.seq))
}

func (z *zepNetwork) write(b []byte) error {
	to := cmp.Or(z.peer.Load(), new(netip.AddrPort))
	if !to.IsValid() {
		return nil
	}
	if _, err := z.conn.WriteToUDPAddrPort(b, *to); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return nil
}

func (z *zepNetwork) Close() error { return z.conn.Close() }
