//go:build linux

package sockets

import (
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
	"SO_REUSEADDR": {unix.SOL_SOCKET, unix.SO_REUSEADDR, nil},
	"SO_REUSEPORT": {unix.SOL_SOCKET, unix.SO_REUSEPORT, nil},
	"SO_BROADCAST": {unix.SOL_SOCKET, unix.SO_BROADCAST, nil},
	"SO_DONTROUTE": {unix.SOL_SOCKET, unix.SO_DONTROUTE, nil},
	"SO_KEEPALIVE": {unix.SOL_SOCKET, unix.SO_KEEPALIVE, nil},
	"SO_OOBINLINE": {unix.SOL_SOCKET, unix.SO_OOBINLINE, nil},
	"SO_RCVBUF":    {unix.SOL_SOCKET, unix.SO_RCVBUF, nil},
	"SO_SNDBUF":    {unix.SOL_SOCKET, unix.SO_SNDBUF, nil},
	"SO_ERROR":     {unix.SOL_SOCKET, unix.SO_ERROR, nil},
	"SO_NO_CHECK":  {unix.SOL_SOCKET, unix.SO_NO_CHECK, nil}, // UDP without checksum
	"SO_LINGER":    {unix.SOL_SOCKET, unix.SO_LINGER, linger},

	"IP_TTL":                    {unix.IPPROTO_IP, unix.IP_TTL, nil},
	"IP_TOS":                    {unix.IPPROTO_IP, unix.IP_TOS, nil},
	"IP_HDRINCL":                {unix.IPPROTO_IP, unix.IP_HDRINCL, nil},
	"IP_MTU":                    {unix.IPPROTO_IP, unix.IP_MTU, nil},
	"IP_MTU_DISCOVER":           {unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, nil},
	"IP_RECVERR":                {unix.IPPROTO_IP, unix.IP_RECVERR, nil},
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

	"IPV6_V6ONLY":         {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, nil},
	"IPV6_UNICAST_HOPS":   {unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, nil},
	"IPV6_MULTICAST_HOPS": {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, nil},
	"IPV6_MULTICAST_LOOP": {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, nil},
	"IPV6_MULTICAST_IF":   {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, nil},
	"IPV6_TCLASS":         {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, nil},
	"IPV6_MTU":            {unix.IPPROTO_IPV6, unix.IPV6_MTU, nil},
	"IPV6_MTU_DISCOVER":   {unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, nil},
	"IPV6_RECVERR":        {unix.IPPROTO_IPV6, unix.IPV6_RECVERR, nil},
	"IPV6_JOIN_GROUP":     {unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, membership6},
	"IPV6_LEAVE_GROUP":    {unix.IPPROTO_IPV6, unix.IPV6_LEAVE_GROUP, membership6},

	"TCP_NODELAY":      {unix.IPPROTO_TCP, unix.TCP_NODELAY, nil},
	"TCP_CORK":         {unix.IPPROTO_TCP, unix.TCP_CORK, nil},
	"TCP_MAXSEG":       {unix.IPPROTO_TCP, unix.TCP_MAXSEG, nil},
	"TCP_QUICKACK":     {unix.IPPROTO_TCP, unix.TCP_QUICKACK, nil},
	"TCP_KEEPIDLE":     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, nil},
	"TCP_KEEPINTVL":    {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, nil},
	"TCP_KEEPCNT":      {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, nil},
	"TCP_USER_TIMEOUT": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, nil},
}

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
	o, ok := options[r.Option]
	if !ok || o.encode != nil {
		return fail(unix.ENOPROTOOPT)
	}
	var value int
	err := s.control(func(fd int) (err error) {
		value, err = unix.GetsockoptInt(fd, o.level, o.name)
		return err
	})
	return reply(agent.Reply{Value: value}, err)
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

// membership6 is struct ipv6_mreq; Value is the index of the interface, 0 for the system's choice.
func membership6(r agent.Request) ([]byte, error) {
	if !r.Group.Is6() {
		return nil, unix.EINVAL
	}
	group := r.Group.As16()
	return binary.NativeEndian.AppendUint32(group[:], uint32(r.Value)), nil
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
