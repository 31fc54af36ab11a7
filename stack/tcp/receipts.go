package tcp

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// maxReceipts is of how many packets a connection keeps the times until their data is read; of more no time is counted.
const maxReceipts = 256

// receipt is that of a packet, and where its data ends in the stream.
type receipt struct {
	end seq.Value
	iface.Receipt
}

// receipts are those of the packets whose data waits for the user, in the order of the stream. Where times are not kept
// there is none.
type receipts struct {
	list  []receipt
	first int // the ones in front of it are done with
}

// noteReceipt keeps the times of the packet that is being processed. Its data, which ends here, waits.
func (c *conn) noteReceipt(s *segment, end seq.Value) {
	r := &c.rcv.receipts
	if s.packet == nil || len(r.list)-r.first >= maxReceipts {
		return
	}
	x, ok := s.d.In.Receipt(s.packet)
	if !ok {
		return
	}
	if r.first > 0 && len(r.list) == cap(r.list) {
		r.list = r.list[:copy(r.list, r.list[r.first:])]
		r.first = 0
	}
	r.list = append(r.list, receipt{end, x})
	for i := len(r.list) - 1; i > r.first && end.Less(r.list[i-1].end); i-- { // it came out of order
		r.list[i], r.list[i-1] = r.list[i-1], r.list[i]
	}
}

// read counts the packets whose data has been read, up to here.
func (r *receipts) read(next seq.Value) {
	for r.first < len(r.list) && r.list[r.first].end.LessEq(next) {
		r.list[r.first].Given()
		r.first++
	}
	if r.first == len(r.list) {
		r.list, r.first = r.list[:0], 0
	}
}
