package file

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/conform-stack/conform/harness/target"
)

// A kernel in a namespace of its own is the target at one end of a veth pair; the harness is at the other. It leaves
// checksums to its hardware, of which there is none.
func TestPacketSocketAtAVeth(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("makes network namespaces: run as root, or under `unshare --user --net --map-root-user`")
	}
	runtime.LockOSThread() // for good
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	quiet := func() {
		must(unix.Unshare(unix.CLONE_NEWNET))
		must(os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0))
	}
	quiet()
	targetNS, err := os.Open("/proc/thread-self/ns/net")
	must(err)
	defer targetNS.Close()
	echo, err := net.ListenPacket("udp4", "0.0.0.0:7") // in the target's namespace
	must(err)
	defer echo.Close()
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := echo.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo(b[:n], from)
		}
	}()
	quiet()
	must(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "tester0"}, PeerName: "target0", PeerNamespace: netlink.NsFd(int(targetNS.Fd()))}))
	tester, err := netlink.LinkByName("tester0")
	must(err)
	must(netlink.LinkSetUp(tester))
	h, err := netlink.NewHandleAt(nsHandle(targetNS))
	must(err)
	defer h.Close()
	link, err := h.LinkByName("target0")
	must(err)
	must(h.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}}))
	must(h.LinkSetUp(link))

	name := filepath.Join(t.TempDir(), "kernel.yaml")
	must(os.WriteFile(name, []byte("link: packet:tester0\nservices: {udp_echo: 7}\nalive: 2s\n"), 0o666))
	tgt, err := Open(t.Context(), name)
	must(err)
	if i := tgt.Info(); !i.Has(target.UDPEcho) || i.Name != "kernel" {
		t.Errorf("%+v", i)
	}
	w, err := tgt.New(t.Context(), target.Spec{Check: "test"})
	must(err)
	n := w.Nets()[0]
	if n.Target.MAC.String() != link.Attrs().HardwareAddr.String() {
		t.Errorf("the target is at %s, want %s", n.Target.MAC, link.Attrs().HardwareAddr)
	}
	// UDP to the echo service; the answer comes with its checksum.
	me := n.Testers[0]
	must(w.Send(0, arpReply(me.MAC, me.IP4.AsSlice(), n.Target.MAC, n.Target.IP4.AsSlice())))
	must(w.Send(0, udp(me.MAC, me.IP4.AsSlice(), n.Target.MAC, n.Target.IP4.AsSlice())))
	for deadline := w.Now() + 2*time.Second; ; {
		ev, err := w.Next(deadline)
		must(err)
		if ev.Frame == nil {
			t.Fatal("no answer came")
		}
		f := ev.Frame
		if f[13] == 6 { // it asks for the tester
			must(w.Send(0, arpReply(me.MAC, me.IP4.AsSlice(), n.Target.MAC, n.Target.IP4.AsSlice())))
			continue
		}
		if f[12] != 8 || f[23] != 17 {
			continue
		}
		sum := uint32(17 + 12)
		for i := 26; i < 34+12; i += 2 {
			sum += uint32(f[i])<<8 | uint32(f[i+1])
		}
		for sum > 0xffff {
			sum = sum&0xffff + sum>>16
		}
		if sum != 0xffff {
			t.Errorf("the checksum of the answer is bad: %x", f)
		}
		break
	}
	must(w.Close())
	must(tgt.Close())
}

func arpReply(mac, ip, toMAC, toIP []byte) []byte {
	f := append(append([]byte{}, toMAC...), mac...)
	f = append(f, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2)
	return append(append(append(append(f, mac...), ip...), toMAC...), toIP...)
}

// udp is 4 octets from port 5000 to port 7, without a checksum.
func udp(mac, ip, toMAC, toIP []byte) []byte {
	f := append(append([]byte{}, toMAC...), mac...)
	f = append(f, 8, 0, 0x45, 0, 0, 32, 0, 1, 0x40, 0, 64, 17, 0, 0)
	f = append(append(f, ip...), toIP...)
	sum := uint32(0)
	for i := 14; i < 34; i += 2 {
		sum += uint32(f[i])<<8 | uint32(f[i+1])
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	f[24], f[25] = byte(^sum>>8), byte(^sum)
	return append(f, 0x13, 0x88, 0, 7, 0, 12, 0, 0, 'p', 'i', 'n', 'g')
}

func nsHandle(f *os.File) netns.NsHandle { return netns.NsHandle(f.Fd()) }
