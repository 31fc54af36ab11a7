package wire

import "errors"

// What can be wrong with a message. Codecs wrap ErrInvalid with the field that is wrong; ask with errors.Is.
var (
	// ErrShort: the octets end before what the message says of itself.
	ErrShort = errors.New("cut short")
	// ErrInvalid: a field has a value with which the rest cannot be read.
	ErrInvalid = errors.New("invalid")
	// ErrLength: the message can be read, but a length in it disagrees with the octets that came.
	ErrLength = errors.New("length disagrees with the octets received")
	// ErrChecksum: the message can be read, but not every octet is as it was sent.
	ErrChecksum = errors.New("bad checksum")
)

// Invalid makes the error of one field; it wraps ErrInvalid. Codecs keep the result in a variable.
func Invalid(what string) error { return &invalid{what} }

type invalid struct{ what string }

func (e *invalid) Error() string { return e.what }
func (e *invalid) Unwrap() error { return ErrInvalid }
