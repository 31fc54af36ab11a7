// Package file opens targets that a file describes: the link, the addresses, what the target has and how it is reset.
//
//	name: my board
//	version: "2.4"
//	link: packet:eth1            # see package port; exec takes a list as well: {exec: [./board, --fast]}
//	addresses:
//	  target: 192.0.2.1
//	  prefix: 192.0.2.0/24
//	  testers: [192.0.2.10-192.0.2.60]
//	  unused: 192.0.2.254
//	mtu: 1500
//	services: {udp_echo: 7}
//	security: {key: 000102030405060708090a0b0c0d0e0f, index: 1, level: 5}   # on IEEE 802.15.4
//	agent: {at: 127.0.0.1:7117, token: secret}   # see package agent/remote
//	features: [igmp]
//	timings: {arp_timeout: 60s, arp_retry: 1s, arp_requests: 3, reassembly: 60s, default_ttl: 64}
//	alive: 3s
//	reset: {command: [./power-cycle, board7], within: 30s}
//
// Only the link is required. The file is read strictly: an unknown key, or a value that cannot be, is an error with its line.
package file

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/board"
	"github.com/conform-stack/conform/harness/target/port"
)

// A Description is the content of a target file.
type Description struct {
	Name      string           `yaml:"name"`
	Version   string           `yaml:"version"`
	Link      link             `yaml:"link"`
	Addresses addresses        `yaml:"addresses"`
	MTU       int              `yaml:"mtu"`
	Security  security         `yaml:"security"`
	Services  services         `yaml:"services"`
	Agent     control          `yaml:"agent"`
	Features  []target.Feature `yaml:"features"`
	Timings   timings          `yaml:"timings"`
	Alive     time.Duration    `yaml:"alive"`
	Reset     reset            `yaml:"reset"`
}

// link is a word, or a command with its arguments.
type link struct {
	word    string
	command []string
}

func (l *link) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&l.word)
	}
	var m struct {
		Exec []string `yaml:"exec"`
	}
	if err := n.Decode(&m); err != nil || len(m.Exec) == 0 || len(n.Content) != 2 {
		return fmt.Errorf("line %d: link is a word such as tap:board0, or {exec: [COMMAND, ARGUMENT...]}", n.Line)
	}
	l.command = m.Exec
	return nil
}

type addresses struct {
	Target  netip.Addr   `yaml:"target"`
	Prefix  netip.Prefix `yaml:"prefix"`
	Testers []string     `yaml:"testers"` // addresses, and ranges FIRST-LAST
	Unused  netip.Addr   `yaml:"unused"`

	Target6   netip.Addr   `yaml:"target6"` // of IPv6 and global scope
	LinkLocal netip.Addr   `yaml:"link_local"`
	Prefix6   netip.Prefix `yaml:"prefix6"`
	Unused6   netip.Addr   `yaml:"unused6"`
	PAN       uint16       `yaml:"pan"`   // of a network of IEEE 802.15.4
	Short     uint16       `yaml:"short"` // address there
}

// security is of a network of IEEE 802.15.4.
type security struct {
	Key    key   `yaml:"key"`
	Index  uint8 `yaml:"index"`  // of the key in frames; 0: they name none
	Level  uint8 `yaml:"level"`  // of what both send; 0 means 5
	Demand uint8 `yaml:"demand"` // what has less the target refuses
}

// key is one of AES-128, as 32 digits.
type key []byte

func (k *key) UnmarshalYAML(n *yaml.Node) error {
	b, err := hex.DecodeString(n.Value)
	if err != nil || len(b) != 16 {
		return fmt.Errorf("line %d: a key is 16 octets, as 32 digits from 0 to f", n.Line)
	}
	*k = b
	return nil
}

// of is what a target is told of it.
func (s security) of() (out target.Security) {
	if s.Key == nil {
		return out
	}
	out = target.Security{Level: cmp.Or(s.Level, 5), KeyIndex: s.Index, Demand: s.Demand}
	if s.Index > 0 {
		out.KeyMode = 1
	}
	out.Keys = []target.Key{{Mode: out.KeyMode, Index: s.Index, Secret: [16]byte(s.Key)}}
	return out
}

type services struct {
	UDPEcho uint16 `yaml:"udp_echo"` // the port of an echo service
}

type control struct {
	At    string `yaml:"at"`
	Token string `yaml:"token"`
}

type timings struct {
	ARPTimeout  time.Duration `yaml:"arp_timeout"`
	ARPRetry    time.Duration `yaml:"arp_retry"`
	ARPRequests int           `yaml:"arp_requests"`
	Reassembly  time.Duration `yaml:"reassembly"`
	DefaultTTL  uint8         `yaml:"default_ttl"`

	// Of IPv6, without a router.
	HopLimit    uint8         `yaml:"hop_limit"`
	Retrans     time.Duration `yaml:"retrans"`
	Reachable   time.Duration `yaml:"reachable"`
	Reassembly6 time.Duration `yaml:"reassembly6"`
}

type reset struct {
	Command []string      `yaml:"command"`
	Within  time.Duration `yaml:"within"`
}

// Read reads a description. Its errors name the file and, where they can, the line.
func Read(name string) (*Description, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the target file cannot be read: %w", err)
	}
	d, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d.Name = cmp.Or(d.Name, strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
	return d, nil
}

