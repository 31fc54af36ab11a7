// Package netstats gives the counters of a node by the names that Zephyr has for them, and prints them as its shell and
// its Prometheus exporter do.
//
// Nothing is counted here. Each counter of Zephyr's is computed from ours (Of, which is the table of what is what), where
// the reason of a drop says more than Zephyr's counter. What is in the type is what the stack can know: no device here
// tells of collisions or of checksums that it verified, so they are left out rather than shown as zero.
package netstats

import (
	"reflect"

	"github.com/conform-stack/conform/stack/stats"
)

// Counters are Zephyr's, of an interface or of a node. The tag is the name of each.
type Counters struct {
	ProcessingError uint64    `net:"processing_error" help:"packets that were malformed on the link, or for another station"`
	Bytes           Bytes     `net:"bytes" help:"octets of frames"`
	IPErrors        IPErrors  `net:"ip_errors" help:"datagrams of IP with an error"`
	IPv6            IP        `net:"ipv6" help:"IPv6 datagrams"`
	IPv4            IP        `net:"ipv4" help:"IPv4 datagrams"`
	ICMP            ICMP      `net:"icmp" help:"ICMP messages of both versions"`
	TCP             TCP       `net:"tcp" help:"TCP"`
	UDP             UDP       `net:"udp" help:"UDP datagrams"`
	Raw             Raw       `net:"raw" help:"raw sockets"`
	IPv6ND          Messages  `net:"ipv6_nd" help:"Neighbor Discovery messages"`
	IPv6PMTU        Messages  `net:"ipv6_pmtu" help:"messages about the MTU of an IPv6 path"`
	IPv4PMTU        Messages  `net:"ipv4_pmtu" help:"messages about the MTU of an IPv4 path"`
	IPv6MLD         Messages  `net:"ipv6_mld" help:"MLD messages"`
	IPv4IGMP        Messages  `net:"ipv4_igmp" help:"IGMP messages"`
	PktFilter       PktFilter `net:"pkt_filter" help:"packets that a filter dropped"`
	TC              TC        `net:"tc" help:"packets of a traffic class"`
	TxTime          Time      `net:"tx_time" help:"microseconds from the making of a packet until it was sent"`
	RxTime          Time      `net:"rx_time" help:"microseconds from the arrival of a packet until an application had it"`
	Eth             Eth       `net:"eth" help:"Ethernet frames"`
}

// Bytes are octets of frames, link headers included.
type Bytes struct {
	Sent     uint64 `net:"sent"`
	Received uint64 `net:"received"`
}

// IPErrors are datagrams of either version that IP dropped. They are in the version's drop as well.
type IPErrors struct {
	VHLErr   uint64 `net:"vhlerr"`   // version or header length
	HBLenErr uint64 `net:"hblenerr"` // high octet of the length
	LBLenErr uint64 `net:"lblenerr"` // low octet of the length
	FragErr  uint64 `net:"fragerr"`  // fragments
	ChkErr   uint64 `net:"chkerr"`   // header checksum
	ProtoErr uint64 `net:"protoerr"` // neither a version nor a protocol that is known
}

// IP are datagrams of one version.
type IP struct {
	Recv      uint64 `net:"recv"`
	Sent      uint64 `net:"sent"`
	Forwarded uint64 `net:"forwarded"`
	Drop      uint64 `net:"drop"`
}

// Messages are messages of one protocol.
type Messages struct {
	Recv uint64 `net:"recv"`
	Sent uint64 `net:"sent"`
	Drop uint64 `net:"drop"`
}

// ICMP are messages of both versions.
type ICMP struct {
	Recv    uint64 `net:"recv"`
	Sent    uint64 `net:"sent"`
	Drop    uint64 `net:"drop"`
	TypeErr uint64 `net:"typeerr"` // of a type that is not handled
	ChkErr  uint64 `net:"chkerr"`
}

// TCP are octets of data, segments and connections. A segment that is dropped before it has found a connection is in
// Drop, another one in SegDrop.
type TCP struct {
	Bytes    Bytes  `net:"bytes"`
	Resent   uint64 `net:"resent"` // octets
	Drop     uint64 `net:"drop"`
	Recv     uint64 `net:"recv"`
	Sent     uint64 `net:"sent"`
	SegDrop  uint64 `net:"seg_drop"`
	ChkErr   uint64 `net:"chkerr"`
	AckErr   uint64 `net:"ackerr"`
	RstErr   uint64 `net:"rsterr"`
	Rst      uint64 `net:"rst"` // received
	ReXmit   uint64 `net:"rexmit"`
	ConnDrop uint64 `net:"conndrop"` // for want of room
	ConnRst  uint64 `net:"connrst"`  // to closed ports
}

