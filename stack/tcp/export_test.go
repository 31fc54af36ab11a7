package tcp

import "fmt"

// Held is what is left in use: chunks of buffers, connections, open endpoints.
func (t *TCP) Held() (chunks, conns, endpoints, pending int) {
	return t.mem.inUse, len(t.conns), t.endpoints, t.fastPending
}

// Left describes the connections that are left.
func (t *TCP) Left() (all []string) {
	for _, c := range t.conns {
		all = append(all, fmt.Sprintf("%v user %v listener %v flight %d unsent %d wnd %d due %v now %v adopt %v remote %v fin %v cc %v", c.state, c.user != nil, c.listener != nil, c.snd.una.To(c.snd.nxt), c.snd.end()-c.snd.nxt, c.snd.wnd, c.tm.due, c.now(), c.set.adoptTimeout, c.remoteTimeout, c.snd.fin, c.cc != nil))
	}
	return all
}
