//go:build linux

package linux

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/target"
)

const helperEnv = "CONFORM_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(asAgent) != "" {
		if serveAgent() != nil {
			os.Exit(1)
		}
		return
	}
	if os.Getenv(helperEnv) == "1" {
		holdWorld()
	}
	os.Exit(m.Run())
}

// holdWorld makes a world, prints the name of its namespace and waits to be killed.
func holdWorld() {
	k, err := New(Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	w, err := k.New(context.Background(), target.Spec{Needs: []target.Feature{target.UDPEcho}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	w.(*world).thread.do(func() {
		name, _ := os.Readlink("/proc/thread-self/ns/net")
		fmt.Println(name)
	})
	select {}
}

// Not even SIGKILL leaves anything: the namespace has no name, and nothing that would hold it outlives the process.
func TestNothingIsLeftAfterSIGKILL(t *testing.T) {
	needsRoot(t)
	helper := exec.Command("/proc/self/exe")
	helper.Env = append(os.Environ(), helperEnv+"=1")
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	namespace := strings.TrimSpace(line)
	alive := holders(namespace)
	helper.Process.Kill()
	helper.Wait()
	if !strings.HasPrefix(namespace, "net:[") || len(alive) == 0 {
		t.Fatalf("the helper said %q; in that namespace were %d threads, want its own", namespace, len(alive))
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		left := holders(namespace)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still held by %v", namespace, left)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), namespace) { // so would a name stand there, as of `ip netns`
		t.Errorf("%s is mounted", namespace)
	}
}

// holders are the threads in a namespace and the files that are open on it, of all processes that can be seen.
func holders(namespace string) (found []string) {
	for _, pattern := range []string{"/proc/[0-9]*/task/*/ns/net", "/proc/[0-9]*/fd/*"} {
		paths, _ := filepath.Glob(pattern)
		for _, p := range paths {
			if to, _ := os.Readlink(p); to == namespace { // a process may end meanwhile
				found = append(found, p)
			}
		}
	}
	return found
}
