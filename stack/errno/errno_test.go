package errno_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want errno.Errno
	}{
		{nil, 0},
		{errno.EAGAIN, errno.EAGAIN},
		{fmt.Errorf("wrapped: %w", errno.EACCES), errno.EACCES},
		{fmt.Errorf("wrapped: %w", ip.ErrTooBig), errno.EMSGSIZE},
		{ip.ErrNoRoute, errno.ENETUNREACH},
		{ip.ErrBadSource, errno.EADDRNOTAVAIL},
		{ip.ErrNoBuffer, errno.ENOBUFS},
		{ip.ErrDown, errno.ENETDOWN},
		{errors.New("anything else"), errno.EINVAL},
	} {
		if got := errno.Of(tt.err); got != tt.want {
			t.Errorf("Of(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	if s := errno.ETIMEDOUT.Error(); s != "ETIMEDOUT" {
		t.Errorf("the last name is %q: the list has slipped", s)
	}
	for _, e := range []errno.Errno{0, errno.ETIMEDOUT + 1} {
		if s := e.Error(); s != "unknown errno" {
			t.Errorf("%d is %q", e, s)
		}
	}
	seen := map[string]bool{}
	last := ""
	for e := errno.EACCES; e <= errno.ETIMEDOUT; e++ {
		if name := e.Error(); seen[name] || name <= last || name[0] != 'E' {
			t.Errorf("%d is called %q after %q: the list is in order of names, each once", e, name, last)
		}
		last = e.Error()
		seen[last] = true
	}
}
