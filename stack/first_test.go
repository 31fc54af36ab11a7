package stack_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

func TestARPPingUDP(t *testing.T) {
	k := newKit(t, config.Config{})
	k.echoService(7)
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.want("a request for the node's address is answered", "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)")
	k.send(echoRequest("hello"))
	k.want("ping is answered", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "hello"`)
	k.send(udpFrame(4000, 7, "echo me"))
	k.want("the service answers", `00:01 192.0.2.2 > 192.0.2.1 DF UDP 7 > 4000 "echo me"`)
	k.send(udpFrame(4000, 9, "nobody"))
	k.want("a closed port draws an error",
		`00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 3 [192.0.2.1 > 192.0.2.2 UDP 4000 > 9 "nobody"]`)
	k.advance(time.Hour)
}

func TestPingBeforeARP(t *testing.T) {
	k := newKit(t, config.Config{})
	k.send(echoRequest("x"))
	k.want("the node asks for the address first", "all ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)")
	k.send(arpFrame(arp.Reply, testerMAC, testerIP, nodeMAC, nodeIP))
	k.want("the reply has waited", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "x"`)
}
