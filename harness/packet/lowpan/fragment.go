package lowpan

import (
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
)

// A Piece is a fragment as it stands in a frame (RFC 4944, section 5.3). Offsets and lengths are those in the packet before
// compression, in octets.
type Piece struct {
	Frame     *packet.Frame
	First     bool
	Size, Tag uint
	From, To  int
}

// PieceOf reads the fragment in a frame; ok is false for one without, and where the headers in it have no meaning.
func PieceOf(f *packet.Frame) (p Piece, ok bool) {
	p.Frame = f
	if p.Size, p.First = Frag1Size.Of(f); p.First {
		p.Tag, _ = Frag1Tag.Of(f)
		a := aroundOf(f)
		a.Size = int(p.Size)
		x, err := expand(EncodedOf(f), a)
		if err != nil {
			return p, false
		}
		p.To = len(x.out)
		return p, true
	}
	if p.Size, ok = FragNSize.Of(f); !ok {
		return p, false
	}
	p.Tag, _ = FragNTag.Of(f)
	at, _ := Offset.Of(f)
	p.From = 8 * int(at)
	p.To = p.From + len(EncodedOf(f))
	return p, true
}

// Halve is a later fragment as two of them; one that is too short for that stays.
func Halve(f *packet.Frame) [][]byte {
	p, ok := PieceOf(f)
	cut := (p.To - p.From) / 2 &^ 7
	if !ok || p.First || cut == 0 {
		return [][]byte{f.Bytes}
	}
	var front packet.Template
	f.Layers(func(proto *packet.Proto, _ int, header, _ []byte) {
		switch proto {
		case ieee802154.Proto:
			front = front.Then(ieee802154.Header(ieee802154.Octets.Is(header)))
		case MeshProto, BC0Proto:
			front = front.Then(proto.Layer(rawField[proto].Is(header)))
		}
	})
	data, env := EncodedOf(f), packet.Env{Link: f.Link, Security: f.Security()}
	seq, _ := ieee802154.Sequence.Of(f)
	return [][]byte{
		front.Then(Later(p.Size, p.Tag, uint(p.From/8), data[:cut]...)).Build(env),
		front.With(ieee802154.Sequence.Is(seq ^ 0x80)).Then(Later(p.Size, p.Tag, uint((p.From+cut)/8), data[cut:]...)).Build(env),
	}
}
