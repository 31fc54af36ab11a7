package page

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
)

// hostile is what a target might say to reach into the document.
const hostile = `</script><img src=x onerror="document.title='owned'"><!-- ' " & \u2028`

// sample is a report of n checks; the first one fails, and its message comes from somebody who means harm.
func sample(t testing.TB, n int) *report.Report {
	t.Helper()
	c, err := requirement.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := &report.Report{
		Target: report.Target{Kind: "linux", Name: "linux:rfc", Version: "6.1 " + hostile, Links: []string{"ethernet"}, Features: []string{"agent"},
			Settings: []report.Setting{{Name: "net.ipv4.icmp_ratelimit", Value: "0", Why: "all errors are seen"}}},
		Seed: 1, Level: requirement.Advisory,
	}
	all := c.All()
	var ids []string
	for i := range n {
		id := fmt.Sprintf("topic%d.check%d", i%40, i)
		k := report.Check{ID: id, Suite: fmt.Sprintf("suite%d", i%12), Title: "a conforming target does the right thing", Cases: 1 + i%3,
			Requirements: []string{all[i%1500].ID}, Outcome: report.Pass}
		if i == 0 {
			k.Title = "a failing one " + hostile
			k.Outcome, k.Evidence = report.Fail, "evidence/topic0.check0.pcapng"
			k.Failures = []report.Failure{{Requirement: k.Requirements[0], Kind: "field", Text: "want ttl 64\ngot ttl 1 " + hostile}}
			k.Message = k.Failures[0].Text
		}
		ids = append(ids, id)
		r.Checks = append(r.Checks, k)
	}
	r.Selected = report.Select(ids)
	if err := r.Complete(c); err != nil {
		t.Fatal(err)
	}
	return r
}

// evidence writes the capture of the failing check: a request and its answer.
func evidence(t testing.TB, folder string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(folder, "evidence"), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(folder, "evidence", "topic0.check0.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, capture.SectionOptions{Application: "conform"})
	if err != nil {
		t.Fatal(err)
	}
	link, err := w.AddInterface(capture.Interface{Name: "link 0", LinkType: 1})
	if err != nil {
		t.Fatal(err)
	}
	arp := func(to, from byte, op byte) []byte {
		b := []byte{2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 6, 0, 1, 8, 0, 6, 4, 0, op}
		b = append(b, 2, 0, 0, 0, 0, from, 192, 0, 2, from, 2, 0, 0, 0, 0, to, 192, 0, 2, to)
		return append(b, make([]byte, 18)...)
	}
	for i, b := range [][]byte{arp(2, 1, 1), arp(1, 2, 2)} {
		p := capture.Packet{Time: time.Unix(0, int64(i)*1500000).UTC(), Data: b, Original: len(b), Direction: capture.Outbound, Comments: []string{"a note " + hostile}}
		if i == 1 {
			p.Direction = capture.Inbound
		}
		if err := w.Write(link, p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingIsMarkup(t *testing.T) {
	folder := t.TempDir()
	evidence(t, folder)
	var b bytes.Buffer
	if err := Write(&b, sample(t, 3), folder); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if strings.Contains(page, "<img") || strings.Count(page, "</script>") != 2 {
		t.Error("what a target said is markup in the page")
	}
	for _, want := range []string{`ARP request who-has 192.0.2.2 tell 192.0.2.1`, `ARP reply 192.0.2.2 is-at`, `"at":1500`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, from := range []string{"http://", "https://", "src="} {
		if s := strings.ReplaceAll(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), `src=x onerror`, ""); strings.Contains(s, from) {
			t.Errorf("the page loads something: it has %s", from)
		}
	}
}

func TestEvidenceThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	r := sample(t, 1)
	got, _ := collect(r, folder)
	if l := got["topic0.check0"]; l.Err != "the capture is not there" {
		t.Errorf("a capture that is missing: %+v", l)
	}
	evidence(t, folder)
	name := filepath.Join(folder, "evidence", "topic0.check0.pcapng")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b[:len(b)-20], 0o666); err != nil {
		t.Fatal(err)
	}
	got, _ = collect(r, folder)
	if l := got["topic0.check0"]; l.Err == "" || len(l.Lanes) != 1 || len(l.Lanes[0].Packets) != 1 {
		t.Errorf("a capture that is cut: %+v", l)
	}
}

func TestSaveIsWhole(t *testing.T) {
	folder := t.TempDir()
	if err := Save(folder, sample(t, 2)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(folder, File))
	if err != nil || !bytes.HasSuffix(bytes.TrimSpace(b), []byte("</html>")) {
		t.Errorf("the page is not whole: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
