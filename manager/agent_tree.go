package manager

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// An agentRefusal is why an agent cannot be had, in sentences for the model.
type agentRefusal string

func (r agentRefusal) Error() string { return string(r) }

const (
	errTooManyAgents agentRefusal = "collab spawn failed: agent thread limit reached"
	errTooDeep       agentRefusal = "Agent depth limit reached. Solve the task yourself."
)

// An agentTree is what the threads of one session have in common: the agents that
// its first thread, and they, have started and not closed.
type agentTree struct {
	mu      sync.Mutex // guards the fields below
	agents  map[string]*agent
	opening int             // places that are taken by agents which are being started
	named   int             // nicknames given so far
	given   map[string]bool // nicknames of roles that were given
	changed chan struct{}
}

func newAgentTree() *agentTree {
	return &agentTree{agents: make(map[string]*agent), given: make(map[string]bool), changed: make(chan struct{})}
}

// agent is the place of an agent in its tree. It observes its thread and passes on
// what it hears.
type agent struct {
	tree         *agentTree
	next         thread.Observer
	id, parentID string
	parentPath   string                // of the parent's file; empty if it has none
	roleFile     string                // what its role says; empty if nothing
	done         func(tool.AgentState) // called once, when the agent is done with its task

	// Guarded by tree.mu:
	state    tool.AgentState
	reported bool
	left     bool // its thread has ended
}

// take reserves a place for an agent and gives it a nickname, one of candidates as
// long as there is one that nobody had. The place is the agent's from add on; until
// then free gives it back.
func (t *agentTree) take(limit int64, candidates []string) (nickname string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if int64(len(t.agents)+t.opening) >= limit {
		return "", errTooManyAgents
	}
	t.opening++
	for _, own := range candidates {
		if !t.given[own] {
			t.given[own] = true
			return own, nil
		}
	}
	nickname = nickName(t.named)
	t.named++
	return nickname, nil
}

func (t *agentTree) free() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opening--
}

// add puts an agent in the place that was taken for it.
func (t *agentTree) add(a *agent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opening--
	if !a.left {
		t.agents[a.id] = a
	}
	t.tellLocked()
}

// tellLocked wakes those who wait for a change. t.mu is held.
func (t *agentTree) tellLocked() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *agentTree) get(id string) *agent {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.agents[id]
}

// of are the agents that a thread has started.
func (t *agentTree) of(parentID string) (ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, a := range t.agents {
		if a.parentID == parentID {
			ids = append(ids, id)
		}
	}
	return ids
}

// under reports whether an agent was started by a thread, or by an agent under it.
func (t *agentTree) under(id, ancestor string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for a := t.agents[id]; a != nil; a = t.agents[a.parentID] {
		if a.parentID == ancestor {
			return true
		}
	}
	return false
}

// states are how agents stand, and what is closed at the next change.
func (t *agentTree) states(ids []string) ([]tool.AgentState, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]tool.AgentState, len(ids))
	for i, id := range ids {
		out[i] = tool.AgentState{Status: protocol.CollabAgentStatusNotFound}
		if a := t.agents[id]; a != nil {
			out[i] = a.state
		}
	}
	return out, t.changed
}

// Event notes what becomes of the agent, once it was told.
func (a *agent) Event(ctx context.Context, e thread.Event) {
	a.next.Event(ctx, e)
	switch p := e.Params.(type) {
	case *protocol.TurnStartedNotification:
		a.set(tool.AgentState{Status: protocol.CollabAgentStatusRunning})
	case *protocol.TurnCompletedNotification:
		a.set(ended(p.Turn))
	}
	if e.Kind == thread.Closed {
		a.leave()
	}
}

// ended is the state after a turn.
func ended(turn protocol.Turn) tool.AgentState {
	switch turn.Status {
	case protocol.TurnStatusInterrupted:
		return tool.AgentState{Status: protocol.CollabAgentStatusInterrupted}
	case protocol.TurnStatusFailed:
		s := tool.AgentState{Status: protocol.CollabAgentStatusErrored}
		if turn.Error != nil {
			s.Message = &turn.Error.Message
		}
		return s
	}
	s := tool.AgentState{Status: protocol.CollabAgentStatusCompleted}
	for _, item := range turn.Items {
		if said, ok := item.(*protocol.ThreadItemAgentMessage); ok {
			s.Message = &said.Text
		}
	}
	return s
}

func (a *agent) set(s tool.AgentState) {
	a.tree.mu.Lock()
	a.state = s
	report := s.Final() && !a.reported
	a.reported = a.reported || report
	a.tree.tellLocked()
	a.tree.mu.Unlock()
	if report {
		a.done(s)
	}
}

// leave takes the agent out of the tree: its thread has ended.
func (a *agent) leave() {
	a.tree.mu.Lock()
	defer a.tree.mu.Unlock()
	a.left = true
	if a.tree.agents[a.id] == a {
		delete(a.tree.agents, a.id)
	}
	a.tree.tellLocked()
}

// spawnDepth is how far below a thread of its own a thread is, by its source: 0 for
// one that no other has spawned.
func spawnDepth(source json.RawMessage) int64 {
	var s struct {
		Subagent struct {
			Spawn struct{ Depth int64 } `json:"thread_spawn"`
		} `json:"subagent"`
	}
	if json.Unmarshal(source, &s) != nil { // a plain word, mostly
		return 0
	}
	return s.Subagent.Spawn.Depth
}

// nicknames are what agents are called, so that users can tell them apart.
var nicknames = [...]string{"Ada", "Alan", "Barbara", "Blaise", "Dennis", "Donald", "Dorothy", "Edsger", "Emmy", "Frances", "George",
	"Grace", "Hedy", "Hypatia", "Ivan", "John", "Katherine", "Ken", "Leslie", "Margaret", "Niklaus", "Robin", "Tony"}

// nickName is the nth name, counted from 0. A name that comes again has a number.
func nickName(n int) string {
	name, again := nicknames[n%len(nicknames)], n/len(nicknames)+1
	if again == 1 {
		return name
	}
	return name + " the " + ordinal(again)
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}
