package socket_test

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

// What an option reads before it is set, what it takes and reads then, and what it does not take.
func TestOptions(t *testing.T) {
	p := newPair(t, config.Config{SocketBuffer: 5000})
	link, err := p.a.Sockets.Open(socket.Packet, socket.Dgram, 0)
	p.ok("open", err)
	pipe, _, err := p.a.Sockets.Pair()
	p.ok("pair", err)
	kinds := map[string]*socket.Socket{
		"udp": p.udp(p.a, 7), "raw": p.open(p.a, socket.Raw, 1), "tcp": p.open(p.a, socket.Stream, 0), "packet": link, "pair": pipe,
	}
	const (
		onIP  = "udp raw tcp"
		any   = "udp raw tcp packet pair"
		boxed = "udp raw packet"
	)
	for _, tt := range []struct {
		o           socket.Option
		of          string // the kinds that have it
		before, set int
		bad         []int
	}{
		{socket.SOReuseAddr, "udp tcp", 0, 1, nil},
		{socket.SOReusePort, "udp tcp", 0, 1, nil},
		{socket.SOBroadcast, onIP, 0, 1, nil},
		{socket.SODontRoute, onIP, 0, 1, nil},
		{socket.SONoCheck, "udp", 0, 1, nil},
		{socket.SORcvBuf, boxed, 5000, 4096, []int{-1}},
		{socket.SORcvBuf, "tcp", 128 << 10, 4096, []int{-1}},
		{socket.SOSndBuf, boxed, 212992, 4096, []int{-1}},
		{socket.SOSndBuf, "tcp", 64 << 10, 4096, []int{-1}},
		{socket.SOPriority, any, 0, 7, []int{-1, 8}},
		{socket.SOKeepAlive, "tcp", 0, 1, nil},
		{socket.SOLinger, "tcp", -1, 5, nil},
		{socket.SOOOBInline, "tcp", 0, 1, nil},
		{socket.SOTimestamp, boxed, 0, 1, nil},
		{socket.SOTimestampNS, boxed, 0, 1, nil},
		{socket.SOTimestamping, boxed, 0, socket.TimestampingSoftware | socket.TimestampingRxSoftware, []int{1, -1}},
		{socket.IPTTL, onIP, 64, 9, []int{0, 256, -2}},
		{socket.IPTOS, onIP, 0, 0xb8, []int{-1, 256}},
		{socket.IPMulticastTTL, onIP, 1, 3, []int{0, 256}},
		{socket.IPMulticastLoop, onIP, 1, 0, nil},
		{socket.IPMTUDiscover, onIP, socket.PMTUWant, socket.PMTUProbe, []int{-1, 4}},
		{socket.IPRecvErr, "udp raw", 0, 1, nil},
		{socket.IPHdrIncl, "raw", 0, 1, nil},
		{socket.ICMPFilter, "raw", 0, 1 << 8, nil},
		{socket.IPPktInfo, "udp raw", 0, 1, nil},
		{socket.IPRecvTTL, "udp raw", 0, 1, nil},
		{socket.IPRecvTOS, "udp raw", 0, 1, nil},
		{socket.IPRecvOpts, "udp raw", 0, 1, nil},
		{socket.IPLocalPortRange, "udp tcp", 0, 2000<<16 | 1000, []int{1000<<16 | 2000, -1}},
		{socket.TCPNoDelay, "tcp", 0, 1, nil},
		{socket.TCPCork, "tcp", 0, 1, nil},
		{socket.TCPKeepIdle, "tcp", 7200, 10, []int{0}},
		{socket.TCPKeepIntvl, "tcp", 75, 10, []int{0}},
		{socket.TCPKeepCnt, "tcp", 9, 3, []int{0, 128}},
		{socket.TCPMaxSeg, "tcp", 536, 1000, []int{10}},
		{socket.TCPUserTimeout, "tcp", 0, 1000, []int{-1}},
		{socket.TCPSynCnt, "tcp", 7, 2, []int{0}},
		{socket.TCPQuickAck, "tcp", 0, 1, nil},
		{socket.TCPDeferAccept, "tcp", 0, 1, nil},
		{socket.PacketIgnoreOutgoing, "packet", 0, 1, nil},
	} {
		for kind, s := range kinds {
			if !slices.Contains(strings.Fields(tt.of), kind) {
				if tt.o != socket.SORcvBuf && tt.o != socket.SOSndBuf { // all have them, of different sizes
					p.fails(kind+" has no "+string(tt.o), s.SetOption(tt.o, socket.Value{Int: tt.set}), errno.ENOPROTOOPT)
				}
				continue
			}
			if v, err := s.GetOption(tt.o); v != tt.before || err != nil {
				t.Errorf("%s of %s is %d, %v before it is set; want %d", tt.o, kind, v, err, tt.before)
			}
			for _, bad := range tt.bad {
				p.fails("a bad "+string(tt.o), s.SetOption(tt.o, socket.Value{Int: bad}), errno.EINVAL)
			}
			p.ok(string(tt.o), s.SetOption(tt.o, socket.Value{Int: tt.set}))
			if v, err := s.GetOption(tt.o); v != tt.set || err != nil {
				t.Errorf("%s of %s is %d, %v; want %d", tt.o, kind, v, err, tt.set)
			}
		}
	}
}

