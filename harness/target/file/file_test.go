package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/target"
)

const good = `name: my board
version: "2.4"
link: packet:eth1
addresses:
  target: 192.0.2.1
  prefix: 192.0.2.0/24
  testers: [192.0.2.10-192.0.2.14, 192.0.2.60]
  unused: 192.0.2.254
mtu: 1280
services: {udp_echo: 7}
features: [igmp]
timings: {arp_timeout: 60s, arp_requests: 2, default_ttl: 128, hop_limit: 255, retrans: 2s, reachable: 20s, reassembly6: 10s}
alive: 3s
reset: {command: [./power-cycle, board7], within: 20s}
`

func TestEveryKeyIsRead(t *testing.T) {
	d, err := parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	o, err := d.options(".")
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "my board" || d.Link.word != "packet:eth1" || len(o.Testers) != 6 || o.Testers[5].String() != "192.0.2.60" || o.MTU != 1280 ||
		o.Service.String() != "192.0.2.1:7" || len(o.Features) != 1 || o.Features[0] != target.Multicast4 || o.Version != "2.4" ||
		o.Params.ARPTimeout != time.Minute || o.Params.ARPRequests != 2 || o.Params.DefaultTTL != 128 ||
		o.Params.HopLimit != 255 || o.Params.Retrans != 2*time.Second || o.Params.ReachableTime != 20*time.Second || o.Params.Reassembly6For != 10*time.Second ||
		o.AliveWithin != 3*time.Second || o.ResetWithin != 20*time.Second || o.Reset == nil {
		t.Errorf("%+v\n%+v", d, o)
	}
	d, err = parse([]byte("link: {exec: [./board, --fast]}"))
	if err != nil || len(d.Link.command) != 2 {
		t.Errorf("a command: %+v, %v", d, err)
	}
	d, err = parse([]byte("link: zep:127.0.0.1:17754\nsecurity: {key: 000102030405060708090a0b0c0d0e0f, index: 3}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if o, _ = d.options("."); o.Security.Level != 5 || o.Security.KeyMode != 1 || len(o.Security.Keys) != 1 || o.Security.Keys[0].Index != 3 || o.Security.Keys[0].Secret[15] != 15 {
		t.Errorf("security: %+v", o.Security)
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct{ from, to, want string }{
		{"link: packet:eth1\n", "", "the file names no link, such as `link: tap:board0`"},
		{"link: packet:eth1", "link: [a]", "line 3: link is a word such as tap:board0, or {exec: [COMMAND, ARGUMENT...]}"},
		{"mtu: 1280", "mtv: 1280", "line 9: unknown key mtv"},
		{"mtu: 1280", "mtu: big", "line 9: cannot unmarshal !!str `big` into int"},
		{"192.0.2.10-192.0.2.14", "192.0.2.14-192.0.2.10", `testers: "192.0.2.14-192.0.2.10" is neither an address nor a range FIRST-LAST`},
		{"192.0.2.10-192.0.2.14", "10.0.0.0-10.255.0.0", "testers are more than 1024"},
		{"[igmp]", "[agent]", `feature "agent" cannot be declared by a target file without an agent; what can is rfc1042, ipv4-acd, ipv4-ll, igmp, mld, route-information, 6lowpan-hc1, 6lowpan-ghc, 6lowpan-recovery, 6lowpan-mesh, 6lowpan-elided`},
		{"alive: 3s", "security: {key: 0011}", "line 13: a key is 16 octets, as 32 digits from 0 to f"},
		{"alive: 3s", "alive: soon", "line 13: cannot unmarshal !!str `soon` into time.Duration"},
	} {
		text := strings.Replace(good, row.from, row.to, 1)
		if text == good {
			t.Fatalf("%q is not in the file", row.from)
		}
		if _, err := parse([]byte(text)); err == nil || err.Error() != row.want {
			t.Errorf("%s: %v\nwant %s", row.to, err, row.want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.HasPrefix(err.Error(), "the target file cannot be read: ") {
		t.Errorf("no file: %v", err)
	}
}

func TestResetCommand(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "reset.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$1\" > was-here; [ \"$1\" = good ] || { echo no power >&2; exit 3; }\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := &Description{Reset: reset{Command: []string{"./reset.sh", "good"}}}
	o, err := d.options(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Reset(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "was-here")); string(b) != "good\n" {
		t.Errorf("the command left %q", b)
	}
	d.Reset.Command[1] = "bad"
	if err := o.Reset(t.Context()); err == nil || err.Error() != "./reset.sh bad: exit status 3 no power" {
		t.Errorf("a command that fails: %v", err)
	}
}
