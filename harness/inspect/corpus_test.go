package inspect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/conform-stack/conform/harness/capture"
)

// A folder of captures, of which none may crash anything or end in an error that is not a sentence. What is found in
// them is logged: each finding wants to be read once by a person.
func TestFolderOfCaptures(t *testing.T) {
	folder := os.Getenv("CONFORM_PCAPS")
	if folder == "" {
		t.Skip("set CONFORM_PCAPS to a folder of captures to have them all inspected")
	}
	files := 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		r, err := File(path, Options{})
		var fault *capture.Error
		var link *LinkError
		if err != nil && !errors.As(err, &fault) && !errors.As(err, &link) {
			t.Errorf("%s: %v is neither a fault of the file nor of its link type", path, err)
		}
		if err := r.Print(t.Output()); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, error %v", files, err)
	}
}
