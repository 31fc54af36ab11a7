//go:build linux

package sockets

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"unsafe"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

// An option is set from a request; options that are a plain int can also be read.
type option struct {
	level, name int
	encode      func(agent.Request) ([]byte, error) // nil for an int
}

// The options by the names of socket(7), ip(7), ipv6(7), tcp(7) and udp(7).
var options = map[string]option{
	"SO_REUSEADDR":  {unix.SOL_SOCKET, unix.SO_REUSEADDR, nil},
	"SO_REUSEPORT":  {unix.SOL_SOCKET, unix.SO_REUSEPORT, nil},
	"SO_BROADCAST":  {unix.SOL_SOCKET, unix.SO_BROADCAST, nil},
	"SO_DONTROUTE":  {unix.SOL_SOCKET, unix.SO_DONTROUTE, nil},
	"SO_KEEPALIVE":  {unix.SOL_SOCKET, unix.SO_KEEPALIVE, nil},
	"SO_OOBINLINE":  {unix.SOL_SOCKET, unix.SO_OOBINLINE, nil},
	"SO_RCVBUF":     {unix.SOL_SOCKET, unix.SO_RCVBUF, nil},
	"SO_SNDBUF":     {unix.SOL_SOCKET, unix.SO_SNDBUF, nil},
	"SO_ERROR":      {unix.SOL_SOCKET, unix.SO_ERROR, nil},
	"SO_NO_CHECK":   {unix.SOL_SOCKET, unix.SO_NO_CHECK, nil}, // UDP without checksum
	"SO_LINGER":     {unix.SOL_SOCKET, unix.SO_LINGER, linger},
	"SO_ACCEPTCONN": {unix.SOL_SOCKET, unix.SO_ACCEPTCONN, nil},
	"SO_PRIORITY":   {unix.SOL_SOCKET, unix.SO_PRIORITY, nil},
	"SO_RCVLOWAT":   {unix.SOL_SOCKET, unix.SO_RCVLOWAT, nil},
	"SO_TYPE":       {unix.SOL_SOCKET, unix.SO_TYPE, nil},

	"SO_TIMESTAMP":           {unix.SOL_SOCKET, unix.SO_TIMESTAMP, nil},
	"SO_TIMESTAMPNS":         {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, nil},
	"PACKET_ADD_MEMBERSHIP":  {unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, linkMembership},
	"PACKET_DROP_MEMBERSHIP": {unix.SOL_PACKET, unix.PACKET_DROP_MEMBERSHIP, linkMembership},
	"PACKET_IGNORE_OUTGOING": {unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, nil},

	"IP_TTL":                    {unix.IPPROTO_IP, unix.IP_TTL, nil},
	"IP_TOS":                    {unix.IPPROTO_IP, unix.IP_TOS, nil},
	"IP_HDRINCL":                {unix.IPPROTO_IP, unix.IP_HDRINCL, nil},
	"IP_PKTINFO":                {unix.IPPROTO_IP, unix.IP_PKTINFO, nil},
	"IP_MTU":                    {unix.IPPROTO_IP, unix.IP_MTU, nil},
	"IP_MTU_DISCOVER":           {unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, nil},
	"IP_RECVERR":                {unix.IPPROTO_IP, unix.IP_RECVERR, nil},
	"IP_RECVTTL":                {unix.IPPROTO_IP, unix.IP_RECVTTL, nil},
	"IP_RECVTOS":                {unix.IPPROTO_IP, unix.IP_RECVTOS, nil},
	"IP_ROUTER_ALERT":           {unix.IPPROTO_IP, unix.IP_ROUTER_ALERT, nil},
	"IP_MULTICAST_TTL":          {unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, nil},
	"IP_MULTICAST_LOOP":         {unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, nil},
	"IP_MULTICAST_ALL":          {unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, nil},
	"IP_MULTICAST_IF":           {unix.IPPROTO_IP, unix.IP_MULTICAST_IF, multicastInterface},
	"IP_OPTIONS":                {unix.IPPROTO_IP, unix.IP_OPTIONS, data},
	"IP_ADD_MEMBERSHIP":         {unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, membership},
	"IP_DROP_MEMBERSHIP":        {unix.IPPROTO_IP, unix.IP_DROP_MEMBERSHIP, membership},
	"IP_ADD_SOURCE_MEMBERSHIP":  {unix.IPPROTO_IP, unix.IP_ADD_SOURCE_MEMBERSHIP, source},
	"IP_DROP_SOURCE_MEMBERSHIP": {unix.IPPROTO_IP, unix.IP_DROP_SOURCE_MEMBERSHIP, source},
	"IP_BLOCK_SOURCE":           {unix.IPPROTO_IP, unix.IP_BLOCK_SOURCE, source},
	"IP_UNBLOCK_SOURCE":         {unix.IPPROTO_IP, unix.IP_UNBLOCK_SOURCE, source},
	"IP_MSFILTER":               {unix.IPPROTO_IP, unix.IP_MSFILTER, sourceFilter},

	"IPV6_RECVPKTINFO":      {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, nil},
	"IPV6_DONTFRAG":         {unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, nil},
	"IPV6_RECVHOPOPTS":      {unix.IPPROTO_IPV6, unix.IPV6_RECVHOPOPTS, nil},
	"IPV6_RECVDSTOPTS":      {unix.IPPROTO_IPV6, unix.IPV6_RECVDSTOPTS, nil},
	"IPV6_RECVRTHDR":        {unix.IPPROTO_IPV6, unix.IPV6_RECVRTHDR, nil},
	"IPV6_RECVPATHMTU":      {unix.IPPROTO_IPV6, unix.IPV6_RECVPATHMTU, nil},
	"IPV6_CHECKSUM":         {unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, nil},
	"IPV6_ADDR_PREFERENCES": {unix.IPPROTO_IPV6, 0x48, nil},
	"IPV6_V6ONLY":           {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, nil},
	"IPV6_UNICAST_HOPS":     {unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, nil},
	"IPV6_MULTICAST_HOPS":   {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, nil},
	"IPV6_MULTICAST_LOOP":   {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, nil},
	"IPV6_MULTICAST_IF":     {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, nil},
	"IPV6_RECVHOPLIMIT":     {unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, nil},
	"IPV6_RECVTCLASS":       {unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, nil},
	"IPV6_TCLASS":           {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, nil},
	"IPV6_MTU":              {unix.IPPROTO_IPV6, unix.IPV6_MTU, nil},
	"IPV6_MTU_DISCOVER":     {unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, nil},
	"IPV6_RECVERR":          {unix.IPPROTO_IPV6, unix.IPV6_RECVERR, nil},
	"IPV6_JOIN_GROUP":       {unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, membership6},

	"MCAST_JOIN_SOURCE_GROUP":  {unix.IPPROTO_IPV6, unix.MCAST_JOIN_SOURCE_GROUP, source6},
	"MCAST_LEAVE_SOURCE_GROUP": {unix.IPPROTO_IPV6, unix.MCAST_LEAVE_SOURCE_GROUP, source6},
	"MCAST_BLOCK_SOURCE":       {unix.IPPROTO_IPV6, unix.MCAST_BLOCK_SOURCE, source6},
	"MCAST_UNBLOCK_SOURCE":     {unix.IPPROTO_IPV6, unix.MCAST_UNBLOCK_SOURCE, source6},
	"MCAST_MSFILTER":           {unix.IPPROTO_IPV6, unix.MCAST_MSFILTER, sourceFilter6},
	"IPV6_LEAVE_GROUP":         {unix.IPPROTO_IPV6, unix.IPV6_LEAVE_GROUP, membership6},

	"TCP_NODELAY":      {unix.IPPROTO_TCP, unix.TCP_NODELAY, nil},
	"TCP_CORK":         {unix.IPPROTO_TCP, unix.TCP_CORK, nil},
	"TCP_MAXSEG":       {unix.IPPROTO_TCP, unix.TCP_MAXSEG, nil},
	"TCP_QUICKACK":     {unix.IPPROTO_TCP, unix.TCP_QUICKACK, nil},
	"TCP_KEEPIDLE":     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, nil},
	"TCP_KEEPINTVL":    {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, nil},
	"TCP_KEEPCNT":      {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, nil},
	"TCP_USER_TIMEOUT": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, nil},

	"TCP_CONGESTION":       {unix.IPPROTO_TCP, unix.TCP_CONGESTION, data},
	"TCP_DEFER_ACCEPT":     {unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, nil},
	"TCP_FASTOPEN":         {unix.IPPROTO_TCP, unix.TCP_FASTOPEN, nil},
	"TCP_FASTOPEN_CONNECT": {unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, nil},
	"TCP_LINGER2":          {unix.IPPROTO_TCP, unix.TCP_LINGER2, nil},
	"TCP_NOTSENT_LOWAT":    {unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, nil},
	"TCP_SYNCNT":           {unix.IPPROTO_TCP, unix.TCP_SYNCNT, nil},
	"TCP_WINDOW_CLAMP":     {unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, nil},
}

