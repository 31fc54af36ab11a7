package netstats

import "github.com/conform-stack/conform/stack/stats"

// Of computes Zephyr's counters from ours: the table of what is what. Some of our reasons to drop have no counter there;
// they are those of Uncounted.
func Of(n *stats.Node) (c Counters) {
	drops := func(reasons ...stats.Drop) (sum uint64) {
		for _, d := range reasons {
			sum += n.Drops[d]
		}
		return sum
	}
	frag := drops(stats.FragInvalid, stats.FragTimeout, stats.FragEvicted, stats.FragNoBuffer, stats.FragAborted)
	ip := frag + drops(stats.IPInvalid, stats.IPVersion, stats.IPChecksum, stats.IPLength, stats.IPLengthHigh,
		stats.IPSource, stats.IPDestination, stats.IPLinkCast, stats.IPOption, stats.IPSourceRoute, stats.IPNoProtocol,
		stats.IPTTL, stats.IPNoRoute, stats.IPTooBig, stats.IPIDExhausted, stats.ForwardRefused,
		stats.ExtHeader, stats.ExtOption, stats.ExtRouting)

	c.ProcessingError = drops(stats.FrameInvalid, stats.OtherStation, stats.BadLinkSource, stats.OwnFrame,
		stats.FrameDuplicate, stats.FrameSecurity, stats.FrameReplay,
		stats.UnknownType, stats.UnknownVLAN, stats.ARPInvalid, stats.ARPSource, stats.ARPConflict,
		stats.LowpanInvalid, stats.LowpanUnknown, stats.LowpanContext, stats.LowpanChecksum,
		stats.MeshHops, stats.MeshRepeat, stats.MeshRefused)
	c.Bytes = Bytes{Sent: n.Link.SentBytes, Received: n.Link.ReceivedBytes}
	c.IPErrors = IPErrors{
		VHLErr:   drops(stats.IPInvalid, stats.IPVersion),
		HBLenErr: drops(stats.IPLengthHigh),
		LBLenErr: drops(stats.IPLength),
		FragErr:  frag,
		ChkErr:   drops(stats.IPChecksum),
		ProtoErr: drops(stats.IPNoProtocol, stats.IPVersion),
	}
	c.IPv6 = IP{Recv: n.IPv6.Received, Sent: n.IPv6.Sent, Forwarded: n.IPv6.Forwarded, Drop: ip - n.IPv4Drops}
	c.IPv4 = IP{Recv: n.IPv4.Received, Sent: n.IPv4.Sent, Forwarded: n.IPv4.Forwarded, Drop: n.IPv4Drops}
	c.ICMP = ICMP{
		Recv:    n.ICMP.Received + n.ICMPv6.Received,
		Sent:    n.ICMP.Sent + n.ICMPv6.Sent,
		Drop:    drops(stats.ICMPInvalid, stats.ICMPChecksum, stats.ICMPUnknown, stats.ICMPIgnored, stats.ICMPRateLimit),
		TypeErr: drops(stats.ICMPUnknown),
		ChkErr:  drops(stats.ICMPChecksum),
	}
	t := &n.TCP
	c.TCP = TCP{
		Bytes:    Bytes{Sent: t.SentBytes, Received: t.ReceivedBytes},
		Resent:   t.RetransmittedBytes,
		Drop:     drops(stats.TCPInvalid, stats.TCPChecksum, stats.TCPNoPort),
		Recv:     t.Received,
		Sent:     t.Sent,
		SegDrop:  drops(stats.TCPUnwanted, stats.TCPOutWindow, stats.TCPDuplicate, stats.TCPNoRoom, stats.TCPOld),
		ChkErr:   drops(stats.TCPChecksum),
		AckErr:   t.AckErrors,
		RstErr:   t.ResetErrors,
		Rst:      t.ResetsReceived,
		ReXmit:   t.Retransmitted,
		ConnDrop: drops(stats.TCPBacklog),
		ConnRst:  drops(stats.TCPNoPort),
	}
	c.UDP = UDP{
		Drop:   drops(stats.UDPInvalid, stats.UDPChecksum, stats.UDPNoPort, stats.SocketFull),
		Recv:   n.UDP.Received,
		Sent:   n.UDP.Sent,
		ChkErr: drops(stats.UDPChecksum),
	}
	c.Raw = Raw{
		Recv: n.Raw.Received, Sent: n.Raw.Sent, Drop: drops(stats.RawFull),
		Bytes: Bytes{Sent: n.Raw.SentBytes, Received: n.Raw.ReceivedBytes},
	}
	c.IPv6ND = Messages{n.ND.Received, n.ND.Sent, drops(stats.NDInvalid, stats.NDIgnored)}
	c.IPv6PMTU = pathMTU(n.PathMTU6)
	c.IPv4PMTU = pathMTU(n.PathMTU4)
	c.IPv6MLD = Messages{n.MLD.Received, n.MLD.Sent, drops(stats.MLDInvalid, stats.MLDIgnored)}
	c.IPv4IGMP = Messages{n.IGMP.Received, n.IGMP.Sent, drops(stats.IGMPInvalid, stats.IGMPIgnored)}
	c.PktFilter.Rx.Drop = drops(stats.FilterReceive)
	c.PktFilter.Rx.IPv4 = drops(stats.FilterIPv4)
	c.PktFilter.Rx.IPv6 = drops(stats.FilterIPv6)
	c.PktFilter.Rx.Local = drops(stats.FilterLocal)
	c.PktFilter.Tx.Drop = drops(stats.FilterSend)
	for i := range n.TC.Sent {
		s := &n.TC.Sent[i]
		c.TC.Sent[i] = TCSent{Pkts: s.Packets, Bytes: s.Bytes, Dropped: s.Dropped, TxTime: of(s.Time)}
		for k := range c.TC.Sent[i].Detail {
			c.TC.Sent[i].Detail[k] = of(s.Detail[k])
		}
		r := &n.TC.Received[i]
		c.TC.Recv[i] = TCRecv{Pkts: r.Packets, Bytes: r.Bytes, Dropped: r.Dropped, RxTime: of(r.Time)}
		for k := range c.TC.Recv[i].Detail {
			c.TC.Recv[i].Detail[k] = of(r.Detail[k])
		}
	}
	c.TxTime, c.RxTime = of(stats.Total(&n.TC.Sent).Time), of(stats.Total(&n.TC.Received).Time)
	c.Eth = Eth{
		Bytes:           Pair{Received: n.Link.ReceivedBytes, Sent: n.Link.SentBytes},
		Pkts:            Pair{Received: n.Link.Received, Sent: n.Link.Sent},
		Broadcast:       Pair{Received: n.Link.Broadcast, Sent: n.Link.BroadcastSent},
		Multicast:       Pair{Received: n.Link.Multicast, Sent: n.Link.MulticastSent},
		Errors:          Pair{Received: drops(stats.FrameInvalid, stats.RxNoBuffer), Sent: drops(stats.DeviceFull)},
		TxDropped:       drops(stats.DeviceFull),
		TxRestartQueue:  n.Link.Restarts,
		UnknownProtocol: drops(stats.UnknownType),
	}
	c.Eth.ErrorDetails.RxNoBufferCount = drops(stats.RxNoBuffer)
	c.Eth.ErrorDetails.RxFrameErrors = drops(stats.FrameInvalid)
	return c
}

