package tcp_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

const (
	testerPort = 1000
	nodePort   = 80
)

var (
	testerMAC = ethernet.MAC{2, 0, 0, 0, 0, 1}
	nodeMAC   = ethernet.MAC{2, 0, 0, 0, 0, 2}
	testerIP  = ipv4.Addr{192, 0, 2, 1}
	nodeIP    = ipv4.Addr{192, 0, 2, 2}
	testerAt  = netip.AddrPortFrom(testerIP.Netip(), testerPort)
)

// kit is a node on a wire whose other end is the test, which plays one peer, by hand. Every segment that the node sends
// must be claimed.
//
// Sequence numbers are written relative to the initial ones: the tester's begin at 1000, the node's are shown from 0.
type kit struct {
	t      testing.TB
	loop   *clock.Loop
	node   *stack.Node
	far    *wire.End
	frames [][]byte
	irs    uint32 // the tester's ISN
	iss    uint32 // the node's, once seen
	port   uint16 // the tester's
	local  uint16 // the node's
	tsecr  uint32 // the latest timestamp of the node
}

// plain is a configuration without options, in which segments look as RFC 9293 has them.
func plain() config.Config {
	return config.Config{TCP: config.TCP{Timestamps: config.Off, WindowScale: config.Off, SACK: config.Off}}
}

