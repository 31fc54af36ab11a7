package ipv6_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

func TestIdentifiers(t *testing.T) {
	for _, tt := range []struct {
		link, want string
		octets     int
	}{
		{"34:56:78:ff:fe:9a:bc:de", "fe80::3656:78ff:fe9a:bcde", 8}, // RFC 4291, appendix A, by its EUI-64
		{"34:56:78:9a:bc:de", "fe80::3656:78ff:fe9a:bcde", 6},       // RFC 2464, 4
		{"12:34", "fe80::ff:fe00:1234", 8},                          // RFC 6282, 3.2.2
	} {
		a := link.MustParseAddr(tt.link)
		id, ok := ipv6.Identifier(a)
		if got := ipv6.LinkLocal.WithIdentifier(id); !ok || got.String() != tt.want {
			t.Errorf("%s gives %v, %v; want %s", tt.link, got, ok, tt.want)
		}
		if back, ok := ipv6.LinkOf(id, tt.octets); back != a || !ok {
			t.Errorf("%s was made of %v, %v; want %v", tt.want, back, ok, a)
		}
	}
	if _, ok := ipv6.Identifier(link.MustParseAddr("01")); ok {
		t.Error("an identifier of one octet")
	}
	if a, ok := ipv6.LinkOf(1, 6); ok {
		t.Errorf("::1 was made of %v", a)
	}
	if n := testing.AllocsPerRun(10, func() {
		if id, ok := ipv6.Identifier(link.AddrFrom2([2]byte{1, 2})); !ok || id == 0 {
			panic(id)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
