package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shard is part i of n of a run: each n-th check, with what the judge found in them.
func shard(t *testing.T, i, n int) *Report {
	t.Helper()
	whole := every()
	s := *whole
	s.Shard = fmt.Sprintf("%d/%d", i+1, n)
	s.Checks, s.Findings, s.Judged = nil, nil, nil
	for j, c := range whole.Checks {
		if j%n != i {
			continue
		}
		s.Checks = append(s.Checks, c)
		for _, f := range whole.Findings {
			if f.Check == c.ID {
				s.Findings = append(s.Findings, f)
			}
		}
	}
	if i == 0 {
		s.Judged = map[string]int{"RFC1:S1": 4, "RFC1:R1": 9}
	} else if i == 1 {
		s.Judged = map[string]int{"RFC1:S1": 6}
	}
	s.Run = &Run{Started: whole.Run.Started.Add(time.Duration(i) * time.Second), WallMS: 1000, Command: []string{"conform", s.Shard}, Jobs: 1}
	return complete(t, &s)
}

// The law: however a run is cut, and in whatever order the parts come, their merger is the run.
func TestMergeOfShardsIsTheWhole(t *testing.T) {
	want := toJSON(t, Strip(complete(t, every())))
	for n := 2; n <= 9; n++ { // 9 leaves some shards empty
		for _, backward := range []bool{false, true} {
			parts := make([]*Report, n)
			for i := range n {
				parts[i] = shard(t, i, n)
				if backward {
					parts[i] = shard(t, n-1-i, n)
				}
			}
			m, err := Merge(parts...)
			if err != nil {
				t.Fatal(err)
			}
			if got := toJSON(t, Strip(m)); got != want {
				t.Errorf("%d shards, backward %v, merge to\n%s\nwant\n%s", n, backward, got, want)
			}
			if want := every().Run.Started; !m.Run.Started.Equal(want) || m.Run.WallMS != int64(n)*1000 || m.Run.Jobs != n || m.Run.Command != nil {
				t.Errorf("the merged run is %+v; it began at %v and lasted %d s, with %d jobs", m.Run, want, n, n)
			}
		}
	}
}

// Workers share a shard, and the shards merge all the same.
func TestMergeOfWorkersOfShards(t *testing.T) {
	var shards []*Report
	for i := range 2 {
		m, err := MergeShard(fmt.Sprintf("%d/2", i+1), shard(t, i, 4), shard(t, i+2, 4))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := toJSON(t, Strip(m)), toJSON(t, Strip(shard(t, i, 2))); got != want {
			t.Errorf("the workers of shard %d merge to\n%s\nwant\n%s", i+1, got, want)
		}
		shards = append(shards, m)
	}
	m, err := Merge(shards...)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := toJSON(t, Strip(m)), toJSON(t, Strip(complete(t, every()))); got != want {
		t.Errorf("the shards merge to\n%s\nwant\n%s", got, want)
	}
}

func TestMergeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(b *Report)
		want  string
	}{
		{"target", func(b *Report) { b.Target.Version = "6.13" }, "reports 1 and 2 are not of one run: the targets are linux:rfc 6.12 and linux:rfc 6.13"},
		{"settings", func(b *Report) { b.Target.Settings = nil }, "reports 1 and 2 are not of one run: the target was set up differently"},
		{"seed", func(b *Report) { b.Seed = 8 }, "reports 1 and 2 are not of one run: the seeds are 7 and 8"},
		{"level", func(b *Report) { b.Level = 1 }, "reports 1 and 2 are not of one run: the levels are should and must"},
		{"selection", func(b *Report) { b.Selected = Select([]string{"x"}) }, "reports 1 and 2 are not of one run: they selected different checks (7 and 1)"},
		{"check twice", func(b *Report) { b.Checks = append(b.Checks, Check{ID: "b.pass"}) }, "check b.pass is in report 1 and in report 2: shards of one run have no check in common"},
		{"catalogue", func(b *Report) { b.Requirements[0].Text = "another rule" }, "report 2 was made with another catalogue: requirement RFC1:R1 differs"},
		{"shard missing", func(b *Report) { b.Checks = b.Checks[1:] }, "a shard is missing: the run selected 7 checks and the report holds 6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := shard(t, 0, 2), shard(t, 1, 2)
			tt.spoil(b)
			if _, err := Merge(a, b); err == nil || err.Error() != tt.want {
				t.Errorf("Merge: %v\nwant  %s", err, tt.want)
			}
		})
	}
	if _, err := Merge(); err == nil || err.Error() != "there is no report to merge" {
		t.Errorf("Merge of nothing: %v", err)
	}
}

