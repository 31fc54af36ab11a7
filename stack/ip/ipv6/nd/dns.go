package nd

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// What routers tell of DNS is kept for as long as they say, whatever becomes of them as routers (RFC 8106, 6.1): servers and
// search domains, each in a list that is bounded. When it is full the entry that would end first gives way (6.2, step (d)).

// A repository is one of these lists, in the order in which its entries are to be used.
type repository[T comparable] []told[T]

// told is a server or a domain, and until when it may be used.
type told[T comparable] struct {
	what  T
	until time.Duration
}

// take takes in one option. What is new goes to the front, in the order of the option, so that what was told last is used
// first; what is known gets another end; with gone, it is forgotten.
func (r *repository[T]) take(option []T, until time.Duration, gone bool, most int, added, removed func(T)) {
	front := 0
	for _, x := range option {
		k := slices.IndexFunc(*r, func(t told[T]) bool { return t.what == x })
		switch {
		case k >= 0 && gone:
			*r = slices.Delete(*r, k, k+1)
			removed(x)
			front = min(front, len(*r))
		case k >= 0:
			(*r)[k].until = until
		case gone, front >= most:
		default:
			if len(*r) >= most {
				last := front // of those that this option has not brought
				for i := front; i < len(*r); i++ {
					if (*r)[i].until < (*r)[last].until {
						last = i
					}
				}
				lost := (*r)[last].what
				*r = slices.Delete(*r, last, last+1)
				removed(lost)
			}
			*r = slices.Insert(*r, front, told[T]{x, until})
			front++
			added(x)
		}
	}
}

// expire removes what has ended.
func (r *repository[T]) expire(now time.Duration, removed func(T)) {
	for k := len(*r) - 1; k >= 0; k-- {
		if t := (*r)[k]; now >= t.until {
			*r = slices.Delete(*r, k, k+1)
			removed(t.what)
		}
	}
}

// first is when the first entry ends.
func (r repository[T]) first() time.Duration {
	first := forever
	for _, t := range r {
		first = min(first, t.until)
	}
	return first
}

// Servers are the recursive DNS servers that were advertised, the one to be asked first first. One with a link-local address
// is in the zone of the link (RFC 8106, 5.1).
func (l *Link) Servers() (all []netip.Addr) {
	for _, s := range l.servers {
		a := s.what.Netip()
		if s.what.IsLinkLocal() {
			a = a.WithZone(l.Name)
		}
		all = append(all, a)
	}
	return all
}

// SearchList are the domains in which names are to be looked for.
func (l *Link) SearchList() (all []string) {
	for _, d := range l.domains {
		all = append(all, d.what)
	}
	return all
}

// serversAdvertised takes in an RDNSS option (RFC 8106, 5.3.1). One with an address that is not of one host is not valid.
func (l *Link) serversAdvertised(o icmpv6.Option) {
	lifetime, b, ok := o.Servers()
	if !ok {
		return
	}
	var all []Addr
	for ; len(b) > 0; b = b[16:] {
		a := Addr(b[:16])
		if a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() || a.IsMapped() {
			return
		}
		all = append(all, a)
	}
	until := l.nd.after(lifetime)
	l.servers.take(all, until, lifetime == 0, l.nd.c.RDNSS,
		func(a Addr) { l.nd.tell(l, event.DNSServerAdd, a, until) }, l.serverGone)
}

func (l *Link) serverGone(a Addr) { l.nd.tell(l, event.DNSServerDel, a, 0) }

// domainsAdvertised takes in a DNSSL option (RFC 8106, 5.3.1).
func (l *Link) domainsAdvertised(o icmpv6.Option) {
	lifetime, b, ok := o.SearchList()
	if !ok {
		return
	}
	names, ok := icmpv6.Domains(b)
	if !ok {
		return
	}
	none := func(string) {}
	l.domains.take(names, l.nd.after(lifetime), lifetime == 0, l.nd.c.DNSSL, none, none)
}
