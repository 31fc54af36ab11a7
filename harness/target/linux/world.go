//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/agent/remote"
	"github.com/conform-stack/conform/harness/agent/sockets"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const echoPort = 7 // RFC 862

// A world is a network namespace, the thread in it, and the harness's ends of its links.
type world struct {
	*live.Queue
	wants    wants
	links    []*link
	settings []target.Setting
	thread   *thread
	netlink  *netlink.Handle
	agent    remote.Closer
	echo     *echo // nil without
	ending   *ending
}

// wants are what a check needs and a world must be told of.
type wants struct {
	rfc, ipv6, echo, forwarding, secondLink, gateway bool
	// Of IPv6: what a check does not want is quiet.
	slaac, dad, enhancedDAD, mld, forwarding6, stableIID, tempAddrs, routeInfo, errorRate bool
	// Of TCP.
	ecn, fastOpen, synCookies, plpmtud bool
	// The program that is the agent, if not the one built in.
	agent []string
	place *target.Net // of the first link; nil for the target's own choice
}

func newWorld(x wants, e *ending) (*world, error) {
	w := &world{Queue: live.NewQueue(), wants: x, thread: newThread(), ending: e, links: []*link{newLink(0, x)}}
	if x.secondLink {
		w.links = append(w.links, newLink(1, x))
	}
	if len(x.agent) == 0 {
		w.agent = sockets.New(w.thread.do, w.Ended)
	}
	var err error
	w.thread.do(func() { err = w.setUp() })
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.Begin() // what it took to make the world is not the target's time
	return w, nil
}

// setUp runs on the world's thread. What it made when it fails is for Close.
func (w *world) setUp() (err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a network namespace cannot be made (run as root, or in a user namespace): %w", err)
	}
	if err := w.set(); err != nil {
		return err
	}
	if w.netlink, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return err
	}
	if err := w.up("lo"); err != nil {
		return err
	}
	for n, l := range w.links {
		show := func(frame []byte) { w.FrameOn(n, frame) }
		if w.wants.ipv6 && !w.wants.mld {
			show = func(frame []byte) {
				if !isListenerReport(frame) {
					w.FrameOn(n, frame)
				}
			}
		}
		if err := l.attach(w.netlink, show, w.Break); err != nil {
			return fmt.Errorf("%s of the new namespace: %w", l.device, err)
		}
		if w.wants.rfc {
			made, err := setNeighLocktime(l.device, l.index)
			if err != nil {
				return err
			}
			w.settings = append(w.settings, made)
		}
	}
	if err := w.links[0].groups(w.netlink); err != nil {
		return err
	}
	if w.wants.ipv6 && !w.wants.dad {
		if !w.wants.mld {
			w.settings = append(w.settings, unheard)
		}
		if err := w.ready6(); err != nil {
			return err
		}
	}
	if w.wants.gateway {
		if err := w.links[0].route(w.netlink); err != nil {
			return fmt.Errorf("the default route of the new namespace: %w", err)
		}
	}
	if len(w.wants.agent) > 0 {
		if w.agent, err = startAgent(w.wants.agent, w.Ended, w.Break); err != nil {
			return err
		}
	}
	if w.wants.echo {
		if w.echo, err = newEcho(echoPort, w.wants.ipv6); err != nil {
			return err
		}
		for _, l := range w.links {
			l.net.Service = netip.AddrPortFrom(l.net.Target.IP4, echoPort)
		}
	}
	return nil
}

// set makes the settings that must stand before the interfaces are there.
func (w *world) set() error {
	var tables [][]target.Setting
	if w.wants.forwarding {
		tables = append(tables, router) // first, for it resets others
	}
	tables = append(tables, quiet)
	if w.wants.ipv6 {
		tables = append(tables, w.wants.settings6()...)
	} else {
		tables = append(tables, noIPv6)
	}
	if w.wants.rfc {
		tables = append(tables, forRFC)
	}
	tables = append(tables, w.wants.settingsTCP()...)
	for _, table := range tables {
		made, err := apply(table)
		w.settings = append(w.settings, made...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) up(device string) error {
	l, err := w.netlink.LinkByName(device)
	if err == nil {
		err = w.netlink.LinkSetUp(l)
	}
	if err != nil {
		return fmt.Errorf("%s of the new namespace: %w", device, err)
	}
	return nil
}

// Next is the oldest event. On a machine that is busy this process may run again only after the deadline, with the timer
// first and the frames that came in time not yet read: so what a device still holds is waited for before it is said that
// nothing came.
func (w *world) Next(until time.Duration) (target.Event, error) {
	ev, err := w.Queue.Next(until)
	for range catchUp {
		if err != nil || ev.Frame != nil || ev.Op != nil || !slices.ContainsFunc(w.links, (*link).readable) {
			break
		}
		ev, err = w.Queue.Next(w.Now() + time.Millisecond)
	}
	return ev, err
}

// catchUp bounds the wait for a frame that a device holds, in milliseconds; one that never comes is not shown to checks.
const catchUp = 100

func (w *world) Nets() []target.Net {
	var nets []target.Net
	for _, l := range w.links {
		nets = append(nets, l.net)
	}
	return nets
}

// Send puts a frame on a link. What comes for an interface that is down goes nowhere, which is how the kernel says it.
func (w *world) Send(link int, frame []byte) error {
	err := w.links[link].pump.Send(frame)
	if errors.Is(err, unix.EIO) {
		return nil
	}
	return err
}

func (w *world) Agent() agent.Agent { return manager{w.agent, w} }

// Close takes everything out of the namespace, which then vanishes. The devices follow when the kernel is ready;
// Target.Close waits for it.
func (w *world) Close() error {
	if w.thread == nil {
		return nil
	}
	if w.agent != nil {
		w.agent.CloseAll()
	}
	errs := []error{w.Lost()}
	if w.echo != nil {
		errs = append(errs, w.echo.close())
	}
	for _, l := range w.links {
		errs = append(errs, l.dropped(w.netlink))
	}
	if w.netlink != nil {
		w.netlink.Close()
	}
	w.thread.end()
	w.thread = nil
	for _, l := range w.links {
		if l.pump != nil {
			w.ending.run(l.pump.Close)
		}
	}
	return errors.Join(errs...)
}
