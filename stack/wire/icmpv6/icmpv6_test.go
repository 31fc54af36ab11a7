package icmpv6_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A router advertisement as it stands on the wire.
const advert = "86 00 c0 de 40 c8 07 08 00 00 75 30 00 00 03 e8" +
	"01 01 02 00 00 00 00 01" +
	"05 01 00 00 00 00 05 dc" +
	"03 04 40 c0 00 27 8d 00 00 09 3a 80 00 00 00 00 20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 00" +
	"19 03 00 00 00 00 02 58 20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 53" +
	"18 02 30 08 00 00 0e 10 20 01 0d b8 ab cd 00 00" +
	"1f 02 00 00 00 00 02 58 03 6c 61 6e 00 00 00 00"

func TestRouterAdvertisement(t *testing.T) {
	m, options, err := icmpv6.ParseRouterAdvertisement(octets(t, advert))
	want := icmpv6.RouterAdvertisement{
		Checksum: 0xc0de, HopLimit: 64, Managed: true, Other: true, Preference: icmpv6.High,
		Lifetime: 1800, Reachable: 30000, Retrans: 1000,
	}
	if err != nil || m != want {
		t.Fatalf("parse = %+v, %v\nwant %+v", m, err, want)
	}
	if s := m.String(); s != "ICMP6 router-advertisement hlim 64 lifetime 1800 managed other reachable 30s retrans 1s" {
		t.Error(s)
	}
	var got []string
	for len(options) > 0 {
		o, rest, err := icmpv6.ParseOption(options)
		if err != nil {
			t.Fatal(err)
		}
		switch o.Type {
		case icmpv6.RDNSS:
			if lifetime, servers, ok := o.Servers(); !ok || lifetime != 600 || icmpv6.Sources(servers).At(0).String() != "2001:db8:1::53" {
				t.Errorf("servers %d %x %v", lifetime, servers, ok)
			}
		case icmpv6.RouteOption:
			if r, ok := o.Route(); !ok || r != (icmpv6.Route{Bits: 48, Preference: icmpv6.High, Lifetime: 3600, Prefix: ipv6.MustParseAddr("2001:db8:abcd::")}) {
				t.Errorf("route %+v %v", r, ok)
			}
		case icmpv6.DNSSL:
			if lifetime, names, ok := o.SearchList(); !ok || lifetime != 600 || string(names[:5]) != "\x03lan\x00" {
				t.Errorf("search list %d %q %v", lifetime, names, ok)
			}
		}
		got = append(got, o.String())
		options = rest
	}
	const all = "source 02:00:00:00:00:01; mtu 1500; prefix 2001:db8:1::/64 valid 2592000 preferred 604800 L A; " +
		"option 25, 24 octets; option 24, 16 octets; option 31, 16 octets"
	if s := strings.Join(got, "; "); s != all {
		t.Errorf("options %s\nwant    %s", s, all)
	}
}

func TestNeighborMessages(t *testing.T) {
	b := octets(t, "88 00 12 34 e0 00 00 00 fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 02 02 01 02 00 00 00 00 02")
	m, options, err := icmpv6.ParseNeighbor(b)
	if err != nil || m.String() != "ICMP6 neighbor-advertisement fe80::2 R S O" {
		t.Fatal(m, err)
	}
	o, _, err := icmpv6.ParseOption(options)
	if a, ok := o.LinkAddr(6); err != nil || !ok || a != link.MustParseAddr("02:00:00:00:00:02") {
		t.Errorf("option %v, %v, %v", o, a, err)
	}
	if _, ok := o.LinkAddr(8); ok {
		t.Error("eight octets of an address in six")
	}
	if got := icmpv6.AppendLinkAddr(icmpv6.AppendNeighbor(nil, m), icmpv6.TargetLinkAddr, link.MustParseAddr("02:00:00:00:00:02")); string(got) != string(b) {
		t.Errorf("append = %x", got)
	}
	if _, _, err := icmpv6.ParseOption([]byte{1, 0, 0, 0, 0, 0, 0, 0}); err != icmpv6.ErrOption {
		t.Errorf("length 0: %v", err)
	}
	for _, tt := range []string{"18 02 41 00 00 00 00 00 00 00 00 00 00 00 00 00", "18 01 01 00 00 00 00 00", "18 04" + strings.Repeat("00", 30)} {
		o, _, err := icmpv6.ParseOption(octets(t, tt))
		if _, ok := o.Route(); ok || err != nil {
			t.Errorf("route of %s: %v %v", tt, ok, err)
		}
	}
}

