package ipv4_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/target"
)

var env = packet.Env{
	Local: target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
	Peer:  target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
}

func build(t packet.Template) *packet.Frame { return packet.Dissect(target.Ethernet, t.Build(env)) }

func TestOptionsAsOctets(t *testing.T) {
	a := netip.MustParseAddr("198.51.100.7")
	for _, c := range []struct {
		name string
		got  []byte
		want []byte
	}{
		{"record route, two empty slots", ipv4.RecordRoute(4, netip.Addr{}, netip.Addr{}), []byte{7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0}},
		{"loose route, used up", ipv4.LooseRoute(8, a), []byte{131, 7, 8, 198, 51, 100, 7}},
		{"strict route", ipv4.StrictRoute(4, a), []byte{137, 7, 4, 198, 51, 100, 7}},
		{"timestamp", ipv4.Timestamp(5, 15, ipv4.TimestampsOfGiven, make([]byte, 4)), []byte{68, 8, 5, 0xf3, 0, 0, 0, 0}},
		{"router alert", ipv4.RouterAlert(), []byte{148, 4, 0, 0}},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: got %x, want %x", c.name, c.got, c.want)
		}
	}
}

func TestSplitOptions(t *testing.T) {
	for _, c := range []struct {
		name      string
		in        []byte
		types     []byte
		malformed bool
	}{
		{"none", nil, nil, false},
		{"no operation has no length", []byte{1, 1, 148, 4, 0, 0}, []byte{1, 1, 148}, false},
		{"nothing counts behind the end", []byte{148, 4, 0, 0, 0, 7, 1, 9}, []byte{148}, false},
		{"shortest", []byte{0x9e, 2, 1}, []byte{0x9e, 1}, false},
		{"length 1", []byte{1, 7, 1, 0}, []byte{1}, true},
		{"no length octet", []byte{7}, nil, true},
		{"beyond the header", []byte{7, 5, 4, 0}, nil, true},
	} {
		all, err := ipv4.SplitOptions(c.in)
		var types []byte
		for _, o := range all {
			types = append(types, o[0])
		}
		if !bytes.Equal(types, c.types) || errors.Is(err, ipv4.ErrOption) != c.malformed {
			t.Errorf("%s: got types %v and %v", c.name, types, err)
		}
	}
}

func TestCopiedOptions(t *testing.T) {
	g := NewWithT(t)
	loose := ipv4.LooseRoute(4, env.Peer.IP4)
	all := append(append(ipv4.RecordRoute(4, netip.Addr{}), ipv4.NoOperation), loose...)
	g.Expect(ipv4.CopiedOptions(all)).To(Equal(loose))
	g.Expect(ipv4.FindOptions(all, ipv4.RecordRouteType)).To(HaveLen(1))
	g.Expect(ipv4.FindOptions(all, ipv4.StrictRouteType)).To(BeEmpty())
}

func TestSplitAndJoinAreInverse(t *testing.T) {
	g := NewWithT(t)
	data := make([]byte, 93)
	for i := range data {
		data[i] = byte(i)
	}
	options := append(ipv4.RecordRoute(4, netip.Addr{}), ipv4.RouterAlert()...)
	whole := build(icmpv4.Echo(1, 2, data).With(ipv4.ID.Is(0x1234), ipv4.TTL.Is(9), ipv4.Options.Is(options)))
	var fragments []*packet.Frame
	for i, p := range ipv4.SplitEvery(whole, 24) {
		f := build(p)
		fragments = append(fragments, f)
		more, routes := uint(0), 0
		if i < 4 {
			more = 1
		}
		if i == 0 {
			routes = 1
		}
		g.Expect(f).To(packet.Like(ipv4.Header(
			ipv4.ID.Is(0x1234), ipv4.TTL.Is(9), ipv4.Protocol.Is(1), ipv4.Offset.Is(uint(i*3)), ipv4.MF.Is(more))))
		options, _ := ipv4.Options.Of(f)
		g.Expect(ipv4.FindOptions(options, ipv4.RecordRouteType)).To(HaveLen(routes))
		g.Expect(ipv4.FindOptions(options, ipv4.RouterAlertType)).To(HaveLen(1))
		_, err := ipv4.Join(fragments)
		g.Expect(err == nil).To(Equal(i == 4))
	}
	g.Expect(fragments).To(HaveLen(5))
	fragments[0], fragments[4] = fragments[4], fragments[0]
	g.Expect(ipv4.Join(fragments)).To(Equal(whole.Body(ipv4.Proto)))
	_, err := ipv4.Join(fragments[1:4])
	g.Expect(err).To(MatchError(ipv4.ErrIncomplete))
	_, err = ipv4.Join(append(fragments, fragments[2]))
	g.Expect(err).To(MatchError(ContainSubstring("overlaps")))
	_, err = ipv4.Join(append(fragments, build(ipv4.Part(whole, 101, 109))))
	g.Expect(err).To(HaveOccurred())
}
