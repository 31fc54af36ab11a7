package ndp_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// A message with a ROVR of any length is what it was made of.
func TestDuplicatesHaveIdentifiersOfAnyLength(t *testing.T) { // RFC 8505, 4.2
	for units := range 4 {
		rovr := make([]byte, 8*(units+1))
		for i := range rovr {
			rovr[i] = byte(i + 1)
		}
		want := ndp.Duplicate{
			Code: byte(units + 1), Status: 3, TID: 241, Lifetime: 300, ROVR: rovr, Addr: netip.MustParseAddr("2001:db8::7"),
			Options: ndp.Option(200, 1, 2, 3, 4, 5, 6),
		}
		f := build(ndp.DAC(want.Conds()...))
		got, ok := ndp.DuplicateOf(f)
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v\nwant %+v", got, want)
		}
		if short, ok := ndp.DuplicateOf(packet.Dissect(target.Ethernet, f.Rewrite(icmpv6.Code.Is(4), ndp.DADOptions.Is(nil)))); ok {
			t.Errorf("a message that is too short for its code is read as %+v", short)
		}
	}
	if _, ok := ndp.EAROOf(ndp.Option(ndp.CtxType, make([]byte, 14)...)); ok {
		t.Error("a context is read as a registration")
	}
	e := ndp.EARO{Status: 1, Opaque: 2, Flags: 3, TID: 4, Lifetime: 500, ROVR: make([]byte, 16)}
	if got, ok := ndp.EAROOf(e.Option()); !ok || !reflect.DeepEqual(got, e) {
		t.Errorf("read %+v, want %+v", got, e)
	}
}
