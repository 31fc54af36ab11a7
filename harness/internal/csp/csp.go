// Package csp writes Content Security Policies for pages that are one file: their own style and script, and nothing from
// anywhere.
package csp

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Policy allows a page this style and this script, as they stand in it, and what the other directives say.
func Policy(style, script string, more ...string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	directives := []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'"}
	directives = append(append(directives, more...), "style-src "+hash(style), "script-src "+hash(script))
	return strings.Join(directives, "; ")
}
