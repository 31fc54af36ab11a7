package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/conform-stack/conform/harness/internal/rows"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/target"
)

// parse reads a scenario file, strictly: each mistake is an error with the file and the line.
func parse(file string, b []byte) (*Scenario, error) {
	var doc yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(b)).Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: the scenario is empty", file)
	case err != nil:
		return nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	s := &Scenario{}
	err := mapping(rows.Field{File: file, Key: "the scenario", Value: doc.Content[0]}, keys{
		"capture": text(&s.Capture),
		"title":   text(&s.Title),
		"hosts":   s.parseHosts,
		"target":  texts(&s.Roles),
		"flows":   each(&s.Flows, parseFlow),
		"sockets": each(&s.Sockets, parseSocket),
		"omit":    each(&s.Omit, parseOmission),
		"mask":    each(&s.Masks, parseMask),
		"shows":   s.parseShows,
		"unused":  address(&s.Unused),
	}, "capture", "title", "hosts", "target", "flows", "shows")
	return s, err
}

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
		if *into, err = netip.ParseAddr(s); err != nil || !into.Is4() {
			return f.Errorf("%s %q is no IPv4 address", f.Key, s)
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

func (s *Scenario) parseHosts(f rows.Field) error {
	if f.Value.Kind != yaml.MappingNode {
		return f.Errorf("hosts is not a mapping of names to {mac: ..., ip: ...}")
	}
	for i := 0; i+1 < len(f.Value.Content); i += 2 {
		name := f.Value.Content[i]
		h := Host{Name: name.Value}
		at := rows.Field{File: f.File, Key: "host " + h.Name, Value: f.Value.Content[i+1]}
		if _, twice := s.host(h.Name); twice {
			return at.Errorf("host %s is there twice", h.Name)
		}
		err := mapping(at, keys{
			"mac": func(f rows.Field) error {
				m, err := f.Text()
				if err != nil {
					return err
				}
				if h.MAC, err = net.ParseMAC(m); err != nil || len(h.MAC) != 6 {
					return f.Errorf("mac %q is no Ethernet address", m)
				}
				return nil
			},
			"ip": address(&h.IP),
			"needs": each(&h.Needs, func(f rows.Field) (target.Feature, error) {
				return rows.OneOf(f, isFeature, "the name of a feature that a target declares")
			}),
		}, "mac", "ip")
		if err != nil {
			return err
		}
		s.Hosts = append(s.Hosts, h)
	}
	return nil
}

func isFeature(f target.Feature) bool {
	switch f {
	case target.Agent, target.UDPEcho, target.Forwarding, target.SecondLink, target.IPv6, target.Conflict,
		target.LinkLocal4, target.Multicast4, target.Management:
		return true
	}
	return false
}

func parseFlow(f rows.Field) (fl Flow, err error) {
	var hosts []string
	err = mapping(f, keys{
		"kind": func(f rows.Field) (err error) {
			fl.Kind, err = rows.OneOf(f, func(k string) bool { return slices.Contains(kinds(), k) }, strings.Join(kinds(), ", "))
			return err
		},
		"hosts": texts(&hosts),
	}, "kind", "hosts")
	if err == nil && len(hosts) != 2 {
		err = f.Errorf("the hosts of a flow are two, not %d", len(hosts))
	}
	if err == nil {
		fl.Hosts = [2]string(hosts)
	}
	return fl, err
}

func parseSocket(f rows.Field) (s Socket, err error) {
	var port int
	err = mapping(f, keys{
		"host": text(&s.Host),
		"type": func(f rows.Field) (err error) {
			s.Type, err = rows.OneOf(f, func(t string) bool { return t == udpSocket || t == icmpSocket }, "udp or icmp")
			return err
		},
		"port": number(&port, 65535),
		"sends": each(&s.Sends, func(f rows.Field) (n int, err error) {
			err = number(&n, maxPacket)(f)
			return n, err
		}),
	}, "host", "type", "sends")
	s.Port = uint16(port)
	if err == nil && (s.Type == udpSocket) != (port != 0) {
		err = f.Errorf("a udp socket has a port, an icmp socket has none")
	}
	return s, err
}

// maxPacket bounds packet numbers.
const maxPacket = 1 << 30

func parseOmission(f rows.Field) (o Omission, err error) {
	err = mapping(f, keys{
		"packets": func(f rows.Field) error {
			s, err := f.Text()
			if err != nil {
				return err
			}
			from, to, isRange := strings.Cut(s, "-")
			if !isRange {
				to = from
			}
			var bad [2]error
			o.First, bad[0] = strconv.Atoi(strings.TrimSpace(from))
			o.Last, bad[1] = strconv.Atoi(strings.TrimSpace(to))
			if errors.Join(bad[:]...) != nil || o.First < 1 || o.Last < o.First {
				return f.Errorf("packets is %q: it takes a packet's number, or the first and the last as in 5-6", s)
			}
			return nil
		},
		"role": text(&o.Role),
		"why":  text(&o.Why),
	}, "packets", "why")
	return o, err
}

func parseMask(f rows.Field) (m Mask, err error) {
	err = mapping(f, keys{
		"field": func(f rows.Field) (err error) {
			known := allFields()
			m.Field, err = rows.OneOf(f, func(n string) bool { return known[n] }, "the name of a field that is compared, such as \"ICMP code\"")
			return err
		},
		"role": text(&m.Role),
		"why":  text(&m.Why),
	}, "field", "why")
	return m, err
}

func (s *Scenario) parseShows(f rows.Field) error {
	catalogue, err := requirement.Load()
	if err != nil {
		return err
	}
	return each(&s.Shows, func(f rows.Field) (string, error) {
		id, err := f.Text()
		if err != nil {
			return "", err
		}
		if _, known := catalogue.Get(id); !known {
			return "", f.Errorf("%s is not in the catalogue of requirements", id)
		}
		if slices.Contains(s.Shows, id) {
			return "", f.Errorf("%s is there twice", id)
		}
		return id, nil
	})(f)
}
