package tcp_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp"
	codec "github.com/conform-stack/conform/stack/wire"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

func TestDelayedAck(t *testing.T) { // 3.8.6.3
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	full := strings.Repeat("a", 1000)
	k.send(seg{flags: ack, seq: 1, ack: 1, data: full})
	k.quiet("the first full segment waits")
	k.send(seg{flags: ack, seq: 1001, ack: 1, data: full})
	k.want("the second does not", "[.] 1 ack 2001 win 65535")
	k.send(seg{flags: ack, seq: 2001, ack: 1, data: "x"})
	k.advance(200*time.Millisecond - 1)
	k.quiet("a small one waits")
	k.advance(1)
	k.want("less than 500 ms", "[.] 1 ack 2002 win 65534")
	k.send(seg{flags: ack, seq: 2002, ack: 1, data: "y"})
	k.write(e, "z")
	k.want("or until data takes the acknowledgement along", `[P.] 1:2 ack 2003 win 65533 "z"`)
	k.advance(400 * time.Millisecond)
	k.quiet("once is enough")
	k.send(seg{flags: ack, seq: 2003, ack: 2})
	k.quiet("an acknowledgement is not acknowledged")
	k.send(seg{flags: ack, seq: 2004, ack: 2, data: "out of order"})
	k.want("a gap: at once", "[.] 2 ack 2003 win 65533")
	k.send(seg{flags: ack, seq: 2003, ack: 2, data: "-"})
	k.want("it is filled: at once", "[.] 2 ack 2016 win 65520")
	k.send(seg{flags: ack, seq: 2003, ack: 2, data: "-"})
	k.want("a duplicate: at once", "[.] 2 ack 2016 win 65520")
	k.read(e, full+full+"xy-out of order", nil)
}

func TestReceiveWindow(t *testing.T) { // 3.8.6.2.2
	k := newKit(t, config.Config{TCP: config.TCP{Timestamps: config.Off, WindowScale: config.Off, SACK: config.Off, RecvBuffer: 4000, RecvBufferMax: 4000}})
	e := k.accepted(mss(1000))
	full := strings.Repeat("a", 1000)
	for i := range uint32(4) {
		k.send(seg{flags: ack, seq: 1 + 1000*i, ack: 1, data: full})
	}
	k.want("half", "[.] 1 ack 2001 win 2000")
	k.want("closed", "[.] 1 ack 4001 win 0")
	k.send(seg{flags: ack, seq: 4001, ack: 1, data: "b"})
	k.want("a window probe is answered", "[.] 1 ack 4001 win 0")
	k.write(e, "x")
	k.want("data", `[P.] 1:2 ack 4001 win 0 "x"`)
	k.send(seg{flags: ack, seq: 4001, ack: 2, data: "b"})
	k.want("a probe that acknowledges", "[.] 2 ack 4001 win 0")
	if i := e.Info(); i.InFlight != 0 {
		t.Error("the acknowledgement of a probe is good")
	}
	b := make([]byte, 1999)
	e.Recv(b, 0)
	k.advance(0)
	k.quiet("the window is not opened by little")
	e.Recv(b[:1], 0)
	k.advance(0)
	k.want("but by half the buffer", "[.] 2 ack 4001 win 2000")
	k.send(seg{flags: ack, seq: 4001, ack: 2, data: strings.Repeat("c", 3000)})
	k.want("what is beyond the edge is not taken", "[.] 2 ack 6001 win 0")
	k.read(e, full+full+strings.Repeat("c", 2000), nil)
	k.want("opened", "[.] 2 ack 6001 win 4000")
	k.send(seg{flags: rst, seq: 6001})
}

