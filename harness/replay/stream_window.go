package replay

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// A window is how far the live target lets the peer send. A stack with less room than the one of the capture is sent the same
// data, later: what goes beyond a window is dropped, and its being missing would say nothing of the target.
type window struct {
	known bool
	shift uint // of RFC 7323, where both sides have the option
	edge  int  // position behind the last octet that there is room for
}

// offer takes in a segment of the live target. at is the position that it acknowledges.
func (w *window) offer(f *packet.Frame, at int) {
	flags, _ := tcp.Flags.Of(f)
	size, _ := tcp.Window.Of(f)
	if flags&tcp.SYN != 0 { // its window is as it stands (2.2)
		w.shift, _ = tcp.WindowScale.Of(f)
		w.shift = min(w.shift, 14)
	} else {
		size <<= w.shift
	}
	w.known, w.edge = true, max(w.edge, at+int(size))
}

// noRoom says that the live target never had room for what the peer says in the capture.
type noRoom string

func (n noRoom) Error() string { return string(n) }

// room waits until the live target has room for a segment of the peer. One octet is a probe of a window (RFC 9293, 3.8.6.1),
// and what was sent before may be sent again.
func (p *player) room(st step) error {
	f := st.message.frame
	s := p.tr.streamOf(f)
	body := len(f.Body(tcp.Proto))
	if s == nil || body <= 1 || !s.theirs.known || !s.window.known {
		return nil
	}
	seq, _ := tcp.Seq.Of(f)
	end := s.theirs.at(seq) + body
	deadline := p.world.Now() + p.patience()
	for end > s.told && end > s.window.edge {
		if err := p.goOn(); err != nil {
			return err
		}
		more, err := p.next(deadline)
		if err != nil {
			return err
		}
		if !more {
			return noRoom(fmt.Sprintf("packet %d of the capture has octets up to %d of the stream, and the target has room up to %d: the window of the captured host was larger",
				st.packets[0].number, end, s.window.edge))
		}
	}
	return nil
}