// questions are what is asked of a socket by ioctl(2) and answered with a number: sockatmark(3), octets unread, octets not
// yet acknowledged.
var questions = map[string]uint{"SIOCATMARK": 0x8905, "SIOCINQ": unix.SIOCINQ, "SIOCOUTQ": unix.SIOCOUTQ}

func (s *socket) setOption(r agent.Request) agent.Reply {
	o, ok := options[r.Option]
	if !ok {
		return fail(unix.ENOPROTOOPT)
	}
	return fail(s.control(func(fd int) error {
		if o.encode == nil {
			return unix.SetsockoptInt(fd, o.level, o.name, r.Value)
		}
		value, err := o.encode(r)
		if err != nil {
			return err
		}
		return unix.SetsockoptString(fd, o.level, o.name, string(value))
	}))
}

func (s *socket) getOption(r agent.Request) agent.Reply {
	o, known := options[r.Option]
	question, asked := questions[r.Option]
	var got agent.Reply
	err := s.control(func(fd int) (err error) {
		switch {
		case asked:
			got.Value, err = unix.IoctlGetInt(fd, question)
		case r.Option == "SO_LINGER":
			var l *unix.Linger
			if l, err = unix.GetsockoptLinger(fd, o.level, o.name); err == nil {
				got.Value = int(l.Linger)
				if l.Onoff == 0 {
					got.Value = agent.NoLinger
				}
			}
		case known && o.encode == nil:
			got.Value, err = unix.GetsockoptInt(fd, o.level, o.name)
		case r.Option == "TCP_CONGESTION":
			var v string
			v, err = unix.GetsockoptString(fd, o.level, o.name)
			got.Data = []byte(v)
		default:
			err = unix.ENOPROTOOPT
		}
		return err
	})
	return reply(got, err)
}

