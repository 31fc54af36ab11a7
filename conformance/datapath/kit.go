package datapath

import (
	"fmt"
	"strings"

	"github.com/conform-stack/conform/harness/probe"
)

// onlyClasses keeps the counters of classes with a beginning and an end.
func onlyClasses(c probe.Counters, begins, ends string) probe.Counters {
	kept := probe.Counters{}
	for name, v := range c {
		if strings.HasPrefix(name, begins) && strings.HasSuffix(name, ends) && strings.Count(name, ".") == 2 {
			kept[name] = v
		}
	}
	return kept
}

// ofClass counts the packets of a class.
func ofClass(items []item, class int) (n int) {
	for _, i := range items {
		if i.class == class {
			n++
		}
	}
	return n
}

// An option is a symbol with a number; a negative one leaves it alone.
type option struct {
	symbol string
	value  int
}

func (o option) String() string {
	if o.value < 0 {
		return "default"
	}
	return fmt.Sprint(o.value)
}

// Config implements check.Configured.
func (o option) Config() []string {
	if o.value < 0 {
		return nil
	}
	return []string{fmt.Sprintf("CONFIG_%s=%d", o.symbol, o.value)}
}
