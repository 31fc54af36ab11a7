package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/pcap"
	"github.com/conform-stack/conform/stack/driver/pump"
	"github.com/conform-stack/conform/stack/driver/slip"
	"github.com/conform-stack/conform/stack/driver/tap"
	"github.com/conform-stack/conform/stack/driver/trace"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/link"
)

type upFlags struct {
	link    string
	name    string
	pan     uint16
	channel int
	key     string
	index   uint8
	mac     string
	ip      []string
	host    string
	profile string
	config  []string
	pcap    string
	trace   bool
}

func upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring the reference stack up on a TAP device",
		Long: "Bring the reference stack up behind a TAP device of this host, until interrupted: with echo services of UDP and TCP on port 7,\n" +
			"and a page on port 80 that shows its counters. It takes the privileges to make a TAP device. The host's side gets an address,\n" +
			"so that ping, arping, nc and curl reach the stack.\n" +
			"\n" +
			"With --link slip:PATH it is on a serial line instead, which carries frames of Ethernet in SLIP: PATH is a serial device, a\n" +
			"pseudo-terminal or a Unix socket, which with ,listen the other side connects to.\n" +
			"\n" +
			"With --link zep:HOST:PORT the stack joins a network of IEEE 802.15.4 over ZEP instead, such as that of RIOT's native boards: it\n" +
			"speaks 6LoWPAN there, from fe80::2 unless --mac says otherwise.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if at, ok := strings.CutPrefix(f.link, "zep:"); ok {
				return f.upZEP(cmd.Context(), cmd.OutOrStdout(), at, cmd.Flags().Changed)
			}
			if f.link != "tap" && !strings.HasPrefix(f.link, "slip:") {
				return fmt.Errorf("--link: %q is neither tap, slip:PATH[,listen] nor zep:HOST:PORT", f.link)
			}
			return f.up(cmd.Context(), cmd.OutOrStdout())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.link, "link", "tap", "what the stack is on: tap; slip:PATH[,listen], a serial line; or zep:HOST:PORT, the dispatcher of a ZEP network or a peer")
	fl.StringVar(&f.name, "name", "conform0", "of the TAP device")
	fl.StringVar(&f.mac, "mac", "02:00:00:00:00:02", "the stack's link address; on zep of 8 octets, and "+zepMAC+" by default")
	fl.Uint16Var(&f.pan, "pan", 0x23, "on zep: the network's PAN")
	fl.StringVar(&f.key, "key", "", "on zep: secure frames with this key of AES-128, 32 digits, at level 5")
	fl.Uint8Var(&f.index, "key-index", 1, "on zep: the index by which frames name the key; 0: they name none")
	fl.IntVar(&f.channel, "channel", 26, "on zep: the network's channel, 11 to 26")
	fl.StringSliceVar(&f.ip, "ip", []string{"192.0.2.1/24"}, "the stack's addresses, each with its subnet, such as 192.0.2.1/24,2001:db8::1/64")
	fl.StringVar(&f.host, "host", "192.0.2.2/24", "the host's address and subnet on the device; none leaves the host's side alone")
	fl.StringVar(&f.profile, "profile", "rfc", "how the stack is configured: rfc, zephyr")
	fl.StringArrayVar(&f.config, "config", nil, "a fragment over the profile, such as prj.conf; may be given more than once, later ones win")
	fl.StringVar(&f.pcap, "pcap", "", "write what passes to this file")
	fl.BoolVar(&f.trace, "trace", false, "print what passes")
	return cmd
}

func (f *upFlags) up(ctx context.Context, w io.Writer) (err error) {
	ips, err := f.addresses()
	if err != nil {
		return err
	}
	addr, err := link.ParseAddr(f.mac)
	if err != nil {
		return fmt.Errorf("--mac: %w", err)
	}
	mac, ok := ethernet.MACFrom(addr)
	if !ok {
		return fmt.Errorf("--mac: %s is not the 6 octets of an Ethernet address", f.mac)
	}
	c, err := loadConfig(f.profile, f.config)
	if err != nil {
		return err
	}
	loop := clock.New()
	node, err := stack.New(loop, c)
	if err != nil {
		return err
	}
	node.GoLive()
	device, err := f.open(ctx, node.Do)
	if err != nil {
		return errors.Join(err, node.Close())
	}
	closeCapture, wrapped, err := f.wrap(loop, device, w, pcap.LinkEthernet, trace.Ethernet)
	if err != nil {
		return errors.Join(err, device.Close(), node.Close())
	}
	defer func() {
		err = errors.Join(err, node.Close())
		device.Wait() // for its goroutines, before what they write to is closed
		err = errors.Join(err, closeCapture())
	}()
	node.Do(func() {
		var eth *stack.Interface
		if eth, err = node.AddEthernet(wrapped, mac); err == nil {
			err = addAddresses(node, eth, ips)
		}
		if err == nil && node.Config.IPv6.Enabled.On() {
			err = node.EnableIPv6(eth)
		}
	})
	if err != nil {
		return err
	}
	if f.host != "none" && f.link == "tap" {
		if err := configureHost(device.Name(), f.host); err != nil {
			return err
		}
	}
	at := netip.IPv4Unspecified()
	if node.Config.IPv6.Enabled.On() { // and of IPv4 as well (RFC 3493, 3.7)
		at = netip.IPv6Unspecified()
	}
	end, names, err := serve(node, at)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "up: %s on %s, link address %s, %s; interrupt to end\n", strings.Join(f.ip, ", "), device.Name(), f.mac, names)
	<-ctx.Done()
	return end()
}

// cable is a device that carries frames of Ethernet to somebody else.
type cable interface {
	driver.Device
	Name() string
	Wait() // for its goroutines, after Close
}

// open opens the device of --link.
func (f *upFlags) open(ctx context.Context, door pump.Door) (cable, error) {
	if path, ok := strings.CutPrefix(f.link, "slip:"); ok {
		path, listens := strings.CutSuffix(path, ",listen")
		d, err := slip.Open(ctx, slip.Config{Path: path, Listen: listens}, door)
		if err != nil {
			return nil, fmt.Errorf("--link: %w", err)
		}
		return d, nil
	}
	d, err := tap.Open(tap.Config{Name: f.name}, door)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// addresses are those that the stack is to have.
func (f *upFlags) addresses() (all []netip.Prefix, err error) {
	for _, text := range f.ip {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--ip: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

func addAddresses(n *stack.Node, i *stack.Interface, all []netip.Prefix) error {
	for _, p := range all {
		if err := n.AddAddress(i, p); err != nil {
			return fmt.Errorf("--ip %s: %w", p, err)
		}
	}
	return nil
}

// wrap puts a trace and a capture around the device. done closes the capture.
func (f *upFlags) wrap(loop *clock.Loop, d driver.Device, w io.Writer, l pcap.LinkType, describe func([]byte) string) (done func() error, _ driver.Device, err error) {
	done = func() error { return nil }
	if f.trace {
		d = trace.New(loop, d, trace.Config{Name: f.name, Out: w, Describe: describe})
	}
	if f.pcap == "" {
		return done, d, nil
	}
	file, err := os.Create(f.pcap)
	if err != nil {
		return nil, nil, fmt.Errorf("--pcap: %w", err)
	}
	writer, err := pcap.NewWriter(file, pcap.Config{Link: l})
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file.Close, pcap.New(loop, d, writer), nil
}
