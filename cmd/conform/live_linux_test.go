package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/report"
)

// needRoot skips a test that makes network namespaces.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this test makes network namespaces: run it as root")
	}
}

func TestKernelGivesTheSameOutcomesInManyProcesses(t *testing.T) {
	needRoot(t)
	for _, target := range []string{"linux", "linux:rfc"} {
		t.Run(target, func(t *testing.T) {
			g := NewWithT(t)
			outcomes := func(jobs string) map[string]report.Outcome {
				out := t.TempDir()
				code, stdout, stderr := conform(t, "run", "rfc826", "udp", "--filter", "!slow", "--target", target, "--jobs", jobs, "--out", out)
				g.Expect(code).To(Equal(0), stdout+stderr)
				all := map[string]report.Outcome{}
				for _, c := range read(t, out).Checks {
					all[c.ID] = c.Outcome
				}
				return all
			}
			g.Expect(outcomes("16")).To(Equal(outcomes("1")))
		})
	}
}

// interfaces and processes are what a run could leave behind.
func leftovers(t *testing.T) string {
	t.Helper()
	links, err := os.ReadDir("/sys/class/net")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Name())
	}
	tmp, err := filepath.Glob(filepath.Join(os.TempDir(), "conform*"))
	if err != nil {
		t.Fatal(err)
	}
	named, _ := os.ReadDir("/run/netns") // absent: none
	return fmt.Sprint(names, tmp, len(named), workers(t))
}

// workers counts processes that run this program as conform.
func workers(t *testing.T) (n int) {
	t.Helper()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	procs, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		if exe, err := os.Readlink(p); err == nil && exe == self {
			n++
		}
	}
	return n
}

// A run that is interrupted says so, keeps what it had, and leaves nothing; one that is killed leaves no process and no
// namespace.
func TestNothingIsLeftBehind(t *testing.T) {
	needRoot(t)
	for _, tt := range []struct {
		name   string
		jobs   string
		signal syscall.Signal
	}{
		{"interrupt", "1", syscall.SIGINT},
		{"interrupt with workers", "3", syscall.SIGINT},
		{"kill", "1", syscall.SIGKILL},
		{"kill with workers", "3", syscall.SIGKILL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			before := leftovers(t)
			out := filepath.Join(t.TempDir(), "report")
			cmd := command(t, "run", "--target", "linux", "--filter", "slow || !slow", "--jobs", tt.jobs, "--out", out)
			var text bytes.Buffer
			cmd.Stdout, cmd.Stderr = &text, &text
			g.Expect(cmd.Start()).To(Succeed())
			g.Eventually(out, 30*time.Second, 10*time.Millisecond).Should(BeADirectory(), "the run has begun")
			g.Expect(cmd.Process.Signal(tt.signal)).To(Succeed())
			_ = cmd.Wait() // its code is looked at below
			if tt.signal == syscall.SIGINT {
				g.Expect(cmd.ProcessState.ExitCode()).To(Equal(130), text.String())
				r := read(t, out)
				g.Expect(r.Interrupted).To(BeTrue())
				g.Expect(len(r.Checks)).To(BeNumerically("<", r.Selected.Count))
				g.Expect(text.String()).To(ContainSubstring("interrupted after"))
			}
			g.Eventually(func() string { return leftovers(t) }, 10*time.Second, 50*time.Millisecond).Should(Equal(before))
		})
	}
}

// The host's own tools reach the stack behind the device.
func TestUp(t *testing.T) {
	needRoot(t)
	for _, tool := range []string{"unshare", "ping", "arping", "nc", "ip", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the test needs %s: install util-linux, iputils-ping, iputils-arping, netcat-openbsd, iproute2 and curl", tool)
		}
	}
	g := NewWithT(t)
	script := `set -e
"$0" up >up.log 2>&1 &
up=$!
for i in $(seq 100); do grep -q ^up: up.log && break; sleep 0.05; done
cat up.log
ping -c 3 -i 0.1 -W 2 192.0.2.1
ping -c 1 -s 4000 -W 2 192.0.2.1
arping -c 2 -w 4 -I conform0 192.0.2.1
echo over there | nc -u -w 1 192.0.2.1 7
seq 100000 | nc -N -w 10 192.0.2.1 7 | sha256sum
seq 100000 | sha256sum
curl -sS --noproxy '*' http://192.0.2.1/
kill -INT $up
wait $up
echo ended with $?
ip -o link show
`
	cmd := exec.Command("unshare", "-n", "bash", "-c", script, os.Args[0])
	cmd.Env = append(os.Environ(), "CONFORM_TEST_MAIN=1")
	cmd.Dir = t.TempDir()
	b, err := cmd.CombinedOutput()
	text := string(b)
	g.Expect(err).NotTo(HaveOccurred(), text)
	g.Expect(text).To(ContainSubstring("3 packets transmitted, 3 received, 0% packet loss"))
	g.Expect(text).To(ContainSubstring("4008 bytes from 192.0.2.1"))
	g.Expect(text).To(ContainSubstring("Received 2 response(s)"))
	g.Expect(text).To(ContainSubstring("over there"))
	sums := regexp.MustCompile("(?m)^[0-9a-f]{64}").FindAllString(text, -1)
	g.Expect(sums).To(HaveLen(2))
	g.Expect(sums[0]).To(Equal(sums[1]), "TCP echo")
	g.Expect(text).To(ContainSubstring("TCP bytes recv"), "the page")
	g.Expect(text).To(ContainSubstring("ended with 0"))
	g.Expect(strings.Count(text, "conform0:")).To(Equal(0), "the device is gone\n"+text)
}
