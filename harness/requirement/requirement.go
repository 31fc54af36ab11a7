// Package requirement holds what the specifications ask: the catalogue of requirements, and which of them the checks cover.
//
// A requirement is one rule of one specification, with an id that never changes. Its level is the specification's keyword;
// a rule stated without one has level RULE and binds like a MUST. Checks name the requirements that they prove by id.
// Coverage is read both ways: a testable requirement without a check is a gap unless a reason is written down, and a
// check without a known requirement is an error.
package requirement

import (
	"fmt"
	"strings"
)

// A Requirement is one rule of a specification.
type Requirement struct {
	ID       string // RFC826:RX-8
	Spec     string // the specification by its name: RFC 826
	Section  string // where in the specification
	Level    Level
	Text     string // the rule, paraphrased
	Testable Testable
	Role     string // whom it binds: host, router, both, client, server, ...
	Needs    []Need // what a target must offer before the rule can be tested
	Replaced string // the id of the requirement of a newer specification that replaces it; empty when none does
	Group    string // the catalogue's folder: ipv4, tcp, ...
	File     string // the catalogue's file within its tree: ipv4/rfc826.yaml
	Line     int    // in File
}

// Testable says where a requirement shows.
type Testable string

const (
	Wire Testable = "wire" // in packets in and out; some need an agent that opens, sends and closes
	API  Testable = "api"  // at the local interface only
	None Testable = "none" // internal, or not a rule for a stack
)

// A Need is what a target must offer before a requirement can be tested.
type Need string

const (
	Services   Need = "services"    // an echo service, or the like, runs on the target
	Agent      Need = "agent"       // sockets can be opened, used and closed
	Management Need = "management"  // addresses and interfaces can be changed
	Router     Need = "router"      // the target forwards, or plays a router's part
	SecondLink Need = "second-link" // the target has two links
)

// A Level is the keyword (RFC 2119) of a requirement.
type Level string

// Rule is the level of a format or processing rule that its specification states without a keyword.
const Rule Level = "RULE"

// A Class says what failing a requirement means. Classes are ordered: a later one asks less.
type Class uint8

const (
	Binding    Class = iota + 1 // MUST, MUST NOT, SHALL, SHALL NOT, REQUIRED, RULE: failing it fails the run
	Advisory                    // SHOULD, SHOULD NOT, RECOMMENDED, NOT RECOMMENDED: so does this, unless it is expected
	Permissive                  // MAY, OPTIONAL: observed, not judged
)

// classNames are the values of --level, by class.
var classNames = [...]string{Binding: "must", Advisory: "should", Permissive: "may"}

func (c Class) String() string {
	if c < Binding || c > Permissive {
		return "unknown"
	}
	return classNames[c]
}

// ParseClass reads must, should or may: the last class whose failures count.
func ParseClass(s string) (Class, error) {
	for c := Binding; c <= Permissive; c++ {
		if s == classNames[c] {
			return c, nil
		}
	}
	return 0, fmt.Errorf("level %q is unknown: it is must, should or may", s)
}

// MarshalText gives the name. The zero Class has none.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is ParseClass.
func (c *Class) UnmarshalText(b []byte) (err error) {
	*c, err = ParseClass(string(b))
	return err
}

// Class of the level; zero for a level that does not exist.
func (l Level) Class() Class {
	switch l {
	case "MUST", "MUST NOT", "SHALL", "SHALL NOT", "REQUIRED", Rule:
		return Binding
	case "SHOULD", "SHOULD NOT", "RECOMMENDED", "NOT RECOMMENDED":
		return Advisory
	case "MAY", "OPTIONAL":
		return Permissive
	}
	return 0
}

// Binding tells whether failing a requirement of this level always fails a run.
func (l Level) Binding() bool { return l.Class() == Binding }

// Advisory tells whether a written reason excuses failing a requirement of this level.
func (l Level) Advisory() bool { return l.Class() == Advisory }

// Permissive tells whether a requirement of this level is observed, not judged.
func (l Level) Permissive() bool { return l.Class() == Permissive }

// specOf names the specification that an id belongs to: RFC826:RX-8 is of RFC 826. It is empty for an id of no known form.
func specOf(id string) string {
	prefix, rest, found := strings.Cut(id, ":")
	if !found || rest == "" {
		return ""
	}
	switch prefix {
	case "MQTT311":
		return "MQTT 3.1.1"
	case "MQTT5":
		return "MQTT 5.0"
	case "LWM2M11":
		return "LwM2M 1.1"
	case "IEEE802154":
		return "IEEE 802.15.4"
	case "IEEE8021Q":
		return "IEEE 802.1Q"
	case "ZEPHYR":
		return "Zephyr"
	case "POSIX":
		return "POSIX"
	case "LINUX":
		return "Linux"
	}
	number, isRFC := strings.CutPrefix(prefix, "RFC")
	if !isRFC || number == "" || strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return "RFC " + number
}
