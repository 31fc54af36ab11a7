package replay_test

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

// fake is a target in virtual time that knows ARP, Neighbor Discovery, echo, Port Unreachable and IGMP, has sockets, and is a router as far as
// it says why it does not forward. It takes delay for everything.
type fake struct {
	noAgent bool
	testers int // 4 when zero
	dead    bool
	reports int // of each change of a membership; 2 when zero
	farMTU  int // of the second link; 1280 when zero
	most    int // that a socket sends; more is EMSGSIZE; any number when zero
}

const delay = 100 * time.Microsecond

func host(n byte) target.Host {
	return target.Host{
		MAC: net.HardwareAddr{2, 0, 0, 0, 0, n}, IP4: netip.AddrFrom4([4]byte{192, 0, 2, n}),
		IP6: netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: 7, 15: n}),
	}
}

// far is a host on the second link.
func far(n byte) target.Host {
	return target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 1, n}, IP4: netip.AddrFrom4([4]byte{198, 51, 100, n})}
}

func (t *fake) Info() target.Info {
	info := target.Info{Kind: "fake", Name: "fake", Links: []target.LinkType{target.Ethernet}, Virtual: true}
	if !t.noAgent {
		info.Features = []target.Feature{target.Agent, target.Forwarding, target.Multicast4, target.IPv6}
	}
	return info
}

func (t *fake) Close() error { return nil }

func (t *fake) New(context.Context, target.Spec) (target.World, error) {
	w := &fakeWorld{target: t, neighbours: map[netip.Addr]net.HardwareAddr{}, ports: map[int]uint16{}, held: map[netip.Addr][]func(){}}
	return w, nil
}

type fakeWorld struct {
	target     *fake
	now        time.Duration
	queue      []target.Event
	neighbours map[netip.Addr]net.HardwareAddr
	held       map[netip.Addr][]func() // what waits for an address
	ports      map[int]uint16          // of sockets
	fragments  []byte                  // data of the fragments that have come
	parts      []*packet.Frame         // of IPv6 that have come
}

func (w *fakeWorld) farMTU() int { return cmp.Or(w.target.farMTU, 1280) }

func (w *fakeWorld) Nets() []target.Net {
	n := target.Net{
		Link: target.Ethernet, MTU: 1500, Target: host(2), Testers: []target.Host{host(1), host(3), host(4), host(5)},
		Prefix4: netip.MustParsePrefix("192.0.2.0/24"), Unused4: host(99).IP4,
	}
	if w.target.testers > 0 {
		n.Testers = n.Testers[:w.target.testers]
	}
	return []target.Net{n, {
		Link: target.Ethernet, MTU: w.farMTU(), Target: far(2), Testers: []target.Host{far(1)},
		Prefix4: netip.MustParsePrefix("198.51.100.0/24"), Unused4: far(99).IP4,
	}}
}

func (w *fakeWorld) Now() time.Duration { return w.now }
func (w *fakeWorld) Close() error       { return nil }

func (w *fakeWorld) Next(until time.Duration) (target.Event, error) {
	if len(w.queue) > 0 && w.queue[0].At <= until {
		ev := w.queue[0]
		w.queue = w.queue[1:]
		w.now = max(w.now, ev.At)
		return ev, nil
	}
	w.now = max(w.now, until)
	return target.Event{}, nil
}

func (w *fakeWorld) say(b []byte) {
	w.queue = append(w.queue, target.Event{At: w.now + delay, Frame: b})
}

func (w *fakeWorld) env(peer target.Host) packet.Env {
	return packet.Env{Local: host(2), Peer: peer, Network: ipv4.Proto}
}

// sayTo says tmpl to an address once it is resolved.
func (w *fakeWorld) sayTo(ip netip.Addr, tmpl packet.Template) {
	say := func() { w.emit(tmpl.Build(w.env(target.Host{MAC: w.neighbours[ip], IP4: ip}))) }
	if w.neighbours[ip] != nil {
		say()
		return
	}
	if w.held[ip] == nil {
		w.say(arp.Request(ip).Build(w.env(target.Host{IP4: ip})))
	}
	w.held[ip] = append(w.held[ip], say)
}

