package capture

import (
	"errors"
	"fmt"
)

// What can be wrong with a capture. An Error unwraps to one of these, or to the error of the file system.
var (
	ErrEmpty       = errors.New("the file is empty")
	ErrNotCapture  = errors.New("not a capture")
	ErrUnsupported = errors.New("a capture of a kind that is not supported")
	ErrTruncated   = errors.New("the capture ends in the middle")
	ErrCorrupt     = errors.New("the capture is corrupt")
)

// An Error says in one sentence what is wrong with a capture, and where.
type Error struct {
	Path   string // empty for a capture that is no file
	Packet int    // the number of the packet that could not be read; 0 before the first
	Offset int64  // in octets from the start of the capture
	Kind   error  // one of the Err values, or what the file system said
	Text   string // the sentence, without the path
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Text
	}
	return fmt.Sprintf("%s: %s", e.Path, e.Text)
}

func (e *Error) Unwrap() error { return e.Kind }
