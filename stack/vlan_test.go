package stack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/l2/ethernet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/arp"
	codec "github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

const tagSeven = 7

var (
	vlanIP   = ipv4.Addr{198, 51, 100, 2}
	vlanPeer = ipv4.Addr{198, 51, 100, 1}
)

// tag puts a tag into a frame, behind the addresses.
func tag(frame []byte, tpid uint16, tci codec.TCI) []byte {
	b := append([]byte(nil), frame[:12]...)
	b = binary.BigEndian.AppendUint16(b, tpid)
	b = binary.BigEndian.AppendUint16(b, uint16(tci))
	return append(b, frame[12:]...)
}

// untag takes a tag of 802.1Q out, and gives it.
func untag(t testing.TB, frame []byte) ([]byte, codec.TCI) {
	t.Helper()
	if binary.BigEndian.Uint16(frame[12:]) != 0x8100 {
		t.Fatalf("not tagged: %s", show(frame))
	}
	return append(append([]byte(nil), frame[:12]...), frame[16:]...), codec.TCI(binary.BigEndian.Uint16(frame[14:]))
}

func vlanPing(body string) []byte {
	b := echoRequest(body)
	h, m, _ := ipv4.Parse(b[14:])
	h.Src, h.Dst = vlanPeer, vlanIP
	d := append(ipv4.Append(nil, h), m...)
	ipv4.Seal(d)
	return append(b[:14:14], d...)
}

// newVLAN is a kit with the VLAN 7, on which the node is 198.51.100.2 and knows the tester as 198.51.100.1.
func newVLAN(t *testing.T, c config.Config) (*kit, *stack.Interface) {
	c.NeighReachable = patient
	k := newKit(t, c)
	v, err := k.node.AddVLAN(k.eth, tagSeven)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.node.AddAddress(v, subnetOf("198.51.100.2/24")); err != nil {
		t.Fatal(err)
	}
	k.send(tag(arpFrame(arp.Request, testerMAC, vlanPeer, codec.MAC{}, vlanIP), 0x8100, codec.MakeTCI(3, false, tagSeven)))
	f, tci := untag(t, k.next("the request on the VLAN is answered there"))
	if got, want := show(f), "00:01 ARP 198.51.100.2 is-at 02:00:00:00:00:02 (to 198.51.100.1)"; got != want || tci.VLAN() != tagSeven {
		t.Fatalf("answer: %s on VLAN %d, want %s", got, tci.VLAN(), want)
	}
	return k, v
}

func TestVLAN(t *testing.T) {
	k, v := newVLAN(t, config.Config{})
	if v.Name != "eth0.7" || v.Index != 3 || v.Kind != iface.KindVLAN || v.MTU() != 1500 {
		t.Errorf("the interface is %s, number %d, kind %d, MTU %d", v.Name, v.Index, v.Kind, v.MTU())
	}
	// The priority of the tag goes with the packet, and with the answer.
	for priority := range uint8(8) {
		k.send(tag(vlanPing("x"), 0x8100, codec.MakeTCI(priority, false, tagSeven)))
		f, tci := untag(t, k.next("an echo request on the VLAN"))
		if got, want := show(f), `00:01 198.51.100.2 > 198.51.100.1 DF ICMP echo reply id 7 seq 1 "x"`; got != want {
			t.Errorf("answer %s, want %s", got, want)
		}
		if tci != codec.MakeTCI(priority, false, tagSeven) {
			t.Errorf("request of priority %d on VLAN 7 is answered with %d on VLAN %d", priority, tci.Priority(), tci.VLAN())
		}
	}
	if l := v.Stats.Link; l.Received != 9 || l.Sent != 9 {
		t.Errorf("the VLAN counts %d frames received and %d sent, want 9", l.Received, l.Sent)
	}
	if n := v.Stats.ICMP.Received; n != 8 {
		t.Errorf("the VLAN counts %d messages of ICMP, want 8", n)
	}
	// The largest datagram makes a frame of 1518 octets.
	big := string(bytes.Repeat([]byte{'b'}, 1472))
	k.send(tag(vlanPing(big), 0x8100, codec.MakeTCI(0, false, tagSeven)))
	if f := k.next("the largest datagram"); len(f) != 1518 {
		t.Errorf("answered with a frame of %d octets, want 1518", len(f))
	}
	k.eth.SetMTU(600)
	if v.MTU() != 600 {
		t.Errorf("the MTU above one of 600 is %d", v.MTU())
	}
}

