package stats_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/stats"
)

func TestTotalAndAverage(t *testing.T) {
	var c stats.Classes
	for i := range c.Sent {
		c.Sent[i].Packets, c.Sent[i].Bytes, c.Sent[i].Dropped = 1, 10, 2
		c.Sent[i].Time.Add(int64(i+1) * 1000)
		c.Sent[i].Detail[2].Add(1999)
	}
	sum := stats.Total(&c.Sent)
	if sum.Packets != 8 || sum.Bytes != 80 || sum.Dropped != 16 || sum.Time.Count != 8 || sum.Detail[2].Count != 8 {
		t.Errorf("total %+v", sum)
	}
	if us := sum.Time.Microseconds(); us != 4 { // 36 / 8
		t.Errorf("average %d us, want 4", us)
	}
	if us := sum.Detail[2].Microseconds(); us != 1 {
		t.Errorf("average of 1999 ns is %d us, want 1: it is truncated", us)
	}
	if us := (stats.Interval{}).Microseconds(); us != 0 {
		t.Errorf("average of nothing is %d", us)
	}
}

func TestClassesAreListed(t *testing.T) {
	var n stats.Node
	n.TC.Received[3].Packets = 7
	n.TC.Sent[0].Detail[1].Add(5)
	got := map[string]uint64{}
	n.Each(func(name string, v uint64) { got[name] = v })
	if len(got) != 3 || got["TC.Received[3].Packets"] != 7 || got["TC.Sent[0].Detail[1].Sum"] != 5 {
		t.Errorf("counters that are not zero: %v", got)
	}
}