func TestChecksum(t *testing.T) {
	src, dst := ipv6.MustParseAddr("fe80::1"), ipv6.MustParseAddr("ff02::1")
	b := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 1, 2)), "odd"...)
	pseudo := ipv6.Pseudo(src, dst, wire.ICMPv6)
	icmpv6.Seal(b, pseudo)
	if err := icmpv6.Verify(b, pseudo); err != nil {
		t.Error(err)
	}
	b[9] ^= 1
	if err := icmpv6.Verify(b, pseudo); err != wire.ErrChecksum {
		t.Error(err)
	}
}

func TestCodesOfTime(t *testing.T) { // RFC 3810, 5.1.3 and 5.1.9
	for _, tt := range []struct {
		code uint16
		want time.Duration
	}{{10000, 10 * time.Second}, {0x7fff, 32767 * time.Millisecond}, {0x8000, 32768 * time.Millisecond}, {0xffff, 8387584 * time.Millisecond}} {
		if got := icmpv6.MaxResp(tt.code); got != tt.want {
			t.Errorf("maximum response code %#x is %v, want %v", tt.code, got, tt.want)
		}
	}
	for _, tt := range []struct {
		code uint8
		want time.Duration
	}{{125, 125 * time.Second}, {0x80, 128 * time.Second}, {0xff, 31744 * time.Second}} {
		if got := icmpv6.QueryInterval(tt.code); got != tt.want {
			t.Errorf("interval code %#x is %v, want %v", tt.code, got, tt.want)
		}
	}
}

// What is parsed survives being written and parsed again; nothing panics.
func FuzzMessages(f *testing.F) {
	f.Add(octets(f, advert))
	f.Add(icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit}))
	f.Add(icmpv6.AppendRedirection(nil, icmpv6.Redirection{}))
	f.Add(icmpv6.AppendQuery2(icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery}), icmpv6.Query2{Sources: make([]byte, 32)}))
	f.Add(icmpv6.AppendRecord(nil, icmpv6.Record{Type: icmpv6.AllowNew, Sources: make([]byte, 16), Aux: make([]byte, 4)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, icmpv6.Parse, icmpv6.Append, b)
		wiretest.Stable(t, icmpv6.ParseRouterAdvertisement, icmpv6.AppendRouterAdvertisement, b)
		wiretest.Stable(t, icmpv6.ParseNeighbor, icmpv6.AppendNeighbor, b)
		wiretest.Stable(t, icmpv6.ParseRedirection, icmpv6.AppendRedirection, b)
		wiretest.Stable(t, icmpv6.ParseListener, icmpv6.AppendListener, b)
		wiretest.Stable(t, icmpv6.ParseQuery2, icmpv6.AppendQuery2, b)
		wiretest.Stable(t, icmpv6.ParseRecord, icmpv6.AppendRecord, b)
		wiretest.Stable(t, icmpv6.ParsePrefix, icmpv6.AppendPrefix, b)
		wiretest.Stable(t, icmpv6.ParseOption, icmpv6.AppendOption, b)
		if h, _, err := icmpv6.Parse(b); err == nil {
			_ = h.String()
		}
		for len(b) > 0 {
			o, rest, err := icmpv6.ParseOption(b)
			if err != nil {
				break
			}
			_ = o.String()
			o.Servers()
			o.Route()
			o.SearchList()
			b = rest
		}
	})
}
