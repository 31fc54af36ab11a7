package crosscheck

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// tsharkFields are all fields of the stack's reading.
var tsharkFields = strings.Fields(`
	eth.dst eth.src eth.type eth.len vlan.priority vlan.dei vlan.id vlan.etype llc.type
	arp.hw.type arp.proto.type arp.hw.size arp.proto.size arp.opcode
	arp.src.hw_mac arp.dst.hw_mac arp.src.proto_ipv4 arp.dst.proto_ipv4
	ip.version ip.hdr_len ip.dsfield ip.len ip.id ip.flags.rb ip.flags.df ip.flags.mf ip.frag_offset ip.ttl ip.proto
	ip.checksum ip.checksum.status ip.src ip.dst ip.cur_rt ip.opt.type ip.opt.len ip.opt.ptr ip.opt.overflow ip.opt.flag
	icmp.type icmp.code icmp.checksum icmp.checksum.status icmp.ident icmp.seq icmp.redir_gw icmp.pointer icmp.mtu
	icmp.originate_timestamp icmp.receive_timestamp icmp.transmit_timestamp icmp.address_mask
	udp.srcport udp.dstport udp.length udp.checksum udp.checksum.status
	igmp.type igmp.checksum igmp.checksum.status igmp.maddr igmp.max_resp igmp.s igmp.qrv igmp.qqic igmp.num_src igmp.saddr
	igmp.num_grp_recs igmp.record_type igmp.aux_data_len`)

// needTshark skips the test where tshark is not installed.
func needTshark(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not on PATH; to compare with it: apt-get install tshark")
	}
}

// readTshark reads all frames of a capture file.
func readTshark(t *testing.T, file string) []reading {
	t.Helper()
	args := []string{"-n", "-r", file,
		"-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.defragment:FALSE",
		"-T", "fields", "-E", "separator=|", "-E", "aggregator=;", "-E", "occurrence=a"}
	for _, f := range tsharkFields {
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
				r[tsharkFields[i]] = append(r[tsharkFields[i]], normal(v))
			}
		}
		all = append(all, r.mended())
	}
	return all
}

// mended brings tshark's reading to the form of the others. Dropped are the options EOL and NOP, and verdicts on the
// checksums of quoted datagrams and of fragments. Its fragment offset is in units of eight octets. With a source route,
// its ip.dst is the end of the route, and the destination field of the header is ip.cur_rt.
func (r reading) mended() reading {
	r["ip.opt.type"] = slices.DeleteFunc(r["ip.opt.type"], func(v string) bool { return v == "0" || v == "1" })
	if len(r["ip.opt.type"]) == 0 {
		delete(r, "ip.opt.type")
	}
	for f, v := range r {
		if strings.HasPrefix(f, "eth.") { // the others are within a tunnel
			r[f] = v[:1]
		}
	}
	if len(r["icmp.type"]) == 0 { // then what else has these fields is within a tunnel
		for f, v := range r {
			if layer, _, _ := strings.Cut(f, "."); layer == "udp" || layer == "ip" && !strings.HasPrefix(f, "ip.opt") {
				r[f] = v[:1]
			}
		}
	}
	for i, v := range r["ip.frag_offset"] {
		if n, err := strconv.ParseUint(v, 10, 13); err == nil {
			r["ip.frag_offset"][i] = strconv.FormatUint(8*n, 10)
		}
	}
	if current := r["ip.cur_rt"]; current != nil {
		r["ip.dst"] = current
		delete(r, "ip.cur_rt")
	}
	if t := r["igmp.type"]; len(t) > 0 && t[0] != "17" { // read in any message; it means something in a query
		delete(r, "igmp.max_resp")
	}
	for _, f := range []string{"ip.checksum.status", "icmp.checksum.status", "udp.checksum.status", "igmp.checksum.status"} {
		v := r[f]
		if len(v) > 1 {
			v = v[:1]
		}
		r[f] = v
		if len(v) == 0 || v[0] == "2" || f == "udp.checksum.status" && r["icmp.type"] != nil {
			delete(r, f)
		}
	}
	return r
}

// normal writes a number in decimal, whatever form tshark chose; anything else stays.
func normal(v string) string {
	switch v {
	case "True":
		return "1"
	case "False":
		return "0"
	}
	if n, err := strconv.ParseUint(v, 0, 64); err == nil {
		return strconv.FormatUint(n, 10)
	}
	return v
}

func tshark(args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", &tsharkError{err, errs.String()}
	}
	return out.String(), nil
}

type tsharkError struct {
	err  error
	said string
}

func (e *tsharkError) Error() string { return "tshark: " + e.err.Error() + "\n" + e.said }

// captureOf writes frames to a file for tshark.
func captureOf(t *testing.T, frames [][]byte) string {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	err := w.WriteFileHeader(65536, layers.LinkTypeEthernet)
	for i, f := range frames {
		if err == nil {
			ci := gopacket.CaptureInfo{Timestamp: time.Unix(int64(i), 0), CaptureLength: len(f), Length: len(f)}
			err = w.WritePacket(ci, f)
		}
	}
	name := filepath.Join(t.TempDir(), "frames.pcap")
	if err == nil {
		err = os.WriteFile(name, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}
