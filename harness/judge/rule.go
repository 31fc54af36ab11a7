package judge

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// A Rule is something that the judge looks at in every frame.
type Rule struct {
	Name        string // unique: the layer, and what it is about
	Requirement string // id in the catalogue
	Field       string // what it looks at, in the RFC's words
	Text        string // what should be, in words
}

// rule ties a Rule to the code that finds its fault in a parsed P. find returns nil when nothing is wrong or when it
// cannot tell.
type rule[P any] struct {
	Rule
	find func(*P) *fault
}

// A fault is what a rule found.
type fault struct {
	offset    int // in the frame
	got, want string
}

// differs is the fault that a number is not what it should be; nil when it is.
func differs[T uint8 | uint16 | int](offset int, got, want T) *fault {
	if got == want {
		return nil
	}
	return &fault{offset, fmt.Sprint(got), fmt.Sprint(want)}
}

// differsHex is differs for what people read in hexadecimal.
func differsHex(offset int, got, want uint16) *fault {
	if got == want {
		return nil
	}
	return &fault{offset, fmt.Sprintf("%#04x", got), fmt.Sprintf("%#04x", want)}
}

// when makes a fault of a condition.
func when(bad bool, offset int, got any, want string) *fault {
	if !bad {
		return nil
	}
	return &fault{offset, fmt.Sprint(got), want}
}

// apply asks every rule of a table about p.
func apply[P any](s *scene, table []rule[P], p *P) {
	if !s.f.FromTarget {
		return
	}
	for i := range table {
		r := &table[i]
		if f := r.find(p); f != nil {
			s.found = append(s.found, Finding{
				Requirement: r.Requirement, Rule: r.Name, Field: r.Field,
				Got: f.got, Want: f.want, Text: r.Text,
				Offset: min(f.offset, len(s.f.Data)), // a field that is missing is missed at the end
			})
		}
	}
}

func list[P any](table []rule[P]) []Rule {
	all := make([]Rule, len(table))
	for i, r := range table {
		all[i] = r.Rule
	}
	return all
}

// Rules lists every rule, by layer.
func Rules() []Rule {
	var all []Rule
	for _, table := range [][]Rule{
		list(ethernetRules), list(arpRules), list(ipv4Shape), list(ipv4Rules), list(optionRules),
		list(icmpv4Rules), list(icmpErrorRules), list(icmpReplyRules), list(udpRules), list(tcpShape), list(tcpRules), list(tcpOptionRules), list(tcpFlowRules), list(igmpRules), list(igmpv3Rules),
		list(ipv6Shape), list(ipv6Rules), list(icmpv6Rules), list(icmpv6ReplyRules), list(icmpv6ErrorRules), list(ndShape), list(ndRules), list(mldRules), list(udp6Rules),
		list(macShape), list(macRules), list(demandRules), list(securityRules), list(lowpanRules),
	} {
		all = append(all, table...)
	}
	return all
}

// PrintRules prints the rules as a table.
func PrintRules(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RULE\tREQUIREMENT\tFIELD\tTEXT")
	for _, r := range Rules() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, r.Requirement, r.Field, r.Text)
	}
	return t.Flush()
}
