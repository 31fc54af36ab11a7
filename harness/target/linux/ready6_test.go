//go:build linux

package linux

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// The first packet for an address is answered, in worlds that are made while the kernel makes many others.
func TestFirstPacketOfIPv6(t *testing.T) {
	needsRoot(t)
	k, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}()
	const worlds, together = 128, 32
	var wg sync.WaitGroup
	slot := make(chan struct{}, together)
	for n := range worlds {
		needs := []target.Feature{target.IPv6}
		if n%4 == 0 {
			needs = append(needs, target.Forwarding6)
		}
		slot <- struct{}{}
		wg.Go(func() {
			defer func() { <-slot }()
			w, err := k.New(t.Context(), target.Spec{Check: t.Name(), Needs: needs})
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Close()
			host := w.Nets()[0]
			asked := []netip.Addr{host.Target.IP6}
			if n%4 == 0 { // RFC 4291, 2.6.1: a router has it
				asked = append(asked, host.Prefix6.Addr())
			}
			for _, ip := range asked {
				if err := w.Send(0, icmpv6(host, ip, layers.ICMPv6TypeEchoRequest, &layers.ICMPv6Echo{Identifier: 1})); err != nil {
					t.Error(err)
				}
			}
			// The replies wait until the target knows whom to send them to.
			if err := w.Send(0, icmpv6(host, host.Target.IP6, layers.ICMPv6TypeNeighborSolicitation, &layers.ICMPv6NeighborSolicitation{
				TargetAddress: host.Target.IP6.AsSlice(),
				Options:       layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: host.Testers[0].MAC}},
			})); err != nil {
				t.Error(err)
			}
			until := w.(*world).Now() + 10*time.Second
			for missing := len(asked); missing > 0; {
				e, err := w.Next(until)
				if err != nil || e.Frame == nil {
					t.Errorf("world %d, %v: %d of %d echoes are not answered (%v)", n, needs, missing, len(asked), err)
					return
				}
				if len(e.Frame) > 54 && e.Frame[20] == 58 && e.Frame[54] == 129 {
					missing--
				}
			}
		})
	}
	wg.Wait()
}

// icmpv6 is a frame from the first tester to an address of the target's.
func icmpv6(n target.Net, to netip.Addr, kind uint8, rest gopacket.SerializableLayer) []byte {
	from := n.Testers[0]
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: from.IP6.AsSlice(), DstIP: to.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}
	icmp.SetNetworkLayerForChecksum(ip)
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: from.MAC, DstMAC: n.Target.MAC, EthernetType: layers.EthernetTypeIPv6}, ip, icmp, rest); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// What the agent lists as preferred is delivered; and what it adds to a world without detection is so at once.
func TestAddedAddressIsDelivered(t *testing.T) {
	k := newKit(t, Options{}, target.IPv6)
	for n := range 50 {
		ip := k.Nets()[0].Prefix6.Addr().As16()
		ip[15] = byte(100 + n)
		added := addrPort(ip)
		k.must(agent.Request{Do: agent.AddAddr, Local: added, Value: 64})
		received, err := k.World.(*world).received6()
		if err != nil {
			t.Fatal(err)
		}
		if !received[delivery{k.Nets()[0].Ifindex, added.Addr()}] {
			t.Fatalf("%v has no route", added.Addr())
		}
		for _, a := range k.must(agent.Request{Do: agent.Addrs}).Addrs {
			if a.State != "preferred" {
				t.Errorf("%v is %s", a.Addr, a.State)
			}
		}
	}
}

func addrPort(ip [16]byte) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom16(ip), 0) }