func (w *fakeWorld) Send(_ int, b []byte) error {
	if w.target.dead {
		return nil
	}
	f := packet.Dissect(target.Ethernet, append([]byte(nil), b...))
	if f.Has(arp.Proto) {
		w.arp(f)
		return nil
	}
	if f.Has(ipv6.Proto) {
		w.send6(f)
		return nil
	}
	if f = w.whole(f); f == nil {
		return nil
	}
	src, _ := ipv4.Src.Of(f)
	dst, ok := ipv4.Dst.Of(f)
	quote := append(append([]byte(nil), f.Header(ipv4.Proto)...), f.Body(ipv4.Proto)...)
	if ttl, _ := ipv4.TTL.Of(f); ok && dst != host(2).IP4 && ttl == 1 {
		w.sayTo(src, icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimeExceeded)).Then(packet.Payload(quote)))
		return nil
	}
	if df, _ := ipv4.DF.Of(f); ok && dst == far(1).IP4 && len(quote) > w.farMTU() && df == 1 {
		tooBig := icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(icmpv4.MTU.Is(uint(w.farMTU())))
		w.sayTo(src, tooBig.Then(packet.Payload(quote)))
		return nil
	}
	if !ok || dst != host(2).IP4 || packet.Sum(f.Header(ipv4.Proto)) != 0xffff {
		return nil
	}
	kind, isICMP := icmpv4.Type.Of(f)
	switch {
	case isICMP && kind == icmpv4.TypeEcho:
		if packet.Sum(f.Header(icmpv4.Proto), f.Body(icmpv4.Proto)) != 0xffff {
			return nil
		}
		id, _ := icmpv4.ID.Of(f)
		seq, _ := icmpv4.Seq.Of(f)
		w.sayTo(src, icmpv4.EchoReply(icmpv4.ID.Is(id), icmpv4.Seq.Is(seq)).Then(packet.Payload(f.Body(icmpv4.Proto))))
	case f.Has(udp.Proto):
		w.sayTo(src, icmpv4.Unreachable(icmpv4.CodePort).Then(packet.Payload(quote)))
	}
	return nil
}

// send6 answers solicitations and echoes, which may be in fragments.
func (w *fakeWorld) send6(f *packet.Frame) {
	if f.Has(ipv6.FragmentProto) {
		w.parts = append(w.parts, f)
		whole, err := ipv6.Whole(w.parts)
		if err != nil {
			return
		}
		f, w.parts = whole, nil
	}
	if !bytes.Equal(f.Rewrite(), f.Bytes) { // a checksum is wrong
		return
	}
	mac, _ := ethernet.Src.Of(f)
	src, _ := ipv6.Src.Of(f)
	env := packet.Env{Local: host(2), Peer: target.Host{MAC: mac, IP6: src}, Network: ipv6.Proto}
	if sought, _ := ndp.NSTarget.Of(f); sought == host(2).IP6 {
		w.say(ndp.Advert().Build(env))
	}
	if dst, _ := ipv6.Dst.Of(f); dst != host(2).IP6 || !icmpv6.EchoRequest().Matches(f) {
		return
	}
	id, _ := icmpv6.ID.Of(f)
	seq, _ := icmpv6.Seq.Of(f)
	reply := icmpv6.EchoReply(icmpv6.ID.Is(id), icmpv6.Seq.Is(seq)).Then(packet.Payload(f.Body(icmpv6.EchoProto)))
	b := reply.Build(env)
	if len(b) <= 1514 {
		w.say(b)
		return
	}
	for _, p := range ipv6.SplitEvery(packet.Dissect(target.Ethernet, b), seq, 1448) {
		w.say(p.Build(env))
	}
}

// whole is the datagram that f completes, nil before. Fragments come in order.
func (w *fakeWorld) whole(f *packet.Frame) *packet.Frame {
	more, _ := ipv4.MF.Of(f)
	offset, _ := ipv4.Offset.Of(f)
	if more == 0 && offset == 0 {
		return f
	}
	w.fragments = append(w.fragments, f.Body(ipv4.Proto)...)
	if more == 1 {
		return nil
	}
	head := packet.Dissect(target.Ethernet, append(f.Bytes[:14:14], f.Header(ipv4.Proto)...))
	b := head.Rewrite(ipv4.Offset.Is(0), ipv4.TotalLength.Is(uint(20+len(w.fragments))))
	b, w.fragments = append(b, w.fragments...), nil
	return packet.Dissect(target.Ethernet, b)
}

