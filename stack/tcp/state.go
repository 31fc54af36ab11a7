package tcp

// A State is one of those of RFC 9293, 3.3.2.
type State uint8

const (
	Closed State = iota
	Listen
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
	numStates
)

var stateNames = [numStates]string{ // never written
	"CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",
	"LAST-ACK", "TIME-WAIT",
}

// String is the RFC's name.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "unknown state"
}

// synchronized tells whether both sides know each other's sequence numbers (3.5.2, the states of group 3).
func (s State) synchronized() bool { return s >= Established }

// receives tells whether data of the peer may still come: it has not sent FIN.
func (s State) receives() bool { return s == Established || s == FinWait1 || s == FinWait2 }

// sends tells whether the user may still hand over data.
func (s State) sends() bool { return s >= SynSent && s <= Established || s == CloseWait }

// Ready is what an endpoint is ready for.
type Ready uint8

const (
	Readable   Ready = 1 << iota // Recv, or Accept, would not say EAGAIN
	Writable                     // Send would take octets, or say why it never will
	HangUp                       // both directions are closed
	Failed                       // TakeError has something
	Urgent                       // the peer says that something is urgent, and it was not read yet
	PeerClosed                   // the peer will send no more

	Acceptable = Readable // of a listener
)

// Flags change one call of Send or Recv.
type Flags uint8

const (
	OOB  Flags = 1 << iota // Send: the last octet is urgent. Recv: the urgent octet that does not stand in the stream
	Peek                   // Recv: what is read stays
	More                   // Send: more follows at once, a segment that is not full waits for it
)

// How says which half of a connection Shutdown closes.
type How uint8

const (
	Read How = iota
	Write
	Both
)

// An Option is a setting of an endpoint whose value is an int. Switches are 0 and 1.
type Option uint8

const (
	NoDelay      Option = iota // no Nagle algorithm (RFC 9293, 3.7.4)
	Cork                       // only full segments are sent, for 200 ms at most
	KeepAlive                  // probe an idle peer (3.8.4)
	KeepIdle                   // seconds
	KeepInterval               // seconds
	KeepCount                  // probes
	MaxSeg                     // octets; read: the effective send MSS
	UserTimeout                // ms; 0: as configured; also sent to the peer (RFC 5482) when set
	Linger                     // seconds that Close lets unsent data live; -1: as long as it takes; 0: Close aborts
	OOBInline                  // urgent data stays in the stream (RFC 6093, 6)
	SendBuffer                 // octets, fixed from then on
	RecvBuffer                 // octets, fixed from then on; 0: nothing is taken until there are more
	Congestion                 // 0 reno, 1 cubic
	FastOpen                   // a listener takes data on SYN from peers with a cookie; a client sends its first data so (RFC 7413)
	QuickAck                   // acknowledge at once
	SynCount                   // retransmissions of a SYN
	AdoptTimeout               // follow the user timeout that the peer asks for (RFC 5482, 3.1)
	DeferAccept                // a connection is Acceptable only when data has come
	numOptions
)
