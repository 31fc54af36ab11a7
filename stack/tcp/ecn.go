package tcp

import "github.com/conform-stack/conform/stack/wire/tcp"

// The two bits of ECN in TOS (RFC 3168, 5).
const (
	notECT  = 0
	ect0    = 2
	ce      = 3
	ecnMask = 3
)

// ecnState is what RFC 3168, 6.1, asks both ends to remember.
type ecnState struct {
	on     bool // both said so
	wanted bool // our SYN asked for it
	echo   bool // the peer's packet was marked: ECE until CWR comes
	cwr    bool // our window was reduced: say so with the next new data
}

// ecnSynFlags are those of a SYN that asks for ECN, and of the SYN,ACK that agrees (6.1.1). A SYN sent again no longer
// asks, for a middlebox may have dropped it (6.1.1.1).
func (c *conn) ecnSynFlags() tcp.Flags {
	switch {
	case c.state == SynSent && c.tcp.c.ECN.On() && c.snd.nxt == c.snd.iss:
		c.ecn.wanted = true
		return tcp.ECE | tcp.CWR
	case c.state == SynSent:
		c.ecn.wanted = false
	case c.ecn.on && c.passive:
		return tcp.ECE
	}
	return 0
}

// ecnSyn takes in the flags of the peer's SYN.
func (c *conn) ecnSyn(s *segment) {
	if !c.tcp.c.ECN.On() {
		return
	}
	if s.flags.Any(tcp.ACK) {
		c.ecn.on = c.ecn.wanted && s.flags.Any(tcp.ECE) && !s.flags.Any(tcp.CWR)
	} else {
		c.ecn.on = s.flags.Has(tcp.ECE | tcp.CWR)
	}
}

// ecnFlags are those of every segment: ECE until the peer says CWR (6.1.3), CWR once (6.1.2).
func (c *conn) ecnFlags() (f tcp.Flags) {
	if c.ecn.echo {
		f |= tcp.ECE
	}
	return f
}

// ecnMark sets the bits in TOS of the next packet: only new data may be marked on its way (6.1.4 to 6.1.6).
func (c *conn) ecnMark(fresh bool) {
	tos := c.out.options.TOS &^ ecnMask
	if c.ecn.on && fresh {
		tos |= ect0
	}
	if !c.ecn.on {
		tos = c.out.options.TOS
	}
	c.out.send.TOS = tos
}

// ecnIn takes in marks: of the packet, from a router; and of the header, from the peer.
func (c *conn) ecnIn(s *segment) {
	if !c.ecn.on {
		return
	}
	if s.flags.Any(tcp.CWR) {
		c.ecn.echo = false
	}
	if s.d.TOS&ecnMask == ce && len(s.data) > 0 {
		if !c.ecn.echo {
			c.ackNow()
		}
		c.ecn.echo = true
	}
}
