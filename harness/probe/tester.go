package probe

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/vlan"
	"github.com/conform-stack/conform/harness/target"
)

// Tester is the harness as one host on the link. It fills in what a template leaves out.
type Tester struct {
	*P
	env    packet.Env
	link   int
	family Family
	local  bool // IPv6 is spoken from link-local address to link-local address
}

// Ethernet is the first tester, with nothing done by itself: it answers no ARP request.
func (p *P) Ethernet() *Tester {
	return &Tester{P: p, env: p.env(0, ipv4.Proto), family: IPv4}
}

// IPv4 is the first tester as an IPv4 host: requests for its link address are answered.
func (p *P) IPv4() *Tester {
	t := p.Ethernet()
	t.AnswerARP()
	return t
}

// Link is the first tester of another link of a routed world. Frames are sent and expected there.
func (t *Tester) Link(i int) *Tester {
	other := *t
	other.link = i
	other.env = t.P.env(i, t.env.Network)
	other.env.Tags = t.env.Tags
	return other.scoped()
}

// Net is what the tester's link looks like.
func (t *Tester) Net() target.Net { return t.nets[t.link] }

// As is the i-th tester: another host with addresses of its own. The check is inconclusive on a target that allows
// fewer.
func (t *Tester) As(i int) *Tester {
	if i >= len(t.Net().Testers) {
		t.Inconclusive("the check needs %d testers on the link, the target allows %d", i+1, len(t.Net().Testers))
	}
	other := *t
	other.env.Local = t.Net().Testers[i]
	if t.local {
		other.env.Local.IP6 = other.env.Local.LinkLocal
	}
	return &other
}

// Claiming is the tester with another address of the subnet.
func (t *Tester) Claiming(ip netip.Addr) *Tester {
	other := *t
	other.family.networkOf().set(&other.env.Local, ip)
	return &other
}

// Facing is the tester who knows the target by another address than the one it has from the start.
func (t *Tester) Facing(ip netip.Addr) *Tester {
	other := *t
	other.family.networkOf().set(&other.env.Peer, ip)
	return &other
}

// AnswerARP lets the tester answer requests for the addresses of every tester, as real hosts would.
func (t *Tester) AnswerARP() {
	t.IgnoreARP()
	t.answers = append(t.answers, responder{"ARP", t.answerARP})
}

func (t *Tester) answerARP(f *packet.Frame) {
	if len(packet.Check(f, arp.Op.Is(arp.OpRequest))) > 0 || f.Has(vlan.Proto) {
		return
	}
	want, _ := arp.TargetIP.Of(f)
	net := t.nets[f.On]
	for _, h := range net.Testers {
		if h.IP4 == want {
			t.log.Note(f, "answered by the tester")
			peer := net.Target
			if !peer.IP4.IsValid() { // it gives itself an address
				peer.IP4, _ = arp.SenderIP.Of(f)
			}
			t.reflex(f.On, arp.Reply(arp.TargetMAC.Is(peer.MAC)).Build(packet.Env{Local: h, Peer: peer}))
		}
	}
}

// IgnoreARP takes AnswerARP back.
func (t *Tester) IgnoreARP() {
	t.answers = slices.DeleteFunc(t.answers, func(r responder) bool { return r.name == "ARP" })
}

// The addresses of both sides; those of IP are of the tester's family.
func (t *Tester) MAC() net.HardwareAddr       { return t.env.Local.MAC }
func (t *Tester) IP() netip.Addr              { return t.family.Of(t.env.Local) }
func (t *Tester) TargetMAC() net.HardwareAddr { return t.env.Peer.MAC }
func (t *Tester) TargetIP() netip.Addr        { return t.family.Of(t.env.Peer) }
func (t *Tester) Host() target.Host           { return t.env.Local }
func (t *Tester) Family() Family              { return t.family }

// UnusedIP is an address of the subnet that nobody has.
func (t *Tester) UnusedIP() netip.Addr { return t.family.networkOf().unused(t.Net()) }

// Build is the frame that Send would put on the link. It panics for a packet that takes several; see Frames.
func (t *Tester) Build(tmpl packet.Template) []byte { return tmpl.Build(t.env) }

// Frames are the frames that Send would put on the link.
func (t *Tester) Frames(tmpl packet.Template) [][]byte { return tmpl.Frames(t.env) }

