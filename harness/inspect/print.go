package inspect

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/conform-stack/conform/harness/capture"
)

// Print writes the summary, then one line a finding, by sender.
func (r Result) Print(w io.Writer) error {
	p := printer{w: w}
	p.summary(r)
	for _, h := range r.Hosts {
		if len(h.Findings) == 0 {
			continue
		}
		p.linef("")
		p.linef("%s: %s in %s", h.Name, count(len(h.Findings), "finding"), count(h.Packets, "packet"))
		for _, f := range h.Findings {
			p.linef("  #%-5d %s  %s", f.Packet, seconds(f.At), f.Finding)
		}
	}
	p.linef("")
	var fault *capture.Error
	switch {
	case r.Err != nil && r.Packets > 0 && errors.As(r.Err, &fault):
		p.linef("%v Before that: %s, %s.", r.Err, count(r.Packets, "packet"), count(r.Findings(), "finding"))
	case r.Err != nil:
		p.linef("%v", r.Err)
	case r.Findings() == 0:
		p.linef("%s: nothing found.", r.Path)
	default:
		p.linef("%s: %s.", r.Path, count(r.Findings(), "finding"))
	}
	return p.err
}

// A printer remembers the first error of its writer.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) linef(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) summary(r Result) {
	if r.Format == "" {
		return
	}
	p.linef("%s: %s, %s in %v", r.Path, r.Format, count(r.Packets, "packet"), r.Span)
	for _, c := range r.Comments {
		p.linef("  comment     %q", c)
	}
	if len(r.Links) > 0 {
		p.linef("  links       %s", list(r.Links))
		p.linef("  protocols   %s", list(r.Protocols))
	}
	for i, h := range r.Hosts {
		p.linef("  %-11s %s, %s", label(i, "hosts"), h.Name, count(h.Packets, "packet"))
	}
	if r.Cut > 0 {
		p.linef("  cut         %s, judged as far as captured", count(r.Cut, "packet"))
	}
	for i, o := range r.Offload {
		p.linef("  %-11s %s leaves the %s checksum to its network card (%s captured before that): not judged",
			label(i, "offload"), o.Host, o.Checksum, count(o.Packets, "packet"))
	}
	for i, c := range r.NotJudged {
		p.linef("  %-11s %s, %s", label(i, "not judged"), c.Why, count(c.Frames, "packet"))
	}
}

func label(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f s", d.Seconds()) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
