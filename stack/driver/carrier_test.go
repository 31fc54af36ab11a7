package driver_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/pcap"
	"github.com/conform-stack/conform/stack/driver/trace"
	"github.com/conform-stack/conform/stack/driver/wire"
)

type station struct{ carrier []bool }

func (*station) Receive([]byte)    {}
func (*station) Ready()            {}
func (s *station) Carrier(on bool) { s.carrier = append(s.carrier, on) }

var errRefused = errors.New("refused")

// refusing is a device that cannot be promiscuous.
type refusing struct{ driver.Device }

func (refusing) SetPromiscuous(bool) error { return errRefused }

// plain is a device that is no more than one.
type plain struct{ inner driver.Device }

func (p plain) Start(h driver.Handler) { p.inner.Start(h) }
func (p plain) Send(f []byte) bool     { return p.inner.Send(f) }
func (p plain) Close() error           { return p.inner.Close() }

// Wrappers pass on what a device knows of its medium, and what is asked of it.
func TestWrappersPassOnCarrierAndPromiscuousMode(t *testing.T) {
	l := clock.New()
	file, err := pcap.NewWriter(io.Discard, pcap.Config{Link: pcap.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(driver.Device) driver.Device{
		"fault": func(d driver.Device) driver.Device { return fault.New(l, d, fault.Config{}) },
		"pcap":  func(d driver.Device) driver.Device { return pcap.New(l, d, file) },
		"trace": func(d driver.Device) driver.Device { return trace.New(l, d, trace.Config{Out: io.Discard}) },
	} {
		near, far := wire.New(l, wire.Config{})
		d, s := wrap(near), &station{}
		d.Start(s)
		if !driver.CarrierOf(d) {
			t.Errorf("%s: no carrier on a wire", name)
		}
		far.Pull()
		if driver.CarrierOf(d) {
			t.Errorf("%s: a carrier without a wire", name)
		}
		far.Plug()
		if want := []bool{false, true}; !slices.Equal(s.carrier, want) {
			t.Errorf("%s: told %v, want %v", name, s.carrier, want)
		}
		if err := driver.SetPromiscuous(d, true); err != nil {
			t.Errorf("%s: a wire lets all pass, and says %v", name, err)
		}
		if err := driver.SetPromiscuous(wrap(refusing{near}), true); err != errRefused {
			t.Errorf("%s: a device that refuses says %v", name, err)
		}
		if !driver.CarrierOf(wrap(plain{near})) {
			t.Errorf("%s: a device that knows nothing of its medium has none", name)
		}
	}
}
