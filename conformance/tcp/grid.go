package tcp

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The state-event grid: every cell of RFC 9293, 3.10.7, a state of the target and a segment at a position, with all
// reactions that are legal. The file says how it is to be read.
//
//go:embed grid.yaml
var gridFile []byte

// A row is a cell of the grid.
type row struct {
	ID       string
	State    probe.State
	Origin   string // of SYN-RECEIVED: passive or active
	Segment  string
	Position string
	Ack      string
	outcome  `yaml:",inline"`
	Alt      []alternative
	Note     string
}

// An outcome is a legal reaction.
type outcome struct {
	Expect string
	Reply  answer
	Next   probe.State `yaml:"next_state"`
	Rules  []string
}

// An alternative is another one, which is legal when its condition holds.
type alternative struct {
	outcome `yaml:",inline"`
	When    string
	Note    string
}

// An answer is the segment that the target replies with, numbers as formulas; without flags there is none.
type answer struct{ Flags, Seq, Ack string }

// UnmarshalYAML reads an answer: "none", or flags and numbers.
func (a *answer) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Value == "none" {
		return nil
	}
	var fields map[string]string
	if err := n.Decode(&fields); err != nil {
		return err
	}
	for k, v := range fields {
		switch k {
		case "flags":
			a.Flags = v
		case "seq":
			a.Seq = v
		case "ack":
			a.Ack = v
		default:
			return fmt.Errorf("line %d: an answer has no %q", n.Line, k)
		}
	}
	if a.Flags == "" {
		return fmt.Errorf("line %d: an answer without flags", n.Line)
	}
	return nil
}

// String is what names the row in reports.
func (r row) String() string { return r.ID }

// timer tells whether the event of the row is a timeout (3.10.8), not a segment.
func (r row) timer() bool { return strings.HasPrefix(r.Segment, "timer-") }

// readGrid reads the file strictly: no field, state, segment or position that is not known, no id twice.
func readGrid(data []byte) (rows []row, err error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&rows); err != nil {
		return nil, err
	}
	if err := d.Decode(new(any)); err != io.EOF {
		return nil, fmt.Errorf("more than one document: %v", err)
	}
	ids := map[string]bool{}
	for _, r := range rows {
		if ids[r.ID] {
			return nil, fmt.Errorf("%s: the id is there twice", r.ID)
		}
		ids[r.ID] = true
		if err := r.validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.ID, err)
		}
	}
	return rows, nil
}

