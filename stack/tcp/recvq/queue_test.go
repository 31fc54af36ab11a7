package recvq_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/tcp/recvq"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

func rng(a, b uint32) seq.Range { return seq.Range{Start: seq.Value(a), End: seq.Value(b)} }

// A step is one segment, and the acknowledgement that it draws: its number and its blocks.
type step struct {
	seg    seq.Range
	ack    uint32
	blocks string
}

// walk runs the steps once as they are printed and once so that the sequence numbers wrap in the middle.
func walk(t *testing.T, name string, next uint32, blocks int, steps []step) {
	t.Helper()
	for _, base := range []uint32{0, 1<<32 - 5600, 1<<32 - 2250, 1 << 31} {
		var q recvq.Queue
		q.Init(seq.Value(next+base), 0)
		var room [4]seq.Range
		for i, s := range steps {
			q.Insert(rng(uint32(s.seg.Start)+base, uint32(s.seg.End)+base))
			got := ""
			n, dup := q.SACK(room[:blocks])
			for k, b := range room[:n] {
				if k > 0 {
					got += " "
				} else if dup {
					got = "D:"
				}
				got += fmt.Sprintf("%d-%d", uint32(b.Start)-base, uint32(b.End)-base)
			}
			if ack := uint32(q.Next()) - base; ack != s.ack || got != s.blocks {
				t.Errorf("%s, base %d, step %d, segment %d-%d: ACK %d <%s>, want %d <%s>", name, base, i+1,
					uint32(s.seg.Start), uint32(s.seg.End), ack, got, s.ack, s.blocks)
			}
		}
	}
}

// RFC 2018, 7: the sender sends 8 segments of 500 octets, the first with 5000.
func TestExamplesOfRFC2018(t *testing.T) {
	walk(t, "case 1: the first 4 arrive", 5000, 3, []step{
		{rng(5000, 5500), 5500, ""}, {rng(5500, 6000), 6000, ""}, {rng(6000, 6500), 6500, ""}, {rng(6500, 7000), 7000, ""},
	})
	walk(t, "case 2: the first is lost", 5000, 3, []step{
		{rng(5500, 6000), 5000, "5500-6000"}, {rng(6000, 6500), 5000, "5500-6500"}, {rng(6500, 7000), 5000, "5500-7000"},
		{rng(7000, 7500), 5000, "5500-7500"}, {rng(7500, 8000), 5000, "5500-8000"}, {rng(8000, 8500), 5000, "5500-8500"},
		{rng(8500, 9000), 5000, "5500-9000"},
	})
	walk(t, "case 3: the second, fourth, sixth and eighth are lost", 5000, 3, []step{
		{rng(5000, 5500), 5500, ""},
		{rng(6000, 6500), 5500, "6000-6500"},
		{rng(7000, 7500), 5500, "7000-7500 6000-6500"},
		{rng(8000, 8500), 5500, "8000-8500 7000-7500 6000-6500"},
		{rng(6500, 7000), 5500, "6000-7500 8000-8500"}, // the fourth comes late
		{rng(5500, 6000), 7500, "8000-8500"},           // the second
	})
}

func TestExamplesOfRFC2883(t *testing.T) {
	walk(t, "4.1.1", 3000, 3, []step{
		{rng(3000, 3500), 3500, ""}, {rng(3500, 4000), 4000, ""}, {rng(3000, 3500), 4000, "D:3000-3500"},
	})
	walk(t, "4.1.2", 3000, 3, []step{
		{rng(3000, 3500), 3500, ""}, {rng(3500, 4000), 4000, ""}, {rng(4500, 5000), 4000, "4500-5000"},
		{rng(3000, 3500), 4000, "D:3000-3500 4500-5000"},
	})
	walk(t, "4.1.3", 3500, 3, []step{
		{rng(3500, 4000), 4000, ""}, {rng(4500, 5000), 4000, "4500-5000"}, {rng(5000, 5500), 4000, "4500-5500"},
		{rng(5000, 5500), 4000, "D:5000-5500 4500-5500"},
	})
	walk(t, "4.2.1", 500, 3, []step{
		{rng(500, 1000), 1000, ""}, {rng(2000, 2500), 1000, "2000-2500"}, {rng(1000, 1500), 1500, "2000-2500"},
		{rng(1000, 2000), 2500, "D:1000-1500"},
	})
	walk(t, "4.2.2", 500, 3, []step{
		{rng(500, 1000), 1000, ""}, {rng(3000, 3500), 1000, "3000-3500"}, {rng(1000, 1500), 1500, "3000-3500"},
		{rng(2000, 2500), 1500, "2000-2500 3000-3500"}, {rng(1000, 2500), 2500, "D:1000-1500 3000-3500"},
	})
	walk(t, "4.2.3", 500, 3, []step{
		{rng(500, 1000), 1000, ""}, {rng(3500, 4000), 1000, "3500-4000"}, {rng(1500, 2000), 1000, "1500-2000 3500-4000"},
		{rng(2000+500, 3000), 1000, "2500-3000 1500-2000 3500-4000"}, // as in the text: two apart, below the last
		{rng(1500, 3000), 1000, "D:1500-2000 1500-3000 3500-4000"},
	})
}

