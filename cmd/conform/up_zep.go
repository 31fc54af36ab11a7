package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/pcap"
	"github.com/conform-stack/conform/stack/driver/trace"
	"github.com/conform-stack/conform/stack/driver/zep"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	mac "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// zepMAC is the stack's link address on a ZEP network. Its interface identifier is ::2.
const zepMAC = "02:00:00:00:00:00:00:02"

// upZEP brings the stack up in the network of a ZEP dispatcher.
func (f *upFlags) upZEP(ctx context.Context, w io.Writer, at string, given func(flag string) bool) (err error) {
	if !given("mac") {
		f.mac = zepMAC
	}
	addr, err := link.ParseAddr(f.mac)
	if err != nil {
		return fmt.Errorf("--mac: %w", err)
	}
	if addr.Len() != 8 {
		return fmt.Errorf("--mac: %s is not the 8 octets of an extended address", f.mac)
	}
	if !given("ip") {
		f.ip = nil
	}
	ips, err := f.addresses()
	if err != nil {
		return err
	}
	if !given("name") {
		f.name = "wpan0"
	}
	security, err := f.security()
	if err != nil {
		return err
	}
	c, err := loadConfig(f.profile, f.config)
	if err != nil {
		return err
	}
	if f.key != "" {
		c.IEEE802154.Security = config.On
	}
	loop := clock.New()
	node, err := stack.New(loop, c)
	if err != nil {
		return err
	}
	node.GoLive()
	device, err := zep.Open(zep.Config{Remote: at}, node.Do)
	if err != nil {
		return errors.Join(fmt.Errorf("--link: %w", err), node.Close())
	}
	closeCapture, wrapped, err := f.wrap(loop, device, w, pcap.LinkIEEE802154, trace.IEEE802154)
	if err != nil {
		return errors.Join(err, device.Close(), node.Close())
	}
	defer func() {
		err = errors.Join(err, node.Close())
		device.Wait() // for its goroutines, before what they write to is closed
		err = errors.Join(err, closeCapture())
	}()
	node.Do(func() {
		var i *stack.Interface
		i, err = node.AddIEEE802154(ieee802154.Wrapped(wrapped, device), ieee802154.Config{Extended: addr, PAN: f.pan, Channel: f.channel, Security: security})
		if err == nil {
			err = addAddresses(node, i, ips)
		}
	})
	if err != nil {
		return errors.Join(err, device.Close())
	}
	end, names, err := serve(node, netip.IPv6Unspecified())
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "up: %s, PAN %#04x, channel %d, link address %s, %s; interrupt to end\n", device.Name(), f.pan, f.channel, f.mac, names)
	<-ctx.Done()
	return end()
}

// security is how the flags want frames secured, and all that come: what is not is refused.
func (f *upFlags) security() (s ieee802154.Security, err error) {
	if f.key == "" {
		return s, nil
	}
	key, err := hex.DecodeString(f.key)
	if err != nil || len(key) != 16 {
		return s, fmt.Errorf("--key: %q is not the 16 octets of a key, as 32 digits from 0 to f", f.key)
	}
	s = ieee802154.Security{Level: mac.ENCMIC32, Require: mac.ENCMIC32, Index: f.index}
	if f.index > 0 {
		s.KeyMode = mac.KeyIndex
	}
	s.Keys = []ieee802154.Key{{Mode: s.KeyMode, Index: f.index, Key: [16]byte(key)}}
	return s, nil
}
