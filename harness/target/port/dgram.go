package port

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// datagrams carries a frame in each datagram.
type datagrams struct {
	net.PacketConn
	to   net.Addr
	path string // of a Unix socket, which is removed at the end
}

func (d *datagrams) Read(b []byte) (int, error) {
	for {
		n, from, err := d.ReadFrom(b)
		if err != nil || from == nil || from.String() == "" || from.String() == d.to.String() {
			return n, err
		} // somebody else's
	}
}

func (d *datagrams) Write(b []byte) (int, error) { return d.WriteTo(b, d.to) }

func (d *datagrams) Close() error {
	err := d.PacketConn.Close()
	if d.path != "" {
		if e := os.Remove(d.path); err == nil && !os.IsNotExist(e) {
			err = e
		}
	}
	return err
}

func openDgram(ctx context.Context, where string) (io.ReadWriteCloser, error) {
	local, remote, ok := strings.Cut(where, ",")
	if !ok || local == "" || remote == "" {
		return nil, fmt.Errorf("dgram:%s: it takes two addresses, LOCAL,REMOTE", where)
	}
	network, at := address(local, "udp")
	network2, to := address(remote, "udp")
	if network != network2 {
		return nil, fmt.Errorf("dgram:%s: both addresses are of UDP, or both of Unix sockets", where)
	}
	d := new(datagrams)
	var err error
	if network == "unix" {
		network, d.path = "unixgram", at
		d.to = &net.UnixAddr{Name: to, Net: network}
	} else if d.to, err = net.ResolveUDPAddr(network, to); err != nil {
		return nil, fmt.Errorf("dgram:%s: %w", where, err)
	}
	var lc net.ListenConfig
	if d.PacketConn, err = lc.ListenPacket(ctx, network, at); err != nil {
		return nil, fmt.Errorf("dgram:%s: %w", where, err)
	}
	return d, nil
}
