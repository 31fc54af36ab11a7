package run

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/target"
)

// epoch is the time stamp of the first instant of a world in a capture. The clock of a world begins at 0, and the same run
// gives the same bytes.
var epoch = time.Unix(0, 0).UTC()

// writeEvidence writes the frames of a check, with what was found on each as comments, and gives the file's name below the
// report's folder. Each case is an interface of the capture.
func writeEvidence(out string, r check.Result, info target.Info) (name string, err error) {
	name = path.Join("evidence", fileName(r.Check.ID)+".pcapng")
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
	w, err := capture.NewWriter(f, capture.SectionOptions{
		Application: "conform",
		Comments:    []string{fmt.Sprintf("%s: %s", r.Check.ID, r.Check.Title), "proves " + strings.Join(r.Check.Requirements(), ", "), "target " + info.Name},
	})
	if err != nil {
		return "", err
	}
	for _, k := range r.Cases {
		if k.Log == nil {
			continue
		}
		if err := writeCase(w, k, info.Links[0]); err != nil {
			return "", err
		}
	}
	return name, nil
}

// writeCase writes the frames of a case. Each of its links is an interface of the capture.
func writeCase(w *capture.Writer, k check.CaseResult, first target.LinkType) error {
	interfaces := map[int]int{} // by link
	on := func(link int, t target.LinkType) (id int, err error) {
		id, there := interfaces[link]
		if there {
			return id, nil
		}
		name := fmt.Sprintf("link %d", link)
		if k.Name != "" {
			name = "case " + k.Name + ", " + name
		}
		id, err = w.AddInterface(capture.Interface{Name: name, LinkType: capture.LinkType(t)})
		interfaces[link] = id
		return id, err
	}
	for _, rec := range k.Log.Records { // the suite's link need not be the target's first
		if rec.Frame != nil && rec.Frame.On == 0 {
			first = rec.Frame.Link
			break
		}
	}
	if _, err := on(0, first); err != nil { // also for a case without a frame
		return err
	}
	var steps []string // said before the next frame
	for _, rec := range k.Log.Records {
		if rec.Frame == nil {
			steps = append(steps, rec.Step)
			continue
		}
		p := capture.Packet{
			Time: epoch.Add(rec.At), Data: rec.Frame.Bytes, Original: len(rec.Frame.Bytes),
			Direction: capture.Outbound, Comments: append(steps, rec.Notes...),
		}
		if rec.FromTarget {
			p.Direction = capture.Inbound
		}
		id, err := on(rec.Frame.On, rec.Frame.Link)
		if err != nil {
			return err
		}
		if err := w.Write(id, p); err != nil {
			return err
		}
		steps = nil
	}
	return nil
}

// fileName keeps an id usable on every system.
func fileName(id string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]<>:"/\|?*=,`, r) {
			return '_'
		}
		return r
	}, id)
}
