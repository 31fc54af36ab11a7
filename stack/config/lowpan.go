package config

import "time"

// Lowpan configures the adaptation layer of 6LoWPAN (package lowpan). Zero means the profile's value; a negative number
// means none, where a field says so.
type Lowpan struct {
	Enabled        Switch        // have it at all
	Compression    Switch        // compress what is sent (RFC 6282); else send IPv6 headers as they are (dispatch 01000001)
	Contexts       Switch        // compress against contexts; without them, contexts only expand
	MaxContexts    int           // contexts known at a time, 1 to 16
	Fragmentation  Switch        // fragment and reassemble (RFC 4944, 5.3)
	Reassemblies   int           // datagrams in reassembly at a time
	SenderShare    int           // of those, how many of one sender
	ReassemblyTime time.Duration // how long fragments are kept: at most 60 s (RFC 4944, 5.3)
	GHC            Switch        // RFC 7400: expand, and compress for neighbours of which it is known that they expand
	HC1            Switch        // expand the compression of RFC 4944, 10, which nobody should send any more
	ElideChecksum  Switch        // leave out UDP checksums of this node's datagrams where the link protects them (RFC 6282, 4.3.2)
	TrustElided    Switch        // take datagrams without one also from frames that the link did not verify
	MeshUnder      Switch        // forward frames of a link-layer mesh, and send broadcasts through it (RFC 4944, 11)
	MeshHops       int           // Hops Left of what is sent into the mesh
	MeshRoutes     int           // stations that are reached by way of another one
	Broadcasts     int           // broadcasts remembered, so that none is taken twice
	Recovery       Recovery      // of fragments that were lost
}

// Recovery configures the selective recovery of fragments (RFC 8931). The whole network has it, or nobody: nothing tells a
// node what its neighbours understand.
type Recovery struct {
	Enabled    Switch        // take recoverable fragments, and send those for one station
	Datagrams  int           // that are sent at a time; and as many are received
	Window     int           // fragments without acknowledgment, 1 to 32
	Gap        time.Duration // between two fragments
	Timeout    time.Duration // until the first acknowledgment is missed, OptARQTimeOut
	MaxTimeout time.Duration // after backing off, MaxARQTimeOut
	Retries    int           // of a fragment, MaxFragRetries
	Restarts   int           // of a datagram, MaxDatagramRetries
	Absorb     time.Duration // how long a datagram that is complete is remembered
	ECN        Switch        // heed congestion: a window of 1 until the end of the datagram
}
