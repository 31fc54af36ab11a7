package sockets

import (
	"strings"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
)

// flipped is a target that reads an option as the other of off and on.
func flipped(option string) mutate.Mutation {
	return mutate.Replies("misreads "+option, mutate.Option(agent.GetOpt, option), func(r *agent.Reply) {
		if r.Value != 0 {
			r.Value = 0
		} else {
			r.Value = 1
		}
	})
}

func init() {
	both("option.acceptconn", "SO_ACCEPTCONN tells whether a stream listens",
		check.Proves("POSIX:so-1", flipped("SO_ACCEPTCONN")),
		func(host *probe.Tester) {
			s := host.Stream()
			host.That("POSIX:so-1", "before listen", s.Do(get("SO_ACCEPTCONN")).Value, gomega.BeZero())
			must(host, s, bindTo(here(host, boundPort)))
			must(host, s, listenWith(1))
			host.That("POSIX:so-1", "after listen", s.Do(get("SO_ACCEPTCONN")).Value, gomega.Not(gomega.BeZero()))
		})

	both("option.type", "SO_TYPE tells streams and datagrams apart",
		check.Proves("POSIX:so-2", mutate.Replies("has one type", mutate.Option(agent.GetOpt, "SO_TYPE"), func(r *agent.Reply) { r.Value = 1 })),
		func(host *probe.Tester) {
			stream, dgram := host.Stream().Do(get("SO_TYPE")), host.Datagram().Do(get("SO_TYPE"))
			host.That("POSIX:so-2", "the errors", stream.Errno+dgram.Errno, gomega.BeEmpty())
			host.That("POSIX:so-2", "the type of datagrams", dgram.Value, gomega.Not(gomega.Equal(stream.Value)))
		})

	for _, o := range []struct { // never written
		name   string
		stream bool
	}{{"SO_BROADCAST", false}, {"SO_DONTROUTE", false}, {"SO_REUSEADDR", false}, {"SO_KEEPALIVE", true}, {"SO_OOBINLINE", true}, {"SO_REUSEADDR", true}} {
		of := func(host *probe.Tester) *probe.Socket {
			if o.stream {
				return host.Stream()
			}
			return host.Datagram()
		}
		id := strings.ToLower(strings.TrimPrefix(o.name, "SO_"))
		if o.stream {
			id += ".stream"
		}
		both("option.default."+id, o.name+" is off until it is set",
			check.Proves("POSIX:so-5", flipped(o.name)),
			func(host *probe.Tester) {
				host.That("POSIX:so-5", o.name, of(host).Do(get(o.name)).Value, gomega.BeZero())
			})
		both("option.set."+id, o.name+" is what it was set to",
			check.Proves("POSIX:so-6", mutate.Unheeded("does not take "+o.name, mutate.Option(agent.SetOpt, o.name))),
			func(host *probe.Tester) {
				s := of(host)
				for _, v := range []int{1, 0, 1} {
					host.That("POSIX:so-6", "the error of setting it", s.Do(set(o.name, v)).Errno, gomega.BeEmpty())
					host.That("POSIX:so-6", "it is on", s.Do(get(o.name)).Value != 0, gomega.Equal(v != 0))
				}
			})
	}
}
