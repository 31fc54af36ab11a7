// Package port opens links to stacks under test: anything that carries whole frames.
//
// Each Read of a port gives one frame, each Write takes one, and Close ends a Read under way. A link is named in one word,
// its kind and where it is:
//
//	tap:NAME                     a TAP device; the target is on the network side of it
//	packet:NAME                  a network interface (AF_PACKET); the target is somewhere behind it
//	stream:ADDRESS[,listen]      frames behind their length in 4 octets, network order, over TCP or a Unix socket, as QEMU's
//	                             -netdev stream has them; without listen the harness connects
//	dgram:LOCAL,REMOTE           a frame a datagram, over UDP or Unix sockets, as QEMU's -netdev dgram has them
//	slip:PATH[,listen]           frames of Ethernet in SLIP (RFC 1055) over a Unix socket or a serial device, as Zephyr's
//	                             CONFIG_SLIP_TAP has them
//	exec:COMMAND                 a program that reads and writes frames behind their length on its standard input and output
//	zep:ADDRESS[,listen][,channel=N]
//	                             frames of IEEE 802.15.4 over ZEP: at a dispatcher such as RIOT's, or with listen in the
//	                             place of one
//
// An ADDRESS is HOST:PORT, or unix: and a path.
package port

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// MaxFrame is the longest frame that a port carries, in octets: a datagram of IP behind a link header with two tags.
const MaxFrame = 65535 + 22

// A kind of link.
type kind struct {
	name, where string
	open        func(ctx context.Context, where string) (io.ReadWriteCloser, error)
}

func kinds() []kind {
	return []kind{
		{"tap", "NAME", openTAP},
		{"packet", "NAME", openPacket},
		{"stream", "ADDRESS[,listen]", openStream},
		{"dgram", "LOCAL,REMOTE", openDgram},
		{"zep", "ADDRESS[,listen][,channel=N]", openZEP},
		{"slip", "PATH[,listen]", openSLIP},
		{"exec", "COMMAND", func(ctx context.Context, command string) (io.ReadWriteCloser, error) {
			return Exec(ctx, strings.Fields(command))
		}},
	}
}

// Open opens the link that is named. ctx bounds the opening only.
func Open(ctx context.Context, link string) (io.ReadWriteCloser, error) {
	name, where, _ := strings.Cut(link, ":")
	var known []string
	for _, k := range kinds() {
		if k.name == name && where != "" {
			return k.open(ctx, where)
		}
		known = append(known, k.name+":"+k.where)
	}
	return nil, fmt.Errorf("%q names no link; links are %s", link, strings.Join(known, ", "))
}
