package userns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/linux"
	"golang.org/x/sys/unix"
)

// The test binary is also the program under test: it does what this variable says.
const roleEnv = "CONFORM_TEST_ROLE"

const nobody = 65534

func TestMain(m *testing.M) {
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := Ensure(); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	switch role {
	case "world":
		fmt.Println(makeWorld())
		os.Exit(7)
	case "signal":
		got := make(chan os.Signal, 1)
		signal.Notify(got, unix.SIGTERM)
		fmt.Println("pid", os.Getpid())
		fmt.Println(<-got)
		os.Exit(8)
	case "again": // a program that this one starts is root already
		os.Setenv(roleEnv, "world")
		out, err := exec.Command("/proc/self/exe").CombinedOutput()
		fmt.Print(string(out))
		fmt.Println(err)
	}
	os.Exit(0)
}

func makeWorld() string {
	k, err := linux.New(linux.Options{RFC: true})
	if err != nil {
		return err.Error()
	}
	defer k.Close()
	features := []target.Feature{target.Agent, target.UDPEcho}
	w, err := k.New(context.Background(), target.Spec{Check: "userns", Needs: features})
	if err != nil {
		return err.Error()
	}
	if err := w.Close(); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("a world of %d settings, uid %d", len(k.Info().Settings), os.Getuid())
}

// A device is how /dev/net/tun looks to the program.
type device int

const (
	open device = iota
	shut
	missing
)

// A nobodyRunner runs this binary as an ordinary user, with a /dev/net of its own.
type nobodyRunner struct {
	*testing.T
	binary string
}

func newNobodyRunner(t *testing.T) *nobodyRunner {
	if os.Geteuid() != 0 {
		t.Skip("becomes an ordinary user and gives it a /dev/net/tun: run as root")
	}
	dir, err := os.MkdirTemp("", "userns")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &nobodyRunner{t, filepath.Join(dir, "program")}
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(r.binary, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

// command starts the program in a role and gives its output. It runs from a thread in a mount namespace of its own.
func (r *nobodyRunner) command(role string, d device, env ...string) (*exec.Cmd, *bufio.Reader) {
	r.Helper()
	cmd := exec.Command(r.binary)
	cmd.Dir = "/"
	cmd.Env = append([]string{roleEnv + "=" + role}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		started <- errors.Join(ownDevNet(d), cmd.Start())
	}()
	if err := <-started; err != nil {
		r.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

// ownDevNet mounts a /dev/net that only this thread and its children see.
func ownDevNet(d device) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/dev/net", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	if d == missing {
		return nil
	}
	if err := unix.Mknod(tun, unix.S_IFCHR|0o600, int(unix.Mkdev(10, 200))); err != nil {
		return err
	}
	return os.Chmod(tun, map[device]os.FileMode{open: 0o666, shut: 0o600}[d])
}

// run runs the program to its end.
func (r *nobodyRunner) run(role string, d device, env ...string) (output string, code int) {
	r.Helper()
	cmd, out := r.command(role, d, env...)
	text, err := io.ReadAll(out)
	if err != nil {
		r.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	}
	return strings.TrimSpace(string(text)), cmd.ProcessState.ExitCode()
}

// skipIfForbidden skips where an ordinary user cannot have what is tested.
func skipIfForbidden(t *testing.T, output string) {
	t.Helper()
	if strings.Contains(output, "may not make a user namespace") || strings.Contains(output, "gives no privileges") {
		t.Skip(output)
	}
}

func TestOrdinaryUserGetsAWorld(t *testing.T) {
	output, code := newNobodyRunner(t).run("world", open)
	skipIfForbidden(t, output)
	if !strings.HasPrefix(output, "a world of ") || !strings.HasSuffix(output, "uid 0") || code != 7 {
		t.Errorf("exit code %d, want the program's own, 7; output: %s", code, output)
	}
}

func TestProgramsStartedInsideDecideForThemselves(t *testing.T) {
	output, _ := newNobodyRunner(t).run("again", open)
	skipIfForbidden(t, output)
	if !strings.HasPrefix(output, "a world of ") || !strings.HasSuffix(output, "exit status 7") {
		t.Error(output)
	}
}

func TestSentencesThatSayWhatToDo(t *testing.T) {
	r := newNobodyRunner(t)
	for _, row := range []struct {
		device device
		env    string
		want   string
	}{
		{shut, "", "/dev/net/tun may not be opened by this user: run as root, or `chmod 666 /dev/net/tun`, as most distributions have it"},
		{missing, "", "/dev/net/tun is not there: `modprobe tun`, or give the container the device (--device /dev/net/tun)"},
		{open, marker + "=1", "the user namespace gives no privileges: run as root, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"},
	} {
		if output, code := r.run("world", row.device, row.env); output != row.want || code != 2 {
			t.Errorf("exit code %d, %q\nwant 2, %q", code, output, row.want)
		}
	}
	want := "this user may not make a user namespace: run as root, or `sysctl user.max_user_namespaces=10000` (no space left on device)"
	if got := forbidden(unix.ENOSPC).Error(); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// startWaiting starts the program and gives the process inside once it waits for a signal.
func (r *nobodyRunner) startWaiting() (outer *exec.Cmd, out *bufio.Reader, inner int) {
	r.Helper()
	outer, out = r.command("signal", open)
	line, _ := out.ReadString('\n')
	skipIfForbidden(r.T, line)
	// The process knows itself by the same number: it has a user namespace of its own, not a process namespace.
	inner, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "pid ")))
	if err != nil || inner == outer.Process.Pid {
		r.Fatalf("the program inside says %q; the one outside is %d", line, outer.Process.Pid)
	}
	return outer, out, inner
}

func TestSignalsGoInAndExitCodesComeOut(t *testing.T) {
	r := newNobodyRunner(t)
	outer, out, _ := r.startWaiting()
	outer.Process.Signal(unix.SIGTERM)
	said, _ := out.ReadString('\n')
	outer.Wait()
	if code := outer.ProcessState.ExitCode(); said != "terminated\n" || code != 8 {
		t.Errorf("inside came %q, the exit code is %d, want terminated and 8", said, code)
	}

	outer, _, inner := r.startWaiting()
	unix.Kill(inner, unix.SIGKILL)
	outer.Wait()
	if code := outer.ProcessState.ExitCode(); code != 128+9 {
		t.Errorf("the program inside was killed and the exit code is %d, want %d", code, 128+9)
	}
}

func TestKilledOutsideIsKilledInside(t *testing.T) {
	outer, _, inner := newNobodyRunner(t).startWaiting()
	outer.Process.Kill()
	outer.Wait()
	for deadline := time.Now().Add(5 * time.Second); runs(inner); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			unix.Kill(inner, unix.SIGKILL)
			t.Fatal("the program inside still runs")
		}
	}
}

// runs tells whether a process is there and is no zombie.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
