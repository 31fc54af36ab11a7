package socket

// streamer is what a stream adds to an endpoint.
type streamer interface {
	endpoint
	listener
	buffered
	listens() bool
	reuse(set bool, on bool) bool // tells what is set
	ioctl(Request) (int, error)
}
