package neigh_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

var (
	peer = netip.MustParseAddr("192.0.2.1")
	mac  = link.MustParseAddr("02:00:00:00:00:01")
	mac2 = link.MustParseAddr("02:00:00:00:00:99")
)

// answer is what a neighbour at mac says when it is asked, or asks us.
var answer = neigh.Report{Addr: mac, Create: true, Solicited: true, Override: true}

// kit plays the prober. What the cache does is claimed by want; what nobody claims fails the test.
type kit struct {
	t     *testing.T
	loop  *clock.Loop
	pool  *packet.Pool
	cache *neigh.Cache
	stats stats.Node
	did   []string
}

func newKit(t *testing.T, c neigh.Config) *kit {
	k := &kit{t: t, loop: clock.New(), pool: packet.NewPool(packet.Limits{})}
	k.cache = neigh.New(k.loop, k, &k.stats, c)
	t.Cleanup(func() {
		k.want("nothing is left at the end")
		k.cache.Clear()
		if k.pool.InUse() != 0 {
			t.Errorf("%d packets left in use", k.pool.InUse())
		}
		if _, ok := k.loop.Next(); ok {
			t.Error("a timer is left after Clear")
		}
	})
	return k
}

func (k *kit) Solicit(target netip.Addr, to link.Addr) {
	k.did = append(k.did, fmt.Sprintf("solicit %v of %v", target, to))
}
func (k *kit) Send(p *packet.Packet, to link.Addr) {
	k.did = append(k.did, fmt.Sprintf("send %s to %v", p.Bytes(), to))
	p.Free()
}
func (k *kit) Unreachable(p *packet.Packet) {
	k.did = append(k.did, fmt.Sprintf("unreachable %s", p.Bytes()))
	p.Free()
}

func (k *kit) send(s string) {
	p := k.pool.Copy(0, []byte(s))
	if to, ok := k.cache.Resolve(peer, p); ok {
		k.Send(p, to)
	}
}

func (k *kit) want(why string, did ...string) {
	k.t.Helper()
	if !slices.Equal(k.did, did) {
		k.t.Errorf("%s:\n got %q\nwant %q", why, k.did, did)
	}
	k.did = nil
}

func (k *kit) wantState(why string, want neigh.State) {
	k.t.Helper()
	if got, _ := k.cache.State(peer); got != want {
		k.t.Errorf("%s: state is %v, want %v", why, got, want)
	}
}

func (k *kit) advance(d time.Duration) { k.loop.Run(k.loop.Now() + d) }

const toAll, toMAC = "solicit 192.0.2.1 of none", "solicit 192.0.2.1 of 02:00:00:00:00:01"

func TestUnansweredIsGivenUp(t *testing.T) { // RFC 4861, 7.2.2
	k := newKit(t, neigh.Config{})
	k.send("a")
	k.send("b")
	k.want("one request for all that wait", toAll)
	k.wantState("an address that was asked for", neigh.Incomplete)
	k.advance(time.Second - 1)
	k.want("no request within a second (RFC 1122, 2.3.2.1)")
	k.advance(1)
	k.want("the second request", toAll)
	k.advance(time.Second)
	k.want("the third request", toAll)
	k.advance(time.Second - 1)
	k.wantState("the last answer is still awaited", neigh.Incomplete)
	k.advance(1)
	k.want("packets come back in order", "unreachable a", "unreachable b")
	k.wantState("the entry is forgotten", neigh.None)
	if k.cache.Failed() != 1 {
		t.Errorf("%d failures counted", k.cache.Failed())
	}
}

func TestAnswerSendsWhatWaits(t *testing.T) {
	k := newKit(t, neigh.Config{Pending: 2})
	k.send("a")
	k.send("b")
	k.send("c")
	k.want("one request", toAll)
	k.cache.Heard(peer, neigh.Report{Addr: mac, Solicited: true, Override: true})
	k.want("the oldest gave way, the others go in order", "send b to "+mac.String(), "send c to "+mac.String())
	k.wantState("an answer confirms", neigh.Reachable)
	if k.stats.Drops[stats.PendingFull] != 1 {
		t.Errorf("%d drops counted, want 1", k.stats.Drops[stats.PendingFull])
	}
	k.advance(time.Hour)
	k.want("no more requests once it is answered")
}

