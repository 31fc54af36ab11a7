package reference_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
)

func file(t *testing.T, name string, lines ...string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// pinged is the TTL of the answer to a ping; 0 without one.
func pinged(t *testing.T, w target.World) byte {
	t.Helper()
	for _, frame := range []string{arpRequest, ping} {
		if err := w.Send(0, raw(t, frame)); err != nil {
			t.Fatal(err)
		}
	}
	var ttl byte
	for {
		e := next(t, w, w.Now()+time.Second)
		if e.Frame == nil {
			return ttl
		}
		if e.Frame[12] == 8 && e.Frame[13] == 0 {
			ttl = e.Frame[22]
		}
	}
}

// What a check asks for stands above the target's own fragments, and those above the profile.
func TestFragments(t *testing.T) {
	board := file(t, "board.conf", "CONFIG_CONFORM_PROFILE_ZEPHYR=y", "CONFIG_NET_INITIAL_TTL=9")
	over := file(t, "over.conf", "CONFIG_NET_INITIAL_TTL=10")
	for _, tt := range []struct {
		files []string
		lines []string
		ttl   byte
	}{
		{nil, nil, 64},
		{[]string{board}, nil, 9},
		{[]string{board, over}, nil, 10},
		{[]string{board, over}, []string{"CONFIG_NET_INITIAL_TTL=11"}, 11},
		{nil, []string{"CONFIG_CONFORM_ICMPV4=n"}, 0},
		{nil, []string{"CONFIG_NET_IPV4=n"}, 0},
	} {
		w := newWorld(t, reference.Options{Files: tt.files}, target.Spec{Check: "x.y", Config: tt.lines})
		if got := pinged(t, w); got != tt.ttl {
			t.Errorf("%v, %v: TTL %d, want %d", tt.files, tt.lines, got, tt.ttl)
		}
	}
	r, err := reference.New(reference.Options{Files: []string{board}})
	if err != nil {
		t.Fatal(err)
	}
	i := r.Info()
	if i.Name != "reference:"+board || i.Params.DefaultTTL != 9 || i.Params.ARPRetry != 2*time.Second || !i.Has(target.Kconfig) {
		t.Errorf("info: %+v", i)
	}
	if want := (target.Setting{Name: "CONFIG_NET_INITIAL_TTL", Value: "9", Why: board + ":2"}); !slices.Contains(i.Settings, want) {
		t.Errorf("settings: %v", i.Settings)
	}
	if _, err := r.New(t.Context(), target.Spec{Check: "x.y", Config: []string{"CONFIG_NET_INITIAL_TTL=0"}}); err == nil ||
		err.Error() != "x.y:1: CONFIG_NET_INITIAL_TTL is 0; it takes 1 to 255" {
		t.Errorf("a bad line of a check: %v", err)
	}
}

// What a fragment says of IPv6 does not disturb a world without it.
func TestFragmentsAboutWhatAWorldLeavesOut(t *testing.T) {
	f := file(t, "prj.conf", "CONFIG_NET_IPV6_FRAGMENT=y", "CONFIG_NET_IPV4_IGMPV2=y", "CONFIG_NET_INITIAL_TTL=12")
	w := newWorld(t, reference.Options{Files: []string{f}}, target.Spec{})
	if got := pinged(t, w); got != 12 {
		t.Errorf("TTL %d", got)
	}
}

// A target does not declare what its fragments leave out.
func TestFeaturesOfFragments(t *testing.T) {
	for line, gone := range map[string][]target.Feature{
		"CONFIG_NET_SOCKETS=n":              {target.Agent, target.Packets, target.UDPEcho, target.WindowScale, target.Timestamps, target.ECN, target.FastOpen, target.SynCookies, target.ZeroBuffer, target.PLPMTUD, target.Doubts},
		"CONFIG_NET_UDP=n":                  {target.UDPEcho},
		"CONFIG_NET_SOCKETS_PACKET=n":       {target.Packets},
		"CONFIG_NET_TCP=n":                  {target.WindowScale, target.Timestamps, target.ECN, target.FastOpen, target.SynCookies, target.ZeroBuffer, target.PLPMTUD, target.Doubts, target.CUBIC, target.Validates, target.RACK, target.PRR, target.FRTO},
		"CONFIG_CONFORM_TCP_ECN=n":          {target.ECN},
		"CONFIG_CONFORM_TCP_TIMESTAMPS=n":   {target.Timestamps},
		"CONFIG_NET_ARP=n":                  {target.Conflict, target.LinkLocal4},
		"CONFIG_NET_IPV4=n":                 {target.Conflict, target.LinkLocal4, target.Multicast4, target.Forwarding, target.Gateway},
		"# CONFIG_NET_IPV4_IGMP is not set": {target.Multicast4},
		"CONFIG_NET_IPV4_ACD=n":             {target.Conflict},
		"CONFIG_NET_IPV4_AUTO=n":            {target.LinkLocal4},
		"CONFIG_CONFORM_IPV4_FORWARDING=n":  {target.Forwarding},
		"CONFIG_NET_TC_RX_COUNT=1":          nil,
		"CONFIG_NET_IPV6_DAD=n":             {target.DAD, target.EnhancedDAD},
		"CONFIG_NET_IPV6_MLD=n":             {target.Multicast6},
		"CONFIG_NET_MAX_ROUTES=0":           {target.RouteInfo},
		"CONFIG_CONFORM_IPV6_AUTOCONF=n":    {target.SLAAC, target.TempAddrs, target.Registers},
		"CONFIG_CONFORM_IPV6_FORWARDING=n":  {target.Forwarding6, target.Advertises, target.Registrar, target.BorderRouter},
		"CONFIG_NET_IPV6=n": {target.IPv6, target.SLAAC, target.DAD, target.EnhancedDAD, target.Multicast6, target.Forwarding6,
			target.Advertises, target.Management6, target.StableIID, target.TempAddrs, target.RouteInfo, target.ErrorRate, target.Resolver, target.Ordering, target.Mobile,
			target.ShortAddress, target.Contexts6, target.HC1, target.GHC, target.Recovers, target.MeshUnder, target.MeshForwarder, target.Registers, target.Registrar, target.BorderRouter, target.Registers2, target.TrustElided, target.Secured, target.Securing},
		"CONFIG_CONFORM_PROFILE_ZEPHYR=y":    {target.ShortAddress, target.Secured, target.Securing, target.PLPMTUD, target.Doubts, target.RACK, target.PRR, target.FRTO, target.Registers, target.Registrar, target.BorderRouter, target.Registers2},
		"CONFIG_NET_IPV4_ACD=y":              nil,
		"CONFIG_NET_IPV4_PMTU=n\n# nothing ": nil,
	} {
		plain, err := reference.New(reference.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := reference.New(reference.Options{Files: []string{file(t, "prj.conf", line)}})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		for _, f := range plain.Info().Features {
			if r.Info().Has(f) == slices.Contains(gone, f) {
				t.Errorf("%s: declares %s: %v", line, f, r.Info().Has(f))
			}
		}
	}
	_, err := reference.New(reference.Options{Files: []string{file(t, "prj.conf", "CONFIG_NET_L2_ETHERNET=n")}})
	if want := "CONFIG_NET_L2_ETHERNET is n: a reference without it has no link to be tested on"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if _, err = reference.New(reference.Options{Files: []string{"zefyr"}}); err == nil ||
		!strings.Contains(err.Error(), "a reference is called by a profile, rfc or zephyr, or by a file: open zefyr") {
		t.Error(err)
	}
}
