package reference_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
	"github.com/conform-stack/conform/stack/config"
)

func newWorld(t *testing.T, o reference.Options, spec target.Spec) target.World {
	t.Helper()
	r, err := reference.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.New(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// raw joins octets given in hexadecimal, as a capture prints them.
func raw(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(parts, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	arpRequest = "ff ff ff ff ff ff 02 00 00 00 00 01 08 06 00 01 08 00 06 04 00 01 " +
		"02 00 00 00 00 01 c0 00 02 01 00 00 00 00 00 00 c0 00 02 02"
	ping = "02 00 00 00 00 02 02 00 00 00 00 01 08 00 45 00 00 20 00 00 00 00 40 01 f6 d9 c0 00 02 01 c0 00 02 02 " +
		"08 00 33 37 00 01 00 01 61 62 63 64"
)

func next(t *testing.T, w target.World, until time.Duration) target.Event {
	t.Helper()
	e, err := w.Next(until)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestARPAndPing(t *testing.T) {
	w := newWorld(t, reference.Options{}, target.Spec{})
	if err := w.Send(0, raw(t, arpRequest)); err != nil {
		t.Fatal(err)
	}
	e := next(t, w, time.Second)
	want := raw(t, "02 00 00 00 00 01 02 00 00 00 00 02 08 06 00 01 08 00 06 04 00 02",
		"02 00 00 00 00 02 c0 00 02 02 02 00 00 00 00 01 c0 00 02 01")
	if !bytes.Equal(e.Frame, want) || e.At != 0 {
		t.Errorf("at %v\n got %x\nwant %x", e.At, e.Frame, want)
	}
	if err := w.Send(0, raw(t, ping)); err != nil {
		t.Fatal(err)
	}
	e = next(t, w, time.Second)
	if len(e.Frame) != 46 || e.Frame[34] != 0 || string(e.Frame[42:]) != "abcd" {
		t.Errorf("answer to ping: %x", e.Frame)
	}
	if e := next(t, w, time.Hour); e.Frame != nil || e.Op != nil || w.Now() != time.Hour {
		t.Errorf("until an hour has passed: %v, the time is %v", e, w.Now())
	}
	if e := next(t, w, time.Minute); e.Frame != nil || w.Now() != time.Hour {
		t.Errorf("a past deadline: %v, the time is %v", e, w.Now())
	}
}

func TestAgent(t *testing.T) {
	w := newWorld(t, reference.Options{}, target.Spec{Needs: []target.Feature{target.Agent}})
	if err := w.Send(0, raw(t, arpRequest)); err != nil {
		t.Fatal(err)
	}
	next(t, w, time.Second)
	a := w.Agent()
	do := func(r agent.Request) agent.Reply {
		t.Helper()
		op := a.Start(r)
		if e := next(t, w, w.Now()); e.Op != op {
			t.Fatalf("%s: the next event is %+v", r.Do, e)
		}
		reply, done := op.Done()
		if !done {
			t.Fatalf("%s has not ended", r.Do)
		}
		return reply
	}
	s := do(agent.Request{Do: agent.Open, Family: "inet", Type: "dgram"}).Socket
	if r := do(agent.Request{Do: agent.Bind, Socket: s, Local: netip.MustParseAddrPort("192.0.2.2:4000")}); r.Err() != nil || r.Local.Port() != 4000 {
		t.Errorf("bind: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Bind, Socket: s, Local: netip.MustParseAddrPort("192.0.2.2:4001")}); r.Errno != "EINVAL" {
		t.Errorf("a second bind: %+v", r)
	}
	recv := a.Start(agent.Request{Do: agent.Recv, Socket: s})
	if r := do(agent.Request{Do: agent.Send, Socket: s, Remote: netip.MustParseAddrPort("192.0.2.1:9"), Data: []byte("out")}); r.Value != 3 {
		t.Errorf("send: %+v", r)
	}
	if e := next(t, w, time.Second); !strings.HasSuffix(string(e.Frame), "out") {
		t.Errorf("sent: %+v", e)
	}
	datagram := raw(t, "02 00 00 00 00 02 02 00 00 00 00 01 08 00 45 00 00 1e 00 00 00 00 40 11 f6 cb c0 00 02 01 c0 00 02 02",
		"00 09 0f a0 00 0a 00 00 69 6e") // without checksum
	if err := w.Send(0, datagram); err != nil {
		t.Fatal(err)
	}
	if e := next(t, w, time.Second); e.Op != recv {
		t.Fatalf("recv did not end: %+v", e)
	}
	r, _ := recv.Done()
	if string(r.Data) != "in" || r.Remote != netip.MustParseAddrPort("192.0.2.1:9") || r.Local != netip.MustParseAddrPort("192.0.2.2:4000") {
		t.Errorf("received %+v", r)
	}
	pending := a.Start(agent.Request{Do: agent.Recv, Socket: s})
	closed := a.Start(agent.Request{Do: agent.Close, Socket: s})
	if e := next(t, w, 0); e.Op != pending {
		t.Errorf("close did not end what was pending: %+v", e)
	}
	if r, _ := pending.Done(); r.Errno != "ECANCELED" {
		t.Errorf("pending recv: %+v", r)
	}
	if e := next(t, w, 0); e.Op != closed {
		t.Errorf("close: %+v", e)
	}
	if r := do(agent.Request{Do: agent.Send, Socket: s}); r.Errno != "EBADF" {
		t.Errorf("send on a closed socket: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Open, Family: "inet6"}); r.Errno != "EAFNOSUPPORT" {
		t.Errorf("a family that is not there: %+v", r)
	}
}

func TestEchoServiceAndTwoLinks(t *testing.T) {
	w := newWorld(t, reference.Options{}, target.Spec{Needs: []target.Feature{target.UDPEcho, target.SecondLink}})
	nets := w.Nets()
	if len(nets) != 2 || nets[0].Service != netip.MustParseAddrPort("192.0.2.2:7") || nets[1].Target.IP4 != netip.MustParseAddr("198.51.100.2") {
		t.Fatalf("nets: %+v", nets)
	}
	if len(nets[0].Testers) != 4 || !bytes.Equal(nets[0].Testers[1].MAC, net.HardwareAddr{2, 0, 0, 0, 0, 3}) || nets[0].Testers[3].IP4 != netip.MustParseAddr("192.0.2.5") {
		t.Errorf("testers: %+v", nets[0].Testers)
	}
	request := raw(t, arpRequest)
	copy(request[28:], net.IP(nets[1].Testers[0].IP4.AsSlice()))
	copy(request[38:], net.IP(nets[1].Target.IP4.AsSlice()))
	if err := w.Send(1, request); err != nil {
		t.Fatal(err)
	}
	if e := next(t, w, 0); e.Link != 1 || !bytes.Equal(e.Frame[6:12], nets[1].Target.MAC) {
		t.Errorf("the answer on the second link: %+v", e)
	}
	if err := w.Send(2, request); err == nil {
		t.Error("there is no third link")
	}
}

func TestFeaturesAreOffUnlessNeeded(t *testing.T) {
	first := func(needs ...target.Feature) []byte {
		w := newWorld(t, reference.Options{}, target.Spec{Needs: needs})
		w.Agent().Start(agent.Request{Do: agent.Open})
		w.Agent().Start(agent.Request{Do: agent.SetOpt, Socket: 1, Option: "IP_ADD_MEMBERSHIP", Group: netip.MustParseAddr("239.1.2.3")})
		for {
			e := next(t, w, time.Hour)
			if e.Frame != nil || e.Op == nil {
				return e.Frame
			}
		}
	}
	if f := first(); f != nil {
		t.Errorf("without needs the target sends %x", f)
	}
	if f := first(target.Multicast4); len(f) < 34 || f[23] != 2 {
		t.Errorf("an IGMP host sends %x", f)
	}
	if f := first(target.Conflict); f != nil {
		t.Errorf("a host that has its address sends %x", f)
	}
	if f := first(target.LinkLocal4); len(f) != 42 || !bytes.Equal(f[38:40], []byte{169, 254}) {
		t.Errorf("a link-local host sends %x", f)
	}
}

func TestManagement(t *testing.T) {
	w := newWorld(t, reference.Options{}, target.Spec{Needs: []target.Feature{target.Management, target.Conflict}})
	do := func(r agent.Request) agent.Reply {
		reply, ended := w.Agent().Start(r).Done()
		if !ended {
			t.Errorf("%s does not end at once", r.Do)
		}
		for e := next(t, w, 0); e.Op == nil && e.Frame != nil; e = next(t, w, 0) { // its end is an event, too
		}
		return reply
	}
	states := func() (all string) {
		for _, a := range do(agent.Request{Do: agent.Addrs}).Addrs {
			all += a.Addr.String() + " " + a.State + "; "
		}
		return all
	}
	sleep := func(d time.Duration) {
		for until := w.Now() + d; w.Now() < until; next(t, w, until) {
		}
	}
	wanted := netip.MustParseAddrPort("192.0.2.77:0")
	sleep(time.Minute)
	do(agent.Request{Do: agent.AddAddr, Local: wanted, Value: 24})
	if s := states(); s != "192.0.2.2 preferred; 192.0.2.77 tentative; " {
		t.Errorf("just added: %s", s)
	}
	sleep(time.Minute)
	if s := states(); s != "192.0.2.2 preferred; 192.0.2.77 preferred; " {
		t.Errorf("after a minute: %s", s)
	}
	claim := raw(t, arpRequest)
	copy(claim[28:], wanted.Addr().AsSlice())
	for range 2 { // one is answered by a defence
		if err := w.Send(0, claim); err != nil {
			t.Fatal(err)
		}
	}
	sleep(time.Second)
	if s := states(); s != "192.0.2.2 preferred; 192.0.2.77 conflict; " {
		t.Errorf("after a conflict: %s", s)
	}
	for _, errno := range []string{"", "EADDRNOTAVAIL"} {
		if r := do(agent.Request{Do: agent.DelAddr, Local: wanted}); r.Errno != errno {
			t.Errorf("removed: %+v, want errno %q", r, errno)
		}
	}
	do(agent.Request{Do: agent.LinkDown})
	if err := w.Send(0, raw(t, arpRequest)); err != nil {
		t.Fatal(err)
	}
	if e := next(t, w, w.Now()+time.Minute); e.Frame != nil {
		t.Errorf("sent while the link is down: %x", e.Frame)
	}
	do(agent.Request{Do: agent.LinkUp})
	if e := next(t, w, w.Now()+time.Minute); e.Frame == nil {
		t.Error("the address is not probed for when the link is back")
	}
	for _, r := range []agent.Request{{Do: agent.AddAddr, Local: wanted, Value: 99}, {Do: agent.AddAddr}, {Do: agent.LinkLocal}} {
		if do(r).Errno == "" {
			t.Errorf("%+v has no error", r)
		}
	}
}

// The same seed gives the same frames; another one gives others.
func TestSeed(t *testing.T) {
	run := func(seed uint64) (all []byte) {
		w := newWorld(t, reference.Options{}, target.Spec{Seed: seed})
		a := w.Agent()
		for range 3 { // ports and identifications are random
			a.Start(agent.Request{Do: agent.Open})
			a.Start(agent.Request{Do: agent.SetOpt, Socket: 1, Option: "IP_MTU_DISCOVER", Value: 0})
			a.Start(agent.Request{Do: agent.Send, Socket: 1, Remote: netip.MustParseAddrPort("255.255.255.255:9"), Data: []byte("x")})
			a.Start(agent.Request{Do: agent.SetOpt, Socket: 1, Option: "SO_BROADCAST", Value: 1})
			a.Start(agent.Request{Do: agent.Send, Socket: 1, Remote: netip.MustParseAddrPort("255.255.255.255:9"), Data: []byte("x")})
		}
		for {
			e := next(t, w, time.Minute)
			if e.Op == nil && e.Frame == nil {
				return all
			}
			all = append(all, e.Frame...)
		}
	}
	first := run(1)
	if len(first) == 0 || !bytes.Equal(first, run(1)) {
		t.Error("the same seed gives other frames")
	}
	if bytes.Equal(first, run(2)) {
		t.Error("another seed gives the same frames")
	}
}

func TestOptions(t *testing.T) {
	r, err := reference.New(reference.Options{Profile: "zephyr"})
	if err != nil {
		t.Fatal(err)
	}
	if i := r.Info(); i.Kind != "reference" || i.Name != "reference:zephyr" || !i.Virtual || i.Params.ARPRetry != 2*time.Second {
		t.Errorf("info: %+v", i)
	}
	if _, err := reference.New(reference.Options{Profile: "linux"}); err == nil {
		t.Error("an unknown profile is accepted")
	}
	if _, err := reference.New(reference.Options{Config: config.Config{DefaultTTL: 300}}); err == nil {
		t.Error("a bad configuration is accepted")
	}
	if _, err := r.New(t.Context(), target.Spec{Check: "x.y", Needs: []target.Feature{"flying"}}); err == nil ||
		!strings.Contains(err.Error(), "x.y needs flying") {
		t.Errorf("a feature that is not declared: %v", err)
	}
}
