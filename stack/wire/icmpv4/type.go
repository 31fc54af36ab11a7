package icmpv4

import "strconv"

// A Type says what a message is (IANA, ICMP Parameters).
type Type uint8

const (
	EchoReply           Type = 0
	Unreachable         Type = 3 // Destination Unreachable
	SourceQuench        Type = 4 // deprecated (RFC 6633)
	Redirect            Type = 5
	EchoRequest         Type = 8
	RouterAdvertisement Type = 9  // RFC 1256
	RouterSolicitation  Type = 10 // RFC 1256
	TimeExceeded        Type = 11
	ParameterProblem    Type = 12
	TimestampRequest    Type = 13
	TimestampReply      Type = 14
	InformationRequest  Type = 15 // obsolete (RFC 6918)
	InformationReply    Type = 16 // obsolete (RFC 6918)
	AddressMaskRequest  Type = 17 // RFC 950; obsolete (RFC 6918)
	AddressMaskReply    Type = 18 // RFC 950; obsolete (RFC 6918)
)

// IsError tells whether t reports an error about a datagram that it quotes (RFC 1122, 3.2.2).
func (t Type) IsError() bool {
	switch t {
	case Unreachable, SourceQuench, Redirect, TimeExceeded, ParameterProblem:
		return true
	}
	return false
}

func (t Type) String() string {
	switch t {
	case EchoReply:
		return "echo reply"
	case Unreachable:
		return "unreachable"
	case SourceQuench:
		return "source quench"
	case Redirect:
		return "redirect"
	case EchoRequest:
		return "echo request"
	case RouterAdvertisement:
		return "router advertisement"
	case RouterSolicitation:
		return "router solicitation"
	case TimeExceeded:
		return "time exceeded"
	case ParameterProblem:
		return "parameter problem"
	case TimestampRequest:
		return "timestamp request"
	case TimestampReply:
		return "timestamp reply"
	case InformationRequest:
		return "information request"
	case InformationReply:
		return "information reply"
	case AddressMaskRequest:
		return "address mask request"
	case AddressMaskReply:
		return "address mask reply"
	}
	return "type " + strconv.Itoa(int(t))
}

// A Code says more about a Type; each Type has its own.
type Code uint8

// Codes of Unreachable (RFC 792; RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1).
const (
	NetUnreachable      Code = 0
	HostUnreachable     Code = 1
	ProtocolUnreachable Code = 2
	PortUnreachable     Code = 3
	FragmentationNeeded Code = 4 // and DF set; Word holds the next hop's MTU (RFC 1191, 4)
	SourceRouteFailed   Code = 5
	NetUnknown          Code = 6
	HostUnknown         Code = 7
	HostIsolated        Code = 8
	NetProhibited       Code = 9
	HostProhibited      Code = 10
	NetTOS              Code = 11
	HostTOS             Code = 12
	AdminProhibited     Code = 13
	PrecedenceViolation Code = 14
	PrecedenceCutoff    Code = 15
)

// Codes of Redirect.
const (
	RedirectNet     Code = 0 // not sent by routers (RFC 1812, 5.2.7.2)
	RedirectHost    Code = 1
	RedirectNetTOS  Code = 2
	RedirectHostTOS Code = 3
)

// Codes of TimeExceeded.
const (
	TTLExceeded        Code = 0
	ReassemblyExceeded Code = 1
)

// Codes of ParameterProblem (RFC 1122, 3.2.2.5).
const (
	PointerGiven  Code = 0
	OptionMissing Code = 1
	BadLength     Code = 2
)
