package requirement

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// A row is one entry of a file that is a list of mappings. It keeps the lines, for errors.
type row struct {
	file   string
	line   int
	fields []field
}

// A field is one key of a row with its value.
type field struct {
	file  string
	key   string
	value *yaml.Node
}

// readRows reads a YAML file that holds one list of mappings, without anchors or repeated keys. An empty file has no rows.
func readRows(file string, b []byte) ([]row, error) {
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	list := doc.Content[0]
	if list.Kind == yaml.ScalarNode && list.Tag == "!!null" {
		return nil, nil
	}
	if list.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s:%d: the file is not a list of entries: each begins with a dash", file, list.Line)
	}
	rows := make([]row, 0, len(list.Content))
	for _, item := range list.Content {
		r := row{file: file, line: item.Line}
		if item.Kind != yaml.MappingNode {
			return nil, r.errorf("the entry has no fields: it reads {id: ..., ...}")
		}
		for i := 0; i < len(item.Content); i += 2 {
			f := field{file, item.Content[i].Value, item.Content[i+1]}
			for _, g := range r.fields {
				if f.key == g.key {
					return nil, f.errorf("key %q occurs twice in one entry", f.key)
				}
			}
			r.fields = append(r.fields, f)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (row row) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", row.file, row.line, fmt.Sprintf(format, args...))
}

func (f field) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", f.file, f.value.Line, fmt.Sprintf(format, args...))
}

// demand gives an error for the first of the keys that the row lacks.
func (row row) demand(keys ...string) error {
next:
	for _, key := range keys {
		for _, f := range row.fields {
			if f.key == key {
				continue next
			}
		}
		return row.errorf("the entry has no %s", key)
	}
	return nil
}

// text gives the value of a field that holds a text, which is not empty.
func (f field) text() (string, error) {
	if f.value.Kind != yaml.ScalarNode {
		return "", f.errorf("%s is not a text", f.key)
	}
	if strings.TrimSpace(f.value.Value) == "" {
		return "", f.errorf("%s is empty", f.key)
	}
	return f.value.Value, nil
}

// oneOf gives the value of a field that holds one of a few words, which choices tells.
func oneOf[T ~string](f field, known func(T) bool, choices string) (T, error) {
	s, err := f.text()
	if err != nil {
		return "", err
	}
	if !known(T(s)) {
		return "", f.errorf("%s %q is unknown: it is %s", f.key, s, choices)
	}
	return T(s), nil
}