// What is not for an interface that is there goes no further, and is counted.
func TestTagsThatNobodyHas(t *testing.T) {
	k, v := newVLAN(t, config.Config{})
	for _, tt := range []struct {
		why   string
		frame []byte
		at    *stats.Node
		drop  stats.Drop
	}{
		{"another VLAN", tag(vlanPing("x"), 0x8100, 8), k.eth.Stats, stats.UnknownVLAN},
		{"the reserved identifier", tag(vlanPing("x"), 0x8100, 4095), k.eth.Stats, stats.UnknownVLAN},
		{"a service tag, of 802.1ad", tag(vlanPing("x"), 0x88a8, tagSeven), k.eth.Stats, stats.UnknownType},
		{"a service tag around ours", tag(tag(vlanPing("x"), 0x8100, tagSeven), 0x88a8, 100), k.eth.Stats, stats.UnknownType},
		{"a tag within ours", tag(tag(vlanPing("x"), 0x8100, 9), 0x8100, tagSeven), v.Stats, stats.UnknownVLAN},
		{"ours within ours", tag(tag(vlanPing("x"), 0x8100, tagSeven), 0x8100, tagSeven), v.Stats, stats.UnknownVLAN},
		{"a priority within ours", tag(tag(vlanPing("x"), 0x8100, 0x6000), 0x8100, tagSeven), v.Stats, stats.UnknownVLAN},
		{"ours within a priority", tag(tag(vlanPing("x"), 0x8100, tagSeven), 0x8100, 0x6000), k.eth.Stats, stats.UnknownType},
		{"cut within the tag", tag(vlanPing("x"), 0x8100, tagSeven)[:15], k.eth.Stats, stats.FrameInvalid},
	} {
		before := tt.at.Drops[tt.drop]
		k.send(tt.frame)
		k.quiet(tt.why)
		if tt.at.Drops[tt.drop] != before+1 {
			t.Errorf("%s: not dropped as %v", tt.why, tt.drop)
		}
	}
	k.send(tag(vlanPing("x"), 0x8100, tagSeven))
	k.next("the VLAN is alive")
}

