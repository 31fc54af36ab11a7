package iface_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
)

func TestAddressStatesAndTypes(t *testing.T) {
	f := newFixture(t, iface.Config{}, wire.Config{})
	var told []string
	f.WatchAddresses(func(c iface.AddressChange, a iface.Address) {
		told = append(told, fmt.Sprintf("%d %v %v %v", c, a.Addr(), a.State(), a.Type))
	})
	a := iface.Address{Prefix: netip.MustParsePrefix("2001:db8::1/64"), Tentative: true, Type: iface.Autoconf}
	f.SetAddress(a)
	if f.Holds(a.Addr()) {
		t.Error("holds a tentative address")
	}
	a.Tentative = false
	f.SetAddress(a)
	f.SetAddress(a)
	a.Deprecated = true
	f.SetAddress(a)
	if got, ok := f.Address(a.Addr()); !ok || got != a || !f.Holds(a.Addr()) {
		t.Errorf("the deprecated address is %+v, held %v", got, f.Holds(a.Addr()))
	}
	f.AddAddress(a.Prefix, true) // keeps the type
	f.RemoveAddress(a.Addr())
	want := []string{
		"0 2001:db8::1 tentative autoconf",
		"1 2001:db8::1 preferred autoconf",
		"1 2001:db8::1 deprecated autoconf",
		"1 2001:db8::1 tentative autoconf",
		"2 2001:db8::1 tentative autoconf",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q\nwant %q", told, want)
	}
	if _, ok := f.Address(a.Addr()); ok {
		t.Error("a removed address is there")
	}
}

// An overridable address goes when another of its family comes, but not for one that is link-local or overridable too.
func TestOverridableAddress(t *testing.T) {
	f := newFixture(t, iface.Config{}, wire.Config{})
	set := func(p string, typ iface.AddressType) {
		f.SetAddress(iface.Address{Prefix: netip.MustParsePrefix(p), Type: typ})
	}
	set("192.0.2.1/24", iface.Overridable)
	set("192.0.2.2/24", iface.Overridable)
	set("169.254.1.1/16", iface.Autoconf)
	set("2001:db8::1/64", iface.Manual)
	if n := len(f.Addresses()); n != 4 {
		t.Fatalf("%d addresses, want 4: %v", n, f.Addresses())
	}
	set("192.0.2.9/24", iface.DHCP)
	var left []string
	for _, a := range f.Addresses() {
		left = append(left, a.Addr().String()+" "+a.Type.String())
	}
	if want := []string{"169.254.1.1 autoconf", "2001:db8::1 manual", "192.0.2.9 dhcp"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