func TestStaleIsProbedWhenUsed(t *testing.T) { // RFC 4861, 7.3.3
	k := newKit(t, neigh.Config{ReachableTime: 10 * time.Second})
	k.cache.Heard(peer, answer)
	k.advance(10*time.Second - 1)
	k.wantState("a nanosecond before its time is over", neigh.Reachable)
	k.advance(1)
	k.wantState("its time is over", neigh.Stale)
	k.advance(time.Hour)
	k.send("x")
	k.want("a stale address is used at once", "send x to "+mac.String())
	k.wantState("and its use starts the doubt", neigh.Delay)
	k.advance(5*time.Second - 1)
	k.want("upper layers still have a nanosecond to confirm")
	k.advance(1)
	k.want("the probe is unicast", toMAC)
	k.send("y")
	k.want("packets flow while it is probed", "send y to "+mac.String())
	k.advance(2 * time.Second)
	k.want("two more probes", toMAC, toMAC)
	k.advance(time.Second - 1)
	k.wantState("the last answer is still awaited", neigh.Probe)
	k.advance(1)
	k.wantState("nobody answered", neigh.None)
}

func TestConfirmationEndsTheDoubt(t *testing.T) { // RFC 4861, 7.3.1
	for _, state := range []neigh.State{neigh.Stale, neigh.Delay, neigh.Probe} {
		k := newKit(t, neigh.Config{ReachableTime: time.Second})
		k.cache.Heard(peer, answer)
		k.advance(time.Second)
		if state != neigh.Stale {
			k.send("x")
			k.want("used", "send x to "+mac.String())
		}
		if state == neigh.Probe {
			k.advance(5 * time.Second)
			k.want("probed", toMAC)
		}
		k.wantState("the way into the state", state)
		k.cache.Confirm(peer)
		k.wantState("confirmed", neigh.Reachable)
		k.advance(time.Second - 1)
		k.wantState("the time began anew", neigh.Reachable)
	}
	k := newKit(t, neigh.Config{})
	k.send("x")
	k.want("asked", toAll)
	k.cache.Confirm(peer)
	k.wantState("nobody can confirm an address that is not known", neigh.Incomplete)
}

func TestEvictionPrefersStaleThenLongestUnused(t *testing.T) {
	k := newKit(t, neigh.Config{Entries: 3, ReachableTime: time.Second})
	at := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }
	k.cache.Set(at(0), mac)
	k.cache.Heard(at(1), answer)
	k.advance(time.Second)
	k.cache.Heard(at(2), answer)
	k.cache.Heard(at(3), answer)
	if s, _ := k.cache.State(at(1)); s != neigh.None {
		t.Errorf("the stale entry stayed, as %v", s)
	}
	k.cache.Heard(at(4), answer)
	if s, _ := k.cache.State(at(2)); s != neigh.None {
		t.Errorf("the entry unused longest stayed, as %v", s)
	}
	if s, _ := k.cache.State(at(0)); s != neigh.Static || k.cache.Len() != 3 {
		t.Errorf("static entry is %v, %d entries", s, k.cache.Len())
	}
}

func TestResolveAllocatesNothing(t *testing.T) {
	k := newKit(t, neigh.Config{})
	k.cache.Heard(peer, answer)
	p := k.pool.Get(0, 1)
	defer p.Free()
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := k.cache.Resolve(peer, p); !ok {
			t.Fatal("not resolved")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestPatientCacheGoesOnWithANeighbourThatIsSilent(t *testing.T) { // RFC 7048, 3
	k := newKit(t, neigh.Config{Patient: true})
	k.cache.Heard(peer, neigh.Report{Addr: mac, Create: true, Override: true})
	k.send("a")
	k.want("stale, and used", "send a to 02:00:00:00:00:01")
	unicast := fmt.Sprintf("solicit %v of %v", peer, mac)
	all := fmt.Sprintf("solicit %v of none", peer)
	k.advance(5 * time.Second)
	k.want("the first probe", unicast)
	k.advance(time.Second)
	k.advance(time.Second)
	k.want("two more", unicast, unicast)
	k.advance(time.Second - 1)
	k.want("not yet")
	k.advance(1)
	k.want("then all are asked", all)
	if s, to := k.cache.State(peer); s != neigh.Unreachable || to != mac {
		t.Errorf("%v at %v", s, to)
	}
	k.advance(3 * time.Second)
	k.want("nobody uses it, so that nobody asks")
	k.send("b")
	k.want("its use asks again, and it is still used", all, "send b to 02:00:00:00:00:01")
	k.send("c")
	k.want("once in its time", "send c to 02:00:00:00:00:01")
	k.advance(9*time.Second - 1)
	k.want("which is longer than the last")
	k.advance(1)
	k.want("as it was used", all)
	k.cache.Heard(peer, neigh.Report{Addr: mac2, Solicited: true, Override: true})
	if s, to := k.cache.State(peer); s != neigh.Reachable || to != mac2 {
		t.Errorf("after an answer: %v at %v", s, to)
	}
}