// UDP are datagrams.
type UDP struct {
	Drop   uint64 `net:"drop"`
	Recv   uint64 `net:"recv"`
	Sent   uint64 `net:"sent"`
	ChkErr uint64 `net:"chkerr"`
}

// Raw are datagrams of raw sockets.
type Raw struct {
	Recv  uint64 `net:"recv"`
	Sent  uint64 `net:"sent"`
	Drop  uint64 `net:"drop"`
	Bytes Bytes  `net:"bytes"`
}

// PktFilter are packets that a rule dropped, by the hook that it stood at.
type PktFilter struct {
	Rx struct {
		Drop  uint64 `net:"drop"`
		IPv4  uint64 `net:"ipv4"`
		IPv6  uint64 `net:"ipv6"`
		Local uint64 `net:"local"`
	} `net:"rx"`
	Tx struct {
		Drop uint64 `net:"drop"`
	} `net:"tx"`
}

// TC are the traffic classes; those that a node does not have count nothing.
type TC struct {
	Sent [stats.MaxClasses]TCSent `net:"sent"`
	Recv [stats.MaxClasses]TCRecv `net:"recv"`
}

// TCSent is a class of packets sent.
type TCSent struct {
	Pkts    uint64  `net:"pkts"`
	Bytes   uint64  `net:"bytes"`
	Dropped uint64  `net:"dropped"`
	TxTime  Time    `net:"tx_time"`
	Detail  [3]Time `net:"tx_time_detail"`
}

// TCRecv is a class of packets received.
type TCRecv struct {
	Pkts    uint64  `net:"pkts"`
	Bytes   uint64  `net:"bytes"`
	Dropped uint64  `net:"dropped"`
	RxTime  Time    `net:"rx_time"`
	Detail  [4]Time `net:"rx_time_detail"`
}

// Time is a sum of times in microseconds, and how many there were.
type Time struct {
	Sum   uint64 `net:"sum"`
	Count uint64 `net:"count"`
}

// Average is in microseconds, truncated; 0 when there is nothing.
func (t Time) Average() uint64 {
	if t.Count == 0 {
		return 0
	}
	return t.Sum / t.Count
}

// Pair is something that goes both ways.
type Pair struct {
	Received uint64 `net:"received"`
	Sent     uint64 `net:"sent"`
}

// Eth is what an Ethernet device and its driver know.
type Eth struct {
	Bytes        Pair `net:"bytes"`
	Pkts         Pair `net:"pkts"`
	Broadcast    Pair `net:"broadcast"`
	Multicast    Pair `net:"multicast"`
	Errors       Pair `net:"errors"`
	ErrorDetails struct {
		RxNoBufferCount uint64 `net:"rx_no_buffer_count"`
		RxFrameErrors   uint64 `net:"rx_frame_errors"`
	} `net:"error_details"`
	TxDropped       uint64 `net:"tx_dropped"`
	TxRestartQueue  uint64 `net:"tx_restart_queue"`
	UnknownProtocol uint64 `net:"unknown_protocol"`
}

// Since is what was counted after an earlier snapshot.
func (c Counters) Since(earlier Counters) Counters {
	subtract(reflect.ValueOf(&c).Elem(), reflect.ValueOf(earlier))
	return c
}

func subtract(a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Uint64:
		a.SetUint(a.Uint() - b.Uint())
	case reflect.Struct:
		for i := range a.NumField() {
			subtract(a.Field(i), b.Field(i))
		}
	case reflect.Array:
		for i := range a.Len() {
			subtract(a.Index(i), b.Index(i))
		}
	}
}

// Each calls f with the name and the value of each counter, in a fixed order: "ipv4.recv", "tc.sent[0].pkts".
func (c Counters) Each(f func(name string, value uint64)) { each("", reflect.ValueOf(c), f) }

func each(name string, v reflect.Value, f func(name string, value uint64)) {
	switch v.Kind() {
	case reflect.Uint64:
		f(name, v.Uint())
	case reflect.Struct:
		if name != "" {
			name += "."
		}
		for i := range v.NumField() {
			each(name+v.Type().Field(i).Tag.Get("net"), v.Field(i), f)
		}
	case reflect.Array:
		for i := range v.Len() {
			each(name+"["+string(rune('0'+i))+"]", v.Index(i), f)
		}
	}
}
