package stack_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// configured is a configuration by fragments.
func configured(t testing.TB, lines ...string) config.Config {
	t.Helper()
	c, err := config.Load(config.Config{NeighReachable: patient}, config.Lines(t.Name(), lines...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newBare is a kit whose node has no address.
func newBare(t testing.TB, c config.Config) *kit {
	k := &kit{t: t, loop: clock.New()}
	near, far := wire.New(k.loop, wire.Config{})
	k.far = far
	far.Start(driver.Frames(func(b []byte) { k.frames = append(k.frames, append([]byte(nil), b...)) }))
	var err error
	if k.node, err = stack.New(k.loop, c); err != nil {
		t.Fatal(err)
	}
	if k.eth, err = k.node.AddEthernet(near, nodeMAC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.node.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func synFrame() []byte {
	s := tcp.Append(nil, tcp.Header{SrcPort: 4000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000})
	tcp.Seal(s, codec.Pseudo4(testerIP, nodeIP, codec.TCP))
	return ipFrame(ipv4.Header{Protocol: codec.TCP}, s)
}

// A protocol that is left out is not there, and what comes for it is what the layer below makes of any that it does not
// know. The counters of what is there go on, and count it.
func TestProtocolsThatAreOff(t *testing.T) {
	const unreachable = "00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 2 "
	for _, tt := range []struct {
		off    string
		frame  []byte
		with   bool   // the node that has it answers
		answer string // of the node that has it not, to a host that it knows; empty: none
		drop   stats.Drop
	}{
		{"NET_UDP", udpFrame(4000, 9, "x"), true, unreachable + `[192.0.2.1 > 192.0.2.2 UDP 4000 > 9 "x"]`, stats.IPNoProtocol},
		{"NET_TCP", synFrame(), true, unreachable + "[192.0.2.1 > 192.0.2.2 TCP 0fa000070000000100000000500203e8184f0000]", stats.IPNoProtocol},
		{"CONFORM_ICMPV4", echoRequest("x"), true, "", stats.IPNoProtocol},
		{"NET_ARP", arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP), true, "", stats.UnknownType},
		{"NET_IPV4", echoRequest("x"), true, "", stats.UnknownType},
		{"NET_NATIVE", echoRequest("x"), true, "", stats.UnknownType},
		{"NET_IPV4_IGMP", generalQuery(2, 1), true, "", stats.IPNoProtocol},
	} {
		t.Run(tt.off, func(t *testing.T) {
			for _, has := range []bool{true, false} {
				lines := []string{"CONFIG_NET_IPV4_IGMP=y"}
				if !has {
					lines = []string{"# CONFIG_" + tt.off + " is not set"}
				}
				k := newBare(t, configured(t, lines...))
				if err := k.node.AddAddress(k.eth, subnet); (err != nil) != (k.node.IPv4 == nil) {
					t.Fatalf("address: %v", err)
				}
				if k.node.Config.Multicast4.On() && k.node.UDP != nil {
					k.group(k.open(99), socket.IPAddMembership, groupIP)
				}
				if k.node.Config.Have.ARP.On() {
					k.meet()
				}
				k.advance(2 * time.Second) // reports of the group
				k.frames = nil
				before := k.node.Stats()
				k.send(tt.frame)
				k.advance(time.Second) // an answer to a query is delayed
				s := k.node.Stats()
				if dropped := s.Drops[tt.drop] - before.Drops[tt.drop]; dropped != 0 == has {
					t.Errorf("with it: %v; %d dropped as %v", has, dropped, tt.drop)
				}
				if s.Link.Received-before.Link.Received != 1 {
					t.Errorf("with it: %v; %d frames counted", has, s.Link.Received-before.Link.Received)
				}
				switch {
				case has && tt.with != (len(k.frames) > 0):
					t.Errorf("with it: %d frames", len(k.frames))
				case !has && tt.answer != "":
					k.want("without it", tt.answer)
					fallthrough
				case !has:
					k.quiet("without it")
				}
			}
		})
	}
}

// Errors of other causes are not sent either when there is no ICMP.
func TestNoErrorsWithoutICMP(t *testing.T) {
	k := newKit(t, configured(t, "CONFIG_CONFORM_ICMPV4=n"))
	k.meet()
	k.send(udpFrame(4000, 9, "x"))
	k.quiet("nobody listens")
	k.dropped(stats.UDPNoPort, 1)
	k.dropped(stats.ICMPNotSent, 1)
}

// What sockets find of a protocol that is off: that there is no such socket.
func TestSocketsOfWhatIsOff(t *testing.T) {
	for _, tt := range []struct {
		off    string
		family socket.Family
		typ    socket.Type
		proto  int
		want   errno.Errno
	}{
		{"NET_UDP", socket.Inet, socket.Dgram, 0, errno.ESOCKTNOSUPPORT},
		{"NET_TCP", socket.Inet, socket.Stream, 0, errno.ESOCKTNOSUPPORT},
		{"NET_IPV4", socket.Inet, socket.Dgram, 0, errno.EAFNOSUPPORT},
		{"NET_SOCKETS_INET_RAW", socket.Inet, socket.Raw, 1, errno.ESOCKTNOSUPPORT},
		{"NET_SOCKETS_PACKET", socket.Packet, socket.Raw, 3, errno.EAFNOSUPPORT},
		{"NET_SOCKETS", socket.Inet, socket.Dgram, 0, errno.EAFNOSUPPORT},
	} {
		t.Run(tt.off, func(t *testing.T) {
			with := newBare(t, configured(t))
			if s, err := with.node.Sockets.Open(tt.family, tt.typ, tt.proto); err != nil {
				t.Errorf("with it: %v", err)
			} else if err := s.Close(); err != nil {
				t.Error(err)
			}
			without := newBare(t, configured(t, "CONFIG_"+tt.off+"=n"))
			_, err := without.node.Sockets.Open(tt.family, tt.typ, tt.proto)
			without.wantError("without it", err, tt.want)
		})
	}
	k := newBare(t, configured(t, "CONFIG_NET_SOCKETS=n"))
	_, _, err := k.node.Sockets.Pair()
	k.wantError("a pair", err, errno.EAFNOSUPPORT)
}

// Without sockets the protocols are there as before.
func TestProtocolsWithoutSockets(t *testing.T) {
	k := newKit(t, configured(t, "CONFIG_NET_SOCKETS=n"))
	k.meet()
	k.send(echoRequest("still here"))
	k.want("ICMP is no socket", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "still here"`)
}

// Without ARP a packet to one neighbour has no link address to go to; one to all has.
func TestSendingWithoutARP(t *testing.T) {
	k := newKit(t, configured(t, "CONFIG_NET_ARP=n"))
	s := k.open(7)
	if err := s.SendTo([]byte("x"), peerOf(testerIP, 9)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.quiet("one neighbour")
	k.dropped(stats.NoLinkAddr, 1)
	if err := s.SetOption(socket.SOBroadcast, socket.Value{Int: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.SendTo([]byte("x"), netip.MustParseAddrPort("192.0.2.255:9")); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("all", `all 192.0.2.2 > 192.0.2.255 UDP 7 > 9 "x"`)
}

// Without VLANs tagged frames are of an unknown type, whether they name a VLAN or a priority only.
func TestNoVLAN(t *testing.T) {
	for _, line := range []string{"CONFIG_NET_VLAN=y", "CONFIG_NET_VLAN=n"} {
		has := line == "CONFIG_NET_VLAN=y"
		k := newKit(t, configured(t, line))
		k.meet()
		k.send(tagged(echoRequest("x"), 5))
		if has {
			k.want("a priority", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "x"`)
			k.dropped(stats.UnknownType, 0)
		} else {
			k.quiet("a priority")
			k.dropped(stats.UnknownType, 1)
		}
		_, err := k.node.AddVLAN(k.eth, 5)
		if has && err != nil || !has && errno.Of(err) != errno.EOPNOTSUPP {
			t.Errorf("%s: a VLAN: %v", line, err)
		}
	}
}

func TestNoEthernet(t *testing.T) {
	loop := clock.New()
	n, err := stack.New(loop, configured(t, "CONFIG_NET_L2_ETHERNET=n"))
	if err != nil {
		t.Fatal(err)
	}
	near, _ := wire.New(loop, wire.Config{})
	if _, err := n.AddEthernet(near, nodeMAC); errno.Of(err) != errno.EOPNOTSUPP {
		t.Error(err)
	}
	if err := errors.Join(near.Close(), n.Close()); err != nil {
		t.Error(err)
	}
}

// Everything off, each alone and all at once: the node begins, hears what there is to hear, and ends with nothing in use.
func TestNodesBeginWithWhateverIsOff(t *testing.T) {
	var all []string
	for _, l := range config.Layers() {
		for _, s := range l.Symbols {
			if s.Type != config.Bool || s.Choice != "" || s.Of(config.RFC) == "n" {
				continue
			}
			line := "CONFIG_" + s.Name + "=n"
			if s.Name != "NET_L2_ETHERNET" && s.Name != "NETWORKING" {
				all = append(all, line)
			}
			t.Run(s.Name, func(t *testing.T) { begins(t, line) })
		}
	}
	if len(all) < 20 {
		t.Errorf("only %v", all)
	}
	t.Run("all", func(t *testing.T) { begins(t, all...) })
	t.Run("profile=zephyr", func(t *testing.T) { begins(t, "CONFIG_CONFORM_PROFILE_ZEPHYR=y") })
}

func begins(t *testing.T, lines ...string) {
	c := configured(t, lines...)
	loop := clock.New()
	n, err := stack.New(loop, c)
	if err != nil {
		t.Fatal(err)
	}
	near, far := wire.New(loop, wire.Config{})
	far.Start(driver.Frames(func([]byte) {}))
	if !n.Config.Have.Ethernet.On() {
		if err := errors.Join(near.Close(), n.Close()); err != nil {
			t.Error(err)
		}
		return
	}
	i, err := n.AddEthernet(near, nodeMAC)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.AddAddress(i, subnet); (err == nil) != n.Config.Have.IPv4.On() {
		t.Error(err)
	}
	n.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), testerIP.Netip(), i)
	for _, frame := range [][]byte{arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP), echoRequest("x"), udpFrame(1, 2, "x"), synFrame(), generalQuery(3, 1)} {
		far.Send(frame)
		if err := loop.Run(loop.Now() + time.Second); err != nil {
			t.Fatal(err)
		}
	}
	n.RemoveRoute(netip.MustParsePrefix("0.0.0.0/0"), testerIP.Netip(), i)
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// Datagrams with a wrong checksum, and without one, in every configuration.
func TestUDPChecksumsAreOptional(t *testing.T) {
	wrong := udpFrame(4000, 9, "x")
	wrong[40] ^= 1
	none := udpFrame(4000, 9, "x")
	none[40], none[41] = 0, 0
	for _, tt := range []struct {
		line        string
		wrong, none bool // accepted
	}{
		{"CONFIG_NET_UDP=y", false, true},
		{"CONFIG_NET_UDP_CHECKSUM=n", true, true},
		{"CONFIG_NET_UDP_MISSING_CHECKSUM=n", false, false},
	} {
		for frame, want := range map[*[]byte]bool{&wrong: tt.wrong, &none: tt.none} {
			k := newKit(t, configured(t, tt.line))
			k.meet()
			s := k.open(9)
			k.send(*frame)
			if s.Readable() != want {
				t.Errorf("%s: checksum %x: accepted %v", tt.line, (*frame)[40:42], s.Readable())
			}
		}
	}
}
