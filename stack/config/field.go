package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Between a symbol and its field of Config stand two conventions: in Config, 0 means that the profile decides, and a
// negative number is none; in a fragment 0 is a number like any other, and often means none.

// A held is what a field says about its symbol.
type held struct {
	v     value
	set   bool // the field says something
	rest  time.Duration
	wrong string // the field has a value that no symbol stands for
}

// read is what c's field says.
func (s *Symbol) read(c *Config) (h held) {
	switch p := s.at(c).(type) {
	case *time.Duration:
		h.set = *p != 0
		h.v.n, h.rest = int64(*p/s.one), *p%s.one
		if *p < 0 && s.Min == 0 && s.auto == nil {
			h.v.n, h.rest = 0, 0
		}
	case *Switch:
		h.set = *p != Default
		if s.Choice != "" {
			h.v = boolValue(*p == s.is)
			break
		}
		h.v = boolValue(p.On() != s.not)
	default:
		f := reflect.ValueOf(p).Elem()
		h.set = !f.IsZero()
		switch {
		case s.Choice != "":
			h.v = boolValue(f.Interface() == s.is)
		case f.Kind() == reflect.String:
			h.v.text = f.String()
		case f.CanUint():
			h.v.n = int64(f.Uint())
		default:
			h.v.n = f.Int()
			if h.v.n < 0 && s.Min == 0 && s.auto == nil {
				h.v.n = 0
			}
		}
	}
	if s.Choice != "" && h.set && h.v.n == 0 {
		h.wrong = s.stranger(c)
	}
	return h
}

// stranger says that the field of a choice has a value of no member; empty when it has one's.
func (s *Symbol) stranger(c *Config) string {
	f := reflect.ValueOf(s.at(c)).Elem().Interface()
	var known []string
	for _, i := range members(s.Choice) {
		if table[i].is == f {
			return ""
		}
		known = append(known, fmt.Sprint(table[i].is))
	}
	last := len(known) - 1
	return fmt.Sprintf("%q; it takes %s or %s", fmt.Sprint(f), strings.Join(known[:last], ", "), known[last])
}

// onOff is what a switch is when its symbol is y.
func (s *Symbol) onOff() string {
	if s.not {
		return "off"
	}
	return "on"
}

// write gives c's field a value. A member of a choice that is n writes nothing.
func (s *Symbol) write(c *Config, v value) {
	p := s.at(c)
	f := reflect.ValueOf(p).Elem()
	n := v.n
	if n == 0 && !s.plain && s.auto == nil {
		n = -1
	}
	switch p := p.(type) {
	case *time.Duration:
		*p = time.Duration(n)
		if n > 0 {
			*p *= s.one
		}
		return
	case *Switch:
		if s.Choice == "" {
			*p = Off
			if (v.n != 0) != s.not {
				*p = On
			}
			return
		}
	}
	switch {
	case s.Choice != "":
		if v.n != 0 {
			f.Set(reflect.ValueOf(s.is))
		}
	case f.Kind() == reflect.String:
		f.SetString(v.text)
	case f.CanUint():
		f.SetUint(uint64(v.n))
	default:
		f.SetInt(n)
	}
}

// Field is the name of the symbol's field in Config, such as TCP.MSL.
func (s *Symbol) Field() (name string) {
	var c Config
	at := reflect.ValueOf(s.at(&c)).Pointer()
	fields(reflect.ValueOf(&c).Elem(), "", func(n string, a uintptr) {
		if a == at {
			name = n
		}
	})
	return name
}

// fields calls f with the name and address of every field of a configuration, nested ones included.
func fields(v reflect.Value, path string, f func(name string, at uintptr)) {
	for i := range v.NumField() {
		name := path + v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.Struct {
			fields(v.Field(i), name+".", f)
			continue
		}
		f(name, v.Field(i).Addr().Pointer())
	}
}
