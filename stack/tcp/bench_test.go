package tcp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
)

// pump sends without end, and reads.
type pump struct {
	p        *pair
	from, to *tcp.Endpoint
	block    []byte
	buf      []byte
	got      int
	want     int
}

func newPump(t testing.TB, c config.Config) *pump { return newPumpBy(t, c, link{}) }

func newPumpBy(t testing.TB, c config.Config, l link) *pump {
	p := newPair(t, c, l)
	p.loop.SetBound(1 << 40)
	m := &pump{p: p, block: make([]byte, 64<<10), buf: make([]byte, 64<<10)}
	m.from, m.to = p.connect()
	m.to.SetReady(func(tcp.Ready) {
		for {
			n, err := m.to.Recv(m.buf, 0)
			if err != nil || n == 0 {
				return
			}
			m.got += n
		}
	})
	m.from.SetReady(func(tcp.Ready) { m.send() })
	return m
}

func (m *pump) send() {
	for m.want > 0 {
		n, err := m.from.Send(m.block[:min(len(m.block), m.want)], 0)
		m.want -= n
		if err != nil {
			return
		}
	}
}

// run moves n octets.
func (m *pump) run(n int) {
	end := m.got + n
	m.want = n
	m.send()
	for m.got < end {
		if ran, err := m.p.loop.Step(1 << 62); err != nil || !ran {
			panic(fmt.Sprint("stuck: ", err, m.got, end, m.from.State(), m.to.State()))
		}
	}
}

func BenchmarkBulk(b *testing.B) {
	for _, tt := range []struct {
		name string
		c    config.Config
	}{
		{"default", config.Config{}},
		{"window=256k", config.Config{TCP: config.TCP{RecvBuffer: 256 << 10, RecvBufferMax: 256 << 10}}},
		{"plain", plain()},
	} {
		b.Run(tt.name, func(b *testing.B) {
			const n = 1 << 20
			m := newPump(b, tt.c)
			m.run(8 * n)
			before := m.from.Info()
			b.SetBytes(n)
			b.ReportAllocs()
			for b.Loop() {
				m.run(n)
			}
			after := m.from.Info()
			b.ReportMetric(float64(after.Retransmitted-before.Retransmitted)/float64(b.N), "rexmit/op")
			b.ReportMetric(b.Elapsed().Seconds()*1e9/(float64(b.N)*n/float64(after.MSS)), "ns/segment")
		})
	}
}

func BenchmarkConnectClose(b *testing.B) {
	p := newPair(b, config.Config{TCP: config.TCP{MSL: -1}}, link{})
	l := p.listen(8)
	once := func() {
		c, err := p.a.TCP.Open(ip.V4)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Connect(serverAt); err != errno.EINPROGRESS {
			b.Fatal(err)
		}
		p.advance(1)
		s, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
		p.advance(1)
		s.Close()
		p.advance(1)
		if c.State() != tcp.Closed {
			b.Fatal(c.State())
		}
	}
	p.advance(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
}
