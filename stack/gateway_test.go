package stack_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// A gateway that does not answer is passed over when there is another (RFC 1122, 3.3.1.5). A route without a gateway, such
// as that of a link-local address on a second link, is not another one: its next hop would be no address at all.
func TestDeadGatewayBesideLinkLocal(t *testing.T) {
	k := newKit(t, config.Config{LinkLocal4: config.On})
	k.node.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), testerIP.Netip(), k.eth)
	near, far := wire.New(k.loop, wire.Config{})
	far.Start(driver.Frames(func([]byte) {}))
	if _, err := k.node.AddEthernet(near, ethernet.MAC{2, 0, 0, 0, 0, 0x12}); err != nil {
		t.Fatal(err)
	}
	k.advance(time.Minute) // the second link has its address
	s := k.open(5000)
	peer := netip.MustParseAddrPort("203.0.113.1:9")
	if err := s.Connect(peer); err != nil {
		t.Fatal(err)
	}
	if err := s.SendTo([]byte("x"), peer); err != nil {
		t.Fatal(err)
	}
	k.advance(time.Minute)
	for range k.node.Config.NeighRequests {
		k.want("the gateway is asked for", "all ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)")
	}
	k.quiet("and that is all")
	if _, err := s.Recv(make([]byte, 10)); err == nil || err.Error() != "EHOSTUNREACH" {
		t.Errorf("the socket is told %v, want EHOSTUNREACH", err)
	}
}
