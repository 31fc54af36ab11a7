package reference

import (
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/config"
)

// settleTCP turns on what a check needs of TCP.
func settleTCP(c *config.Config, needs func(target.Feature) bool) {
	for _, f := range []struct {
		feature target.Feature
		field   *config.Switch
	}{
		{target.WindowScale, &c.TCP.WindowScale},
		{target.Timestamps, &c.TCP.Timestamps},
		{target.ECN, &c.TCP.ECN},
		{target.FastOpen, &c.TCP.FastOpen},
		{target.SynCookies, &c.TCP.SynCookies},
	} {
		if needs(f.feature) {
			*f.field = config.On
		}
	}
}
