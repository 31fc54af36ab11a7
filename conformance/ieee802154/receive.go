package ieee802154

import (
	"net"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/probe"
)

// Reception and rejection: section 6.7.2, and what the header has to say of it (7.2).

func init() {
	refused("mac.rx.fcs", "a frame with a wrong FCS is discarded", "IEEE802154:6.7.2-1", are(ieee802154.FCS.Is(0x1234)))
	refused("mac.rx.version", "a frame of the reserved version is discarded", "IEEE802154:6.7.2-3", are(ieee802154.Version.Is(3)))
	refused("mac.rx.pan", "a frame for another PAN is discarded", "IEEE802154:6.7.2-4", func(lan *probe.Tester) []packet.Cond {
		return []packet.Cond{ieee802154.DstPAN.Is(uint(lan.Net().PAN ^ 0x0101))}
	})
	refused("mac.rx.short", "a frame for another short address is discarded", "IEEE802154:6.7.2-5",
		are(ieee802154.Dst.Is(net.HardwareAddr{0x77, 0x78})))
	refused("mac.rx.extended", "a frame for another extended address is discarded", "IEEE802154:6.7.2-6",
		are(ieee802154.Dst.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0x77, 0x78})))
	refused("mac.rx.nobody", "a frame without destination is discarded by who is no PAN coordinator", "IEEE802154:6.7.2-7",
		func(lan *probe.Tester) []packet.Cond {
			pan := lan.Net().PAN
			head := []byte{ieee802154.TypeData, ieee802154.Version2006<<4 | ieee802154.ModeExtended<<6, seq, byte(pan), byte(pan >> 8)}
			return []packet.Cond{ieee802154.Octets.Is(append(head, onAir(lan.MAC())...))}
		})
	taken("mac.rx.every-pan", "a frame for every PAN is received", "IEEE802154:6.7.2-8",
		mutate.Ignores(ieee802154.Header(ieee802154.DstPAN.Is(ieee802154.AnyPAN))), are(ieee802154.DstPAN.Is(ieee802154.AnyPAN)))
	taken("mac.rx.reserved-bit", "a reserved bit of the frame control field is ignored", "IEEE802154:7.2.1-2",
		mutate.Ignores(ieee802154.Header(ieee802154.Reserved.Is(1))), are(ieee802154.Reserved.Is(1)))
	taken("mac.rx.two-pans", "a frame that names the PAN of its source, too, is received", "IEEE802154:7.2.1.5-2",
		mutate.Ignores(ieee802154.Header(ieee802154.PANCompression.Is(0), ieee802154.Type.Is(ieee802154.TypeData))),
		func(lan *probe.Tester) []packet.Cond { return []packet.Cond{ieee802154.SrcPAN.Is(uint(lan.Net().PAN))} })
	refused("mac.rx.no-key", "a secured frame for which there is no key is discarded", "IEEE802154:9.2-1", func(lan *probe.Tester) []packet.Cond {
		head := lan.Build(plainEcho(lan))[:21:21]
		head = append([]byte{head[0] | 8}, head[1:]...)
		return []packet.Cond{ieee802154.Octets.Is(append(head, 0x0d, 1, 0, 0, 0, 0x7b))}
	})
	refused("mac.rx.old-security", "a frame of version 0 with security is discarded", "IEEE802154:9.2-2", func(lan *probe.Tester) []packet.Cond {
		head := lan.Build(plainEcho(lan))[:21:21]
		head = append([]byte{head[0] | 8, head[1] &^ 0x30}, head[2:]...)
		return []packet.Cond{ieee802154.Octets.Is(head)}
	})
}

// plainEcho is an echo request between the extended addresses, whose header has 21 octets.
func plainEcho(lan *probe.Tester) packet.Template {
	request, _ := echo(lan)
	return request
}

// onAir is an address as it stands in a frame.
func onAir(a net.HardwareAddr) []byte {
	b := make([]byte, len(a))
	for i := range a {
		b[len(a)-1-i] = a[i]
	}
	return b
}
