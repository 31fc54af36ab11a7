package nd

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

const (
	maxAnycastDelay = time.Second // MAX_ANYCAST_DELAY_TIME (RFC 4861, 10)
	maxDelayed      = 16          // answers that wait at a time; others are sent at once
)

// delayed is an answer that waits, so that not all who have an anycast address answer at once.
type delayed struct {
	at       time.Duration
	src, dst Addr
	m        icmpv6.Neighbor
}

// answerAnycast advertises an anycast address after a random delay (RFC 4861, 7.2.7).
func (l *Link) answerAnycast(src, dst Addr, m icmpv6.Neighbor) {
	if len(l.later) == maxDelayed {
		l.sendAdvert(src, dst, m)
		return
	}
	now := l.nd.loop.Now()
	l.later = append(l.later, delayed{now + l.nd.within(maxAnycastDelay), src, dst, m})
	l.armLater()
}

func (l *Link) armLater() {
	first := forever
	for k := range l.later {
		first = min(first, l.later[k].at)
	}
	if first == forever {
		l.laterOn.Stop()
	} else {
		l.laterOn.Set(first)
	}
}

// sendLater sends the answers that are due.
func (l *Link) sendLater() {
	now := l.nd.loop.Now()
	for k := 0; k < len(l.later); {
		if d := l.later[k]; d.at <= now {
			l.later = slices.Delete(l.later, k, k+1)
			l.sendAdvert(d.src, d.dst, d.m)
		} else {
			k++
		}
	}
	l.armLater()
}

func (l *Link) dropLater() {
	l.later = l.later[:0]
	l.laterOn.Stop()
}
