package replay_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/target"
)

// linkOf is the link that the capture of a scenario is of: its hosts' addresses tell.
func linkOf(s *replay.Scenario) target.LinkType {
	if len(s.Hosts[0].MAC) == 8 {
		return target.IEEE802154
	}
	return target.Ethernet
}

// Packets that are compressed, and in fragments, are compared as the packets that they stand for.
func TestAWrongAnswerInACaptureOfIEEE802154(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fixture string
		role    string
		edit    edit
		want    replay.Failure // but for Kind and Text
	}{
		{"sequence number", "riot-154-ping", "b", set(3, icmpv6.Seq.Is(30)),
			replay.Failure{Requirement: "RFC4443:4.2-4", Packet: 3, Field: "ICMPv6 echo sequence number", Want: "30", Got: "0"}},
		{"an octet in a later fragment", "riot-154-ping1000", "b", flip(25, 7),
			replay.Failure{Requirement: "RFC4443:4.2-9", Packet: 23, Field: "ICMPv6 echo data", Want: "octet 87 = 0xac", Got: "octet 87 = 0x53"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			s, err := loadEdited(t, tt.fixture, tt.edit)
			g.Expect(err).NotTo(HaveOccurred())
			r := run(t, s, referenceStack(t), replay.Options{Roles: []string{tt.role}})[0]
			g.Expect(r.Err).NotTo(HaveOccurred())
			g.Expect(r.Failures).To(HaveLen(1), "%s", problems([]replay.Result{r}))
			f := r.Failures[0]
			g.Expect([]any{f.Requirement, f.Packet, f.Field, f.Want, f.Got}).To(Equal([]any{tt.want.Requirement, tt.want.Packet, tt.want.Field, tt.want.Want, tt.want.Got}))
		})
	}
}

// What a socket of the target is given is held against what was sent.
func TestADatagramThatArrivesWrong(t *testing.T) {
	g := NewWithT(t)
	wrong := mutate.Misreads(udp.Datagram(udp.DstPort.Is(61617)), udp.SrcPort.Is(1234), packet.Data.Is([]byte("another")))
	r := run(t, builtin(t, "riot-154-udp"), referenceStack(t), replay.Options{Roles: []string{"b"}, Mutation: wrong})[0]
	g.Expect(r.Err).NotTo(HaveOccurred())
	var fields []string
	for _, f := range r.Failures {
		g.Expect(f.Requirement).To(Equal("RFC768:UI-2"))
		fields = append(fields, f.Field)
	}
	g.Expect(fields).To(Equal([]string{"source", "data", "source", "data"}))
}
