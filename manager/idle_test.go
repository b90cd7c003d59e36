package manager

import (
	"context"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// deaf is a client that only counts what it hears.
type deaf struct {
	mu    sync.Mutex
	heard []string
}

func (d *deaf) Event(_ context.Context, e thread.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, e.Method)
}

func (d *deaf) Ask(context.Context, thread.Question) ([]byte, error) { return nil, errNobody }

// pausing is a model that thinks for an hour and says nothing.
type pausing struct{ model.Client }

func (pausing) Stream(ctx context.Context, _ *model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		select {
		case <-time.After(time.Hour):
			yield(model.Event{Kind: model.Completed}, nil)
		case <-ctx.Done():
			yield(model.Event{}, ctx.Err())
		}
	}
}

// idleThread is a manager with one thread in memory, and nothing that runs outside
// of the bubble.
func idleThread(t *testing.T) (*Manager, *live) {
	t.Helper()
	m := &Manager{threads: make(map[string]*live), log: hclog.NewNullLogger(), now: time.Now}
	m.hub.subscribers = make(map[string][]*Client)
	m.hub.onMove, m.hub.onEvent = m.moved, m.settled
	l := &live{id: "t", tree: newAgentTree()}
	l.thread = thread.Start(t.Context(), thread.Spec{ID: l.id}, thread.Services{
		Model: pausing{}, ModelInfo: func(string) (model.Info, bool) { return model.Info{}, true },
		Instructions: func(string) thread.Instructions { return thread.Instructions{} }, Skills: noSkills{},
		Tools: func(context.Context, thread.Settings) tool.Offer { return tool.Offers{} }, Log: hclog.NewNullLogger(), Now: time.Now,
	}, &m.hub)
	m.enlist(l)
	m.restless(l)
	t.Cleanup(func() {
		if m.loaded(l.id) != nil {
			_ = m.unload(context.Background(), l.id)
		}
	})
	return m, l
}

func TestAThreadStaysWhileItsAgentsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, l := idleThread(t)
		child := &live{id: "child", tree: l.tree}
		seat := &agent{tree: l.tree, next: &m.hub, id: child.id, parentID: l.id, done: func(tool.AgentState) {}}
		child.thread = thread.Start(t.Context(), thread.Spec{ID: child.id}, thread.Services{
			Model: pausing{}, ModelInfo: func(string) (model.Info, bool) { return model.Info{}, true },
			Instructions: func(string) thread.Instructions { return thread.Instructions{} }, Skills: noSkills{},
			Tools: func(context.Context, thread.Settings) tool.Offer { return tool.Offers{} }, Log: hclog.NewNullLogger(), Now: time.Now,
		}, seat)
		m.enlist(child)
		l.tree.opening++
		l.tree.add(seat)
		r, err := child.thread.Submit(t.Context(), &thread.UserTurn{Input: []protocol.UserInput{&protocol.UserInputText{Text: "work for an hour"}}})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		time.Sleep(time.Hour + idleLimit/2)
		synctest.Wait()
		if m.loaded(l.id) == nil {
			t.Error("the thread was unloaded beside an agent that works")
		}
		time.Sleep(idleLimit)
		synctest.Wait()
		if m.loaded(l.id) != nil || m.loaded(child.id) != nil {
			t.Error("a thread, or its agent, stays though nothing is done for half an hour")
		}
	})
}

type noSkills struct{}

func (noSkills) Section(context.Context, thread.Settings, int64) (string, []string) { return "", nil }
func (noSkills) Mentioned(context.Context, thread.Settings, []protocol.UserInput) (a, b []string) {
	return nil, nil
}

func TestIdleThreadIsUnloadedAfterThirtyMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, l := idleThread(t)
		d := &deaf{}
		c := m.Connect(d)
		check := func(after time.Duration, loaded bool) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := m.loaded(l.id) != nil; got != loaded {
				t.Fatalf("loaded: %v, want %v", got, loaded)
			}
		}
		check(29*time.Minute, true)
		c.Subscribe(l.id) // stops the clock
		check(2*time.Hour, true)
		c.Unsubscribe(l.id) // restarts it
		check(29*time.Minute, true)
		r, err := l.thread.Submit(t.Context(), &thread.UserTurn{Input: []protocol.UserInput{&protocol.UserInputText{Text: "go"}}})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		check(59*time.Minute, true) // a turn runs
		check(30*time.Minute, true) // it ended 29 minutes ago
		d.mu.Lock()
		d.heard = nil
		d.mu.Unlock()
		check(2*time.Minute, false)
		if len(d.heard) != 2 || d.heard[0] != "thread/status/changed" || d.heard[1] != "thread/closed" {
			t.Errorf("told %q", d.heard)
		}
	})
}

func TestAClientThatGoesRestartsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, l := idleThread(t)
		a, b := m.Connect(&deaf{}), m.Connect(&deaf{})
		a.Subscribe(l.id)
		b.Subscribe(l.id)
		a.Close()
		time.Sleep(time.Hour)
		synctest.Wait()
		if m.loaded(l.id) == nil {
			t.Fatal("unloaded though a client hears it")
		}
		b.Close()
		time.Sleep(29 * time.Minute)
		m.restless(l) // somebody is about to join
		time.Sleep(29 * time.Minute)
		synctest.Wait()
		if m.loaded(l.id) == nil {
			t.Fatal("unloaded under the hands of somebody who joined")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if m.loaded(l.id) != nil {
			t.Error("still loaded")
		}
	})
}
