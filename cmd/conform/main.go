// Command conform checks network stacks against the RFCs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitAsExpected  = 0
	exitUnexpected  = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// exit is an error that carries the code to exit with. Its text, if any, is printed.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	os.Exit(codeOf(err))
}

// codeOf prints an error and gives its exit code. What carries none is a mistake in the use.
func codeOf(err error) int {
	if err == nil {
		return exitAsExpected
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "conform:", text)
	}
	var e exit
	if errors.As(err, &e) {
		return e.code
	}
	return exitUsage
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "conform",
		Short: "Check network stacks against the RFCs",
		Long: "conform runs conformance checks against a network stack: the built-in reference, the Linux kernel, or a stack behind a\n" +
			"TAP device. Each verdict is tied to a numbered requirement of an RFC and backed by an annotated capture.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.AddCommand(runCommand(), listCommand(), coverageCommand(), selftestCommand(), replayCommand(), inspectCommand(), reportCommand(), upCommand(), agentCommand(), configCommand(), interopCommand())
	return cmd
}
