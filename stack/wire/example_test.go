package wire_test

import (
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// A datagram is put together from the end, each header into the room before its payload, and sealed once all is there.
func Example() {
	const headers = ipv4.MinHeader + icmpv4.HeaderLen
	b := append(make([]byte, headers), "ping"...)
	icmpv4.Put(b[ipv4.MinHeader:], icmpv4.Query(icmpv4.EchoRequest, 1, 7))
	icmpv4.Seal(b[ipv4.MinHeader:])
	ipv4.Put(b, ipv4.Header{TTL: 64, Protocol: wire.ICMPv4, Src: ipv4.Addr{192, 0, 2, 1}, Dst: ipv4.Addr{192, 0, 2, 2}})
	ipv4.Seal(b)

	h, payload, err := ipv4.Parse(b)
	fmt.Println(h, err, ipv4.Verify(b, h))
	echo, data, err := icmpv4.Parse(payload)
	fmt.Printf("%v %q %v %v\n", echo, data, err, icmpv4.Verify(payload))
	// Output:
	// IP 192.0.2.1 > 192.0.2.2 ICMP ttl 64 id 0 len 32 <nil> <nil>
	// ICMP echo request id 1 seq 7 "ping" <nil> <nil>
}
