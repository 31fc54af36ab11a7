package probe

import (
	"fmt"
	"time"

	"github.com/conform-stack/conform/harness/packet/tcp"
)

// Pattern is n octets in which neighbours differ, and which do not repeat within 64 KiB: what is lost, doubled or out of
// place shows.
func Pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// Deliver sends data to the target in segments as large as the target's MSS, within its window, and returns when all is
// acknowledged. It is preparation: when the target takes no more of it the check ends.
func (c *Conn) Deliver(data []byte) {
	mss := c.largest()
	first := c.SndNxt
	for at := 0; at < len(data); {
		for at < len(data) {
			n := min(mss, len(data)-at, int(c.PeerWindow)-int(c.SndNxt-c.SndUna))
			if n <= 0 {
				break
			}
			flags := uint(tcp.ACK)
			if at+n == len(data) {
				flags |= tcp.PSH
			}
			c.Send(flags, data[at:at+n])
			at += n
		}
		una, window := c.SndUna, c.PeerWindow
		if !c.Until(c.patience(), func() bool { return c.SndUna != una || c.PeerWindow > window || c.Reset }) || c.Reset {
			c.stuck(fmt.Sprintf("the target to acknowledge %d octets more", len(data)-int(una-first)))
		}
	}
	if !c.Until(c.patience(), func() bool { return c.SndUna == c.SndNxt || c.Reset }) || c.Reset {
		c.stuck("the target to acknowledge the rest of the data")
	}
}

// largest is how much data a segment of the tester may hold.
func (c *Conn) largest() int {
	mss := int(c.PeerOffer.MSS)
	if mss == 0 {
		mss = c.family.networkOf().defaultMSS
	}
	if c.stamped() {
		mss -= 12
	}
	return mss
}

// FillWindow sends data until the target's window is closed, and gives what it sent. It is preparation, for a target whose
// application does not read; a small SO_RCVBUF (see Setup) saves time.
func (c *Conn) FillWindow() (data []byte) {
	const most = 8 << 20
	all := Pattern(most)
	for c.PeerWindow > 0 && len(data) < most {
		n := min(c.largest(), int(c.PeerWindow)-int(c.SndNxt-c.SndUna), most-len(data))
		if n > 0 {
			c.Send(tcp.ACK, all[len(data):len(data)+n])
			data = all[:len(data)+n]
			continue
		}
		una, window := c.SndUna, c.PeerWindow
		if !c.Until(c.patience(), func() bool { return c.SndUna != una || c.PeerWindow != window || c.Reset }) || c.Reset {
			c.stuck("the target to acknowledge what fills its window")
		}
	}
	c.Until(c.patience(), func() bool { return c.SndUna == c.SndNxt })
	if c.PeerWindow > 0 {
		c.stuck(fmt.Sprintf("a closed window after %d octets", len(data)))
	}
	return data
}

// Gather waits until n octets in all have come from the target in order, and gives them. It is preparation, and needs
// Acknowledge when they are more than a window.
func (c *Conn) Gather(n int) []byte {
	for len(c.stream) < n {
		have := len(c.stream)
		if !c.Until(max(c.patience(), 5*time.Second), func() bool { return len(c.stream) > have || c.Reset }) || c.Reset {
			c.stuck(fmt.Sprintf("%d octets more of the target's stream, after %d", n-have, have))
		}
	}
	return c.stream[:n]
}

// stuck ends the check: preparation failed.
func (c *Conn) stuck(want string) {
	more := []string(nil)
	if c.Reset {
		more = []string{"the target has reset the connection"}
	}
	c.failAll(nil, Missing, explain{sent: c.log.lastSent(), want: want, more: more})
	panic(stop{})
}