// emit says a datagram in as many fragments as it takes.
func (w *fakeWorld) emit(b []byte) {
	const most = 1480
	f := packet.Dissect(target.Ethernet, b)
	data := f.Body(ipv4.Proto)
	if len(data) <= most {
		w.say(b)
		return
	}
	for at := 0; at < len(data); at += most {
		part := data[at:min(at+most, len(data))]
		more := uint(0)
		if at+most < len(data) {
			more = 1
		}
		head := packet.Dissect(target.Ethernet, b[:34:34])
		w.say(append(head.Rewrite(ipv4.MF.Is(more), ipv4.Offset.Is(uint(at/8)), ipv4.TotalLength.Is(uint(20+len(part)))), part...))
	}
}

func (w *fakeWorld) arp(f *packet.Frame) {
	op, _ := arp.Op.Of(f)
	tpa, _ := arp.TargetIP.Of(f)
	spa, _ := arp.SenderIP.Of(f)
	sha, _ := arp.SenderMAC.Of(f)
	if tpa != host(2).IP4 {
		return
	}
	w.neighbours[spa] = sha
	if op == arp.OpRequest {
		w.say(arp.Reply(arp.TargetMAC.Is(sha)).Build(w.env(target.Host{MAC: sha, IP4: spa})))
	}
	for _, say := range w.held[spa] {
		say()
	}
	delete(w.held, spa)
}

func (w *fakeWorld) Agent() agent.Agent {
	if w.target.noAgent {
		return nil
	}
	return w
}

// report says a change of a membership at once and then every 300 ms.
func (w *fakeWorld) report(r igmp.Record) {
	const interval = 300 * time.Millisecond
	message := igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(r)))).With(ipv4.TOS.Is(0xc0))
	toRouters := target.Host{MAC: net.HardwareAddr{1, 0, 0x5e, 0, 0, 0x16}, IP4: igmp.AllV3Routers}
	for n := range cmp.Or(w.target.reports, 2) {
		w.queue = append(w.queue, target.Event{At: w.now + delay + time.Duration(n)*interval, Frame: message.Build(w.env(toRouters))})
	}
	slices.SortStableFunc(w.queue, func(x, y target.Event) int { return cmp.Compare(x.At, y.At) })
}

// Start implements agent.Agent for UDP and raw ICMP sockets that send.
func (w *fakeWorld) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	switch r.Do {
	case agent.Open:
		id := len(w.ports) + 1
		w.ports[id] = 0
		op.End(agent.Reply{Socket: id})
	case agent.Bind:
		w.ports[r.Socket] = r.Local.Port()
		op.End(agent.Reply{Local: r.Local})
	case agent.Send:
		if most := w.target.most; most > 0 && len(r.Data) > most {
			op.End(agent.Reply{Errno: "EMSGSIZE"})
			break
		}
		to := r.Remote.Addr()
		if port := w.ports[r.Socket]; port != 0 {
			w.sayTo(to, udp.Datagram(udp.SrcPort.Is(uint(port)), udp.DstPort.Is(uint(r.Remote.Port()))).Then(packet.Payload(r.Data)))
		} else {
			w.sayTo(to, ipv4.Header(ipv4.Protocol.Is(1)).Then(packet.Payload(r.Data)))
		}
		op.End(agent.Reply{Value: len(r.Data)})
	case agent.SetOpt:
		switch r.Option {
		case "IP_ADD_MEMBERSHIP":
			w.report(igmp.ToEx(r.Group))
		case "IP_DROP_MEMBERSHIP":
			w.report(igmp.ToIn(r.Group))
		}
		op.End(agent.Reply{})
	default:
		op.End(agent.Reply{Errno: "EOPNOTSUPP"})
	}
	return op
}
