package replay

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/conform-stack/conform/harness/internal/rows"
)

// keys are what a mapping may have, and who reads the value.
type keys map[string]func(rows.Field) error

// mapping reads a mapping. Each of the required keys has to be there.
func mapping(f rows.Field, known keys, required ...string) error {
	if f.Value.Kind != yaml.MappingNode {
		return f.Errorf("%s is not a mapping of keys to values", f.Key)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(f.Value.Content); i += 2 {
		key := f.Value.Content[i]
		at := rows.Field{File: f.File, Key: key.Value, Value: key}
		read := known[key.Value]
		switch {
		case read == nil:
			return at.Errorf("%s has no key %q: it has %s", f.Key, key.Value, strings.Join(sorted(known), ", "))
		case seen[key.Value]:
			return at.Errorf("key %q occurs twice", key.Value)
		}
		seen[key.Value] = true
		at.Value = f.Value.Content[i+1]
		if err := read(at); err != nil {
			return err
		}
	}
	for _, k := range required {
		if !seen[k] {
			return f.Errorf("%s has no %s", f.Key, k)
		}
	}
	return nil
}

func sorted(known keys) (names []string) {
	for k := range known {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func text(into *string) func(rows.Field) error {
	return func(f rows.Field) (err error) { *into, err = f.Text(); return err }
}

// texts reads a list of texts, or one.
func texts(into *[]string) func(rows.Field) error {
	return func(f rows.Field) error {
		if f.Value.Kind == yaml.ScalarNode {
			one, err := f.Text()
			*into = []string{one}
			return err
		}
		return each(into, rows.Field.Text)(f)
	}
}

// each reads a list.
func each[T any](into *[]T, read func(rows.Field) (T, error)) func(rows.Field) error {
	return func(f rows.Field) error {
		if f.Value.Kind != yaml.SequenceNode {
			return f.Errorf("%s is not a list", f.Key)
		}
		for _, item := range f.Value.Content {
			v, err := read(rows.Field{File: f.File, Key: "an entry of " + f.Key, Value: item})
			if err != nil {
				return err
			}
			*into = append(*into, v)
		}
		return nil
	}
}

func address(into *netip.Addr) func(rows.Field) error {
	return func(f rows.Field) error {
		s, err := f.Text()
		if err != nil {
			return err
		}
		if *into, err = netip.ParseAddr(s); err != nil || into.Zone() != "" {
			return f.Errorf("%s %q is no IP address", f.Key, s)
		}
		return nil
	}
}

func number(into *int, most int) func(rows.Field) error {
	return func(f rows.Field) error {
		s, err := f.Text()
		if err != nil {
			return err
		}
		if *into, err = strconv.Atoi(s); err != nil || *into < 1 || *into > most {
			return f.Errorf("%s is %q: it takes a number from 1 to %d", f.Key, s, most)
		}
		return nil
	}
}

func yes(into *bool) func(rows.Field) error {
	return func(f rows.Field) error {
		s, err := f.Text()
		if err == nil && s != "true" && s != "false" {
			err = f.Errorf("%s is %q: it takes true or false", f.Key, s)
		}
		*into = s == "true"
		return err
	}
}
