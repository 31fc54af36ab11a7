// Package pmtu6 checks path MTU discovery for IPv6: RFC 8201.
package pmtu6

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("pmtu6", "RFC 8201: path MTU discovery for IPv6").On(target.Ethernet).Needing(target.IPv6)
