package stack

import (
	"errors"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/mgmt"
	"github.com/conform-stack/conform/stack/wire/link"
)

// handleIEEE802154 says who answers requests about interfaces of IEEE 802.15.4.
func (n *Node) handleIEEE802154() {
	h := n.Mgmt.Handle
	set := func(c event.Code, f func(*ieee802154.Link) error) {
		h(c, onMAC(n, func(l *ieee802154.Link, _ any) error { return f(l) }))
	}
	set(mgmt.SetAck, func(l *ieee802154.Link) error { l.SetAckRequest(true); return nil })
	set(mgmt.UnsetAck, func(l *ieee802154.Link) error { l.SetAckRequest(false); return nil })
	set(mgmt.CancelScan, func(l *ieee802154.Link) error {
		if !l.CancelScan() {
			return errno.ENOENT
		}
		return nil
	})
	set(mgmt.Disassociate, (*ieee802154.Link).Disassociate)
	scan := func(active bool) func(*ieee802154.Link, ieee802154.Scan) error {
		return func(l *ieee802154.Link, s ieee802154.Scan) error {
			s.Active = active
			return l.Scan(s)
		}
	}
	h(mgmt.PassiveScan, onMAC(n, scan(false)))
	h(mgmt.ActiveScan, onMAC(n, scan(true)))
	h(mgmt.Associate, onMAC(n, (*ieee802154.Link).Associate))
	h(mgmt.StartCoordinator, onMAC(n, (*ieee802154.Link).Start))
	h(mgmt.SetChannel, onMAC(n, unassociated((*ieee802154.Link).SetChannel)))
	h(mgmt.GetChannel, onMAC(n, read((*ieee802154.Link).Channel)))
	h(mgmt.SetPANID, onMAC(n, unassociated((*ieee802154.Link).SetPAN)))
	h(mgmt.GetPANID, onMAC(n, read((*ieee802154.Link).PAN)))
	h(mgmt.SetShortAddr, onMAC(n, unassociated((*ieee802154.Link).SetShort)))
	h(mgmt.GetShortAddr, onMAC(n, read((*ieee802154.Link).Short)))
	h(mgmt.GetExtAddr, onMAC(n, read((*ieee802154.Link).Extended)))
	h(mgmt.SetExtAddr, func(about *iface.Iface, data any) error {
		if about != nil && about.State().Admin {
			return errno.EACCES
		}
		return onMAC(n, unassociated((*ieee802154.Link).SetExtended))(about, data)
	})
	h(mgmt.GetTxPower, onMAC(n, read((*ieee802154.Link).Power)))
	h(mgmt.SetTxPower, onMAC(n, (*ieee802154.Link).SetPower))
	h(mgmt.SetSecuritySettings, onMAC(n, func(l *ieee802154.Link, s ieee802154.Security) error {
		if !n.Config.IEEE802154.Security.On() {
			return errno.EOPNOTSUPP
		}
		return l.SetSecurity(s)
	}))
	h(mgmt.GetSecuritySettings, onMAC(n, read((*ieee802154.Link).Security)))
}

// onMAC makes a handler of a function that takes the MAC of an interface and data of one type; any is data that is not
// looked at.
func onMAC[T any](n *Node, f func(*ieee802154.Link, T) error) mgmt.Handler {
	return func(about *iface.Iface, data any) error {
		i, err := n.one(about)
		if err != nil {
			return err
		}
		l, ok := i.Iface.Link().(*ieee802154.Link)
		if !ok {
			return errno.EOPNOTSUPP
		}
		d, ok := data.(T)
		if _, none := any(&d).(*any); !ok && !none {
			return errno.EINVAL
		}
		return macErrno(f(l, d))
	}
}

// read answers a request for an attribute.
func read[T any](f func(*ieee802154.Link) T) func(*ieee802154.Link, *T) error {
	return func(l *ieee802154.Link, to *T) error {
		if to == nil {
			return errno.EINVAL
		}
		*to = f(l)
		return nil
	}
}

// unassociated refuses to change what an association rests on, as Zephyr does.
func unassociated[T any](f func(*ieee802154.Link, T) error) func(*ieee802154.Link, T) error {
	return func(l *ieee802154.Link, v T) error {
		if l.Parent() != (link.Addr{}) {
			return errno.EBUSY
		}
		return f(l, v)
	}
}

// macErrno is the error of a request as a number. What the radio refuses is an invalid argument.
func macErrno(err error) error {
	var n errno.Errno
	switch {
	case err == nil || errors.As(err, &n):
		return err
	case errors.Is(err, ieee802154.ErrBusy):
		return errno.EBUSY
	case errors.Is(err, ieee802154.ErrDown):
		return errno.ENETDOWN
	case errors.Is(err, ieee802154.ErrNoPAN):
		return errno.ENOTCONN
	}
	return errno.EINVAL
}