func TestOptionsThatAreOnlyRead(t *testing.T) {
	p := newPair(t, config.Config{})
	udp, tcp := p.udp(p.a, 7), p.listener(p.a, 80)
	for _, tt := range []struct {
		s    *socket.Socket
		o    socket.Option
		want int
	}{
		{udp, socket.SOType, 2}, {udp, socket.SODomain, 2}, {udp, socket.SOProtocol, 17}, {udp, socket.SOAcceptConn, 0}, {udp, socket.SOError, 0},
		{tcp, socket.SOType, 1}, {tcp, socket.SOProtocol, 6}, {tcp, socket.SOAcceptConn, 1}, {tcp, socket.TCPInfo, 10},
	} {
		if v, err := tt.s.GetOption(tt.o); v != tt.want || err != nil {
			t.Errorf("%s is %d, %v; want %d", tt.o, v, err, tt.want)
		}
		p.fails("set "+string(tt.o), tt.s.SetOption(tt.o, socket.Value{}), errno.ENOPROTOOPT)
	}
	_, err := udp.GetOption(socket.IPMTU)
	p.fails("the MTU to nobody", err, errno.ENOTCONN)
	p.ok("connect", udp.Connect(at(addrB, 9)))
	if v, err := udp.GetOption(socket.IPMTU); v != 1500 || err != nil {
		t.Errorf("IP_MTU is %d, %v", v, err)
	}
	_, err = udp.GetOption(socket.IPAddMembership)
	p.fails("what is only set", err, errno.ENOPROTOOPT)
	_, err = udp.GetOption("SO_NONSENSE")
	p.fails("no option", err, errno.ENOPROTOOPT)
	_, err = udp.GetOption(socket.IPV6V6Only)
	p.fails("an option of the other version", err, errno.ENOPROTOOPT)
}

