// Package rows reads YAML files that are a list of entries with few, flat fields, strictly and with the place of each
// mistake: the catalogue of requirements and the expectations are such files.
package rows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A Row is one entry.
type Row struct {
	File   string
	Line   int
	Fields []Field
}

// A Field is one key of a row with its value.
type Field struct {
	File  string
	Key   string
	Value *yaml.Node
}

// Read reads a list of mappings in which no key is repeated. A file without content has no rows. The file's name is for
// errors only.
func Read(file string, b []byte) ([]Row, error) {
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
	var next yaml.Node
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file holds a second document: it is one list", file)
	}
	rows := make([]Row, 0, len(list.Content))
	for _, item := range list.Content {
		row := Row{File: file, Line: item.Line}
		if item.Kind != yaml.MappingNode {
			return nil, row.Errorf("the entry has no fields: it reads {id: ..., ...}")
		}
		for i := 0; i < len(item.Content); i += 2 {
			f := Field{file, item.Content[i].Value, item.Content[i+1]}
			if row.Has(f.Key) {
				return nil, f.Errorf("key %q occurs twice in one entry", f.Key)
			}
			row.Fields = append(row.Fields, f)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Errorf is an error with the place of the row.
func (row Row) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", row.File, row.Line, fmt.Sprintf(format, args...))
}

// Errorf is an error with the place of the field.
func (f Field) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", f.File, f.Value.Line, fmt.Sprintf(format, args...))
}

// Has tells whether the row has a field of that key.
func (row Row) Has(key string) bool {
	return slices.ContainsFunc(row.Fields, func(f Field) bool { return f.Key == key })
}

// Demand gives an error for the first of the keys that the row lacks.
func (row Row) Demand(keys ...string) error {
	for _, key := range keys {
		if !row.Has(key) {
			return row.Errorf("the entry has no %s", key)
		}
	}
	return nil
}

// Text gives the value of a field that holds a text, which is not empty.
func (f Field) Text() (string, error) {
	if f.Value.Kind != yaml.ScalarNode {
		return "", f.Errorf("%s is not a text", f.Key)
	}
	if strings.TrimSpace(f.Value.Value) == "" {
		return "", f.Errorf("%s is empty", f.Key)
	}
	return f.Value.Value, nil
}

// OneOf gives the value of a field that holds one of a few words, which choices tells.
func OneOf[T ~string](f Field, known func(T) bool, choices string) (T, error) {
	s, err := f.Text()
	if err != nil {
		return "", err
	}
	if !known(T(s)) {
		return "", f.Errorf("%s %q is unknown: it is %s", f.Key, s, choices)
	}
	return T(s), nil
}
