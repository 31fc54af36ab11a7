package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
)

func load(t *testing.T, c config.Config, lines ...string) config.Config {
	t.Helper()
	c, err := config.Load(c, config.Lines("prj.conf", lines...))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.Resolve(); err != nil {
		t.Fatal(err)
	}
	return c
}

// What is wrong with a fragment, and how it is said.
func TestBadFragments(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown symbol", "CONFIG_NET_TC_RX_CONT=4",
			"prj.conf:1: there is no CONFIG_NET_TC_RX_CONT; the nearest is CONFIG_NET_TC_RX_COUNT"},
		{"above the range", "# queues\n\nCONFIG_NET_TC_RX_COUNT=9",
			"prj.conf:3: CONFIG_NET_TC_RX_COUNT is 9; it takes 0 to 8"},
		{"below the range", "CONFIG_NET_TC_TX_COUNT=-1",
			"prj.conf:1: CONFIG_NET_TC_TX_COUNT is -1; it takes 0 to 8"},
		{"not a number", "CONFIG_NET_TCP_ACK_DELAY=soon",
			"prj.conf:1: CONFIG_NET_TCP_ACK_DELAY is soon; it takes 0 to 1000 ms"},
		{"hex for a decimal", "CONFIG_NET_INITIAL_TTL=0x40",
			"prj.conf:1: CONFIG_NET_INITIAL_TTL is 0x40; it takes 1 to 255"},
		{"decimal for a hex", "CONFIG_CONFORM_SEED=7",
			"prj.conf:1: CONFIG_CONFORM_SEED is 7; it takes a number such as 0x2a, up to 64 bits"},
		{"module", "CONFIG_NET_TCP=m",
			"prj.conf:1: CONFIG_NET_TCP is m, but there are no modules; it takes y or n"},
		{"number for a bool", "CONFIG_NET_TCP=1",
			"prj.conf:1: CONFIG_NET_TCP is 1; it takes y or n"},
		{"a number that is not set", "# CONFIG_NET_INITIAL_TTL is not set",
			"prj.conf:1: CONFIG_NET_INITIAL_TTL is n; it takes 1 to 255"},
		{"unmet dependency", "CONFIG_NET_IPV4=n\nCONFIG_NET_IPV6=n\nCONFIG_NET_TCP=y",
			"prj.conf:3: CONFIG_NET_TCP is y, but it needs NET_IPV4 || NET_IPV6; CONFIG_NET_IPV4 is n, CONFIG_NET_IPV6 is n"},
		{"number of what is off", "CONFIG_NET_IPV4_FRAGMENT=n\nCONFIG_NET_IPV4_FRAGMENT_TIMEOUT=9",
			"prj.conf:2: CONFIG_NET_IPV4_FRAGMENT_TIMEOUT is 9, but it needs NET_IPV4_FRAGMENT; CONFIG_NET_IPV4_FRAGMENT is n"},
		{"classes that are too few", "CONFIG_NET_TC_RX_COUNT=1\nCONFIG_NET_TC_TX_COUNT=1\nCONFIG_NET_TC_MAPPING_SR_CLASS_B_ONLY=y",
			"prj.conf:3: CONFIG_NET_TC_MAPPING_SR_CLASS_B_ONLY is y, but it needs NET_TC_RX_COUNT >= 2 || NET_TC_RX_COUNT = 1 && " +
				"NET_TC_RX_SKIP_FOR_HIGH_PRIO || NET_TC_TX_COUNT >= 2 || NET_TC_TX_COUNT = 1 && NET_TC_TX_SKIP_FOR_HIGH_PRIO; CONFIG_NET_TC_RX_COUNT is 1, " +
				"CONFIG_NET_TC_RX_SKIP_FOR_HIGH_PRIO is n, CONFIG_NET_TC_TX_COUNT is 1, CONFIG_NET_TC_TX_SKIP_FOR_HIGH_PRIO is n"},
		{"detail without time", "CONFIG_NET_PKT_RXTIME_STATS_DETAIL=y",
			"prj.conf:1: CONFIG_NET_PKT_RXTIME_STATS_DETAIL is y, but it needs NET_PKT_RXTIME_STATS; CONFIG_NET_PKT_RXTIME_STATS is n"},
		{"two of a choice", "CONFIG_CONFORM_TCP_RENO=y\nCONFIG_CONFORM_TCP_CUBIC=y",
			"prj.conf:2: CONFIG_CONFORM_TCP_CUBIC and CONFIG_CONFORM_TCP_RENO (line 1) are y, but of CONFORM_TCP_CONGESTION only one can be"},
		{"none of a choice", "CONFIG_CONFORM_TCP_RENO=n",
			"prj.conf:1: no member of CONFORM_TCP_CONGESTION is y; one must be: CONFIG_CONFORM_TCP_RENO, CONFIG_CONFORM_TCP_CUBIC"},
		{"no prefix", "NET_TCP=y",
			`prj.conf:1: "NET_TCP=y" is no setting; names begin with CONFIG_: CONFIG_NET_TCP=y`},
		{"space around =", "CONFIG_NET_TCP = y",
			`prj.conf:1: "CONFIG_NET_TCP = y" is no setting; there must be no space around =`},
		{"indented", "  CONFIG_NET_TCP=y",
			`prj.conf:1: "  CONFIG_NET_TCP=y" is no setting; it must begin in the first column`},
		{"no value", "CONFIG_NET_TCP=",
			`prj.conf:1: "CONFIG_NET_TCP=" is no setting; the value is missing`},
		{"prose", "turn TCP off",
			`prj.conf:1: "turn TCP off" is no setting; write CONFIG_NAME=value, # CONFIG_NAME is not set, or a comment that begins with #`},
		{"comment behind a value", "CONFIG_NET_TCP=y # please",
			"prj.conf:1: CONFIG_NET_TCP is y # please; it takes y or n"},
		{"all at once", "CONFIG_NET_TCP=maybe\nCONFIG_NET_UDB=y\nCONFIG_NET_IPV4=n\nCONFIG_NET_IPV4_ACD=y\nhello",
			"prj.conf:1: CONFIG_NET_TCP is maybe; it takes y or n\n" +
				"prj.conf:2: there is no CONFIG_NET_UDB; the nearest is CONFIG_NET_UDP\n" +
				"prj.conf:4: CONFIG_NET_IPV4_ACD is y, but it needs NET_ARP; CONFIG_NET_ARP is n\n" +
				`prj.conf:5: "hello" is no setting; write CONFIG_NAME=value, # CONFIG_NAME is not set, or a comment that begins with #`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Load(config.Config{}, config.Fragment{Name: "prj.conf", Text: tt.text})
			if err == nil || err.Error() != tt.want {
				t.Errorf("error:\n%v\nwant:\n%s", err, tt.want)
			}
		})
	}
}

