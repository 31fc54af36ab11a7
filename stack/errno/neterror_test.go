package errno_test

import (
	"errors"
	"net"
	"testing"

	"github.com/conform-stack/conform/stack/errno"
)

func TestNetErrors(t *testing.T) {
	for _, tt := range []struct {
		e                  errno.Errno
		timeout, temporary bool
	}{
		{errno.EAGAIN, true, true}, {errno.ETIMEDOUT, true, true}, {errno.EMFILE, false, true}, {errno.ENOBUFS, false, true},
		{errno.ENOMEM, false, true}, {errno.ECONNABORTED, false, true}, {errno.ECONNRESET, false, false}, {errno.EPIPE, false, false},
	} {
		var e interface{ Timeout() bool }
		var passing interface{ Temporary() bool } // net/http's Serve goes on after such errors of Accept
		if !errors.As(error(&net.OpError{Op: "accept", Err: tt.e}), &e) || !errors.As(error(tt.e), &passing) ||
			e.Timeout() != tt.timeout || passing.Temporary() != tt.temporary {
			t.Errorf("%v: timeout %v, temporary %v", tt.e, e, passing)
		}
	}
}
