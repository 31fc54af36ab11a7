package socket_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

func (p *pair) link(n *stack.Node, t socket.Type, protocol int) *socket.Socket {
	p.t.Helper()
	s, err := n.Sockets.Open(socket.Packet, t, protocol)
	p.ok("open", err)
	return s
}

// frame is what a Packet socket tells of one.
type frame struct {
	protocol uint16
	kind     inbox.Kind
	from     ethernet.MAC
	octets   int
}

func (p *pair) frames(s *socket.Socket) (all []frame) {
	p.t.Helper()
	b := make([]byte, 2000)
	for s.Readable() {
		m, err := s.Recv(b)
		p.ok("recv", err)
		from, _ := m.Link.Addr.As6()
		all = append(all, frame{m.Link.Protocol, m.Link.Kind, from, m.N})
	}
	return all
}

func (p *pair) saw(why string, s *socket.Socket, want ...frame) {
	p.t.Helper()
	got := p.frames(s)
	if len(got) != len(want) {
		p.t.Errorf("%s: %+v, want %+v", why, got, want)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			p.t.Errorf("%s: frame %d is %+v, want %+v", why, i, got[i], want[i])
		}
	}
}

func TestPacketSocketsSeeFrames(t *testing.T) {
	p := newPair(t, config.Config{})
	eth := p.b.InterfaceByName("eth0").Index
	all, contents := p.link(p.b, socket.Raw, socket.EtherTypeAll), p.link(p.b, socket.Dgram, socket.EtherTypeAll)
	arp, ip := p.link(p.b, socket.Dgram, 0x0806), p.link(p.b, socket.Raw, 0x0800)
	none, lo := p.link(p.b, socket.Raw, 0), p.link(p.b, socket.Raw, socket.EtherTypeAll)
	received := p.link(p.b, socket.Raw, socket.EtherTypeAll)
	p.ok("bind", lo.BindLink(socket.LinkAddr{Index: 1}))
	p.ok("ignore", received.SetOption(socket.PacketIgnoreOutgoing, socket.Value{Int: 1}))
	p.udp(p.b, 7)
	p.sends(p.udp(p.a, 7), "hello", socket.Out{To: at(addrB, 7)})
	p.saw("all", all,
		frame{0x806, inbox.ToAll, macA, 42}, frame{0x806, inbox.Outgoing, macB, 42}, frame{0x800, inbox.ToHost, macA, 47})
	p.saw("contents", contents,
		frame{0x806, inbox.ToAll, macA, 28}, frame{0x806, inbox.Outgoing, macB, 28}, frame{0x800, inbox.ToHost, macA, 33})
	p.saw("ARP, received", arp, frame{0x806, inbox.ToAll, macA, 28})
	p.saw("IPv4", ip, frame{0x800, inbox.ToHost, macA, 47})
	p.saw("all that is received", received, frame{0x806, inbox.ToAll, macA, 42}, frame{0x800, inbox.ToHost, macA, 47})
	p.saw("nothing, without a protocol", none)
	p.saw("nothing, on another interface", lo)
	p.ok("bind to a protocol", none.BindLink(socket.LinkAddr{Protocol: 0x0800, Index: eth}))
	p.sends(p.udp(p.a, 8), "hello", socket.Out{To: at(addrB, 7)})
	p.saw("bound now", none, frame{0x800, inbox.ToHost, macA, 47})
	if a, err := none.LocalLink(); err != nil || a != (socket.LinkAddr{Protocol: 0x0800, Index: eth, Addr: macB.Addr()}) {
		t.Errorf("bound to %+v, %v", a, err)
	}
}