// A later fragment wins; a symbol twice in one is a warning.
func TestOrderOfFragments(t *testing.T) {
	c, problems := config.Check(config.Config{},
		config.Lines("a.conf", "CONFIG_NET_TC_RX_COUNT=2", "CONFIG_NET_TC_RX_COUNT=3", "CONFIG_CONFORM_TCP_CUBIC=y"),
		config.Lines("b.conf", "CONFIG_NET_TC_RX_COUNT=4", "CONFIG_CONFORM_TCP_RENO=y"))
	if len(problems) != 1 || !problems[0].Warning ||
		problems[0].Error() != "a.conf:2: warning: CONFIG_NET_TC_RX_COUNT is set in line 1 as well; this line counts" {
		t.Errorf("problems: %v", problems)
	}
	if c.RxClasses != 4 || c.TCP.Congestion != "reno" {
		t.Errorf("%d classes, %s", c.RxClasses, c.TCP.Congestion)
	}
	if c.TxClasses != 0 {
		t.Error("what nobody set is no longer open")
	}
}

// Windows wrote it, somebody else ended it without a line feed.
func TestLineEnds(t *testing.T) {
	c, err := config.Load(config.Config{}, config.Fragment{Name: "prj.conf", Text: "\ufeff# a comment\r\n\r\nCONFIG_NET_INITIAL_TTL=7\r\n# CONFIG_NET_TCP is not set\r\nCONFIG_NET_UDP=y \t"})
	if err != nil || c.DefaultTTL != 7 || c.TCP.Enabled != config.Off || c.Have.UDP != config.On {
		t.Errorf("%v, %+v", err, c)
	}
}

// 0 is a number like any other.
func TestZero(t *testing.T) {
	c := load(t, config.Config{}, "CONFIG_NET_TC_TX_COUNT=0", "CONFIG_CONFORM_IPV4_ID_LIFETIME=0", "CONFIG_NET_TCP_TIME_WAIT_DELAY=0",
		"CONFIG_CONFORM_ICMPV4_RATE=0", "CONFIG_NET_TCP_MAX_SEND_WINDOW_SIZE=0", "CONFIG_NET_RX_DEFAULT_PRIORITY=0")
	if c.TxClasses != -1 || c.IDLifetime != -1 || c.TCP.MSL != -1 || c.ICMPRate != -1 || c.Data.RxPriority != -1 {
		t.Errorf("%d %d %d %d %d", c.TxClasses, c.IDLifetime, c.TCP.MSL, c.ICMPRate, c.Data.RxPriority)
	}
	if want := 16384 * 128 / 3; c.TCP.SendBufferMax != want || c.TCP.SendBuffer != 65536 {
		t.Errorf("send buffer %d to %d, want 65536 to %d", c.TCP.SendBuffer, c.TCP.SendBufferMax, want)
	}
	if c := load(t, config.Config{Seed: 5, TimeOfDay: time.Hour}, "CONFIG_CONFORM_SEED=0x0", "CONFIG_CONFORM_TIME_OF_DAY=0"); c.Seed != 0 || c.TimeOfDay != 0 {
		t.Errorf("seed %d, time %v", c.Seed, c.TimeOfDay)
	}
}

// Numbers that follow from others follow those that were set.
func TestNumbersThatFollow(t *testing.T) {
	c, err := config.Config{Profile: config.Zephyr, TxBuffers: 360}.Resolve()
	if err != nil || c.TCP.SendBufferMax != 360*128/3 || c.TCP.RecvBufferMax != 1536 || c.SocketBuffer != 36*128 {
		t.Errorf("%v: %d, %d, %d", err, c.TCP.SendBufferMax, c.TCP.RecvBufferMax, c.SocketBuffer)
	}
	if c, err := (config.Config{Profile: config.Zephyr, TxBuffers: 1, BufferSize: 1}).Resolve(); err != nil || c.TCP.SendBufferMax != 256 {
		t.Errorf("%v: %d, want the least", err, c.TCP.SendBufferMax)
	}
}

// A fragment that names its profile stands on it.
func TestProfileOfAFragment(t *testing.T) {
	c := load(t, config.Config{}, "CONFIG_CONFORM_PROFILE_ZEPHYR=y", "CONFIG_NET_ARP_TABLE_SIZE=3")
	if c.Profile != config.Zephyr || c.RxPackets != 14 || c.NeighEntries != 3 {
		t.Errorf("%s: %d packets, %d neighbours", c.Profile, c.RxPackets, c.NeighEntries)
	}
	if _, err := config.Load(config.Config{Profile: "linux"}); err == nil || err.Error() != `config: Profile is "linux"; it takes rfc or zephyr` {
		t.Error(err)
	}
}

