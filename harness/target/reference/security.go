package reference

import (
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	mac "github.com/conform-stack/conform/stack/wire/ieee802154"
	link802154 "github.com/conform-stack/conform/stack/wire/link"
)

// firstCounter is the frame counter that the testers begin with: there is room for lower ones.
const firstCounter = 1000

// keys are those of a world that is secured, one for each way to name it that a node has.
func keys() []target.Key {
	return []target.Key{
		{Mode: 0, Secret: [16]byte([]byte("implicit key, 16"))},
		{Mode: 1, Index: 1, Secret: [16]byte([]byte("key of index one"))},
		{Mode: 1, Index: 2, Secret: [16]byte([]byte("key of index two"))},
	}
}

// security gives a link the security that a check wants, and says it in words of the node.
func (l *link) security(spec target.Spec, needs func(target.Feature) bool) (s ieee802154.Security) {
	if !needs(target.Secured) {
		return s
	}
	wanted := target.Security{Level: 5, KeyMode: 1, KeyIndex: 1}
	if spec.Security != nil {
		wanted = *spec.Security
	}
	wanted.Keys, wanted.Counter = keys(), firstCounter
	wanted.Stations = append([]target.Host{l.net.Target}, l.net.Testers...)
	l.net.Security = wanted
	s = ieee802154.Security{
		Level: mac.Level(wanted.Level), KeyMode: mac.KeyMode(wanted.KeyMode), Index: wanted.KeyIndex, Require: mac.Level(wanted.Demand),
	}
	for _, k := range wanted.Keys {
		s.Keys = append(s.Keys, ieee802154.Key{Mode: mac.KeyMode(k.Mode), Index: k.Index, Key: k.Secret})
	}
	return s
}

// knowAll tells the node the testers' short addresses, and the frame counter that it begins with.
func (l *link) knowAll(wanted *target.Security) {
	node := l.iface.IEEE802154
	for _, h := range l.net.Testers {
		extended, _ := link802154.AddrFrom(h.MAC)
		node.Know(uint16(h.ShortAddr[0])<<8|uint16(h.ShortAddr[1]), extended)
	}
	if wanted != nil {
		node.SetFrameCounter(wanted.Counter)
	}
}
