package gvisor

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/raw"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const echoPort = 7 // RFC 862

// A world is a stack with its clock, the harness's ends of its links, and the queue of what came out of them.
type world struct {
	clock     *clock
	events    *events
	stack     *stack.Stack // nil when closed
	links     []*link
	routes    *routes
	addresses *addresses
	agent     *sockets
	echo      *echo  // nil without
	segments  uint64 // that TCP had received when it was idle last
	flow      flow   // whose segments the stack has not processed yet
	failed    error  // of a call of the agent, until Next tells of it
	dead      error  // it has panicked
}

func newWorld(spec target.Spec) (*world, error) {
	needs := func(f target.Feature) bool { return slices.Contains(spec.Needs, f) }
	networks := []stack.NetworkProtocolFactory{
		arp.NewProtocol,
		ipv4.NewProtocolWithOptions(ipv4.Options{IGMP: ipv4.IGMPOptions{Enabled: needs(target.Multicast4)}}),
	}
	transports := []stack.TransportProtocolFactory{icmp.NewProtocol4, tcp.NewProtocol, udp.NewProtocol}
	known := &addresses{}
	routes := &routes{addresses: known}
	if needs(target.IPv6) {
		networks, transports = append(networks, protocol6(needs, routes, spec.Seed)), append(transports, icmp.NewProtocol6)
	}
	clock, random := &clock{}, newSource(spec.Seed)
	w := &world{clock: clock, events: &events{clock: clock}, routes: routes, addresses: known, stack: stack.New(stack.Options{
		NetworkProtocols:   networks,
		TransportProtocols: transports,
		Clock:              clock,
		HandleLocal:        true,
		RawFactory:         raw.EndpointFactory{},

		AllowPacketEndpointWrite: true,
		RandSource:               random,
		SecureRNG:                random,
	})}
	w.agent = newSockets(w)
	w.pause()
	if err := w.setUp(spec.Place, needs); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// setUp leaves what it made to Close when it fails.
func (w *world) setUp(place *target.Net, needs func(target.Feature) bool) (err error) {
	if err := applySettings(w.stack); err != nil {
		return err
	}
	links := 1
	if needs(target.SecondLink) || needs(target.Forwarding) || needs(target.Forwarding6) {
		links = 2
	}
	for n := range links {
		l := newLink(n, place, func(frame []byte) { w.events.frame(n, frame) })
		w.links = append(w.links, l)
		if err := l.attach(w.stack, w.addresses); err != nil {
			return fmt.Errorf("link %d of the new stack: %s", n, err)
		}
		w.routes.fixed = append(w.routes.fixed, tcpip.Route{Destination: address(l.net.Target.IP4, l.net.Prefix4).Subnet(), NIC: l.nic})
	}
	first := w.links[0]
	w.routes.fixed = append(w.routes.fixed, tcpip.Route{ // also of groups and broadcasts, which netstack wants a route for
		Destination: header.IPv4EmptySubnet, NIC: first.nic, Gateway: tcpip.AddrFrom4(first.net.Testers[0].IP4.As4()),
	})
	if needs(target.IPv6) {
		if err := w.setUp6(place, needs); err != nil {
			return err
		}
	}
	if err := w.addLoopback(needs(target.IPv6)); err != nil {
		return err
	}
	w.routes.changed = true
	w.routes.serve(w.stack)
	if needs(target.Forwarding) {
		if err := w.stack.SetForwardingDefaultAndAllNICs(ipv4.ProtocolNumber, true); err != nil {
			return fmt.Errorf("forwarding cannot be switched on: %s", err)
		}
	}
	if needs(target.UDPEcho) {
		if w.echo, err = newEcho(w.stack, echoPort, needs(target.IPv6)); err != nil {
			return err
		}
		for _, l := range w.links {
			l.net.Service = netip.AddrPortFrom(l.net.Target.IP4, echoPort)
		}
	}
	return nil
}

func (w *world) Nets() []target.Net {
	var nets []target.Net
	for _, l := range w.links {
		nets = append(nets, l.net)
	}
	return nets
}

func (w *world) Now() time.Duration { return w.clock.since() }

// Send has the frame processed to the end, so that what comes of it does not depend on what else the stack does. Segments
// of one flow that follow each other wait for whatever is next.
func (w *world) Send(n int, frame []byte) error {
	if n < 0 || n >= len(w.links) {
		return fmt.Errorf("there is no link %d: the world has %d", n, len(w.links))
	}
	return w.guard(func() error {
		f := flowOf(n, frame)
		if f != w.flow {
			if err := w.settle(); err != nil {
				return err
			}
		}
		w.links[n].receive(frame)
		if w.flow = f; f != (flow{}) {
			return nil
		}
		return w.settle()
	})
}

func (w *world) Next(until time.Duration) (target.Event, error) {
	if err := w.failed; err != nil {
		w.failed = nil
		return target.Event{}, err
	}
	if err := w.guard(w.settle); err != nil {
		return target.Event{}, err
	}
	for at, ran := w.Now(), 0; ; ran++ {
		if ev, ok := w.events.take(); ok {
			return ev, nil
		}
		if now := w.Now(); now != at {
			at, ran = now, 0
		}
		if ran == eventBound {
			return target.Event{}, fmt.Errorf("%w: %d timers at %v", target.ErrRunaway, eventBound, at)
		}
		call := w.clock.due(until)
		if call == nil {
			w.clock.moveTo(until)
			return target.Event{}, nil
		}
		if err := w.guard(func() error { call(); return w.settle() }); err != nil {
			return target.Event{}, err
		}
	}
}

func (w *world) Agent() agent.Agent { return w.agent }

// Close returns when the stack's goroutines are gone.
func (w *world) Close() error {
	if w.stack == nil || w.dead != nil {
		return nil
	}
	w.agent.closeAll()
	if w.echo != nil {
		w.echo.close()
	}
	w.resume()
	w.stack.Destroy()
	w.stack = nil
	return w.events.complaint()
}