func parse(b []byte) (*Description, error) {
	d := new(Description)
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(d); err != nil && err != io.EOF {
		return nil, tidy(err)
	}
	if d.Link.word == "" && d.Link.command == nil {
		return nil, errors.New("the file names no link, such as `link: tap:board0`")
	}
	can := d.declarable()
	for _, f := range d.Features {
		if !slices.Contains(can, f) {
			return nil, fmt.Errorf("feature %q cannot be declared by a target file%s; what can is %s", f, d.without(), listOf(can))
		}
	}
	_, err := d.testers()
	return d, err
}

// declarable are the features that a target behind one link may have, as it stands. Those of TCP take an agent, which opens
// connections; they may be there all the time, since it is the tester who agrees to them or does not.
func (d *Description) declarable() []target.Feature {
	fs := []target.Feature{target.SNAP, target.Conflict, target.LinkLocal4, target.Multicast4, target.Multicast6, target.RouteInfo,
		target.HC1, target.GHC, target.Recovers, target.MeshUnder, target.TrustElided}
	if d.Agent.At != "" {
		fs = append(fs, target.WindowScale, target.Timestamps, target.ECN, target.RACK, target.PRR, target.FRTO, target.CUBIC)
	}
	return fs
}

// without says what more could be declared with what the file does not have.
func (d *Description) without() string {
	if d.Agent.At == "" {
		return " without an agent"
	}
	return ""
}

func listOf(fs []target.Feature) string {
	words := make([]string, len(fs))
	for i, f := range fs {
		words[i] = string(f)
	}
	return strings.Join(words, ", ")
}

// tidy makes one line of YAML's errors, without the names of Go's types.
func tidy(err error) error {
	var t *yaml.TypeError
	if !errors.As(err, &t) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	lines := make([]string, len(t.Errors))
	for i, l := range t.Errors {
		l, _, _ = strings.Cut(l, " in type ")
		lines[i] = strings.Replace(l, "field ", "unknown key ", 1)
		lines[i] = strings.TrimSuffix(lines[i], " not found")
	}
	return errors.New(strings.Join(lines, "; "))
}

// maxTesters bounds the list of testers.
const maxTesters = 1024

func (d *Description) testers() (all []netip.Addr, err error) {
	for _, word := range d.Addresses.Testers {
		first, last, isRange := strings.Cut(word, "-")
		a, err := netip.ParseAddr(strings.TrimSpace(first))
		b := a
		if err == nil && isRange {
			b, err = netip.ParseAddr(strings.TrimSpace(last))
		}
		if err != nil || b.Less(a) || a.Is4() != b.Is4() {
			return nil, fmt.Errorf("testers: %q is neither an address nor a range FIRST-LAST", word)
		}
		for ; !b.Less(a); a = a.Next() {
			if len(all) == maxTesters {
				return nil, fmt.Errorf("testers are more than %d", maxTesters)
			}
			all = append(all, a)
		}
	}
	return all, nil
}

// Open opens the target that a file describes. Commands are run in the folder of the file.
func Open(ctx context.Context, name string) (target.Target, error) {
	d, err := Read(name)
	if err != nil {
		return nil, err
	}
	o, err := d.options(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t, err := board.Behind(ctx, d.Name, d.opener(), o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func (d *Description) opener() func(context.Context) (io.ReadWriteCloser, error) {
	if d.Link.command != nil {
		return func(ctx context.Context) (io.ReadWriteCloser, error) { return port.Exec(ctx, d.Link.command) }
	}
	return func(ctx context.Context) (io.ReadWriteCloser, error) { return port.Open(ctx, d.Link.word) }
}

func (d *Description) options(folder string) (board.Options, error) {
	testers, err := d.testers()
	if err != nil {
		return board.Options{}, err
	}
	t := d.Timings
	o := board.Options{
		Link:   port.LinkType(d.Link.word),
		Target: d.Addresses.Target, Prefix: d.Addresses.Prefix, Testers: testers, Unused: d.Addresses.Unused,
		Target6: d.Addresses.Target6, LinkLocal: d.Addresses.LinkLocal, Prefix6: d.Addresses.Prefix6, Unused6: d.Addresses.Unused6,
		PAN: d.Addresses.PAN, Short: d.Addresses.Short, Security: d.Security.of(),
		Agent: d.Agent.At, Token: d.Agent.Token,
		MTU: d.MTU, Features: d.Features, Version: d.Version, AliveWithin: d.Alive, ResetWithin: d.Reset.Within,
		Params: target.Params{
			ARPTimeout: t.ARPTimeout, ARPRetry: t.ARPRetry, ARPRequests: t.ARPRequests, ReassemblyFor: t.Reassembly, DefaultTTL: t.DefaultTTL,
			HopLimit: t.HopLimit, Retrans: t.Retrans, ReachableTime: t.Reachable, Reassembly6For: t.Reassembly6,
		},
	}
	if d.Services.UDPEcho != 0 {
		at := cmp.Or(d.Addresses.Target, d.Addresses.Target6, board.DefaultTarget())
		o.Service = netip.AddrPortFrom(at, d.Services.UDPEcho)
	}
	if len(d.Reset.Command) > 0 {
		o.Reset = func(ctx context.Context) error { return d.reset(ctx, folder) }
	}
	return o, nil
}

// reset runs the reset command to its end, within the time that the target has to come back.
func (d *Description) reset(ctx context.Context, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Reset.Within, 30*time.Second))
	defer cancel()
	cmd := exec.CommandContext(ctx, d.Reset.Command[0], d.Reset.Command[1:]...)
	cmd.Dir = folder
	cmd.WaitDelay = time.Second // what it started may hold its output open
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w %s", strings.Join(d.Reset.Command, " "), err, bytes.TrimSpace(out[:min(len(out), 500)]))
	}
	return nil
}
