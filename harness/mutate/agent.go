package mutate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var byAgent = []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious, probe.Timing} // never written

// Tells is a target whose agent gives other replies: change gets the request and what to change. how says it in words.
func Tells(how string, change func(agent.Request, *agent.Reply)) Mutation {
	return Mutation{Name: how, Kills: byAgent, make: func(*world) hooks { return hooks{told: change} }}
}

// Replies is a target whose agent gives wrong replies to such requests: change makes one of a right one.
func Replies(how string, such func(agent.Request) bool, change func(*agent.Reply)) Mutation {
	return Tells(how, func(r agent.Request, reply *agent.Reply) {
		if such(r) {
			change(reply)
		}
	})
}

// Errno is a target whose calls of one kind say another error, or success if that is empty, where they fail with one of
// those given.
func Errno(v agent.Verb, instead string, of ...string) Mutation {
	how := instead
	if how == "" {
		how = "success"
	}
	return Replies(fmt.Sprintf("%s says %s instead of %s", v, how, strings.Join(of, " or ")), Verb(v), func(r *agent.Reply) {
		if slices.Contains(of, r.Errno) {
			r.Errno = instead
		}
	})
}

// Option is for Replies and Unheeded: all requests of one kind about one option.
func Option(v agent.Verb, name string) func(agent.Request) bool {
	return func(r agent.Request) bool { return r.Do == v && r.Option == name }
}

// Flagged is for Replies: all requests of one kind with a flag.
func Flagged(v agent.Verb, flag string) func(agent.Request) bool {
	return func(r agent.Request) bool { return r.Do == v && slices.Contains(r.Flags, flag) }
}

// Unheeded is a target that does not do what the agent is asked in such requests, and says that it did.
func Unheeded(how string, such func(agent.Request) bool) Mutation {
	return Mutation{Name: how, Kills: byAgent, make: func(*world) hooks { return hooks{unheeded: such} }}
}

// Verb is for Unheeded: all requests of some kinds.
func Verb(vs ...agent.Verb) func(agent.Request) bool {
	return func(r agent.Request) bool { return slices.Contains(vs, r.Do) }
}

// Mistakes is a target that does something else than what the agent is asked: change says what.
func Mistakes(how string, change func(*agent.Request)) Mutation {
	return Mutation{Name: how, Kills: byAgent, make: func(*world) hooks { return hooks{asked: change} }}
}

// Stuck is a target that has a counter of that name, which does not move.
func Stuck(names ...string) Mutation {
	return Tells("does not count "+names[0], func(_ agent.Request, r *agent.Reply) {
		for _, name := range names {
			if _, ok := r.Counters[name]; ok {
				r.Counters[name] = 0
			}
		}
	})
}

// Drifts is a target whose counters of these names grow by themselves: whenever they are read they are higher.
func Drifts(names ...string) Mutation {
	return Mutation{Name: "counts what did not happen: " + names[0], Kills: byAgent, make: func(*world) hooks {
		n := uint64(0)
		return hooks{told: func(_ agent.Request, r *agent.Reply) {
			for _, name := range names {
				if v, ok := r.Counters[name]; ok {
					n++
					r.Counters[name] = v + n
				}
			}
		}}
	}}
}

// Mute is a target that raises no events of that name.
func Mute(name string) Mutation {
	return Tells("raises no "+name, func(_ agent.Request, r *agent.Reply) {
		r.Events = slices.DeleteFunc(slices.Clone(r.Events), func(e agent.Event) bool { return e.Name == name })
	})
}

// Twice is a target that raises events of that name twice.
func Twice(name string) Mutation {
	return Tells("raises "+name+" twice", func(_ agent.Request, r *agent.Reply) {
		var all []agent.Event
		for _, e := range r.Events {
			if all = append(all, e); e.Name == name {
				all = append(all, e)
			}
		}
		r.Events = all
	})
}

// agentOf is the agent of a mutant.
type agentOf struct {
	agent.Agent
	w *world
}

// Start implements agent.Agent. The operation that the check holds ends when that of the target does.
func (a agentOf) Start(r agent.Request) *agent.Op {
	h := &a.w.hooks
	outer := &agent.Op{Request: r}
	if h.unheeded != nil && h.unheeded(r) {
		outer.End(agent.Reply{})
		a.w.deliver(target.Event{At: a.w.Now(), Op: outer})
		return outer
	}
	if h.asked != nil {
		h.asked(&r)
	}
	inner := a.Agent.Start(r)
	a.w.ops[inner] = outer
	if reply, done := inner.Done(); done {
		a.w.end(outer, reply)
	}
	return outer
}

// end ends what the check holds.
func (w *world) end(outer *agent.Op, r agent.Reply) {
	if _, done := outer.Done(); done {
		return
	}
	if w.hooks.told != nil {
		w.hooks.told(outer.Request, &r)
	}
	outer.End(r)
}

// Agent implements target.World.
func (w *world) Agent() agent.Agent {
	a := w.World.Agent()
	if a == nil || w.hooks.told == nil && w.hooks.asked == nil && w.hooks.unheeded == nil {
		return a
	}
	return agentOf{a, w}
}

// ended gives the event of the operation that the check holds.
func (w *world) ended(ev target.Event) target.Event {
	if outer := w.ops[ev.Op]; outer != nil {
		delete(w.ops, ev.Op)
		if reply, done := ev.Op.Done(); done {
			w.end(outer, reply)
		}
		ev.Op = outer
	}
	return ev
}
