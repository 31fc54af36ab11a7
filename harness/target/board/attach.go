package board

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
	"github.com/conform-stack/conform/harness/target/port"
)

// An Opener opens the link to a target, at first and when it broke.
type Opener func(context.Context) (io.ReadWriteCloser, error)

// New opens the link, which package port names, and asks the target behind it for its link address.
func New(ctx context.Context, link string, o Options) (target.Living, error) {
	return Behind(ctx, link, func(ctx context.Context) (io.ReadWriteCloser, error) { return port.Open(ctx, link) }, o)
}

// Behind is New with a link that open opens; name is what the target is called in reports.
func Behind(ctx context.Context, name string, open Opener, o Options) (target.Living, error) {
	kind, _, named := strings.Cut(name, ":")
	if !named {
		kind = "board"
	}
	c, err := o.config(kind, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := open(ctx)
	if err != nil {
		return nil, err
	}
	c.Reopen = open
	s, err := live.NewShared(ctx, p, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