func data(r agent.Request) ([]byte, error) { return r.Data, nil }

// linger is struct linger: Value is l_linger in seconds, negative for off.
func linger(r agent.Request) ([]byte, error) {
	l := unix.Linger{Onoff: 1, Linger: int32(r.Value)}
	if r.Value < 0 {
		l = unix.Linger{}
	}
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&l)), unix.SizeofLinger)...), nil
}

// multicastInterface is struct in_addr: the interface's address stands in Local, none for the system's choice.
func multicastInterface(r agent.Request) ([]byte, error) { return in4(nil, r.Local.Addr()) }

// membership is struct ip_mreq; the interface's address stands in Local, none for the system's choice.
func membership(r agent.Request) ([]byte, error) {
	b, err := group4(nil, r.Group)
	if err != nil {
		return nil, err
	}
	return in4(b, r.Local.Addr())
}

// source is struct ip_mreq_source, which on Linux has the interface in the middle.
func source(r agent.Request) ([]byte, error) {
	if len(r.Sources) != 1 {
		return nil, unix.EINVAL
	}
	b, err := membership(r)
	if err != nil {
		return nil, err
	}
	return group4(b, r.Sources[0])
}

// sourceFilter is struct ip_msfilter: Value is the filter mode, MCAST_EXCLUDE (0) or MCAST_INCLUDE (1).
func sourceFilter(r agent.Request) ([]byte, error) {
	b, err := membership(r)
	if err != nil {
		return nil, err
	}
	b = binary.NativeEndian.AppendUint32(b, uint32(r.Value))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(r.Sources)))
	for _, s := range r.Sources {
		if b, err = group4(b, s); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// membership6 is struct ipv6_mreq; Iface, or Value, is the index of the interface, 0 for the system's choice.
func membership6(r agent.Request) ([]byte, error) {
	if !r.Group.Is6() {
		return nil, unix.EINVAL
	}
	group := r.Group.As16()
	return binary.NativeEndian.AppendUint32(group[:], uint32(cmp.Or(r.Iface, r.Value))), nil
}

// sockaddr6 appends a struct sockaddr_storage with an address.
func sockaddr6(b []byte, a netip.Addr) ([]byte, error) {
	if !a.Is6() {
		return nil, unix.EINVAL
	}
	s := make([]byte, sizeofStorage)
	binary.NativeEndian.PutUint16(s, unix.AF_INET6)
	copy(s[8:], a.AsSlice()) // behind family, port and flow label
	return append(b, s...), nil
}

// sizeofStorage is that of struct sockaddr_storage.
const sizeofStorage = 128

// group6 is the beginning that the structs of RFC 3678, section 5, have in common: the index of the interface, filled up to
// the alignment of a pointer, and the group.
func group6(r agent.Request) ([]byte, error) {
	b := make([]byte, unsafe.Alignof(uintptr(0)))
	binary.NativeEndian.PutUint32(b, uint32(r.Iface))
	return sockaddr6(b, r.Group)
}

// source6 is struct group_source_req.
func source6(r agent.Request) ([]byte, error) {
	if len(r.Sources) != 1 {
		return nil, unix.EINVAL
	}
	b, err := group6(r)
	if err != nil {
		return nil, err
	}
	return sockaddr6(b, r.Sources[0])
}

// sourceFilter6 is struct group_filter; Value as for sourceFilter.
func sourceFilter6(r agent.Request) ([]byte, error) {
	b, err := group6(r)
	if err != nil {
		return nil, err
	}
	b = binary.NativeEndian.AppendUint32(b, uint32(r.Value))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(r.Sources)))
	for _, s := range r.Sources {
		if b, err = sockaddr6(b, s); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// in4 appends an address that may be absent, group4 one that may not.
func in4(b []byte, a netip.Addr) ([]byte, error) {
	if !a.IsValid() {
		return append(b, 0, 0, 0, 0), nil
	}
	return group4(b, a)
}

func group4(b []byte, a netip.Addr) ([]byte, error) {
	if !a.Is4() {
		return nil, unix.EINVAL
	}
	four := a.As4()
	return append(b, four[:]...), nil
}
