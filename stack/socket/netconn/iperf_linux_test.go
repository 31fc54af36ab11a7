package netconn_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// What iperf3 says on its control connection: a state is one octet, everything else is JSON behind its length. Both sides
// of it are here for one stream of TCP, as iperf3 3.1 and later have them.
//
//	client                        server
//	cookie, 36 characters and NUL
//	                              ParamExchange
//	parameters
//	                              CreateStreams
//	(a connection more, which begins with the cookie)
//	                              TestStart, TestRunning
//	... octets, by the stream, to the server or with "reverse" from it, until the client has enough ...
//	TestEnd
//	                              ExchangeResults
//	results                       results
//	                              DisplayResults
//	IperfDone
const (
	iperfTestStart       = 1
	iperfTestRunning     = 2
	iperfTestEnd         = 4
	iperfParamExchange   = 9
	iperfCreateStreams   = 10
	iperfExchangeResults = 13
	iperfDisplayResults  = 14
	iperfDone            = 16

	iperfCookie = 37
)

// iperfParams are the parameters that count here.
type iperfParams struct {
	TCP      bool   `json:"tcp"`
	Omit     int    `json:"omit"`
	Time     int    `json:"time"`
	Parallel int    `json:"parallel"`
	Len      int    `json:"len"`
	Reverse  bool   `json:"reverse,omitempty"`
	Version  string `json:"client_version"`
}

type iperfResults struct {
	CPU         float64       `json:"cpu_util_total"`
	CPUUser     float64       `json:"cpu_util_user"`
	CPUSystem   float64       `json:"cpu_util_system"`
	Retransmits int           `json:"sender_has_retransmits"`
	Streams     []iperfStream `json:"streams"`
}

type iperfStream struct {
	ID          int     `json:"id"`
	Bytes       int64   `json:"bytes"`
	Retransmits int     `json:"retransmits"`
	Jitter      float64 `json:"jitter"`
	Errors      int     `json:"errors"`
	Packets     int     `json:"packets"`
	Start       float64 `json:"start_time"`
	End         float64 `json:"end_time"`
}

// iperfCounted is of the peer's results what counts here. It writes -1 as a number without sign.
type iperfCounted struct {
	Streams []struct {
		Bytes int64 `json:"bytes"`
	} `json:"streams"`
}

func (c iperfCounted) sum() (n int64) {
	for _, s := range c.Streams {
		n += s.Bytes
	}
	return n
}

// iperf is one side of a test.
type iperf struct {
	control net.Conn
	err     error // the first
}

func (p *iperf) try(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *iperf) tell(state byte) {
	_, err := p.control.Write([]byte{state})
	p.try(err)
}

// expect reads a state.
func (p *iperf) expect(states ...byte) {
	var b [1]byte
	for _, want := range states {
		if p.err != nil {
			return
		}
		if _, err := io.ReadFull(p.control, b[:]); err != nil {
			p.err = fmt.Errorf("waiting for state %d: %w", want, err)
		} else if b[0] != want {
			p.err = fmt.Errorf("state %d, want %d", int8(b[0]), want)
		}
	}
}

func (p *iperf) send(v any) {
	b, err := json.Marshal(v)
	p.try(err)
	_, err = p.control.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	p.try(err)
}

func (p *iperf) receive(v any) {
	var n [4]byte
	if p.err != nil {
		return
	}
	if _, p.err = io.ReadFull(p.control, n[:]); p.err != nil {
		return
	}
	b := make([]byte, min(binary.BigEndian.Uint32(n[:]), 1<<16))
	if _, p.err = io.ReadFull(p.control, b); p.err == nil {
		p.err = json.Unmarshal(b, v)
	}
}

// octets moves octets by the stream until it is told to stop by a deadline, or the peer is done. It tells how many.
func octets(c net.Conn, size int, sends bool) (n int64, err error) {
	b := make([]byte, size)
	for {
		k := 0
		if sends {
			k, err = c.Write(b)
		} else {
			k, err = c.Read(b)
		}
		n += int64(k)
		var timeout net.Error
		switch {
		case errors.Is(err, io.EOF), errors.As(err, &timeout) && timeout.Timeout():
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

func results(n int64, took time.Duration) iperfResults {
	return iperfResults{Retransmits: -1, Streams: []iperfStream{{ID: 1, Bytes: n, Retransmits: -1, End: took.Seconds()}}}
}

// iperfServe takes one test, and tells how many octets this side has counted, and the client.
func iperfServe(l net.Listener) (ours, theirs int64, err error) {
	control, err := l.Accept()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	p := &iperf{control: control}
	var cookie, again [iperfCookie]byte
	_, err = io.ReadFull(control, cookie[:])
	p.try(err)
	p.tell(iperfParamExchange)
	var params iperfParams
	p.receive(&params)
	if p.err == nil && (!params.TCP || params.Parallel > 1) {
		p.err = fmt.Errorf("a test that is not known here: %+v", params)
	}
	p.tell(iperfCreateStreams)
	if p.err != nil {
		return 0, 0, p.err
	}
	stream, err := l.Accept()
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = stream.Close() }() // again, if all went well
	_, err = io.ReadFull(stream, again[:])
	p.try(err)
	if p.err == nil && cookie != again {
		p.err = errors.New("another cookie on the stream")
	}
	p.tell(iperfTestStart)
	p.tell(iperfTestRunning)
	began, moved := time.Now(), make(chan error, 1)
	go func() {
		n, err := octets(stream, max(params.Len, 1), params.Reverse)
		ours = n
		moved <- err
	}()
	p.expect(iperfTestEnd)
	took := time.Since(began)
	p.try(stream.SetDeadline(time.Unix(1, 0)))
	p.try(<-moved)
	p.try(stream.Close()) // iperf3 reads whole blocks, or to the end
	p.tell(iperfExchangeResults)
	var got iperfCounted
	p.receive(&got)
	p.send(results(ours, took))
	p.tell(iperfDisplayResults)
	p.expect(iperfDone)
	return ours, got.sum(), p.err
}

// iperfRun makes one test with a server, and tells how many octets this side has counted, and the server.
func iperfRun(dial func() (net.Conn, error), reverse bool, lasts time.Duration) (ours, theirs int64, err error) {
	control, err := dial()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	p := &iperf{control: control}
	cookie := append([]byte("conformconformconformconformconform0"), 0)
	_, err = control.Write(cookie)
	p.try(err)
	p.expect(iperfParamExchange)
	p.send(iperfParams{TCP: true, Time: int(lasts / time.Second), Parallel: 1, Len: 128 << 10, Reverse: reverse, Version: "3.12"})
	p.expect(iperfCreateStreams)
	if p.err != nil {
		return 0, 0, p.err
	}
	stream, err := dial()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	_, err = stream.Write(cookie)
	p.try(err)
	p.expect(iperfTestStart, iperfTestRunning)
	if p.err != nil {
		return 0, 0, p.err
	}
	began := time.Now()
	p.try(stream.SetDeadline(began.Add(lasts)))
	ours, err = octets(stream, 128<<10, !reverse)
	p.try(err)
	p.tell(iperfTestEnd)
	p.expect(iperfExchangeResults)
	p.send(results(ours, time.Since(began)))
	var got iperfCounted
	p.receive(&got)
	p.expect(iperfDisplayResults)
	p.tell(iperfDone)
	return ours, got.sum(), p.err
}
