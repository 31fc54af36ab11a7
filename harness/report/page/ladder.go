package page

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/packet"
	_ "github.com/conform-stack/conform/harness/packet/all"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/target"
)

// A ladder is the exchange of a check: packets between the tester and the target in the order of time.
type ladder struct {
	Lanes []lane `json:"lanes"` // a case on a link each
	Cut   int    `json:"cut"`   // packets that were left out, of an exchange that is long
	Err   string `json:"err,omitempty"`
}

type lane struct {
	Name    string `json:"name"`
	Packets []step `json:"packets"`
}

// A step is one packet.
type step struct {
	At         int64    `json:"at"` // microseconds since the world was made
	FromTarget bool     `json:"in"`
	Summary    string   `json:"sum"`
	Notes      []string `json:"notes,omitempty"`
	Layers     []layer  `json:"layers,omitempty"`
	Octets     string   `json:"hex"`
}

type layer struct {
	Name   string      `json:"n"`
	At     int         `json:"at"`
	Octets int         `json:"len"`
	Fields [][2]string `json:"f"`
}

// Bounds of what the page carries of one exchange.
const (
	maxPackets = 120  // of a check
	maxFrame   = 1600 // octets of a packet
)

// collect reads the evidence of checks, first those that are not as expected, until the bounds of the page are reached.
func collect(r *report.Report, folder string) (all map[string]ladder, left int) {
	all = map[string]ladder{}
	if folder == "" {
		return all, 0
	}
	order := make([]*report.Check, 0, len(r.Checks))
	for i := range r.Checks {
		if r.Checks[i].Evidence != "" {
			order = append(order, &r.Checks[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *report.Check) int { return rank(a.Outcome) - rank(b.Outcome) })
	room := maxOctets
	for _, c := range order {
		if len(all) >= maxLadders || room <= 0 {
			left++
			continue
		}
		l := read(filepath.Join(folder, filepath.FromSlash(c.Evidence)))
		encoded, err := json.Marshal(l)
		if err != nil || len(encoded) > room {
			left++
			continue
		}
		room -= len(encoded)
		all[c.ID] = l
	}
	return all, left
}

// rank orders outcomes by how much somebody wants to see of them.
func rank(o report.Outcome) int {
	switch o {
	case report.Fail, report.Error, report.UnexpectedPass:
		return 0
	case report.Inconclusive:
		return 1
	case report.ExpectedFail:
		return 2
	}
	return 3
}

// read makes the ladder of a capture. A capture that cannot be read gives one that says so.
func read(path string) (l ladder) {
	r, err := capture.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return ladder{Err: "the capture is not there"}
	}
	if err != nil {
		return ladder{Err: err.Error()}
	}
	defer r.Close()
	lanes := map[string]int{}
	for n := 0; ; n++ {
		p, err := r.Next()
		switch {
		case err == io.EOF:
			return l
		case err != nil:
			l.Err = err.Error()
			return l
		case n >= maxPackets:
			l.Cut++
			continue
		}
		name := ""
		if p.Interface != nil {
			name = p.Interface.Name
		}
		at, known := lanes[name]
		if !known {
			at = len(l.Lanes)
			lanes[name] = at
			l.Lanes = append(l.Lanes, lane{Name: name})
		}
		l.Lanes[at].Packets = append(l.Lanes[at].Packets, stepOf(p))
	}
}

func stepOf(p capture.Packet) step {
	f := packet.Dissect(target.LinkType(p.LinkType), p.Data)
	s := step{
		At: p.Time.Sub(time.Unix(0, 0)).Microseconds(), FromTarget: p.Direction == capture.Inbound,
		Summary: valid(f.String()), Octets: hex.EncodeToString(p.Data[:min(len(p.Data), maxFrame)]),
	}
	for _, n := range p.Comments {
		s.Notes = append(s.Notes, valid(n))
	}
	for _, v := range f.Views() {
		l := layer{Name: v.Name, At: v.At, Octets: v.Octets}
		for _, field := range v.Fields {
			l.Fields = append(l.Fields, [2]string{field.Name, valid(field.Value)})
		}
		s.Layers = append(s.Layers, l)
	}
	return s
}

// valid replaces what is no UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
