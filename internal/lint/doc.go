// Command lint holds the project's own code against the laws of docs/architecture.md that a compiler does not know: who
// imports whom, where the wall clock may be read, what a suite may use.
//
//	go run ./internal/lint [DIR]
//
// It prints a line for each fault, file:line: rule: sentence, and exits 1 if there is one. Its test does the same, so
// that go test ./... enforces the rules. Each rule is a function in the table of rules.go, proven there by a small
// package that breaks it.
//
// It reads syntax, and of types only what one package alone tells. A rule that needs more belongs into a test of the
// thing itself.
package main
