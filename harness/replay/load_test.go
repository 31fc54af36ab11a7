package replay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/fixtures/pcaps"
	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/replay"
)

// Each fault is one change away from a scenario shown to be good.
func TestScenarioFilesThatAreRefused(t *testing.T) {
	const name = "linux-udp-closed"
	good, err := pcaps.Files.ReadFile(name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	load := func(yaml string) error {
		_, err := replay.LoadFS(fstest.MapFS{"x.yaml": {Data: []byte(yaml)}, name + ".pcap": {Data: capturedAs(t, name, unchanged)}})
		return err
	}
	if err := load(string(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{"capture: linux-udp-closed.pcap", "", "x.yaml:2: the scenario has no capture"},
		{"title:", "titel:", `x.yaml:2: the scenario has no key "titel": it has assigns, capture, flows, hosts, mask, omit, shows, sockets, target, title, unused`},
		{"target:", "title: again\ntarget:", `x.yaml:8: key "title" occurs twice`},
		{"02:00:00:00:0a:01", "02:00:00:00:0a", `x.yaml:5: mac "02:00:00:00:0a" is no address of Ethernet or IEEE 802.15.4`},
		{"ip: 10.0.0.2", "ip: 10.0.0", `x.yaml:6: ip "10.0.0" is no IP address`},
		{", ip: 10.0.0.2", "", "x.yaml:6: host responder has no ip"},
		{"[responder, sender]", "[responder, nobody]", "x.yaml: target names nobody, which is no host of the scenario"},
		{"kind: UDP", "kind: SCTP", `x.yaml:11: kind "SCTP" is unknown: it is ARP, ICMP echo, ICMP error, UDP, IGMP, ND, router discovery, ICMPv6 echo, ICMPv6 error, TCP`},
		{"kind: UDP, hosts: [sender, responder]", "kind: UDP, hosts: [sender]", "x.yaml:11: the hosts of a flow are two, not 1"},
		{"  - {kind: UDP, hosts: [sender, responder]}\n", "", "x.yaml: packet 3 (02:00:00:00:0a:01 > 02:00:00:00:0a:02, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, UDP 50102 > 9999, 2 octets) is in none of the flows: name its flow, or leave it out under omit"},
		{"port: 50102", "port: 70000", `x.yaml:15: port is "70000": it takes a number from 1 to 65535`},
		{"sends: [3]", "sends: []", "x.yaml:15: the socket does nothing: it sends or receives packets, or joins or leaves groups"},
		{"sends: [3]", "joins: [{group: 10.1.2.3, packets: [3]}]", "x.yaml:15: group 10.1.2.3 is no group: those are 224.0.0.0 to 239.255.255.255"},
		{"sends: [3]", "joins: [{group: 239.1.2.3, packets: []}]", "x.yaml:15: packets is empty: it names those that report the membership"},
		{"sends: [3]", "joins: [{group: 239.1.2.3, packets: [3]}]", "x.yaml: packet 3 (02:00:00:00:0a:01 > 02:00:00:00:0a:02, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, UDP 50102 > 9999, 2 octets): a socket that joins a group does not send such a packet"},
		{"ip: 10.0.0.2", "ip: 10.0.0.2, mtu: 1280", "x.yaml:6: the mtu of host responder is that of a link behind a router, and the host is behind none"},
		{"ip: 10.0.0.2", "ip: 10.0.0.2, behind: nobody", "x.yaml: host responder is behind nobody, which is no other host of the scenario"},
		{"ip: 10.0.0.2", "ip: 10.0.0.2, behind: sender", "x.yaml: host responder is behind sender, so its frames have the link address of that router, 02:00:00:00:0a:01"},
		{"port: 50102, ", "", "x.yaml:15: a udp socket that sends or receives has a port, an icmp socket has none"},
		{"port: 50102", "port: 50103", "x.yaml: packet 3 (02:00:00:00:0a:01 > 02:00:00:00:0a:02, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, UDP 50102 > 9999, 2 octets): it comes from port 50102, the socket is bound to 50103"},
		{"sends: [3]", "sends: [4]", "x.yaml: the udp socket of sender sends packet 4, which that host did not send"},
		{"sockets:\n  - {host: sender, type: udp, port: 50102, sends: [3]}\n", "", "x.yaml: the target cannot play sender: packet 3 (02:00:00:00:0a:01 > 02:00:00:00:0a:02, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, UDP 50102 > 9999, 2 octets) begins an exchange, and no socket of the scenario sends it"},
		{"packets: 1-2", "packets: 2-1", `x.yaml:18: packets is "2-1": it takes a packet's number, or the first and the last as in 5-6`},
		{"packets: 5-6", "packets: 5-7", "x.yaml: omit names packet 7, but the capture has 6"},
		{"  - {packets: 5-6, why: \"the same exchange over IPv6\"}\n", "", "x.yaml: packet 5 (02:00:00:00:0a:01 > 02:00:00:00:0a:02, IPv6 2001:db8:1::1 > 2001:db8:1::2 hlim 64, UDP 59017 > 9999, 2 octets) is in none of the flows: name its flow, or leave it out under omit"},
		{", why: \"the same exchange over IPv6\"", "", "x.yaml:19: an entry of omit has no why"},
		{"shows:", "mask:\n  - {field: IPv4 colour, why: none}\nshows:", `x.yaml:22: field "IPv4 colour" is unknown: it is the name of a field that is compared, such as "ICMP code"`},
		{"RFC768:CK-1", "RFC768:CK-99", "x.yaml:22: RFC768:CK-99 is not in the catalogue of requirements"},
		{"RFC768:FI-5", "RFC768:CK-1", "x.yaml:23: RFC768:CK-1 is there twice"},
		{"capture: linux-udp-closed.pcap", "capture: none.pcap", "x.yaml: open none.pcap: file does not exist"},
		{"capture: linux-udp-closed.pcap", "capture: x.yaml", "x.yaml: x.yaml: this is not a capture: it starts with 63 61 70 74, which is none of pcap, pcapng, snoop, btsnoop."},
	} {
		t.Run(tt.want, func(t *testing.T) {
			if !strings.Contains(string(good), tt.old) {
				t.Fatalf("the scenario does not hold %q", tt.old)
			}
			NewWithT(t).Expect(load(strings.Replace(string(good), tt.old, tt.new, 1))).To(MatchError(tt.want))
		})
	}
}

func unchanged(p capture.Packet) *capture.Packet { return &p }

// write puts the fixture's capture, edited, into a folder of its own.
func write(t *testing.T, name string, e edit) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".pcap")
	if err := os.WriteFile(file, capturedAs(t, name, e), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestACaptureWithoutAScenario(t *testing.T) {
	g := NewWithT(t)
	s, err := replay.Load(write(t, "linux-arp-ping4", unchanged))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Roles).To(Equal([]string{"10.0.0.2"}))
	g.Expect(s.Assumed).To(Equal([]string{
		"the target plays 10.0.0.2, which answers 4 messages; the harness plays 10.0.0.1",
		"left out: packet 1, of no kind that can be replayed (ARP, ICMP echo, ICMP error, UDP, IGMP, ND, router discovery, ICMPv6 echo, ICMPv6 error, TCP)",
	}))
	for name, on := range targets(t) {
		results := run(t, s, on, replay.Options{})
		g.Expect(problems(results)).To(BeEmpty(), name)
		g.Expect(results[0].ID()).To(Equal("replay.linux-arp-ping4[target=10.0.0.2]"))
		g.Expect(results[0].Requirements()).To(ContainElements("RFC826:RX-14", "RFC792:EC-2"))
	}
}

func TestACaptureUsesTheScenarioBesideIt(t *testing.T) {
	g := NewWithT(t)
	file := write(t, "linux-arp-ping4", unchanged)
	yaml, err := pcaps.Files.ReadFile("linux-arp-ping4.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(strings.TrimSuffix(file, ".pcap")+".yaml", yaml, 0o644)).To(Succeed())
	s, err := replay.Load(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Roles).To(Equal([]string{"responder", "pinger"}))
	g.Expect(s.Assumed).To(BeEmpty())
}

func TestCapturesThatCannotBeReplayed(t *testing.T) {
	requestsOnly := func(p capture.Packet) *capture.Packet {
		if p.Number%2 == 1 { // the replies, and the packet of IPv6
			return nil
		}
		return &p
	}
	for _, tt := range []struct {
		name string
		edit edit
		want string
	}{
		{"nothing", func(capture.Packet) *capture.Packet { return nil }, "holds no packets: there is nothing to replay"},
		{"one side", requestsOnly, "fewer than two hosts of the capture speak ARP, ICMP echo, ICMP error, UDP, IGMP, ND, router discovery, ICMPv6 echo, ICMPv6 error, TCP: a replay takes two, one of them answering"},
		{"cut", cutTo(36), "packet 1 is cut to 36 of its 110 octets, and what is missing cannot be made up: record with a larger snapshot length"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, "linux-arp-ping4", tt.edit)
			_, err := replay.Load(file)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tt.want)))
			NewWithT(t).Expect(err).To(MatchError(HavePrefix(file)))
		})
	}
	_, err := replay.Load("none.pcap")
	NewWithT(t).Expect(err).To(MatchError("none.pcap: there is no such file."))
}

