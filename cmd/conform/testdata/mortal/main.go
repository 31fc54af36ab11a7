// Program mortal is a target for exec: links. It answers ARP and ping for 192.0.2.1, over its standard input and output,
// until its first life ends with a ping. How it dies, and whether it can live again, the folder that is its argument says:
// there is a file `hangs` when it stays and is silent, `needs-reset` when it does not come back by itself. A reset leaves the
// file `reset` there. The first life ends once, and leaves `died`.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
)

func main() { mortal(os.Args[1], os.Stdin, os.Stdout) }

func mortal(folder string, in io.Reader, out io.Writer) {
	exists := func(name string) bool { _, err := os.Stat(filepath.Join(folder, name)); return err == nil }
	dead := func() bool { return exists("died") && exists("needs-reset") && !exists("reset") }
	if dead() && !exists("hangs") {
		return
	}
	ip, mac := []byte{192, 0, 2, 1}, []byte{2, 0, 0, 0, 0, 0x77}
	r := bufio.NewReader(in)
	for pings := 0; ; {
		var n [4]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return
		}
		f := make([]byte, binary.BigEndian.Uint32(n[:]))
		if _, err := io.ReadFull(r, f); err != nil {
			return
		}
		switch {
		case dead():
			continue
		case len(f) >= 42 && f[12] == 8 && f[13] == 6 && f[21] == 1 && bytes.Equal(f[38:42], ip):
			asker := append([]byte{}, f[22:32]...)
			f[21] = 2
			copy(f[22:], mac)
			copy(f[28:], ip)
			copy(f[32:], asker)
		case len(f) >= 42 && f[12] == 8 && f[13] == 0 && f[14] == 0x45 && f[23] == 1 && f[34] == 8 && bytes.Equal(f[30:34], ip):
			if pings++; pings == 3 && !exists("died") {
				_ = os.WriteFile(filepath.Join(folder, "died"), nil, 0o666)
				if exists("hangs") {
					continue
				}
				return
			}
			asker := append([]byte{}, f[26:30]...)
			copy(f[26:], ip)
			copy(f[30:], asker)
			f[34] = 0
			if sum := uint32(f[36])<<8 + uint32(f[37]) + 0x800; sum > 0xffff {
				f[36], f[37] = byte((sum+1)>>8), byte(sum+1)
			} else {
				f[36], f[37] = byte(sum>>8), byte(sum)
			}
		default:
			continue
		}
		copy(f[:6], f[6:12])
		copy(f[6:12], mac)
		if _, err := out.Write(append(n[:], f...)); err != nil {
			return
		}
	}
}
