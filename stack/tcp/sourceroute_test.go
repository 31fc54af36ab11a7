package tcp_test

import (
	"testing"

	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

// A connection that came by a source route is answered by it, turned round, and by another one when the peer changes it
// (RFC 9293, 3.9.2.1, MUST-53, SHLD-24).
func TestSourceRoute(t *testing.T) {
	k := newKit(t, plain())
	hops := []ipv4.Addr{{192, 0, 2, 7}, {192, 0, 2, 8}}
	for i, h := range hops {
		k.node.Interfaces()[1].Ethernet.Neighbours().Set(h.Netip(), ethernet.MAC{2, 0, 0, 0, 1, byte(i)}.Addr())
	}
	l := k.listen(1)
	send := func(hop ipv4.Addr, f segment.Flags, seq, ack uint32, data string) {
		route := ipv4.Options(nil).AppendSourceRoute(ipv4.LSRR, hop)
		route[2] += 4 // it has been there
		b := append(segment.Append(nil, segment.Header{SrcPort: k.port, DstPort: k.local, Seq: k.irs + seq, Ack: ack, Flags: f, Window: 65535}), data...)
		segment.Seal(b, codec.Pseudo4(testerIP, nodeIP, codec.TCP))
		d := append(ipv4.Append(nil, ipv4.Header{TTL: 64, Protocol: codec.TCP, Src: testerIP, Dst: nodeIP, Options: route.Pad()}), b...)
		ipv4.Seal(d)
		k.far.Send(append(ethernet.Append(nil, ethernet.Header{Dst: nodeMAC, Src: testerMAC, Type: ethernet.TypeIPv4}), d...))
		k.advance(0)
	}
	want := func(why string, hop ipv4.Addr, flags segment.Flags) segment.Header {
		t.Helper()
		_, b, err := ethernet.Parse(k.next(why))
		if err != nil {
			t.Fatal(err)
		}
		ih, payload, err := ipv4.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		h, _, err := segment.Parse(payload)
		if err == nil {
			err = segment.Verify(payload[:int(ih.TotalLen)-ih.Len()], codec.Pseudo4(nodeIP, testerIP, codec.TCP)) // the final destination
		}
		o, ok := ih.Options.Find(ipv4.LSRR)
		if err != nil || !ok || ih.Dst != hop || h.Flags != flags {
			t.Fatalf("%s: %v to %v, %v, %v", why, h, ih.Dst, ih.Options, err)
		}
		if r, _, err := o.Route(); err != nil || r.Next() != testerIP {
			t.Errorf("%s: the route ends at %v", why, r)
		}
		return h
	}
	send(hops[0], syn, 0, 0, "")
	iss := want("SYN,ACK", hops[0], syn|ack).Seq
	send(hops[0], ack, 1, iss+1, "")
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	send(hops[1], ack, 1, iss+1, "by another way")
	k.write(e, "so be it")
	want("data", hops[1], ack|psh)
	e.Options.IP = ipv4.Options(nil).AppendSourceRoute(ipv4.LSRR, hops[0]).Pad()
	send(hops[1], ack, 15, iss+9, "")
	k.advance(1e9)
	k.write(e, "mine")
	want("the user's route goes first (MUST-52)", hops[0], ack|psh)
	e.Abort()
	k.advance(0)
	want("a reset, too", hops[0], rst|ack)
}
