//go:build !linux

package main

import (
	"fmt"
	"runtime"

	"github.com/conform-stack/conform/harness/agent/remote"
)

// newAgentServer says what else there is.
func newAgentServer() (*remote.Server, error) {
	return nil, fmt.Errorf("the agent in Go is over the sockets of Linux, and this is %s: agents/conform_agent.c is over BSD sockets", runtime.GOOS)
}
