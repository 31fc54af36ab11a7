package tap_test

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/clock/live"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/tap"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// inNamespace puts the test on a thread of its own, in a network namespace of its own, which both end with it.
func inNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the test's goroutine
	ns, err := netns.New()
	if err != nil {
		t.Skipf("no network namespace of its own (%v); run as root, or under: unshare --user --map-root-user --net", err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no TAP interfaces (%v); load the module tun, or let the user write /dev/net/tun", err)
	}
	_ = f.Close()
}

func up(t *testing.T, name, address string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	a, err := netlink.ParseAddr(address)
	if err == nil {
		err = errors.Join(netlink.AddrAdd(link, a), netlink.LinkSetUp(link))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func exists(name string) bool {
	_, err := netlink.LinkByName(name)
	return err == nil
}

var (
	ourMAC = ethernet.MAC{2, 0, 0, 0, 0, 2}
	ourIP  = ipv4.Addr{192, 0, 2, 2}
)

// echo answers ARP requests and UDP datagrams for ourIP, in the least code that the kernel talks to.
type echo struct{ device driver.Device }

func (echo) Ready() {}
func (e echo) Receive(frame []byte) {
	h, payload, err := ethernet.Parse(frame)
	if err != nil {
		return
	}
	eth := ethernet.Header{Dst: h.Src, Src: ourMAC, Type: h.Type}
	if h.Type == ethernet.TypeARP {
		if p, _, err := arp.Parse(payload); err == nil && p.Op == arp.Request && p.TargetIP == ourIP {
			p.Op, p.SenderHW, p.SenderIP, p.TargetHW, p.TargetIP = arp.Reply, ourMAC.Addr(), ourIP, p.SenderHW, p.SenderIP
			e.device.Send(arp.Append(ethernet.Append(nil, eth), p))
		}
		return
	}
	ip, segment, err := ipv4.Parse(payload)
	if err != nil || ip.Dst != ourIP || ip.Protocol != wire.UDP {
		return
	}
	u, data, err := udp.Parse(segment)
	if err != nil {
		return
	}
	ip.Src, ip.Dst = ip.Dst, ip.Src
	u.SrcPort, u.DstPort = u.DstPort, u.SrcPort
	reply := append(udp.Append(ipv4.Append(nil, ip), u), data...)
	udp.Seal(reply[ip.Len():], ip.Pseudo())
	ipv4.Seal(reply)
	e.device.Send(append(ethernet.Append(nil, eth), reply...))
}

// The kernel resolves our address, sends a datagram, and has it back.
func TestKernelReachesTheDevice(t *testing.T) {
	inNamespace(t)
	loop := live.Start(clock.New())
	defer loop.Close()
	d, err := tap.Open(tap.Config{Name: "conform0"}, loop.Do)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name() != "conform0" {
		t.Errorf("the interface is called %q", d.Name())
	}
	loop.Do(func() { d.Start(echo{d}) })
	up(t, d.Name(), "192.0.2.1/24")

	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IP(ourIP[:]), Port: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, ask := range []string{"hello", strings.Repeat("x", 1472)} { // the latter fills the MTU
		if _, err := conn.Write([]byte(ask)); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 2000)
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != ask {
			t.Fatalf("asked with %d octets, answered with %d, %v", len(ask), n, err)
		}
	}
	loop.Do(func() {
		if c := d.Counts(); c.Received < 3 || c.Sent != 3 || c.TooLong != 0 || c.Unsent != 0 {
			t.Errorf("counts %+v, want 3 sent: an ARP reply and two datagrams", c)
		}
		if err := d.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	d.Wait()
	if exists("conform0") {
		t.Error("the interface is still there after Close")
	}
}

// Close interrupts a Read that waits, also on an interface that was never up.
func TestCloseOfAnIdleDevice(t *testing.T) {
	inNamespace(t)
	loop := live.Start(clock.New())
	defer loop.Close()
	before := runtime.NumGoroutine()
	for range 20 {
		d, err := tap.Open(tap.Config{}, loop.Do)
		if err != nil {
			t.Fatal(err)
		}
		name := d.Name()
		loop.Do(func() {
			if d.Send(make([]byte, 60)); d.Counts().Unsent != 1 {
				t.Errorf("counts %+v after a frame to an interface that is down, want it unsent", d.Counts())
			}
			if err := d.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		})
		d.Wait()
		if name == "" || exists(name) {
			t.Fatalf("interface %q after Close", name)
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

func TestPersistKeepsTheInterface(t *testing.T) {
	inNamespace(t)
	loop := live.Start(clock.New())
	defer loop.Close()
	for range 2 { // made by the first, attached by the second
		d, err := tap.Open(tap.Config{Name: "conform1", Persist: true}, loop.Do)
		if err != nil {
			t.Fatal(err)
		}
		loop.Do(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		d.Wait()
		if !exists("conform1") {
			t.Fatal("the interface is gone after Close, though it was to persist")
		}
	}
}

func TestSecondOpenerIsToldWhy(t *testing.T) {
	inNamespace(t)
	loop := live.Start(clock.New())
	defer loop.Close()
	d, err := tap.Open(tap.Config{Name: "conform2"}, loop.Do)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { loop.Do(func() { _ = d.Close() }); d.Wait() }()
	if _, err := tap.Open(tap.Config{Name: "conform2"}, loop.Do); err == nil || !strings.Contains(err.Error(), "somebody else has it open") {
		t.Errorf("the second Open = %v", err)
	}
}

// An interface that somebody else deletes is told of.
func TestDeletedInterface(t *testing.T) {
	inNamespace(t)
	loop := live.Start(clock.New())
	defer loop.Close()
	d, err := tap.Open(tap.Config{Name: "conform3"}, loop.Do)
	if err != nil {
		t.Fatal(err)
	}
	up(t, "conform3", "192.0.2.1/24")
	link, err := netlink.LinkByName("conform3")
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.Wait() // the goroutines end by themselves
	loop.Do(func() {
		if d.Err() == nil {
			t.Error("Err = nil after the interface was deleted")
		}
		_ = d.Close()
	})
}
