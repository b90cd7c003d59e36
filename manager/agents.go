package manager

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// reportWait bounds how long a thread may take to note that an agent of it is done.
const reportWait = 10 * time.Second

// agentsOf are the agents of one thread, as its tools see them.
type agentsOf struct {
	m *Manager
	l *live
}

// agentTools are the tools that start agents; ok is false where the feature is off
// or the thread is too deep down to have agents.
func (m *Manager) agentTools(l *live, s thread.Settings) (tools tool.AgentTools, ok bool) {
	if s.NoAgents || !l.config.Feature("multi_agent") || spawnDepth(l.meta.Source) >= l.config.Agents.MaxDepth {
		return tools, false
	}
	return tool.AgentTools{Agents: agentsOf{m, l}, Roles: agentRoles(l.config)}, true
}

// Effort implements tool.Agents.
func (a agentsOf) Effort() string {
	s := a.l.thread.Snapshot().Settings
	if info, _ := a.m.models.catalog(a.l.config).Lookup(s.Model); s.Effort == "" {
		return info.DefaultReasoningLevel
	}
	return s.Effort
}

// States implements tool.Agents.
func (a agentsOf) States(ids ...string) ([]tool.AgentState, <-chan struct{}) {
	return a.l.tree.states(ids)
}

// Spawn implements tool.Agents.
func (a agentsOf) Spawn(ctx context.Context, t tool.Turn, task tool.AgentTask) (tool.SpawnedAgent, error) {
	none := tool.SpawnedAgent{}
	if spawnDepth(a.l.meta.Source) >= a.l.config.Agents.MaxDepth {
		return none, errTooDeep
	}
	settings := a.l.thread.Snapshot().Settings
	settings.Effort = a.Effort()
	if task.Model != "" {
		if err := a.m.offered(a.l.config, task.Model); err != nil {
			return none, err
		}
		settings.Model, settings.Effort = task.Model, ""
	}
	if task.Effort != "" {
		settings.Effort = task.Effort
	}
	cfg, err := a.inRole(ctx, task.Role, &settings)
	if err != nil {
		return none, err
	}
	nickname, err := a.l.tree.take(a.l.config.Agents.MaxThreads, a.l.config.Agents.Roles[task.Role].Nicknames)
	if err != nil {
		return none, err
	}
	child, err := a.start(ctx, newAgent{nickname, task.Role, cfg, settings}, task.Fork)
	if err != nil {
		return none, fmt.Errorf("collab spawn failed: %w", err)
	}
	_, begin, err := a.say(ctx, t, child, task.Input)
	if err != nil {
		return none, errors.Join(fmt.Errorf("collab spawn failed: %w", err), a.end(child.id))
	}
	return tool.SpawnedAgent{ID: child.id, Nickname: nickname, Model: settings.Model, Effort: settings.Effort, Begin: begin}, nil
}

// offered refuses a model that the catalogue does not show.
func (m *Manager) offered(cfg *config.Config, slug string) error {
	catalog := m.models.catalog(cfg)
	if _, known := catalog.Lookup(slug); known || slug == model.OfflineModel {
		return nil
	}
	page, err := catalog.List(false, nil, -1)
	if err != nil {
		return err
	}
	var names []string
	for i := range page.Models {
		names = append(names, page.Models[i].Slug)
	}
	return agentRefusal("Unknown model `" + slug + "` for spawn_agent. Available models: " + strings.Join(names, ", "))
}

// newAgent is what an agent is to be.
type newAgent struct {
	nickname string
	role     string // empty for none
	config   *config.Config
	settings thread.Settings
}

