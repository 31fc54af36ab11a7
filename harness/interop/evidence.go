package interop

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/capture"
)

// write writes the frames of a scenario as they were on the wire, each with what was said of it, and gives the file's
// name below the report's folder. Each side is an interface of the capture.
func (s *Stage) write(out string, c Cell) (name string, err error) {
	plain := strings.NewReplacer(":", "-", "/", "-", "[", "-", "]", "")
	name = path.Join("evidence", fmt.Sprintf("%s--%s--%s.pcapng", plain.Replace(c.A), plain.Replace(c.B), plain.Replace(c.Scenario)))
	full := filepath.Join(out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
		return "", err
	}
	f, err := os.Create(full)
	if err != nil {
		return "", err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	comments := []string{fmt.Sprintf("%s: %s", c.Scenario, c.Title), fmt.Sprintf("a is %s, b is %s", c.A, c.B)}
	if s.left > 0 {
		comments = append(comments, fmt.Sprintf("%d frames more were not kept", s.left))
	}
	w, err := capture.NewWriter(f, capture.SectionOptions{Application: "conform", Comments: comments})
	if err != nil {
		return "", err
	}
	ports := map[*Side]int{}
	for _, side := range s.wire.sides() {
		if ports[side], err = w.AddInterface(capture.Interface{Name: "from " + side.String(), LinkType: capture.LinkType(side.Net.Link)}); err != nil {
			return "", err
		}
	}
	var words []string // said before the next frame
	for _, r := range s.records {
		if r.from == nil {
			words = append(words, r.notes...)
			continue
		}
		p := capture.Packet{Time: time.Unix(0, 0).UTC().Add(r.at), Data: r.frame, Comments: append(words, r.notes...)}
		words = nil
		if err := w.Write(ports[r.from], p); err != nil {
			return "", err
		}
	}
	return name, nil
}
