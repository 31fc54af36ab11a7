package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
)

func TestProfilesAreComplete(t *testing.T) {
	for _, profile := range []config.Profile{config.RFC, config.Zephyr} {
		c, err := config.Config{Profile: profile}.Resolve()
		if err != nil {
			t.Errorf("%s: %v", profile, err)
		}
		leftOpen(reflect.ValueOf(c), func(name string) {
			if name != "Seed" && name != "TimeOfDay" {
				t.Errorf("%s: %s is left open", profile, name)
			}
		})
		if again, _ := c.Resolve(); again != c {
			t.Errorf("%s: resolving twice changes it", profile)
		}
	}
}

// leftOpen calls f with the names of fields that are zero.
func leftOpen(v reflect.Value, f func(name string)) {
	for i := range v.NumField() {
		switch {
		case v.Field(i).Kind() == reflect.Struct:
			leftOpen(v.Field(i), f)
		case v.Field(i).IsZero():
			f(v.Type().Field(i).Name)
		}
	}
}

func TestWhatIsSetStays(t *testing.T) {
	in := config.Config{Profile: config.Zephyr, NeighRetry: 3 * time.Second, TxClasses: 8, PathMTU: config.On}
	c, err := in.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if c.NeighRetry != 3*time.Second || c.TxClasses != 8 || !c.PathMTU.On() || c.RxPackets != 14 {
		t.Errorf("resolved to %+v", c)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := config.Config{DefaultTTL: 256, RxClasses: 9, NeighRequests: -1}.Resolve()
	if err == nil {
		t.Fatal("no error")
	}
	want := `config: RxClasses is 9; CONFIG_NET_TC_RX_COUNT takes 0 to 8
config: NeighRequests is -1; CONFIG_CONFORM_ARP_REQUESTS takes 1 to 100
config: DefaultTTL is 256; CONFIG_NET_INITIAL_TTL takes 1 to 255`
	if err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
	if _, err := (config.Config{Profile: "linux"}).Resolve(); err == nil || !strings.Contains(err.Error(), `"linux"`) {
		t.Errorf("error of an unknown profile: %v", err)
	}
}
