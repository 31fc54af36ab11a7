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
	if s := errno.ESOCKTNOSUPPORT.Error(); s != "ESOCKTNOSUPPORT" {
		t.Errorf("the last name is %q: the list has slipped", s)
	}
	if s := errno.Errno(0).Error(); s != "unknown errno" {
		t.Errorf("zero is %q", s)
	}
}
