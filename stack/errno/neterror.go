package errno

// Timeout makes the errors of time that ran out net.Errors that say so, as syscall.Errno does.
func (e Errno) Timeout() bool { return e == EAGAIN || e == ETIMEDOUT }

// Temporary tells servers that the next call may fare better (net/http asks Accept).
func (e Errno) Temporary() bool {
	switch e {
	case EMFILE, ENOBUFS, ENOMEM, ECONNABORTED:
		return true
	}
	return e.Timeout()
}
