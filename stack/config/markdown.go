package config

import (
	"fmt"
	"strings"
)

// Markdown is the documentation of the table: docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(preface)
	for _, l := range layers {
		fmt.Fprintf(&b, "\n## %s\n\nLayer `%s`.\n\n", l.Title, l.Name)
		b.WriteString("| symbol | takes | default | rfc | zephyr | meaning |\n| --- | --- | --- | --- | --- | --- |\n")
		for i := range l.Symbols {
			s := &l.Symbols[i]
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", s.Full(), s.column(), s.Default, s.Of(RFC), s.Of(Zephyr), s.meaning())
		}
	}
	return b.String()
}

// column says in a table what a symbol takes.
func (s *Symbol) column() string {
	switch {
	case s.Choice != "":
		return "one of " + s.Choice
	case s.Type == Int:
		return s.Range()
	default:
		return s.Type.String()
	}
}

// meaning is the last column: what a symbol does, needs, and where that stands.
func (s *Symbol) meaning() string {
	text := s.Prompt + "."
	if s.Help != "" {
		text += " " + s.Help
	}
	if s.Zero != "" {
		text += " 0: " + s.Zero + "."
	}
	if s.Depends != "" {
		text += " Needs `" + strings.ReplaceAll(s.Depends, "||", `\|\|`) + "`."
	}
	return strings.ToUpper(text[:1]) + text[1:] + " (" + s.Source + ")"
}

const preface = `# Configuration of the reference stack

<!-- Made of the table in stack/config: go generate ./stack/config. Do not edit. -->

The reference stack is configured as Zephyr is, by symbols in fragments of Kconfig's notation. Symbols have Zephyr's
names where Zephyr has the option, with its type, its range where the RFCs do not want a wider one, and its default;
others are called ` + "`CONFIG_CONFORM_*`" + `.

` + "```" + `
# prj.conf
CONFIG_NET_TC_RX_COUNT=4
CONFIG_NET_TCP=n
# CONFIG_NET_IPV6 is not set
` + "```" + `

Below all fragments stands a profile: ` + "`rfc`" + `, what the RFCs say, or ` + "`zephyr`" + `, what an Ethernet board on Zephyr has. A
fragment that names one (` + "`CONFIG_CONFORM_PROFILE_ZEPHYR=y`" + `) needs no ` + "`--profile`" + `. A later fragment wins over an earlier
one. What is unknown, out of range, or lacks what it needs is refused, with file and line; nothing is repaired. What is on
by default and lacks what it needs is off.

    conform config list --profile zephyr --layer tcp
    conform config explain NET_TC_TX_COUNT
    conform config check prj.conf board.conf
    conform up --config prj.conf
    conform run --target reference:prj.conf

A protocol that is off is not there: what comes for it is what the layer below makes of any that it does not know.
`
