package crosscheck

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// tshark6Fields are all fields of packets of IPv6 that are compared. What an error quotes, and a packet within a packet, has
// its fields behind those of what is around it.
var tshark6Fields = strings.Fields(`
	ipv6.tclass ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim ipv6.src ipv6.dst ipv6.opt.type ipv6.opt.length
	ipv6.hopopts.nxt ipv6.hopopts.len ipv6.dstopts.nxt ipv6.dstopts.len
	ipv6.routing.nxt ipv6.routing.len ipv6.routing.type ipv6.routing.segleft
	ipv6.fraghdr.nxt ipv6.fraghdr.reserved_octet ipv6.fraghdr.offset ipv6.fraghdr.reserved_bits ipv6.fraghdr.more ipv6.fraghdr.ident
	udp.srcport udp.dstport udp.length udp.checksum udp.checksum.status
	tcp.srcport tcp.dstport tcp.seq_raw tcp.ack_raw tcp.hdr_len tcp.flags tcp.window_size_value tcp.checksum tcp.checksum.status
	tcp.urgent_pointer tcp.option_kind tcp.option_len
	icmpv6.type icmpv6.code icmpv6.checksum icmpv6.checksum.status icmpv6.echo.identifier icmpv6.echo.sequence_number
	icmpv6.mtu icmpv6.pointer icmpv6.nd.ra.cur_hop_limit icmpv6.nd.ra.flag.m icmpv6.nd.ra.flag.o icmpv6.nd.ra.flag.prf
	icmpv6.nd.ra.router_lifetime icmpv6.nd.ra.reachable_time icmpv6.nd.ra.retrans_timer
	icmpv6.nd.ns.target_address icmpv6.nd.na.target_address icmpv6.nd.na.flag.r icmpv6.nd.na.flag.s icmpv6.nd.na.flag.o
	icmpv6.nd.rd.target_address icmpv6.rd.na.destination_address
	icmpv6.opt.type icmpv6.opt.length icmpv6.opt.src_linkaddr icmpv6.opt.target_linkaddr icmpv6.opt.mtu icmpv6.opt.nonce
	icmpv6.opt.prefix.length icmpv6.opt.prefix.flag.l icmpv6.opt.prefix.flag.a icmpv6.opt.prefix.valid_lifetime
	icmpv6.opt.prefix.preferred_lifetime icmpv6.opt.prefix icmpv6.opt.route_info.flag.route_preference icmpv6.opt.route_lifetime
	icmpv6.opt.rdnss.lifetime icmpv6.opt.rdnss icmpv6.opt.dnssl.lifetime icmpv6.opt.dnssl
	icmpv6.mld.maximum_response_delay icmpv6.mld.maximum_response_code icmpv6.mld.multicast_address icmpv6.mld.flag.s
	icmpv6.mld.flag.qrv icmpv6.mld.qqi icmpv6.mld.nb_sources icmpv6.mld.source_address
	icmpv6.mldr.nb_mcast_records icmpv6.mldr.mar.record_type icmpv6.mldr.mar.nb_sources icmpv6.mldr.mar.multicast_address
	icmpv6.mldr.mar.source_address`)

// readTshark6 reads all frames of a capture file.
func readTshark6(t *testing.T, name string) []reading {
	t.Helper()
	args := []string{"-n", "-r", name, "-o", "ipv6.defragment:FALSE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
		"-o", "tcp.analyze_sequence_numbers:FALSE", "-T", "fields", "-E", "separator=|", "-E", "aggregator=;", "-E", "occurrence=a"}
	for _, f := range tshark6Fields {
		args = append(args, "-e", f)
	}
	out, err := tshark(args...)
	if err != nil {
		t.Fatal(err)
	}
	var all []reading
	for line := range strings.Lines(out) {
		r := reading{}
		for i, cell := range strings.Split(strings.TrimSuffix(line, "\n"), "|") {
			if cell == "" {
				continue
			}
			for v := range strings.SplitSeq(cell, ";") {
				r[tshark6Fields[i]] = append(r[tshark6Fields[i]], normal6(tshark6Fields[i], v))
			}
		}
		all = append(all, r.mended6())
	}
	return slices.Clip(all)
}

// normal6 is the value of a field as the others write it.
func normal6(field, v string) string {
	switch field {
	case "icmpv6.opt.nonce": // octets, which may look like a number
		return strings.ReplaceAll(v, ":", "")
	case "icmpv6.opt.dnssl":
		return v
	}
	if a, err := netip.ParseAddr(v); err == nil { // it writes ::1.0.0.0 for ::100:0
		return a.String()
	}
	return normal(v)
}

// mended6 brings tshark's reading to the form of the others: a checksum that was not looked at has no verdict, a missing one
// of UDP is wrong (RFC 8200, 8.1), and No-Operation and the end are no options of TCP.
func (r reading) mended6() reading {
	for _, f := range []string{"icmpv6.checksum.status", "udp.checksum.status", "tcp.checksum.status"} {
		r[f] = slices.DeleteFunc(r[f], func(v string) bool { return v == "2" })
		if len(r[f]) == 0 {
			delete(r, f)
		}
	}
	r["tcp.option_kind"] = slices.DeleteFunc(r["tcp.option_kind"], func(v string) bool { return v == "0" || v == "1" })
	if len(r["tcp.option_kind"]) == 0 {
		delete(r, "tcp.option_kind")
	}
	for i, v := range r["tcp.flags"] { // with the bits before CWR
		if n, err := strconv.Atoi(v); err == nil {
			r["tcp.flags"][i] = strconv.Itoa(n & 0xff)
		}
	}
	for i, v := range r["udp.checksum.status"] {
		if v == fmt.Sprint(notPresent) {
			r["udp.checksum.status"][i] = fmt.Sprint(bad)
		}
	}
	return r
}

// captures6 are the frames of IPv6 in the fixtures and, if CONFORM_PCAPS names a folder, in and below that.
func captures6(t *testing.T) (all []frame6) {
	t.Helper()
	dirs := []string{filepath.Join("..", "..", "fixtures", "pcaps")}
	if dir := os.Getenv("CONFORM_PCAPS"); dir != "" {
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		for _, f := range readCaptures(t, dir) {
			for _, p := range f.packets {
				if e, _, err := ethernet.Parse(p.frame); err == nil && e.Type == ethernet.TypeIPv6 {
					all = append(all, frame6{fmt.Sprintf("%s, packet %d", f.name, p.Number), p.frame})
				}
			}
		}
	}
	return all
}
