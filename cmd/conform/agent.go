package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

type agentFlags struct {
	listen string
	stdio  bool
	token  string
}

func agentCommand() *cobra.Command {
	var f agentFlags
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Let a harness elsewhere use this host's sockets",
		Long: "Let a harness elsewhere use this host's sockets, when this host is the target of a run: the control channel of\n" +
			"docs/agent-protocol.md. Whoever connects can open any socket that this user can. So it listens on loopback or a Unix socket\n" +
			"only, unless there is a token, which CONFORM_AGENT_TOKEN holds, or the file that --token names.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:7117", "where to listen: ADDRESS:PORT, or unix:PATH")
	fl.BoolVar(&f.stdio, "stdio", false, "speak on standard input and output instead, such as a serial console's")
	fl.StringVar(&f.token, "token", "", "the file that holds the token")
	return cmd
}

func (f *agentFlags) run(ctx context.Context, w io.Writer) error {
	s, err := newAgentServer()
	if err != nil {
		return err
	}
	s.Token = os.Getenv("CONFORM_AGENT_TOKEN")
	if f.token != "" {
		b, err := os.ReadFile(f.token)
		if err != nil {
			return fmt.Errorf("the token cannot be read: %w", err)
		}
		s.Token = strings.TrimSpace(string(b))
		if s.Token == "" {
			return fmt.Errorf("the token in %s is empty", f.token)
		}
	}
	if f.stdio {
		return s.Serve(stdio{})
	}
	l, err := f.socket(ctx, s.Token)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "agent at %s\n", l.Addr())
	return s.ServeListener(ctx, l)
}

// socket refuses to offer this host's sockets to everybody.
func (f *agentFlags) socket(ctx context.Context, token string) (net.Listener, error) {
	var lc net.ListenConfig
	if path, ok := strings.CutPrefix(f.listen, "unix:"); ok {
		return lc.Listen(ctx, "unix", path)
	}
	a, err := netip.ParseAddrPort(f.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen is %q; it takes ADDRESS:PORT, or unix:PATH", f.listen)
	}
	if !a.Addr().IsLoopback() && token == "" {
		return nil, errors.New("beyond loopback the agent takes a token: set CONFORM_AGENT_TOKEN, or name a file with --token")
	}
	return lc.Listen(ctx, "tcp", f.listen)
}

// stdio is the standard input and output as one stream.
type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
