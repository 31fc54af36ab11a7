package recovery

// prr is proportional rate reduction (RFC 6937, 3), with the slow-start bound: how many octets the acknowledgements of a
// fast recovery let out, so that the window comes down to its target evenly.
type prr struct {
	target    int // ssthresh: what cwnd is to be at the end
	delivered int // prr_delivered
	out       int // prr_out
	recoverFS int // RecoverFS
	count     int // sndcnt, what is left of it
}

// begin is the start of recovery.
func (p *prr) begin(target, flight int) {
	*p = prr{target: target, recoverFS: max(flight, 1)}
}

// ack is what each acknowledgement in recovery does, delivered being its DeliveredData.
func (p *prr) ack(s *Sender, delivered int) {
	if !s.c.PRR || s.state != Recovery {
		return
	}
	p.delivered += delivered
	pipe := s.Pipe()
	if pipe > p.target {
		p.count = int((int64(p.delivered)*int64(p.target)+int64(p.recoverFS)-1)/int64(p.recoverFS)) - p.out
	} else {
		limit := max(p.delivered-p.out, delivered) + s.c.MSS // PRR-SSRB
		p.count = min(p.target-pipe, limit)
	}
	p.count = max(p.count, 0)
}

func (p *prr) sent(n int) {
	p.out += n
	p.count = max(p.count-n, 0)
}
