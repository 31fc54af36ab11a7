package ipv6_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An echo request as it stands on the wire.
const echo = "6b 8a bc de 00 08 3a 40" +
	"20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01" +
	"fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 02" +
	"80 00 00 00 12 34 00 01"

func TestHeader(t *testing.T) {
	b := octets(t, echo)
	h, payload, err := ipv6.Parse(append(b, 0, 0)) // padding of the link
	want := ipv6.Header{
		TrafficClass: 0xb8, FlowLabel: 0xabcde, PayloadLen: 8, NextHeader: wire.ICMPv6, HopLimit: 64,
		Src: ipv6.MustParseAddr("2001:db8::1"), Dst: ipv6.MustParseAddr("fe80::2"),
	}
	if err != nil || h != want || len(payload) != 8 || ipv6.Verify(b, h) != nil {
		t.Errorf("parse = %v, %x, %v\nwant %v", h, payload, err, want)
	}
	if got := h.String(); got != "IP6 2001:db8::1 > fe80::2 ICMPv6 hlim 64 len 8 class 0xb8 label 0xabcde" {
		t.Error(got)
	}
	if err := ipv6.Verify(b[:len(b)-1], h); err != wire.ErrLength {
		t.Errorf("one octet less than the payload length: %v", err)
	}
	b[0] = 0x4b
	if _, _, err := ipv6.Parse(b); err != ipv6.ErrVersion {
		t.Errorf("version 4: %v", err)
	}
}

func TestFragmentHeader(t *testing.T) {
	b := octets(t, "11 00 05 a9 de ad be ef")
	h, rest, err := ipv6.ParseFragment(b)
	want := ipv6.FragmentHeader{Next: wire.UDP, Offset: 1448, More: true, ID: 0xdeadbeef}
	if err != nil || h != want || len(rest) != 0 {
		t.Errorf("parse = %v, %x, %v; want %v", h, rest, err, want)
	}
	if h.IsAtomic() || !(ipv6.FragmentHeader{}).IsAtomic() {
		t.Error("which fragments are atomic")
	}
}

func TestOptionsAndTheirActions(t *testing.T) { // RFC 8200, 4.2
	_, _, err := ipv6.ParseOptions(octets(t, "3a 01 05 02 00 00 01 00"))
	if err != wire.ErrShort {
		t.Errorf("a header of 16 octets in 8: %v", err)
	}
	h, _, err := ipv6.ParseOptions(octets(t, "3a 01 05 02 00 00 01 00 00 3e 00 7e 01 aa be 00"))
	if err != nil || h.Next != wire.ICMPv6 {
		t.Fatal(h, err)
	}
	type seen struct {
		t  ipv6.OptionType
		at int
		a  ipv6.Action
	}
	var got []seen
	it := h.Options.Iter()
	for it.Next() {
		o := it.Option()
		got = append(got, seen{o.Type, o.Offset, o.Type.Action()})
	}
	want := []seen{{5, 2, ipv6.Skip}, {1, 6, ipv6.Skip}, {0, 8, ipv6.Skip}, {0x3e, 9, ipv6.Skip}, {0x7e, 11, ipv6.Discard}, {0xbe, 14, ipv6.DiscardTell}}
	if at, err := it.Err(); !slices.Equal(got, want) || err != nil {
		t.Errorf("options %v, %d %v\nwant    %v", got, at, err, want)
	}
	for _, tt := range []struct {
		options string
		at      int
	}{
		{"01 05 00 00 00 00", 3},
		{"00 00 00 00 00 01", 7},
		{"00 00 00 00 05 02", 7},
	} {
		it := ipv6.Options(octets(t, tt.options)).Iter()
		for it.Next() {
		}
		if at, err := it.Err(); err == nil || at != tt.at {
			t.Errorf("%s: fault at %d, %v; want at %d", tt.options, at, err, tt.at)
		}
	}
	for n := range 9 { // padding
		o := ipv6.Options(nil).Append(0x3e, make([]byte, n)).Pad()
		if (len(o)+2)%8 != 0 {
			t.Errorf("data of %d octets is padded to %d", n, len(o))
		}
	}
}

