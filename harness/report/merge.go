package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"
)

// Merge makes the report of a run out of those of its shards. They must agree on target, seed, level and selection, hold no
// check twice and, unless one was interrupted, all that were selected. The result is the report of the whole run, apart
// from what Strip clears.
func Merge(reports ...*Report) (*Report, error) { return MergeShard("", reports...) }

// MergeShard makes the report of shard I/N out of those of the workers that did it together. It cannot tell whether all of
// the shard's checks are there. An empty shard is the whole run.
func MergeShard(shard string, reports ...*Report) (*Report, error) {
	if len(reports) == 0 {
		return nil, errors.New("there is no report to merge")
	}
	first := reports[0]
	m := &Report{Target: first.Target, Seed: first.Seed, Level: first.Level, Selected: first.Selected, Shard: shard}
	rules := make(map[string]rule)
	in := make(map[string]int) // check: ordinal of its report
	for i, r := range reports {
		if what := disagreement(first, r); what != "" {
			return nil, fmt.Errorf("reports 1 and %d are not of one run: %s", i+1, what)
		}
		for _, c := range r.Checks {
			if j, twice := in[c.ID]; twice {
				return nil, fmt.Errorf("check %s is in report %d and in report %d: shards of one run have no check in common", c.ID, j, i+1)
			}
			in[c.ID] = i + 1
		}
		for _, q := range r.Requirements {
			rule := rule{q.Level, q.Text}
			if known, ok := rules[q.ID]; ok && known != rule {
				return nil, fmt.Errorf("report %d was made with another catalogue: requirement %s differs", i+1, q.ID)
			}
			rules[q.ID] = rule
		}
		for id, n := range r.Judged {
			if m.Judged == nil {
				m.Judged = make(map[string]int)
			}
			m.Judged[id] += n
		}
		m.Interrupted = m.Interrupted || r.Interrupted
		m.Checks = append(m.Checks, r.Checks...)
		m.Findings = append(m.Findings, r.Findings...)
	}
	m.Run = mergeRuns(reports)
	if err := m.whole(); err != nil {
		return nil, fmt.Errorf("a shard is missing: %w", err)
	}
	err := m.complete(func(id string) (rule, bool) {
		rule, ok := rules[id]
		return rule, ok
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// disagreement says in what two reports differ that shards of one run have in common.
func disagreement(a, b *Report) string {
	switch {
	case a.Target.Name != b.Target.Name || a.Target.Version != b.Target.Version:
		return fmt.Sprintf("the targets are %s %s and %s %s", a.Target.Name, a.Target.Version, b.Target.Name, b.Target.Version)
	case !reflect.DeepEqual(a.Target, b.Target):
		return "the target was set up differently"
	case a.Seed != b.Seed:
		return fmt.Sprintf("the seeds are %d and %d", a.Seed, b.Seed)
	case a.Level != b.Level:
		return fmt.Sprintf("the levels are %s and %s", a.Level, b.Level)
	case a.Selected != b.Selected:
		return fmt.Sprintf("they selected different checks (%d and %d)", a.Selected.Count, b.Selected.Count)
	}
	return ""
}

// mergeRuns spans from the first start to the last end. The command line stays when all agree on it.
func mergeRuns(reports []*Report) *Run {
	var m *Run
	var end time.Time
	for _, r := range reports {
		if r.Run == nil {
			continue
		}
		if m == nil {
			m = &Run{Started: r.Run.Started, Command: r.Run.Command}
		}
		if r.Run.Started.Before(m.Started) {
			m.Started = r.Run.Started
		}
		if !slices.Equal(m.Command, r.Run.Command) {
			m.Command = nil
		}
		if e := r.Run.Started.Add(time.Duration(r.Run.WallMS) * time.Millisecond); e.After(end) {
			end = e
		}
		m.Jobs += r.Run.Jobs
	}
	if m != nil {
		m.WallMS = end.Sub(m.Started).Milliseconds()
	}
	return m
}

// MergeFolders is Merge for the reports of folders, into another folder, evidence included.
func MergeFolders(out string, folders []string) (*Report, error) {
	return MergeShardFolders(out, "", folders)
}

// MergeShardFolders is MergeShard in the same way.
func MergeShardFolders(out, shard string, folders []string) (*Report, error) {
	var reports []*Report
	for _, folder := range folders {
		r, err := Read(folder)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	m, err := MergeShard(shard, reports...)
	if err != nil {
		return nil, err
	}
	from := make(map[string]string) // evidence: the folder that it is from
	for i, r := range reports {
		for _, c := range r.Checks {
			files := []string{c.Evidence}
			for _, a := range c.Earlier {
				files = append(files, a.Evidence)
			}
			for _, file := range files {
				if file == "" {
					continue
				}
				if other, twice := from[file]; twice && other != folders[i] {
					return nil, fmt.Errorf("evidence %s is in %s and in %s", file, other, folders[i])
				}
				if from[file] != "" {
					continue // several checks may share a file
				}
				from[file] = folders[i]
				name := filepath.FromSlash(file)
				if err := copyFile(filepath.Join(out, name), filepath.Join(folders[i], name)); err != nil {
					return nil, fmt.Errorf("evidence of check %s: %w", c.ID, err)
				}
			}
		}
	}
	return m, Save(out, m)
}

// copyFile copies a file, unless both are the same.
func copyFile(to, from string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if there, err := os.Stat(to); err == nil {
		if here, err := src.Stat(); err == nil && os.SameFile(here, there) {
			return nil
		}
	}
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	_, err = io.Copy(dst, src)
	return err
}
