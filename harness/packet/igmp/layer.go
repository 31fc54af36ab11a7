package igmp

import (
	"errors"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet/grouprecord"
)

// The numbers of the layers, by format. gopacket's own layer has one for all versions, and reads no message of version 3
// to its end.
const (
	oldFormat    gopacket.LayerType = 1936
	queryFormat  gopacket.LayerType = 1937
	reportFormat gopacket.LayerType = 1938
)

var (
	layerType   = register(oldFormat, "IGMP, 8 octets")
	queryLayer  = register(queryFormat, "IGMPv3 query")
	reportLayer = register(reportFormat, "IGMPv3 report")
)

func register(t gopacket.LayerType, name string) gopacket.LayerType {
	return gopacket.RegisterLayerType(int(t), gopacket.LayerTypeMetadata{Name: name, Decoder: gopacket.DecodeFunc(decode)})
}

type layer struct {
	layers.BaseLayer
	kind gopacket.LayerType
}

func (l *layer) LayerType() gopacket.LayerType { return l.kind }

// decode splits the payload of a datagram into a message and what follows it. A message whose sources or records go beyond
// its end is taken up to there.
func decode(data []byte, p gopacket.PacketBuilder) error {
	if len(data) < 8 {
		p.SetTruncated()
		return errors.New("the datagram ends inside its IGMP message")
	}
	kind, n := oldFormat, 8
	switch {
	case data[0] == TypeQuery && len(data) >= 12:
		kind, n = queryFormat, 12+4*(int(data[10])<<8|int(data[11]))
	case data[0] == TypeV3Report:
		kind = reportFormat
		_, rest := grouprecord.Parse(data[8:], int(data[6])<<8|int(data[7]), 4)
		n = len(data) - len(rest)
	}
	n = min(n, len(data))
	p.AddLayer(&layer{layers.BaseLayer{Contents: data[:n], Payload: data[n:]}, kind})
	if n == len(data) {
		return nil
	}
	return p.NextDecoder(gopacket.LayerTypePayload)
}

func init() {
	layers.IPProtocolMetadata[layers.IPProtocolIGMP] = layers.EnumMetadata{
		DecodeWith: gopacket.DecodeFunc(decode), Name: "IGMP", LayerType: layerType,
	}
}
