package live

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/target"
)

// A medium is what kinds of links differ in, for whoever shares one.
type medium interface {
	// question is a frame by which a tester asks the target, at an address of its own, for a sign of life.
	question(asker target.Host, of netip.Addr) []byte
	// addresses are those of the target that can be asked, the one that signs of life are asked of first.
	addresses() []netip.Addr
	// read says whom a frame of the target is for, and what the radio of the testers answers by itself.
	read(frame []byte) reading
	// testerMAC is a link address for the n-th tester of a pool.
	testerMAC(n int) net.HardwareAddr
	// octets is a link address as it stands in a frame.
	octets(mac net.HardwareAddr) []byte
}

// A reading is what is to be known of a frame before it is handed on.
type reading struct {
	to    net.HardwareAddr // the one tester that it is for; empty for a group, or for a frame that is too short
	about netip.Addr       // of a frame for a group: the address whose owner it looks for; the zero Addr for none
	from  net.HardwareAddr // the link address that the sender says to have; empty when it does not
	of    netip.Addr       // the address that the sender says to have; the zero Addr when it does not
	reply bool             // it answers a question for a link address
	ack   []byte           // acknowledges the frame; nil for none
}

func (c Config) medium() medium {
	if c.Link == target.IEEE802154 {
		return &radio{Config: c}
	}
	return &ethernet{c}
}
