package stack_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
)

// known is a scenario in the zephyr profile, with times. The wire takes 36 us for 45 octets, processing a packet 50 us.
// Three datagrams arrive one behind the other, for a user who reads them at 200 us and answers. The answers wait until the
// tester has been found, at 283.6 us. Then three more come: for a port that nobody has, with a bad checksum, and cut short.
func known(t *testing.T, c config.Config) *kit {
	c.Profile, c.PacketCost = config.Zephyr, 50*time.Microsecond
	c.Data.RxTime, c.Data.RxTimeDetail, c.Data.TxTime, c.Data.TxTimeDetail = config.On, config.On, config.On, config.On
	k := newKitOn(t, c, wire.Config{BitRate: 10e6, Sending: 8})
	u := k.open(7)
	for _, body := range []string{"one", "two", "three"} {
		k.far.Send(udpFrame(4000, 7, body))
	}
	k.advance(200 * time.Microsecond)
	var b [100]byte
	for range 3 {
		m, err := u.Recv(b[:])
		if err == nil {
			err = u.SendTo(b[:m.N], m.From)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	k.advance(50 * time.Microsecond)
	k.far.Send(arpFrame(arp.Reply, testerMAC, testerIP, nodeMAC, nodeIP))
	k.advance(time.Millisecond)
	k.far.Send(udpFrame(4000, 9, "nobody"))
	f := udpFrame(4000, 7, "damaged")
	f[len(f)-1] ^= 1
	k.far.Send(f)
	k.far.Send(echoRequest("short")[:30])
	k.advance(time.Second)
	if len(k.frames) != 5 {
		t.Fatalf("%d frames came, want a request, three answers and an error", len(k.frames))
	}
	k.frames = nil
	return k
}

// The labels, tabs and brackets are those of Zephyr's documentation; the pointer there is the name here.
func TestStatsText(t *testing.T) {
	for _, tt := range []struct {
		file   string
		config config.Config
		global bool
	}{
		{"global", config.Config{}, true},
		{"interface", config.Config{}, false},
		{"classes", config.Config{RxClasses: 2, TxClasses: 3}, false},
	} {
		t.Run(tt.file, func(t *testing.T) {
			k := known(t, tt.config)
			i := k.eth
			if tt.global {
				i = nil
			}
			sameAsFile(t, "stats-"+tt.file+".txt", k.node.StatsText(i))
		})
	}
}

func TestPrometheusText(t *testing.T) {
	k := known(t, config.Config{})
	sameAsFile(t, "stats.prom", k.node.Prometheus())
}

// sameAsFile compares with a file of testdata, whose lines were looked at by whoever wrote them there.
func sameAsFile(t *testing.T, file, got string) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(b), "\n")
	for n, line := range strings.Split(got, "\n") {
		if n >= len(want) || line != want[n] {
			was := "nothing"
			if n < len(want) {
				was = want[n]
			}
			t.Fatalf("%s:%d:\n got %q\nwant %q\nall of it:\n%s", file, n+1, line, was, got)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != len(want) {
		t.Errorf("%s: %d lines, want %d", file, n, len(want))
	}
}
