// Package faketarget is a target for the tests of the harness: a function that answers frames, in virtual time.
package faketarget

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

// Net is the link of every world.
var Net = target.Net{
	Link:   target.Ethernet,
	MTU:    1500,
	Target: target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
	Testers: []target.Host{
		{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
		{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 3}, IP4: netip.MustParseAddr("192.0.2.3")},
	},
	Prefix4: netip.MustParsePrefix("192.0.2.0/24"),
	Unused4: netip.MustParseAddr("192.0.2.99"),
}

// An Answer is a frame that the target sends some time after the one that it answers.
type Answer struct {
	After time.Duration
	Frame []byte
}

// Target answers each frame with what Answers gives; nil answers nothing.
type Target struct {
	Answers  func(f *packet.Frame) []Answer
	Features []target.Feature
	Sockets  agent.Agent // nil for none
	CloseErr error       // what World.Close says
}

func (t *Target) Info() target.Info {
	return target.Info{Kind: "fake", Name: "fake", Version: "1", Links: []target.LinkType{target.Ethernet}, Virtual: true, Features: t.Features}
}

func (t *Target) New(context.Context, target.Spec) (target.World, error) {
	return &World{target: t}, nil
}
func (t *Target) Close() error { return nil }

// World is a world of a fake target.
type World struct {
	target *Target
	now    time.Duration
	coming []target.Event
}

func (w *World) Nets() []target.Net { return []target.Net{Net} }
func (w *World) Now() time.Duration { return w.now }
func (w *World) Agent() agent.Agent { return w.target.Sockets }
func (w *World) Close() error       { return w.target.CloseErr }

// Send answers at once; the answers arrive at their time.
func (w *World) Send(_ int, frame []byte) error {
	f := packet.Dissect(Net.Link, slices.Clone(frame))
	f.At = w.now
	if w.target.Answers == nil {
		return nil
	}
	for _, a := range w.target.Answers(f) {
		w.coming = append(w.coming, target.Event{At: w.now + a.After, Frame: a.Frame})
	}
	slices.SortStableFunc(w.coming, func(a, b target.Event) int { return int(a.At - b.At) })
	return nil
}

// Next goes to the next answer or to until.
func (w *World) Next(until time.Duration) (target.Event, error) {
	if len(w.coming) > 0 && w.coming[0].At <= max(until, w.now) {
		ev := w.coming[0]
		w.coming = w.coming[1:]
		w.now = max(w.now, ev.At)
		return ev, nil
	}
	w.now = max(w.now, until)
	return target.Event{}, nil
}

// Host answers ARP requests for its address, echoes, and datagrams to closed ports, correctly but with the least that does.
func Host(f *packet.Frame) []Answer {
	env := packet.Env{Local: Net.Target, Peer: peer(f), Network: ipv4.Proto}
	answer := func(t packet.Template) []Answer { return []Answer{{Frame: t.Build(env)}} }
	switch {
	case packet.Template(arp.Request(Net.Target.IP4, arp.HType.Is(1), arp.PType.Is(0x0800))).Matches(f):
		mac, _ := arp.SenderMAC.Of(f)
		return answer(arp.Reply(arp.TargetMAC.Is(mac)))
	case icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho)).Matches(f) && packet.Sum(f.Header(icmpv4.Proto), f.Body(icmpv4.Proto)) == 0xffff:
		id, _ := icmpv4.ID.Of(f)
		seq, _ := icmpv4.Seq.Of(f)
		return answer(icmpv4.EchoReply(icmpv4.ID.Is(id), icmpv4.Seq.Is(seq)).Then(packet.Payload(f.Body(icmpv4.Proto))))
	case udp.Datagram().Matches(f):
		quote := append(slices.Clone(f.Header(ipv4.Proto)), f.Body(ipv4.Proto)[:8]...)
		return answer(icmpv4.Unreachable(icmpv4.CodePort).Then(packet.Payload(quote)))
	}
	return nil
}

// peer is who sent f.
func peer(f *packet.Frame) target.Host {
	h := Net.Testers[0]
	if ip, ok := ipv4.Src.Of(f); ok {
		h.IP4 = ip
	}
	if ip, ok := arp.SenderIP.Of(f); ok {
		h.IP4 = ip
	}
	for _, t := range Net.Testers {
		if t.IP4 == h.IP4 {
			h.MAC = t.MAC
		}
	}
	return h
}
