package lowpan

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
)

// wrap makes the frames that carry a packet: one if it fits, else a first fragment and later ones.
func wrap(env packet.Env, outer packet.Template, inner *packet.Layer, ip []byte) []packet.Template {
	a := Around{Src: env.Local.MAC, Dst: env.Peer.MAC, PAN: env.PAN, Contexts: env.Contexts}
	if to := inner.LinkDst(env); to != nil {
		a.Dst = to
	}
	// The layers before the dispatch stay in front of every fragment; from the dispatch on they are encodings.
	n := 0
	for n < len(outer) && outer[n].Proto().Rank > 0 && outer[n].Proto().Rank < 6 {
		n++
	}
	front, forced := outer[:n:n], outer[n:]
	if n == 0 {
		front = packet.Template{}.Then(ieee802154.Header())
	}
	if v, ok := packet.Get(&front[0], ieee802154.Src); ok {
		a.Src = v
	}
	if v, ok := packet.Get(&front[0], ieee802154.Dst); ok {
		a.Dst = v
	}
	front = front.With(ieee802154.Src.Is(a.Src), ieee802154.Dst.Is(a.Dst)).With(set(outer[:n])...)
	if len(a.Dst) == 2 && a.Dst[0]&0x80 != 0 && !sets(front, ieee802154.AckRequest) {
		front = front.With(ieee802154.AckRequest.Is(0))
	}
	for i := range front {
		if front[i].Proto() == MeshProto {
			h := front[i].Apply(mesh(14, env.Local.MAC, env.Peer.MAC))
			s := meshSpans(h)
			if s[3] <= len(h) {
				a.Src, a.Dst = net.HardwareAddr(h[s[1]:s[2]]), net.HardwareAddr(h[s[2]:s[3]])
			}
		}
	}
	pages, _ := encode(ip, a, forced, 0)
	return cut(env, front, pages, func(most int) []piece { return second(encode(ip, a, forced, most)) }, ip)
}

func second(_ packet.Template, pieces []piece) []piece { return pieces }

// set are the conditions of the first layer again: they stand above what was added.
func set(t packet.Template) []packet.Cond {
	if len(t) == 0 {
		return nil
	}
	return t[0].Conds()
}

func sets[V any](t packet.Template, f packet.Field[V]) bool {
	_, ok := packet.Get(&t[0], f)
	return ok
}

// encode gives the pieces of an encoded packet, what goes as it is among them. Of most, unless it is 0, there are no more.
func encode(ip []byte, a Around, forced packet.Template, most int) (pages packet.Template, pieces []piece) {
	for len(forced) > 0 && forced[0].Proto() == PageProto {
		pages, forced = append(pages, forced[0]), forced[1:]
	}
	switch {
	case len(forced) > 0 && forced[0].Proto() == DispatchProto:
		return pages, []piece{{DispatchProto, forced[0].Apply([]byte{DispatchIPv6}), 0}, {nil, ip, len(ip)}}
	case len(forced) > 0 && forced[0].Proto() == HC1Proto:
		l := &forced[0]
		next := map[byte]byte{17: 1, 58: 2, 6: 3}[ip[6]]
		bits := pick(l, HC1Src, 0)<<6 | pick(l, HC1Dst, 0)<<4 | pick(l, HC1TF, 0)<<3 | pick(l, HC1Next, next)<<1 | pick(l, HC2, b2b(sets(forced, HCUDP)))
		h, covered := hc1Header(bits, pick(l, HCUDP, 0), ip)
		return pages, []piece{{HC1Proto, h, covered}, {nil, ip[covered:], len(ip) - covered}}
	}
	if most > 0 && len(forced) > most {
		forced = forced[:most]
	}
	pieces, covered := compress(ip, a, forced, most)
	return pages, append(pieces, piece{nil, ip[covered:], len(ip) - covered})
}

// template is the pieces as layers.
func template(pieces []piece) (t packet.Template) {
	for _, p := range pieces {
		if p.proto == nil {
			if len(p.octets) > 0 {
				t = t.Then(packet.Payload(p.octets))
			}
			continue
		}
		t = t.Then(p.proto.Layer(rawField[p.proto].Is(p.octets)))
	}
	return t
}

// cut makes one frame of the pieces, or fragments. encoded gives the pieces, with no more headers among them than most.
func cut(env packet.Env, front, pages packet.Template, encoded func(most int) []piece, ip []byte) []packet.Template {
	pieces := encoded(0)
	room := ieee802154.MaxOctets - len(front.Then(ieee802154.Check()).Build(env.Uncounted()))
	length := func(ps []piece) (n int) {
		n = len(pages)
		for _, p := range ps {
			n += len(p.octets)
		}
		return n
	}
	if length(pieces) <= room {
		return []packet.Template{front.Then(pages).Then(template(pieces))}
	}
	// A header that does not fit whole into the first fragment is not compressed (RFC 6282, section 2).
	head := pieces[:len(pieces)-1]
	for len(head) > 0 && length(head)+4 > room {
		if most := len(head) - 1; most > 0 {
			all := encoded(most)
			head = all[:min(most, len(all)-1)]
		} else {
			head = nil
		}
	}
	covered := 0
	for _, p := range head {
		covered += p.covered
	}
	n := covered + room - 4 - length(head)
	n -= n % 8
	if len(head) == 0 || n < covered || covered > len(ip) {
		head, covered = []piece{{DispatchProto, []byte{DispatchIPv6}, 0}}, 0
		n = (room - 5) &^ 7
	}
	size, tag := uint(len(ip)), uint(env.NextTag())
	first := append(append([]piece(nil), head...), piece{nil, ip[covered:n], n - covered})
	frames := []packet.Template{front.Then(pages, Frag1Proto.Layer(Frag1Size.Is(size), Frag1Tag.Is(tag)), template(first))}
	for at, most := n, (room-5)&^7; at < len(ip); at += most {
		frames = append(frames, front.Then(Later(size, tag, uint(at/8), ip[at:min(at+most, len(ip))]...)))
	}
	return frames
}

