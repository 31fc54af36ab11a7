package inspect

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/capture"
	frames "github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	datagram "github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/packet/zep"
	"github.com/conform-stack/conform/harness/target"
)

var (
	stationA = target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 1}, ShortAddr: net.HardwareAddr{1, 2}}
	stationB = target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}}
	secrets  = target.Security{Level: 6, KeyMode: 1, KeyIndex: 4, Stations: []target.Host{stationA}, Keys: []target.Key{{Mode: 1, Index: 4, Secret: [16]byte{7, 7}}}}
)

// overTheAir are the frames of an echo in one, one in several, a datagram from a short address, a beacon and an acknowledgement.
func overTheAir(s target.Security, link target.LinkType) (all [][]byte) {
	env := frames.Env{Local: stationA, Peer: stationB, Network: ipv6.Proto, Link: link, PAN: 0xabcd, Security: s, Numbers: &frames.Numbers{}}
	env.Local.IP6, env.Peer.IP6 = target.LinkLocalOf(stationA.MAC), target.LinkLocalOf(stationB.MAC)
	all = icmpv6.Echo(1, 1, []byte("echo")).Frames(env)
	all = append(all, icmpv6.Echo(1, 2, make([]byte, 150)).Frames(env)...)
	short := env
	short.Local.MAC, short.Local.IP6 = stationA.ShortAddr, target.LinkLocalOf(stationA.ShortAddr)
	all = append(all, datagram.Datagram(datagram.SrcPort.Is(5), datagram.DstPort.Is(6)).Then(frames.Payload([]byte("short"))).Build(short))
	env.Security = target.Security{}
	return append(all, ieee802154.Beacon().Build(env), ieee802154.Ack(9).Build(env))
}

func inspected(t *testing.T, link capture.LinkType, s target.Security, all [][]byte) (Result, string) {
	t.Helper()
	var ps []packet
	for _, b := range all {
		ps = append(ps, packet{data: b})
	}
	r, err := File(write(t, link, ps...), Options{Security: s})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	return r, out.String()
}

// The summary of a network is the same in every link type, in ZEP, and secured where the keys are known.
func TestRadioSummary(t *testing.T) {
	tap := func(fcs byte) []byte { return []byte{0, 0, 12, 0, 0, 0, 1, 0, fcs, 0, 0, 0} }
	inZEP := func(b []byte) []byte {
		from, to := target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 9}}, target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 8}}
		from.IP4, to.IP4 = ipv4Of(1), ipv4Of(2)
		return datagram.Datagram(datagram.SrcPort.Is(40000), datagram.DstPort.Is(zep.Port)).With(ipv4.DF.Is(1)).Then(zep.Data(b)).Build(frames.Env{Local: from, Peer: to, Network: ipv4.Proto})
	}
	for _, tt := range []struct {
		name    string
		link    capture.LinkType
		air     target.LinkType
		secured bool
		outside string
		around  func([]byte) []byte
	}{
		{"with FCS", capture.IEEE802154, target.IEEE802154, false, "", nil},
		{"without FCS", capture.IEEE802154NoFCS, target.IEEE802154NoFCS, false, "", nil},
		{"TAP with FCS", capture.IEEE802154TAP, target.IEEE802154, false, "", func(b []byte) []byte { return append(tap(1), b...) }},
		{"TAP without FCS", capture.IEEE802154TAP, target.IEEE802154NoFCS, false, "", func(b []byte) []byte { return append(tap(0), b...) }},
		{"ZEP", capture.Ethernet, target.IEEE802154, false, "zep/", inZEP},
		{"secured", capture.IEEE802154, target.IEEE802154, true, "", nil},
		{"secured without FCS", capture.IEEE802154NoFCS, target.IEEE802154NoFCS, true, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s target.Security
			if tt.secured {
				s = secrets
			}
			all := overTheAir(s, tt.air)
			for i := range all {
				if tt.around != nil {
					all[i] = tt.around(all[i])
				}
			}
			r, text := inspected(t, tt.link, s, all)
			for _, want := range []string{
				tt.outside + "6lowpan/icmpv6 2, " + tt.outside + "6lowpan/fragment ", tt.outside + "6lowpan/udp 1", tt.outside + "802.15.4/beacon 1, " + tt.outside + "802.15.4/acknowledgement 1",
				"02:00:00:00:00:00:00:01 in PAN 0xabcd, ", "0x0102 in PAN 0xabcd, 1 packet",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			if r.Findings() != 0 {
				t.Errorf("found:\n%s", text)
			}
		})
	}
}

// Without the key it is said that frames are secured, and that what is in them was not judged.
func TestRadioWithoutKeys(t *testing.T) {
	_, text := inspected(t, capture.IEEE802154, target.Security{}, overTheAir(secrets, target.IEEE802154))
	for _, want := range []string{"802.15.4, secured 4", "what is in frames of IEEE 802.15.4 that are secured, 4 packets"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// A fault in a packet that was compressed, or is secured, is found, and its station is blamed.
func TestRadioFindings(t *testing.T) {
	for _, s := range []target.Security{{}, secrets} {
		env := frames.Env{Local: stationA, Peer: stationB, Network: ipv6.Proto, Link: target.IEEE802154, PAN: 0xabcd, Security: s, Numbers: &frames.Numbers{}}
		env.Local.IP6, env.Peer.IP6 = target.LinkLocalOf(stationA.MAC), target.LinkLocalOf(stationB.MAC)
		bad := icmpv6.Echo(1, 1, []byte("bad")).With(icmpv6.Checksum.Is(0x1234)).Build(env)
		r, text := inspected(t, capture.IEEE802154, s, [][]byte{bad})
		if r.Findings() != 1 || r.Hosts[0].Findings[0].Field != "checksum" || r.Hosts[0].Name != "02:00:00:00:00:00:00:01 in PAN 0xabcd" {
			t.Errorf("%s", text)
		}
		bad[len(bad)-1] ^= 1 // damaged on the way: nobody is to blame for what is in it
		if r, text := inspected(t, capture.IEEE802154, s, [][]byte{bad}); r.Findings() != 1 || r.Hosts[0].Findings[0].Field != "FCS" {
			t.Errorf("damaged: %s", text)
		}
	}
}

func ipv4Of(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }
