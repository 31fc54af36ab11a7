package tcp_test

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
)

// A server and a client on one node. Calls never block: SetReady tells when the next one is worth its while.
func Example() {
	loop := clock.New()
	node, err := stack.New(loop, config.Config{})
	if err != nil {
		panic(err)
	}
	listener, _ := node.TCP.Open(ip.V4)
	fmt.Println("bind:", listener.Bind(netip.MustParseAddrPort("127.0.0.1:7")), "listen:", listener.Listen(1))
	listener.SetReady(func(tcp.Ready) {
		server, err := listener.Accept()
		if err != nil {
			return
		}
		server.SetReady(func(tcp.Ready) { // an echo service
			buf := make([]byte, 100)
			n, err := server.Recv(buf, 0)
			switch {
			case err == errno.EAGAIN:
			case n == 0:
				fmt.Println("server: end of stream")
				server.SetReady(nil)
				server.Close()
			default:
				server.Send(buf[:n], 0)
			}
		})
	})

	client, _ := node.TCP.Open(ip.V4)
	fmt.Println("connect:", client.Connect(netip.MustParseAddrPort("127.0.0.1:7")))
	loop.Run(loop.Now())
	fmt.Println("client:", client.State())
	client.Send([]byte("hello"), 0)
	loop.Run(loop.Now())
	buf := make([]byte, 100)
	n, err := client.Recv(buf, 0)
	fmt.Printf("client: %q %v\n", buf[:n], err)
	client.Close()
	loop.Run(loop.Now())
	fmt.Println("client:", client.State())
	listener.Close()
	fmt.Println("close:", node.Close())
	// Output:
	// bind: <nil> listen: <nil>
	// connect: EINPROGRESS
	// client: ESTABLISHED
	// client: "hello" <nil>
	// server: end of stream
	// client: TIME-WAIT
	// close: <nil>
}
