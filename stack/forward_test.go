package stack_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

var farIP = ipv4.Addr{198, 51, 100, 1}

// newRouter is a kit with a second link, on which the tester has the address farIP and the same station. Frames of the
// second link are marked with a source of 02:...:12.
func newRouter(t *testing.T, c config.Config) *kit {
	c.NeighReachable = patient
	k := newKit(t, c)
	near, far := wire.New(k.loop, wire.Config{})
	far.Start(driver.Frames(func(b []byte) { k.frames = append(k.frames, append([]byte(nil), b...)) }))
	mac := ethernet.MAC{2, 0, 0, 0, 0, 0x12}
	eth1, err := k.node.AddEthernet(near, mac)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.node.AddAddress(eth1, subnetOf("198.51.100.2/24")); err != nil {
		t.Fatal(err)
	}
	k.meet()
	far.Send(arpFrame(arp.Request, testerMAC, farIP, ethernet.MAC{}, ipv4.Addr{198, 51, 100, 2}))
	k.advance(0)
	k.next("the tester is known on the second link")
	return k
}

const fromEth1 = "02:00:00:00:00:12 > 00:01 "

func through(h ipv4.Header, body []byte) []byte {
	if h.Dst.IsUnspecified() {
		h.Dst = farIP
	}
	h.Protocol = 200
	return ipFrame(h, body)
}

