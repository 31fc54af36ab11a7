// Package remote carries the control channel of a target over a stream of octets: a TCP or Unix connection, a serial
// device, the standard input and output of a program.
//
// Both sides write lines of JSON. The agent greets first; the harness answers with its token; then requests and replies
// travel with numbers, replies in whatever order the calls end. docs/agent-protocol.md is the whole of it, for those who
// write an agent in another language. A line that is not a JSON object is passed over: a serial device talks while it boots.
package remote

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/conform-stack/conform/harness/agent"
)

// Version is that of the protocol.
const Version = 1

// maxLine is the longest line, in octets: what a check sends on a stream in one call, in base64.
const maxLine = 4 << 20

// reset closes all sockets of the connection and ends what is pending.
const reset agent.Verb = "reset"

// A greeting is the agent's first line.
type greeting struct {
	Conform int    `json:"conform"` // the version of the protocol
	Name    string `json:"name"`
	Token   bool   `json:"token,omitempty"` // a token is wanted
}

// A hello is the harness's first line.
type hello struct {
	Hello int    `json:"hello"`
	Token string `json:"token,omitempty"`
}

// A welcome ends the beginning.
type welcome struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// request and reply are calls on the wire.
type request struct {
	ID int `json:"id"`
	agent.Request
}

type reply struct {
	ID int `json:"id"`
	agent.Reply
}

// lines reads lines of JSON.
type lines struct{ r *bufio.Reader }

func newLines(r io.Reader) lines { return lines{bufio.NewReaderSize(r, 1<<16)} }

var errLong = fmt.Errorf("a line is longer than %d octets", maxLine)

// next reads the next JSON object into v.
func (l lines) next(v any) error {
	for {
		line, err := l.line()
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		if err := json.Unmarshal(line, v); err != nil {
			return fmt.Errorf("a line is no message of the protocol: %w", err)
		}
		return nil
	}
}

func (l lines) line() (line []byte, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, errLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		}
		return line, err
	}
}

// write writes v as one line, in one call.
func write(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
