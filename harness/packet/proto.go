package packet

import (
	"net"

	"github.com/google/gopacket"

	"github.com/conform-stack/conform/harness/target"
)

// A Proto is the table of one protocol: its fields and what follows from them.
type Proto struct {
	name   string
	layer  gopacket.LayerType
	octets int // in the smallest header
	fields []*spec
	Rules
}

// Rules are what a protocol knows beyond its fields. Each may be nil.
type Rules struct {
	// Defaults gives the fields that a template leaves out. inner is the layer inside this one, nil for none.
	Defaults func(env Env, inner *Layer) []Cond
	// Below is the protocol that usually carries this one, when the template does not say.
	Below func(env Env) *Proto
	// LinkDst is the link address that a packet of this layer goes to, if not the peer's.
	LinkDst func(env Env, l *Layer) net.HardwareAddr
	// Carrier gives fields of the network header outside that a packet of this layer has by default, such as a hop limit
	// of 255. The network protocol asks for it with Layer.Carrier.
	Carrier func(env Env, l *Layer) []Cond
	// EtherType and IPProtocol are the numbers that the layer outside names this protocol by; 0 for none.
	EtherType, IPProtocol uint
	// PseudoHeader is what the checksums of the transport protocols cover of this header.
	PseudoHeader func(hdr []byte, protocol uint, length int) []byte
	// Reroutes is the address, in octets, that the pseudo-header has instead of the destination when this layer, between
	// the network header and the transport protocol, is there: a routing header's last one. Nil for the destination.
	Reroutes func(hdr []byte) []byte
	// Fix sets lengths and checksums in s.Header, but for the fields that are explicit. It runs innermost layer first.
	Fix func(s *Sealing)
	// Rank orders layers that a template gets one by one, with conditions: lower ones stand outside. 0 is outside of all.
	Rank int
	// Trails says that the layer stands behind all others, such as a check sequence: it is inside none.
	Trails bool
	// Summary is one line on the layer, like tcpdump's.
	Summary func(hdr, payload []byte) string
}

// LinkDst is the link address that the layer, or the first one inside it that cares, wants its frame to go to; nil for
// the peer's.
func (l *Layer) LinkDst(env Env) net.HardwareAddr {
	for ; l != nil; l = l.inner {
		if l.proto.Rules.LinkDst == nil {
			continue
		}
		if to := l.proto.Rules.LinkDst(env, l); to != nil {
			return to
		}
	}
	return nil
}

// Carrier gives what the layer, or the first one inside it that cares, wants of the network header outside by default.
func (l *Layer) Carrier(env Env) []Cond {
	for ; l != nil; l = l.inner {
		if l.proto.Rules.Carrier != nil {
			return l.proto.Rules.Carrier(env, l)
		}
	}
	return nil
}

// Proto is the layer's protocol, Inner the layer inside it while a frame is built, nil for none.
func (l *Layer) Proto() *Proto { return l.proto }

// Inner is the layer inside, nil for none.
func (l *Layer) Inner() *Layer { return l.inner }

// EtherType is the number that Ethernet names the layer's protocol by.
func (l *Layer) EtherType() (uint, bool) { return l.proto.EtherType, l.proto.EtherType != 0 }

// IPProtocol is the number that IP names the layer's protocol by.
func (l *Layer) IPProtocol() (uint, bool) { return l.proto.IPProtocol, l.proto.IPProtocol != 0 }

// Env is who speaks to whom, when a template is built.
type Env struct {
	Local, Peer target.Host
	Network     *Proto   // carries transport protocols when the template does not say which
	Tags        Template // stand behind the link header, unless the template has its own: those of a VLAN

	Link     target.LinkType // of the frames; 0 is Ethernet
	PAN      uint16          // of both sides, on IEEE 802.15.4
	Contexts target.Contexts // by which addresses are compressed on a 6LoWPAN
	Security target.Security // of frames of IEEE 802.15.4
	Numbers  *Numbers        // what the sender counts; nil counts nothing
}

// Numbers are what a sender of frames counts, where its link wants that.
type Numbers struct {
	Sequence uint8  // of the next frame of IEEE 802.15.4
	Tag      uint16 // of the next packet in fragments (RFC 4944, section 5.3)
	Counter  uint32 // of the next frame of IEEE 802.15.4 that is secured
}

// Of is who speaks on the link of a world: the first tester to the target. Network protocol and tags are left out.
func Of(n target.Net) Env {
	return Env{Local: n.Testers[0], Peer: n.Target, Link: n.Link, PAN: n.PAN, Contexts: n.Contexts, Security: n.Security}
}

// Uncounted is env for what is built and not sent.
func (env Env) Uncounted() Env { env.Numbers = nil; return env }

// NextSequence counts a frame.
func (env Env) NextSequence() uint8 {
	if env.Numbers == nil {
		return 0
	}
	env.Numbers.Sequence++
	return env.Numbers.Sequence
}

// NextCounter counts a frame that is secured.
func (env Env) NextCounter() uint32 {
	if env.Numbers == nil {
		return 0
	}
	env.Numbers.Counter++
	return env.Numbers.Counter - 1
}

// NextTag counts a packet in fragments.
func (env Env) NextTag() uint16 {
	if env.Numbers == nil {
		return 0
	}
	env.Numbers.Tag++
	return env.Numbers.Tag
}

// Define makes the table of a protocol, whose fields are added by Uint, IP and the like. octets is the length of its
// smallest header; layer is what gopacket calls it. The package's init sets the Rules, which refer to the fields.
func Define(name string, layer gopacket.LayerType, octets int) *Proto {
	p := &Proto{name: name, layer: layer, octets: octets}
	protos[layer] = p
	return p
}

// protos finds the table of a layer that gopacket has dissected. It is written only while packages initialise.
var protos = map[gopacket.LayerType]*Proto{}

// Name is the protocol's name.
func (p *Proto) Name() string { return p.name }

func (p *Proto) add(s *spec, opts []FieldOption) *spec {
	for _, o := range opts {
		o(s)
	}
	p.fields = append(p.fields, s)
	return s
}

// Layer makes a template of one layer of p.
func (p *Proto) Layer(conds ...Cond) Template {
	for _, c := range conds {
		if c.field.proto != p {
			panic("packet: " + c.field.name + " is a field of " + c.field.proto.name + ", not of " + p.name)
		}
	}
	return Template{{proto: p, conds: conds}}
}

// Split gives the conditions on fields of p, and the others.
func Split(p *Proto, conds []Cond) (on, others []Cond) {
	for _, c := range conds {
		if c.On(p) {
			on = append(on, c)
		} else {
			others = append(others, c)
		}
	}
	return on, others
}