// RFC 2018, 4: each range is reported in at least three acknowledgements in a row, with three blocks.
func TestEachBlockIsRepeated(t *testing.T) {
	var q recvq.Queue
	q.Init(0, 0)
	seen := map[seq.Value]int{}
	for i := range uint32(30) {
		start := 1000 + i*200
		q.Insert(rng(start, start+100))
		var room [3]seq.Range
		n, _ := q.SACK(room[:])
		if room[0] != rng(start, start+100) {
			t.Errorf("the first block is %v, want the segment at %d", room[0], start)
		}
		for _, b := range room[:n] {
			seen[b.Start]++
		}
	}
	for i := range uint32(28) {
		if n := seen[seq.Value(1000+i*200)]; n < 3 {
			t.Errorf("range %d was reported %d times", i, n)
		}
	}
}

func TestFIN(t *testing.T) {
	for _, base := range []uint32{0, 1<<32 - 205, 1<<32 - 201, 1<<32 - 200} {
		var q recvq.Queue
		start := func() { q.Init(seq.Value(base), 0) }
		insert := func(why string, a, b uint32, octets seq.Size, fin bool) {
			t.Helper()
			if n, f, ok := q.Insert(rng(base+a, base+b)); n != octets || f != fin || !ok {
				t.Errorf("base %d, %s: %d octets, fin %v, %v; want %d, %v", base, why, n, f, ok, octets, fin)
			}
		}
		start()
		insert("data", 0, 200, 200, false)
		if !q.SetFIN(seq.Value(base + 200)) {
			t.Error("FIN in order refused")
		}
		insert("FIN alone", 200, 201, 0, true)
		insert("FIN again", 200, 201, 0, false)
		if !q.Finished() || q.Next() != seq.Value(base+201) {
			t.Errorf("finished %v, next %d", q.Finished(), q.Next())
		}

		start()
		if !q.SetFIN(seq.Value(base + 200)) {
			t.Error("FIN out of order refused")
		}
		insert("FIN with data, early", 100, 201, 0, false)
		if h, ok := q.Hole(rng(base+150, base+300)); ok {
			t.Errorf("a hole beyond the FIN: %v", h)
		}
		insert("data beyond the FIN", 201, 300, 0, false)
		if q.SetFIN(seq.Value(base+300)) || q.SetFIN(seq.Value(base+100)) || !q.SetFIN(seq.Value(base+200)) {
			t.Error("the place of the FIN was moved")
		}
		insert("the rest", 0, 100, 200, true)
		if at, ok := q.FIN(); !ok || at != seq.Value(base+200) {
			t.Errorf("FIN %d, %v", at, ok)
		}

		start()
		insert("data out of order", 100, 200, 0, false)
		if q.SetFIN(seq.Value(base + 199)) {
			t.Error("a FIN before data that has come is believed")
		}
	}
}

func TestBound(t *testing.T) {
	var q recvq.Queue
	q.Init(0, 3)
	for _, a := range []uint32{100, 200, 300} {
		q.Insert(rng(a, a+50))
	}
	if _, _, ok := q.Insert(rng(400, 450)); ok || q.Ranges() != 3 || q.Held() != 150 {
		t.Errorf("a fourth range: taken %v, %d ranges, %d octets", ok, q.Ranges(), q.Held())
	}
	if _, _, ok := q.Insert(rng(250, 300)); !ok || q.Ranges() != 2 {
		t.Errorf("octets that join two: taken %v, %d ranges", ok, q.Ranges())
	}
	q.Insert(rng(400, 450))
	if n, _, ok := q.Insert(rng(0, 50)); !ok || n != 50 {
		t.Errorf("octets in order are refused: %d, %v", n, ok)
	}
}