func TestMergeKeepsAnInterruption(t *testing.T) {
	a, b := shard(t, 0, 2), shard(t, 1, 2)
	b.Interrupted, b.Checks = true, b.Checks[:1]
	m, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Interrupted || m.AsExpected() != ExitInterrupted {
		t.Errorf("interrupted %v, exit code %d", m.Interrupted, m.AsExpected())
	}
	var s strings.Builder
	if err := WriteConsole(&s, m, ConsoleOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := "5 checks: interrupted after 5 of 7 checks (2s)\n"; !strings.HasSuffix(s.String(), want) {
		t.Errorf("it ends %q, want %q", s.String(), want)
	}
}

func TestMergeFoldersCopiesEvidence(t *testing.T) {
	dir := t.TempDir()
	var folders []string
	for i := range 2 {
		folder := filepath.Join(dir, fmt.Sprint("shard", i))
		folders = append(folders, folder)
		r := shard(t, i, 2)
		if err := Save(folder, r); err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Checks {
			if c.Evidence != "" {
				write(t, filepath.Join(folder, c.Evidence), "frames of "+c.ID)
			}
		}
	}
	out := filepath.Join(dir, "out")
	m, err := MergeFolders(out, folders)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if toJSON(t, got) != toJSON(t, m) {
		t.Error("the folder holds another report than MergeFolders gave")
	}
	b, err := os.ReadFile(filepath.Join(out, "evidence", "a.fail.pcapng"))
	if err != nil || string(b) != "frames of a.fail" {
		t.Errorf("the evidence is %q, %v", b, err)
	}

	// As a shard it is the same, but for its name.
	m, err = MergeShardFolders(filepath.Join(dir, "shard"), "2/3", folders)
	if err != nil || m.Shard != "2/3" {
		t.Errorf("as shard 2/3 it is shard %q, %v", m.Shard, err)
	}

	// Into one of its own folders, the evidence there survives.
	if _, err := MergeFolders(folders[1], folders); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(folders[1], "evidence", "a.fail.pcapng")); err != nil || string(b) != "frames of a.fail" {
		t.Errorf("the evidence in place is %q, %v", b, err)
	}
}

func TestMergeFoldersMissesEvidence(t *testing.T) {
	folder := t.TempDir()
	if err := Save(folder, complete(t, every())); err != nil {
		t.Fatal(err)
	}
	_, err := MergeFolders(t.TempDir(), []string{folder})
	if err == nil || !strings.HasPrefix(err.Error(), "evidence of check a.fail: open ") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("MergeFolders: %v", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCompare(t *testing.T) {
	a, b, c := complete(t, every()), every(), every()
	b.Target.Name = "reference"
	b.Checks[1].Outcome, b.Checks[1].Verdicts = Pass, nil
	b.Checks = b.Checks[:6]
	b.selectOwn()
	complete(t, b)
	complete(t, c)
	c.Target.Version = "6.13"
	for _, tt := range []struct {
		reports []*Report
		n       int
		want    string
	}{
		{[]*Report{a, b}, 3, `check    linux:rfc  reference
a.fail   fail       pass
c.error  error      -
2 of 7 checks differ

requirement  linux:rfc  reference
RFC1:R2      fail       pass
1 of 5 requirements differ

`},
		{[]*Report{a, c}, 0, "no difference in 7 checks\n\nno difference in 5 requirements\n\n"},
		{[]*Report{a, c, b}, 3, `check    linux:rfc 6.12  linux:rfc 6.13  reference 6.12
a.fail   fail            fail            pass
c.error  error           error           -
2 of 7 checks differ

requirement  linux:rfc 6.12  linux:rfc 6.13  reference 6.12
RFC1:R2      fail            fail            pass
1 of 5 requirements differ

`},
	} {
		var s strings.Builder
		n, err := Compare(&s, tt.reports)
		if err != nil || n != tt.n || s.String() != tt.want {
			t.Errorf("Compare: %d, %v\n%s\nwant %d\n%s", n, err, s.String(), tt.n, tt.want)
		}
	}
	if _, err := Compare(new(strings.Builder), []*Report{a}); err == nil || err.Error() != "comparing takes at least two reports" {
		t.Errorf("Compare of one: %v", err)
	}
	if got := ColumnNames([]*Report{a, a}); got[0] != "1: linux:rfc 6.12" || got[1] != "2: linux:rfc 6.12" {
		t.Errorf("two runs of one target are named %q", got)
	}
}
