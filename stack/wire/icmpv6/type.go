package icmpv6

import "strconv"

// A Type names a message (IANA, ICMPv6 Parameters). Those below 128 are errors (RFC 4443, 2.1).
type Type uint8

const (
	Unreachable      Type = 1
	PacketTooBig     Type = 2
	TimeExceeded     Type = 3
	ParameterProblem Type = 4

	EchoRequest     Type = 128
	EchoReply       Type = 129
	ListenerQuery   Type = 130 // RFC 2710, RFC 3810
	ListenerReport  Type = 131 // RFC 2710
	ListenerDone    Type = 132 // RFC 2710
	RouterSolicit   Type = 133
	RouterAdvert    Type = 134
	NeighborSolicit Type = 135
	NeighborAdvert  Type = 136
	Redirect        Type = 137
	ListenerReport2 Type = 143 // RFC 3810

	DuplicateRequest Type = 157 // RFC 6775
	DuplicateConfirm Type = 158 // RFC 6775
)

// IsError tells whether messages of the type are errors.
func (t Type) IsError() bool { return t < 128 }

func (t Type) String() string {
	switch t {
	case Unreachable:
		return "unreachable"
	case PacketTooBig:
		return "packet-too-big"
	case TimeExceeded:
		return "time-exceeded"
	case ParameterProblem:
		return "parameter-problem"
	case EchoRequest:
		return "echo-request"
	case EchoReply:
		return "echo-reply"
	case ListenerQuery:
		return "listener-query"
	case ListenerReport:
		return "listener-report"
	case ListenerDone:
		return "listener-done"
	case RouterSolicit:
		return "router-solicitation"
	case RouterAdvert:
		return "router-advertisement"
	case NeighborSolicit:
		return "neighbor-solicitation"
	case NeighborAdvert:
		return "neighbor-advertisement"
	case Redirect:
		return "redirect"
	case ListenerReport2:
		return "listener-report-2"
	case DuplicateRequest:
		return "duplicate-address-request"
	case DuplicateConfirm:
		return "duplicate-address-confirmation"
	}
	return "type-" + strconv.Itoa(int(t))
}

// A Code says more; what, depends on the type.
type Code uint8

// Codes of Unreachable (RFC 4443, 3.1).
const (
	NoRoute            Code = 0
	Prohibited         Code = 1
	BeyondScope        Code = 2
	AddressUnreachable Code = 3
	PortUnreachable    Code = 4
	SourcePolicy       Code = 5
	RejectRoute        Code = 6
)

// Codes of TimeExceeded.
const (
	HopLimitExceeded   Code = 0
	ReassemblyExceeded Code = 1
)

// Codes of ParameterProblem (RFC 4443, 3.4; RFC 7112, 5).
const (
	ErroneousField    Code = 0
	UnknownNextHeader Code = 1
	UnknownOption     Code = 2
	IncompleteFirst   Code = 3
)