func TestNoAllocation(t *testing.T) {
	var q recvq.Queue
	q.Init(0, 0)
	at := uint32(0)
	var room [4]seq.Range
	round := func() {
		for i := uint32(40); i > 0; i-- { // the first of 41 is late, the others come in reverse
			q.Insert(rng(at+i*1000, at+i*1000+900))
			q.SACK(room[:])
		}
		for h, ok := q.Hole(rng(at, at+41000)); ok; h, ok = q.Hole(seq.Range{Start: h.End, End: seq.Value(at + 41000)}) {
		}
		q.Insert(rng(at, at+41000))
		at += 41000
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if q.Next() != seq.Value(at) || q.Ranges() != 0 || q.Held() != 0 {
		t.Errorf("next %d, want %d; %d ranges", q.Next(), at, q.Ranges())
	}
}

// Law: whatever comes, the queue says the same of each octet as an array of bools, and data that is written through the
// holes is that of the first arrival.
func FuzzQueue(f *testing.F) {
	f.Add(uint32(1<<32-20), []byte{10, 5, 0, 20, 5, 0, 15, 5, 0, 0, 12, 0, 30, 9, 1, 0, 60, 0})
	f.Add(uint32(0), []byte{5, 5, 0, 15, 5, 0, 25, 5, 0, 35, 5, 0, 45, 5, 0, 0, 50, 0, 50, 3, 1})
	f.Fuzz(func(t *testing.T, base uint32, ops []byte) {
		const size = 320
		var q recvq.Queue
		q.Init(seq.Value(base), 6)
		var has [size + 1]bool // of each sequence number
		var data, first [size]byte
		next, fin, done := 0, -1, false
		for i := 0; i+2 < len(ops); i += 3 {
			a := int(ops[i])
			b := a + int(ops[i+1])%64
			r := rng(base+uint32(a), base+uint32(b))
			if ops[i+2]&1 != 0 { // this one ends with a FIN
				end := 0
				for k, h := range has {
					if h {
						end = k + 1
					}
				}
				want := fin == b || fin < 0 && b >= max(end, next)
				if got := q.SetFIN(r.End); got != want {
					t.Fatalf("SetFIN(%d) = %v, the model %v", b, got, want)
				}
				if want {
					fin = b
					r.End++
				}
			}
			stop := int(uint32(r.End) - base)
			if fin >= 0 {
				stop = min(stop, fin+1)
			}
			dup := [2]int{-1, -1} // the first octets that had come
			for k := a; k < int(uint32(r.End)-base); k++ {
				had := k < next || k < len(has) && has[k]
				if had && dup[0] < 0 {
					dup[0] = k
				}
				if !had && dup[0] >= 0 {
					break
				}
				if had {
					dup[1] = k + 1
				}
			}
			for h, ok := q.Hole(r); ok; h, ok = q.Hole(seq.Range{Start: h.End, End: r.End}) {
				for v := h.Start; v != h.End; v++ {
					k := int(uint32(v) - base)
					if k < next || has[k] || k == fin || k >= stop || k < a {
						t.Fatalf("octet %d is in a hole", k)
					}
					data[k] = byte(i + 1)
				}
			}
			ranges := q.Ranges()
			octets, isFIN, ok := q.Insert(r)
			if !ok {
				if ranges < 6 {
					t.Fatalf("refused with %d ranges", ranges)
				}
				continue // the model has not seen it either
			}
			for k := max(a, next); k < stop; k++ {
				if !has[k] {
					has[k] = true
					if k < size {
						first[k] = byte(i + 1)
					}
				}
			}
			before := next
			for next < len(has) && has[next] {
				next++
			}
			wantOctets, wantFIN := next-before, false
			if fin >= 0 && next > fin && !done {
				done, wantFIN = true, true
				wantOctets--
			}
			if int(octets) != wantOctets || isFIN != wantFIN || q.Next() != seq.Value(base+uint32(next)) {
				t.Fatalf("after [%d,%d): %d octets, fin %v, next %d; the model %d, %v, %d", a, b, octets, isFIN, uint32(q.Next())-base, wantOctets, wantFIN, next)
			}
			checkBlocks(t, &q, base, has[:], next, dup)
		}
		if n := next; fin < 0 && !bytes.Equal(data[:min(n, size)], first[:min(n, size)]) {
			t.Errorf("data %x\nwant %x", data[:n], first[:n])
		}
	})
}

// checkBlocks compares all that the queue reports with the runs of the model.
func checkBlocks(t *testing.T, q *recvq.Queue, base uint32, has []bool, next int, dup [2]int) {
	t.Helper()
	var want, got []seq.Range
	held := 0
	for k := next; k < len(has); k++ {
		if !has[k] {
			continue
		}
		held++
		if n := len(want); n > 0 && want[n-1].End == seq.Value(base+uint32(k)) {
			want[n-1].End++
		} else {
			want = append(want, rng(base+uint32(k), base+uint32(k)+1))
		}
	}
	var room [16]seq.Range
	n, isDup := q.SACK(room[:])
	got = slices.Clone(room[:n])
	if isDup != (dup[0] >= 0) || isDup && got[0] != rng(base+uint32(dup[0]), base+uint32(dup[1])) {
		t.Fatalf("duplicate %v %v, the model %v", isDup, got, dup)
	}
	if isDup {
		got = got[1:]
	}
	slices.SortFunc(got, func(a, b seq.Range) int { return int(int32(a.Start - b.Start)) })
	if !slices.Equal(got, want) || int(q.Held()) != held || q.Ranges() != len(want) {
		t.Fatalf("blocks %v, %d octets in %d ranges; the model %v, %d", got, q.Held(), q.Ranges(), want, held)
	}
}