// Options whose value is no int.
func TestOptionsWithValues(t *testing.T) {
	p := newPair(t, config.Config{})
	s, stream := p.udp(p.a, 7), p.open(p.a, socket.Stream, 0)
	for _, o := range []socket.Option{socket.SORcvTimeo, socket.SOSndTimeo} {
		p.ok(string(o), s.SetOption(o, socket.Value{Duration: time.Second}))
		if v, err := s.GetValue(o); v.Duration != time.Second || err != nil {
			t.Errorf("%s is %v, %v", o, v.Duration, err)
		}
		p.fails("a negative "+string(o), s.SetOption(o, socket.Value{Duration: -1}), errno.EDOM)
	}
	if r, w := s.Timeouts(); r != time.Second || w != time.Second {
		t.Errorf("timeouts %v and %v", r, w)
	}
	p.ok("SO_BINDTODEVICE", s.SetOption(socket.SOBindToDevice, socket.Value{Bytes: []byte("eth0")}))
	if v, err := s.GetValue(socket.SOBindToDevice); string(v.Bytes) != "eth0" || err != nil {
		t.Errorf("bound to the device %q, %v", v.Bytes, err)
	}
	p.fails("no device", s.SetOption(socket.SOBindToDevice, socket.Value{Bytes: []byte("eth9")}), errno.ENODEV)
	p.ok("IP_OPTIONS", s.SetOption(socket.IPOptions, socket.Value{Bytes: []byte{148, 4, 0, 0}}))
	if v, err := s.GetValue(socket.IPOptions); !bytes.Equal(v.Bytes, []byte{148, 4, 0, 0}) || err != nil {
		t.Errorf("options % x, %v", v.Bytes, err)
	}
	eth := p.a.InterfaceByName("eth0").Index
	p.ok("IP_MULTICAST_IF", s.SetOption(socket.IPMulticastIf, socket.Value{Index: eth}))
	if v, err := s.GetValue(socket.IPMulticastIf); v.Index != eth || err != nil {
		t.Errorf("interface for groups %d, %v; want %d", v.Index, err, eth)
	}
	p.fails("no interface", s.SetOption(socket.IPMulticastIf, socket.Value{Index: 99}), errno.ENODEV)
	p.fails("nobody's address", s.SetOption(socket.IPMulticastIf, socket.Value{Interface: addrB}), errno.EADDRNOTAVAIL)
	p.ok("TCP_CONGESTION", stream.SetOption(socket.TCPCongestion, socket.Value{Bytes: []byte("cubic")}))
	if v, err := stream.GetValue(socket.TCPCongestion); string(v.Bytes) != "cubic" || err != nil {
		t.Errorf("congestion control %q, %v", v.Bytes, err)
	}
	p.fails("no such control", stream.SetOption(socket.TCPCongestion, socket.Value{Bytes: []byte("vegas")}), errno.EINVAL)
}

func TestMemberships(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.udp(p.b, 7)
	group, source := netip.MustParseAddr("239.1.2.3"), addrA
	eth := p.b.InterfaceByName("eth0").Index
	v := socket.Value{Group: group, Index: eth}
	with := v
	with.Sources = []netip.Addr{source}
	for _, tt := range []struct {
		o    socket.Option
		v    socket.Value
		want errno.Errno
	}{
		{socket.IPDropMembership, v, errno.EADDRNOTAVAIL},
		{socket.IPBlockSource, with, errno.EINVAL},
		{socket.McastJoinGroup, v, 0},
		{socket.IPAddMembership, v, errno.EADDRINUSE},
		{socket.McastBlockSource, with, 0},
		{socket.IPBlockSource, with, errno.EADDRNOTAVAIL},
		{socket.McastUnblockSource, with, 0},
		{socket.IPUnblockSource, with, errno.EADDRNOTAVAIL},
		{socket.IPAddSourceMembership, with, errno.EINVAL},
		{socket.McastLeaveGroup, v, 0},
		{socket.McastJoinSourceGroup, with, 0},
		{socket.McastJoinSourceGroup, with, errno.EADDRNOTAVAIL},
		{socket.McastJoinSourceGroup, v, errno.EINVAL}, // no source
		{socket.McastLeaveSourceGroup, with, 0},
		{socket.IPMsfilter, socket.Value{Group: group, Index: eth, Sources: make([]netip.Addr, 129)}, errno.ENOBUFS},
		{socket.IPMsfilter, socket.Value{Group: group, Index: eth, Sources: make([]netip.Addr, 2)}, errno.EINVAL},
		{socket.IPAddMembership, socket.Value{Group: addrA}, errno.EINVAL},
		{socket.IPAddMembership, socket.Value{Group: group, Index: 99}, errno.ENODEV},
		{socket.IPAddMembership, socket.Value{Group: group, Interface: addrA}, errno.ENODEV},
		{socket.IPAddMembership, socket.Value{Group: netip.MustParseAddr("ff02::1:3")}, errno.EINVAL},
	} {
		p.fails(string(tt.o), s.SetOption(tt.o, tt.v), tt.want)
	}
	for i := range 65 {
		err := s.SetOption(socket.IPAddMembership, socket.Value{Group: netip.AddrFrom4([4]byte{239, 2, 0, byte(i)}), Index: eth})
		if want := map[bool]errno.Errno{true: errno.ENOBUFS}[i == 64]; errno.Of(err) != want {
			t.Errorf("group %d: %v", i, err)
		}
	}
}
