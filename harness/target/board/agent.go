package board

import (
	"context"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
	"github.com/conform-stack/conform/harness/target/live"
)

// agentWithin is how long an agent may take to greet.
const agentWithin = 10 * time.Second

// connect makes a conversation with the agent for each world: it begins without sockets, and what it opened ends with it.
func connect(where, token string) func(context.Context, func(*agent.Op), func(error)) (live.Agent, error) {
	return func(ctx context.Context, ended func(*agent.Op), broken func(error)) (live.Agent, error) {
		ctx, cancel := context.WithTimeout(ctx, agentWithin)
		defer cancel()
		stream, err := remote.Dial(ctx, where)
		if err != nil {
			return nil, err
		}
		c, err := remote.Connect(ctx, stream, token, ended, broken)
		if err != nil {
			return nil, err
		}
		if err := c.Reset(ctx); err != nil { // on a serial device it is the same conversation for the agent
			c.Close()
			return nil, err
		}
		return c, nil
	}
}
