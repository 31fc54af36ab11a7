package replay_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/conform-stack/conform/fixtures/pcaps"
	"github.com/conform-stack/conform/harness/replay"
)

// FuzzCapture: whatever a capture holds, it is refused or played to the end, without a fault of the harness.
func FuzzCapture(f *testing.F) {
	files, err := fs.Glob(pcaps.Files, "*.pcap")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := pcaps.Files.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file := filepath.Join(t.TempDir(), "x.pcap")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := replay.Load(file)
		if err != nil {
			return
		}
		results, err := s.Run(context.Background(), &fake{}, replay.Options{MaxGap: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Errorf("%s: %v", r.ID(), r.Err)
			}
			for _, p := range r.Packets {
				if r.NotApplicable == "" && p.Outcome == replay.Pending {
					t.Errorf("packet %d is left pending", p.Number)
				}
			}
		}
	})
}
