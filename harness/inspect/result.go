package inspect

import (
	"fmt"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/judge"
)

// A Verdict is what a capture comes to.
type Verdict uint8

const (
	Clean      Verdict = iota // read to its end, nothing found
	Faulty                    // there are findings
	Unreadable                // no capture, cut or corrupt, or of a link type without rules
)

func (v Verdict) String() string {
	switch v {
	case Clean:
		return "nothing found"
	case Faulty:
		return "findings"
	}
	return "unreadable"
}

// A Result is what is in a capture and what is wrong with it. With an error it holds what came before the fault.
type Result struct {
	Path      string
	Format    string
	Packets   int
	Cut       int           // packets of which the capture holds only a part
	First     time.Time     // of the packets with a time
	Span      time.Duration // from the first packet to the last
	Links     []Tally       // packets by link type
	Protocols []Tally       // packets by protocol, as far as they are told apart
	Hosts     []Host        // in the order of their first packet
	NotJudged []judge.Count
	Offload   []Offload // hosts that leave checksums to their network card
	Comments  []string  // on the file
	Err       error     // what File returned
}

// A Tally counts packets.
type Tally struct {
	Name    string
	Packets int
}

// A Host is one sender.
type Host struct {
	Name     string // 192.0.2.1 (02:00:00:00:00:01), or one of both
	Packets  int
	Findings []Finding
}

// A Finding is one fault of one packet.
type Finding struct {
	judge.Finding
	Packet int           // number, from 1
	At     time.Duration // since the first packet
	Sender string
}

// Offload says that checksums of a host were not yet in its packets when they were captured.
type Offload struct {
	Host     string
	Checksum string // TCP, UDP or IPv4 header
	Packets  int    // without it
}

// Findings is the number of findings of all hosts.
func (r Result) Findings() int {
	n := 0
	for _, h := range r.Hosts {
		n += len(h.Findings)
	}
	return n
}

// Verdict tells what the result comes to. A capture that could not be read to its end is unreadable, whatever was
// found before.
func (r Result) Verdict() Verdict {
	switch {
	case r.Err != nil:
		return Unreadable
	case r.Findings() > 0:
		return Faulty
	}
	return Clean
}

// LinkError says that a capture was read, but that the judge has no rules for its link type.
type LinkError struct {
	Path    string
	Links   []capture.LinkType
	Packets int
}

func (e *LinkError) Error() string {
	var names []string
	for _, l := range e.Links {
		names = append(names, linkName(l))
	}
	return fmt.Sprintf("%s: %s, none of which can be judged: there are no rules for %s.", e.Path, count(e.Packets, "packet"), strings.Join(names, " and "))
}

func linkName(l capture.LinkType) string {
	if !l.Known() {
		return l.String() // says so
	}
	return "link type " + l.String()
}
