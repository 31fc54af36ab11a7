package netstats

import (
	"fmt"
	"strconv"
	"strings"
)

// A Subject is what a text is about, and what of it is there to be told.
type Subject struct {
	Name  string // of the interface; "" for the node as a whole
	Kind  string // of its link: Ethernet, Dummy
	Index int

	IPv4, IPv6, TCP bool // protocols that the node has
	Multicast4      bool // IGMP
	PathMTU4        bool
	PathMTU6        bool
	// TxPriorities and RxPriorities are a priority of each class. With one class there is no table, with none neither.
	TxPriorities, RxPriorities []int
}

// priorities are the names of IEEE 802.1Q, table I-2, by number.
var priorities = [...]string{"BE", "BK", "EE", "CA", "VI", "VO", "IC", "NC"} // never written

// Text is what "net stats" prints of an interface or, without a name, of the node: labels, tabs and all.
func (c *Counters) Text(s Subject) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if s.Name == "" {
		line("Global statistics")
		line("=================")
	} else {
		head := fmt.Sprintf("Interface %s (%s) [%d]", s.Name, s.Kind, s.Index)
		line("%s", head)
		line("%s", strings.Repeat("=", len(head)))
	}
	if s.IPv6 {
		line("IPv6 recv      %d\tsent\t%d\tdrop\t%d\tforwarded\t%d", c.IPv6.Recv, c.IPv6.Sent, c.IPv6.Drop, c.IPv6.Forwarded)
		line("IPv6 ND recv   %d\tsent\t%d\tdrop\t%d", c.IPv6ND.Recv, c.IPv6ND.Sent, c.IPv6ND.Drop)
		if s.PathMTU6 {
			line("IPv6 PMTU recv %d\tsent\t%d\tdrop\t%d", c.IPv6PMTU.Recv, c.IPv6PMTU.Sent, c.IPv6PMTU.Drop)
		}
		line("IPv6 MLD recv  %d\tsent\t%d\tdrop\t%d", c.IPv6MLD.Recv, c.IPv6MLD.Sent, c.IPv6MLD.Drop)
	}
	if s.IPv4 {
		line("IPv4 recv      %d\tsent\t%d\tdrop\t%d\tforwarded\t%d", c.IPv4.Recv, c.IPv4.Sent, c.IPv4.Drop, c.IPv4.Forwarded)
	}
	e := c.IPErrors
	line("IP vhlerr      %d\thblener\t%d\tlblener\t%d", e.VHLErr, e.HBLenErr, e.LBLenErr)
	line("IP fragerr     %d\tchkerr\t%d\tprotoer\t%d", e.FragErr, e.ChkErr, e.ProtoErr)
	if s.IPv4 && s.PathMTU4 {
		line("IPv4 PMTU recv %d\tsent\t%d\tdrop\t%d", c.IPv4PMTU.Recv, c.IPv4PMTU.Sent, c.IPv4PMTU.Drop)
	}
	line("ICMP recv      %d\tsent\t%d\tdrop\t%d", c.ICMP.Recv, c.ICMP.Sent, c.ICMP.Drop)
	line("ICMP typeer    %d\tchkerr\t%d", c.ICMP.TypeErr, c.ICMP.ChkErr)
	if s.IPv4 && s.Multicast4 {
		line("IGMP recv      %d\tsent\t%d\tdrop\t%d", c.IPv4IGMP.Recv, c.IPv4IGMP.Sent, c.IPv4IGMP.Drop)
	}
	line("UDP recv       %d\tsent\t%d\tdrop\t%d", c.UDP.Recv, c.UDP.Sent, c.UDP.Drop)
	line("UDP chkerr     %d", c.UDP.ChkErr)
	line("Raw recv       %d\tsent\t%d\tdrop\t%d", c.Raw.Recv, c.Raw.Sent, c.Raw.Drop)
	line("Raw bytes recv %d\tsent\t%d", c.Raw.Bytes.Received, c.Raw.Bytes.Sent)
	if s.TCP {
		t := &c.TCP
		line("TCP bytes recv %d\tsent\t%d\tresent\t%d", t.Bytes.Received, t.Bytes.Sent, t.Resent)
		line("TCP seg recv   %d\tsent\t%d\tdrop\t%d", t.Recv, t.Sent, t.SegDrop)
		line("TCP seg resent %d\tchkerr\t%d\tackerr\t%d", t.ReXmit, t.ChkErr, t.AckErr)
		line("TCP seg rsterr %d\trst\t%d", t.RstErr, t.Rst)
		line("TCP conn drop  %d\tconnrst\t%d", t.ConnDrop, t.ConnRst)
		line("TCP pkt drop   %d", t.Drop)
	}
	f := &c.PktFilter
	line("Filter drop rx %d\ttx\t%d", f.Rx.Drop+f.Rx.IPv4+f.Rx.IPv6+f.Rx.Local, f.Tx.Drop)
	line("Bytes received %d", c.Bytes.Received)
	line("Bytes sent     %d", c.Bytes.Sent)
	line("Processing err %d", c.ProcessingError)
	c.classes(line, s)
	return b.String()
}

