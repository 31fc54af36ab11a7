package udp

import (
	"bytes"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	noOperations := bytes.Repeat([]byte{ipv4.NoOperation}, 4)
	suite.It("udp.options.send", "an application sets TTL, TOS and IP options of what it sends",
		check.Proves("RFC1122:4.1.4-2", mutate.Field(answer, ipv4.TTL.Is(64))).
			And("RFC1122:4.1.3.2-2", mutate.Field(answer, ipv4.Options.Is(nil))).
			And("RFC1122:4.1.3.2-3", mutate.Field(answer, ipv4.Options.Is(nil))).
			Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			for name, value := range map[string]int{"IP_TTL": 17, "IP_TOS": 0x10} {
				if err := s.SetOption(name, value); err != nil {
					p.Fail("RFC1122:4.1.4-2", probe.Missing, "an application can set %s, but: %v", name, err)
				}
			}
			if err := s.SetOptionOctets("IP_OPTIONS", noOperations); err != nil {
				p.Fail("RFC1122:4.1.3.2-2", probe.Missing, "an application can give IP options, but: %v", err)
			}
			f := sent(host, s, kit.Pattern(16), probe.For())
			p.Must("RFC1122:4.1.4-2", f, ipv4.TTL.Is(17), ipv4.TOS.Is(0x10), ipv4.Options.Is(noOperations))
			p.Must("RFC1122:4.1.3.2-2", f, ipv4.Options.Is(noOperations))
			p.Must("RFC1122:4.1.3.2-3", f, ipv4.Options.Is(noOperations))
		})
}
