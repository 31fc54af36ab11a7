package tcp

import (
	"fmt"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// A renewal is a SYN that comes in TIME-WAIT: a row of RFC 6191, section 2.
type renewal struct {
	rule       string
	old, stamp bool // the old connection has timestamps; the new SYN has
	tsval      int  // against the last one seen
	seq        int  // against the number of the old connection's FIN
	accepted   bool
}

func (r renewal) String() string {
	with := map[bool]string{false: "without", true: "with"}
	s := fmt.Sprintf("old=%s,new=%s,seq=%+d", with[r.old], with[r.stamp], r.seq)
	if r.old && r.stamp {
		s += fmt.Sprintf(",tsval=%+d", r.tsval)
	}
	return s
}

// Proves implements check.Proving.
func (r renewal) Proves() []string { return []string{r.rule} }

var renewals = []renewal{ // never written
	{"RFC6191:2-2", true, true, 1, 1000, true},
	{"RFC6191:2-2", true, true, 5000, -5, true},
	{"RFC6191:2-3", true, true, 0, 1000, true},
	{"RFC6191:2-4", true, false, 0, 1000, true},
	{"RFC6191:2-5", true, true, -1, 1000, false},
	{"RFC6191:2-5", true, true, -1, -5, false},
	{"RFC6191:2-6", true, true, 0, -5, false},
	{"RFC6191:2-7", true, false, 0, -5, false},
	{"RFC6191:2-8", false, true, 0, 1000, true},
	{"RFC6191:2-8", false, true, 0, -5, true},
	{"RFC6191:2-9", false, false, 0, 2, true}, // of +1, RCV.NXT, it can be said that it was seen
	{"RFC6191:2-9", false, false, 0, 100000, true},
	{"RFC6191:2-10", false, false, 0, -5, false},
	{"RFC6191:2-12", false, false, 0, 0, false}, // the FIN's own number: data came before it
}

func init() {
	claims := check.Claims{}
	claimed := map[string]bool{}
	for _, r := range renewals {
		if claimed[r.rule] {
			continue
		}
		claimed[r.rule] = true
		if r.accepted {
			claims = claims.And(r.rule, gridDeaf)
		} else {
			claims = claims.And(r.rule, mutate.Gullible())
		}
	}
	// A SYN that is not accepted is dropped, or draws a challenge ACK (RFC 5961, 4.2): the connection stays as it is.
	grid("tcp.time-wait.renewal", "a SYN in TIME-WAIT begins a connection when it is surely not an old one", claims, renewals,
		func(host *probe.Tester, r renewal) {
			c := host.TCP()
			c.Offer.Timestamps = r.old
			c.Opened = func() { c.Deliver(probe.Pattern(gridTaken)) }
			c.Reach(probe.StateTimeWait, probe.Passive)
			bad, good := r.segments(c)
			had := len(c.Sent())
			c.Stray(bad, good)
			if r.accepted {
				f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For(r.rule))
				host.Must(r.rule, f, tcp.Ack.Is(uint(c.SndNxt)))
				c.ACK()
				return
			}
			c.Wait(gridMoment(c))
			for _, f := range c.Sent()[had:] {
				flags, _ := tcp.Flags.Of(f)
				if flags&tcp.SYN != 0 {
					host.Fail(r.rule, probe.Spurious, "no new connection, got %s", f)
					return
				}
			}
			host.That(r.rule, "the state then", c.State(), gomega.Equal(probe.StateTimeWait))
		})

	it("tcp.time-wait.unacceptable", "an old segment in TIME-WAIT draws an ACK with the numbers of the connection",
		check.Proves("RFC1337:1-1", gridDeaf),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Opened = func() { c.Deliver(probe.Pattern(gridTaken)) }
			c.Reach(probe.StateTimeWait, probe.Passive)
			old := c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(5), c.At(5), tcp.Window.Is(gridWindow))
			c.Stray(old, old)
			host.Must("RFC1337:1-1", c.Expect(c.Any(), probe.For("RFC1337:1-1")), tcp.Control(tcp.ACK),
				tcp.Seq.Is(uint(c.RcvNxt)), tcp.Ack.Is(uint(c.SndNxt)))
		})

	it("tcp.time-wait.reset", "a RST in TIME-WAIT draws no answer, whether the state ends or not",
		check.Proves("RFC1337:3-1", gridChallenges),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateTimeWait, probe.Passive)
			rst := c.Segment(tcp.RST, nil, tcp.Window.Is(gridWindow))
			had := len(c.Sent())
			c.Stray(rst, rst)
			c.Wait(gridMoment(c))
			host.That("RFC1337:3-1", "answers", len(c.Sent()[had:]), gomega.BeZero())
			host.Step("then the state is %s", c.State())
		})
}

// segments are the SYN of the row and the one that would be accepted in its place.
func (r renewal) segments(c *probe.Conn) (bad, good packet.Template) {
	const fin = 1 // octets back from RCV.NXT
	seq := func(off int) packet.Cond { return tcp.Seq.Is(uint(c.SndNxt - fin + uint32(off))) }
	conds := []packet.Cond{tcp.SrcPort.Is(uint(c.Local)), tcp.DstPort.Is(uint(c.Remote)), tcp.Flags.Is(tcp.SYN), tcp.Window.Is(gridWindow), tcp.MSS.Is(c.Offer.MSS)}
	twin := append(conds[:len(conds):len(conds)], seq(1000))
	conds = append(conds, seq(r.seq))
	if r.stamp {
		last := c.Clock()
		if r.old {
			last = lastStamp(c)
		}
		conds = append(conds, tcp.TSval.Is(uint(last+uint32(r.tsval))), tcp.TSecr.Is(0))
		twin = append(twin, tcp.TSval.Is(uint(last+10)), tcp.TSecr.Is(0))
	}
	return tcp.Segment(conds...), tcp.Segment(twin...)
}

// lastStamp is the tester's timestamp that the target echoed last.
func lastStamp(c *probe.Conn) (last uint32) {
	for _, f := range c.Sent() {
		if v, ok := tcp.TSecr.Of(f); ok {
			last = uint32(v)
		}
	}
	return last
}
