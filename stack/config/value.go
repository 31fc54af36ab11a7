package config

import (
	"fmt"
	"strconv"
	"strings"
)

// A value is what a symbol has: n of y (1) and n (0), and of numbers; text of strings.
type value struct {
	n    int64
	text string
}

func boolValue(b bool) value {
	if b {
		return value{n: 1}
	}
	return value{}
}

// parse reads a value as it stands in a fragment. takes tells in words what would have been right.
func (s *Symbol) parse(text string) (v value, ok bool) {
	switch s.Type {
	case Bool:
		return boolValue(text == "y"), text == "y" || text == "n"
	case Int:
		n, err := strconv.ParseInt(text, 10, 64)
		return value{n: n}, err == nil && strconv.FormatInt(n, 10) == text
	case Hex:
		digits, found := strings.CutPrefix(text, "0x")
		n, err := strconv.ParseUint(digits, 16, 64)
		return value{n: int64(n)}, err == nil && found
	default:
		t, err := unquote(text)
		return value{text: t}, err == nil
	}
}

// format writes a value as a fragment has it.
func (s *Symbol) format(v value) string {
	switch s.Type {
	case Bool:
		if v.n != 0 {
			return "y"
		}
		return "n"
	case Int:
		return strconv.FormatInt(v.n, 10)
	case Hex:
		return "0x" + strconv.FormatUint(uint64(v.n), 16)
	default:
		return quote(v.text)
	}
}

// takes says what values the symbol has, as a sentence ends: "it takes 0 to 8".
func (s *Symbol) takes() string {
	switch s.Type {
	case Bool:
		return "y or n"
	case Int:
		return s.Range()
	case Hex:
		return "a number such as 0x2a, up to 64 bits"
	default:
		return `text in quotes, such as "text"`
	}
}

// Range is that of a number, with its unit, in words; empty for other types.
func (s *Symbol) Range() string {
	if s.Type != Int {
		return ""
	}
	r := fmt.Sprintf("%d to %d", s.Min, s.Max)
	if s.auto != nil && s.Min > 0 {
		r = "0, or " + r
	}
	if s.Unit != "" {
		r += " " + s.Unit
	}
	return r
}

// fits tells whether a number is in the range.
func (s *Symbol) fits(n int64) bool {
	return s.Min <= n && n <= s.Max || n == 0 && s.auto != nil
}

// quote writes text as fragments have it: Kconfig knows no escapes but those of the quote and of itself.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func unquote(s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", fmt.Errorf("%s is not in quotes", s)
	}
	var b strings.Builder
	in := s[1 : len(s)-1]
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '"':
			return "", fmt.Errorf("%s has a quote inside that is not escaped", s)
		case in[i] == '\\':
			if i++; i == len(in) {
				return "", fmt.Errorf("%s escapes its own end", s)
			}
		}
		b.WriteByte(in[i])
	}
	return b.String(), nil
}
