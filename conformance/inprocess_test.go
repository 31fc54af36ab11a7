package conformance_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	_ "github.com/conform-stack/conform/conformance"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/target/board"
)

// tiny is a stack that answers ARP at 192.0.2.1, and a link to it: each Write takes a frame, each Read gives one.
type tiny struct{ out chan []byte }

func (s tiny) Write(f []byte) (int, error) {
	ip, mac := []byte{192, 0, 2, 1}, []byte{2, 0, 0, 0, 0, 0x77}
	if len(f) < 42 || f[12] != 8 || f[13] != 6 || !bytes.Equal(f[14:22], []byte{0, 1, 8, 0, 6, 4, 0, 1}) || !bytes.Equal(f[38:42], ip) {
		return len(f), nil
	}
	s.out <- bytes.Join([][]byte{f[6:12], mac, f[12:20], {0, 2}, mac, ip, f[22:32], make([]byte, 18)}, nil)
	return len(f), nil
}

func (s tiny) Read(b []byte) (int, error) {
	f, ok := <-s.out
	if !ok {
		return 0, io.EOF
	}
	return copy(b, f), nil
}

func (s tiny) Close() error { close(s.out); return nil }

// The run that docs/testing-your-stack.md describes.
func TestStackInThisProcess(t *testing.T) {
	link := func(context.Context) (io.ReadWriteCloser, error) { return tiny{make(chan []byte, 100)}, nil }
	target, err := board.Behind(t.Context(), "mystack", link, board.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	session, err := run.New(run.Options{
		Target: target, Selection: run.Selection{Suites: []string{"rfc826"}, Filter: "/^check:arp.rx/ && !slow"},
		Level: requirement.Advisory, Seed: 1, Tolerance: 200 * time.Millisecond, Evidence: run.EvidenceFail, Out: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := session.All(t.Context())
	if err != nil || r.AsExpected() != report.ExitAsExpected || r.Summary[report.Pass] < 3 {
		t.Error(r.Conclusion(), r.Summary, err)
	}
}
