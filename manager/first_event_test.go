package manager

import (
	"context"
	"testing"

	"github.com/codexhost/codexhost/manager/thread"
)

type eventFunc func(e thread.Event)

func (f eventFunc) Event(_ context.Context, e thread.Event) { f(e) }

// A thread that tells anything before it is configured is not taken in.
func TestFirstEventMustBeConfigured(t *testing.T) {
	for _, c := range []struct {
		name  string
		first thread.Event
		ok    bool
	}{
		{"configured", thread.Event{Kind: thread.Configured}, true},
		{"something told", thread.Event{Kind: thread.Told, Method: "turn/started"}, false},
		{"of a submission", thread.Event{Kind: thread.Configured, Submission: "x"}, false},
		{"closed", thread.Event{Kind: thread.Closed}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			passed := 0
			f := &firstEvent{next: eventFunc(func(thread.Event) { passed++ })}
			f.Event(t.Context(), c.first)
			f.Event(t.Context(), thread.Event{Kind: thread.Told})
			if f.configured != c.ok || passed != 1 {
				t.Errorf("configured %v, %d events passed on", f.configured, passed)
			}
			if !c.ok {
				m := &Manager{}
				if err := m.register(t.Context(), &live{}, f, ""); err == nil {
					t.Error("it is registered all the same")
				}
			}
		})
	}
}
