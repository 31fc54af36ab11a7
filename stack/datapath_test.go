package stack_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// The priority of a user's datagrams decides their class, and the priority of their tag on a VLAN. Without one it is the
// configuration's.
func TestPriorityOfWhatIsSent(t *testing.T) {
	for _, tt := range []struct {
		configured int
		options    uint8
		class      int
	}{
		{-1, 0, 1}, {-1, 1, 0}, {-1, 5, 5}, {-1, 7, 7}, {1, 0, 0}, {1, 6, 6}, {4, 0, 4},
	} {
		k, v := newVLAN(t, config.Config{TxClasses: 8, Data: config.DataPath{TxPriority: tt.configured}})
		e := k.node.UDP.Open(ip.V4)
		e.Options.Priority = tt.options
		before := k.eth.Stats.TC.Sent[tt.class].Packets
		if err := e.Send([]byte("x"), peerOf(vlanPeer, 9)); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		_, tci := untag(t, k.next("a datagram on the VLAN"))
		if got := iface.Strict.Class(8, tci.Priority()); got != tt.class {
			t.Errorf("configured %d, asked for %d: sent with priority %d, class %d; want class %d",
				tt.configured, tt.options, tci.Priority(), got, tt.class)
		}
		if n := k.eth.Stats.TC.Sent[tt.class].Packets - before; n != 1 {
			t.Errorf("configured %d, asked for %d: %d packets of class %d", tt.configured, tt.options, n, tt.class)
		}
		if v.Stats.TC != (stats.Classes{}) {
			t.Errorf("the VLAN counts classes that it does not have: %+v", v.Stats.TC)
		}
		e.Close()
	}
}

func TestPriorityOfWhatIsReceived(t *testing.T) {
	k := newKit(t, config.Config{RxClasses: 8, Data: config.DataPath{RxPriority: 2}})
	k.send(udpFrame(1, 9, "x"))
	k.frames = nil
	k.send(tag(udpFrame(1, 9, "x"), 0x8100, ethernet.MakeTCI(0, false, 0))) // says 0
	k.frames = nil
	if a, b := k.eth.Stats.TC.Received[2].Packets, k.eth.Stats.TC.Received[1].Packets; a != 1 || b != 1 {
		t.Errorf("%d untagged frames of class 2 and %d tagged ones of class 1, want one each", a, b)
	}
	if k.eth.Stats.Link.Received != 2 {
		t.Errorf("%d frames received", k.eth.Stats.Link.Received)
	}
}

// A datagram that waits a millisecond for the processor, and two for its reader.
func TestProcessingTimesOfADatagram(t *testing.T) {
	k := newKit(t, config.Config{
		NeighReachable: patient, PacketCost: time.Millisecond,
		Data: config.DataPath{RxTime: config.On, RxTimeDetail: config.On, TxTime: config.On, TxTimeDetail: config.On},
	})
	k.meet()
	k.advance(time.Second)
	s, raw := k.open(7), k.raw(17)
	k.node.ResetStats()
	k.far.Send(udpFrame(5000, 9, "nobody")) // takes the first millisecond; its answer is made and sent at once
	k.far.Send(udpFrame(5000, 7, "x"))
	k.advance(3 * time.Millisecond)
	k.next("the answer that there is nobody")
	buf := make([]byte, 100)
	if _, err := s.Recv(buf); err != nil {
		t.Fatal(err)
	}
	const ms = uint64(time.Millisecond)
	rx, tx := k.eth.Stats.TC.Received[0], k.eth.Stats.TC.Sent[0]
	want := [4]stats.Interval{{Count: 1}, {Sum: ms, Count: 1}, {Count: 1}, {Sum: 2 * ms, Count: 1}}
	if rx.Detail != want || rx.Time != (stats.Interval{Sum: 3 * ms, Count: 1}) {
		t.Errorf("received: %+v and %+v, want %+v", rx.Time, rx.Detail, want)
	}
	if want := ([4]stats.Interval{{Count: 1}, {Count: 1}, {Count: 1}}); tx.Detail != want || tx.Time != (stats.Interval{Count: 1}) {
		t.Errorf("sent: %+v and %+v, want %+v", tx.Time, tx.Detail, want)
	}
	for range 2 { // a raw socket has copies of both, which came the same way
		if _, err := raw.Recv(buf); err != nil {
			t.Fatal(err)
		}
	}
	if rx = k.eth.Stats.TC.Received[0]; rx.Time != (stats.Interval{Sum: 9 * ms, Count: 3}) {
		t.Errorf("received, with the copies: %+v, want 9 ms in 3", rx.Time)
	}
}

// What is switched off costs nothing and counts nothing.
func TestProcessingTimesAreOff(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient, PacketCost: time.Millisecond})
	k.meet()
	k.advance(time.Second)
	k.echoService(7)
	k.send(udpFrame(5000, 7, "x"))
	k.next("the echo")
	if rx, tx := stats.Total(&k.eth.Stats.TC.Received), stats.Total(&k.eth.Stats.TC.Sent); rx.Time.Count+tx.Time.Count != 0 || rx.Packets != 2 || tx.Packets != 2 {
		t.Errorf("received %+v\nsent %+v", rx, tx)
	}
}

