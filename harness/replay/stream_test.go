package replay_test

import (
	"slices"
	"testing"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/target/reference"
)

const small = "linux-tcp-small"

// What a capture says of a stream wrongly, the target does not say: the failure names packet, field and requirement.
func TestAWrongStreamInTheCapture(t *testing.T) {
	for _, tt := range []struct {
		name, role, fixture   string
		edit                  edit
		packet                int
		field, req, want, got string
	}{
		{"an acknowledgment of too much", "responder", small, rewrite(5, func(f *packet.Frame) []packet.Cond {
			ack, _ := tcp.Ack.Of(f)
			return []packet.Cond{tcp.Ack.Is(ack + 20)}
		}), 5, "TCP acknowledgment number", "RFC9293:3.4-2", "+26", "+6"},
		{"data of the peer that is missing", "responder", small, set(4, packet.Data.Is([]byte("abc"))),
			5, "TCP acknowledgment number", "RFC9293:3.4-2", "+6", "+3"},
		{"a reset that nothing asks for", "responder", small, set(6, tcp.Flags.Is(tcp.RST|tcp.ACK), packet.Data.Is(nil)),
			6, "TCP flags", "RFC9293:3.5.2-2", "RST,ACK", "no reset"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := loadEdited(t, tt.fixture, tt.edit)
			if err != nil {
				t.Fatal(err)
			}
			for name, on := range targets(t) {
				if name == "fake" {
					continue
				}
				r := run(t, s, on, replay.Options{Roles: []string{tt.role}})[0]
				found := false
				for _, f := range r.Failures {
					found = found || f.Packet == tt.packet && f.Field == tt.field && f.Requirement == tt.req && f.Want == tt.want && f.Got == tt.got
				}
				if !found {
					t.Errorf("%s: want packet %d, %s, %s, want %q got %q in\n%s", name, tt.packet, tt.field, tt.req, tt.want, tt.got, problems([]replay.Result{r}))
				}
			}
		})
	}
}

// A target that is wrong is found, and the first packet of the capture that shows it.
func TestAWrongTargetOfAStream(t *testing.T) {
	data := tcp.Segment(tcp.PSHBit.Is(1))
	for _, tt := range []struct {
		name     string
		mutation mutate.Mutation
		field    string
	}{
		{"no data", mutate.Missing(data), "TCP data"},
		{"other octets", mutate.Field(data, packet.Data.Is([]byte("HELLO\n"))), "TCP data"},
		{"one octet too many", mutate.Field(data, packet.Data.Is([]byte("hello, hello, hello, hello\n"))), "TCP data"},
		{"an acknowledgment of what was not sent", mutate.Shifts(tcp.Segment(tcp.Control(tcp.ACK)), tcp.Ack, 100), "TCP acknowledgment number"},
		{"a wrong checksum", mutate.Field(data, tcp.Checksum.Is(0x1234)), "TCP checksum"},
		{"a reset", mutate.Answers(data, "RST", func(*packet.Frame) []packet.Cond {
			return []packet.Cond{tcp.Flags.Is(tcp.RST | tcp.ACK), tcp.Seq.Is(5)}
		}), "TCP flags"},
		{"no FIN", mutate.Missing(tcp.Segment(tcp.FINBit.Is(1))), "TCP flags"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, builtin(t, small), referenceStack(t), replay.Options{Roles: []string{"responder"}, Mutation: tt.mutation})[0]
			for _, f := range r.Failures {
				if f.Field == tt.field && f.Requirement != "" {
					return
				}
			}
			t.Errorf("no failure of %s in\n%s", tt.field, problems([]replay.Result{r}))
		})
	}
}

// A target with less room than the captured host is not sent what it has no room for: what it then lacks says nothing of it.
func TestATargetWithASmallerWindow(t *testing.T) {
	narrow, err := reference.New(reference.Options{Profile: "zephyr"})
	if err != nil {
		t.Fatal(err)
	}
	defer narrow.Close()
	all, err := replay.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s := all[slices.IndexFunc(all, func(s *replay.Scenario) bool { return s.Name == "linux-tcp-zerowindow" })]
	r := run(t, s, narrow, replay.Options{Roles: []string{"responder"}})[0]
	const want = "packet 6 of the capture has octets up to 2896 of the stream, and the target has room up to 1536: the window of the captured host was larger"
	if r.Log.Inconclusive != want || len(r.Failures) > 0 {
		t.Errorf("inconclusive: %q\nwant %q\n%s", r.Log.Inconclusive, want, problems([]replay.Result{r}))
	}
}
