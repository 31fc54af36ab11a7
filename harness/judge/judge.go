package judge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/capture"
)

// A Frame is one frame as it was on the link.
type Frame struct {
	Time             time.Duration // since the first frame, or any other instant
	Link             capture.LinkType
	Data             []byte // the Judge keeps no reference to it
	Opened           []byte // a secured frame of IEEE 802.15.4 as it would be without encryption, as long as Data, if somebody has opened it
	FromTarget       bool   // judge it; otherwise it is context
	Truncated        bool   // the capture holds less than there was on the link
	Lowpan           bool   // a packet that came over a 6LoWPAN, read by somebody else: RFC 6775 changes what RFC 4861 says
	ChecksumNotReady bool   // the sender left checksums to its network card, and the frame was seen before that
}

// A Finding is one fault of one frame.
type Finding struct {
	Requirement string // id in the catalogue
	Rule        string // name of the rule, as in Rules
	Field       string
	Got, Want   string
	Text        string // the rule in words
	Offset      int    // of the field in the frame, in octets
}

// String is the finding on one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s: got %s, want %s (octet %d; %s)", f.Requirement, f.Field, f.Got, f.Want, f.Offset, f.Text)
}

// Options tell what the frames alone do not. The zero value assumes nothing.
type Options struct {
	// Target describes the one host that is judged. Nil when several are: then rules about a host's own addresses
	// and about hosts that are no routers are silent.
	Target *Target
	// Wire says that frames are seen as they are on the wire: with padding, and never merged by a network card.
	Wire bool
	// Mirrored says that a frame may be seen twice, as in a capture on several ports. A copy is then no repetition.
	Mirrored bool
	// MDL is the maximum datagram lifetime of RFC 6864, section 3. Zero means 2 minutes.
	MDL time.Duration
}

// A Target is the host that sends the frames to be judged.
type Target struct {
	MAC    []byte       // its link address; empty when it has several, or may change it
	Addrs  []netip.Addr // its IPv4 addresses; empty when they may change
	Addrs6 []netip.Addr // its IPv6 addresses, those of link-local scope included; empty when they may change
	Prefix netip.Prefix // of the link; the zero value is unknown
	Router bool         // it forwards, so that it sends datagrams of others
	Level  uint8        // of the security that its data frames of IEEE 802.15.4 are to have; 0 is none
}

func (o *Options) mdl() time.Duration {
	if o.MDL == 0 {
		return 2 * time.Minute
	}
	return o.MDL
}

// A Judge judges the frames of one link in order. It belongs to one goroutine.
type Judge struct {
	opts    Options
	skipped map[string]int

	datagrams ring[datagram]   // what an ICMP message may be about
	packets   ring[datagram]   // the same of IPv6
	requests  ring[arpRequest] // what an ARP reply may answer
	asked     ring[asked]      // frames of IEEE 802.15.4 that may be acknowledged
	counters  map[countedKey]counted
	idents    map[identKey]identUse
	senders   map[netip.Addr]udpHabit
	flows     map[tcpKey]*tcpFlow
	kept      int // octets of streams in flows
}

// New makes a Judge that has seen nothing.
func New(opts Options) *Judge {
	return &Judge{
		opts:      opts,
		skipped:   map[string]int{},
		datagrams: ring[datagram]{limit: 512},
		packets:   ring[datagram]{limit: 512},
		requests:  ring[arpRequest]{limit: 256},
		asked:     ring[asked]{limit: 64},
		counters:  map[countedKey]counted{},
		idents:    map[identKey]identUse{},
		senders:   map[netip.Addr]udpHabit{},
		flows:     map[tcpKey]*tcpFlow{},
	}
}

// Frame takes the next frame and returns what is wrong with it: nothing, for a frame that is context.
func (j *Judge) Frame(f Frame) []Finding {
	s := &scene{j: j, f: &f}
	read := linkEntry(f.Link)
	if read == nil {
		if !f.Link.Known() {
			s.skip(f.Link.String())
			return nil
		}
		s.skip("link type " + f.Link.String())
		return nil
	}
	if f.Truncated {
		s.skip("what the capture cut off")
	}
	read(s)
	return s.found
}

// Reads tells whether the judge has rules for frames of a link type.
func Reads(link capture.LinkType) bool { return linkEntry(link) != nil }

// A Count is how many frames of the target were not judged, or not to their end.
type Count struct {
	Why    string
	Frames int
}

// NotJudged says what was let pass and why, most frequent first.
func (j *Judge) NotJudged() []Count {
	var all []Count
	for why, n := range j.skipped {
		all = append(all, Count{why, n})
	}
	slices.SortFunc(all, func(a, b Count) int {
		if a.Frames != b.Frames {
			return b.Frames - a.Frames
		}
		return strings.Compare(a.Why, b.Why)
	})
	return all
}

// A scene is one frame on its way through the layers.
type scene struct {
	j     *Judge
	f     *Frame
	found []Finding
}

// skip counts something that is not judged.
func (s *scene) skip(why string) {
	if s.f.FromTarget {
		s.j.skipped[why]++
	}
}

// host is the target if it is known to be a host that only sends datagrams of its own; nil otherwise.
func (s *scene) host() *Target {
	if t := s.j.opts.Target; t != nil && !t.Router {
		return t
	}
	return nil
}
