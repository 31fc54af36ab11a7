package config

// UDP configures UDP.
type UDP struct {
	Checksum  Switch // discard datagrams whose checksum is wrong (RFC 1122, 4.1.3.4)
	Unchecked Switch // accept datagrams of IPv4 that have none (RFC 768)
}
