// Package expectations holds the known deviations of real stacks, each with its reason and the section of the RFC.
package expectations

import (
	"embed"
	"strings"
)

// FS has one file for each target that has any.
//
//go:embed *.yaml
var FS embed.FS

// For is the name of the file of a target: linux:rfc has linux-rfc.yaml, and the reference in the zephyr profile has
// zephyr-profile.yaml.
func For(target string) string {
	if profile, ok := strings.CutPrefix(target, "reference:"); ok {
		return profile + "-profile.yaml"
	}
	return strings.ReplaceAll(target, ":", "-") + ".yaml"
}
