package main

import (
	"slices"
	"strings"
)

// imports keeps the house in its order: cmd -> conformance -> harness -> (only the reference target) -> stack.
//
// The stack is usable without the harness, and the harness reads packets without the stack's codecs: a misreading of an
// RFC in one shows against the other only as long as neither sees the other.
func imports(p *pkg, report report) {
	for _, f := range p.files {
		for _, s := range f.Imports {
			if why := forbidden(p.dir, importPath(s)); why != "" {
				report(s.Pos(), "%s", why)
			}
		}
	}
}

// mayImportStack are the folders outside the stack that may import it, and why.
var mayImportStack = []string{
	"harness/target/reference", // makes a target of it
	"internal",                 // compares and measures; nothing imports it
	"cmd",                      // brings it up and configures it
}

// data are packages without code of their own: what is embedded in the program.
var data = []string{"requirements", "expectations", "fixtures"}

// forbidden says why a package must not import a path; empty when it may.
func forbidden(dir, path string) string {
	to, project := own(path)
	switch {
	case below(dir, "stack"):
		for _, other := range []string{"github.com/onsi/", "github.com/google/gopacket", "gvisor.dev/"} {
			if strings.HasPrefix(path, other) {
				return "the stack does not import " + path + ": only the harness does"
			}
		}
		if project && !below(to, "stack") {
			return "the stack imports nothing of the project outside stack/, and " + to + " is"
		}
	case project && below(to, "stack") && !below(dir, mayImportStack...):
		return "only harness/target/reference, internal and cmd import the stack: everything else reads packets for itself"
	case below(dir, "harness") && project && !below(to, slices.Concat(data, []string{"harness", "stack"})...):
		return "the harness knows no suite and no command: it does not import " + to
	case below(dir, "harness/judge") && strings.HasPrefix(path, "github.com/google/gopacket"):
		return "the judge reads raw octets: gopacket mends faults and overlooks them"
	case below(dir, "conformance") && project && below(to, "conformance") && !below(to, "conformance/internal") && dir != "conformance":
		return "a suite imports no other suite: what both need belongs into the harness, or conformance/internal/kit"
	case below(dir, "conformance") && project && below(to, "cmd", "internal"):
		return "a suite stands on the harness: it does not import " + to
	case project && below(to, "cmd"):
		return "nothing imports a command"
	}
	return ""
}

// boxes are the parts of the stack, bottom to top. A package imports its own box and those of the layers below, never
// one beside it: udp and tcp, ipv4 and ipv6 do not know each other. What it needs from above it declares as an interface
// of its own.
var boxes = [][]string{
	{"wire"},
	{"clock", "random", "stats", "event", "config"},
	{"packet"},
	{"driver"},
	{"iface"},
	{"neigh"},
	{"l2", "lowpan"},
	{"ip"},
	{"errno"},
	{"ip/ipv4", "ip/ipv6"},
	{"ip/igmp", "inbox", "acd"},
	{"udp", "tcp", "raw", "ipv4ll"},
	{"socket"},
	{"mgmt", "app", "socket/netconn", "socket/netdb"},
	{""}, // package stack, which wires a node
}

// box finds the longest box that a folder of the stack stands in, and its layer. ok is false for none.
func box(dir string) (name string, layer int, ok bool) {
	within := strings.TrimPrefix(strings.TrimPrefix(dir, "stack"), "/")
	for i, layer_ := range boxes {
		for _, b := range layer_ {
			if (within == b || b != "" && below(within, b)) && (!ok || len(b) > len(name)) {
				name, layer, ok = b, i, true
			}
		}
	}
	return name, layer, ok
}

// layers keeps the stack in the order of boxes. Tests may look up: they bring up what their subject needs.
func layers(p *pkg, report report) {
	if !p.in("stack") {
		return
	}
	from, layer, ok := box(p.dir)
	if !ok {
		report(p.files[0].Package, "%s stands in no box of the stack: give it a place in the linter's table and in docs/architecture.md", p.dir)
		return
	}
	for _, f := range p.files {
		for _, s := range f.Imports {
			to, project := own(importPath(s))
			if f.test || !project || !below(to, "stack") {
				continue
			}
			if name, above, _ := box(to); name != from && above >= layer {
				report(s.Pos(), "%s does not stand below %s: declare what is needed from there as an interface here", to, p.dir)
			}
		}
	}
}
