package inspect

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/judge"
	"github.com/conform-stack/conform/harness/target"
)

// Options say how to judge a capture. The zero value is right for any capture.
type Options struct {
	// Judge is handed to the judge. Mirrored is always set: a capture may hold a frame twice.
	Judge judge.Options
	// Security has the keys by which secured frames of IEEE 802.15.4 are opened, and the stations that have short addresses.
	Security target.Security
}

// File judges a capture file. The error is the one in the Result: an *capture.Error when the file could not be read to
// its end, a *LinkError when no packet could be judged. The Result then holds what came before.
func File(path string, opts Options) (Result, error) {
	r := Result{Path: path}
	offloads := newOffloads()
	var links []capture.LinkType
	air := newRadio(opts.Security)
	r.Err = r.each(func(p capture.Packet) {
		r.count(p, air.read(p.LinkType, p.Data))
		if !slices.Contains(links, p.LinkType) {
			links = append(links, p.LinkType)
		}
		offloads.learn(p)
	})
	offloads.settle()
	r.Offload = offloads.list()
	opts.Judge.Mirrored = true
	if err := r.judge(opts, offloads); r.Err == nil {
		r.Err = err
	}
	if r.Err == nil {
		r.Err = linkError(path, r.Packets, links)
	}
	return r, r.Err
}

// each reads the capture and calls f with every packet before its end or its fault.
func (r *Result) each(f func(capture.Packet)) error {
	c, err := capture.Open(r.Path)
	if err != nil {
		return err
	}
	defer c.Close() // reading only: nothing is lost by it
	r.Format = c.Format()
	for {
		p, err := c.Next()
		switch {
		case errors.Is(err, io.EOF):
			r.Comments = slices.Clone(c.SectionComments())
			return nil
		case err != nil:
			return err
		}
		f(p)
	}
}

// judge is the second pass. It stops at the number of packets that the first pass saw, in case the file grows.
func (r *Result) judge(opts Options, offloads *offloads) error {
	j := judge.New(opts.Judge)
	hosts, air := map[string]int{}, newRadio(opts.Security)
	err := r.each(func(p capture.Packet) {
		if p.Number > r.Packets {
			return
		}
		id := identify(p.LinkType, p.Data)
		f := judge.Frame{
			Time:             r.since(p.Time),
			Link:             p.LinkType,
			Data:             p.Data,
			FromTarget:       true,
			Truncated:        p.Cut(),
			ChecksumNotReady: offloads.unfinished(p),
		}
		frame := air.read(p.LinkType, p.Data)
		if frame == nil || frame.outside != "" {
			r.blame(hosts, id.sender, p.Number, f.Time, j.Frame(f))
		}
		if frame != nil {
			r.blame(hosts, frame.identity().sender, p.Number, f.Time, frame.judged(j, f))
		}
	})
	r.NotJudged = j.NotJudged()
	return err
}

// blame counts a packet of a sender, and what was found in it.
func (r *Result) blame(hosts map[string]int, sender string, number int, at time.Duration, found []judge.Finding) {
	if sender == "" {
		return
	}
	n, ok := hosts[sender]
	if !ok {
		n = len(r.Hosts)
		hosts[sender] = n
		r.Hosts = append(r.Hosts, Host{Name: sender})
	}
	h := &r.Hosts[n]
	h.Packets++
	for _, one := range found {
		h.Findings = append(h.Findings, Finding{Finding: one, Packet: number, At: at, Sender: sender})
	}
}

func (r *Result) since(t time.Time) time.Duration {
	if t.IsZero() || r.First.IsZero() {
		return 0
	}
	return t.Sub(r.First)
}

// count takes a packet into the summary; frame is the one of IEEE 802.15.4 in it, nil without.
func (r *Result) count(p capture.Packet, frame *radioFrame) {
	r.Packets++
	if p.Cut() {
		r.Cut++
	}
	if !p.Time.IsZero() {
		if r.First.IsZero() {
			r.First = p.Time
		}
		r.Span = max(r.Span, p.Time.Sub(r.First))
	}
	r.Links = tally(r.Links, p.LinkType.String())
	what := identify(p.LinkType, p.Data).protocol
	if frame != nil {
		what = frame.identity().protocol
	}
	r.Protocols = tally(r.Protocols, what)
}

func tally(all []Tally, name string) []Tally {
	for i := range all {
		if all[i].Name == name {
			all[i].Packets++
			return all
		}
	}
	return append(all, Tally{name, 1})
}

// linkError is set when packets were read and none has a link type that the judge reads.
func linkError(path string, packets int, links []capture.LinkType) error {
	if len(links) == 0 || slices.ContainsFunc(links, func(l capture.LinkType) bool { return l == capture.IEEE802154TAP || judge.Reads(l) }) {
		return nil
	}
	return &LinkError{Path: path, Links: links, Packets: packets}
}

// list writes tallies on one line.
func list(all []Tally) string {
	var parts []string
	for _, t := range all {
		parts = append(parts, fmt.Sprintf("%s %d", t.Name, t.Packets))
	}
	return strings.Join(parts, ", ")
}
