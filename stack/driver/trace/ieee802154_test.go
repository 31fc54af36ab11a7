package trace_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/driver/trace"
	"github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

func TestIEEE802154(t *testing.T) {
	mpdu := func(h ieee802154.Header, payload string) []byte {
		b := append(append(ieee802154.Append(nil, h), payload...), 0, 0)
		ieee802154.Seal(b)
		return b
	}
	data := ieee802154.Header{Type: ieee802154.Data, Version: 1, Compressed: true, AckRequest: true, Seq: 5,
		Dst: ieee802154.Short(0x0102), DstPAN: 0xabcd, Src: link.MustParseAddr("02:00:00:00:00:00:00:01")}
	command := data
	command.Type = ieee802154.Command
	bad := mpdu(data, "abc")
	bad[len(bad)-1] ^= 1
	for _, tt := range []struct {
		frame []byte
		want  string
	}{
		{mpdu(data, "abc"), "data 0000/02:00:00:00:00:00:00:01 > abcd/01:02 seq 5 ack: 3 octets"},
		{mpdu(command, "\x04"), "command 0000/02:00:00:00:00:00:00:01 > abcd/01:02 seq 5 ack: data request"},
		{mpdu(ieee802154.Header{Type: ieee802154.Ack, Seq: 5}, ""), "ack none > none seq 5"},
		{bad, "data 0000/02:00:00:00:00:00:00:01 > abcd/01:02 seq 5 ack [bad checksum]: 3 octets"},
		{[]byte{1}, "frame [cut short] 01"},
	} {
		if got := trace.IEEE802154(tt.frame); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