func newKit(t testing.TB, c config.Config) *kit {
	k := &kit{t: t, loop: clock.New(), irs: 1000, port: testerPort, local: nodePort}
	near, far := wire.New(k.loop, wire.Config{})
	k.far = far
	far.Start(driver.Frames(func(b []byte) { k.frames = append(k.frames, append([]byte(nil), b...)) }))
	var err error
	if k.node, err = stack.New(k.loop, c); err != nil {
		t.Fatal(err)
	}
	eth, err := k.node.AddEthernet(near, nodeMAC)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.node.AddAddress(eth, netip.PrefixFrom(nodeIP.Netip(), 24)); err != nil {
		t.Fatal(err)
	}
	eth.Ethernet.Neighbours().Set(testerIP.Netip(), testerMAC.Addr())
	t.Cleanup(func() {
		for _, f := range k.frames {
			t.Errorf("a segment that nothing claimed: %s", k.show(f))
		}
		if err := k.node.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func (k *kit) advance(d time.Duration) {
	k.t.Helper()
	if err := k.loop.Run(k.loop.Now() + d); err != nil {
		k.t.Fatal(err)
	}
}

// seg is a segment of the tester's. Seq counts from its ISN, Ack from the node's.
type seg struct {
	flags    segment.Flags
	seq, ack uint32
	win      uint16 // 0 means 65535; zeroWin means 0
	zeroWin  bool
	urg      uint16
	opt      segment.Options
	raw      []byte // options as octets, instead
	data     string
}

// send puts a segment on the wire and lets the node react.
func (k *kit) send(s seg) {
	k.t.Helper()
	h := segment.Header{SrcPort: k.port, DstPort: k.local, Seq: k.irs + s.seq, Flags: s.flags, Window: s.win, Urgent: s.urg}
	if s.flags.Any(segment.ACK) {
		h.Ack = k.iss + s.ack
	}
	if s.win == 0 && !s.zeroWin {
		h.Window = 65535
	}
	for i := range s.opt.Blocks {
		s.opt.SACK[i].Start += k.iss
		s.opt.SACK[i].End += k.iss
	}
	h.Options = s.opt.Append(nil)
	if s.raw != nil {
		h.Options = s.raw
	}
	b := append(segment.Append(nil, h), s.data...)
	segment.Seal(b, codec.Pseudo4(testerIP, nodeIP, codec.TCP))
	k.inject(codec.TCP, b)
}

func (k *kit) inject(p codec.Protocol, payload []byte) {
	k.t.Helper()
	d := append(ipv4.Append(nil, ipv4.Header{TTL: 64, Protocol: p, Src: testerIP, Dst: nodeIP}), payload...)
	ipv4.Seal(d)
	k.far.Send(append(ethernet.Append(nil, ethernet.Header{Dst: nodeMAC, Src: testerMAC, Type: ethernet.TypeIPv4}), d...))
	k.advance(0)
}

// icmp sends an ICMP error about a segment of the node's.
func (k *kit) icmp(h icmpv4.Header, frame []byte) {
	k.t.Helper()
	quote := frame[14:min(len(frame), 14+28)]
	m := append(icmpv4.Append(nil, h), quote...)
	icmpv4.Seal(m)
	k.inject(codec.ICMPv4, m)
}

// next claims the next segment.
func (k *kit) next(why string) []byte {
	k.t.Helper()
	if len(k.frames) == 0 {
		k.t.Fatalf("%s: nothing came", why)
	}
	f := k.frames[0]
	k.frames = k.frames[1:]
	return f
}

// want claims the next segment, which must read as show writes it.
func (k *kit) want(why, line string) []byte {
	k.t.Helper()
	f := k.next(why)
	if got := k.show(f); got != line {
		k.t.Errorf("%s:\n got %s\nwant %s", why, got, line)
	}
	return f
}

// quiet says that nothing was sent.
func (k *kit) quiet(why string) {
	k.t.Helper()
	for _, f := range k.frames {
		k.t.Errorf("%s: got %s", why, k.show(f))
	}
	k.frames = nil
}

// parse takes a frame of the node's apart.
func (k *kit) parse(frame []byte) (ipv4.Header, segment.Header, []byte) {
	k.t.Helper()
	_, b, err := ethernet.Parse(frame)
	if err != nil {
		k.t.Fatal(err)
	}
	ih, payload, err := ipv4.Parse(b)
	if err == nil {
		err = ipv4.Verify(b, ih)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	payload = payload[:int(ih.TotalLen)-ih.Len()]
	if ih.IsFragment() {
		h, _, _ := segment.Parse(payload)
		k.t.Fatalf("a fragment: %v, %d octets, %v", ih, len(payload), h)
	}
	h, data, err := segment.Parse(payload)
	if err == nil {
		err = segment.Verify(payload, ih.Pseudo())
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return ih, h, data
}

// show writes a segment as one line: flags, numbers relative to the initial ones, window, options, data.
func (k *kit) show(frame []byte) string {
	ih, h, data := k.parse(frame)
	if h.Flags.Any(segment.SYN) {
		k.iss = h.Seq
		k.local = h.SrcPort
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%v %d", h.Flags, h.Seq-k.iss)
	if len(data) > 0 {
		fmt.Fprintf(&s, ":%d", h.Seq-k.iss+uint32(len(data)))
	}
	if h.Flags.Any(segment.ACK) {
		fmt.Fprintf(&s, " ack %d", h.Ack-k.irs)
	}
	if !h.Flags.Any(segment.RST) {
		fmt.Fprintf(&s, " win %d", h.Window)
	}
	if h.Flags.Any(segment.URG) {
		fmt.Fprintf(&s, " urg %d", h.Urgent)
	}
	var o segment.Options
	o.Parse(h.Options)
	if o.Has&segment.HasTimestamps != 0 {
		k.tsecr = o.TSVal
		fmt.Fprintf(&s, " ts %d", o.TSEcr)
	}
	if o.Has&segment.HasMSS != 0 {
		fmt.Fprintf(&s, " mss %d", o.MSS)
	}
	if o.Has&segment.HasWScale != 0 {
		fmt.Fprintf(&s, " ws %d", o.WScale)
	}
	if o.Has&segment.HasSACKPermitted != 0 {
		s.WriteString(" sackOK")
	}
	for _, b := range o.SACK[:o.Blocks] {
		fmt.Fprintf(&s, " sack %d:%d", b.Start-k.irs, b.End-k.irs)
	}
	if o.Has&segment.HasFastOpen != 0 {
		fmt.Fprintf(&s, " tfo %x", o.Cookie.Octets())
	}
	if o.Has&segment.HasUserTimeout != 0 {
		fmt.Fprintf(&s, " uto %v", o.UserTimeout)
	}
	if e := ih.TOS & 3; e != 0 {
		fmt.Fprintf(&s, " ecn %d", e)
	}
	if len(data) > 0 && len(data) <= 20 {
		fmt.Fprintf(&s, " %q", data)
	}
	return s.String()
}

func (k *kit) open() *tcp.Endpoint {
	k.t.Helper()
	e, err := k.node.TCP.Open(ip.V4)
	if err != nil {
		k.t.Fatal(err)
	}
	return e
}

func (k *kit) listen(backlog int) *tcp.Endpoint {
	k.t.Helper()
	e := k.open()
	e.Reuse = true
	if err := e.Bind(netip.AddrPortFrom(netip.Addr{}, nodePort)); err != nil {
		k.t.Fatal(err)
	}
	if err := e.Listen(backlog); err != nil {
		k.t.Fatal(err)
	}
	return e
}

// accepted makes a connection from the tester to the node, without options but those given.
func (k *kit) accepted(o segment.Options) *tcp.Endpoint {
	k.t.Helper()
	l := k.listen(4)
	k.send(seg{flags: segment.SYN, opt: o})
	k.show(k.next("SYN,ACK"))
	ack := seg{flags: segment.ACK, seq: 1, ack: 1}
	if o.Has&segment.HasTimestamps != 0 {
		ack.opt = segment.Options{Has: segment.HasTimestamps, TSVal: o.TSVal, TSEcr: k.tsecr}
	}
	k.send(ack)
	e, err := l.Accept()
	if err != nil {
		k.t.Fatalf("Accept: %v", err)
	}
	l.Close()
	k.quiet("the handshake is done")
	return e
}

// mss is an MSS option.
func mss(n uint16) segment.Options { return segment.Options{Has: segment.HasMSS, MSS: n} }

// connecting begins a connection from the node to the tester, whose SYN is claimed.
func (k *kit) connecting() *tcp.Endpoint {
	k.t.Helper()
	e := k.open()
	if err := e.Connect(testerAt); err != errno.EINPROGRESS {
		k.t.Fatalf("Connect: %v", err)
	}
	k.advance(0)
	k.show(k.next("SYN"))
	return e
}

func (k *kit) state(e *tcp.Endpoint, want tcp.State) {
	k.t.Helper()
	if got := e.State(); got != want {
		k.t.Errorf("state is %v, want %v", got, want)
	}
}

// write hands octets over.
func (k *kit) write(e *tcp.Endpoint, data string) {
	k.t.Helper()
	if n, err := e.Send([]byte(data), 0); n != len(data) || err != nil {
		k.t.Errorf("Send of %d octets: %d, %v", len(data), n, err)
	}
	k.advance(0)
}

// read says what Recv gives.
func (k *kit) read(e *tcp.Endpoint, want string, wantErr error) {
	k.t.Helper()
	b := make([]byte, 1<<20)
	n, err := e.Recv(b, 0)
	if string(b[:n]) != want || err != wantErr {
		k.t.Errorf("Recv: %q, %v; want %q, %v", b[:n], err, want, wantErr)
	}
	k.advance(0)
}
