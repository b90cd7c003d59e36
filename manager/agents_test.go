package manager_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// outputs are what the model was told of its calls, and of agents that are done.
func (h *home) outputs(id string) (out []string) {
	h.Helper()
	history, err := h.store.Read(id)
	if err != nil {
		h.Fatal(err)
	}
	for _, raw := range history.Items {
		var item struct {
			Type, Output string
			Content      []struct{ Text string }
		}
		if json.Unmarshal(raw, &item) != nil {
			continue
		}
		if item.Type == "function_call_output" {
			out = append(out, item.Output)
		}
		for _, c := range item.Content {
			if strings.HasPrefix(c.Text, "<subagent_notification>") {
				out = append(out, c.Text)
			}
		}
	}
	return out
}

// agents are the loaded agents of a thread, oldest first.
func (h *home) agents(parent string) []string {
	return slices.DeleteFunc(h.ThreadIDs(), func(id string) bool { return id == parent })
}

// spawn has a thread start agents, one for each task, and returns their ids.
func (h *home) spawn(t *thread.Thread, tasks ...string) []string {
	h.Helper()
	for _, task := range tasks {
		h.turn(t, `call:multi_agent_v1/spawn_agent {"message":"`+task+`"} ;; say:spawned`)
	}
	ids := h.agents(t.ID())
	if len(ids) != len(tasks) {
		h.Fatalf("%d agents, want %d: %q", len(ids), len(tasks), h.outputs(t.ID()))
	}
	return ids
}

// collab are the items of agents' tools that a client heard the ends of.
func (l *listener) collab() (out []*protocol.ThreadItemCollabAgentToolCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.heard {
		if p, ok := e.Params.(*protocol.ItemCompletedNotification); ok {
			if item, ok := p.Item.(*protocol.ThreadItemCollabAgentToolCall); ok {
				out = append(out, item)
			}
		}
	}
	return out
}

