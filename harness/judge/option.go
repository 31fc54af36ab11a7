package judge

import (
	"fmt"
	"net/netip"
)

// options are the options of an IPv4 header (RFC 791, section 3.1).
type options struct {
	*ipv4
	all  []ipOption
	stop optionStop // why the list could not be read to its end
	end  int        // offset in the header of the octet behind End of Option List; 0 without one
}

// optionStop is why a list of options ends.
type optionStop uint8

const (
	readToEnd  optionStop = iota
	tooSmall              // a length below 2
	pastHeader            // a length beyond the header, or none
)

type ipOption struct {
	at   int // offset in the header
	kind uint8
	b    []byte // with type and length
}

const (
	optNop       = 1
	optRecord    = 7
	optTimestamp = 68
	optSecurity  = 130
	optLoose     = 131
	optStream    = 136
	optStrict    = 137
	optAlert     = 148
)

func readOptions(p *ipv4) {
	o := parseOptions(p)
	apply(p.scene, optionRules, o)
}

func parseOptions(p *ipv4) *options {
	o := &options{ipv4: p}
	for at := 20; at < len(p.header); {
		b := p.header[at:]
		switch {
		case b[0] == 0:
			o.end = at + 1
			return o
		case b[0] == optNop:
			at++
			continue
		case len(b) < 2:
			o.stop = pastHeader
		case b[1] < 2:
			o.stop = tooSmall
		case int(b[1]) > len(b):
			o.stop = pastHeader
		}
		if o.stop != readToEnd {
			o.all = append(o.all, ipOption{at, b[0], nil})
			return o
		}
		o.all = append(o.all, ipOption{at, b[0], b[:b[1]]})
		at += int(b[1])
	}
	return o
}

// underway tells whether a source route leads on from the header's destination. The pseudo header of RFC 768 has the
// destination of the datagram then, or that of the header: the RFC does not say which.
func (p *ipv4) underway() bool {
	if len(p.header) <= 20 {
		return false
	}
	for _, o := range parseOptions(p).all {
		if (o.kind == optLoose || o.kind == optStrict) && len(o.b) > 2 && int(o.b[2]) <= len(o.b) {
			return true
		}
	}
	return false
}

var optionRules = []rule[options]{
	{Rule{"ipv4.option.length", "RFC791:3.1-OP-3", "option length", "the length of an option counts its type and length too"},
		func(o *options) *fault {
			return o.stopped(tooSmall, 1, "2 or more")
		}},
	{Rule{"ipv4.option.beyond", "RFC791:3.1-OP-6", "option length", "an option ends within the header"},
		func(o *options) *fault {
			return o.stopped(pastHeader, 0, "an option within the header")
		}},
	{Rule{"ipv4.option.padding", "RFC791:3.1-PA-1", "padding", "the header is padded with zeros behind the End of Option List"},
		func(o *options) *fault {
			for i := o.end; o.end > 0 && i < len(o.header); i++ {
				if o.header[i] != 0 {
					return &fault{o.at + i, fmt.Sprintf("%#02x", o.header[i]), "0"}
				}
			}
			return nil
		}},
	{Rule{"ipv4.option.copied", "RFC791:3.1-OP-5", "option", "fragments behind the first have only options with the copied flag"},
		func(o *options) *fault {
			return o.find(func(i ipOption) *fault {
				return when(o.offset > 0 && i.kind < 128 && i.kind != optRecord && i.kind != optTimestamp, o.at+i.at, i.kind, "only options from 128 up")
			})
		}},
	{Rule{"ipv4.option.record-route.copied", "RFC791:3.1-RR-10", "Record Route", "Record Route is in the first fragment only"},
		func(o *options) *fault { return o.copied(optRecord) }},
	{Rule{"ipv4.option.timestamp.copied", "RFC791:3.1-TS-16", "Timestamp", "Timestamp is in the first fragment only"},
		func(o *options) *fault { return o.copied(optTimestamp) }},
	{Rule{"ipv4.option.record-route.pointer", "RFC791:3.1-RR-2", "Record Route", "the pointer of Record Route is at least 4"},
		func(o *options) *fault { return o.pointer(optRecord, 4) }},
	{Rule{"ipv4.option.loose-route.pointer", "RFC791:3.1-LS-2", "LSRR", "the pointer of a loose source route is at least 4"},
		func(o *options) *fault { return o.pointer(optLoose, 4) }},
	{Rule{"ipv4.option.strict-route.pointer", "RFC791:3.1-SS-2", "SSRR", "the pointer of a strict source route is at least 4"},
		func(o *options) *fault { return o.pointer(optStrict, 4) }},
	{Rule{"ipv4.option.timestamp.pointer", "RFC791:3.1-TS-3", "Timestamp", "the pointer of Timestamp is at least 5"},
		func(o *options) *fault { return o.pointer(optTimestamp, 5) }},
	{Rule{"ipv4.option.timestamp.flag", "RFC791:3.1-TS-1", "Timestamp", "the flag of Timestamp is 0, 1 or 3"},
		func(o *options) *fault {
			return o.find(func(i ipOption) *fault {
				if i.kind != optTimestamp || len(i.b) < 4 {
					return nil
				}
				flag := i.b[3] & 0xf
				return when(flag != 0 && flag != 1 && flag != 3, o.at+i.at+3, flag, "0, 1 or 3")
			})
		}},
	{Rule{"ipv4.option.record-route.once", "RFC791:3.1-RR-11", "Record Route", "Record Route is at most once in a datagram"},
		func(o *options) *fault { return o.once(optRecord) }},
	{Rule{"ipv4.option.timestamp.once", "RFC791:3.1-TS-17", "Timestamp", "Timestamp is at most once in a datagram"},
		func(o *options) *fault { return o.once(optTimestamp) }},
	{Rule{"ipv4.option.security.once", "RFC791:3.1-SE-3", "Security", "Security is at most once in a datagram"},
		func(o *options) *fault { return o.once(optSecurity) }},
	{Rule{"ipv4.option.one-route", "RFC1122:3.2.1.8c-4", "source route", "a header has at most one source route"},
		func(o *options) *fault { return o.once(optLoose, optStrict) }},
	{Rule{"ipv4.option.stream", "RFC1122:3.2.1.8b-1", "Stream Identifier", "the Stream Identifier option is not sent"},
		func(o *options) *fault {
			return o.find(func(i ipOption) *fault {
				return when(i.kind == optStream, o.at+i.at, "Stream Identifier", "no such option")
			})
		}},
	{Rule{"ipv4.option.group", "RFC1112:6.2-5", "route data", "no group address is in a source route or Record Route"}, (*options).groupInRoute},
}

// stopped is the fault that the list could not be read, for one reason.
func (o *options) stopped(why optionStop, n int, want string) *fault {
	if o.stop != why {
		return nil
	}
	i := o.all[len(o.all)-1]
	got := fmt.Sprintf("option %d without a length", i.kind)
	if i.at+1 < len(o.header) {
		got = fmt.Sprintf("option %d of %d octets, with %d left", i.kind, o.header[i.at+1], len(o.header)-i.at)
	}
	return &fault{o.at + i.at + n, got, want}
}

// find returns the first fault among the options that could be read.
func (o *options) find(judge func(ipOption) *fault) *fault {
	for _, i := range o.all {
		if i.b == nil {
			continue
		}
		if f := judge(i); f != nil {
			return f
		}
	}
	return nil
}

func (o *options) copied(kind uint8) *fault {
	return o.find(func(i ipOption) *fault {
		return when(o.offset > 0 && i.kind == kind, o.at+i.at, fmt.Sprintf("in the fragment at %d", o.offset), "only in the first fragment")
	})
}

func (o *options) pointer(kind, least uint8) *fault {
	return o.find(func(i ipOption) *fault {
		return when(i.kind == kind && (len(i.b) < 3 || i.b[2] < least), o.at+i.at+2, fmt.Sprintf("% x", i.b[:min(3, len(i.b))]), fmt.Sprintf("a pointer of %d or more", least))
	})
}

func (o *options) once(kinds ...uint8) *fault {
	n := 0
	return o.find(func(i ipOption) *fault {
		for _, k := range kinds {
			if i.kind == k {
				n++
			}
		}
		return when(n > 1, o.at+i.at, "a second one", "one")
	})
}

func (o *options) groupInRoute() *fault {
	return o.find(func(i ipOption) *fault {
		if i.kind != optRecord && i.kind != optLoose && i.kind != optStrict || len(i.b) < 3 {
			return nil
		}
		for at := 3; at+4 <= len(i.b); at += 4 {
			if a := netip.AddrFrom4([4]byte(i.b[at : at+4])); a.IsMulticast() {
				return &fault{o.at + i.at + at, a.String(), "an address of one host"}
			}
		}
		return nil
	})
}
