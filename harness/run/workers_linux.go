package run

import (
	"os/exec"
	"syscall"
)

// endWithParent lets a worker not outlive a parent that is killed.
func endWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
