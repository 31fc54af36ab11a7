package arp

import (
	"errors"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// layer is ARP for IPv4 on Ethernet, 28 octets whatever ar$hln and ar$pln say. gopacket's own goes by these fields, so
// that a packet with a wrong one would not be seen at all.
var layer = gopacket.RegisterLayerType(1826, gopacket.LayerTypeMetadata{Name: "ARP, 28 octets", Decoder: gopacket.DecodeFunc(decode)})

type arpLayer struct{ layers.BaseLayer }

func (*arpLayer) LayerType() gopacket.LayerType { return layer }

// decode takes the packet and leaves what follows, which is padding.
func decode(data []byte, p gopacket.PacketBuilder) error {
	if len(data) < 28 {
		p.SetTruncated()
		return errors.New("the frame ends inside its ARP packet")
	}
	p.AddLayer(&arpLayer{layers.BaseLayer{Contents: data[:28]}})
	return nil
}

func init() {
	layers.EthernetTypeMetadata[layers.EthernetTypeARP] = layers.EnumMetadata{
		DecodeWith: gopacket.DecodeFunc(decode), Name: "ARP", LayerType: layer,
	}
}
