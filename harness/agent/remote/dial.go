package remote

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Dial opens the stream to an agent, which is named by one word:
//
//	127.0.0.1:7117, [::1]:7117     TCP
//	unix:PATH                      a Unix socket
//	serial:DEVICE                  a serial device, set up (speed, raw) by whoever owns it
//	exec:COMMAND                   a program, by its standard input and output
func Dial(ctx context.Context, where string) (io.ReadWriteCloser, error) {
	kind, rest, _ := strings.Cut(where, ":")
	switch kind {
	case "unix":
		return dial(ctx, "unix", rest)
	case "serial":
		f, err := os.OpenFile(rest, os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("the agent's serial device cannot be opened: %w", err)
		}
		return f, nil
	case "exec":
		return Exec(strings.Fields(rest))
	}
	return dial(ctx, "tcp", where)
}

func dial(ctx context.Context, network, where string) (io.ReadWriteCloser, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, where)
	if err != nil {
		return nil, fmt.Errorf("no agent at %s: %w", where, err)
	}
	return c, nil
}

// ends is how long a program may take to end once its input has ended, before it is killed.
const ends = 2 * time.Second

// program is an agent that was started.
type program struct {
	io.Reader
	io.WriteCloser
	cmd  *exec.Cmd
	once sync.Once
}

// Exec starts an agent that speaks on its standard input and output. It ends with the stream.
func Exec(command []string) (io.ReadWriteCloser, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("exec: there is no command")
	}
	p := &program{cmd: exec.Command(command[0], command[1:]...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.WriteCloser, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.Reader, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("the agent cannot be started: %w", err)
	}
	return p, nil
}

func (p *program) Close() error {
	p.once.Do(func() {
		p.WriteCloser.Close()
		kill := time.AfterFunc(ends, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait() // how it ends is its own affair
		kill.Stop()
	})
	return nil
}