// Recode is the packet in f in another encoding, as a template has it: the frame that carries it so, or several. A frame
// without a packet is left as it is.
func Recode(f *packet.Frame, forced packet.Template) [][]byte {
	if ip := f.Packet(); ip != nil {
		return recode(f, ip, forced, nil)
	}
	return [][]byte{f.Bytes}
}

// rewrap puts another packet in the place of the one in f: behind the same headers, in the shortest form.
func rewrap(f *packet.Frame, ip []byte, conds []packet.Cond) [][]byte {
	if f.Has(RFragProto) { // it is complete with this fragment, but stands in all of them, which are acknowledged one by one
		return [][]byte{f.Bytes}
	}
	return recode(f, ip, nil, conds)
}

func recode(f *packet.Frame, ip []byte, forced packet.Template, conds []packet.Cond) [][]byte {
	a := aroundOf(f)
	var front packet.Template
	f.Layers(func(p *packet.Proto, _ int, header, _ []byte) {
		switch p {
		case ieee802154.Proto:
			front = front.Then(ieee802154.Header(ieee802154.Octets.Is(header)))
		case MeshProto, BC0Proto:
			front = front.Then(p.Layer(rawField[p].Is(header)))
		}
	})
	for _, c := range conds {
		for i := range front {
			if c.On(front[i].Proto()) {
				front = front.With(c)
			}
		}
	}
	seq, _ := ieee802154.Sequence.Of(f)
	env := packet.Env{Link: f.Link, Contexts: f.Contexts(), Security: f.Security(), Numbers: &packet.Numbers{Sequence: uint8(seq), Tag: uint16(partTag(f)) ^ 0x8000}}
	var frames [][]byte
	for i, t := range cut(env, front, nil, func(most int) []piece { return second(encode(ip, a, forced, most)) }, ip) {
		if i > 0 {
			t = t.With(ieee802154.Sequence.Is(uint(env.NextSequence())))
		}
		frames = append(frames, t.Build(env))
	}
	return frames
}

func partTag(f *packet.Frame) uint {
	if t, ok := Frag1Tag.Of(f); ok {
		return t
	}
	t, _ := FragNTag.Of(f)
	return t
}

// aroundOf is what stands around the encoded packet in f.
func aroundOf(f *packet.Frame) Around {
	a := Around{Contexts: f.Contexts()}
	a.Src, _ = ieee802154.Src.Of(f)
	a.Dst, _ = ieee802154.Dst.Of(f)
	if pan, ok := ieee802154.DstPAN.Of(f); ok {
		a.PAN = uint16(pan)
	}
	if from, ok := Originator.Of(f); ok {
		a.Src = from
		a.Dst, _ = Final.Of(f)
	}
	return a
}

// AroundOf is what stands around the encoded packet in f, for Expand.
func AroundOf(f *packet.Frame) Around { return aroundOf(f) }

// EncodedOf is the encoded packet in f, from its last dispatch on, or the part of it that is in a fragment; nil without.
func EncodedOf(f *packet.Frame) []byte {
	var body []byte
	f.Layers(func(p *packet.Proto, _ int, _, rest []byte) {
		switch p {
		case ieee802154.Proto, MeshProto, BC0Proto, PageProto, Frag1Proto, FragNProto, RFragProto:
			body = rest
		}
	})
	return bytes.Clone(body)
}

// read is the packet in a frame: packet.LinkLayer.Packet.
func read(r *packet.Reader, f *packet.Frame) ([]byte, error) {
	if kind, _ := ieee802154.Type.Of(f); kind != ieee802154.TypeData {
		return nil, nil
	}
	if on, _ := ieee802154.SecurityOn.Of(f); on == 1 && !f.Opened() {
		return nil, nil
	}
	if page, ok := Page.Of(f); ok && page > 1 {
		return nil, nil
	}
	body := EncodedOf(f)
	a := aroundOf(f)
	if f.Has(RFragAckProto) { // no packet, nor a part of one
		return nil, nil
	}
	if f.Has(Frag1Proto) || f.Has(FragNProto) || f.Has(RFragProto) {
		ip, err := reassemble(r, f, a, body)
		if err != nil {
			return nil, fmt.Errorf("fragment: %w", err)
		}
		return ip, nil
	}
	if len(body) == 0 {
		return nil, nil
	}
	switch d := body[0]; {
	case d == DispatchIPv6, d == DispatchHC1, d&0xe0 == DispatchIPHC:
	case d>>6 == 0: // not a LoWPAN frame
		return nil, nil
	default:
		return nil, fmt.Errorf("dispatch %#02x: %w", d, ErrReserved)
	}
	ip, err := Expand(body, a)
	if err == nil && len(ip) == 0 {
		err = errors.New("there is no packet behind the dispatch")
	}
	return ip, err
}
