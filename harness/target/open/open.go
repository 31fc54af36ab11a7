// Package open opens targets by the names that users give them: reference, reference:zephyr, reference:FILE.conf, linux,
// linux:rfc, gvisor, a link with whatever is behind it (package port), or a file that describes a target.
package open

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/board"
	"github.com/conform-stack/conform/harness/target/file"
	"github.com/conform-stack/conform/harness/target/gvisor"
	"github.com/conform-stack/conform/harness/target/linux"
	"github.com/conform-stack/conform/harness/target/reference"
)

// Options say more about targets than a name can. Zero will do.
type Options struct {
	// Context bounds the opening of targets that are asked for a sign of life. Nil means no bound but their own.
	Context context.Context
	// Agent is the program that is the agent on the kernel, instead of the one that is built in: its path and arguments.
	Agent []string
}

// A kind is a name, or one that a colon and a device follow.
type kind struct {
	name       string
	device     bool
	called     string // what stands for the device in lists; empty: NAME
	privileged bool
	open       func(device string, o Options) (target.Target, error)
}

func (k kind) String() string {
	if k.device {
		return k.name + ":" + cmp.Or(k.called, "NAME")
	}
	return k.name
}

func kinds() []kind {
	return []kind{
		{name: "reference", open: func(string, Options) (target.Target, error) { return reference.New(reference.Options{}) }},
		{name: "reference", device: true, called: "PROFILE or FILE.conf", open: func(how string, _ Options) (target.Target, error) {
			if slices.Contains(reference.Profiles(), how) {
				return reference.New(reference.Options{Profile: how})
			}
			return reference.New(reference.Options{Files: []string{how}})
		}},
		{name: "linux", privileged: true, open: func(_ string, o Options) (target.Target, error) {
			return linux.New(linux.Options{Agent: o.Agent})
		}},
		{name: "linux:rfc", privileged: true, open: func(_ string, o Options) (target.Target, error) {
			return linux.New(linux.Options{RFC: true, Agent: o.Agent})
		}},
		{name: "gvisor", open: func(string, Options) (target.Target, error) { return gvisor.New(), nil }},
		behind("tap", "NAME"), behind("packet", "NAME"),
		behind("stream", "ADDRESS"), behind("dgram", "LOCAL,REMOTE"), behind("exec", "COMMAND"),
	}
}

// behind is a target of frames only, behind a link.
func behind(link, where string) kind {
	return kind{name: link, device: true, called: where, open: func(at string, o Options) (target.Target, error) {
		t, err := board.New(o.context(), link+":"+at, board.Options{})
		if err != nil { // not t, which is a nil of a type
			return nil, err
		}
		return t, nil
	}}
}

func (o Options) context() context.Context {
	if o.Context == nil {
		return context.Background()
	}
	return o.Context
}

// Target opens the target that name names.
func Target(name string, o Options) (target.Target, error) {
	if isFile(name) {
		return file.Open(o.context(), name)
	}
	k, device, err := find(name)
	if err != nil {
		return nil, err
	}
	return k.open(device, o)
}

// Privileged tells whether opening the target takes the privileges that package userns gets. (A TAP device does too, but
// it belongs to the network namespace that it was made in.)
func Privileged(name string) bool {
	k, _, err := find(name)
	return err == nil && k.privileged
}

// isFile tells whether a name is that of a target file.
func isFile(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func find(name string) (k kind, device string, err error) {
	var known []string
	for _, k := range kinds() {
		if k.name == name && !k.device {
			return k, "", nil
		}
		if device, ok := strings.CutPrefix(name, k.name+":"); ok && k.device && device != "" {
			return k, device, nil
		}
		known = append(known, k.String())
	}
	known = append(known, "FILE.yaml")
	return kind{}, "", fmt.Errorf("there is no target %q; there are %s%s", name, strings.Join(known, ", "), suggest(name, known))
}

// suggest names the known name that is nearest to what was written, when it is near.
func suggest(name string, known []string) string {
	near := slices.MinFunc(known, func(a, b string) int { return cmp.Compare(edits(name, a), edits(name, b)) })
	if edits(name, near) > len(near)/2 {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", near)
}

// edits is how many characters must be put in, taken out or changed to make a into b (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0] // of the row before
		row[0] = i + 1
		for j := range b {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
