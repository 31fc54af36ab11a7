package main

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/zep"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/socket/netconn"
	"github.com/conform-stack/conform/stack/wire/link"
)

// dispatcher gives what one station of a ZEP network sends to all others, until the test ends.
func dispatcher(t *testing.T) (at string) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		stations := map[netip.AddrPort]bool{}
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // a station has gone
				continue
			}
			for s := range stations {
				if s != from {
					_, _ = conn.WriteToUDPAddrPort(b[:n], s)
				}
			}
			stations[from] = true
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String()
}

// The stack as a process in a ZEP network answers another station there, in one frame and in fragments.
func TestUpInAZEPNetwork(t *testing.T) {
	at := dispatcher(t)
	cmd := command(t, "up", "--link", "zep:"+at)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	line := make([]byte, 1024)
	n, err := out.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "up: zep:"+at+", PAN 0x0023, channel 26, link address 02:00:00:00:00:00:00:02") {
		t.Fatalf("%s, %v, %s", line[:n], err, errs.String())
	}

	node, err := stack.New(clock.New(), config.Config{})
	if err != nil {
		t.Fatal(err)
	}
	node.GoLive()
	device, err := zep.Open(zep.Config{Remote: at}, node.Do)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
		device.Wait()
	}()
	node.Do(func() {
		_, err = node.AddIEEE802154(device, ieee802154.Config{Extended: link.MustParseAddr("02:00:00:00:00:00:00:09"), PAN: 0x23})
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := netconn.ListenPacket(node, node.Sockets, netip.MustParseAddrPort("[::]:9999"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{20, 1000} {
		want := bytes.Repeat([]byte{'x'}, size)
		if err := exchange(conn, want); err != nil {
			t.Errorf("%d octets: %v", size, err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
}

// exchange sends a payload to the echo service of fe80::2 until it comes back: addresses may not be in use yet.
func exchange(conn net.PacketConn, want []byte) error {
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("[fe80::2%2]:7"))
	b := make([]byte, 2000)
	for range 20 {
		if _, err := conn.WriteTo(want, to); err != nil {
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		n, _, err := conn.ReadFrom(b)
		if err == nil && bytes.Equal(b[:n], want) {
			return nil
		}
	}
	return errors.New("it never came back")
}

func TestUpRefusesAZEPNetwork(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"up", "--link", "serial"}, `--link: "serial" is neither tap, slip:PATH[,listen] nor zep:HOST:PORT`},
		{[]string{"up", "--link", "slip:/no/such"}, "--link: slip: stat /no/such"},
		{[]string{"up", "--link", "zep:nowhere"}, "--link: zep: the dispatcher"},
		{[]string{"up", "--link", "zep:127.0.0.1:1", "--mac", "02:00:00:00:00:02"}, "is not the 8 octets of an extended address"},
	} {
		if code, _, stderr := conform(t, tt.args...); code == 0 || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: %d, %s; want %s", tt.args, code, stderr, tt.want)
		}
	}
}