func TestPacketSocketsSend(t *testing.T) {
	p := newPair(t, config.Config{})
	eth := p.a.InterfaceByName("eth0").Index
	sees := p.link(p.b, socket.Dgram, 0x88b5)
	dgram, raw := p.link(p.a, socket.Dgram, 0x88b5), p.link(p.a, socket.Raw, 0)
	p.sends(dgram, "content", socket.Out{Link: socket.LinkAddr{Index: eth, Addr: macB.Addr()}})
	if m := p.reads("by station", sees, 0, "content"); m.Link.Kind != inbox.ToHost || m.In.Name != "eth0" || m.Link.Index != m.In.Index || m.At != time.Millisecond {
		t.Errorf("%+v", m)
	}
	p.ok("bind", raw.BindLink(socket.LinkAddr{Index: eth}))
	whole := ethernet.Append(nil, ethernet.Header{Dst: ethernet.Broadcast, Src: macA, Type: 0x88b5})
	p.sends(raw, string(append(whole, "frame"...)), socket.Out{})
	if m := p.reads("a whole frame", sees, 0, "frame"); m.Link.Kind != inbox.ToAll {
		t.Errorf("%+v", m)
	}
	to := socket.LinkAddr{Index: eth, Addr: macB.Addr()}
	send := func(s *socket.Socket, n int, to socket.LinkAddr) error {
		_, err := s.SendMsg(make([]byte, n), socket.Out{Link: to})
		return err
	}
	p.fails("more than the MTU", send(dgram, 1501, to), errno.EMSGSIZE)
	p.fails("a frame of more", send(raw, 1515, to), errno.EMSGSIZE)
	tagged := ethernet.Append(nil, ethernet.Header{Dst: macB, Src: macA, Type: 0x88b5, Tagged: true})
	_, err := raw.SendMsg(append(tagged, make([]byte, 1500)...), socket.Out{Link: to})
	p.ok("a tag does not count", err)
	_, err = raw.SendMsg(append(tagged, make([]byte, 1501)...), socket.Out{Link: to})
	p.fails("but no more than that", err, errno.EMSGSIZE)
	p.fails("no header", send(raw, 13, to), errno.EINVAL)
	p.fails("no station", send(dgram, 1, socket.LinkAddr{Index: eth}), errno.EINVAL)
	p.fails("no interface", send(dgram, 1, socket.LinkAddr{Addr: macB.Addr()}), errno.ENXIO)
	p.a.InterfaceByName("eth0").SetUp(false)
	p.fails("an interface that is down", send(dgram, 1, to), errno.ENETDOWN)
}

// A socket of all interfaces sees one that comes later, and one that goes no more.
func TestPacketSocketsFollowInterfaces(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.link(p.b, socket.Raw, socket.EtherTypeAll)
	x, err := p.b.AddVLAN(p.b.InterfaceByName("eth0"), 7)
	p.ok("a VLAN", err)
	y, err := p.a.AddVLAN(p.a.InterfaceByName("eth0"), 7)
	p.ok("a VLAN", err)
	other := p.link(p.a, socket.Dgram, 0x88b5)
	by := func() (n int) {
		p.sends(other, "x", socket.Out{Link: socket.LinkAddr{Index: y.Index, Addr: macB.Addr()}})
		b := make([]byte, 100)
		for s.Readable() {
			m, err := s.Recv(b)
			p.ok("recv", err)
			if m.In == x.Iface {
				n++
			}
		}
		return n
	}
	if n := by(); n != 1 {
		t.Errorf("%d frames on an interface that came later", n)
	}
	p.ok("remove", p.b.RemoveVLAN(p.b.InterfaceByName("eth0"), 7))
	if n := by(); n != 0 {
		t.Errorf("%d frames on an interface that is gone", n)
	}
}

// A socket does not see what it sends; others do.
func TestPacketSocketsHideTheirOwn(t *testing.T) {
	p := newPair(t, config.Config{})
	eth := p.a.InterfaceByName("eth0").Index
	mine, other := p.link(p.a, socket.Dgram, socket.EtherTypeAll), p.link(p.a, socket.Dgram, socket.EtherTypeAll)
	p.sends(mine, "frame", socket.Out{Link: socket.LinkAddr{Protocol: 0x88b5, Index: eth, Addr: macB.Addr()}})
	p.saw("its own", mine)
	p.saw("that of another", other, frame{0x88b5, inbox.Outgoing, macA, 5})
}

func TestPacketSocketsArePromiscuous(t *testing.T) {
	p := newPair(t, config.Config{})
	in := p.b.InterfaceByName("eth0")
	x, y := p.link(p.b, socket.Dgram, 0x88b5), p.link(p.b, socket.Dgram, 0x88b5)
	from := p.link(p.a, socket.Dgram, 0x88b5)
	promisc := socket.Value{Index: in.Index, Int: socket.PacketMRPromisc}
	is := func(why string, want bool) {
		t.Helper()
		p.sends(from, "elsewhere", socket.Out{Link: socket.LinkAddr{Index: p.a.InterfaceByName("eth0").Index, Addr: ethernet.MAC{2, 9}.Addr()}})
		if n := len(p.frames(x)); (n == 1) != want || in.State().Promiscuous != want {
			t.Errorf("%s: sees %d frames for another station, state %+v", why, n, in.State())
		}
	}
	is("before", false)
	p.ok("add", x.SetOption(socket.PacketAddMembership, promisc))
	p.ok("add", y.SetOption(socket.PacketAddMembership, promisc))
	is("two members", true)
	p.ok("drop", x.SetOption(socket.PacketDropMembership, promisc))
	is("one member", true)
	p.fails("again", x.SetOption(socket.PacketDropMembership, promisc), errno.EADDRNOTAVAIL)
	p.ok("close", y.Close())
	is("none any more", false)
	p.fails("no such interface", x.SetOption(socket.PacketAddMembership, socket.Value{Index: 99, Int: 1}), errno.ENODEV)
	p.fails("no such membership", x.SetOption(socket.PacketAddMembership, socket.Value{Index: in.Index, Int: 77}), errno.EINVAL)
}
