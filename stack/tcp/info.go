package tcp

import "time"

// Info is what a connection knows of itself, at an instant.
type Info struct {
	State                    State
	MSS                      int // effective send MSS, options of RFC 9293, 3.7.1, taken off
	SendScale, RecvScale     uint8
	Timestamps, SACK, ECN    bool
	FastOpen                 bool // data on SYN was sent and acknowledged, or taken
	RTO, SRTT, RTTVar        time.Duration
	Window, Threshold        int // congestion window, slow start threshold: octets
	InFlight                 int // octets sent and not acknowledged
	Unsent                   int // octets of the user's that were not sent yet
	Unread                   int // octets received in order that the user has not read
	SendWindow, RecvWindow   int // as offered by the peer, and to it
	PathMTU                  int
	Retransmitted            uint64 // segments
	Retries                  int    // of what was sent first: beyond R1 the way is in doubt (3.8.3, SHLD-9)
	Soft                     error  // what the network said of the connection last, without ending it
	BytesSent, BytesReceived uint64 // data, first transmissions only
	Backlog                  int    // of a listener: connections that wait for Accept
}

// Info tells what the connection knows of itself; of a listener, how many wait.
func (e *Endpoint) Info() Info {
	i := Info{State: e.State()}
	if e.listener != nil {
		i.Backlog = len(e.listener.done)
	}
	c := e.conn
	if c == nil {
		return i
	}
	n, r := &c.snd, &c.rcv
	i.MSS, i.SendScale, i.RecvScale = n.mss, n.scale, r.scale
	i.Timestamps, i.SACK, i.ECN = c.opt.timestamps, c.opt.sack, c.ecn.on
	i.FastOpen = c.fast.taken || r.fast
	i.RTO, i.RTTVar = c.est.RTO(), c.est.Variation()
	i.SRTT, _ = c.est.Smoothed()
	if c.cc != nil {
		i.Window, i.Threshold = c.cc.Window(), c.cc.Threshold()
	}
	i.InFlight = int(n.una.To(n.nxt))
	i.Unsent = max(0, int(int32(n.data()-n.nxt)))
	i.Unread = r.unread
	i.SendWindow, i.RecvWindow = int(n.wnd), int(r.nxt.To(r.edge))
	i.PathMTU = c.out.path.MTU
	i.Retries, i.Soft = n.retries, c.soft
	i.Retransmitted, i.BytesSent = n.retransmitted, n.octets
	i.BytesReceived = uint64(r.octets)
	return i
}
