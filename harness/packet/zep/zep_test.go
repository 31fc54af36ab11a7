package zep_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/zep"
	"github.com/conform-stack/conform/harness/target"
)

func TestADatagramHasItsFrame(t *testing.T) {
	h := target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")}
	frame := []byte{2, 0, 7, 0x11, 0x22}
	b := zep.Data(frame, zep.Sequence.Is(9), zep.Channel.Is(26)).Build(packet.Env{Local: h, Peer: h, Network: ipv4.Proto})
	payload := b[14+20+8:]
	got, err := zep.Frame(payload[:zep.Octets+len(frame)])
	if err != nil || !bytes.Equal(got, frame) {
		t.Errorf("got % x, %v", got, err)
	}
	if want := []byte("EX\x02\x01\x1a"); !bytes.HasPrefix(payload, want) || payload[20] != 9 || payload[31] != 5 {
		t.Errorf("the header is % x", payload[:32])
	}
	for _, bad := range [][]byte{nil, []byte("EX"), []byte("XX\x02\x01"), payload[:20], payload[:33], append([]byte("EX\x03"), payload[3:]...)} {
		if _, err := zep.Frame(bad); !errors.Is(err, zep.ErrZEP) {
			t.Errorf("% x: %v", bad, err)
		}
	}
	if got, err := zep.Frame([]byte("EX\x02\x02\x00\x00\x00\x01")); got != nil || err != nil {
		t.Errorf("an acknowledgement has the frame % x, %v", got, err)
	}
}
