package target

import (
	"context"
	"errors"
)

// ErrDead says that the target gave no sign of life when it was asked for one: the check that ran last may have killed
// it. World.Close returns it wrapped, with what was asked and how long the answer was waited for.
var ErrDead = errors.New("the target gives no sign of life")

// ErrGone says that the target died earlier in the run and was not brought back: nothing can be asked of it.
var ErrGone = errors.New("the target is gone")

// ErrKnown says that the target has heard of all testers that there are, and the check is about strangers.
var ErrKnown = errors.New("the target has heard of every tester, and the check is about strangers")

// A Living target can be asked for a sign of life. Targets that are made anew for each world need not be.
type Living interface {
	Target
	// Alive is nil when the target answered in its bound, and wraps ErrDead when it did not.
	Alive(ctx context.Context) error
}