// start opens the agent's thread in the place that was taken for it.
func (a agentsOf) start(ctx context.Context, n newAgent, fork bool) (*live, error) {
	parent, m := a.l, a.m
	id := uuid.Must(uuid.NewV7()).String()
	meta := m.newMeta(id, n.settings, n.config, StartParams{ThreadSource: "subagent", HistoryMode: parent.meta.HistoryMode})
	meta.SessionID, meta.ParentThreadID, meta.AgentNickname, meta.AgentRole = parent.meta.SessionID, parent.id, n.nickname, n.role
	meta.Source = spawnSource(parent, n)
	spec := thread.Spec{ID: id, SessionID: meta.SessionID, Settings: n.settings, Client: m.introduced(), Subagent: "collab_spawn", ParentThreadID: parent.id,
		AgentType: cmp.Or(n.role, defaultRole), ParentTranscript: parent.path}
	records, err := m.inherited(&spec, parent, fork)
	if err == nil && parent.path != "" {
		if spec.Recorder, err = m.store.Create(meta); err == nil {
			meta = spec.Recorder.Meta()
		}
	} else {
		meta.Timestamp = m.now()
	}
	if err == nil && len(records) > 0 {
		err = spec.Recorder.Materialize(records...)
	}
	if err != nil {
		parent.tree.free()
		return nil, errors.Join(err, closeRecorder(spec.Recorder))
	}
	seat := m.seat(parent, id, n.role)
	opened, err := m.openAs(ctx, spec, meta, n.config, seat)
	if err != nil {
		parent.tree.free()
		return nil, err
	}
	parent.tree.add(seat)
	m.hub.follow(parent.id, id)
	m.NotifyCreated(id)
	m.tellStatus(ctx, id, &protocol.ThreadStatusIdle{})
	opened.live.begin()
	return opened.live, nil
}

// spawnSource is what the file of an agent of a thread says of where it is from.
func spawnSource(parent *live, n newAgent) json.RawMessage {
	type spawn struct {
		Parent   string  `json:"parent_thread_id"`
		Depth    int64   `json:"depth"`
		Path     *string `json:"agent_path"`
		Nickname string  `json:"agent_nickname"`
		Role     *string `json:"agent_role"`
	}
	raw, _ := json.Marshal(map[string]any{"subagent": map[string]any{ // strings and numbers always have a JSON form
		"thread_spawn": spawn{Parent: parent.id, Depth: spawnDepth(parent.meta.Source) + 1, Nickname: n.nickname, Role: nonEmpty(n.role)}}})
	return raw
}

// inherited has the agent know what was said in its parent's conversation, if it
// shall, and returns that for its file. What the host itself put in between, and
// what tools did, is left out.
func (m *Manager) inherited(spec *thread.Spec, parent *live, fork bool) ([]rollout.Record, error) {
	if !fork {
		return nil, nil
	}
	if parent.path == "" {
		return nil, errors.New("a thread that is not stored cannot be forked")
	}
	h, err := m.store.Read(parent.path)
	if err != nil {
		return nil, err
	}
	var records []rollout.Record
	for _, raw := range h.Items {
		head := rollout.PeekItem(raw)
		if head.Type == "message" && (head.Role == "user" || head.Role == "assistant") && !rollout.Contextual(raw) {
			spec.History = append(spec.History, raw)
			records = append(records, rollout.ResponseItem(raw))
		}
	}
	return records, nil
}

// seat is the place of an agent of a thread.
func (m *Manager) seat(parent *live, id, role string) *agent {
	a := &agent{tree: parent.tree, next: &m.hub, id: id, parentID: parent.id, parentPath: parent.path,
		roleFile: parent.config.Agents.Roles[role].ConfigFile, state: tool.AgentState{Status: protocol.CollabAgentStatusPendingInit}}
	a.done = func(s tool.AgentState) {
		m.reports.Go(func() { m.report(parent.thread, id, s) })
	}
	return a
}

// report has a thread's model know, with its next request, that an agent is done.
func (m *Manager) report(parent *thread.Thread, id string, s tool.AgentState) {
	ctx, cancel := context.WithTimeout(context.Background(), reportWait)
	defer cancel()
	body, err := json.Marshal(struct {
		Path   string          `json:"agent_path"`
		Status tool.AgentState `json:"status"`
	}{id, s})
	if err == nil {
		_, err = parent.Submit(ctx, &thread.InjectItems{Items: []json.RawMessage{thread.UserText("<subagent_notification>\n" + string(body) + "\n</subagent_notification>")}})
	}
	if err != nil && !errors.Is(err, thread.ErrDead) {
		m.log.Warn("telling a thread that its agent is done", "thread", parent.ID(), "agent", id, "error", err)
	}
}

