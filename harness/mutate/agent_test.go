package mutate

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

// counting is a world whose agent counts requests; a request to receive ends later, as an event.
type counting struct {
	target.World
	asked []agent.Request
	later *agent.Op
}

func (c *counting) Nets() []target.Net { return []target.Net{example} }
func (c *counting) Now() time.Duration { return 0 }
func (c *counting) Agent() agent.Agent { return c }
func (c *counting) Next(time.Duration) (target.Event, error) {
	op := c.later
	if op == nil {
		return target.Event{}, nil
	}
	c.later = nil
	op.End(agent.Reply{Value: 9})
	return target.Event{Op: op}, nil
}

func (c *counting) Start(r agent.Request) *agent.Op {
	c.asked = append(c.asked, r)
	op := &agent.Op{Request: r}
	if r.Do == agent.Recv {
		c.later = op
		return op
	}
	op.End(agent.Reply{System: agent.System{Counters: map[string]uint64{"a": 5}}, Value: r.Value})
	return op
}

func TestAgentOfAMutant(t *testing.T) {
	start := func(m Mutation, r agent.Request) (*counting, target.World, *agent.Op) {
		c := &counting{}
		w := m.Wrap(c)
		return c, w, w.Agent().Start(r)
	}
	_, _, op := start(Stuck("a"), agent.Request{Do: agent.Stats})
	if r, done := op.Done(); !done || r.Counters["a"] != 0 {
		t.Errorf("stuck: %+v", r)
	}
	c, w, op := start(Unheeded("", Verb(agent.Dormant)), agent.Request{Do: agent.Dormant})
	if _, done := op.Done(); !done || len(c.asked) != 0 {
		t.Errorf("unheeded: %v", c.asked)
	}
	if ev, err := w.Next(time.Second); ev.Op != op || err != nil {
		t.Errorf("its end: %+v, %v", ev, err)
	}
	c, _, _ = start(Mistakes("", func(r *agent.Request) { r.Value = 3 }), agent.Request{Do: agent.State, Value: 1})
	if c.asked[0].Value != 3 {
		t.Errorf("mistaken: %+v", c.asked)
	}
	_, w, op = start(Tells("", func(_ agent.Request, r *agent.Reply) { r.Value++ }), agent.Request{Do: agent.Recv})
	if _, done := op.Done(); done {
		t.Error("it ended before its time")
	}
	ev, err := w.Next(time.Second)
	if r, done := op.Done(); ev.Op != op || err != nil || !done || r.Value != 10 {
		t.Errorf("ended later: %+v, %v: %+v", ev, err, r)
	}
}