// What is off by the profile's grace alone goes with what it needs; what was asked for does not.
func TestWhatNeedsWhatIsOff(t *testing.T) {
	c := load(t, config.Config{}, "CONFIG_NET_IPV4=n")
	for name, s := range map[string]config.Switch{"ARP": c.Have.ARP, "ICMP": c.Have.ICMPv4, "fragmentation": c.Fragmentation, "PMTU": c.PathMTU, "IGMP": c.Multicast4} {
		if s.On() {
			t.Errorf("%s is on without IPv4", name)
		}
	}
	if !c.Have.UDP.On() || !c.IPv6.Enabled.On() {
		t.Error("UDP or IPv6 is off without IPv4")
	}
	c = load(t, config.Config{}, "CONFIG_NET_NATIVE=n")
	if c.Have.IPv4.On() || c.IPv6.Enabled.On() || c.Have.UDP.On() || c.TCP.Enabled.On() || !c.Have.Ethernet.On() {
		t.Errorf("without IP: %+v", c.Have)
	}
	_, err := config.Config{Have: config.Have{IPv4: config.Off}, IPv6: config.IPv6{Enabled: config.Off}, TCP: config.TCP{Enabled: config.On}}.Resolve()
	if want := "config: TCP.Enabled is on, but CONFIG_NET_TCP needs NET_IPV4 || NET_IPV6; CONFIG_NET_IPV4 is n, CONFIG_NET_IPV6 is n"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	_, err = config.Config{Have: config.Have{ICMPv4: config.Off}, ICMPUnreachable: config.Off}.Resolve()
	if want := "config: ICMPUnreachable is off, but CONFIG_NET_DISABLE_ICMP_DESTINATION_UNREACHABLE needs CONFORM_ICMPV4; CONFIG_CONFORM_ICMPV4 is n"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// Text writes what Load reads.
func TestRoundTrip(t *testing.T) {
	for name, c := range map[string]config.Config{
		"rfc":     {},
		"zephyr":  {Profile: config.Zephyr},
		"seed":    {Seed: 1<<64 - 1, TimeOfDay: time.Hour},
		"none":    {TxClasses: -1, IDLifetime: -1, PathMTUAge: -1, TCP: config.TCP{MSL: -1}},
		"choices": {TCP: config.TCP{Congestion: "cubic"}, IGMPVersion: 1, IPv6: config.IPv6{StableIID: config.On}, Data: config.DataPath{DefaultIface: config.FirstUp}},
		"off":     load(t, config.Config{}, "CONFIG_NET_IPV4=n", "CONFIG_NET_TCP=n"),
		"bare":    load(t, config.Config{}, "CONFIG_NET_NATIVE=n", "CONFIG_NET_SOCKETS=n"),
	} {
		want, err := c.Resolve()
		if err != nil {
			t.Fatal(name, err)
		}
		text, err := config.Text(c)
		if err != nil {
			t.Fatal(name, err)
		}
		got := load(t, config.Config{}, text)
		if got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v\n%s", name, got, want, text)
		}
		if again, err := config.Text(got); err != nil || again != text {
			t.Errorf("%s: the text of what was read is another: %v", name, err)
		}
	}
	_, err := config.Text(config.Config{ReassemblyTime: 1500 * time.Millisecond})
	if want := "config: ReassemblyTime is 1.5s; CONFIG_NET_IPV4_FRAGMENT_TIMEOUT counts in s of 1s"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// The profiles are fragments without a warning, and each line of them says something: it differs from the default.
func TestProfilesSayNoMoreThanTheyMust(t *testing.T) {
	for _, p := range []config.Profile{config.RFC, config.Zephyr} {
		f := config.Fragment{Name: string(p), Text: p.Text()}
		_, problems := config.Check(config.Config{Profile: p}, f)
		for _, problem := range problems {
			if !strings.Contains(problem.Text, "but it needs") { // a profile may say how a thing is that it leaves off
				t.Error(problem)
			}
		}
		list, _ := config.Parse(f)
		for _, a := range list {
			if s := config.Find(a.Symbol); a.Value == s.Default && s.Choice == "" {
				t.Errorf("%s:%d: %s is the default", p, a.Line, a)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	want := `CONFIG_NET_TC_TX_COUNT: traffic classes of packets to send
  Each is a queue; the highest class goes first.
  type      int
  range     0 to 8
  0 means   packets go to the device in the call that sends them
  default   0
  rfc       1
  zephyr    0
  source    Zephyr: 0
  layer     iface
  field     Config.TxClasses
`
	if got := config.Explain(config.Find("CONFIG_NET_TC_TX_COUNT")); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	got := config.Explain(config.Find("NET_IPV4_IGMPV2"))
	for _, line := range []string{"  choice    NET_IPV4_IGMP_VERSION; or CONFIG_CONFORM_IPV4_IGMPV1, CONFIG_NET_IPV4_IGMPV3\n", "  needs     NET_IPV4_IGMP\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
}

// Parsing never fails but in words; what was parsed, printed and parsed again is the same; what loads, loads again from
// its text to the same configuration.
func FuzzFragment(f *testing.F) {
	for _, p := range []config.Profile{config.RFC, config.Zephyr} {
		f.Add(p.Text())
	}
	for _, seed := range []string{"CONFIG_NET_TCP=n\r\n# CONFIG_NET_UDP is not set", "CONFIG_X=\"a \\\" b\"", "CONFIG_=y", "# CONFIG_ is not set", "CONFIG_CONFORM_SEED=0xff", "=\n==\n\x00", "CONFIG_NET_TC_RX_COUNT=08"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in := config.Fragment{Name: "fuzz", Text: text}
		list, _ := config.Parse(in)
		again, problems := config.Parse(config.Fragment{Name: "again", Text: config.Print(list)})
		if len(problems) > 0 || len(again) != len(list) {
			t.Fatalf("%d settings, printed %q, parsed again to %d: %v", len(list), config.Print(list), len(again), problems)
		}
		for i := range list {
			if list[i].Symbol != again[i].Symbol || list[i].Value != again[i].Value {
				t.Fatalf("%v became %v", list[i], again[i])
			}
		}
		c, err := config.Load(config.Config{}, in)
		if err != nil {
			return
		}
		want, err := c.Resolve()
		if err != nil {
			t.Fatalf("what loads does not resolve: %v", err)
		}
		written, err := config.Text(c)
		if err != nil {
			t.Fatalf("what loads cannot be written: %v", err)
		}
		c, err = config.Load(config.Config{}, config.Lines("text", written))
		if err != nil {
			t.Fatalf("its text does not load: %v\n%s", err, written)
		}
		if got, _ := c.Resolve(); got != want {
			t.Fatalf("got  %+v\nwant %+v\n%s", got, want, written)
		}
	})
}
