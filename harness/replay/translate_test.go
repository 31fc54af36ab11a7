package replay_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/target"
)

// What the harness says is right to the last checksum, also within quotations, and holds no address of the capture.
func TestWhatIsSentIsWhole(t *testing.T) {
	all, err := replay.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		for _, r := range run(t, s, cheapest(t, s), replay.Options{}) {
			for _, rec := range r.Log.Records {
				if rec.Frame == nil || rec.FromTarget {
					continue
				}
				f := rec.Frame
				if fragments := ipv4.Header(ipv4.MF.Is(1)); !fragments.Matches(f) && !bytes.Equal(f.Rewrite(), f.Bytes) {
					t.Errorf("%s: lengths or checksums of %s are wrong\n% x\n% x", r.ID(), f, f.Bytes, f.Rewrite())
				}
				if len(f.Bytes) < 60 && f.Link == target.Ethernet {
					t.Errorf("%s: %s is shorter than an Ethernet frame", r.ID(), f)
				}
				headers := 100
				if f.Has(tcp.Proto) { // in which checksum, urgent pointer and options may look like an address
					headers = 34
				}
				for _, h := range s.Hosts {
					// Of an address that hosts of the world have, too, it cannot be seen that it was translated.
					ip := !worldly(h.IP) && bytes.Contains(f.Bytes[:min(headers, len(f.Bytes))], h.IP.AsSlice())
					backwards := slices.Clone(h.MAC) // as IEEE 802.15.4 has it
					slices.Reverse(backwards)
					if ip || bytes.Contains(f.Bytes, h.MAC) || bytes.Contains(f.Bytes, backwards) {
						t.Errorf("%s: %s still has an address of %s\n% x", r.ID(), f, h.Name, f.Bytes)
					}
				}
				if q := f.Quoted(); q != nil && icmpv4.Error().Matches(f) && packet.Sum(q.Header(ipv4.Proto)) != 0xffff {
					t.Errorf("%s: the header that %s quotes has a wrong checksum", r.ID(), f)
				}
			}
		}
	}
}

// worldly tells whether an address is one of those that hosts of worlds have, too.
func worldly(a netip.Addr) bool {
	for link := range 2 {
		if netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: byte(link + 1)}), 64).Contains(a) {
			return true
		}
	}
	return false
}

// A stimulus whose checksum is wrong in the capture stays wrong: a capture of faults is replayed with its faults.
func TestAWrongChecksumStaysWrong(t *testing.T) {
	s, err := loadEdited(t, "linux-udp-closed", set(3, udp.Checksum.Is(0x1234)))
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, s, &fake{}, replay.Options{Roles: []string{"responder"}})[0]
	for _, rec := range r.Log.Records {
		if f := rec.Frame; f != nil && !rec.FromTarget && f.Has(udp.Proto) {
			got, _ := udp.Checksum.Of(f)
			right, _ := udp.Checksum.Of(packet.Dissect(target.Ethernet, f.Rewrite()))
			if got == right {
				t.Errorf("%s has its checksum mended", f)
			}
			return
		}
	}
	t.Error("nothing was sent")
}

// A capture made before the sender's device filled the checksum in shows the sum of the pseudo header in its place.
func TestAnUnfinishedChecksumIsFinished(t *testing.T) {
	s, err := loadEdited(t, "linux-udp-closed", rewrite(3, func(f *packet.Frame) []packet.Cond {
		length, _ := udp.Length.Of(f)
		pseudo := ipv4.Proto.PseudoHeader(f.Header(ipv4.Proto), 17, int(length))
		return []packet.Cond{udp.Checksum.Is(uint(packet.Sum(pseudo)))}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, on := range targets(t) {
		for _, r := range run(t, s, on, replay.Options{}) {
			// The answer in the capture quotes the finished one.
			if p := problems([]replay.Result{r}); p != "" {
				t.Errorf("%s: %s", name, p)
			}
			if why := r.Packets[2].Why; why != "its checksum filled in: the capture was made before the sender's device did that" {
				t.Errorf("packet 3 is mended silently: %q", why)
			}
		}
	}
}

// An error that the peer sends quotes the packet as the target sent it, not as the capture has it.
func TestAPeerQuotesWhatTheTargetSaid(t *testing.T) {
	other := mutate.Field(ipv4.Header(), ipv4.ID.Is(0xbeef), ipv4.TTL.Is(99))
	r := run(t, builtin(t, "linux-udp-closed"), &fake{}, replay.Options{Roles: []string{"sender"}, Mutation: other})[0]
	for _, rec := range r.Log.Records {
		if f := rec.Frame; f != nil && !rec.FromTarget && icmpv4.Error().Matches(f) {
			if d := packet.Check(f.Quoted(), ipv4.ID.Is(0xbeef), ipv4.TTL.Is(99)); len(d) > 0 {
				t.Errorf("the quotation is not what the target said: %v", d)
			}
			return
		}
	}
	t.Error("the peer sent no error")
}