func TestSackBlocks(t *testing.T) { // RFC 2018, RFC 2883
	k := newKit(t, config.Config{TCP: config.TCP{Timestamps: config.Off, WindowScale: config.Off}})
	e := k.accepted(segment.Options{Has: segment.HasMSS | segment.HasSACKPermitted, MSS: 1000})
	k.send(seg{flags: ack, seq: 11, ack: 1, data: "bbbbb"})
	k.want("a gap", "[.] 1 ack 1 win 65535 sack 11:16")
	k.send(seg{flags: ack, seq: 31, ack: 1, data: "ddddd"})
	k.want("another", "[.] 1 ack 1 win 65535 sack 31:36 sack 11:16")
	k.send(seg{flags: ack, seq: 16, ack: 1, data: "ccccc"})
	k.want("the latest first", "[.] 1 ack 1 win 65535 sack 11:21 sack 31:36")
	k.send(seg{flags: ack, seq: 18, ack: 1, data: "c"})
	k.want("a duplicate", "[.] 1 ack 1 win 65535 sack 18:19 sack 11:21 sack 31:36")
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "aaaaaaaaaa"})
	k.want("the gap is filled", "[.] 1 ack 21 win 65515 sack 31:36")
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "aaaaa"})
	k.want("an old duplicate", "[.] 1 ack 21 win 65515 sack 1:6 sack 31:36")
	k.send(seg{flags: ack | fin, seq: 36, ack: 1})
	k.want("a FIN ahead", "[.] 1 ack 21 win 65515 sack 31:37")
	k.send(seg{flags: ack, seq: 21, ack: 1, data: "XXXXXXXXXXYYYYYZZZZZ"})
	k.want("all, and what lies beyond FIN is not data", "[.] 1 ack 37 win 65499 sack 31:37")
	k.read(e, "aaaaaaaaaabbbbbcccccXXXXXXXXXXddddd", nil)
	k.read(e, "", nil)
	k.state(e, tcp.CloseWait)
}

func TestOldTimestamps(t *testing.T) { // RFC 7323, 5
	k := newKit(t, config.Config{TCP: config.TCP{WindowScale: config.Off, SACK: config.Off}})
	at := func(v uint32) segment.Options {
		return segment.Options{Has: segment.HasTimestamps, TSVal: v, TSEcr: k.tsecr}
	}
	o := at(0xfffffff0)
	o.Has |= segment.HasMSS
	o.MSS = 1000
	e := k.accepted(o)
	k.send(seg{flags: ack, seq: 1, ack: 1, opt: at(5), data: "ab"}) // it has wrapped
	k.advance(time.Second)
	k.want("the timestamp is echoed", "[.] 1 ack 3 win 65533 ts 5")
	k.send(seg{flags: ack, seq: 3, ack: 1, opt: at(4), data: "old"})
	k.want("PAWS", "[.] 1 ack 3 win 65533 ts 5")
	k.send(seg{flags: ack, seq: 3, ack: 1, data: "none"})
	k.quiet("without the option that was agreed on")
	k.read(e, "ab", nil)
	k.send(seg{flags: ack, seq: 3, ack: 1, opt: at(6), data: "c"})
	k.send(seg{flags: ack, seq: 4, ack: 1, opt: at(7), data: "d"})
	k.advance(200 * time.Millisecond)
	k.want("that of the segment which advanced the window's left edge", "[.] 1 ack 5 win 65531 ts 6")
	k.send(seg{flags: rst, seq: 5})
	k.state(e, tcp.Closed) // RST needs no timestamp
	k.read(e, "", errno.ECONNRESET)
}

func TestUrgent(t *testing.T) { // 3.8.5, RFC 6093
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	var ready tcp.Ready
	e.SetReady(func(r tcp.Ready) { ready = r })
	oob := func(want string, wantErr error) {
		t.Helper()
		b := make([]byte, 4)
		n, err := e.Recv(b, tcp.OOB)
		if string(b[:n]) != want || err != wantErr {
			t.Errorf("urgent octet: %q, %v; want %q, %v", b[:n], err, want, wantErr)
		}
	}
	oob("", errno.EINVAL)
	k.send(seg{flags: ack | urg, seq: 1, ack: 1, urg: 6}) // the octet after the last urgent one is 7
	k.quiet("an acknowledgement with URG")
	if ready&tcp.Urgent == 0 {
		t.Error("the user was not told (MUST-32)")
	}
	oob("", errno.EAGAIN)
	k.send(seg{flags: ack | urg, seq: 1, ack: 1, urg: 6, data: "abcdeUfg"})
	oob("U", nil)
	oob("", errno.EINVAL)
	b := make([]byte, 100)
	if n, _ := e.Recv(b, 0); string(b[:n]) != "abcde" {
		t.Errorf("%q was read before the mark", b[:n])
	}
	if !e.AtMark() {
		t.Error("not at the mark")
	}
	k.read(e, "fg", nil)
	if e.AtMark() {
		t.Error("still at the mark")
	}
	e.SetOption(tcp.OOBInline, 1)
	k.send(seg{flags: ack | urg, seq: 9, ack: 1, urg: 2, data: "hUi"})
	k.frames = nil
	k.read(e, "h", nil)
	k.read(e, "Ui", nil)
	if n, err := e.Send([]byte("xyz"), tcp.OOB); n != 3 || err != nil {
		t.Error(n, err)
	}
	k.advance(0)
	k.want("the pointer points behind the urgent octet", `[PU.] 1:4 ack 12 win 65524 urg 3 "xyz"`)
	k.send(seg{flags: ack, seq: 12, ack: 4})
	k.write(e, "n")
	k.want("nothing is urgent any more", `[P.] 4:5 ack 12 win 65524 "n"`)
	k.send(seg{flags: ack, seq: 12, ack: 5})
}

