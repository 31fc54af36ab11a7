package stack

import (
	"fmt"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip/ipv6/register"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/random"
)

var _ ieee802154.Cutter = (*lowpan.Adapter)(nil)

// AddIEEE802154 adds an interface on a radio, which the node closes: IEEE 802.15.4 with 6LoWPAN above it. It is up at once
// and has IPv6, with a link-local address of the extended address, and one of the short address if there is one; if the
// configuration says so, addresses are registered with routers (RFC 6775), else neighbours are found as on any link (RFC
// 4861), groups being everybody. c says who the station is; what it leaves open of the MAC the node's configuration says.
func (n *Node) AddIEEE802154(r ieee802154.Radio, c ieee802154.Config) (*Interface, error) {
	switch {
	case c.Extended.Len() != 8:
		return nil, fmt.Errorf("stack: %v is no extended address: %w", c.Extended, errno.EINVAL)
	case !n.Config.Have.IEEE802154.On():
		return nil, fmt.Errorf("stack: the configuration leaves IEEE 802.15.4 out: %w", errno.EOPNOTSUPP)
	}
	name := fmt.Sprintf("wpan%d", n.radios)
	n.radios++
	n.fillIn(&c, name)
	mac := ieee802154.NewMAC(n.Loop, r, c)
	i := n.newInterface(name, mac)
	l := ieee802154.New(i.Iface, mac)
	l.SetSink(n.Mgmt)
	i.IEEE802154 = l
	if n.Config.Lowpan.Enabled.On() {
		i.Lowpan = lowpan.New(n.Config.Lowpan, lowpan.Env{
			Loop: n.Loop, Rx: n.rx, Tx: n.tx, Stats: i.Stats,
			Random: random.New(n.Config.Seed, "lowpan."+name), Headroom: l.HeaderRoom(),
		}, l)
		l.Use(i.Lowpan)
	}
	i.SetUp(true)
	if n.IPv6 == nil || i.Lowpan == nil {
		return i, nil
	}
	if n.register != nil {
		if err := n.RegisterAddresses(i); err != nil {
			return nil, err
		}
	}
	return i, n.EnableIPv6(i)
}

// fillIn is what the node's configuration says of a MAC.
func (n *Node) fillIn(c *ieee802154.Config, name string) {
	m := &n.Config.IEEE802154
	c.NoAckReply = c.NoAckReply || !m.AckReply.On()
	orElse(&c.MinBE, m.MinBE)
	orElse(&c.MaxBE, m.MaxBE)
	orElse(&c.MaxBackoffs, m.MaxBackoffs)
	orElse(&c.MaxRetries, m.Retries)
	orElse(&c.Senders, m.Repeats)
	if n.Config.EffectiveTx() == 0 { // no queue of the interface holds the fragments of a packet
		orElse(&c.Queue, mostFragments)
	}
	if m.Access == config.Aloha {
		c.Aloha = true
	}
	if !m.Security.On() {
		c.Security = ieee802154.Security{}
	}
	if c.Random == nil {
		c.Random = random.New(n.Config.Seed, "ieee802154."+name+"."+c.Extended.String())
	}
}

// mostFragments is how many fragments a packet of 1280 octets takes, with the longest addresses and protected by a code.
const mostFragments = 20

func orElse(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}

// contexts are those of header compression on an interface; nil where there is none.
func (i *Interface) contexts() register.Contexts {
	if i.Lowpan == nil {
		return nil
	}
	return i.Lowpan
}
