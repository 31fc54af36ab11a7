package stack

import "github.com/conform-stack/conform/stack/ip/ipv6/register"

// contexts are those of header compression on an interface; nil where there is none.
func (i *Interface) contexts() register.Contexts { return nil }