// Framed is a template as the frame that Send would put on the link, dissected; of several the last one, which has the whole
// packet.
func (t *Tester) Framed(tmpl packet.Template) (f *packet.Frame) {
	r := packet.Reader{Link: t.Net().Link, Contexts: t.env.Contexts, Security: t.env.Security}
	for _, b := range tmpl.Frames(t.env.Uncounted()) {
		f = r.Dissect(b)
	}
	return f
}

// Env is who speaks to whom in what Send builds.
func (t *Tester) Env() packet.Env { return t.env }

// Send puts a frame on the link, or the fragments that a packet takes there.
func (t *Tester) Send(tmpl packet.Template) { t.sendAll(t.link, t.Frames(tmpl), nil) }

// SendBad puts a bad frame on the link. good is what a target that overlooks its fault takes it for; see mutate.Gullible. It
// is for stimuli that have an effect and no answer, where Silent does not fit.
func (t *Tester) SendBad(bad, good packet.Template) {
	t.sendAll(t.link, t.Frames(bad), t.Frames(good))
}

// SendBytes puts raw octets on the link.
func (t *Tester) SendBytes(frame []byte) { t.send(t.link, frame) }

// Option refines an assertion on frames.
type Option func(*options)

type options struct {
	requirements []string // empty: the assertion is preparation
	named        bool
	within       time.Duration
	fence        packet.Template
	on           *Tester
	delay        time.Duration
	why          string
}

// For names the requirements that the assertion belongs to; For() makes it preparation.
func For(requirements ...string) Option {
	return func(o *options) { o.requirements, o.named = requirements, true }
}

// Within bounds the wait. A timer of the target that is a subject itself is asserted with Between.
func Within(d time.Duration) Option { return func(o *options) { o.within = d } }

// Because says in words why the frame is to be expected; a failure prints it.
func Because(why string) Option { return func(o *options) { o.why = why } }

// Fence names the answer to the good stimulus, where it is of another kind than what is forbidden for the bad one.
func Fence(answer packet.Template) Option { return func(o *options) { o.fence = answer } }

// Delayed lets Silent wait before the good stimulus, for an answer that a host may put off for up to d.
func Delayed(d time.Duration) Option { return func(o *options) { o.delay = d } }

// On looks for the answers of Silent on another tester's link.
func On(t *Tester) Option { return func(o *options) { o.on = t } }

func (p *P) options(opts []Option) options {
	o := options{within: p.patience()}
	for _, opt := range opts {
		opt(&o)
	}
	if !o.named && len(p.cfg.Proves) == 1 {
		o.requirements = p.cfg.Proves
	}
	return o
}

// Expect waits for a frame like tmpl, among others. Without one the check ends there.
func (t *Tester) Expect(tmpl packet.Template, opts ...Option) *packet.Frame {
	o := t.options(opts)
	t.log.assert(o.requirements...)
	near := nearest{t: tmpl}
	f := t.await(t.Now()+o.within, near.look)
	if f != nil {
		for _, req := range o.requirements {
			t.log.Note(f, "meets "+req)
		}
		return f
	}
	e := explain{sent: t.log.lastSent(), want: tmpl.String(), got: near.frame, diffs: near.diffs}
	if o.why != "" {
		e.want += "  (" + o.why + ")"
	}
	if near.frame == nil {
		e.more = []string{fmt.Sprintf("nothing like it came in %v", o.within)}
	}
	t.failAll(o.requirements, Missing, e)
	panic(stop{})
}

// Ask sends a request and expects its answer.
func (t *Tester) Ask(request, answer packet.Template, opts ...Option) *packet.Frame {
	t.Send(request)
	return t.Expect(answer, opts...)
}

// Never lets d pass in which no frame like tmpl may come. It is for things that need no stimulus; where there is one,
// Silent is faster and surer.
func (t *Tester) Never(tmpl packet.Template, d time.Duration, opts ...Option) {
	o := t.options(opts)
	t.log.assert(o.requirements...)
	if f := t.await(t.Now()+d, tmpl.Matches); f != nil {
		t.failAll(o.requirements, Spurious, explain{sent: t.log.lastSent(), want: fmt.Sprintf("for %v no %s", d, tmpl), got: f, more: because(o.why)})
	}
}

// Seen are all frames like tmpl that the target has sent since the world was made, claimed or not.
func (t *Tester) Seen(tmpl packet.Template) (fs []*packet.Frame) {
	for _, r := range t.log.Records {
		if r.FromTarget && r.Frame.On == t.link && t.onVLAN(r.Frame) && tmpl.Matches(r.Frame) {
			fs = append(fs, r.Frame)
		}
	}
	return fs
}

