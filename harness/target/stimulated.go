package target

// Stimulated is a world that wants to know what a bad frame would be with its fault made right. The mutant of a target
// that overlooks the fault is made with it.
type Stimulated interface {
	SendBad(bad, good []byte) error
}
