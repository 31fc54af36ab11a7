package tcp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// isn asks a listener for an initial sequence number, and takes the SYN back.
func isn(c *probe.Conn, requirements ...string) (number uint32, at time.Duration) {
	c.Forget()
	c.Send(tcp.SYN, nil)
	f := c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.For(requirements...))
	seq, _ := tcp.Seq.Of(f)
	c.RST()
	c.Wait(5 * time.Millisecond)
	c.SetISS(c.ISS + 0x01000000)
	return uint32(seq), f.At
}

// ticking is a target whose initial sequence numbers are a clock of its own alone.
func ticking(tick time.Duration) mutate.Mutation {
	return mutate.Instead(from(tcp.SYN|tcp.ACK), "a clock of "+tick.String()+" as the number", func(f *packet.Frame) []packet.Cond {
		return []packet.Cond{tcp.Seq.Is(uint(uint32(f.At / tick)))}
	})
}

// A member is one of the four of a connection, which changes from one connection to the next.
type member struct {
	name string
	of   func(host *probe.Tester, last *probe.Conn) *probe.Conn
}

func (m member) String() string { return m.name }

func init() {
	backwards := mutate.Instead(from(tcp.SYN|tcp.ACK), "a clock that runs backwards as the number", func(f *packet.Frame) []packet.Cond {
		return []packet.Cond{tcp.Seq.Is(uint(-uint32(f.At / (4 * time.Microsecond))))}
	})
	it("tcp.isn.clock", "initial sequence numbers of one connection grow with a clock of 4 microseconds",
		check.Proves("RFC9293:MUST-8", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.Seq.Is(5))).
			And("RFC6528:3-2", ticking(time.Millisecond)).
			And("RFC6528:2-2", backwards),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			before, at := isn(c)
			for range 3 {
				c.Wait(500 * time.Millisecond)
				now, then := isn(c)
				grown, ticks := int32(now-before), int((then-at)/(4*time.Microsecond))
				host.That("RFC6528:2-2", "how far the number has grown", grown, gomega.BeNumerically(">", 0))
				host.That("RFC9293:MUST-8", "how far the number has grown, the clock having made so many ticks", int(grown),
					gomega.And(gomega.BeNumerically(">", ticks*9/10), gomega.BeNumerically("<", ticks*11/10)))
				host.That("RFC6528:3-2", "how far the number has grown, the clock having made so many ticks", int(grown),
					gomega.And(gomega.BeNumerically(">", ticks*9/10), gomega.BeNumerically("<", ticks*11/10)))
				before, at = now, then
			}
		})

	// Two numbers that have nothing to do with each other are closer than 2^24 with a chance of 1 in 128; of 15 neighbours
	// eight or more are so with a chance below 10^-13.
	it("tcp.isn.spread", "connections have number spaces of their own",
		check.Proves("RFC9293:SHLD-1", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.Seq.Is(5))).
			And("RFC6528:2-1", ticking(4*time.Microsecond)).
			And("RFC6528:3-1", ticking(time.Microsecond)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			last, _ := isn(c)
			close := 0
			for range 15 {
				now, _ := isn(host.TCPTo(c.Remote))
				if d := int32(now - last); d > -1<<24 && d < 1<<24 {
					close++
				}
				last = now
			}
			for _, req := range []string{"RFC9293:SHLD-1", "RFC6528:2-1", "RFC6528:3-1"} {
				host.That(req, "numbers that are close to the one before, of 15", close, gomega.BeNumerically("<", 8))
			}
		})

	grid("tcp.isn.member", "each member of a connection's name changes its numbers",
		check.Proves("RFC6528:3-4", ticking(4*time.Microsecond)),
		[]member{
			{"remote-port", func(host *probe.Tester, last *probe.Conn) *probe.Conn { return host.TCPTo(last.Remote) }},
			{"local-port", func(host *probe.Tester, last *probe.Conn) *probe.Conn {
				c := host.TCP()
				c.Local = last.Local
				c.Listen()
				return c
			}},
			{"remote-address", func(host *probe.Tester, last *probe.Conn) *probe.Conn {
				other := host.As(1)
				if last.IP() == other.IP() {
					other = host.As(2)
				}
				c := other.TCPTo(last.Remote)
				c.Local = last.Local
				return c
			}},
		},
		func(host *probe.Tester, m member) {
			c := host.TCP()
			c.Listen()
			close := 0
			for range 5 { // by chance two numbers are close once in 128 times
				one, _ := isn(c)
				d := m.of(host, c)
				other, _ := isn(d)
				if x := int32(other - one); x > -1<<24 && x < 1<<24 {
					close++
				}
				c = d
			}
			host.That("RFC6528:3-4", "numbers that are close to the one before, of 5", close, gomega.BeNumerically("<", 4))
		})

	sequential := mutate.Here(func(target.Net) mutate.Mutation {
		next := uint(40000)
		return mutate.Instead(from(tcp.SYN), "the next port", func(*packet.Frame) []packet.Cond {
			next++
			return []packet.Cond{tcp.SrcPort.Is(next)}
		})
	})
	it("tcp.isn.ports", "the ports of outgoing connections are chosen at random, from a large range",
		check.Proves("RFC5927:4.2-1", sequential),
		func(host *probe.Tester) {
			const n = 20
			var ports []int
			low, high, next := 65536, 0, 0
			for i := range uint16(n) { // to other ports: one that follows from the peer's is as good (RFC 6056, 3.3.3)
				s := host.Stream()
				s.Dial(netip.AddrPortFrom(host.IP(), 9000+i))
				f := host.Expect(tcp.Segment(tcp.DstPort.Is(uint(9000+i)), tcp.Control(tcp.SYN)), probe.For())
				port, _ := tcp.SrcPort.Of(f)
				if len(ports) > 0 && int(port)-ports[len(ports)-1] > -16 && int(port)-ports[len(ports)-1] < 16 {
					next++
				}
				ports = append(ports, int(port))
				low, high = min(low, int(port)), max(high, int(port))
				s.Close()
				host.Wait(5 * time.Millisecond)
				host.Forget()
			}
			host.That("RFC5927:4.2-1", "ports that are close to the one before, of 19", next, gomega.BeNumerically("<", 10))
			host.That("RFC5927:4.2-1", "from the lowest to the highest", high-low, gomega.BeNumerically(">", 4096))
		})
}
