package board

import (
	"bytes"
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const device = "board0"

var (
	boardMAC  = net.HardwareAddr{0x02, 0, 0, 0, 0, 0xb0}
	boardAddr = &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}}
)

// newBoard makes a network namespace with a persistent TAP device in it, whose network side is the kernel at 192.0.2.1.
// The namespace is that of the test's goroutine, and ends with it.
func newBoard(t *testing.T) netlink.Link {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("makes a network namespace: run as root, or under `unshare --user --net --map-root-user`")
	}
	runtime.LockOSThread() // for good
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Unshare(unix.CLONE_NEWNET))
	must(os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0))
	must(netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: device}, Mode: netlink.TUNTAP_MODE_TAP}))
	link, err := netlink.LinkByName(device)
	must(err)
	must(netlink.LinkSetHardwareAddr(link, boardMAC))
	must(netlink.AddrAdd(link, boardAddr))
	must(netlink.LinkSetUp(link))
	return link
}

func TestTargetBehindTAP(t *testing.T) {
	link := newBoard(t)
	tap, err := New(t.Context(), "tap:"+device, Options{AliveWithin: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w, err := tap.New(t.Context(), target.Spec{Check: "test"})
	if err != nil {
		t.Fatal(err)
	}
	n := w.Nets()[0]
	if !bytes.Equal(n.Target.MAC, boardMAC) || w.Agent() != nil || len(n.Testers) != 4 {
		t.Errorf("%+v", n)
	}

	// A ping by hand: the kernel asks for the tester, and the answer of the tester brings the reply.
	tester := n.Testers[1]
	if err := w.Send(0, echoRequest(tester, n.Target)); err != nil {
		t.Fatal(err)
	}
	request := next(t, w)
	if !bytes.Equal(request[12:14], []byte{8, 6}) || !bytes.Equal(request[38:42], tester.IP4.AsSlice()) {
		t.Fatalf("the target sends %x, want an ARP request for %s", request, tester.IP4)
	}
	if err := w.Send(0, arpReply(tester, n.Target)); err != nil {
		t.Fatal(err)
	}
	if reply := next(t, w); !bytes.Equal(reply[:6], tester.MAC) || reply[34] != 0 {
		t.Errorf("the target sends %x, want an echo reply to %s", reply, tester.MAC)
	}
	if err := w.Close(); err != nil {
		t.Errorf("the target is alive, and Close says %v", err)
	}

	_, err = New(t.Context(), "tap:"+device, Options{})
	if want := "another program holds the TAP device board0: there can be only one, so end that or take another device"; err == nil || err.Error() != want {
		t.Errorf("a second opener: %v, want %q", err, want)
	}

	if w, err = tap.New(t.Context(), target.Spec{}); err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrDel(link, boardAddr); err != nil { // as good as dead
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, target.ErrDead) {
		t.Errorf("the target is dead, and Close says %v", err)
	}
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
	if _, err := netlink.LinkByName(device); err != nil {
		t.Errorf("the device did not outlive the target: %v", err)
	}
	_, err = New(t.Context(), "tap:"+device, Options{AliveWithin: 30 * time.Millisecond})
	if want := "tap:board0: the target gives no sign of life: 192.0.2.1 has not answered 3 ARP requests in 30ms"; err == nil || err.Error() != want {
		t.Errorf("nobody there: %v, want %q", err, want)
	}
}

func TestDevicesThatWillNotDo(t *testing.T) {
	link := newBoard(t)
	if err := netlink.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	for device, want := range map[string]string{
		"board1": "there is no interface board1: make it with `ip tuntap add board1 mode tap && ip link set board1 up`",
		"board0": "the interface board0 is down: `ip link set board0 up`",
		"lo":     "the interface lo is no TAP device: make one with `ip tuntap add NAME mode tap`",
	} {
		if _, err := New(t.Context(), "tap:"+device, Options{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %q", device, err, want)
		}
	}
}

// next is the next frame of the target.
func next(t *testing.T, w target.World) []byte {
	t.Helper()
	ev, err := w.Next(w.Now() + 5*time.Second)
	if err != nil || len(ev.Frame) < 42 {
		t.Fatalf("next event %+v, %v, want a frame", ev, err)
	}
	return ev.Frame
}

func echoRequest(from, to target.Host) []byte {
	icmp := []byte{8, 0, 0, 0, 0, 1, 0, 1}
	seal(icmp, 2)
	ip := []byte{0x45, 0, 0, byte(20 + len(icmp)), 0, 0, 0, 0, 64, 1, 0, 0}
	ip = append(append(ip, from.IP4.AsSlice()...), to.IP4.AsSlice()...)
	seal(ip, 10)
	return bytes.Join([][]byte{to.MAC, from.MAC, {8, 0}, ip, icmp}, nil)
}

func arpReply(from, to target.Host) []byte {
	return bytes.Join([][]byte{to.MAC, from.MAC, {8, 6, 0, 1, 8, 0, 6, 4, 0, 2}, from.MAC, from.IP4.AsSlice(), to.MAC, to.IP4.AsSlice()}, nil)
}

// seal puts the checksum of b (RFC 1071) at an offset that holds zero.
func seal(b []byte, at int) {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	b[at], b[at+1] = byte(^sum>>8), byte(^sum)
}
