package tcp

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// adopting has a target follow the user timeout of its peers: no application asks for that by POSIX.
const adopting = "CONFIG_CONFORM_TCP_ADOPT_USER_TIMEOUT=y"

// An adoption is a user timeout that the peer tells, and within what the target gives up then.
type adoption struct {
	bits        uint
	least, most time.Duration
}

func (a adoption) String() string { return fmt.Sprintf("%#04x", a.bits) }

// The user timeout of the peer (RFC 5482, 3.1).
func init() {
	said := tcp.Segment(tcp.UserTimeout.Where("there", func(uint) bool { return true }))

	grid("tcp.uto.adopted", "the user timeout of the peer is followed, within limits, by a target that was told to",
		check.Proves("RFC5482:3.1-3", mutate.Misreads(said, tcp.UserTimeout.None())).
			And("RFC5482:3.1-5", mutate.Misreads(said, tcp.UserTimeout.Is(900))).
			And("RFC5482:3-2", mutate.Misreads(said, tcp.UserTimeout.Is(400))).
			And("RFC5482:3-9", mutate.Drops(tcp.Segment(tcp.PSHBit.Is(1)), 2)).Configured(adopting),
		[]adoption{
			{1, 100 * time.Second, 6 * time.Minute}, // 3.1: the lower limit is 100 s at least, ADV_UTO a default of 5 minutes at most
			{700, 700 * time.Second, 720 * time.Second},
			{0x8000 | 32767, 10 * time.Minute, 12 * time.Hour}, // more than 22 days
		},
		func(host *probe.Tester, a adoption) {
			c := host.TCP()
			c.Open(probe.Passive)
			reading := c.Socket.Read(10)
			c.ACK(tcp.UserTimeout.Is(a.bits))
			since := host.Now()
			c.Socket.Write([]byte("is anybody there?"))
			errno := errnoOf(reading, a.most+time.Hour)
			took := host.Now() - since
			for _, req := range []string{"RFC5482:3.1-3", "RFC5482:3.1-5", "RFC5482:3-2"} {
				if host.That(req, "how the read ends", errno, gomega.Equal("ETIMEDOUT")) {
					host.Between(req, "until the connection is given up", took, a.least, a.most)
				}
			}
			last := filled(c.Sent())
			host.That("RFC5482:3-9", "the last retransmission", last[len(last)-1].At-since, gomega.BeNumerically(">=", 44*time.Second))
			host.Between("RFC5482:3-9", "until the connection is given up", took, a.least, a.most)
		})

	it("tcp.uto.keep-alive", "keep-alives wait for longer than a user timeout that was adopted",
		check.Proves("RFC5482:4.2-1", mutate.Misreads(said, tcp.UserTimeout.None())).Configured(adopting),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.ACK(tcp.UserTimeout.Is(700))
			mustSet(c.Socket, c, "TCP_KEEPIDLE", 10)
			mustSet(c.Socket, c, "SO_KEEPALIVE", 1)
			since := host.Now()
			f := c.Expect(c.From(tcp.ACK), probe.For("RFC5482:4.2-1"), probe.Within(20*time.Minute))
			host.Between("RFC5482:4.2-1", "until the first keep-alive, 10 s being set", f.At-since, 700*time.Second, 20*time.Minute)
		})
}