// say has an agent start on some input, or take it in, once begin is called.
func (a agentsOf) say(ctx context.Context, t tool.Turn, to *live, input []protocol.UserInput) (submission string, begin func(), err error) {
	root := a.l.thread.Snapshot().RootTurn
	if root == "" {
		root = t.TurnID()
	}
	r, err := to.thread.Submit(ctx, &thread.UserTurn{Input: input, ParentTurnID: t.TurnID(), RootTurnID: root})
	return r.ID, r.Release, err
}

// find is an agent's thread.
func (a agentsOf) find(id string) (*agent, *live, error) {
	seat, l := a.l.tree.get(id), a.m.loaded(id)
	if seat == nil || l == nil {
		return nil, nil, &tool.AgentNotFound{ID: id}
	}
	return seat, l, nil
}

// Send implements tool.Agents.
func (a agentsOf) Send(ctx context.Context, t tool.Turn, id string, input []protocol.UserInput, interrupt bool) (string, func(), error) {
	seat, l, err := a.find(id)
	if err != nil {
		return "", nil, err
	}
	if interrupt {
		if r, err := l.thread.Submit(ctx, &thread.Interrupt{}); err == nil { // else it did nothing
			r.Release()
		}
	}
	submission, release, err := a.say(ctx, t, l, input)
	if err != nil {
		if errors.Is(err, thread.ErrDead) {
			err = &tool.AgentNotFound{ID: id}
		}
		return "", nil, err
	}
	return submission, func() {
		seat.set(tool.AgentState{Status: protocol.CollabAgentStatusRunning}) // whoever waits from now on waits for this
		release()
	}, nil
}

// Resume implements tool.Agents.
func (a agentsOf) Resume(ctx context.Context, id string) error {
	if a.l.tree.get(id) != nil {
		return nil
	}
	stored, err := a.m.store.Summary(id)
	if err != nil || a.m.loaded(id) != nil || stored.Meta.SessionID != a.l.meta.SessionID || spawnDepth(stored.Meta.Source) == 0 {
		return &tool.AgentNotFound{ID: id}
	}
	if _, err := a.l.tree.take(a.l.config.Agents.MaxThreads, nil); err != nil {
		return err
	}
	seat := a.m.seat(a.l, id, stored.Meta.AgentRole)
	r, err := a.m.Resume(ctx, ResumeParams{ThreadID: id, ExcludeTurns: true, seat: seat})
	if err != nil {
		a.l.tree.free()
		return fmt.Errorf("collab resume failed: %w", err)
	}
	a.l.tree.add(seat)
	a.m.hub.follow(a.l.id, id)
	a.m.NotifyCreated(id)
	r.live.begin()
	return nil
}

// Close implements tool.Agents.
func (a agentsOf) Close(_ context.Context, id string) (tool.AgentState, error) {
	seat := a.l.tree.get(id)
	if seat == nil {
		return tool.AgentState{}, &tool.AgentNotFound{ID: id}
	}
	if !a.l.tree.under(id, a.l.id) {
		return tool.AgentState{}, errors.New("an agent can be closed by those it works for only")
	}
	states, _ := a.l.tree.states([]string{id})
	return states[0], a.end(id)
}

// end shuts an agent down, those it has started first. Cutting it short would leave
// it neither open nor closed.
func (a agentsOf) end(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	unlock, err := a.m.loading.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	return a.m.unload(ctx, id)
}

// endAgents shuts down the agents of a thread that ends. It runs on the thread's
// own loop, before its file is closed.
func (m *Manager) endAgents(l *live) {
	var ending sync.WaitGroup
	for _, id := range l.tree.of(l.id) {
		ending.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), closeWait)
			defer cancel()
			if err := m.unload(ctx, id); err != nil {
				m.log.Warn("ending an agent", "thread", l.id, "agent", id, "error", err)
			}
		})
	}
	ending.Wait()
}
