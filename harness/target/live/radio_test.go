package live

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

var (
	radioMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}
	radioAddr = target.LinkLocalOf(radioMAC)
)

// mote is a target on a radio that answers echos, or looks for who asked first.
type mote struct {
	*board
	looks bool
	acks  chan uint // sequence numbers of acknowledgments that it has had
}

// say builds a frame of the mote.
func (m *mote) say(t packet.Template, to target.Host) []byte {
	to.IP6 = to.LinkLocal
	me := target.Host{MAC: radioMAC, IP6: radioAddr}
	return t.Build(packet.Env{Local: me, Peer: to, Network: ipv6.Proto, Link: target.IEEE802154, PAN: 0x23})
}

func (m *mote) Write(b []byte) (int, error) {
	f := packet.Dissect(target.IEEE802154, b)
	from, _ := ieee802154.Src.Of(f)
	asker := target.Host{MAC: from, LinkLocal: target.LinkLocalOf(from)}
	switch seq, _ := ieee802154.Sequence.Of(f); {
	case icmpv6.EchoRequest().Matches(f) && m.looks:
		m.emit(m.say(ndp.Solicit(asker.LinkLocal), target.Host{MAC: ieee802154.Broadcast, LinkLocal: asker.LinkLocal}))
	case icmpv6.EchoRequest().Matches(f):
		m.emit(m.say(icmpv6.EchoReply(), asker))
	case ieee802154.Ack(seq).Matches(f):
		m.acks <- seq
	}
	return len(b), nil
}

func newRadio(t *testing.T, looks bool) (*Shared, *mote) {
	t.Helper()
	m := &mote{board: newBoard(), looks: looks, acks: make(chan uint, 10)}
	s, err := NewShared(t.Context(), m, Config{
		Link: target.IEEE802154, MAC: radioMAC, LinkLocal: radioAddr, Target6: netip.MustParseAddr("2001:db8:1::2"),
		Prefix6: netip.MustParsePrefix("2001:db8:1::/64"), PAN: 0x23, Number: 5, PerWorld: 2, AliveWithin: 3 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// A mote that looks for whoever asked is alive as well as one that answers.
func TestSignsOfLifeOnARadio(t *testing.T) {
	for _, looks := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := newRadio(t, looks)
			defer s.Close()
			n := newWorld(t, s).Nets()[0]
			if !bytes.Equal(n.Target.MAC, radioMAC) || n.Link != target.IEEE802154 || n.PAN != 0x23 {
				t.Errorf("%+v", n)
			}
			if h := n.Testers[1]; h.LinkLocal != target.LinkLocalOf(h.MAC) || !n.Prefix6.Contains(h.IP6) || h.IP4.IsValid() {
				t.Errorf("a tester is %+v", h)
			}
		})
	}
}

// In a network that is secured the questions are, with frame counters that grow, and the answers are opened.
func TestSignsOfLifeInSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret := target.Security{Level: 5, KeyMode: 1, KeyIndex: 2, Keys: []target.Key{{Mode: 1, Index: 2, Secret: [16]byte{1, 2, 3}}}}
		m := &secretMote{newBoard(), secret, nil, 0}
		s, err := NewShared(t.Context(), m, Config{
			Link: target.IEEE802154, MAC: radioMAC, LinkLocal: radioAddr, Target6: netip.MustParseAddr("2001:db8:1::2"), Security: secret,
			Prefix6: netip.MustParsePrefix("2001:db8:1::/64"), PAN: 0x23, Number: 5, PerWorld: 2, AliveWithin: 3 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Alive(t.Context()); err != nil {
			t.Error(err)
		}
		if len(m.counters) < 2 || m.counters[0] >= m.counters[1] {
			t.Errorf("frame counters %v", m.counters)
		}
		n := newWorld(t, s).Nets()[0]
		if !n.Security.On() || len(n.Security.Stations) < 3 {
			t.Errorf("%+v", n.Security)
		}
	})
}

// secretMote is a mote that answers echos which are secured.
type secretMote struct {
	*board
	security target.Security
	counters []uint
	sent     uint32
}

func (m *secretMote) Write(b []byte) (int, error) {
	f := (&packet.Reader{Link: target.IEEE802154, Security: m.security}).Dissect(b)
	if f.Opened() && icmpv6.EchoRequest().Matches(f) {
		n, _ := ieee802154.FrameCounter.Of(f)
		m.counters = append(m.counters, n)
		from, _ := ieee802154.Src.Of(f)
		env := packet.Env{
			Local: target.Host{MAC: radioMAC, IP6: radioAddr}, Peer: target.Host{MAC: from, IP6: target.LinkLocalOf(from)},
			Network: ipv6.Proto, Link: target.IEEE802154, PAN: 0x23, Security: m.security, Numbers: &packet.Numbers{Counter: m.sent},
		}
		m.sent++
		m.emit(icmpv6.EchoReply().Build(env))
	}
	return len(b), nil
}

// The radio of the testers acknowledges by itself what is for one of them, unless a check says no; and only its world sees it.
func TestTheRadioOfTheTesters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newRadio(t, false)
		defer s.Close()
		one, two := newWorld(t, s), newWorld(t, s)
		for range len(m.acks) { // of the signs of life
			<-m.acks
		}
		sees := func(w target.World) bool {
			ev, err := w.Next(w.Now() + time.Second)
			return err == nil && ev.Frame != nil
		}
		frame := func(seq uint, to target.Host) []byte {
			return m.say(ieee802154.Header(ieee802154.Sequence.Is(seq), ieee802154.AckRequest.Is(1)).Then(icmpv6.EchoReply()), to)
		}
		m.emit(frame(7, one.Nets()[0].Testers[1]))
		if !sees(one) || sees(two) {
			t.Error("a frame for a tester is not its world's alone")
		}
		if seq := <-m.acks; seq != 7 {
			t.Errorf("acknowledged %d, want 7", seq)
		}
		if !two.(target.Radio).Acknowledge(0, false) {
			t.Error("nobody can stop the radio")
		}
		m.emit(frame(8, two.Nets()[0].Testers[0]))
		if !sees(two) || len(m.acks) > 0 {
			t.Error("acknowledged, though it should not be")
		}
		m.emit(m.say(ndp.Solicit(one.Nets()[0].Testers[0].LinkLocal), target.Host{MAC: ieee802154.Broadcast, LinkLocal: one.Nets()[0].Testers[0].LinkLocal}))
		if !sees(one) || sees(two) {
			t.Error("that the target looks for a tester of the first world is not the first one's affair alone")
		}
	})
}
