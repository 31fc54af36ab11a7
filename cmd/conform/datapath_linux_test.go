package main

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/tap"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// A node on a TAP device, which takes 5 ms for a packet, is given sixty of the lowest class and then one of the highest, in
// a burst: the one is answered while nearly all of the sixty still wait, round after round.
func TestHighestClassGoesFirstLive(t *testing.T) {
	needRoot(t)
	runtime.LockOSThread() // and never unlocked: the thread ends with the test's goroutine
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	node, err := stack.New(clock.New(), config.Config{RxClasses: 8, PacketCost: 5 * time.Millisecond, ICMPRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	node.GoLive()
	device, err := tap.Open(tap.Config{Name: "conform0", Frames: 256}, node.Do)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
		device.Wait()
	})
	if err := configureHost("conform0", "192.0.2.1/24"); err != nil {
		t.Fatal(err)
	}
	link, err := netlink.LinkByName("conform0")
	if err != nil {
		t.Fatal(err)
	}
	host, nodeMAC := ethernet.MAC(link.Attrs().HardwareAddr), ethernet.MAC{2, 0, 0, 0, 0, 2}
	node.Do(func() {
		eth, err := node.AddEthernet(device, nodeMAC)
		if err == nil {
			err = node.AddAddress(eth, netip.MustParsePrefix("192.0.2.2/24"))
		}
		if err != nil {
			t.Error(err)
		}
	})
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	at := &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: link.Attrs().Index}
	if err := unix.Bind(fd, at); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2}); err != nil {
		t.Fatal(err)
	}
	const lows, top = 60, 1000
	put(t, fd, at, pingOf(host, nodeMAC, 0, 0)) // so that the node knows the host's link address
	if _, err := pong(fd, host); err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		for n := range lows {
			put(t, fd, at, pingOf(host, nodeMAC, 1, uint16(n)))
		}
		put(t, fd, at, pingOf(host, nodeMAC, 7, top))
		var order []uint16
		for len(order) < lows+1 {
			seq, err := pong(fd, host)
			if err != nil {
				t.Fatalf("round %d: %d answers of %d, then %v", round, len(order), lows+1, err)
			}
			order = append(order, seq)
		}
		if k := slices.Index(order, top); k < 0 || k > lows/2 {
			t.Errorf("round %d: the packet of the highest class was answered behind %d others: %v", round, k, order)
		}
		low := slices.DeleteFunc(order, func(s uint16) bool { return s == top })
		if !slices.IsSorted(low) {
			t.Errorf("round %d: the lowest class lost its order: %v", round, low)
		}
	}
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// pingOf is an echo request with a priority tag.
func pingOf(src, dst ethernet.MAC, priority byte, seq uint16) []byte {
	b := ethernet.Append(nil, ethernet.Header{Dst: dst, Src: src, Type: ethernet.TypeVLAN})
	b = append(b, priority<<5, 0, 8, 0)
	m := icmpv4.Append(nil, icmpv4.Header{Type: icmpv4.EchoRequest, Word: 7<<16 | uint32(seq)})
	m = append(m, make([]byte, 40)...)
	icmpv4.Seal(m)
	h := len(b)
	b = ipv4.Append(b, ipv4.Header{TTL: 64, Protocol: wire.ICMPv4, Src: ipv4.Addr{192, 0, 2, 1}, Dst: ipv4.Addr{192, 0, 2, 2}})
	b = append(b, m...)
	ipv4.Seal(b[h:])
	return b
}

func put(t *testing.T, fd int, at *unix.SockaddrLinklayer, frame []byte) {
	t.Helper()
	if err := unix.Sendto(fd, frame, 0, at); err != nil {
		t.Fatal(err)
	}
}

// pong waits for an echo reply and gives its sequence number.
func pong(fd int, host ethernet.MAC) (uint16, error) {
	b := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err == unix.EINTR { // the runtime preempts a thread by a signal
			continue
		}
		if err != nil {
			return 0, err
		}
		if n >= 42 && ethernet.MAC(b[:6]) == host && b[12] == 8 && b[13] == 0 && b[23] == byte(wire.ICMPv4) && b[34] == 0 {
			return binary.BigEndian.Uint16(b[40:]), nil
		}
	}
}
