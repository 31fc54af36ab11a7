package run

import (
	"os/exec"
	"syscall"
)

// alone puts a worker into a process group of its own.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