func TestAnAgentWorksForAThread(t *testing.T) {
	h := newHome(t)
	parent := h.start("say:hello")
	l := h.listen()
	l.Subscribe(parent.ID())
	created := h.Created()
	turn := h.turn(parent, `call:multi_agent_v1/spawn_agent {"message":"say:found it"} ;; say:spawned`)
	child := h.agents(parent.ID())[0]
	if id, err := created.Next(t.Context()); id != child || err != nil {
		t.Errorf("created: %s, %v; want %s", id, err, child)
	}
	h.turn(parent, `call:multi_agent_v1/wait_agent {"targets":["`+child+`"]} ;; say:waited`)

	outputs := h.outputs(parent.ID())
	if want := `{"status":{"` + child + `":{"completed":"found it"}},"timed_out":false}`; !slices.Contains(outputs, want) {
		t.Errorf("the wait does not return what the agent said: %q", outputs)
	}
	for n := 0; len(outputs) < 3 && n < 1000; n++ { // the note comes when it comes
		h.turn(parent, "say:x")
		outputs = h.outputs(parent.ID())
	}
	if note := "<subagent_notification>\n{\"agent_path\":\"" + child + "\",\"status\":{\"completed\":\"found it\"}}\n</subagent_notification>"; !slices.Contains(outputs, note) {
		t.Errorf("the model is not told that the agent is done: %q", outputs)
	}

	read, err := h.Read(t.Context(), child, true)
	if err != nil {
		t.Fatal(err)
	}
	v := read.Thread
	if *v.ParentThreadID != parent.ID() || v.SessionID != parent.ID() || v.AgentNickname == nil || *v.ThreadSource != "subagent" {
		t.Errorf("the agent's thread does not say whose it is: %+v", v)
	}
	source, _ := v.Source.(*protocol.SessionSourceSubAgent)
	if source == nil {
		t.Fatalf("the source is %#v", v.Source)
	}
	if s, _ := source.Value.(*protocol.SubAgentSourceThreadSpawn); s == nil || s.Depth != 1 || string(s.ParentThreadID) != parent.ID() {
		t.Errorf("the source is %#v", source.Value)
	}
	if len(v.Turns) != 1 || *v.Turns[0].RootTurnID != turn {
		t.Errorf("the agent's turn does not name the one that caused it: %+v", v.Turns)
	}
	page, err := h.List(t.Context(), &protocol.ThreadListParams{SourceKinds: []protocol.ThreadSourceKind{protocol.ThreadSourceKindSubAgentThreadSpawn}})
	if err != nil || len(page.Data) != 1 || page.Data[0].ID != child || *page.Data[0].ParentThreadID != parent.ID() {
		t.Errorf("listed: %+v, %v", page, err)
	}

	for name, p := range map[string]*protocol.ThreadListParams{"parent": {ParentThreadID: read.Thread.ParentThreadID}, "ancestor": {AncestorThreadID: read.Thread.ParentThreadID}} {
		if page, err := h.List(t.Context(), p); err != nil || len(page.Data) != 1 || page.Data[0].ID != child {
			t.Errorf("listed by %s: %+v, %v", name, page, err)
		}
	}

	l.mu.Lock()
	heard := slices.ContainsFunc(l.heard, func(e thread.Event) bool { return e.Thread == child && e.Method == "turn/completed" })
	l.mu.Unlock()
	if !heard {
		t.Error("who hears the parent does not hear its agent")
	}
	items := l.collab()
	if len(items) != 2 {
		t.Fatalf("%d items", len(items))
	}
	spawned, waited := items[0], items[1]
	if spawned.Tool != protocol.CollabAgentToolSpawnAgent || spawned.Status != protocol.CollabAgentToolCallStatusCompleted || *spawned.Prompt != "say:found it" ||
		!slices.Equal(spawned.ReceiverThreadIDs, []string{child}) || spawned.AgentsStates[child].Status != protocol.CollabAgentStatusPendingInit {
		t.Errorf("spawned: %+v", spawned)
	}
	if s := waited.AgentsStates[child]; waited.Tool != protocol.CollabAgentToolWait || s.Status != protocol.CollabAgentStatusCompleted || *s.Message != "found it" {
		t.Errorf("waited: %+v", waited)
	}
}

