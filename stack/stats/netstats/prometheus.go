package netstats

import (
	"fmt"
	"reflect"
	"strings"
)

// A Nic is one interface with its counters; the name "" is for what concerns none.
type Nic struct {
	Name     string
	Ethernet bool // without it there is nothing to tell of Ethernet
	Counters Counters
}

// Prometheus writes the counters of all interfaces in the text format of Prometheus 0.0.4: metrics zephyr_net_*, with the
// interface as the label nic and the traffic class as the label tc. Sums over interfaces are Prometheus' to make. Classes
// beyond those that the node has are left out.
func Prometheus(nics []Nic, txClasses, rxClasses int) string {
	p := exporter{nics: nics, classes: [2]int{max(1, txClasses), max(1, rxClasses)}}
	p.walk("zephyr_net", "", reflect.TypeFor[Counters](), func(c *Counters) reflect.Value { return reflect.ValueOf(c).Elem() })
	return p.String()
}

type exporter struct {
	strings.Builder
	nics    []Nic
	classes [2]int // sent, received
}

// A getter finds a part of the counters.
type getter func(*Counters) reflect.Value

func (p *exporter) walk(name, help string, t reflect.Type, get getter) {
	switch {
	case t == reflect.TypeFor[Time]():
		p.summary(name, help, 1, func(c *Counters, _ int) Time { return get(c).Interface().(Time) })
	case t.Kind() == reflect.Uint64:
		p.head(name, help, "counter")
		for i := range p.nics {
			if p.nics[i].Ethernet || !strings.HasPrefix(name, "zephyr_net_eth_") {
				p.sample(name, p.label(i, ""), get(&p.nics[i].Counters).Uint())
			}
		}
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			p.walk(name+"_"+f.Tag.Get("net"), helpOf(f, help), f.Type, func(c *Counters) reflect.Value { return get(c).Field(i) })
		}
	default:
		p.perClass(name, help, t, get)
	}
}

// perClass exports an array of classes, metric by metric.
func (p *exporter) perClass(name, help string, t reflect.Type, get getter) {
	classes := p.classes[0]
	if t.Elem() == reflect.TypeFor[TCRecv]() {
		classes = p.classes[1]
	}
	for i := range t.Elem().NumField() {
		f := t.Elem().Field(i)
		metric, help := name+"_"+f.Tag.Get("net"), helpOf(f, help)
		field := func(c *Counters, class int) reflect.Value { return get(c).Index(class).Field(i) }
		switch f.Type.Kind() {
		case reflect.Uint64:
			p.head(metric, help, "counter")
			for k := range p.nics {
				for class := range classes {
					p.sample(metric, p.label(k, fmt.Sprintf(`,tc="%d"`, class)), field(&p.nics[k].Counters, class).Uint())
				}
			}
		case reflect.Struct:
			p.summary(metric, help, classes, func(c *Counters, class int) Time { return field(c, class).Interface().(Time) })
		case reflect.Array: // from point to point
			for point := range f.Type.Len() {
				help := fmt.Sprintf("%s, from point %d to the next", help, point)
				p.summary(fmt.Sprintf("%s_%d", metric, point), help, classes,
					func(c *Counters, class int) Time { return field(c, class).Index(point).Interface().(Time) })
			}
		}
	}
}

// summary exports times as a summary without quantiles.
func (p *exporter) summary(name, help string, classes int, get func(c *Counters, class int) Time) {
	p.head(name, help, "summary")
	tc := strings.HasPrefix(name, "zephyr_net_tc_")
	for i := range p.nics {
		for class := range classes {
			more := ""
			if tc {
				more = fmt.Sprintf(`,tc="%d"`, class)
			}
			t := get(&p.nics[i].Counters, class)
			p.sample(name+"_sum", p.label(i, more), t.Sum)
			p.sample(name+"_count", p.label(i, more), t.Count)
		}
	}
}

func (p *exporter) head(name, help, kind string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", name, escapeHelp(help), name, kind)
}

func (p *exporter) sample(name, labels string, value uint64) {
	fmt.Fprintf(p, "%s{%s} %d\n", name, labels, value)
}

func (p *exporter) label(nic int, more string) string {
	return `nic="` + escapeLabel(p.nics[nic].Name) + `"` + more
}

// In the text format a label's value escapes backslash, line feed and the quotation mark, a help text the first two.
func escapeLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}

func escapeHelp(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s)
}

func helpOf(f reflect.StructField, above string) string {
	if own := f.Tag.Get("help"); own != "" {
		return own
	}
	return above + ", " + f.Tag.Get("net")
}
