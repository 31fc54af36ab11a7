package replay

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/conform-stack/conform/fixtures/pcaps"
	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/target"
)

// A Scenario is a capture that can be replayed.
type Scenario struct {
	Name    string // of its file, without folder and extension
	Title   string
	Capture string // the capture's file, for messages
	Hosts   []Host
	Roles   []string // the hosts that the target plays, one after the other
	Flows   []Flow   // empty: everything between the hosts
	Sockets []Socket
	Omit    []Omission
	Masks   []Mask
	Shows   []string   // requirements
	Assumed []string   // what was found out without a scenario file, a sentence each
	Unused  netip.Addr // an address of the capture that nobody has; the zero Addr for none

	packets []*captured
}

// A Host is a party in the capture.
type Host struct {
	Name  string
	MAC   net.HardwareAddr // that its frames come from: a router's for a host behind one
	IP    netip.Addr
	Needs []target.Feature // what a target has to have to play it
}

// A Flow is messages of one kind between two hosts.
type Flow struct {
	Kind  string // the name of an aligner
	Hosts [2]string
}

// A Socket is opened on the target through the agent when it plays Host.
type Socket struct {
	Host  string
	Type  string // udp, or icmp for a raw one
	Port  uint16 // udp: the local port
	Sends []int  // the packets of the capture whose data it sends
}

// An Omission leaves packets of the capture out.
type Omission struct {
	First, Last int
	Role        string // only when the target plays it; empty for all roles
	Why         string
}

// A Mask leaves a field out of the comparison.
type Mask struct {
	Field string // with its protocol: "ICMP code"
	Role  string // only when the target plays it; empty for all roles
	Why   string
}

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

// host gives the host of that name.
func (s *Scenario) host(name string) (Host, bool) {
	for _, h := range s.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}

// omitted gives the reason for which a packet is left out in a role.
func (s *Scenario) omitted(number int, role string) (why string, ok bool) {
	for _, o := range s.Omit {
		if number >= o.First && number <= o.Last && (o.Role == "" || o.Role == role) {
			return o.Why, true
		}
	}
	return "", false
}

// masked tells whether a field is left out of the comparison in a role.
func (s *Scenario) masked(field, role string) bool {
	for _, m := range s.Masks {
		if m.Field == field && (m.Role == "" || m.Role == role) {
			return true
		}
	}
	return false
}

// sender gives the socket that sends a packet when the target plays role.
func (s *Scenario) sender(number int, role string) *Socket {
	for i, k := range s.Sockets {
		if k.Host != role {
			continue
		}
		for _, n := range k.Sends {
			if n == number {
				return &s.Sockets[i]
			}
		}
	}
	return nil
}
