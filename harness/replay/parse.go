package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
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
		"assigns": each(&s.Assigns, parseAssignment),
		"omit":    each(&s.Omit, parseOmission),
		"mask":    each(&s.Masks, parseMask),
		"shows":   s.parseShows,
		"unused":  address(&s.Unused),
	}, "capture", "title", "hosts", "target", "flows", "shows")
	return s, err
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
				if h.MAC, err = net.ParseMAC(m); err != nil || len(h.MAC) != 6 && len(h.MAC) != 8 {
					return f.Errorf("mac %q is no address of Ethernet or IEEE 802.15.4", m)
				}
				return nil
			},
			"ip":         address(&h.IP),
			"link-local": address(&h.LinkLocal),
			"needs": each(&h.Needs, func(f rows.Field) (target.Feature, error) {
				return rows.OneOf(f, isFeature, "the name of a feature that a target declares")
			}),
			"behind": text(&h.Behind),
			"mtu":    number(&h.MTU, 65535),
		}, "mac", "ip")
		if err == nil && h.MTU != 0 && h.Behind == "" {
			err = at.Errorf("the mtu of host %s is that of a link behind a router, and the host is behind none", h.Name)
		}
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
		target.LinkLocal4, target.SLAAC, target.DAD, target.Management6, target.Forwarding6, target.Advertises, target.Multicast4, target.Management, target.Timestamps, target.WindowScale:
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
			s.Type, err = rows.OneOf(f, func(t string) bool { return t == udpSocket || t == tcpSocket || t == icmpSocket }, "udp, tcp or icmp")
			return err
		},
		"port":     number(&port, 65535),
		"sends":    each(&s.Sends, packetNumber),
		"receives": each(&s.Receives, packetNumber),
		"connects": number(&s.Connects, maxPacket),
		"reads":    number(&s.Reads, maxPacket),
		"closes":   number(&s.Closes, maxPacket),
		"aborts":   number(&s.Aborts, maxPacket),
		"joins":    each(&s.Joins, parseMembership),
		"leaves":   each(&s.Leaves, parseMembership),
	}, "host", "type")
	s.Port = uint16(port)
	switch {
	case err != nil:
	case s.Type == tcpSocket && port == 0:
		err = f.Errorf("a tcp socket has a port")
	case s.Type != udpSocket && len(s.Receives) > 0:
		err = f.Errorf("only a udp socket names what it receives")
	case s.Type == tcpSocket && len(s.Joins)+len(s.Leaves) > 0, s.Type != tcpSocket && len(s.streamPackets()) > 0:
		err = f.Errorf("a tcp socket joins no groups, and no other connects, reads, closes or aborts")
	case s.Type == tcpSocket:
	case s.Type == icmpSocket && port != 0, s.Type == udpSocket && port == 0 && len(s.Sends)+len(s.Receives) > 0:
		err = f.Errorf("a udp socket that sends or receives has a port, an icmp socket has none")
	case len(s.packets())+len(s.Receives) == 0:
		err = f.Errorf("the socket does nothing: it sends or receives packets, or joins or leaves groups")
	}
	return s, err
}

func parseMembership(f rows.Field) (m Membership, err error) {
	err = mapping(f, keys{"group": address(&m.Group), "packets": each(&m.Packets, packetNumber)}, "group", "packets")
	switch {
	case err != nil:
	case !m.Group.IsMulticast():
		err = f.Errorf("group %s is no group: those are 224.0.0.0 to 239.255.255.255", m.Group)
	case len(m.Packets) == 0:
		err = f.Errorf("packets is empty: it names those that report the membership")
	}
	return m, err
}

func packetNumber(f rows.Field) (n int, err error) {
	err = number(&n, maxPacket)(f)
	return n, err
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
