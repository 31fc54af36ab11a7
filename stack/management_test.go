package stack_test

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/pcap"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/mgmt"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats/netstats"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// listen keeps all events of the node, as one line each: the name, the interface, and what is set of the payload.
func (k *kit) listen() *[]string {
	told := new([]string)
	f := func(e event.Event) {
		s := e.Code.String()
		if i := k.node.Interface(e.Iface); i != nil {
			s += " " + i.Name
		}
		if e.Prefix.IsValid() {
			s += " " + e.Prefix.String()
		}
		if e.Addr.IsValid() {
			s += " " + e.Addr.String()
		}
		if !e.Link.IsZero() {
			s += " " + e.Link.String()
		}
		if e.MTU != 0 {
			s += fmt.Sprintf(" mtu %d", e.MTU)
		}
		if e.Lifetime != 0 {
			s += " for " + e.Lifetime.String()
		}
		if e.Tag != 0 {
			s += fmt.Sprintf(" tag %d", e.Tag)
		}
		*told = append(*told, s)
	}
	groups := map[int]int{
		event.GroupIface: event.L2, event.GroupEthernet: event.L2, event.GroupIPv4: event.L3, event.GroupIPv6: event.L3, event.GroupL4: event.L4,
	}
	for group, layer := range groups {
		k.node.Mgmt.Subscribe(event.Mask(layer, group, 0xffff), f)
	}
	return told
}

var (
	detecting   = config.Config{ConflictDetect: config.On}
	second      = netip.MustParsePrefix("192.0.2.9/24")
	otherMAC    = ethernet.MAC{2, 0, 0, 0, 0, 9}
	occupied    = arpFrame(arp.Reply, otherMAC, [4]byte{192, 0, 2, 9}, nodeMAC, nodeIP)
	everywhere4 = netip.MustParsePrefix("0.0.0.0/0")
)

