package agent

import "net/netip"

// What a resolver of names asks of a target that declares it.
const (
	Resolver Verb = "resolver" // -> Servers, Domains: what is known of DNS (RFC 8106)
	Order    Verb = "order"    // Sources, the addresses of a peer -> Ordered, as they are to be tried (RFC 6724, 6)
	SetTable Verb = "policies" // Policies, the policy table (RFC 6724, 2.1); none for the default one
)

// A Policy is a row of the policy table of RFC 6724, 2.1.
type Policy struct {
	Prefix     netip.Prefix `json:"prefix"`
	Precedence int          `json:"precedence"`
	Label      int          `json:"label"`
}

// What is asked of a router of RFC 6775 that declares management of IPv6.
const (
	OfferContext    Verb = "context-offer"    // Max the number, Local and Value the prefix and its length: a border router tells of it from now on (RFC 6775, 7.2)
	WithdrawContext Verb = "context-withdraw" // Max the number
	Registrations   Verb = "registrations"    // -> Addrs: the addresses that are registered (RFC 8505, 3)
)