func TestDefaultInterface(t *testing.T) {
	for _, tt := range []struct {
		choice config.DefaultIface
		down   int // how many of the interfaces from the first on are down
		vlan   bool
		want   string
	}{
		{config.FirstIface, 0, false, "eth0"},
		{config.FirstIface, 1, false, "eth0"},
		{config.FirstUp, 1, false, "eth1"},
		{config.FirstUp, 2, false, "eth0"}, // none is as wanted
		{config.FirstEthernet, 1, true, "eth0"},
		{config.FirstIEEE802154, 0, false, "eth0"},
	} {
		k := newRouter(t, config.Config{Data: config.DataPath{DefaultIface: tt.choice}})
		all := k.node.Interfaces()
		for _, i := range all[1 : 1+tt.down] {
			i.SetUp(false)
		}
		if got := k.node.Default(); got.Name != tt.want {
			t.Errorf("%s with %d down: %s, want %s", tt.choice, tt.down, got.Name, tt.want)
		}
		want := tt.want
		if tt.down == 1 { // groups take the next one that is up
			want = "eth1"
		}
		by, err := k.node.IPv4.Path(pathTo("239.1.2.3"))
		if tt.down < 2 && (err != nil || by.Out.Name != want) {
			t.Errorf("%s with %d down: a group is on %v, %v; want %s", tt.choice, tt.down, by.Out, err, want)
		}
		k.frames = nil
	}
	lonely, err := stack.New(clock.New(), config.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if i := lonely.Default(); i == nil || i.Name != "lo" {
		t.Errorf("with nothing else the default is %v, want lo", i)
	}
	if err := lonely.Close(); err != nil {
		t.Error(err)
	}
}

// Two nodes of eight classes, on a wire of 1 Mbit/s: what is urgent overtakes, and what is not is dropped and counted.
func TestNodeUnderLoad(t *testing.T) {
	loop := clock.New()
	near, far := wire.New(loop, wire.Config{BitRate: 1_000_000})
	c := config.Config{RxClasses: 8, TxClasses: 8, QueueSlots: 8, PacketCost: time.Millisecond, NeighReachable: patient}
	at := func(end *wire.End, last byte) (*stack.Node, *stack.Interface) {
		n, err := stack.New(loop, c)
		if err != nil {
			t.Fatal(err)
		}
		i, err := n.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, 0, last})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.AddAddress(i, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		return n, i
	}
	a, out := at(near, 1)
	b, in := at(far, 2)
	got := map[uint8]int{}
	for _, priority := range []uint8{1, 7} {
		sink := b.UDP.Open(ip.V4)
		if err := sink.Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), 7000+uint16(priority))); err != nil {
			t.Fatal(err)
		}
		sink.Ready = func() {
			for r, ok := sink.Recv(); ok; r, ok = sink.Recv() {
				got[priority]++
				r.Packet.Free()
			}
		}
	}
	send := func(priority uint8) {
		e := a.UDP.Open(ip.V4)
		e.Options.Priority = priority
		if err := e.Send(make([]byte, 83), netip.MustParseAddrPort(fmt.Sprintf("192.0.2.2:%d", 7000+int(priority)))); err != nil {
			t.Fatal(err)
		}
		e.Close()
	}
	send(7)
	if err := loop.Run(time.Second); err != nil { // they know each other
		t.Fatal(err)
	}
	for k := range 1000 { // a frame a millisecond is what the wire takes, 125 octets
		if err := loop.Run(time.Second + time.Duration(k)*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		send(1)
		send(7)
	}
	if err := loop.Run(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	low, high := iface.Strict.Class(8, 1), iface.Strict.Class(8, 7)
	if n := got[7]; n < 990 {
		t.Errorf("%d of 1001 urgent datagrams arrived", n)
	}
	if n := got[1]; n > 20 {
		t.Errorf("%d of 1000 datagrams that can wait arrived", n)
	}
	if d := out.Stats.TC.Sent[low].Dropped; d < 980 || out.Stats.TC.Sent[high].Dropped > 10 {
		t.Errorf("dropped: %d that can wait, %d urgent", d, out.Stats.TC.Sent[high].Dropped)
	}
	if out.Stats.Drops[stats.TxQueueFull] != stats.Total(&out.Stats.TC.Sent).Dropped {
		t.Errorf("%d dropped as tx-queue-full, %d by class", out.Stats.Drops[stats.TxQueueFull], stats.Total(&out.Stats.TC.Sent).Dropped)
	}
	best := iface.Strict.Class(8, 0)
	if rx := &in.Stats.TC.Received; rx[best].Packets == 0 || rx[best].Packets != stats.Total(rx).Packets {
		t.Errorf("frames without tags are best effort: %d of %d", rx[best].Packets, stats.Total(rx).Packets)
	}
}
