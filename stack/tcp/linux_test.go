//go:build linux

package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/tap"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
)

// noDAD is IFA_F_NODAD: the address may be used at once.
const noDAD = 0x02

// beside brings a node up beside the kernel, in a network namespace of the test's own.
func beside(t *testing.T, c config.Config, f fault.Faults) *stack.Node {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the test's goroutine
	ns, err := netns.New()
	if err != nil {
		t.Skipf("no network namespace of its own (%v); run as root, or under: unshare --user --map-root-user --net", err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skipf("no TAP interfaces (%v); load the module tun, or let the user write /dev/net/tun", err)
	} else {
		_ = f.Close()
	}
	if testing.Short() {
		t.Skip("slow: without -short")
	}
	node, err := stack.New(clock.New(), c)
	if err != nil {
		t.Fatal(err)
	}
	node.GoLive()
	d, err := tap.Open(tap.Config{Name: "conform0", Frames: 256}, node.Do)
	if err != nil {
		t.Fatal(err)
	}
	link, err := netlink.LinkByName("conform0")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"192.0.2.1/24", "2001:db8::1/64"} {
		a, err := netlink.ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(s, ":") {
			a.Flags = noDAD
		}
		if err := netlink.AddrAdd(link, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
	node.Do(func() {
		var device driver.Device = d
		if f != (fault.Faults{}) {
			device = fault.New(node.Loop, d, fault.Config{Seed: 1, Send: f, Receive: f})
		}
		eth, err := node.AddEthernet(device, nodeMAC)
		if err == nil {
			err = errors.Join(node.AddAddress(eth, netip.PrefixFrom(nodeIP.Netip(), 24)),
				node.AddAddress(eth, netip.PrefixFrom(server6.Addr(), 64)))
		}
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return node
}

// The kernel and the node send each other what they have, at the same time, on connections that either has opened.
func TestKernel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		c      config.TCP
		faults fault.Faults
		octets int
		six    bool // by IPv6
	}{
		{name: "IPv6", octets: 2 << 20, six: true},
		{name: "IPv6, 2% of everything", faults: fault.Faults{Loss: 0.02, Duplicate: 0.02, Corrupt: 0.02, Reorder: 0.02}, octets: 1 << 18, six: true},
		{"clean", config.TCP{}, fault.Faults{}, 8 << 20, false},
		{"ECN and CUBIC", config.TCP{ECN: config.On, Congestion: "cubic"}, fault.Faults{}, 2 << 20, false},
		{"plain", plain().TCP, fault.Faults{}, 2 << 20, false},
		{"1% of everything", config.TCP{}, fault.Faults{Loss: 0.01, Duplicate: 0.01, Corrupt: 0.01, Reorder: 0.01}, 2 << 20, false},
		{"5% of everything", config.TCP{}, fault.Faults{Loss: 0.05, Duplicate: 0.05, Corrupt: 0.05, Reorder: 0.05}, 1 << 18, false},
	} {
		for _, active := range []bool{false, true} {
			name := tt.name + ", kernel opens"
			if active {
				name = tt.name + ", node opens"
			}
			t.Run(name, func(t *testing.T) {
				node := beside(t, config.Config{TCP: tt.c}, tt.faults)
				kernel, end := meet(t, node, active, tt.six)
				up, down := pattern(tt.octets, 1), pattern(tt.octets, 2)
				done := make(chan error, 1)
				node.Do(func() { exchange(end, down, up, done) })
				sent := make(chan error, 1)
				go func() {
					_, err := kernel.Write(up)
					sent <- errors.Join(err, kernel.(*net.TCPConn).CloseWrite())
				}()
				got, err := io.ReadAll(kernel)
				if err := errors.Join(err, <-sent, <-done); err != nil {
					t.Errorf("%v; the kernel has %d octets", err, len(got))
					node.Do(func() { t.Errorf("%+v", end.Info()) })
				}
				if !bytes.Equal(got, down) {
					t.Errorf("the kernel got %d octets of %d, or others", len(got), len(down))
				}
				node.Do(func() { t.Logf("%+v", end.Info()) })
				_ = kernel.Close()
			})
		}
	}
}

// meet makes a connection between kernel and node.
func meet(t *testing.T, node *stack.Node, active, six bool) (net.Conn, *tcp.Endpoint) {
	t.Helper()
	family, kernelAt, nodeAt := ip.V4, netip.MustParseAddrPort("192.0.2.1:4000"), serverAt
	if six {
		family, kernelAt, nodeAt = ip.V6, netip.MustParseAddrPort("[2001:db8::1]:4000"), server6
		for ready := false; !ready; { // its address is checked for duplicates first
			node.Do(func() { ready = node.IPv6.Holds(server6.Addr()) })
			runtime.Gosched()
		}
	}
	if active {
		l, err := net.Listen("tcp", kernelAt.String())
		if err != nil {
			t.Fatal(err)
		}
		var e *tcp.Endpoint
		node.Do(func() {
			e, err = node.TCP.Open(family)
			if err == nil {
				if err = e.Connect(kernelAt); err == errno.EINPROGRESS {
					err = nil
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		return c, e
	}
	accepted := make(chan *tcp.Endpoint, 1)
	node.Do(func() {
		l, err := node.TCP.Open(family)
		if err == nil {
			err = errors.Join(l.Bind(nodeAt), l.Listen(1))
		}
		if err != nil {
			t.Error(err)
			close(accepted)
			return
		}
		l.SetReady(func(tcp.Ready) {
			if e, err := l.Accept(); err == nil {
				accepted <- e
				l.Close()
			}
		})
	})
	c, err := net.DialTimeout("tcp", nodeAt.String(), 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return c, <-accepted
}

// exchange sends and expects octets, and tells when both is done.
func exchange(e *tcp.Endpoint, send, want []byte, done chan<- error) {
	out, in := &flow{from: e, data: send}, &flow{to: e, buf: make([]byte, 64<<10)}
	finished := false
	step := func(tcp.Ready) {
		out.write()
		in.read()
		if in.ended && !finished {
			finished = true
			if !bytes.Equal(in.got, want) && in.err == nil {
				in.err = errors.New("the node got other octets than were sent")
			}
			done <- errors.Join(in.err, out.err)
		}
	}
	e.SetReady(step)
	step(0)
}
