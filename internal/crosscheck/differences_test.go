package crosscheck

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A difference is a class of disagreements between the stack's codecs and another reader that is explained.
type difference struct {
	why     string
	reader  string // harness, tshark, or empty for both
	fields  string // the fields that may differ, by their beginnings
	when    func(seen) bool
	example string // a file on which it shows
}

// seen is one disagreement: the values of a field in two readings of a frame.
type seen struct {
	captured
	field        string
	ours, theirs reading
}

var differences = []difference{
	{
		why:    "this reading is of IPv4: IPv6, and what it carries, is read by TestIPv6InCaptures",
		reader: "tshark", fields: "ip. icmp. udp. igmp.", example: "linux-nd-ping6.pcap",
		when: func(s seen) bool { t, _ := s.network(); return t == 0x86dd },
	},
	{
		why:    "the stack reads the tag of IEEE 802.1Q alone: a service tag is an EtherType like others, the rest is its data",
		fields: "vlan. arp. ip. icmp. udp.", example: "arp-too-long-tha.pcap",
		when: func(s seen) bool { t, _ := s.network(); return t == 0x88a8 },
	},
	{
		why:    "tshark looks into MACsec frames that are not encrypted",
		reader: "tshark", fields: "ip. icmp. udp.", example: "icmp-rfc8335-missing-bytes.pcap",
		when: func(s seen) bool { t, _ := s.network(); return t == 0x88e5 },
	},
	{
		why:    "RARP has ARP's format and, in tshark, its fields; the stack does not read it",
		reader: "tshark", fields: "arp.", example: "getname_2_read4_asan.pcap",
		when: func(s seen) bool { t, _ := s.network(); return t == 0x8035 },
	},
	{
		why: "the stack reads nothing of a header that is not version 4, is shorter than 20 octets by its own word, or is cut; " +
			"gopacket and tshark read what there is, and tshark goes on with IPv6 where the version says so",
		fields: "ip. udp.", example: "ipv4_invalid_hdr_length.pcap",
		when: func(s seen) bool {
			t, b := s.network()
			return t == 0x0800 && (len(b) < 20 || b[0]>>4 != 4 || b[0]&15 < 5 || len(b) < 4*int(b[0]&15))
		},
	},
	{
		why:    "with a total length that does not hold the header the others stop; the stack can read on, and its Verify refuses",
		fields: "ip. udp.", example: "ipv4_invalid_total_length_2.pcap",
		when: func(s seen) bool { _, total, header, _ := s.datagram(); return 0 < total && total < header },
	},
	{
		why:    "tshark takes a total length of 0 for segmentation left to the device, and shows the length of the frame",
		reader: "tshark", fields: "ip.len", example: "ipv4_tcp_http_xml_tso.pcap",
		when: func(s seen) bool { _, total, header, _ := s.datagram(); return header > 0 && total == 0 },
	},
	{
		why:    "tshark has no field for an option that it does not know",
		reader: "tshark", fields: "ip.opt.type ip.opt.len", example: "extract_read2_asan.pcap",
		when: func(s seen) bool {
			return len(s.theirs["ip.opt.type"]) == 0 && slices.Contains(s.ours["ip.opt.type"], "3")
		},
	},
	{
		why:    "the stack reads nothing of a header of ICMP or UDP that is cut; tshark reads what there is",
		reader: "tshark", fields: "icmp. udp.", example: "udp-length-heapoverflow.pcap",
		when: func(s seen) bool { p, _, _, data := s.datagram(); return (p == 1 || p == 17) && len(data) < 8 },
	},
	{
		why:    "extended echoes (RFC 8335) are none of the messages whose rest the stack's reading looks into",
		reader: "tshark", fields: "icmp.ident", example: "icmp-rfc8335.pcap",
		when: func(s seen) bool { k := s.ours["icmp.type"]; return len(k) == 1 && (k[0] == "42" || k[0] == "43") },
	},
	{
		why:    "mtrace has IGMP's number and a type of its own, which tshark knows",
		reader: "tshark", fields: "igmp.", example: "mtrace.pcap",
		when: func(s seen) bool { return slices.Equal(s.theirs["igmp.type"], []string{"31"}) },
	},
}

// network gives the EtherType, behind a tag if there is one, and what follows; 0 when there is none. It is read here
// once more, for a difference must not be explained by the decoder that it may be a fault of.
func (s seen) network() (etherType int, b []byte) {
	for at := 12; at+2 <= len(s.frame); at += 4 {
		if etherType = int(binary.BigEndian.Uint16(s.frame[at:])); etherType != 0x8100 {
			return etherType, s.frame[at+2:]
		}
	}
	return 0, nil
}

// datagram gives the protocol, total length and header length of an IPv4 header that is there, and the data behind it;
// zeros when there is none.
func (s seen) datagram() (protocol, total, header int, data []byte) {
	t, b := s.network()
	if t != 0x0800 || len(b) < 20 || len(b) < 4*int(b[0]&15) {
		return 0, 0, 0, nil
	}
	header = 4 * int(b[0]&15)
	return int(b[9]), int(binary.BigEndian.Uint16(b[2:])), header, b[header:]
}

// agreement counts how often each class of differences was met.
type agreement map[int]int

// compare fails the test for each field on which a reader does not agree with the stack, and no difference says why.
func (a agreement) compare(t *testing.T, name string, p captured, reader string, ours, theirs reading) {
	t.Helper()
	fields := map[string]bool{}
	for k := range ours {
		fields[k] = true
	}
	for k := range theirs {
		fields[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if slices.Equal(ours[k], theirs[k]) {
			continue
		}
		if i := slices.IndexFunc(differences, func(d difference) bool {
			return d.covers(reader, seen{p, k, ours, theirs})
		}); i >= 0 {
			a[i]++
			continue
		}
		t.Errorf("packet %d: %s\nstack    %s\n%-8s %s\nframe %x", p.Number, k, strings.Join(ours[k], " "), reader, strings.Join(theirs[k], " "), p.frame)
	}
}

func (d difference) covers(reader string, s seen) bool {
	if d.reader != "" && d.reader != reader {
		return false
	}
	return slices.ContainsFunc(strings.Fields(d.fields), func(f string) bool { return strings.HasPrefix(s.field, f) }) && d.when(s)
}

// wantAllUsed fails for differences that did not show on their example: they explain nothing any more.
func (a agreement) wantAllUsed(t *testing.T, all []file) {
	t.Helper()
	for i, d := range differences {
		if there := slices.ContainsFunc(all, func(f file) bool { return strings.HasSuffix(f.name, d.example) }); there && a[i] == 0 {
			t.Errorf("no difference is explained any more by: %s", d.why)
		}
	}
}