func TestUpper(t *testing.T) {
	chain := ipv6.AppendOptions(nil, ipv6.OptionsHeader{Next: wire.Routing, Options: ipv6.Options(nil).AppendRouterAlert(0).Pad()})
	chain = ipv6.AppendRouting(chain, ipv6.RoutingHeader{Next: wire.Fragment, Type: 4, Data: make([]byte, 20)})
	later := ipv6.AppendFragment(slices.Clone(chain), ipv6.FragmentHeader{Next: wire.UDP, Offset: 8})
	chain = ipv6.AppendFragment(chain, ipv6.FragmentHeader{Next: ipv6.AH, More: true})
	chain = append(chain, octets(t, "11 04"+strings.Repeat("00", 22))...)
	p, at, fragment, ok := ipv6.Upper(wire.HopByHop, append(chain, "datagram"...))
	if p != wire.UDP || at != len(chain) || fragment || !ok {
		t.Errorf("upper = %v at %d, %v %v", p, at, fragment, ok)
	}
	if p, _, fragment, ok := ipv6.Upper(wire.HopByHop, later); p != wire.UDP || !fragment || !ok {
		t.Errorf("in a later fragment: %v, %v %v", p, fragment, ok)
	}
	for n := range chain {
		if _, _, _, ok := ipv6.Upper(wire.HopByHop, chain[:n]); ok {
			t.Errorf("found in the first %d of %d octets", n, len(chain))
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		addr      string
		scope     ipv6.Scope
		linkLocal bool
		group     string // solicited-node
	}{
		{"::1", ipv6.ScopeLink, false, "ff02::1:ff00:1"},
		{"fe80::12:3456", ipv6.ScopeLink, true, "ff02::1:ff12:3456"},
		{"febf::1", ipv6.ScopeLink, true, "ff02::1:ff00:1"},
		{"fec0::1", ipv6.ScopeSite, false, "ff02::1:ff00:1"},
		{"fd00::1", ipv6.ScopeGlobal, false, "ff02::1:ff00:1"},
		{"2001:db8::ab:cdef", ipv6.ScopeGlobal, false, "ff02::1:ffab:cdef"},
		{"ff05::2", ipv6.ScopeSite, false, "ff02::1:ff00:2"},
		{"ff31::2", ipv6.ScopeInterface, false, "ff02::1:ff00:2"},
	} {
		a := ipv6.MustParseAddr(tt.addr)
		if a.Scope() != tt.scope || a.IsLinkLocal() != tt.linkLocal || a.SolicitedNode().String() != tt.group || !a.SolicitedNode().IsSolicitedNode() {
			t.Errorf("%v: scope %d, link-local %v, group %v", a, a.Scope(), a.IsLinkLocal(), a.SolicitedNode())
		}
	}
	if n := ipv6.MustParseAddr("2001:db8::").CommonPrefixLen(ipv6.MustParseAddr("2001:db9::")); n != 31 {
		t.Errorf("%d bits in common", n)
	}
}

// What is parsed survives being written and parsed again; nothing panics.
func FuzzHeaders(f *testing.F) {
	f.Add(octets(f, echo))
	f.Add(ipv6.AppendOptions(nil, ipv6.OptionsHeader{Options: ipv6.Options(nil).AppendRouterAlert(0).Pad()}))
	f.Add(ipv6.AppendRouting(nil, ipv6.RoutingHeader{Type: 2, Data: make([]byte, 20)}))
	f.Add(ipv6.AppendFragment(nil, ipv6.FragmentHeader{Offset: 8, More: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, ipv6.Parse, ipv6.Append, b)
		wiretest.Stable(t, ipv6.ParseOptions, ipv6.AppendOptions, b)
		wiretest.Stable(t, ipv6.ParseRouting, ipv6.AppendRouting, b)
		wiretest.Stable(t, ipv6.ParseFragment, ipv6.AppendFragment, b)
		if h, rest, err := ipv6.Parse(b); err == nil {
			_ = h.String()
			if _, at, _, ok := ipv6.Upper(h.NextHeader, rest); ok && at > len(rest) {
				t.Errorf("upper layer at %d of %d", at, len(rest))
			}
		}
		if h, _, err := ipv6.ParseOptions(b); err == nil {
			_ = h.String()
		}
	})
}
