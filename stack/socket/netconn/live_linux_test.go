package netconn_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
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
	"github.com/conform-stack/conform/stack/socket/netconn"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

var (
	kernelAddr = netip.MustParseAddr("192.0.2.1")
	nodeAddr   = netip.MustParseAddr("192.0.2.2")
)

// besideKernel brings a node up beside the kernel, in a network namespace of the test's own, in which the programs run that
// the test starts. Whoever calls it stays on its thread.
func besideKernel(t *testing.T, f fault.Faults) *stack.Node {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this test makes a network namespace: run it as root")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test's goroutine
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	node, err := stack.New(clock.New(), config.Config{})
	if err != nil {
		t.Fatal(err)
	}
	node.GoLive()
	device, err := tap.Open(tap.Config{Name: "conform0", Frames: 256}, node.Do)
	if err != nil {
		t.Fatal(errors.Join(err, node.Close()))
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
		device.Wait()
	})
	link, err := netlink.LinkByName("conform0")
	if err == nil {
		err = netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: kernelAddr.AsSlice(), Mask: net.CIDRMask(24, 32)}})
	}
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		t.Fatal(err)
	}
	node.Do(func() {
		var d driver.Device = device
		if f != (fault.Faults{}) {
			d = fault.New(node.Loop, device, fault.Config{Seed: 1, Send: f, Receive: f})
		}
		eth, err := node.AddEthernet(d, ethernet.MAC{2, 0, 0, 0, 0, 2})
		if err == nil {
			err = node.AddAddress(eth, netip.PrefixFrom(nodeAddr, 24))
		}
		if err != nil {
			t.Error(err)
		}
	})
	return node
}

// needTool skips a test whose program is not there.
func needTool(t *testing.T, tool, of string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("the test needs %s: install %s", tool, of)
	}
}

func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, b)
	}
	return string(b)
}

// Go's server of HTTP on the node gives curl what it has, and takes it back: the hashes agree, also by a bad link.
func TestHTTPLive(t *testing.T) {
	needTool(t, "curl", "curl")
	all := func(p float64) fault.Faults { return fault.Faults{Loss: p, Duplicate: p, Reorder: p} }
	large := 100 << 20
	if testing.Short() {
		large = 10 << 20
	}
	for _, tt := range []struct {
		name   string
		faults fault.Faults
		octets int
	}{
		{"clean", fault.Faults{}, large},
		{"1% lost, doubled, reordered", all(0.01), 32 << 20},
		{"5% lost, doubled, reordered", all(0.05), 2 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			node := besideKernel(t, tt.faults)
			data := make([]byte, tt.octets)
			_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // it never fails
			sum := sha256.Sum256(data)
			want := hex.EncodeToString(sum[:])
			l, err := netconn.ListenTCP(node, node.Sockets, netip.AddrPortFrom(nodeAddr, 80))
			if err != nil {
				t.Fatal(err)
			}
			server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = w.Write(data) // what curl gets is looked at
					return
				}
				h := sha256.New()
				if _, err := io.Copy(h, r.Body); err != nil {
					t.Errorf("upload: %v", err)
				}
				_, _ = io.WriteString(w, hex.EncodeToString(h.Sum(nil)))
			})}
			served := make(chan error, 1)
			go func() { served <- server.Serve(l) }()
			file := filepath.Join(t.TempDir(), "data")
			began := time.Now()
			program(t, "curl", "-sS", "--noproxy", "*", "-o", file, "http://192.0.2.2/data")
			down := time.Since(began)
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if s := sha256.Sum256(got); s != sum {
				t.Errorf("downloaded %d octets of %d, with another hash", len(got), len(data))
			}
			began = time.Now()
			if h := program(t, "curl", "-sS", "--noproxy", "*", "-T", file, "http://192.0.2.2/data"); h != want {
				t.Errorf("the hash of the upload is %q, want %q", h, want)
			}
			t.Logf("%d MiB: down in %v, up in %v", tt.octets>>20, down.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if err := <-served; err != http.ErrServerClosed {
				t.Error(err)
			}
			node.Do(func() {
				if tt.faults.Loss > 0 && node.Stats().TCP.Retransmitted == 0 {
					t.Error("nothing was retransmitted: the link was not bad")
				}
			})
		})
	}
}

// iperf3 measures the node, as its client and its server, in both directions.
func TestIperf(t *testing.T) {
	needTool(t, "iperf3", "iperf3")
	node := besideKernel(t, fault.Faults{})
	l, err := netconn.ListenTCP(node, node.Sockets, netip.AddrPortFrom(nodeAddr, 5201))
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return netconn.DialTCP(ctx, node, node.Sockets, netip.AddrPort{}, netip.AddrPortFrom(kernelAddr, 5201))
	}
	for _, reverse := range []bool{false, true} { // no subtests: they would leave the thread, and with it the namespace
		iperfClient(t, l, reverse)
		iperfServer(t, dial, reverse)
	}
}

// compare looks at what both sides have counted. What is on its way when the test ends only one of them counts.
func compare(t *testing.T, what string, sent, received int64) {
	t.Helper()
	if received < 1<<20 || sent < received || sent > received+32<<20 {
		t.Errorf("%s: %d octets sent, %d received", what, sent, received)
	}
	t.Logf("%s: %d MB received in a second", what, received/1e6)
}

// iperfClient has iperf3 send to the node, or receive from it.
func iperfClient(t *testing.T, l net.Listener, reverse bool) {
	t.Helper()
	type outcome struct {
		ours, theirs int64
		err          error
	}
	served := make(chan outcome, 1)
	go func() {
		var o outcome
		o.ours, o.theirs, o.err = iperfServe(l)
		served <- o
	}()
	args := []string{"-c", nodeAddr.String(), "-t", "1", "-J"}
	if reverse {
		args = append(args, "-R")
	}
	text := program(t, "iperf3", args...)
	o := <-served
	if o.err != nil {
		t.Fatalf("%v\n%s", o.err, text)
	}
	var said struct {
		End struct {
			Sent     struct{ Bytes int64 } `json:"sum_sent"`
			Received struct{ Bytes int64 } `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if reverse {
		compare(t, "from the node to iperf3 -c", o.ours, o.theirs)
	} else {
		compare(t, "from iperf3 -c to the node", o.theirs, o.ours)
	}
	if e := said.End; e.Received.Bytes == 0 || e.Sent.Bytes == 0 {
		t.Errorf("iperf3 has understood nothing of that:\n%s", text)
	}
}

// iperfServer has the node send to iperf3, or receive from it.
func iperfServer(t *testing.T, dial func() (net.Conn, error), reverse bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	server := exec.CommandContext(ctx, "iperf3", "-s", "-1", "--forceflush")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server.Stderr = server.Stdout
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var text strings.Builder
	for lines.Scan() {
		fmt.Fprintln(&text, lines.Text())
		if strings.Contains(lines.Text(), "listening") {
			break
		}
	}
	ours, theirs, err := iperfRun(dial, reverse, time.Second)
	if err != nil {
		cancel()
	}
	for lines.Scan() {
		fmt.Fprintln(&text, lines.Text())
	}
	if err = errors.Join(err, server.Wait()); err != nil {
		t.Fatalf("%v\n%s", err, &text)
	}
	if reverse {
		compare(t, "from iperf3 -s to the node", theirs, ours)
	} else {
		compare(t, "from the node to iperf3 -s", ours, theirs)
	}
}
