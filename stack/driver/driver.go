// Package driver is the contract between a network device and the interface that it serves.
//
// Frames cross it as octets, whole, beginning with the link header and without frame check sequence. The octets belong
// to whoever made them and are good until the call returns: who wants to keep them copies them. That is all that a
// device, or a wrapper around one that traces, captures or damages frames, has to know of the stack.
//
// Everything happens on the node's loop. A real device has a goroutine that reads into frames of its own and enters the
// loop by the node's door to hand them over; it never touches what belongs to the loop.
package driver

// A Device puts frames on a medium and takes them off.
type Device interface {
	// Start tells the device whom it serves. Frames that came before are lost.
	Start(Handler)
	// Send takes one frame. It is false when the device is full: the frame was not taken, and Ready will be called
	// when it is worth another try. Send never calls the Handler, and no frame reaches the other end within it.
	Send(frame []byte) bool
	// Close takes the device off its medium. The Handler hears nothing after it.
	Close() error
}

// A Handler is an interface, as its device sees it.
type Handler interface {
	// Receive takes a frame that came off the medium.
	Receive(frame []byte)
	// Ready says that the device has room again, after a Send that was refused.
	Ready()
}

// Frames makes a Handler of a function that is called with each frame and never sends so much that it must wait.
type Frames func(frame []byte)

func (f Frames) Receive(frame []byte) { f(frame) }
func (Frames) Ready()                 {}

// A Carrier is a device that knows whether its medium is there: a cable is plugged in, a station has joined its network.
// A device that is none always has one.
type Carrier interface {
	// HasCarrier tells whether the medium is there. When that changes, the device calls the Handler's Carrier if it is a
	// CarrierHandler, never within Start or Send.
	HasCarrier() bool
}

// A CarrierHandler is a Handler that wants to know whether the medium is there.
type CarrierHandler interface {
	Carrier(on bool)
}

// A Promiscuous is a device that looks at addresses, and can be made to let all frames pass. One that is none lets all
// pass always.
type Promiscuous interface {
	SetPromiscuous(on bool) error
}

// CarrierOf tells whether a device's medium is there, as far as it knows.
func CarrierOf(d Device) bool {
	c, ok := d.(Carrier)
	return !ok || c.HasCarrier()
}

// TellCarrier tells a handler whether the medium is there, if it wants to know.
func TellCarrier(h Handler, on bool) {
	if c, ok := h.(CarrierHandler); ok {
		c.Carrier(on)
	}
}

// SetPromiscuous asks a device to let all frames pass, or no longer, if it is one that does not always.
func SetPromiscuous(d Device, on bool) error {
	if p, ok := d.(Promiscuous); ok {
		return p.SetPromiscuous(on)
	}
	return nil
}