func (r row) validate() error {
	_, known := gridSegments[r.Segment]
	switch {
	case !slices.Contains(probe.States, r.State):
		return fmt.Errorf("there is no state %q", r.State)
	case !known && !r.timer():
		return fmt.Errorf("there is no segment %q", r.Segment)
	case !slices.Contains(gridPositions, r.Position):
		return fmt.Errorf("there is no position %q", r.Position)
	case !slices.Contains(gridAcks, r.Ack):
		return fmt.Errorf("there is no ack %q", r.Ack)
	}
	if err := r.outcome.validate(); err != nil {
		return err
	}
	for _, a := range r.Alt {
		if _, known := gridConditions[a.When]; !known {
			return fmt.Errorf("nothing is known of the condition %q", a.When)
		}
		if err := a.outcome.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (o outcome) validate() error {
	switch {
	case !slices.Contains(probe.States, o.Next):
		return fmt.Errorf("there is no state %q", o.Next)
	case !slices.Contains([]string{"drop", "rst", "ack", "challenge-ack", "syn-ack", "hold", "process"}, o.Expect):
		return fmt.Errorf("there is no reaction %q", o.Expect)
	case len(o.Rules) == 0:
		return fmt.Errorf("no rule says so")
	}
	return nil
}

// gridConditions are those of alternatives: whether a target may choose them, as the connections of the grid are made, and
// the SHOULD that it does not follow then.
var gridConditions = map[string]struct {
	legal  bool
	should string
	at     string // the only position where it is
}{ // never written
	"RFC 5961 ACK range check implemented (MAY-12)":                                                          {legal: true},
	"ACK field of an out-of-order segment is processed on arrival (common practice)":                         {legal: true},
	"no immediate reply (only a MAY in RFC 9293)":                                                            {legal: true},
	"data or FIN beyond the peer's FIN draws an ACK of RCV.NXT (common practice)":                            {legal: true},
	"RFC 5961 SYN check not implemented (RFC 793)":                                                           {legal: true, should: "RFC5961:4.2-1"},
	"RFC 5961 RST check not implemented":                                                                     {legal: true, should: "RFC5961:3.2-1"},
	"no special allowance: the ACK field of an unacceptable segment is not processed":                        {legal: true},
	"RFC 1337: RST ignored in TIME-WAIT":                                                                     {legal: true},
	"MAY-2 or RFC 6191: SYN above the last sequence number reopens":                                          {legal: true},
	"the repeated SYN draws the SYN,ACK again (common practice)":                                             {legal: true},
	"simultaneous open: the SYN,ACK is accepted (figure of section 3.5)":                                     {legal: true},
	"the ACK field of the repeated FIN is processed before it is dropped (appendix A.2, simultaneous close)": {legal: true},
	"literal reading of the TIME-WAIT step":                                                                  {legal: true},
	"a segment without ACK is dropped before its sequence number is looked at (common practice)":             {legal: true},
	"what lies beyond the peer's FIN is ignored":                                                             {legal: true},
	"literal reading of step 8: a FIN beyond the peer's FIN is acknowledged":                                 {legal: true},
	"more is taken than was offered":                                                                         {legal: true},
	// The application has ended its own half only, and can read.
	"half-duplex close: the application cannot read any more": {},
	// The connections have no timestamps; without, RFC 6191 drops what is left of the window.
	"RFC 6191: timestamps newer than the last seen":                                                     {},
	"RFC 6191: the timestamp is older than the last seen (left of the window also: no newer timestamp)": {legal: true, at: "outside-left"},
}

// allows tells whether a target may choose an alternative of the row.
func (r row) allows(a alternative) bool {
	c := gridConditions[a.When]
	return c.legal && (c.at == "" || c.at == r.Position)
}

// later tells whether the row's state comes behind another one in the life of a connection.
func (r row) later(than probe.State) bool {
	return slices.Index(probe.States, r.State) > slices.Index(probe.States, than)
}

// gridUnproven are rules that a cell cannot show, with the reason.
var gridUnproven = map[string]string{ // never written
	"RFC9293:MAY-13":      "a MAY: an answer and none are right",
	"RFC5681:4.2-9":       "a SHOULD of another document, where RFC 9293 has a MAY",
	"RFC9293:A.2-1":       "says that remedies differ",
	"RFC9293:3.10.7.4-26": "what the window became shows in what is sent next: events_window.go",
	"RFC9293:3.10.7.2-4":  "what the SYN carried shows once the connection is there: events_open.go",
	"RFC9293:3.10.7.3-7":  "likewise",
	"RFC9293:MUST-18":     "one timeout says nothing of how it was computed",
}

// Proves implements check.Proving.
func (r row) Proves() []string {
	var rules []string
	add := func(rule string) {
		if _, not := gridUnproven[rule]; !not && !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	for _, rule := range r.Rules {
		if rule != "RFC9293:SHLD-31" || r.showsHolding() {
			add(rule)
		}
	}
	for _, a := range r.Alt {
		if s := gridConditions[a.When].should; s != "" {
			add(s)
		}
	}
	return rules
}

// closed tells whether the row wants a target that offers no window from the beginning: nothing that comes in SYN-RECEIVED
// closes one, for nothing of it is taken yet.
func (r row) closed() bool {
	return r.State == probe.StateSynReceived && strings.HasPrefix(r.Position, "zero-window")
}

// registerGrid adds a check for each state and segment, with a case for each row.
func registerGrid(rows []row) {
	type key struct {
		state           probe.State
		origin, segment string
		closed          bool
	}
	var order []key
	groups := map[key][]row{}
	for _, r := range rows {
		k := key{r.State, r.Origin, r.Segment, r.closed()}
		if r.timer() {
			continue
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	for _, k := range order {
		id := "tcp.grid." + strings.ToLower(string(k.state))
		title := string(k.state)
		if k.origin != "" {
			id += "-" + k.origin
			title += " after the " + k.origin + " open"
		}
		claims := gridClaims(groups[k])
		if k.closed {
			id += ".closed"
			title += " with a window of 0"
			claims = claims.Needs(target.ZeroBuffer)
		}
		title += ": " + gridSegments[k.segment].title + ", wherever it stands, is met as section 3.10.7 says"
		grid(id+"."+strings.ToLower(k.segment), title, claims, groups[k], runRow)
	}
}

// gridClaims are the rules of a group of rows, each with a target that violates it.
func gridClaims(group []row) (claims check.Claims) {
	var rules []string
	for _, r := range group {
		for _, rule := range r.Proves() {
			if !slices.Contains(rules, rule) {
				rules = append(rules, rule)
				claims = claims.And(rule, violating(rule, group))
			}
		}
	}
	return claims
}

func init() {
	rows, err := readGrid(gridFile)
	if err != nil {
		panic(fmt.Errorf("the state-event grid: %w", err))
	}
	registerGrid(rows)
	registerTimers(rows)
}