func TestForwarding(t *testing.T) { // RFC 1812, 5.2 and 5.3
	k := newRouter(t, config.Config{Forwarding: config.On})
	k.send(through(ipv4.Header{TTL: 9, TOS: 8, ID: 77, Flags: ipv4.DF}, []byte("x")))
	f := k.want("it goes on, TTL less by one", fromEth1+`192.0.2.1 > 198.51.100.1 ttl 8 tos 8 DF proto-200 "x"`)
	if h, _, _ := ipv4.Parse(f[14:]); h.ID != 77 {
		t.Errorf("identification %d", h.ID)
	}
	k.send(through(ipv4.Header{TTL: 2}, append([]byte("padded"), make([]byte, 20)...)))
	k.next("TTL 2")
	bad := through(ipv4.Header{TTL: 1}, []byte("x"))
	k.send(bad)
	k.want("TTL 1", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP time exceeded code 0 ["+showIP(bad[14:], false)+"]")
	bad = through(ipv4.Header{Dst: ipv4.Addr{203, 0, 113, 1}}, []byte("x"))
	k.send(bad)
	k.want("no route", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 0 ["+showIP(bad[14:], false)+"]")
	for i, h := range []ipv4.Header{
		{Dst: ipv4.Addr{240, 0, 0, 1}}, {Dst: ipv4.Addr{0, 0, 0, 9}},
		{Dst: ipv4.Addr{169, 254, 1, 1}}, {Src: ipv4.Addr{169, 254, 1, 1}},
	} {
		k.send(through(h, nil))
		k.dropped(stats.ForwardRefused, uint64(i+1))
	}
	k.send(through(ipv4.Header{TTL: 9, Options: ipv4.Options{}.AppendRecordRoute(2)}, []byte("x")))
	k.want("the way out is recorded", fromEth1+
		`192.0.2.1 > 198.51.100.1 ttl 8 options 070b08c63364020000000000 proto-200 "x"`)
	k.quiet("nothing else")
}

func TestForwardingIsOffByDefault(t *testing.T) { // RFC 1122, 3.1
	k := newRouter(t, config.Config{})
	k.send(through(ipv4.Header{}, []byte("x")))
	k.quiet("a host with two interfaces is no router")
	k.dropped(stats.IPDestination, 1)
}

func TestForwardingFragments(t *testing.T) { // RFC 791, 3.2; RFC 1191, 4
	k := newRouter(t, config.Config{Forwarding: config.On})
	k.node.Interfaces()[2].SetMTU(600)
	body := bytes.Repeat([]byte{'b'}, 1000)
	k.send(through(ipv4.Header{ID: 5}, body))
	k.want("the first piece", fromEth1+"192.0.2.1 > 198.51.100.1 ttl 63 frag 0+ len 576")
	k.want("the last", fromEth1+"192.0.2.1 > 198.51.100.1 ttl 63 frag 576 len 424")
	k.send(through(ipv4.Header{ID: 5, Flags: ipv4.MF, FragOffset: 1000}, body))
	k.want("a fragment of a fragment", fromEth1+"192.0.2.1 > 198.51.100.1 ttl 63 frag 1000+ len 576")
	k.want("its last piece is not the last of all", fromEth1+"192.0.2.1 > 198.51.100.1 ttl 63 frag 1576+ len 424")
	bad := through(ipv4.Header{Flags: ipv4.DF}, body)
	k.send(bad)
	k.want("not to be fragmented", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 4 mtu 600 [192.0.2.1 > 198.51.100.1 DF proto-200 b x 528]")
}

func TestRouterRedirects(t *testing.T) { // RFC 1812, 5.2.7.2
	k := newRouter(t, config.Config{Forwarding: config.On})
	k.meetAs(ipv4.Addr{192, 0, 2, 3})
	k.node.AddRoute(subnetOf("203.0.113.0/24"), netip.MustParseAddr("192.0.2.3"), k.eth)
	d := through(ipv4.Header{Dst: ipv4.Addr{203, 0, 113, 1}}, []byte("x"))
	k.send(d)
	k.want("a better way", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP redirect code 1 to 192.0.2.3 ["+showIP(d[14:], false)+"]")
	k.want("the datagram goes on all the same", `00:01 192.0.2.1 > 203.0.113.1 ttl 63 proto-200 "x"`)
}

func TestRouterTellsOfHostsThatAreNotThere(t *testing.T) { // RFC 1812, 4.3.3.1
	k := newRouter(t, config.Config{Forwarding: config.On})
	d := through(ipv4.Header{Dst: ipv4.Addr{198, 51, 100, 77}}, []byte("x"))
	k.send(d)
	k.advance(3e9)
	for range 3 {
		k.want("it is asked for", "02:00:00:00:00:12 > all ARP who-has 198.51.100.77 tell 198.51.100.2 (02:00:00:00:00:12)")
	}
	k.want("nobody answered", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 1 [192.0.2.1 > 198.51.100.77 ttl 63 proto-200 "x"]`)
}

func TestRawSockets(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	ping := k.raw(int(codec.ICMPv4))
	every := k.raw(200)
	h := ipv4.Header{Protocol: codec.ICMPv4}
	reply := ipFrame(h, icmpMessage(icmpv4.Query(icmpv4.EchoReply, 5, 6), []byte("pong")))
	k.send(reply)
	k.wantRecv(ping, "an echo reply, header and all", string(reply[14:]), peerOf(testerIP, 0))
	k.send(echoRequest("x"))
	k.next("the node still answers")
	k.wantRecv(ping, "and the socket sees it", string(echoRequest("x")[14:]), peerOf(testerIP, 0))
	unknown := ipFrame(ipv4.Header{Protocol: 200}, []byte("x"))
	k.send(unknown)
	k.quiet("a protocol that a socket takes is not unreachable")
	k.wantRecv(every, "protocol 200", string(unknown[14:]), peerOf(testerIP, 0))
	every.Close()
	k.send(unknown)
	k.want("nobody takes it any more", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 2 [192.0.2.1 > 192.0.2.2 proto-200 "x"]`)

	if err := ping.SendTo(icmpMessage(icmpv4.Query(icmpv4.EchoRequest, 1, 2), []byte("ping")), peerOf(testerIP, 0)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("sent with a header of the node's", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo request id 1 seq 2 "ping"`)
	own := k.raw(255)
	d := ipv4.Append(nil, ipv4.Header{TTL: 3, Protocol: 99, Dst: testerIP, Src: ipv4.Addr{10, 9, 8, 7}, Flags: ipv4.DF})
	if err := own.SendTo(append(d, "own"...), peerOf(testerIP, 0)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("sent with a header of the user's", `00:01 10.9.8.7 > 192.0.2.1 ttl 3 DF proto-99 "own"`)
}
