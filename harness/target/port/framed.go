package port

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// framed carries frames over a stream of octets, each behind its length in 4 octets, in network order.
type framed struct {
	r     io.Reader
	w     io.Writer
	close func() error

	writing sync.Mutex
	buf     []byte
}

func (f *framed) Read(b []byte) (int, error) {
	var length [4]byte
	if _, err := io.ReadFull(f.r, length[:]); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > MaxFrame || int(n) > len(b) {
		return 0, fmt.Errorf("a frame of %d octets is announced, longer than any: the other side does not write frames behind their length", n)
	}
	_, err := io.ReadFull(f.r, b[:n])
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return int(n), err
}

func (f *framed) Write(b []byte) (int, error) {
	if len(b) > MaxFrame {
		return 0, fmt.Errorf("the frame is longer than %d octets", MaxFrame)
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	f.buf = binary.BigEndian.AppendUint32(f.buf[:0], uint32(len(b)))
	f.buf = append(f.buf, b...)
	if _, err := f.w.Write(f.buf); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *framed) Close() error { return f.close() }

// address splits unix:PATH and HOST:PORT into what package net wants.
func address(s, overIP string) (network, where string) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return "unix", path
	}
	return overIP, s
}

// openStream connects, or waits for the target to do so.
func openStream(ctx context.Context, where string) (io.ReadWriteCloser, error) {
	where, listens := strings.CutSuffix(where, ",listen")
	network, at := address(where, "tcp")
	if !listens {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, at)
		if err != nil {
			return nil, fmt.Errorf("stream:%s: %w", where, err)
		}
		return &framed{r: c, w: c, close: c.Close}, nil
	}
	c, err := accept(ctx, network, at)
	if err != nil {
		return nil, fmt.Errorf("stream:%s: %w", where, err)
	}
	return &framed{r: c, w: c, close: c.Close}, nil
}

// accept waits for the target to connect.
func accept(ctx context.Context, network, at string) (net.Conn, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, at)
	if err != nil {
		return nil, err
	}
	defer l.Close() // one target, one connection
	defer context.AfterFunc(ctx, func() { l.Close() })()
	c, err := l.Accept()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("nobody has connected: %w", err)
	}
	return c, nil
}

// ends is how long a program may take to end once its input has ended, before it is killed.
const ends = 2 * time.Second

// Exec starts a program that reads frames on its standard input and writes them on its standard output. What it writes on
// standard error goes to the harness's. It ends with the port: its input ends, and if that is not enough it is killed.
func Exec(_ context.Context, command []string) (io.ReadWriteCloser, error) {
	if len(command) == 0 {
		return nil, errors.New("exec: there is no command")
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("exec:%s: %w", command[0], err)
	}
	var once sync.Once
	return &framed{r: out, w: in, close: func() error {
		once.Do(func() {
			in.Close()
			kill := time.AfterFunc(ends, func() { _ = cmd.Process.Kill() })
			_ = cmd.Wait() // how it ends is its own affair
			kill.Stop()
		})
		return nil
	}}, nil
}