// pathMTU takes as dropped the messages that were not believed.
func pathMTU(p stats.PathMTU) Messages {
	return Messages{Recv: p.Received, Sent: p.Sent, Drop: p.Received - p.Believed}
}

// of keeps what is below a microsecond until the sum is made.
func of(v stats.Interval) Time { return Time{Sum: v.Sum / 1000, Count: v.Count} }

// Uncounted tells why a reason to drop has no counter of Zephyr's; "" for one that has.
func Uncounted(d stats.Drop) string {
	switch d {
	case stats.NotDropped:
		return "it is no drop"
	case stats.IfaceDown:
		return "the driver is told so, and counts or does not"
	case stats.NoBuffer:
		return "whoever asked for the buffer is told so"
	case stats.RxQueueFull, stats.TxQueueFull:
		return "it is in the class that was full"
	case stats.NotResolved, stats.PendingFull, stats.NoLinkAddr:
		return "neighbours have no counters"
	case stats.FrameChecksum:
		return "the radio drops it"
	case stats.FrameUnacked, stats.ChannelBusy:
		return "who sends is told so"
	case stats.FrameExpired:
		return "there is no coordinator"
	case stats.ICMPNotSent:
		return "there was never to be a message"
	case stats.SocketClose:
		return "it had arrived"
	}
	return ""
}
