// Package open opens targets by the names that users give them: reference, reference:zephyr, reference:FILE.conf, linux,
// linux:rfc, gvisor, tap:NAME.
package open

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/gvisor"
	"github.com/conform-stack/conform/harness/target/linux"
	"github.com/conform-stack/conform/harness/target/reference"
	"github.com/conform-stack/conform/harness/target/tap"
)

// Options say more about targets than a name can. Zero will do.
type Options struct {
	// Context bounds the opening of targets that are asked for a sign of life. Nil means no bound but their own.
	Context context.Context
	// TAP describes the target behind tap:NAME.
	TAP tap.Options
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
		{name: "linux", privileged: true, open: func(string, Options) (target.Target, error) {
			return linux.New(linux.Options{})
		}},
		{name: "linux:rfc", privileged: true, open: func(string, Options) (target.Target, error) {
			return linux.New(linux.Options{RFC: true})
		}},
		{name: "gvisor", open: func(string, Options) (target.Target, error) { return gvisor.New(), nil }},
		{name: "tap", device: true, open: func(device string, o Options) (target.Target, error) {
			ctx := o.Context
			if ctx == nil {
				ctx = context.Background()
			}
			t, err := tap.New(ctx, device, o.TAP)
			if err != nil { // not t, which is a nil of a type
				return nil, err
			}
			return t, nil
		}},
	}
}

// Target opens the target that name names.
func Target(name string, o Options) (target.Target, error) {
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
