package live

import "time"

// Timeout tells on a channel when d of real time has passed, for calls of an agent that wait no longer than that. A
// negative d never passes. stop releases what it takes.
func Timeout(d time.Duration) (up <-chan time.Time, stop func() bool) {
	if d < 0 {
		return nil, func() bool { return true }
	}
	t := time.NewTimer(d)
	return t.C, t.Stop
}
