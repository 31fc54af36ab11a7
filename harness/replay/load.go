package replay

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/conform-stack/conform/fixtures/pcaps"
	"github.com/conform-stack/conform/harness/capture"
)

// Load reads a scenario file (.yaml), or a capture. A capture uses the scenario file of the same name beside it; without
// one the scenario is made from what the capture shows, and Assumed says how.
func Load(file string) (*Scenario, error) {
	dir, name := filepath.Split(file)
	if dir == "" {
		dir = "."
	}
	src := source{dir: dir, read: os.ReadFile, open: capture.Open}
	if isScenario(name) {
		return src.scenario(name)
	}
	beside := strings.TrimSuffix(name, filepath.Ext(name)) + ".yaml"
	if _, err := os.Stat(filepath.Join(dir, beside)); err == nil {
		s, err := src.scenario(beside)
		if err != nil || filepath.Base(s.Capture) == name {
			return s, err
		}
	}
	return src.capture(name)
}

// Builtin are the scenarios that come with the program, by name.
func Builtin() ([]*Scenario, error) { return builtin() }

var builtin = sync.OnceValues(func() ([]*Scenario, error) { return LoadFS(pcaps.Files) })

// LoadFS reads all scenario files of a folder.
func LoadFS(tree fs.FS) (list []*Scenario, err error) {
	src := source{
		read: func(name string) ([]byte, error) { return fs.ReadFile(tree, name) },
		open: func(name string) (*capture.Reader, error) { return openFS(tree, name) },
	}
	names, err := fs.Glob(tree, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		s, err := src.scenario(name)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func openFS(tree fs.FS, name string) (*capture.Reader, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := capture.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func isScenario(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

// source is where scenario files and captures lie.
type source struct {
	dir  string // empty for a tree with one folder
	read func(file string) ([]byte, error)
	open func(file string) (*capture.Reader, error)
}

func (src source) path(name string) string {
	if src.dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(src.dir, name)
}

// scenario reads a scenario file and the capture that it names.
func (src source) scenario(name string) (*Scenario, error) {
	file := src.path(name)
	b, err := src.read(file)
	if err != nil {
		return nil, fmt.Errorf("the scenario cannot be read: %w", err)
	}
	s, err := parse(file, b)
	if err != nil {
		return nil, err
	}
	s.Name = stem(name)
	s.Capture = src.path(s.Capture)
	if s.packets, err = readCapture(src.open, s.Capture); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// capture makes a scenario from a capture alone.
func (src source) capture(name string) (*Scenario, error) {
	file := src.path(name)
	packets, err := readCapture(src.open, file)
	if err != nil {
		return nil, err
	}
	s := &Scenario{Name: stem(name), Title: "the capture " + name, Capture: file, packets: packets}
	if err := s.assume(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }
