package replay

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
)

// igmpAligner is IGMP (RFC 1112, 2236 and 3376): by who speaks and what is said about which groups.
//
// When a host repeats a report, and how often, is chance and its Robustness Variable; the order of records is its own.
var igmpAligner = &aligner{
	kind: "IGMP",
	event: func(f *packet.Frame) (string, bool) {
		if !isIGMP(f) {
			return "", false
		}
		from, _ := ends(f)
		var said []string
		for _, s := range memberships(f) {
			said = append(said, s.what)
		}
		return fmt.Sprintf("IGMP of %s: %s", from, strings.Join(said, ", ")), true
	},
	begins: func(f *packet.Frame) bool {
		if rs := igmp.RecordsOf(f); len(rs) > 0 {
			return slices.ContainsFunc(rs, func(r igmp.Record) bool { return !isCurrentState(r) })
		}
		kind, old := igmp.Type.Of(f)
		return !old || kind == igmp.TypeQuery || kind == igmp.TypeLeave
	},
	comes: func(f *packet.Frame) []string {
		if f.Has(igmp.Report3Proto) {
			if rule := changeRule(f); rule != "" {
				return []string{rule}
			}
			return nil
		}
		switch kind, _ := igmp.Type.Of(f); kind {
		case igmp.TypeV1Report, igmp.TypeV2Report:
			return []string{"RFC2236:3-8"}
		case igmp.TypeLeave:
			return []string{"RFC2236:3-10"}
		}
		return nil
	},
	fields: func(f *packet.Frame) []field {
		if rs := igmp.RecordsOf(f); len(rs) > 0 {
			return report3Fields(recordRule(rs[0]), changeRule(f))
		}
		return igmpFields
	},
	unasked: noRule,
	again:   saidBefore,
	repeats: []string{"RFC3376:5.1-8"},
	within: func(f *packet.Frame) time.Duration {
		if f.Has(igmp.Report3Proto) {
			return time.Second // Unsolicited Report Interval (RFC 3376, section 8.11)
		}
		return 10 * time.Second // the same of RFC 2236, section 8.10
	},
}

func isIGMP(f *packet.Frame) bool {
	return f.Has(igmp.Proto) || f.Has(igmp.Query3) || f.Has(igmp.Report3Proto)
}

// A membership is one thing that an IGMP message says about a group.
type membership struct {
	group netip.Addr
	what  string
}

// memberships are all that f says, in an order of its own.
func memberships(f *packet.Frame) (all []membership) {
	for _, r := range recordsInOrder(f) {
		all = append(all, membership{r.Group, r.String()})
	}
	if kind, ok := igmp.Type.Of(f); ok {
		group, _ := igmp.Group.Of(f)
		all = append(all, membership{group, fmt.Sprintf("type %#02x for %s", kind, group)})
	}
	if group, ok := igmp.Query3Group.Of(f); ok {
		sources, _ := igmp.Sources.Of(f)
		all = append(all, membership{group, fmt.Sprintf("query for %s %x", group, sources)})
	}
	return all
}

// recordsInOrder are the records of f, by group and type.
func recordsInOrder(f *packet.Frame) []igmp.Record {
	return slices.SortedStableFunc(slices.Values(igmp.RecordsOf(f)), func(x, y igmp.Record) int {
		return cmp.Or(x.Group.Compare(y.Group), cmp.Compare(x.Type, y.Type))
	})
}

// mostReports is how often a change is reported at the most: the Robustness Variable has three bits in a query.
const mostReports = 7

// saidBefore tells whether all that f says of groups is the newest that was said of them.
func saidBefore(f *packet.Frame, before []*packet.Frame) bool {
	if !isIGMP(f) {
		return false
	}
	for _, m := range memberships(f) {
		times := 0
		for _, b := range slices.Backward(before) {
			about := slices.DeleteFunc(memberships(b), func(o membership) bool { return o.group != m.group })
			if len(about) == 0 {
				continue
			}
			if !slices.Contains(about, m) {
				break
			}
			times++
		}
		if times == 0 || times >= mostReports {
			return false
		}
	}
	return true
}

func isCurrentState(r igmp.Record) bool {
	return r.Type == igmp.ModeIsInclude || r.Type == igmp.ModeIsExclude
}

// recordRule is the requirement about the type of a record.
func recordRule(r igmp.Record) string {
	switch {
	case isCurrentState(r):
		return "RFC3376:4.2.12-1"
	case r.Type == igmp.AllowNewSources || r.Type == igmp.BlockOldSources:
		return "RFC3376:4.2.12-3"
	}
	return "RFC3376:4.2.12-2"
}

// changeRule is the requirement by which a change of state is reported with the first record of f; empty when it is
// none that a whole group joins or leaves by.
func changeRule(f *packet.Frame) string {
	rs := igmp.RecordsOf(f)
	switch {
	case len(rs) == 0:
		return ""
	case rs[0].Type == igmp.ChangeToExcludeMode:
		return "RFC3376:5.1-5"
	case rs[0].Type == igmp.ChangeToIncludeMode:
		return "RFC3376:5.1-6"
	}
	return ""
}

// igmpFields are of messages in the format of versions 1 and 2, and of queries.
var igmpFields = slices.Concat(
	[]field{same(ethernet.Proto, ethernet.Dst, "RFC1112:6.4-1")},
	addressed("RFC2236:3-6", "RFC1122:3.2.1.3-2"),
	[]field{
		same(ipv4.Proto, ipv4.TTL, "RFC2236:2-2"),
		routerAlert("RFC2236:2-3"),
		same(igmp.Proto, igmp.Type, "RFC2236:2-4"),
		same(igmp.Proto, igmp.MaxRespTime, "RFC2236:2.2-2"),
		fits(igmp.Proto, igmp.Checksum, "RFC2236:2.3-1"),
		same(igmp.Proto, igmp.Group, "RFC2236:2.4-2"),
	},
)

// report3Fields are of version 3 reports, with the requirements of the record's type and of the change; either may be
// empty.
func report3Fields(record, change string) []field {
	return slices.Concat(
		[]field{same(ethernet.Proto, ethernet.Dst, "RFC1112:6.4-1")},
		addressed("RFC3376:4.2.14-1", "RFC3376:4.2.13-1"),
		[]field{
			same(ipv4.Proto, ipv4.TOS, "RFC3376:4-3"),
			same(ipv4.Proto, ipv4.TTL, "RFC3376:4-2"),
			routerAlert("RFC3376:4-4"),
			same(igmp.Report3Proto, igmp.Report3Type, "RFC3376:4-5"),
			same(igmp.Report3Proto, igmp.Reserved1, "RFC3376:4.2.1-1"),
			fits(igmp.Report3Proto, igmp.Report3Checksum, "RFC3376:4.2.2-1"),
			same(igmp.Report3Proto, igmp.Reserved2, "RFC3376:4.2.1-1"),
			same(igmp.Report3Proto, igmp.NumRecords, "RFC3376:4.2.3-1"),
			recordField("record type", func(r igmp.Record) string { return fmt.Sprint(r.Type) }, record, change),
			recordField("record auxiliary data", func(r igmp.Record) string { return fmt.Sprintf("%x", r.Aux) }, "RFC3376:4.2.10-1"),
			recordField("record group", func(r igmp.Record) string { return r.Group.String() }, "RFC3376:4.2.4-1"),
			recordField("record sources", sourcesOf, "RFC3376:4.2.7-1", change),
			data(igmp.Report3Proto, "RFC3376:4.2.11-1"),
		},
	)
}

func sourcesOf(r igmp.Record) string {
	sources := slices.SortedFunc(slices.Values(r.Sources), netip.Addr.Compare)
	return fmt.Sprint(sources)
}

// recordField compares one thing of the records that both have. Their number is a field of its own.
func recordField(name string, of func(igmp.Record) string, requirements ...string) field {
	requirements = slices.DeleteFunc(requirements, func(r string) bool { return r == "" })
	return field{igmp.Report3Proto.Name() + " " + name, requirements, nil, func(want, got *packet.Frame) *packet.Diff {
		ws, gs := recordsInOrder(want), recordsInOrder(got)
		for i := range min(len(ws), len(gs)) {
			if w, g := of(ws[i]), of(gs[i]); w != g {
				return &packet.Diff{Field: name, Want: fmt.Sprintf("%s in %s", w, ws[i]), Got: fmt.Sprintf("%s in %s", g, gs[i])}
			}
		}
		return nil
	}}
}

// routerAlert is the option of RFC 2113, which is there if the capture has it; other options are the sender's to choose.
func routerAlert(requirement string) field {
	alerts := func(f *packet.Frame) int {
		options, _ := ipv4.Options.Of(f)
		return len(ipv4.FindOptions(options, ipv4.RouterAlertType))
	}
	return field{"IPv4 Router Alert", []string{requirement}, nil, func(want, got *packet.Frame) *packet.Diff {
		if alerts(want) <= alerts(got) {
			return nil
		}
		return &packet.Diff{Field: "Router Alert", Want: fmt.Sprint(alerts(want)), Got: fmt.Sprint(alerts(got))}
	}}
}