// classes prints a table of each direction that has more than one class, and the average of one that has not.
func (c *Counters) classes(line func(string, ...any), s Subject) {
	if n := len(s.TxPriorities); n > 1 {
		line("TX traffic class statistics:")
		line("TC  Priority\tSent pkts\tbytes\ttime")
		for i, p := range s.TxPriorities {
			t := &c.TC.Sent[i]
			line("[%d] %s (%d)\t%d\t\t%d\t%s", i, priorities[p], p, t.Pkts, t.Bytes, average(t.TxTime, t.Detail[:]))
		}
	} else if c.TxTime.Count != 0 {
		line("Avg TX net_pkt (%d) time %s", c.TxTime.Count, average(c.TxTime, c.TC.Sent[0].Detail[:]))
	}
	if n := len(s.RxPriorities); n > 1 {
		line("RX traffic class statistics:")
		line("TC  Priority\tRecv pkts\tDrop pkts\tbytes\ttime")
		for i, p := range s.RxPriorities {
			t := &c.TC.Recv[i]
			line("[%d] %s (%d)\t%d\t\t%d\t\t%d\t%s", i, priorities[p], p, t.Pkts, t.Dropped, t.Bytes, average(t.RxTime, t.Detail[:]))
		}
	} else if c.RxTime.Count != 0 {
		line("Avg RX net_pkt (%d) time %s", c.RxTime.Count, average(c.RxTime, c.TC.Recv[0].Detail[:]))
	}
}

// average is the average time with, in brackets, those from point to point and their sum: each is truncated, so that the
// sum may be less than the whole. An average of zero is not shown, nor are brackets around nothing.
func average(t Time, detail []Time) string {
	if t.Count == 0 {
		return "-"
	}
	s := strconv.FormatUint(t.Average(), 10) + " us"
	points, sum := "0", uint64(0)
	for _, d := range detail {
		if us := d.Average(); us != 0 {
			points += "->" + strconv.FormatUint(us, 10)
			sum += us
		}
	}
	if sum != 0 {
		s += "\t[" + points + "=" + strconv.FormatUint(sum, 10) + " us]"
	}
	return s
}

// EthernetText is what "net stats" prints of the device of an Ethernet interface.
func (c *Counters) EthernetText(s Subject) string {
	e := &c.Eth
	var b strings.Builder
	fmt.Fprintf(&b, "Statistics for Ethernet interface %s [%d]\n", s.Name, s.Index)
	for _, l := range []struct {
		label string
		value uint64
	}{
		{"Bytes received", e.Bytes.Received}, {"Bytes sent", e.Bytes.Sent},
		{"Packets received", e.Pkts.Received}, {"Packets sent", e.Pkts.Sent},
		{"Bcast received", e.Broadcast.Received}, {"Bcast sent", e.Broadcast.Sent},
		{"Mcast received", e.Multicast.Received}, {"Mcast sent", e.Multicast.Sent},
		{"Receive errors", e.Errors.Received}, {"Send errors", e.Errors.Sent},
		{"Send drops", e.TxDropped}, {"Send restarts", e.TxRestartQueue},
		{"Unknown protocol", e.UnknownProtocol},
	} {
		fmt.Fprintf(&b, "%-17s: %d\n", l.label, l.value)
	}
	return b.String()
}
