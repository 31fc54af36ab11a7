package userns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// marker stands in the environment of the program inside, so that it does not try again what did not help.
const marker = "CONFORM_USERNS"

const tun = "/dev/net/tun"

// Ensure returns nil when this process may make network namespaces and TAP devices, and an error of one sentence that
// says what to do when it cannot come to that. Otherwise the program runs inside, and Ensure ends this process with its
// exit code.
func Ensure() error {
	inside := os.Getenv(marker) != ""
	os.Unsetenv(marker) // programs that this one starts decide for themselves
	may, err := capable()
	if err != nil {
		return err
	}
	if !may && inside {
		return errors.New("the user namespace gives no privileges: run as root, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`")
	}
	if err := tunOpens(); err != nil {
		return err
	}
	if may {
		return nil
	}
	code, err := runInside()
	if err != nil {
		return err
	}
	os.Exit(code)
	return nil
}

// capable tells whether the process has CAP_SYS_ADMIN and CAP_NET_ADMIN in its user namespace.
func capable() (bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // capabilities 0 to 31 and 32 to 63
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return false, fmt.Errorf("the capabilities of this process cannot be read: %w", err)
	}
	const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN
	return sets[0].Effective&needed == needed, nil
}

// tunOpens is nil when TAP devices can be made as far as the device file is concerned; a user namespace does not change
// who may open a file.
func tunOpens() error {
	fd, err := unix.Open(tun, unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		return unix.Close(fd)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be opened by this user: run as root, or `chmod 666 %s`, as most distributions have it", tun, tun)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV):
		return fmt.Errorf("%s is not there: `modprobe tun`, or give the container the device (--device %s)", tun, tun)
	}
	return fmt.Errorf("%s cannot be opened: %w", tun, err)
}

// runInside runs the program in a new user namespace, in which this user is root, and gives its exit code.
//
// The child has a process group of its own: a Ctrl-C at the terminal reaches this process alone, which passes it on, so
// that the child sees each signal once. When this process is killed, the kernel kills the child.
func runInside() (code int, err error) {
	runtime.LockOSThread() // the kernel sends Pdeathsig when the thread ends that started the child
	defer runtime.UnlockOSThread()
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Args[0] = os.Args[0]
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Env = append(os.Environ(), marker+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Setpgid:     true,
		Pdeathsig:   unix.SIGKILL,
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return 0, forbidden(err)
	}
	over := make(chan struct{})
	passed := make(chan struct{})
	go func() {
		defer close(passed)
		for {
			select {
			case s := <-signals:
				child.Process.Signal(s) // it may have ended already
			case <-over:
				return
			}
		}
	}()
	err = child.Wait()
	close(over)
	<-passed
	return exitCode(child.ProcessState, err)
}

// exitCode is the child's; 128 and the signal's number, as shells have it, for one that was killed.
func exitCode(state *os.ProcessState, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return state.ExitCode(), nil
}

// forbidden says why the kernel made no user namespace, by the setting that forbids it.
func forbidden(err error) error {
	advice := "run as root, or allow user namespaces"
	switch {
	case errors.Is(err, unix.ENOSPC):
		advice = "run as root, or `sysctl user.max_user_namespaces=10000`"
	case sysctlIs("/proc/sys/kernel/unprivileged_userns_clone", '0'):
		advice = "run as root, or `sysctl kernel.unprivileged_userns_clone=1`"
	case sysctlIs("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'):
		advice = "run as root, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
	}
	return fmt.Errorf("this user may not make a user namespace: %s (%w)", advice, err)
}

func sysctlIs(path string, first byte) bool {
	b, err := os.ReadFile(path)
	return err == nil && len(b) > 0 && b[0] == first
}