func TestAgentsHaveLimits(t *testing.T) {
	f := newFolders(t)
	text := "model_provider = \"offline\"\n[agents]\nmax_threads = 2\n[codexhost]\nfsync = \"off\"\n"
	if err := os.WriteFile(filepath.Join(f.dir, "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := f.in(t)
	h.boot()
	t.Cleanup(h.stop)
	parent := h.start()
	ids := h.spawn(parent, "say:1", "say:2")
	h.turn(parent, `call:multi_agent_v1/spawn_agent {"message":"say:3"} ;; say:x`)
	if outputs := h.outputs(parent.ID()); !slices.Contains(outputs, "collab spawn failed: agent thread limit reached") {
		t.Errorf("a third agent: %q", outputs)
	}
	if n := len(h.agents(parent.ID())); n != 2 {
		t.Errorf("%d agents", n)
	}
	child, err := h.Get(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	h.turn(child, `call:multi_agent_v1/spawn_agent {"message":"say:deeper"} ;; say:x`)
	if outputs := h.outputs(child.ID()); len(outputs) != 1 || !strings.HasPrefix(outputs[0], "unsupported call") {
		t.Errorf("an agent of an agent: %q", outputs)
	}
	h.turn(parent, fmt.Sprintf(`call:multi_agent_v1/close_agent {"target":"%s"} ;; call:multi_agent_v1/spawn_agent {"message":"say:4"} ;; say:x`, ids[0]))
	if ids := h.agents(parent.ID()); len(ids) != 2 {
		t.Errorf("a closed agent keeps its place: %q", h.outputs(parent.ID()))
	}
}

func TestAgentsCanBeTurnedOff(t *testing.T) {
	h := newHome(t)
	o, err := h.Start(t.Context(), manager.StartParams{Wanted: manager.Wanted{Config: map[string]any{"features.multi_agent": false}}})
	if err != nil {
		t.Fatal(err)
	}
	h.turn(o.Thread, `call:multi_agent_v1/spawn_agent {"message":"say:x"} ;; say:y`)
	if outputs := h.outputs(o.View.ID); len(outputs) != 1 || !strings.HasPrefix(outputs[0], "unsupported call") {
		t.Errorf("outputs: %q", outputs)
	}
}

func TestAnAgentIsSteered(t *testing.T) {
	h := newHome(t)
	parent := h.start()
	child := h.spawn(parent, "stall:")[0]
	h.turn(parent, fmt.Sprintf(`call:multi_agent_v1/send_input {"target":"%s","message":"say:changed my mind","interrupt":true} ;; call:multi_agent_v1/wait_agent {"targets":["%s"]} ;; say:x`, child, child))
	outputs := h.outputs(parent.ID())
	if want := `{"status":{"` + child + `":{"completed":"changed my mind"}},"timed_out":false}`; !slices.Contains(outputs, want) {
		t.Errorf("outputs: %q", outputs)
	}
}

func TestAClosedAgentComesBack(t *testing.T) {
	h := newHome(t)
	parent := h.start()
	child := h.spawn(parent, "say:one")[0]
	h.turn(parent, fmt.Sprintf(`call:multi_agent_v1/wait_agent {"targets":["%[1]s"]} ;; call:multi_agent_v1/close_agent {"target":"%[1]s"} ;; call:multi_agent_v1/send_input {"target":"%[1]s","message":"x"} ;; say:x`, child))
	if ids := h.agents(parent.ID()); len(ids) != 0 {
		t.Errorf("a closed agent is still loaded")
	}
	outputs := h.outputs(parent.ID())
	if !slices.Contains(outputs, `{"previous_status":{"completed":"one"}}`) || !slices.Contains(outputs, "agent with id "+child+" not found") {
		t.Errorf("outputs: %q", outputs)
	}
	h.turn(parent, fmt.Sprintf(`call:multi_agent_v1/resume_agent {"id":"%[1]s"} ;; call:multi_agent_v1/send_input {"target":"%[1]s","message":"say:two"} ;; call:multi_agent_v1/wait_agent {"targets":["%[1]s"]} ;; say:x`, child))
	outputs = h.outputs(parent.ID())
	if !slices.Contains(outputs, `{"status":"pending_init"}`) || !slices.Contains(outputs, `{"status":{"`+child+`":{"completed":"two"}},"timed_out":false}`) {
		t.Errorf("outputs: %q", outputs)
	}
	same(t, "said in the agent", h.said(child), []string{"user: say:one", "agent: one", "user: say:two", "agent: two"})
	other := h.start("say:x")
	h.turn(parent, `call:multi_agent_v1/resume_agent {"id":"`+other.ID()+`"} ;; say:x`)
	if outputs := h.outputs(parent.ID()); !slices.Contains(outputs, "agent with id "+other.ID()+" not found") {
		t.Errorf("another session's thread can be taken: %q", outputs)
	}
}

func TestAnInterruptedThreadLeavesItsAgentsAtWork(t *testing.T) {
	h := newHome(t)
	parent := h.start()
	l := h.listen()
	l.Subscribe(parent.ID())
	child := h.spawn(parent, "stall:")[0]
	waiting := h.begin(parent, `call:multi_agent_v1/wait_agent {"targets":["`+child+`"]} ;; say:x`)
	l.awaitWait(t)
	r, err := parent.Submit(t.Context(), &thread.Interrupt{TurnID: waiting})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	if err := parent.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	items := l.collab()
	if last := items[len(items)-1]; last.Tool != protocol.CollabAgentToolWait || last.Status != protocol.CollabAgentToolCallStatusInterrupted {
		t.Errorf("the wait ended as %+v", last)
	}
	c, err := h.Get(child)
	if err != nil || c.Snapshot().ActiveTurn == "" {
		t.Errorf("the agent was stopped, too: %v", err)
	}
}

// awaitWait waits until a wait for agents has begun.
func (l *listener) awaitWait(t *testing.T) {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		begun := slices.ContainsFunc(l.heard, func(e thread.Event) bool {
			p, ok := e.Params.(*protocol.ItemStartedNotification)
			if !ok {
				return false
			}
			item, ok := p.Item.(*protocol.ThreadItemCollabAgentToolCall)
			return ok && item.Tool == protocol.CollabAgentToolWait
		})
		l.mu.Unlock()
		if begun {
			return
		}
		select {
		case <-l.more:
		case <-late:
			t.Fatal("the wait does not begin")
		}
	}
}

func TestAgentsEndWithTheirThread(t *testing.T) {
	h := newHome(t)
	for name, end := range map[string]func(id string) error{
		"archived": func(id string) error { _, err := h.Archive(t.Context(), id); return err },
		"deleted":  func(id string) error { _, err := h.Delete(t.Context(), id); return err },
		"removed and shut down": func(id string) error {
			parent, _ := h.Remove(id)
			if _, err := parent.Submit(t.Context(), &thread.Shutdown{}); err != nil {
				return err
			}
			<-parent.Done()
			return nil
		},
	} {
		parent := h.start()
		ids := h.spawn(parent, "stall:", "say:done")
		agent, err := h.Get(ids[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := end(parent.ID()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		select {
		case <-agent.Done():
		default:
			t.Errorf("%s: an agent goes on", name)
		}
		if left := h.ThreadIDs(); len(left) != 0 {
			t.Errorf("%s: %d threads are left", name, len(left))
		}
	}
}

func TestAnAgentMayKnowTheConversation(t *testing.T) {
	h := newHome(t)
	parent := h.start("say:the word is heron")
	h.turn(parent, `call:multi_agent_v1/spawn_agent {"message":"say:ok","fork_context":true} ;; say:spawned`)
	child := h.agents(parent.ID())[0]
	h.turn(parent, `call:multi_agent_v1/wait_agent {"targets":["`+child+`"]} ;; say:x`)
	history, err := h.store.Read(child)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%s", history.Items)
	if !strings.Contains(all, `"the word is heron"`) || strings.Contains(all, "function_call") {
		t.Errorf("the agent knows %s", all)
	}
}

func TestClosingAnAgentEndsThoseItHasStarted(t *testing.T) {
	h := newHome(t)
	o, err := h.Start(t.Context(), manager.StartParams{Wanted: manager.Wanted{Config: map[string]any{"agents.max_depth": 2}}})
	if err != nil {
		t.Fatal(err)
	}
	root := o.Thread
	l := h.listen()
	l.Subscribe(root.ID())
	turn := h.turn(root, `call:multi_agent_v1/spawn_agent {"message":"call:multi_agent_v1/spawn_agent {\"message\":\"stall:\"}"} ;; say:spawned`)
	child := h.agents(root.ID())[0]
	agent, err := h.Get(child)
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	tree, err := h.ListSubtree(t.Context(), root.ID())
	if err != nil || len(tree) != 3 {
		t.Fatalf("the tree is %q, %v; the agent was told %q", tree, err, h.outputs(child))
	}
	deepest, err := h.Get(tree[2])
	if err != nil {
		t.Fatal(err)
	}
	if got := deepest.Snapshot().RootTurn; got != turn {
		t.Errorf("what the agent's agent does goes back to turn %s, want %s", got, turn)
	}
	h.turn(root, `call:multi_agent_v1/close_agent {"target":"`+child+`"} ;; say:x`)
	select {
	case <-deepest.Done():
	default:
		t.Error("the agent's agent goes on")
	}
	if left := h.ThreadIDs(); len(left) != 1 {
		t.Errorf("%d threads are left", len(left))
	}
}
