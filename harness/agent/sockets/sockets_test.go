//go:build linux

package sockets

import (
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// A kit is an agent on the loopback interface of the namespace that the test runs in.
type kit struct {
	*testing.T
	agent *Agent
	ended chan *agent.Op
	early map[*agent.Op]bool // that ended before somebody waited for them
}

func newKit(t *testing.T) *kit {
	k := &kit{T: t, ended: make(chan *agent.Op, 100), early: map[*agent.Op]bool{}}
	k.agent = New(func(f func()) { f() }, func(op *agent.Op) { k.ended <- op })
	t.Cleanup(k.agent.CloseAll)
	return k
}

// call starts a call that the kernel answers without waiting for anybody.
func (k *kit) call(r agent.Request) agent.Reply {
	k.Helper()
	return k.end(k.agent.Start(r))
}

// must is call without an error.
func (k *kit) must(r agent.Request) agent.Reply {
	k.Helper()
	reply := k.call(r)
	if reply.Errno != "" {
		k.Fatalf("%s %s: %s", r.Do, r.Option, reply.Errno)
	}
	return reply
}

// pend starts a call that must still be pending when Start returns.
func (k *kit) pend(r agent.Request) *agent.Op {
	k.Helper()
	op := k.agent.Start(r)
	if reply, done := op.Done(); done {
		k.Fatalf("%s has ended with %+v, want it pending", r.Do, reply)
	}
	return op
}

// next waits for the next notification.
func (k *kit) next() *agent.Op {
	k.Helper()
	select {
	case op := <-k.ended:
		return op
	case <-time.After(5 * time.Second):
		k.Fatal("no operation has ended within 5 s")
		return nil
	}
}

// end waits for the end of op. Others may end before: a receive on one socket by a send on another, in either order.
func (k *kit) end(op *agent.Op) agent.Reply {
	k.Helper()
	for !k.early[op] {
		k.early[k.next()] = true
	}
	delete(k.early, op)
	reply, _ := op.Done()
	return reply
}

// udp is a datagram socket bound to the loopback address.
func (k *kit) udp() (socket int, local netip.AddrPort) {
	k.Helper()
	socket = k.must(agent.Request{Do: agent.Open, Family: "inet", Type: "dgram"}).Socket
	local = k.must(agent.Request{Do: agent.Bind, Socket: socket, Local: netip.AddrPortFrom(loopback, 0)}).Local
	if local.Addr() != loopback || local.Port() == 0 {
		k.Fatalf("bind to port 0 gave %s, want the loopback address and a port", local)
	}
	return socket, local
}

func TestDatagramsCarryBothAddresses(t *testing.T) {
	k := newKit(t)
	a, from := k.udp()
	b, to := k.udp()
	waiting := k.pend(agent.Request{Do: agent.Recv, Socket: b})
	k.agent.Start(agent.Request{Do: agent.Send, Socket: a, Data: []byte("one"), Remote: to})
	for range 2 { // the send and the recv, in either order
		k.next()
	}
	r, done := waiting.Done()
	if !done || string(r.Data) != "one" || r.Remote != from || r.Local != to {
		t.Errorf("recv = %+v, done %v\nwant data %q from %s to %s", r, done, "one", from, to)
	}
	if n := k.must(agent.Request{Do: agent.Send, Socket: a, Remote: to}).Value; n != 0 {
		t.Errorf("send of an empty datagram = %d octets", n)
	}
	if r := k.must(agent.Request{Do: agent.Recv, Socket: b}); len(r.Data) != 0 || r.Remote != from {
		t.Errorf("recv of an empty datagram = %+v, want no data from %s", r, from)
	}
	k.must(agent.Request{Do: agent.Send, Socket: a, Data: []byte("long"), Remote: to})
	if r := k.must(agent.Request{Do: agent.Recv, Socket: b, Max: 2}); string(r.Data) != "lo" {
		t.Errorf("recv of at most 2 octets = %q", r.Data)
	}
}

// Two recv on one socket end in the order of their start.
func TestPendingCallsKeepTheirOrder(t *testing.T) {
	k := newKit(t)
	a, _ := k.udp()
	b, to := k.udp()
	first := k.pend(agent.Request{Do: agent.Recv, Socket: b})
	second := k.pend(agent.Request{Do: agent.Recv, Socket: b})
	for _, data := range []string{"1", "2"} {
		k.agent.Start(agent.Request{Do: agent.Send, Socket: a, Data: []byte(data), Remote: to})
	}
	for range 4 {
		k.next()
	}
	one, _ := first.Done()
	two, _ := second.Done()
	if string(one.Data) != "1" || string(two.Data) != "2" {
		t.Errorf("first recv %q, second %q", one.Data, two.Data)
	}
}

func TestPortUnreachableEndsTheNextCall(t *testing.T) { // RFC 1122, 4.1.3.3
	k := newKit(t)
	a, _ := k.udp()
	b, closed := k.udp()
	k.must(agent.Request{Do: agent.Close, Socket: b})
	k.must(agent.Request{Do: agent.Dial, Socket: a, Remote: closed})
	k.must(agent.Request{Do: agent.Send, Socket: a, Data: []byte("x")})
	if got := k.call(agent.Request{Do: agent.Recv, Socket: a}).Errno; got != "ECONNREFUSED" {
		t.Errorf("recv after port unreachable: %q, want ECONNREFUSED", got)
	}
}

func TestStream(t *testing.T) {
	k := newKit(t)
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener)
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	server := localOf(listener)

	refused := k.must(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	dial := agent.Request{Do: agent.Dial, Socket: refused, Remote: server} // bound, but nobody listens
	if got := k.call(dial).Errno; got != "ECONNREFUSED" {
		t.Errorf("dial without listener: %q, want ECONNREFUSED", got)
	}

	if err := unix.Listen(listener, 1); err != nil {
		t.Fatal(err)
	}
	client := k.must(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	if r := k.call(agent.Request{Do: agent.Dial, Socket: client, Remote: server}); r.Errno != "" || r.Local.Addr() != loopback || r.Local.Port() == 0 {
		t.Fatalf("dial = %+v", r)
	}
	peer, _, err := unix.Accept(listener)
	if err != nil {
		t.Fatal(err)
	}
	recv := k.pend(agent.Request{Do: agent.Recv, Socket: client})
	if _, err := unix.Write(peer, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if r := k.end(recv); string(r.Data) != "hello" {
		t.Errorf("recv = %+v", r)
	}

	big := make([]byte, 16<<20) // more than both buffers hold: the send stays pending until the peer reads
	send := k.pend(agent.Request{Do: agent.Send, Socket: client, Data: big})
	buf := make([]byte, 1<<20)
	for got := 0; got < len(big); {
		n, err := unix.Read(peer, buf)
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	if r := k.end(send); r.Value != len(big) || r.Errno != "" {
		t.Errorf("send = %d octets %q, want all %d", r.Value, r.Errno, len(big))
	}
	unix.Close(peer)
	if r := k.call(agent.Request{Do: agent.Recv, Socket: client}); len(r.Data) != 0 || r.Errno != "" {
		t.Errorf("recv at the end of the stream = %+v, want nothing", r)
	}
}

func TestCloseEndsWhatIsPending(t *testing.T) {
	k := newKit(t)
	a, _ := k.udp()
	one := k.pend(agent.Request{Do: agent.Recv, Socket: a})
	two := k.pend(agent.Request{Do: agent.Recv, Socket: a})
	k.agent.Start(agent.Request{Do: agent.Close, Socket: a})
	for range 3 {
		k.next()
	}
	for _, op := range []*agent.Op{one, two} {
		if r, done := op.Done(); !done || r.Errno != "ECANCELED" {
			t.Errorf("recv on a closed socket: done %v, %q, want ECANCELED", done, r.Errno)
		}
	}
}

func TestCloseAllLeavesNothing(t *testing.T) {
	before, files := runtime.NumGoroutine(), openFiles(t)
	k := newKit(t)
	for range 20 {
		s, _ := k.udp()
		k.pend(agent.Request{Do: agent.Recv, Socket: s})
		k.pend(agent.Request{Do: agent.Recv, Socket: s})
	}
	k.agent.CloseAll()
	for range 40 {
		if r, done := k.next().Done(); !done || r.Errno != "ECANCELED" {
			t.Errorf("pending recv: done %v, %q, want ECANCELED", done, r.Errno)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() { // they are past their last statement
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d open files, %d before", n, files)
	}
	if got := k.call(agent.Request{Do: agent.Open}).Errno; got != "ENETDOWN" {
		t.Errorf("open after CloseAll: %q, want ENETDOWN", got)
	}
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

func TestRefusals(t *testing.T) {
	k := newKit(t)
	s, _ := k.udp()
	for _, row := range []struct {
		why, errno string
		request    agent.Request
	}{
		{"no such family", "EAFNOSUPPORT", agent.Request{Do: agent.Open, Family: "ipx"}},
		{"no such type", "ESOCKTNOSUPPORT", agent.Request{Do: agent.Open, Type: "seqpacket"}},
		{"no such socket", "EBADF", agent.Request{Do: agent.Bind, Socket: 999}},
		{"no such verb", "ENOSYS", agent.Request{Do: "fly", Socket: s}},
		{"no such option", "ENOPROTOOPT", agent.Request{Do: agent.SetOpt, Socket: s, Option: "IP_FLY"}},
		{"an option that cannot be read", "ENOPROTOOPT", agent.Request{Do: agent.GetOpt, Socket: s, Option: "IP_MSFILTER"}},
		{"an address of another family", "EAFNOSUPPORT", agent.Request{Do: agent.Dial, Socket: s, Remote: netip.MustParseAddrPort("[::1]:9")}},
		{"not connected and no address", "EDESTADDRREQ", agent.Request{Do: agent.Send, Socket: s, Data: []byte("x")}},
		{"an address that is not ours", "EADDRNOTAVAIL", agent.Request{Do: agent.Bind, Socket: k.must(agent.Request{Do: agent.Open}).Socket, Local: netip.MustParseAddrPort("192.0.2.77:0")}},
		{"two sources where one belongs", "EINVAL", agent.Request{Do: agent.SetOpt, Socket: s, Option: "IP_BLOCK_SOURCE", Group: netip.MustParseAddr("224.0.0.9"), Sources: []netip.Addr{loopback, loopback}}},
	} {
		if got := k.call(row.request).Errno; got != row.errno {
			t.Errorf("%s: %q, want %s", row.why, got, row.errno)
		}
	}
}

func TestOptions(t *testing.T) {
	k := newKit(t)
	s, _ := k.udp()
	for _, row := range []struct {
		option string
		value  int
	}{{"IP_TTL", 7}, {"IP_TOS", 0x10}, {"SO_BROADCAST", 1}, {"IP_MULTICAST_TTL", 3}, {"SO_NO_CHECK", 1}} {
		k.must(agent.Request{Do: agent.SetOpt, Socket: s, Option: row.option, Value: row.value})
		if got := k.must(agent.Request{Do: agent.GetOpt, Socket: s, Option: row.option}).Value; got != row.value {
			t.Errorf("%s = %d, want %d", row.option, got, row.value)
		}
	}
	// Memberships are told by what they let the kernel refuse.
	group, other := netip.MustParseAddr("233.252.0.1"), netip.MustParseAddr("192.0.2.8")
	member := agent.Request{Socket: s, Group: group, Local: netip.AddrPortFrom(loopback, 0), Do: agent.SetOpt}
	set := func(option string, sources ...netip.Addr) string {
		member.Option, member.Sources = option, sources
		return k.call(member).Errno
	}
	for _, step := range []struct {
		option, errno string
		sources       []netip.Addr
	}{
		{"IP_DROP_MEMBERSHIP", "EADDRNOTAVAIL", nil},
		{"IP_ADD_MEMBERSHIP", "", nil},
		{"IP_ADD_MEMBERSHIP", "EADDRINUSE", nil},
		{"IP_UNBLOCK_SOURCE", "EADDRNOTAVAIL", []netip.Addr{other}},
		{"IP_BLOCK_SOURCE", "", []netip.Addr{other}},
		{"IP_MSFILTER", "", []netip.Addr{other, loopback}},
		{"IP_UNBLOCK_SOURCE", "", []netip.Addr{loopback}},
		{"IP_DROP_MEMBERSHIP", "", nil},
		{"IP_ADD_SOURCE_MEMBERSHIP", "", []netip.Addr{other}},
		{"IP_DROP_SOURCE_MEMBERSHIP", "", []netip.Addr{other}},
	} {
		if got := set(step.option, step.sources...); got != step.errno {
			t.Errorf("%s: %q, want %q", step.option, got, step.errno)
		}
	}
}
