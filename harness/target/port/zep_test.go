package port

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/packet/zep"
)

// station is the other end: it says what it is told to, and keeps what it hears.
func station(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// speak sends a frame each way; peer is where the port has to send to.
func speak(t *testing.T, p io.ReadWriteCloser, c *net.UDPConn, peer *net.UDPAddr) {
	t.Helper()
	say := func(b []byte) {
		if _, err := c.WriteToUDP(b, peer); err != nil {
			t.Fatal(err)
		}
	}
	say([]byte("no packet of ZEP"))
	say(zep.Wrap([]byte{1, 2, 3}, 11, 1)) // on another channel
	say(zep.Wrap([]byte{0x41, 0x88, 7, 8, 9}, 15, 2))
	b := make([]byte, 200)
	if n, err := p.Read(b); err != nil || !bytes.Equal(b[:n], []byte{0x41, 0x88, 7, 8, 9}) {
		t.Errorf("read %x, %v", b[:n], err)
	}
	if _, err := p.Write([]byte{2, 0, 7}); err != nil {
		t.Fatal(err)
	}
	n, err := c.Read(b)
	if frame, err2 := zep.Frame(b[:n]); err != nil || err2 != nil || !bytes.Equal(frame, []byte{2, 0, 7}) || b[4] != 15 {
		t.Errorf("the station has heard %x, %v, %v", b[:n], err, err2)
	}
	if _, err := p.Write(make([]byte, 128)); err == nil {
		t.Error("a frame of 128 octets was sent")
	}
}

func TestZEPAtADispatcher(t *testing.T) {
	c := station(t)
	p, err := Open(t.Context(), "zep:"+c.LocalAddr().String()+",channel=15")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	b := make([]byte, 200)
	n, from, err := c.ReadFromUDP(b)
	if frame, err2 := zep.Frame(b[:n]); err != nil || err2 != nil || len(frame) > 0 {
		t.Fatalf("the dispatcher is greeted by %x, %v, %v", b[:n], err, err2)
	}
	speak(t, p, c, from)
}

func TestZEPInThePlaceOfADispatcher(t *testing.T) {
	c := station(t)
	free := station(t)
	at := free.LocalAddr().(*net.UDPAddr)
	_ = free.Close()
	opened := make(chan io.ReadWriteCloser, 1)
	go func() {
		p, err := Open(t.Context(), "zep:"+at.String()+",channel=15,listen")
		if err != nil {
			t.Error(err)
		}
		opened <- p
	}()
	// Nobody hears the station until the port is open.
	var p io.ReadWriteCloser
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for done := false; !done; {
		select {
		case p = <-opened:
			done = true
		case <-again.C:
			if _, err := c.WriteToUDP(zep.Hello(), at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p == nil {
		return
	}
	defer p.Close()
	speak(t, p, c, at)
}

func TestZEPRefuses(t *testing.T) {
	for link, want := range map[string]string{
		"zep:127.0.0.1:1,channel=10": "what follows the address is listen, or channel=N, N from 11 to 26",
		"zep:127.0.0.1:1,loud":       "what follows the address is listen, or channel=N, N from 11 to 26",
		"zep:nowhere":                "zep:nowhere: ",
	} {
		if _, err := Open(t.Context(), link); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", link, err, want)
		}
	}
}