// Tag 0 is a priority and no VLAN: the frame is the interface's own, and is answered without a tag.
func TestPriorityTag(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient, TxClasses: 8})
	k.meet()
	k.send(tag(echoRequest("x"), 0x8100, codec.MakeTCI(5, false, 0)))
	k.want("a frame with a priority tag", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "x"`)
	if n := k.eth.Stats.TC.Sent[iface.Strict.Class(8, 5)].Packets; n != 1 {
		t.Errorf("%d packets of the class of priority 5 were sent, want the answer", n)
	}
}

func TestVLANsAreBounded(t *testing.T) {
	k := newKit(t, config.Config{Data: config.DataPath{VLANs: 2}})
	a, err := k.node.AddVLAN(k.eth, 1)
	if err != nil {
		t.Fatal(err)
	}
	lo := k.node.Interfaces()[0]
	for why, try := range map[string]struct {
		parent *stack.Interface
		tag    uint16
		want   error
	}{
		"taken":           {k.eth, 1, ethernet.ErrVLANTaken},
		"on another VLAN": {a, 5, ethernet.ErrVLANBelow},
		"on no Ethernet":  {lo, 5, errno.EOPNOTSUPP},
	} {
		if _, err := k.node.AddVLAN(try.parent, try.tag); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", why, err, try.want)
		}
	}
	for _, id := range []uint16{0, 4095, 65535} {
		want := fmt.Sprintf("stack: VLAN %d on eth0: ethernet: the tag is %d; a VLAN has one from 1 to 4094", id, id)
		if _, err := k.node.AddVLAN(k.eth, id); err == nil || err.Error() != want {
			t.Errorf("tag %d: %v, want %s", id, err, want)
		}
	}
	if _, err := k.node.AddVLAN(k.eth, 4094); err != nil {
		t.Error(err)
	}
	if _, err := k.node.AddVLAN(k.eth, 2); !errors.Is(err, errno.ENOBUFS) {
		t.Errorf("the third of two: %v", err)
	}
	if err := k.node.RemoveVLAN(k.eth, 3); !errors.Is(err, errno.ENODEV) {
		t.Errorf("removing one that is not there: %v", err)
	}
	if err := k.node.RemoveVLAN(k.eth, 1); err != nil {
		t.Error(err)
	}
	if b, err := k.node.AddVLAN(k.eth, 2); err != nil || b.Index != 5 || k.node.Interface(3) != nil || k.node.InterfaceByName("eth0.2") != b {
		t.Errorf("after one was removed: %v, %v", b, err)
	}
}

// A VLAN that is removed leaves nothing: neither address nor route, nor packets that waited.
func TestRemoveVLAN(t *testing.T) {
	k, v := newVLAN(t, config.Config{})
	s := k.open(7)
	to := netip.MustParseAddrPort("203.0.113.5:9")
	k.node.AddRoute(subnetOf("203.0.113.0/24"), netip.MustParseAddr("198.51.100.77"), v)
	if err := s.SendTo([]byte("waits for the gateway"), to); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	if f, tci := untag(t, k.next("the gateway is asked for")); tci.VLAN() != tagSeven {
		t.Errorf("on VLAN %d: %s", tci.VLAN(), show(f))
	}
	if err := k.node.RemoveVLAN(k.eth, tagSeven); err != nil {
		t.Fatal(err)
	}
	if n := k.node.InUse(); n != 0 {
		t.Errorf("%d packets in use", n)
	}
	if err := s.SendTo([]byte("x"), to); !errors.Is(err, errno.ENETUNREACH) {
		t.Errorf("sending by the route that is gone: %v", err)
	}
	if k.node.IPv4.Holds(vlanIP.Netip()) {
		t.Error("the address is still the node's")
	}
	k.send(tag(vlanPing("x"), 0x8100, tagSeven))
	k.advance(10e9)
	k.quiet("nobody has the tag any more")
	k.meet()
}

// A VLAN is up while the interface below is.
func TestVLANFollowsTheCarrier(t *testing.T) {
	k, v := newVLAN(t, config.Config{})
	k.far.Pull()
	if v.Up() || v.Oper() != iface.OperLowerLayerDown {
		t.Errorf("without a cable the VLAN is %v", v.Oper())
	}
	k.far.Plug()
	if !v.Up() {
		t.Errorf("with a cable the VLAN is %v", v.Oper())
	}
	k.eth.SetUp(false)
	w, err := k.node.AddVLAN(k.eth, 9)
	if err != nil {
		t.Fatal(err)
	}
	if v.Up() || w.Up() {
		t.Error("a VLAN is up on an interface that is down")
	}
	k.eth.SetUp(true)
	if !v.Up() || !w.Up() {
		t.Error("the VLANs did not come up again")
	}
	k.send(tag(vlanPing("x"), 0x8100, tagSeven))
	k.next("and packets pass")
}

// Groups are a VLAN's own.
func TestVLANGroups(t *testing.T) {
	k, v := newVLAN(t, config.Config{Multicast4: config.Off})
	group := ipv4.Addr{239, 1, 2, 3}
	frame := udpFrame(5000, 7, "x")
	h, _, _ := ipv4.Parse(frame[14:])
	h.Dst = group
	d := append(ipv4.Append(nil, h), udpMessage(testerIP, group, 5000, 7, []byte("x"))...)
	ipv4.Seal(d)
	mac := codec.Multicast4(group)
	frame = append(append(append([]byte(nil), mac[:]...), frame[6:14]...), d...)
	s := k.open(7)
	v.Link().Join(group.Netip())
	if look, ok := k.eth.Link().Look(tag(frame, 0x8100, tagSeven)); !ok || look.Cast.String() != "multicast" {
		t.Errorf("a frame to a group of the VLAN is to %v", look.Cast)
	}
	if look, _ := k.eth.Link().Look(frame); look.Cast.String() != "another station" {
		t.Errorf("the same frame without the tag is to %v", look.Cast)
	}
	k.send(frame)
	if n := k.eth.Stats.Drops[stats.OtherStation]; n != 1 {
		t.Errorf("%d frames dropped as other-station, want 1: the group is not of this interface", n)
	}
	k.send(tag(frame, 0x8100, tagSeven))
	if n := v.Stats.Link.Multicast; n != 1 {
		t.Errorf("the VLAN counts %d frames to a group, want 1", n)
	}
	v.Link().Leave(group.Netip())
	s.Close()
}

func TestVLANAllocatesNothing(t *testing.T) {
	k, _ := newVLAN(t, config.Config{})
	frame := tag(vlanPing("x"), 0x8100, tagSeven)
	n := 0
	k.far.Start(driver.Frames(func([]byte) { n++ }))
	for range 600 {
		k.send(frame)
	}
	n = 0
	if a := testing.AllocsPerRun(100, func() { k.send(frame) }); a != 0 || n != 101 {
		t.Errorf("%v allocations, %d answers; want 0 and 101", a, n)
	}
}
