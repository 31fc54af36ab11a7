// Package requirements is the catalogue of requirements as data. README.md describes the files, package
// harness/requirement reads them.
package requirements

import "embed"

// Files holds a folder a layer with a file a specification, and untested.yaml.
//
//go:embed untested.yaml */*.yaml
var Files embed.FS
