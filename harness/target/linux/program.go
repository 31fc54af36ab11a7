//go:build linux

package linux

import (
	"context"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
)

// agentWithin is how long an agent may take to greet.
const agentWithin = 10 * time.Second

// program is an agent in a process of its own.
type program struct{ *remote.Client }

// startAgent starts a program in the namespace of the thread that it is called on.
func startAgent(command []string, ended func(*agent.Op), broken func(error)) (remote.Closer, error) {
	stream, err := remote.Exec(command)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), agentWithin)
	defer cancel()
	c, err := remote.Connect(ctx, stream, "", ended, broken)
	if err != nil {
		return nil, err
	}
	return program{c}, nil
}

// CloseAll ends the program, and with it its sockets.
func (p program) CloseAll() { _ = p.Close() }