// eventScenarios are things that happen to a node, and the events that it raises, in order.
var eventScenarios = []struct { // never written
	name    string
	config  config.Config
	prepare func(*kit)
	do      func(*kit)
	want    []string
}{
	{
		name: "an interface goes down",
		do:   func(k *kit) { k.eth.SetUp(false) },
		want: []string{"IF_ADMIN_DOWN eth0", "IF_DOWN eth0", "L4_DISCONNECTED eth0"},
	},
	{
		name: "an interface comes up", prepare: func(k *kit) { k.eth.SetUp(false) },
		do:   func(k *kit) { k.eth.SetUp(true) },
		want: []string{"IF_ADMIN_UP eth0", "IF_UP eth0", "L4_CONNECTED eth0"},
	},
	{
		name: "a cable is pulled and plugged in",
		do:   func(k *kit) { k.far.Pull(); k.advance(0); k.far.Plug() },
		want: []string{
			"ETHERNET_CARRIER_OFF eth0", "IF_DOWN eth0", "L4_DISCONNECTED eth0",
			"ETHERNET_CARRIER_ON eth0", "IF_UP eth0", "L4_CONNECTED eth0",
		},
	},
	{
		name: "the only address goes, and another comes",
		do: func(k *kit) {
			k.node.RemoveAddress(k.eth, netipOf(nodeIP))
			k.node.AddAddress(k.eth, second)
		},
		want: []string{"IPV4_ADDR_DEL eth0 192.0.2.2/24", "L4_DISCONNECTED eth0", "IPV4_ADDR_ADD eth0 192.0.2.9/24", "L4_CONNECTED eth0"},
	},
	{
		name: "the addresses of the loopback interface connect nobody",
		do:   func(k *kit) { k.node.AddAddress(k.node.Interfaces()[0], netip.MustParsePrefix("127.0.0.9/8")) },
		want: []string{"IPV4_ADDR_ADD lo 127.0.0.9/8"},
	},
	{
		name: "an address of IPv6 is deprecated",
		do: func(k *kit) {
			a := iface.Address{Prefix: netip.MustParsePrefix("2001:db8::2/64")}
			k.eth.SetAddress(a)
			a.Deprecated = true
			k.eth.SetAddress(a)
			a.Type = iface.Autoconf // another change, which makes it no more deprecated
			k.eth.SetAddress(a)
			k.eth.RemoveAddress(a.Addr())
		},
		want: []string{"IPV6_ADDR_ADD eth0 2001:db8::2/64", "IPV6_ADDR_DEPRECATED eth0 2001:db8::2/64", "IPV6_ADDR_DEL eth0 2001:db8::2/64"},
	},
	{
		name: "an address is free", config: detecting,
		prepare: func(k *kit) { k.advance(time.Minute); k.frames = nil },
		do: func(k *kit) {
			k.node.AddAddress(k.eth, second)
			k.advance(time.Minute)
			k.frames = nil
		},
		want: []string{"IPV4_ADDR_ADD eth0 192.0.2.9/24", "IPV4_ACD_SUCCEED eth0 192.0.2.9/24"},
	},
	{
		name: "an address is somebody's", config: detecting,
		prepare: func(k *kit) { k.advance(time.Minute); k.frames = nil },
		do: func(k *kit) {
			k.node.AddAddress(k.eth, second)
			k.send(occupied)
			k.frames = nil
		},
		want: []string{"IPV4_ADDR_ADD eth0 192.0.2.9/24", "IPV4_ACD_FAILED eth0 192.0.2.9/24 02:00:00:00:00:09", "IPV4_ADDR_DEL eth0 192.0.2.9/24"},
	},
	{
		name: "an address is contested, and given up", config: detecting,
		prepare: func(k *kit) {
			k.node.AddAddress(k.eth, second)
			k.advance(time.Minute)
			k.frames = nil
		},
		do: func(k *kit) {
			k.send(occupied)
			k.advance(time.Second)
			k.send(occupied)
			k.frames = nil
		},
		want: []string{"IPV4_ACD_CONFLICT eth0 192.0.2.9/24 02:00:00:00:00:09", "IPV4_ADDR_DEL eth0 192.0.2.9/24"},
	},
	{
		name: "a default router comes and goes",
		do: func(k *kit) {
			k.node.AddRoute(everywhere4, netipOf(testerIP), k.eth)
			k.node.AddRoute(netip.MustParsePrefix("10.0.0.0/8"), netipOf(testerIP), k.eth) // this makes no default router
			k.node.RemoveRoute(everywhere4, netipOf(testerIP), k.eth)
			k.node.RemoveRoute(everywhere4, netipOf(testerIP), k.eth)
		},
		want: []string{"IPV4_ROUTER_ADD eth0 192.0.2.1", "IPV4_ROUTER_DEL eth0 192.0.2.1"},
	},
	{
		name: "two sockets join a group and leave it",
		do: func(k *kit) {
			a, b := k.open(7), k.open(8)
			k.group(a, socket.IPAddMembership, groupIP)
			k.group(b, socket.IPAddMembership, groupIP)
			a.Close()
			b.Close()
			k.advance(time.Minute)
			k.frames = nil
		},
		want: []string{
			"IPV4_MADDR_ADD eth0 239.1.2.3", "IPV4_MCAST_JOIN eth0 239.1.2.3",
			"IPV4_MADDR_DEL eth0 239.1.2.3", "IPV4_MCAST_LEAVE eth0 239.1.2.3",
		},
	},
	{
		name: "a path becomes narrow, once",
		do: func(k *kit) {
			k.send(tooBig(&scene{kit: k}))
			k.send(tooBig(&scene{kit: k}))
		},
		want: []string{"IPV4_PMTU_CHANGED eth0 192.0.2.1 mtu 600"},
	},
	{
		name: "an address of IPv6 is free, and its path narrow", config: config.Config{IPv6: config.IPv6{RouterSolicit: config.Off, MLD: config.Off}},
		prepare: func(k *kit) { k.node.EnableIPv6(k.eth); k.advance(time.Minute); k.frames = nil },
		do: func(k *kit) {
			k.node.AddAddress(k.eth, netip.PrefixFrom(node6.Netip(), 64))
			k.advance(time.Minute)
			k.know6(tester6, testerMAC)
			u := k.open6(7)
			k.send(tooBig6(1300))
			k.send(tooBig6(1300))
			u.Close()
			k.node.RemoveAddress(k.eth, node6.Netip())
			k.frames = nil
		},
		want: []string{
			"IPV6_ADDR_ADD eth0 2001:db8::2/64", "IPV6_DAD_SUCCEED eth0 2001:db8::2/64",
			"IPV6_NBR_ADD eth0 2001:db8::1 02:00:00:00:00:01",
			"IPV6_PMTU_CHANGED eth0 2001:db8::1 mtu 1300", "IPV6_ADDR_DEL eth0 2001:db8::2/64",
		},
	},
	{
		name: "a router of IPv6 advertises itself", config: still(),
		prepare: func(k *kit) { k.node.EnableIPv6(k.eth); k.advance(time.Minute); k.frames = nil },
		do: func(k *kit) {
			ra := icmpv6.AppendRouterAdvertisement(nil, icmpv6.RouterAdvertisement{Lifetime: 1800})
			ra = icmpv6.AppendPrefix(ra, icmpv6.Prefix{Bits: 64, OnLink: true, Valid: 7200, Preferred: 3600, Prefix: [16]byte{0x20, 1, 0xd, 0xb8}})
			k.send(nd6(testerLL, allNodes, ra))
			k.advance(3 * time.Hour)
			k.frames = nil
		},
		want: []string{
			"IPV6_ROUTER_ADD eth0 fe80::1 for 30m0s", "IPV6_PREFIX_ADD eth0 2001:db8::/64 for 2h0m0s",
			"IPV6_ROUTER_DEL eth0 fe80::1", "IPV6_PREFIX_DEL eth0 2001:db8::/64",
		},
	},
	{
		name: "frames are captured", config: config.Config{Data: config.DataPath{Capture: config.On}},
		do: func(k *kit) {
			to, err := pcap.NewWriter(io.Discard, pcap.Config{})
			if err != nil {
				k.t.Fatal(err)
			}
			c, err := k.node.CaptureFile(k.eth, to)
			if err != nil {
				k.t.Fatal(err)
			}
			c.Stop()
		},
		want: []string{"CAPTURE_STARTED eth0", "CAPTURE_STOPPED eth0"},
	},
	{
		name: "a VLAN comes and goes",
		do: func(k *kit) {
			if _, err := k.node.AddVLAN(k.eth, 7); err != nil {
				k.t.Fatal(err)
			}
			k.advance(0)
			if err := k.node.RemoveVLAN(k.eth, 7); err != nil {
				k.t.Fatal(err)
			}
		},
		want: []string{
			"IPV4_MADDR_ADD eth0.7 224.0.0.1", "IPV4_MCAST_JOIN eth0.7 224.0.0.1", "IF_ADMIN_UP eth0.7", "IF_UP eth0.7",
			"ETHERNET_VLAN_TAG_ENABLED eth0 tag 7",
			"IF_ADMIN_DOWN", "IF_DOWN", "IPV4_MADDR_DEL 224.0.0.1", "IPV4_MCAST_LEAVE 224.0.0.1", // its interface is gone by now
			"ETHERNET_VLAN_TAG_DISABLED eth0 tag 7",
		},
	},
}