// Sent are all frames like tmpl that the testers have sent on the tester's link since the world was made.
func (t *Tester) Sent(tmpl packet.Template) (fs []*packet.Frame) {
	for _, r := range t.log.Records {
		if r.Frame != nil && !r.FromTarget && r.Frame.On == t.link && tmpl.Matches(r.Frame) {
			fs = append(fs, r.Frame)
		}
	}
	return fs
}

// Silent sends a bad stimulus and then the same with the fault made right, and wants an answer to the good one only.
// The answer to the good one is the fence: links keep order, so an answer to the bad one comes before it or, from a
// target with several threads, very soon after.
//
// answer is what a target without the rule would say to the bad stimulus. With Fence the good one has another answer;
// without, one answer in all is right and two are one too many.
func (t *Tester) Silent(bad, good, answer packet.Template, opts ...Option) {
	o := t.options(opts)
	t.log.assert(o.requirements...)
	fence := o.fence
	if fence == nil {
		fence = answer
	}
	watch := t
	if o.on != nil {
		watch = o.on
	}
	t.Forget()
	t.sendAll(t.link, t.Frames(bad), t.Frames(good))
	stimulus := *t.log.lastSent()
	var offender, passed *packet.Frame
	if o.delay > 0 {
		offender = watch.await(t.Now()+o.delay+t.settle(), answer.Matches)
	}
	t.Send(good) // numbered anew, where frames are

	look := func(f *packet.Frame) bool {
		switch {
		case passed == nil && fence.Matches(f):
			passed = f
		case offender == nil && answer.Matches(f):
			offender = f
		}
		return passed != nil
	}
	if watch.await(t.Now()+o.within, look); passed == nil {
		if o.on == nil && t.shutOut(good, fence, o.within) {
			t.failAll(o.requirements, Spurious, explain{sent: &stimulus, want: "no effect", more: append(because(o.why),
				"the same stimulus with its fault made right is answered to another host, and not to this one any more: the bad one had an effect")})
			panic(stop{})
		}
		t.failAll(nil, Missing, explain{
			sent: t.log.lastSent(), want: fence.String(),
			more: append(because(o.why), "the same stimulus with its fault made right was not answered: silence proves nothing"),
		})
		panic(stop{})
	}
	watch.await(t.Now()+t.settle(), func(f *packet.Frame) bool { look(f); return offender != nil })
	if offender != nil {
		want := "silence until the answer to " + good.String()
		t.failAll(o.requirements, Spurious, explain{sent: &stimulus, want: want, got: offender, more: because(o.why)})
	}
}

// shutOut tells whether the target answers a stimulus of another host, and none of this one, however often: so what was sent
// before has shut this one out, such as by a link address of it that is wrong. The fence then goes by another path.
func (t *Tester) shutOut(good, fence packet.Template, within time.Duration) bool {
	testers := t.Net().Testers
	i := slices.IndexFunc(testers, func(h target.Host) bool { return !bytes.Equal(h.MAC, t.env.Local.MAC) })
	if i < 0 {
		return false
	}
	answered := func(by *Tester) bool {
		by.Send(good)
		return by.await(by.Now()+within, fence.Matches) != nil
	}
	for range 3 { // what is limited to one in a second, or was lost, comes
		t.Wait(1100 * time.Millisecond)
		if answered(t) {
			return false
		}
	}
	return answered(t.As(i)) && !answered(t)
}

// Stray puts a template on the link that ought to have no effect, where the proof of it is not an answer on the link. good
// is what a target that overlooks its fault takes it for; see mutate.Gullible.
func (t *Tester) Stray(bad, good packet.Template) {
	t.SendBad(bad, good)
}

// await is P.await on the tester's link.
func (t *Tester) await(until time.Duration, accept func(*packet.Frame) bool) *packet.Frame {
	return t.P.await(until, func(f *packet.Frame) bool { return f.On == t.link && t.onVLAN(f) && accept(f) })
}

func because(why string) []string {
	if why == "" {
		return nil
	}
	return []string{why}
}

// nearest remembers, of the frames that did not match, the one with the fewest differences.
type nearest struct {
	t     packet.Template
	frame *packet.Frame
	diffs []packet.Diff
}

func (n *nearest) look(f *packet.Frame) bool {
	has, diffs := n.t.Compare(f)
	if has && len(diffs) == 0 {
		return true
	}
	if has && (n.frame == nil || len(diffs) < len(n.diffs)) {
		n.frame, n.diffs = f, diffs
	}
	return false
}
