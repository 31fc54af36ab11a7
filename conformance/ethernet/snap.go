package ethernet

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/llc"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// mtu802 is what is left of the data field behind LLC and SNAP (RFC 1042).
const mtu802 = mtu - 8

// snapped are the tester's frames of RFC 1042.
var snapped = llc.Header()

// A wrong is a header of RFC 1042 with a fault.
type wrong struct {
	name string
	cond packet.Cond
}

func (w wrong) String() string { return w.name }

func init() {
	suite.It("ethernet.snap.received", "frames of RFC 1042 are received beside those of RFC 894",
		check.Proves("RFC1122:2.3.3-2", mutate.Ignores(snapped)),
		func(p *probe.P) {
			host := p.IPv4()
			alive(host)
			request, reply := echo(p, kit.Pattern(64))
			host.Ask(llc.Over(request), reply)
			alive(host)
		})

	// RFC 1122 lets a host send either, with RFC 894 as the default.
	suite.It("ethernet.snap.answer", "the answer to a frame of RFC 1042 is one of RFC 894 or of RFC 1042",
		check.Proves("RFC1122:2.3.3-3", mutate.Field(anyReply, ethernet.Type.Is(0x0801))).Needs(target.SNAP),
		func(p *probe.P) {
			host := p.IPv4()
			request, _ := echo(p, kit.Pattern(64))
			f := host.Ask(llc.Over(request), datagram(host), probe.For())
			b := f.Bytes
			length := binary.BigEndian.Uint16(b[header-2:])
			snap := length <= mtu && bytes.Equal(b[header:header+8], []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0})
			p.Observed("RFC1122:2.3.3-3", "the answer is of RFC 1042: %t", snap)
			p.That("RFC1122:2.3.3-3", "the type 0x0800, or a length with LLC and SNAP", snap || length == 0x0800, gomega.BeTrue())
		})

	// Where the field is right the target answers: the fence is the same echo in a right frame.
	faults := []struct {
		requirement, id, title string
		conds                  []wrong
	}{
		{"RFC1042:HF-1", "sap", "the service access points are 170 both", []wrong{
			{"dsap-6", llc.DSAP.Is(llc.SAPIP)}, {"ssap-6", llc.SSAP.Is(llc.SAPIP)}, {"dsap-66", llc.DSAP.Is(0x42)},
		}},
		{"RFC1042:HF-2", "control", "the control field is 3, unnumbered information", []wrong{
			{"dm", llc.Control.Is(0x0f)}, {"disc", llc.Control.Is(0x43)},
		}},
		{"RFC1042:HF-3", "organization", "the organization code is zero", []wrong{
			{"00000c", llc.Organization.Is(0x00000c)}, {"080007", llc.Organization.Is(0x080007)},
		}},
		{"RFC1042:FF-1", "type", "the EtherType of IP is 2048", []wrong{
			{"0806", llc.Type.Is(0x0806)}, {"0801", llc.Type.Is(0x0801)}, {"0000", llc.Type.Is(0)},
		}},
	}
	for _, k := range faults {
		check.Grid(suite, "ethernet.snap."+k.id, "a frame is taken for IP only if "+k.title,
			check.Proves(k.requirement, mutate.Gullible()).Needs(target.SNAP), k.conds,
			func(p *probe.P, w wrong) {
				host := p.IPv4()
				request, reply := echo(p, kit.Pattern(64))
				good := llc.Over(request)
				host.Silent(good.With(w.cond), good, reply)
			})
	}

	check.Grid(suite, "ethernet.snap.padding", "the length of the frame tells the padding, and the total length does",
		check.Proves("RFC1042:FF-3", mutate.Field(anyReply, overread)).
			And("RFC1042:E3-1", mutate.Field(anyReply, overread)).
			And("RFC1042:DE-1", mutate.Ignores(snapped)).
			And("RFC1042:DE-2", mutate.Ignores(snapped)).
			And("RFC1042:HF-4", mutate.Ignores(snapped)).Needs(target.SNAP),
		[]int{least, 200},
		func(p *probe.P, n int) {
			host := p.IPv4()
			request, reply := echo(p, []byte("end"))
			b := host.Build(llc.Over(request))
			length := int(binary.BigEndian.Uint16(b[header-2:]))
			p.Step("the length counts %d octets, the data field has %d", length, n)
			end := header + length
			host.SendBytes(append(b[:end:end], bytes.Repeat([]byte{filler}, n-length)...))
			f := host.Expect(reply, probe.For("RFC1042:DE-1", "RFC1042:DE-2", "RFC1042:HF-4"))
			p.Must("RFC1042:FF-3", f, packet.Data.Is([]byte("end")))
			p.Must("RFC1042:E3-1", f, packet.Data.Is([]byte("end")))
		})

	suite.It("ethernet.snap.full", "a datagram of 1492 octets is accepted in a frame of RFC 1042",
		check.Proves("RFC1042:FF-5", mutate.Ignores(snapped)).
			And("RFC1042:E3-3", mutate.Ignores(snapped)).
			And("RFC1042:BO-1", mutate.Misreads(snapped, llc.Type.Is(0x0008))).Needs(target.SNAP),
		func(p *probe.P) {
			host := p.IPv4()
			request, reply := echo(p, kit.Pattern(mtu802-28))
			f := host.Ask(llc.Over(request), reply, probe.For("RFC1042:FF-5", "RFC1042:E3-3", "RFC1042:BO-1"),
				probe.Because(fmt.Sprintf("it is %d octets long", mtu802)))
			p.Must("RFC1042:FF-5", f, packet.Data.Is(kit.Pattern(mtu802-28)))
		})
}
