// Package udp checks UDP: RFC 768 with the rules for hosts of RFC 1122, section 4.1.
package udp

import "github.com/conform-stack/conform/harness/check"

var suite = check.NewSuite("udp", "UDP: RFC 768, RFC 1122 section 4.1")