// Segments of one stream in any order, overlapping, with a sequence number that wraps anywhere, give the stream; and what
// came first stays, whatever a later segment claims for the same octets.
func TestReassembly(t *testing.T) {
	const n = 2000
	stream := pattern(n, 7)
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			k := newKit(t, config.Config{})
			k.irs = uint32(0) - uint32(r.IntN(n+2))
			if seed == 0 {
				k.irs = 0xffffffff
			}
			e := k.accepted(segment.Options{Has: segment.HasMSS | segment.HasSACKPermitted | segment.HasWScale, MSS: 1000})
			known := make([]bool, n)
			var got []byte
			buf := make([]byte, n)
			for step := 0; len(got) < n; step++ {
				if step > 20000 {
					t.Fatal("no end")
				}
				from := r.IntN(n)
				to := min(n, from+1+r.IntN(300))
				data := bytes.Clone(stream[from:to])
				for i := range data {
					if known[from+i] {
						data[i] ^= 0xff // injected: it must not replace what is there
					}
					known[from+i] = true
				}
				k.send(seg{flags: ack, seq: 1 + uint32(from), ack: 1, data: string(data)})
				k.frames = nil
				m, err := e.Recv(buf, 0)
				if err != nil && err != errno.EAGAIN {
					t.Fatal(err)
				}
				got = append(got, buf[:m]...)
			}
			if !bytes.Equal(got, stream) {
				t.Error("the stream is not what came first")
			}
			k.advance(time.Second)
			k.frames = nil
		})
	}
}

// A user who reads when told of something else does not disturb the segment that tells it.
func TestReadingWhileASegmentIsProcessed(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(mss(100))
	e.SetOption(tcp.SendBuffer, 256)
	var got []byte
	fill := func() {
		for {
			if _, err := e.Send(bytes.Repeat([]byte("."), 100), 0); err != nil {
				return
			}
		}
	}
	e.SetReady(func(tcp.Ready) {
		b := make([]byte, 100)
		for {
			n, err := e.Recv(b, 0)
			if err != nil || n == 0 {
				break
			}
			got = append(got, b[:n]...)
		}
		fill()
	})
	fill()
	k.advance(0)
	want := ""
	at, acked := uint32(1), uint32(1)
	for i := range 200 {
		for len(k.frames) > 0 {
			_, h, data := k.parse(k.next(""))
			if end := h.Seq - k.iss + uint32(len(data)); int32(end-acked) > 0 {
				acked = end
			}
		}
		data := fmt.Sprint("message ", i)
		f := ack
		if i%3 == 0 {
			f |= urg
		}
		want += data
		e.SetOption(tcp.OOBInline, 1)
		k.send(seg{flags: f, seq: at, ack: acked, urg: 1, data: data})
		at += uint32(len(data))
	}
	if string(got) != want {
		t.Errorf("got %d octets, want %d, or others", len(got), len(want))
	}
	e.SetReady(nil)
	k.frames = nil
	e.Abort()
	k.advance(0)
	k.frames = nil
}

func TestChecksum(t *testing.T) { // 3.1, MUST-3: of data that is copied on the way, too
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	for i := range 8 * 40 {
		h := segment.Header{SrcPort: k.port, DstPort: k.local, Seq: k.irs + 1, Ack: k.iss + 1, Flags: ack, Window: 65535}
		b := append(segment.Append(nil, h), "twenty octets of data"...)
		segment.Seal(b, codec.Pseudo4(testerIP, nodeIP, codec.TCP))
		b[i/8] ^= 1 << (i % 8)
		k.inject(codec.TCP, b)
		for _, f := range k.frames { // a port that is another in the damaged segment
			_, h, _ := k.parse(f)
			t.Errorf("bit %d: %v", i, h)
		}
		k.frames = nil
	}
	k.read(e, "", errno.EAGAIN)
	if n := k.node.Stats().Drops[stats.TCPChecksum] + k.node.Stats().Drops[stats.TCPInvalid]; n != 320 {
		t.Errorf("%d were dropped, want 320", n)
	}
}
