package sockets

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var (
	groupOf  = netip.MustParseAddr("232.1.2.3")     // never written
	groupMAC = []byte{1, 0, 0x5e, 1, 2, 3}          // never written
	sourceA  = netip.MustParseAddr("198.51.100.11") // never written
)

// about is a request about a source of the group.
func about(option string) agent.Request {
	return agent.Request{Do: agent.SetOpt, Option: option, Group: groupOf, Sources: []netip.Addr{sourceA}}
}

var sourceFailures = []struct { // never written
	id, title, requirement, errno string
	before                        []agent.Request
	call                          agent.Request
}{
	{"block.twice", "a source is blocked once", "RFC3678:4.1.3-1", "EADDRNOTAVAIL",
		[]agent.Request{{Do: agent.SetOpt, Option: "IP_ADD_MEMBERSHIP", Group: groupOf}, about("IP_BLOCK_SOURCE")}, about("IP_BLOCK_SOURCE")},
	{"unblock.open", "a source that is not blocked is not unblocked", "RFC3678:4.1.3-2", "EADDRNOTAVAIL",
		[]agent.Request{{Do: agent.SetOpt, Option: "IP_ADD_MEMBERSHIP", Group: groupOf}}, about("IP_UNBLOCK_SOURCE")},
	{"add.any-source", "a group that is joined for any source takes no sources", "RFC3678:4.1.3-3", "EINVAL",
		[]agent.Request{{Do: agent.SetOpt, Option: "IP_ADD_MEMBERSHIP", Group: groupOf}}, about("IP_ADD_SOURCE_MEMBERSHIP")},
	{"block.some-sources", "no source is blocked of a group that is joined for some", "RFC3678:4.1.3-4", "EINVAL",
		[]agent.Request{about("IP_ADD_SOURCE_MEMBERSHIP")}, about("IP_BLOCK_SOURCE")},
	{"drop.never-joined", "a source that was not joined is not left", "RFC3678:4.1.3-5", "EADDRNOTAVAIL",
		nil, about("IP_DROP_SOURCE_MEMBERSHIP")},
}

func init() {
	for _, f := range sourceFailures {
		suite.It("source."+f.id, f.title,
			check.Proves(f.requirement, mutate.Errno(agent.SetOpt, "EIO", f.errno)).Needs(target.Agent, target.Multicast4),
			func(p *probe.P) {
				host := p.Host(probe.IPv4)
				s := host.UDP(boundPort)
				for _, r := range f.before {
					if !granted(host, f.requirement, s, r) {
						return
					}
				}
				p.That(f.requirement, "the error", s.Do(f.call).Errno, gomega.Equal(f.errno))
			})
	}

	toGroup := datagram(testerPort, boundPort, "of another source").With(ipv4.Dst.Is(groupOf), ethernet.Dst.Is(groupMAC))
	suite.It("source.delivery", "of a group that is joined for some sources, only their datagrams are received",
		check.Proves("RFC3678:4.1.3-6", mutate.Mistakes("joins for any source", func(r *agent.Request) {
			if r.Option == "IP_ADD_SOURCE_MEMBERSHIP" {
				r.Option, r.Sources = "IP_ADD_MEMBERSHIP", nil
			}
		})).Needs(target.Agent, target.Multicast4),
		func(p *probe.P) {
			host := p.Host(probe.IPv4)
			s := host.UDP(boundPort)
			if !granted(host, "RFC3678:4.1.3-6", s, about("IP_ADD_SOURCE_MEMBERSHIP")) {
				return
			}
			host.Send(toGroup)
			host.Send(datagram(testerPort, boundPort, "of the source").With(ipv4.Dst.Is(groupOf), ipv4.Src.Is(sourceA), ethernet.Dst.Is(groupMAC)))
			got, _ := s.Recv().Delivered()
			p.That("RFC3678:4.1.3-6", "received first", string(got.Data), gomega.Equal("of the source"))
		})
}