func TestEvents(t *testing.T) {
	raised := map[string]bool{}
	for _, tt := range eventScenarios {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, tt.config)
			if tt.prepare != nil {
				tt.prepare(k)
				k.advance(0)
			}
			told := k.listen()
			tt.do(k)
			k.advance(0)
			if !slices.Equal(*told, tt.want) {
				t.Errorf("told\n %s\nwant\n %s", strings.Join(*told, "\n "), strings.Join(tt.want, "\n "))
			}
			for _, s := range *told {
				name, _, _ := strings.Cut(s, " ")
				raised[name] = true
			}
		})
	}
	if t.Failed() {
		return
	}
	for _, c := range event.All() { // those of what the node has
		later := c.Group() == event.GroupIPv6 || strings.Contains(c.String(), "DHCP") || strings.Contains(c.String(), "DNS") ||
			c == event.HostnameChanged || c.Group() == event.GroupIEEE802154 // TestNetworkByManagement
		if !later && !raised[c.String()] {
			t.Errorf("nothing raises %v", c)
		}
	}
}

// In the zephyr profile five events wait at most.
func TestEventQueueOfANode(t *testing.T) {
	k := newKit(t, config.Config{Profile: config.Zephyr})
	told := k.listen()
	for i := range 8 {
		k.node.AddAddress(k.eth, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), 24))
	}
	k.advance(0)
	k.frames = nil
	if all := k.node.Stats(); all.Events.Raised != 8 || all.Events.Lost != 3 {
		t.Errorf("%d raised, %d lost; want 8 and 3", all.Events.Raised, all.Events.Lost)
	}
	if len(*told) != 5 || (*told)[0] != "IPV4_ADDR_ADD eth0 192.0.2.13/24" {
		t.Errorf("told %v; want those of the last five addresses", *told)
	}
}

