package socket

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
)

// endpoint is what a kind of socket is made of. Addresses are as the user of the socket writes them.
type endpoint interface {
	bind(netip.AddrPort) error
	connect(netip.AddrPort) error // the invalid AddrPort undoes it
	send(b []byte, o *outgoing) (int, error)
	recv(b []byte, f Flags, m *Message) error // m is the zero Message before
	shutdown(How) error
	local() netip.AddrPort
	peer() netip.AddrPort // invalid when there is none
	takeError() error
	events() Event
	readable() bool
	pending() int // octets that recv would give, of a datagram socket those of the next datagram
	onReady(func())
	close()
}

// listener is an endpoint that takes connections.
type listener interface {
	listen(backlog int) error
	accept(y *System) (*Socket, error)
}

// mailbox is what endpoints have in common that get whole messages.
type mailbox struct {
	inbox                *inbox.Inbox
	readClosed, shutDown bool          // by Shutdown: for reading, for writing
	record               inbox.Failure // read last
}

func (m *mailbox) recv(b []byte, f Flags, msg *Message) error {
	switch {
	case f&ErrQueue != 0:
		return m.recvRecord(b, msg)
	case f&OOB != 0:
		return errno.EOPNOTSUPP
	}
	if err := m.takeError(); err != nil {
		return err
	}
	r := m.inbox.First()
	if r == nil {
		if m.readClosed {
			return nil
		}
		return errno.EAGAIN
	}
	msg.From, msg.To, msg.In, msg.TTL, msg.TOS = r.From, r.To, r.In, r.TTL, r.TOS
	msg.At, msg.Len = r.Packet.Arrived, r.Packet.Len()
	if r.Link != (inbox.Link{}) {
		msg.Link = LinkAddr{Protocol: r.Link.Protocol, Kind: r.Link.Kind, Addr: r.Link.Source, Index: r.In.Index}
	}
	msg.N = copy(b, r.Packet.Bytes())
	msg.Truncated = msg.N < msg.Len
	if r.Options != nil {
		msg.Options = append([]byte(nil), r.Options...)
	}
	if f&Peek == 0 {
		m.inbox.Read()
	}
	return nil
}

// recvRecord gives a record of a failure: what was sent, to whom, and in the ancillary data what became of it.
func (m *mailbox) recvRecord(b []byte, msg *Message) error {
	r, ok := m.inbox.Record()
	if !ok {
		return errno.EAGAIN
	}
	m.record = r
	msg.Flags, msg.From, msg.Len, msg.N = ErrQueue, r.Peer, len(r.Data), copy(b, r.Data)
	msg.Truncated = msg.N < msg.Len
	return nil
}

func (m *mailbox) lastRecord() inbox.Failure { return m.record }

func (m *mailbox) takeError() error {
	if !m.inbox.Failed() {
		return nil
	}
	f, _ := m.inbox.Failure()
	return f.Err
}

func (m *mailbox) readable() bool { return m.inbox.Waiting() > 0 || m.inbox.Failed() || m.readClosed }

func (m *mailbox) events() Event {
	e := Writing
	if m.inbox.Waiting() > 0 {
		e |= In
	}
	if m.inbox.Failed() || m.inbox.Recorded() {
		e |= Err
	}
	if m.readClosed {
		e |= In | PeerClosed
		if m.shutDown {
			e |= HangUp
		}
	}
	return e
}

func (m *mailbox) pending() int {
	if r := m.inbox.First(); r != nil {
		return r.Packet.Len()
	}
	return 0
}

func (m *mailbox) onReady(f func()) { m.inbox.Ready = f }

// shut closes a half or both.
func (m *mailbox) shut(h How) error {
	if h > Both {
		return errno.EINVAL
	}
	m.readClosed = m.readClosed || h != Write
	m.shutDown = m.shutDown || h != Read
	if m.inbox.Ready != nil {
		m.inbox.Ready()
	}
	return nil
}
