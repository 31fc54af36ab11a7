package main

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// fragment writes a file and gives its name.
func fragment(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConfigCheck(t *testing.T) {
	g := NewWithT(t)
	good := fragment(t, "prj.conf", "# a board\nCONFIG_NET_TC_RX_COUNT=4\nCONFIG_NET_TC_RX_COUNT=3\n# CONFIG_NET_TCP is not set\n")
	code, stdout, stderr := conform(t, "config", "check", good)
	g.Expect(code).To(Equal(0))
	g.Expect(stdout).To(Equal("3 settings, 1 warnings: good\n"))
	g.Expect(stderr).To(Equal(good + ":3: warning: CONFIG_NET_TC_RX_COUNT is set in line 2 as well; this line counts\n"))

	bad := fragment(t, "bad.conf", "CONFIG_NET_TC_RX_COUNT=9\nCONFIG_NET_ARP_TABEL_SIZE=4\n")
	code, stdout, stderr = conform(t, "config", "check", good, bad)
	g.Expect(code).To(Equal(2))
	g.Expect(stdout).To(BeEmpty())
	g.Expect(stderr).To(Equal(good + ":3: warning: CONFIG_NET_TC_RX_COUNT is set in line 2 as well; this line counts\n" +
		bad + ":1: CONFIG_NET_TC_RX_COUNT is 9; it takes 0 to 8\n" +
		bad + ":2: there is no CONFIG_NET_ARP_TABEL_SIZE; the nearest is CONFIG_NET_ARP_TABLE_SIZE\n"))

	code, _, stderr = conform(t, "config", "check", "nowhere.conf")
	g.Expect(code).To(Equal(2))
	g.Expect(stderr).To(ContainSubstring("nowhere.conf"))
}

func TestConfigExplain(t *testing.T) {
	g := NewWithT(t)
	code, stdout, _ := conform(t, "config", "explain", "CONFIG_NET_TC_TX_COUNT", "net_arp")
	g.Expect(code).To(Equal(0))
	g.Expect(stdout).To(ContainSubstring("  range     0 to 8\n"))
	g.Expect(stdout).To(ContainSubstring("\n\nCONFIG_NET_ARP: ARP\n"))
	code, _, stderr := conform(t, "config", "explain", "CONFIG_NET_TX_COUNT")
	g.Expect(code).To(Equal(2))
	g.Expect(stderr).To(Equal("conform: there is no CONFIG_NET_TX_COUNT; the nearest is CONFIG_NET_TC_TX_COUNT\n"))
}

func TestConfigList(t *testing.T) {
	g := NewWithT(t)
	code, stdout, _ := conform(t, "config", "list", "--profile", "zephyr", "--layer", "ipv4")
	g.Expect(code).To(Equal(0))
	g.Expect(stdout).To(MatchRegexp(`(?m)^CONFIG_NET_INITIAL_TTL +64 +1 to 255 +time to live of datagrams$`))
	g.Expect(stdout).To(MatchRegexp(`(?m)^CONFIG_NET_IPV4_FRAGMENT_TIMEOUT +5 +1 to 120 s .*\(needs NET_IPV4_FRAGMENT\)$`))
	g.Expect(stdout).NotTo(ContainSubstring("CONFIG_NET_TCP"))
	code, _, stderr := conform(t, "config", "list", "--layer", "l9")
	g.Expect(code).To(Equal(2))
	g.Expect(stderr).To(ContainSubstring(`there is no layer "l9"; there are node, protocol`))

	code, text, _ := conform(t, "config", "list", "--text", "--profile", "zephyr")
	g.Expect(code).To(Equal(0))
	code, again, _ := conform(t, "config", "list", "--text", fragment(t, "whole.conf", text))
	g.Expect(code).To(Equal(0))
	g.Expect(again).To(Equal(text))
}

// The stack does not come up on a fragment that is wrong.
func TestUpRefusesBadFragments(t *testing.T) {
	g := NewWithT(t)
	bad := fragment(t, "bad.conf", "CONFIG_NET_TCP=maybe\n")
	code, stdout, stderr := conform(t, "up", "--config", bad)
	g.Expect(code).To(Equal(2))
	g.Expect(stdout).To(BeEmpty())
	g.Expect(stderr).To(Equal("conform: " + bad + ":1: CONFIG_NET_TCP is maybe; it takes y or n\n"))
}

// A fragment decides what the target of a run is.
func TestRunOnAFragment(t *testing.T) {
	g := NewWithT(t)
	file := fragment(t, "prj.conf", "CONFIG_NET_INITIAL_TTL=9\n# CONFIG_NET_UDP is not set\n")
	out := t.TempDir()
	_, stdout, stderr := conform(t, "run", "rfc826", "--target", "reference:"+file, "--out", out)
	g.Expect(stderr).To(BeEmpty(), stdout)
	g.Expect(read(t, out).Target.Name).To(Equal("reference:" + file))

	bad := fragment(t, "bad.conf", "CONFIG_NET_INITIAL_TTL=900\n")
	code, _, stderr := conform(t, "run", "rfc826", "--target", "reference:"+bad)
	g.Expect(code).To(Equal(2))
	g.Expect(stderr).To(ContainSubstring(bad + ":1: CONFIG_NET_INITIAL_TTL is 900; it takes 1 to 255"))
}