func TestDirectEvents(t *testing.T) {
	k := newKit(t, config.Config{EventsDirect: config.On})
	told := k.listen()
	k.eth.SetUp(false)
	if len(*told) != 3 {
		t.Errorf("told within the call: %v", *told)
	}
}

// A node that nobody listens to counts no events, and those of a packet's way cost nothing.
func TestNobodyListens(t *testing.T) {
	k := newKit(t, config.Config{})
	k.meet()
	k.eth.SetUp(false)
	k.eth.SetUp(true)
	k.advance(0)
	if all := k.node.Stats(); all.Events.Raised != 0 {
		t.Errorf("%d events raised", all.Events.Raised)
	}
}

func TestStatisticsRequests(t *testing.T) {
	k := newKit(t, config.Config{})
	k.meet()
	k.send(echoRequest("x"))
	k.next("the answer")
	lo, eth := k.node.Interfaces()[0].Iface, k.eth.Iface
	other := newKit(t, config.Config{}).eth.Iface
	m := k.node.Mgmt

	var all netstats.Counters
	var ip, of netstats.IP
	var icmp netstats.ICMP
	var e netstats.Eth
	for _, tt := range []struct {
		name    string
		request event.Code
		about   *iface.Iface
		data    any
		want    error
	}{
		{"all of an interface", mgmt.GetAll, eth, &all, nil},
		{"of the node", mgmt.GetIPv4, nil, &ip, nil},
		{"of the loopback interface", mgmt.GetIPv4, lo, &of, nil},
		{"ICMP", mgmt.GetICMP, eth, &icmp, nil},
		{"Ethernet", mgmt.GetEthernet, eth, &e, nil},
		{"Ethernet of what is none", mgmt.GetEthernet, lo, &e, errno.EOPNOTSUPP},
		{"Ethernet of the node", mgmt.GetEthernet, nil, &e, errno.EINVAL},
		{"of another node's interface", mgmt.GetIPv4, other, &of, errno.ENODEV},
		{"into what does not fit", mgmt.GetIPv4, eth, &icmp, errno.EINVAL},
		{"into nothing", mgmt.GetIPv4, eth, nil, errno.EINVAL},
		{"what there is not", mgmt.GetPPP, eth, nil, errno.EOPNOTSUPP},
	} {
		if err := m.Request(tt.request, tt.about, tt.data); err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if all.IPv4.Recv != 1 || all.ICMP.Sent != 1 || ip.Recv != 1 || of.Recv != 0 || icmp.Recv != 1 || e.Pkts.Received != 2 {
		t.Errorf("all %+v, of the node %+v, of lo %+v, ICMP %+v, Ethernet %+v", all.IPv4, ip, of, icmp, e)
	}
	if err := m.Request(mgmt.Reset, eth, nil); err != nil || k.eth.Stats.IPv4.Received != 0 {
		t.Errorf("reset: %v, %d datagrams still counted", err, k.eth.Stats.IPv4.Received)
	}
	if err := m.Request(mgmt.Reset, nil, nil); err != nil {
		t.Errorf("reset of the node: %v", err)
	}
}

func TestInterfaceRequests(t *testing.T) {
	k := newKit(t, config.Config{Data: config.DataPath{Promiscuous: config.On, VLANs: 1}})
	lo, eth := k.node.Interfaces()[0].Iface, k.eth.Iface
	var mac mgmt.MAC
	var state iface.State
	var on bool
	vlan, twice := mgmt.VLAN{Tag: 7}, mgmt.VLAN{Tag: 7}
	gateway := mgmt.Route{Prefix: everywhere4, Gateway: netipOf(testerIP)}
	for _, tt := range []struct {
		name    string
		request event.Code
		about   *iface.Iface
		data    any
		want    error
	}{
		{"up, which it is", mgmt.SetUp, eth, true, errno.EALREADY},
		{"another address of the station, while it is up", mgmt.SetMAC, eth, otherMAC, errno.EACCES},
		{"down", mgmt.SetUp, eth, false, nil},
		{"another address of the station", mgmt.SetMAC, eth, otherMAC, nil},
		{"a group's address", mgmt.SetMAC, eth, ethernet.Broadcast, errno.EINVAL},
		{"what the address is", mgmt.GetMAC, eth, &mac, nil},
		{"of what has none", mgmt.GetMAC, lo, &mac, errno.EOPNOTSUPP},
		{"up", mgmt.SetUp, eth, true, nil},
		{"a state of no interface", mgmt.GetState, nil, &state, errno.EINVAL},
		{"promiscuous", mgmt.SetPromiscuous, eth, true, nil},
		{"promiscuous, which it is", mgmt.SetPromiscuous, eth, true, errno.EALREADY},
		{"whether promiscuous", mgmt.GetPromiscuous, eth, &on, nil},
		{"dormant", mgmt.SetDormant, eth, true, nil},
		{"its state", mgmt.GetState, eth, &state, nil},
		{"no longer dormant", mgmt.SetDormant, eth, false, nil},
		{"a VLAN", mgmt.EnableVLAN, eth, &vlan, nil},
		{"it again", mgmt.EnableVLAN, eth, &twice, errno.ENOBUFS},
		{"a VLAN on what is no Ethernet", mgmt.EnableVLAN, lo, &twice, errno.EOPNOTSUPP},
		{"no VLAN", mgmt.DisableVLAN, eth, &vlan, nil},
		{"no VLAN again", mgmt.DisableVLAN, eth, &vlan, errno.ENODEV},
		{"an address", mgmt.AddAddress, eth, second, nil},
		{"a group as an address", mgmt.AddAddress, eth, netip.MustParsePrefix("224.0.0.9/24"), errno.EINVAL},
		{"no address", mgmt.RemoveAddress, eth, second.Addr(), nil},
		{"no address again", mgmt.RemoveAddress, eth, second.Addr(), errno.EADDRNOTAVAIL},
		{"a route", mgmt.AddRoute, eth, gateway, nil},
		{"a route to nowhere", mgmt.AddRoute, eth, mgmt.Route{}, errno.EINVAL},
		{"no route", mgmt.RemoveRoute, eth, gateway, nil},
		{"no route again", mgmt.RemoveRoute, eth, gateway, errno.ENXIO},
		{"without a medium", mgmt.SetCarrier, eth, false, nil},
		{"data of another type", mgmt.SetUp, eth, 1, errno.EINVAL},
	} {
		if err := k.node.Mgmt.Request(tt.request, tt.about, tt.data); err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if mac != otherMAC || !on || state.Oper != iface.OperDormant || vlan.Index == 0 {
		t.Errorf("address %v, promiscuous %v, state %v, the VLAN's interface %d", mac, on, state.Oper, vlan.Index)
	}
	if err := k.node.Mgmt.Request(mgmt.GetCarrier, eth, &on); err != nil || on {
		t.Errorf("carrier %v, %v", on, err)
	}
	k.advance(0)
	k.frames = nil
}

// A station with another address answers by it, also as the VLAN on it.
func TestStationWithAnotherAddress(t *testing.T) {
	k := newKit(t, config.Config{})
	k.eth.SetUp(false)
	if err := k.node.Mgmt.Request(mgmt.SetMAC, k.eth.Iface, otherMAC); err != nil {
		t.Fatal(err)
	}
	k.eth.SetUp(true)
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.want("the answer", "02:00:00:00:00:09 > 00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:09 (to 192.0.2.1)")
}

// What a VLAN has counted stays with the node, and is not counted twice.
func TestCountersOfAVLAN(t *testing.T) {
	k := newKit(t, config.Config{Data: config.DataPath{VLANs: 1}})
	v, err := k.node.AddVLAN(k.eth, 7)
	if err != nil {
		t.Fatal(err)
	}
	k.node.AddAddress(v, netip.MustParsePrefix("198.51.100.2/24"))
	k.advance(0)
	k.frames = nil
	before := k.node.Stats()
	f := tagged(arpFrame(arp.Request, testerMAC, [4]byte{198, 51, 100, 1}, ethernet.MAC{}, [4]byte{198, 51, 100, 2}), 0)
	f[15] = 7
	k.send(f)
	k.next("the answer")
	check := func(when string) {
		t.Helper()
		all := k.node.Stats().Since(before)
		if all.ARP.RequestsReceived != 1 || all.ARP.RepliesSent != 1 || all.Link.Received != 1 || all.Link.Sent != 1 || all.Link.Broadcast != 1 {
			t.Errorf("%s: ARP %+v, frames %+v", when, all.ARP, all.Link)
		}
	}
	check("while it is there")
	if v.Stats.ARP.RequestsReceived != 1 || k.eth.Stats.ARP.RequestsReceived != 0 {
		t.Error("the request is not counted at the VLAN alone")
	}
	if err := k.node.RemoveVLAN(k.eth, 7); err != nil {
		t.Fatal(err)
	}
	check("when it is gone")
}
