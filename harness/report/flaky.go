package report

// An Attempt is an earlier execution of a check of this run, which was repeated because it did not end as expected.
type Attempt struct {
	Outcome  Outcome `json:"outcome"`
	Message  string  `json:"message"`
	WallMS   int64   `json:"wall_ms"`
	Evidence string  `json:"evidence,omitempty"` // a file below the report's folder, with slashes
}

// Flaky tells whether the check ended as expected only when it was repeated.
func (r *Report) Flaky(c *Check) bool { return len(c.Earlier) > 0 && !r.Unexpectedly(c) }

// Unexpectedly tells whether a check ended so that the run is not as expected.
func (r *Report) Unexpectedly(c *Check) bool { return r.unexpectedly(c, r.levels()) }

// UnexpectedChecks are the checks that ended so that the run is not as expected.
func (r *Report) UnexpectedChecks() (ids []string) {
	levels := r.levels()
	for i := range r.Checks {
		if c := &r.Checks[i]; r.unexpectedly(c, levels) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// flaky are the checks that ended as expected only when they were repeated.
func (r *Report) flaky() (all []*Check) {
	for i := range r.Checks {
		if c := &r.Checks[i]; r.Flaky(c) {
			all = append(all, c)
		}
	}
	return all
}
