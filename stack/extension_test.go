package stack_test

import (
	"fmt"
	"strings"
	"testing"

	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// chain makes a packet of headers in front of an echo request: each is given its Next Header here.
func chain(dst ipv6.Addr, headers ...[]byte) []byte {
	m := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 7, 1)), "x"...)
	icmpv6.Seal(m, ipv6.Pseudo(tester6, dst, codec.ICMPv6))
	var payload []byte
	for i, h := range headers {
		h = append([]byte(nil), h[1:]...) // the first octet says what it is
		h[0] = byte(codec.ICMPv6)
		if i+1 < len(headers) {
			h[0] = headers[i+1][0]
		}
		payload = append(payload, h...)
	}
	first := codec.ICMPv6
	if len(headers) > 0 {
		first = codec.Protocol(headers[0][0])
	}
	return frame6(ipv6.Header{NextHeader: first, Dst: dst}, append(payload, m...))
}

func options(p codec.Protocol, o ipv6.Options) []byte {
	return append([]byte{byte(p)}, ipv6.AppendOptions(nil, ipv6.OptionsHeader{Options: o})...)
}

func routing(typ, left uint8) []byte {
	return append([]byte{byte(codec.Routing)}, ipv6.AppendRouting(nil, ipv6.RoutingHeader{Type: typ, SegsLeft: left, Data: make([]byte, 20)})...)
}

func atomic() []byte {
	return append([]byte{byte(codec.Fragment)}, ipv6.AppendFragment(nil, ipv6.FragmentHeader{ID: 1})...)
}

const echoReply6 = `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "x"`

// Headers in any order and any number of times are taken (RFC 8200, 4.1); what cannot be is told with the octet where it
// stands (4, 4.4).
func TestExtensionHeaders(t *testing.T) {
	pad := ipv6.Options(nil).Pad()
	hbh, dst := options(codec.HopByHop, pad), options(codec.DestOpts, pad)
	problem := func(code, at int) string {
		return fmt.Sprintf("00:01 2001:db8::2 > 2001:db8::1 ICMP6 parameter-problem code %d at %d [", code, at)
	}
	for _, tt := range []struct {
		name    string
		headers [][]byte
		want    string // "": dropped silently
	}{
		{"none", nil, echoReply6},
		{"each once, in the order recommended", [][]byte{hbh, dst, routing(2, 0), atomic(), dst}, echoReply6},
		{"another order", [][]byte{atomic(), dst, routing(0, 0), dst}, echoReply6},
		{"many", [][]byte{dst, dst, dst, dst, dst, dst, dst, dst}, echoReply6},
		{"more than are looked at", append(make17(dst), dst), ""},
		{"hop-by-hop not first", [][]byte{dst, hbh}, problem(1, 40)},
		{"hop-by-hop twice", [][]byte{hbh, hbh}, problem(1, 40)},
		{"routing type 0 with segments left", [][]byte{routing(0, 1)}, problem(0, 42)},
		{"an unknown routing type with segments left", [][]byte{dst, routing(99, 2)}, problem(0, 50)},
		{"an unknown next header", [][]byte{dst, {99, 0, 0, 0, 0, 0, 0, 0, 0}}, problem(1, 40)},
		{"an unknown next header at once", [][]byte{{99, 0, 0, 0, 0, 0, 0, 0, 0}}, problem(1, 6)},
		{"no next header", [][]byte{dst, {59, 0, 0, 0, 0, 0, 0, 0, 0}}, ""},
		{"a header longer than the packet", [][]byte{{byte(codec.DestOpts), 0, 99, 0, 0, 0, 0, 0, 0}}, ""},
	} {
		k := staticKit6(t, still())
		k.know6(tester6, testerMAC)
		k.send(chain(node6, tt.headers...))
		switch {
		case tt.want == "":
			k.quiet(tt.name)
		case strings.HasSuffix(tt.want, "["):
			if got := show(k.next(tt.name)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s:\n got %s\nwant %s...", tt.name, got, tt.want)
			}
		default:
			k.want(tt.name, tt.want)
		}
	}
}

func make17(h []byte) (all [][]byte) {
	for range 16 {
		all = append(all, h)
	}
	return all
}

// The two high bits of an unknown option, to this host and to a group (RFC 8200, 4.2).
func TestUnknownOptions(t *testing.T) {
	const problem = "00:01 2001:db8::2 > 2001:db8::1 ICMP6 parameter-problem code 2 at "
	for _, p := range []codec.Protocol{codec.HopByHop, codec.DestOpts} {
		for _, tt := range []struct {
			option         ipv6.OptionType
			host, allNodes string
		}{
			{0x1e, echoReply6, echoReply6},
			{0x5e, "", ""},
			{0x9e, problem + "45", problem + "45"},
			{0xde, problem + "45", ""},
		} {
			k := staticKit6(t, still())
			k.know6(tester6, testerMAC)
			o := ipv6.Options{0, 0, 0}.Append(tt.option, []byte("?")).Pad()
			for _, x := range []struct {
				dst  ipv6.Addr
				want string
			}{{node6, tt.host}, {allNodes, tt.allNodes}} {
				k.send(chain(x.dst, options(p, o)))
				if name := fmt.Sprintf("option %#x in %v to %v", tt.option, p, x.dst); x.want == "" {
					k.quiet(name)
				} else if got := show(k.next(name)); !strings.HasPrefix(got, x.want) {
					t.Errorf("%s:\n got %s\nwant %s...", name, got, x.want)
				}
			}
		}
	}
}

func TestOptionsAreBounded(t *testing.T) { // RFC 8504, 5.3
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	many := func(n int) []byte {
		var o ipv6.Options
		for range n {
			o = o.Append(0x1e, nil)
		}
		return options(codec.DestOpts, o.Pad())
	}
	k.send(chain(node6, many(64)))
	k.want("as many as are looked at", echoReply6)
	k.send(chain(node6, many(65)))
	k.quiet("one more")
}
