package recvq_test

import (
	"fmt"

	"github.com/conform-stack/conform/stack/tcp/recvq"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// A segment comes before the one in front of it; what of the late one is missing is copied, and both are in order.
func Example() {
	var q recvq.Queue
	q.Init(1000, 0)
	buffer := map[seq.Value]int{} // how many octets were copied to where
	arrive := func(r seq.Range) {
		for h, ok := q.Hole(r); ok; h, ok = q.Hole(seq.Range{Start: h.End, End: r.End}) {
			buffer[h.Start] = int(h.Len())
		}
		octets, _, _ := q.Insert(r)
		var room [3]seq.Range
		n, duplicate := q.SACK(room[:])
		fmt.Println(octets, "octets in order, ACK", q.Next(), "blocks", room[:n], "duplicate", duplicate)
	}
	arrive(seq.Range{Start: 2000, End: 3000})
	arrive(seq.Range{Start: 1000, End: 2500})
	fmt.Println(buffer)
	// Output:
	// 0 octets in order, ACK 1000 blocks [{2000 3000}] duplicate false
	// 2000 octets in order, ACK 3000 blocks [{2000 2500}] duplicate true
	// map[1000:1000 2000:1000]
}
