package judge

import "iter"

// A ring keeps the last things put into it.
type ring[T any] struct {
	limit int
	next  int
	all   []T
	lost  bool // something was pushed out
}

func (r *ring[T]) add(v T) {
	if len(r.all) < r.limit {
		r.all = append(r.all, v)
		return
	}
	r.all[r.next] = v
	r.next = (r.next + 1) % r.limit
	r.lost = true
}

// each yields what is kept, in no order that matters.
func (r *ring[T]) each() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range r.all {
			if !yield(&r.all[i]) {
				return
			}
		}
	}
}
