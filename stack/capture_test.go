package stack_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/pcap"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

func TestCaptureFile(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	var file bytes.Buffer
	w, err := pcap.NewWriter(&file, pcap.Config{Link: pcap.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.node.CaptureFile(k.eth, w)
	if err != nil {
		t.Fatal(err)
	}
	ping := echoRequest("captured")
	k.send(ping)
	reply := k.next("the answer")
	other := slices.Clone(ping)
	other[5]++
	k.send(other) // for another station
	c.Stop()
	c.Stop()
	k.send(ping)
	k.next("the answer that is not captured")
	if frames, lost := c.Counts(); frames != 2 || lost != 0 {
		t.Errorf("%d frames captured, %d lost; want the request and the answer", frames, lost)
	}
	const head, record = 24, 16
	if want := head + 2*record + len(ping) + len(reply); file.Len() != want || w.Err() != nil {
		t.Errorf("the file has %d octets, want %d; error %v", file.Len(), want, w.Err())
	}
	if b := file.Bytes(); !bytes.Equal(b[head+record:][:len(ping)], ping) || !bytes.HasSuffix(b, reply) {
		t.Errorf("the file does not hold the two frames: %x", b)
	}
}

// Every frame goes to the collector by the same link, and none of those that carry them, not even the request for the
// collector's address.
func TestCaptureToCollector(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	collector := ipv4.Addr{192, 0, 2, 99}
	c, err := k.node.CaptureTo(k.eth, netip.AddrPortFrom(collector.Netip(), 0))
	if err != nil {
		t.Fatal(err)
	}
	k.send(echoRequest("one"))
	k.want("the collector is asked for", "all ARP who-has 192.0.2.99 tell 192.0.2.2 (02:00:00:00:00:02)")
	k.want("the answer", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "one"`)
	c.Stop() // the two frames captured go on
	k.send(arpFrame(arp.Request, testerMAC, collector, ethernet.MAC{}, nodeIP))
	for range 2 {
		f := k.next("a captured frame")
		h, d, err := ipv4.Parse(f[14:])
		if err != nil || h.Dst != collector || int(d[2])<<8|int(d[3]) != 4242 {
			t.Fatalf("to the collector: %s", show(f))
		}
		if _, _, err := ethernet.Parse(d[8:]); err != nil {
			t.Errorf("no frame is in the datagram: %v", err)
		}
	}
	if frames, lost := c.Counts(); frames != 2 || lost != 0 {
		t.Errorf("%d frames captured, %d lost, want 2: the request, and its answer", frames, lost)
	}
	k.next("the answer to the collector's own request")
	k.quiet("nothing else is sent")
}

func TestCaptureIsRefused(t *testing.T) {
	k := newKit(t, config.Config{Data: config.DataPath{Capture: config.Off, Promiscuous: config.Off, PacketFilter: config.Off}})
	to := peerOf(testerIP, 4242)
	if _, err := k.node.CaptureTo(k.eth, to); !errors.Is(err, errno.EOPNOTSUPP) {
		t.Errorf("a capture that is configured off: %v", err)
	}
	if err := k.node.SetPromiscuous(k.eth, true); !errors.Is(err, errno.EOPNOTSUPP) {
		t.Errorf("promiscuous mode that is configured off: %v", err)
	}
	if err := k.node.SetFilters(k.eth, iface.OnSend); !errors.Is(err, errno.EOPNOTSUPP) {
		t.Errorf("filters that are configured off: %v", err)
	}
	l := newKit(t, config.Config{})
	if _, err := l.node.CaptureTo(l.node.Interfaces()[0], to); !errors.Is(err, errno.EOPNOTSUPP) {
		t.Errorf("frames of the loopback interface to a collector: %v", err)
	}
}

func TestPromiscuousModeOfANode(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	for i, want := range []error{nil, errno.EALREADY} {
		if err := k.node.SetPromiscuous(k.eth, true); err != want {
			t.Errorf("on, the time %d: %v, want %v", i+1, err, want)
		}
	}
	tap := &casts{}
	k.eth.AddTap(tap)
	other := echoRequest("x")
	other[5]++
	k.send(other)
	k.quiet("a frame for another station is not processed")
	k.dropped(stats.OtherStation, 1)
	k.send(echoRequest("x"))
	k.next("one for this station is")
	if want := []packet.Cast{packet.Other, packet.Unicast, packet.Outgoing}; !slices.Equal(tap.got, want) {
		t.Errorf("a tap saw %v, want %v", tap.got, want)
	}
	if err := k.node.SetPromiscuous(k.eth, false); err != nil {
		t.Error(err)
	}
	if err := k.node.SetPromiscuous(k.eth, false); err != errno.EALREADY {
		t.Errorf("off again: %v", err)
	}
	k.send(other)
	if len(tap.got) != 3 {
		t.Errorf("without promiscuous mode a tap saw %v", tap.got[3:])
	}
}

type casts struct{ got []packet.Cast }

func (c *casts) Tap(s *iface.Seen) { c.got = append(c.got, s.Cast) }

// The filter of what is local sees whole datagrams, and not those that are forwarded.
func TestLocalFilter(t *testing.T) {
	k := newRouter(t, config.Config{Forwarding: config.On})
	var saw []string
	if err := k.node.SetFilters(k.eth, iface.OnLocal, func(_ *iface.Iface, p *packet.Packet) bool {
		saw = append(saw, showIP(p.Bytes(), true))
		return false
	}); err != nil {
		t.Fatal(err)
	}
	k.send(echoRequest("x"))
	k.quiet("an echo request that the filter drops")
	k.dropped(stats.FilterLocal, 1)
	k.send(through(ipv4.Header{}, []byte("x")))
	k.next("what is forwarded is not looked at")
	if want := []string{`192.0.2.1 > 192.0.2.2 ICMP echo request id 7 seq 1 "x"`}; !slices.Equal(saw, want) {
		t.Errorf("the filter saw %q, want %q", saw, want)
	}
}
