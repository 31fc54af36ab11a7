// Package bench measures the reference stack beside gVisor's netstack: the same frames, the same work, one process. It
// holds tests only.
//
//	go test ./internal/bench -bench . -benchmem     for benchstat -col /stack
//	go test ./internal/bench -run Ratios -v         a short table of both
//
// Both stacks are driven by one goroutine, synchronously, so that neither pays for a change of goroutines. docs/benchmarks.md
// says what is measured and what is not.
package bench
