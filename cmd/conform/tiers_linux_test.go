package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/conform-stack/conform/harness/report"
)

// behindAVeth makes a kernel, in a network namespace of its own, the target at one end of a veth pair, at 192.0.2.1. The
// calling thread is left at the other end, where the device is tester0. In the target's namespace run the services that
// inetd has: echo and discard, over UDP and TCP. agent is started there, too, when it is not nil.
func behindAVeth(t *testing.T, agent *exec.Cmd) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fresh := func() {
		must(unix.Unshare(unix.CLONE_NEWNET))
		must(os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0))
	}
	fresh()
	ns, err := os.Open("/proc/thread-self/ns/net")
	must(err)
	defer ns.Close()
	for _, port := range []int{7, 9} {
		for _, stop := range inetd(t, port) {
			t.Cleanup(stop)
		}
	}
	if agent != nil {
		must(agent.Start())
		t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	}
	fresh()
	must(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "tester0"}, PeerName: "target0", PeerNamespace: netlink.NsFd(int(ns.Fd()))}))
	tester, err := netlink.LinkByName("tester0")
	must(err)
	must(netlink.LinkSetUp(tester))
	h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()))
	must(err)
	defer h.Close()
	link, err := h.LinkByName("target0")
	must(err)
	must(h.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}}))
	must(h.LinkSetUp(link))
	for _, to := range []string{"255.255.255.255/32", "224.0.0.0/4"} { // a host without a gateway
		_, n, err := net.ParseCIDR(to)
		must(err)
		must(h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: n, Scope: netlink.SCOPE_LINK}))
	}
}

// inetd serves a port in the namespace of the calling thread: 7 is echo (RFC 862), another one discards (RFC 863).
func inetd(t *testing.T, port int) (stops []func()) {
	t.Helper()
	at := fmt.Sprint("0.0.0.0:", port)
	datagrams, err := net.ListenPacket("udp4", at)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := datagrams.ReadFrom(b)
			if err != nil {
				return
			}
			if port == 7 {
				_, _ = datagrams.WriteTo(b[:n], from)
			}
		}
	}()
	streams, err := net.Listen("tcp4", at)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := streams.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if port == 7 {
					_, _ = io.Copy(c, c)
				} else {
					_, _ = io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	return []func(){func() { datagrams.Close() }, func() { streams.Close() }}
}

// Three files describe one kernel: frames alone, with its echo service, with an agent. Each declares more, and more checks
// run, with outcomes that are as expected of the kernel. What a lower tier ran has the same outcome on a higher one.
func TestTiersOfATargetFile(t *testing.T) {
	needRoot(t)
	if testing.Short() {
		t.Skip("runs suites three times on the kernel, for half a minute; leave -short away")
	}
	expectations, err := filepath.Abs("../../expectations/linux.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type ran struct {
		tiers    map[string]report.Tier
		outcomes map[string]report.Outcome
		all      int
	}
	run := func(t *testing.T, g *WithT, more string, agent *exec.Cmd) ran {
		runtime.LockOSThread() // for good: the thread and its namespace end with the goroutine
		behindAVeth(t, agent)
		folder := t.TempDir()
		file := filepath.Join(folder, "kernel.yaml")
		g.Expect(os.WriteFile(file, []byte("name: kernel\nlink: packet:tester0\nalive: 2s\n"+more), 0o666)).To(Succeed())
		code, stdout, stderr := conform(t, "run", "rfc826", "icmpv4", "ipv4", "udp", "--target", file, "--filter", "!slow",
			"--expectations", expectations, "--out", folder)
		g.Expect(code).To(Equal(0), stdout+stderr)
		g.Expect(stdout).To(ContainSubstring("unlocked by\n  frames "))
		r := ran{map[string]report.Tier{}, map[string]report.Outcome{}, 0}
		rep := read(t, folder)
		for _, tier := range rep.Tiers() {
			t.Logf("%-20s %s", tier.Name, tier)
			r.tiers[tier.Name] = tier
		}
		for _, c := range rep.Checks {
			r.outcomes[c.ID] = c.Outcome
		}
		r.all = len(rep.Checks) - rep.Summary[report.NotApplicable]
		return r
	}
	at := filepath.Join(t.TempDir(), "agent")
	ladder := make([]ran, 3)
	rungs := []struct {
		name, more string
		agent      *exec.Cmd
	}{
		{"frames", "", nil},
		{"frames and services", "services: {udp_echo: 7}\n", nil},
		{"frames and agent", "services: {udp_echo: 7}\nagent: {at: 'unix:" + at + "'}\n", command(t, "agent", "--listen", "unix:"+at)},
	}
	t.Run("rungs", func(t *testing.T) {
		for i, tt := range rungs {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				g := NewWithT(t)
				done := make(chan struct{})
				go func() { // of its own, for its thread
					defer close(done)
					ladder[i] = run(t, g, tt.more, tt.agent)
				}()
				<-done
			})
		}
	})
	if t.Failed() {
		return
	}
	g := NewWithT(t)
	for i, name := range []string{"frames", "frames and services", "frames and agent"} {
		for j, r := range ladder {
			if j < i {
				g.Expect(r.tiers[name].Run).To(Equal(0), "%s, on rung %d", name, j)
			} else {
				g.Expect(r.tiers[name].Run).To(BeNumerically(">", 0), "%s, on rung %d", name, j)
				g.Expect(r.tiers[name].Run).To(Equal(ladder[i].tiers[name].Run), "%s, on rung %d", name, j)
			}
		}
		if i > 0 {
			g.Expect(ladder[i].all).To(BeNumerically(">", ladder[i-1].all))
			for id, o := range ladder[i-1].outcomes {
				if o != report.NotApplicable {
					g.Expect(ladder[i].outcomes[id]).To(Equal(o), id)
				}
			}
		}
	}
}