func TestATargetWithTooFewTesters(t *testing.T) {
	g := NewWithT(t)
	results := run(t, builtin(t, "linux-traceroute-udp4"), &fake{testers: 1}, replay.Options{Roles: []string{"end"}})
	g.Expect(results[0].NotApplicable).To(Equal("the capture has 2 hosts beside the target, the target's link allows 1"))
}

func TestSilenceIsNoProofWithoutLife(t *testing.T) {
	g := NewWithT(t)
	s := builtin(t, "linux-arp-noanswer")
	g.Expect(run(t, s, &fake{}, replay.Options{})[0].Passed()).To(BeTrue())
	dead := run(t, s, &fake{dead: true}, replay.Options{})[0]
	g.Expect(dead.Passed()).To(BeFalse())
	g.Expect(dead.Log.Inconclusive).To(Equal("the target said nothing, and gave no sign of life when its address was asked for"))
}

func TestASocketThatRefusesIsNoFault(t *testing.T) {
	g := NewWithT(t)
	r := run(t, builtin(t, "linux-ipv4-frag-ping4000"), &fake{most: 1500}, replay.Options{Roles: []string{"pinger"}})[0]
	g.Expect(r.Err).NotTo(HaveOccurred())
	g.Expect(r.Passed()).To(BeFalse())
	g.Expect(r.Log.Inconclusive).To(Equal("the target's socket cannot send what packet 3 holds: EMSGSIZE"))
}
