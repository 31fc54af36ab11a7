package stack_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

func pingWith(options ipv4.Options) []byte {
	return ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Options: options}, icmpMessage(icmpv4.Query(icmpv4.EchoRequest, 1, 1), nil))
}

// What an echo reply makes of the request's options (RFC 1122, 3.2.2.6; RFC 791, 3.1).
func TestEchoOptions(t *testing.T) {
	a, b := ipv4.Addr{10, 0, 0, 1}, ipv4.Addr{10, 0, 0, 2}
	for _, tt := range []struct {
		name    string
		options ipv4.Options
		to      string // the next hop of the reply, if not the requester
		want    string
	}{
		{"record route, room for two", ipv4.Options{}.AppendRecordRoute(2), "", " options 070b08c00002020000000000"},
		{"record route, one recorded", ipv4.Options{7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0}, "", " options 070b0c0a000001c000020200"},
		{"record route, full", ipv4.Options{7, 7, 8, 10, 0, 0, 1}, "", " options 0707080a00000100"},
		{"timestamp", ipv4.Options{}.AppendTimestamp(ipv4.TimestampOnly, 2), "", " options 440c0900000003e800000000"},
		{"timestamp and address", ipv4.Options{}.AppendTimestamp(ipv4.TimestampAddress, 1), "", " options 440c0d01c0000202000003e8"},
		{"timestamp of the node", ipv4.Options{}.AppendTimestampsOf(nodeIP, a), "", " options 44140d03c0000202000003e80a00000100000000"},
		{"timestamp of another", ipv4.Options{}.AppendTimestampsOf(a), "", " options 440c05030a00000100000000"},
		{"timestamp, full", ipv4.Options{68, 8, 9, 0, 0, 0, 0, 1}, "", " options 4408091000000001"},
		{"unknown", ipv4.Options{200, 4, 1, 2}, "", ""},
		{"stream identifier", ipv4.Options{136, 4, 0, 1}, "", ""},
		{"no operation before", ipv4.Options{1, 7, 7, 4, 0, 0, 0, 0}, "", " options 070708c000020200"},
		{"end of list: what follows is padding", ipv4.Options{0, 7, 3, 0}, "", ""},
		{"loose source route, completed", ipv4.Options{131, 11, 12, 10, 0, 0, 1, 10, 0, 0, 2}, "10.0.0.2",
			" options 830b040a000001c000020100"},
		{"strict source route, completed", ipv4.Options{137, 7, 8, 10, 0, 0, 1}, "10.0.0.1", " options 890704c000020100"},
		{"source route that began at the source", ipv4.Options{131, 11, 12, 192, 0, 2, 1, 10, 0, 0, 2}, "10.0.0.2",
			" options 830704c000020100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, config.Config{})
			k.meet()
			k.meetAs(a) // neighbours on the link, for the test's sake
			k.meetAs(b)
			k.node.AddRoute(subnetOf("10.0.0.0/8"), netipOf(testerIP), k.eth)
			k.advance(time.Second)
			k.send(pingWith(tt.options))
			to := tt.to
			if to == "" {
				to = "192.0.2.1"
			}
			k.want("the reply", "00:01 192.0.2.2 > "+to+" DF"+tt.want+` ICMP echo reply id 1 seq 1 ""`)
		})
	}
}

// Malformed options draw a Parameter Problem that points at the octet in error (RFC 1122, 3.2.2.5; RFC 792).
func TestBadOptions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options ipv4.Options
		pointer string
	}{
		{"record route, pointer 3", ipv4.Options{7, 7, 3, 0, 0, 0, 0, 0}, "22"},
		{"record route, room for half an address", ipv4.Options{7, 5, 4, 0, 0, 0, 0, 0}, "22"},
		{"record route, length 2", ipv4.Options{7, 2, 0, 0}, "21"},
		{"timestamp, pointer 4", ipv4.Options{68, 8, 4, 0, 0, 0, 0, 0}, "22"},
		{"timestamp, flag 2", ipv4.Options{68, 8, 5, 2, 0, 0, 0, 0}, "23"},
		{"timestamp, room for half", ipv4.Options{68, 6, 5, 0, 0, 0, 0, 0}, "22"},
		{"timestamp, overflow exhausted", ipv4.Options{68, 8, 9, 0xf0, 0, 0, 0, 1}, "23"},
		{"length 1", ipv4.Options{200, 1, 0, 0}, "21"},
		{"length 0", ipv4.Options{200, 0, 0, 0}, "21"},
		{"length beyond the header", ipv4.Options{1, 200, 4, 0}, "22"},
		{"no length octet", ipv4.Options{1, 1, 1, 200}, "23"},
		{"record route twice", ipv4.Options{7, 7, 4, 0, 0, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0, 0}, "27"},
		{"both source routes", ipv4.Options{131, 7, 8, 10, 0, 0, 1, 137, 7, 8, 10, 0, 0, 1, 0, 0}, "27"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, config.Config{})
			k.meet()
			f := pingWith(tt.options)
			k.send(f)
			k.want("the error", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP parameter problem at "+tt.pointer+" ["+showIP(f[14:], false)+"]")
			k.dropped(stats.IPOption, 1)
		})
	}
}

func TestSourceRouteIsNotForwarded(t *testing.T) { // RFC 1122, 3.3.5
	k := newKit(t, config.Config{})
	k.meet()
	for _, typ := range []ipv4.OptionType{ipv4.LSRR, ipv4.SSRR} {
		f := pingWith(ipv4.Options{}.AppendSourceRoute(typ, ipv4.Addr{192, 0, 2, 77}))
		k.send(f)
		k.want("the error", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 5 ["+showIP(f[14:], false)+"]")
	}
	k.dropped(stats.IPSourceRoute, 2)
}
