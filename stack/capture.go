package stack

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/driver/pcap"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
)

// CapturePort is the port of UDP that collectors listen at.
const CapturePort = 4242

// A Capture is the frames of an interface, both ways, on their way to a file or a collector. What the capture itself sends
// is not captured, on any interface.
type Capture struct {
	node    *Node
	i       *Interface
	frame   func(*iface.Seen) error
	close   func()
	frames  uint64
	lost    uint64
	stopped bool
}

// CaptureFile writes the frames of an interface to a file, with the loop's time. An error of the file ends nothing: its
// Writer keeps it.
func (n *Node) CaptureFile(i *Interface, to *pcap.Writer) (*Capture, error) {
	return n.capture(i, &Capture{frame: func(s *iface.Seen) error { return to.Write(s.At, s.Frame) }})
}

// CaptureTo sends the frames of an interface to a collector, each as a datagram of UDP; port 0 means CapturePort. Frames
// of the loopback interface are not sent, since the datagrams would be among them.
func (n *Node) CaptureTo(i *Interface, collector netip.AddrPort) (*Capture, error) {
	if i.Loopback || n.UDP == nil {
		return nil, errno.EOPNOTSUPP
	}
	if collector.Port() == 0 {
		collector = netip.AddrPortFrom(collector.Addr(), CapturePort)
	}
	e := n.UDP.Open(ip.FamilyOf(collector.Addr()))
	if err := e.Connect(collector); err != nil {
		e.Close()
		return nil, err
	}
	c, err := n.capture(i, &Capture{
		frame: func(s *iface.Seen) error { return e.Send(s.Frame, netip.AddrPort{}) },
		close: e.Close,
	})
	if err != nil {
		e.Close()
	}
	return c, err
}

func (n *Node) capture(i *Interface, c *Capture) (*Capture, error) {
	if !n.Config.Data.Capture.On() {
		return nil, errno.EOPNOTSUPP
	}
	c.node, c.i = n, i
	i.AddTap(c)
	n.raise(i, event.CaptureStarted)
	return c, nil
}

// Tap implements iface.Tap.
func (c *Capture) Tap(s *iface.Seen) {
	if c.frame(s) != nil {
		c.lost++
		return
	}
	c.frames++
}

// Counts are the frames captured, and those that could not be written or sent.
func (c *Capture) Counts() (frames, lost uint64) { return c.frames, c.lost }

// Stop ends the capture. The file stays open.
func (c *Capture) Stop() {
	if c.stopped {
		return
	}
	c.stopped = true
	c.i.RemoveTap(c)
	if c.close != nil {
		c.close()
	}
	c.node.raise(c.i, event.CaptureStopped)
}
