package iface

// MaxClasses is how many traffic classes there are at most in each direction.
const MaxClasses = 8

// A ClassMap says which priority belongs to which traffic class, by the number of classes. A higher class goes first.
// Priority 1, background, is below 0, best effort.
type ClassMap uint8

const (
	Strict ClassMap = iota // IEEE 802.1Q, table 8-4
	SRAB                   // table 34-1: stream reservation, classes A and B; for 2 classes or more
	SRB                    // table 34-2: stream reservation, class B only; for 2 classes or more
	numMaps
)

// classOf maps the priorities 0 to 7, by the map and by the number of classes.
var classOf = [numMaps][MaxClasses + 1][8]uint8{ // never written
	Strict: {
		2: {0, 0, 0, 0, 1, 1, 1, 1},
		3: {0, 0, 0, 0, 1, 1, 2, 2},
		4: {0, 0, 1, 1, 2, 2, 3, 3},
		5: {0, 0, 1, 1, 2, 2, 3, 4},
		6: {1, 0, 2, 2, 3, 3, 4, 5},
		7: {1, 0, 2, 3, 4, 4, 5, 6},
		8: {1, 0, 2, 3, 4, 5, 6, 7},
	},
	SRAB: {
		2: {0, 0, 1, 1, 0, 0, 0, 0},
		3: {0, 0, 1, 2, 0, 0, 0, 0},
		4: {0, 0, 2, 3, 1, 1, 1, 1},
		5: {0, 0, 3, 4, 1, 1, 2, 2},
		6: {0, 0, 4, 5, 1, 1, 2, 3},
		7: {0, 0, 5, 6, 1, 2, 3, 4},
		8: {1, 0, 6, 7, 2, 3, 4, 5},
	},
	SRB: {
		2: {0, 0, 1, 0, 0, 0, 0, 0},
		3: {0, 0, 2, 0, 1, 1, 1, 1},
		4: {0, 0, 3, 0, 1, 1, 2, 2},
		5: {0, 0, 4, 1, 2, 2, 3, 3},
		6: {0, 0, 5, 1, 2, 2, 3, 4},
		7: {1, 0, 6, 2, 3, 3, 4, 5},
		8: {1, 0, 7, 2, 3, 4, 5, 6},
	},
}

// Class is the class of a priority among some classes; 0 when there are fewer than two.
func (m ClassMap) Class(classes int, priority uint8) int {
	return int(classOf[m][classes][priority&7])
}
