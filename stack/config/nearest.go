package config

import (
	"slices"
	"strings"
)

// longest is as much of a name as is looked at: no known one is half as long.
const longest = 128

// Nearest is the known name that differs least from one that is not known; of several, one that shares most words. Both
// are without CONFIG_.
func Nearest(name string) string {
	name = name[:min(len(name), longest)]
	words := strings.Split(name, "_")
	best, least, most := "", -1, 0
	for _, s := range table {
		n, shared := edits(name, s.Name), 0
		for w := range strings.SplitSeq(s.Name, "_") {
			if slices.Contains(words, w) {
				shared++
			}
		}
		if least < 0 || n < least || n == least && shared > most {
			best, least, most = s.Name, n, shared
		}
	}
	return best
}

// edits is how many characters must be put in, taken out or changed to make a into b (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0] // of the row before
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
