package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Agents starts and steers sub-agents for one thread. Errors are for the model to
// read; an agent that is not there is an [AgentNotFound]. The functions named begin
// let an agent start on what it was told; they are called once the call is over,
// whatever came of it.
type Agents interface {
	// Effort is the reasoning effort that an agent inherits; empty for the model's own.
	Effort() string
	Spawn(ctx context.Context, t Turn, s AgentTask) (a SpawnedAgent, err error)
	Send(ctx context.Context, t Turn, id string, input []protocol.UserInput, interrupt bool) (submission string, begin func(), err error)
	Resume(ctx context.Context, id string) error
	Close(ctx context.Context, id string) (previous AgentState, err error)
	// States are how the agents stand, in the order of the ids, and what is closed
	// when any agent's state changes.
	States(ids ...string) (states []AgentState, changed <-chan struct{})
}

// An AgentTask is what a new agent is to do. Empty takes what the caller has.
type AgentTask struct {
	Input         []protocol.UserInput
	Fork          bool // the agent knows the caller's conversation
	Model, Effort string
	Role          string // a name of AgentTools.Roles; empty for none
}

// An AgentRole is what agents can be; a model chooses by the description.
type AgentRole struct{ Name, Description string }

// A SpawnedAgent is a new agent; Model and Effort are what it runs with.
type SpawnedAgent struct {
	ID, Nickname, Model, Effort string
	Begin                       func()
}

// AgentNotFound says that there is no agent of an id.
type AgentNotFound struct{ ID string }

func (e *AgentNotFound) Error() string { return "agent with id " + e.ID + " not found" }

// An AgentState is how an agent stands.
type AgentState struct {
	Status  protocol.CollabAgentStatus
	Message *string // what it said last, of a completed one; what went wrong, of an errored one
}

// Final reports whether nothing more will come of the agent by itself.
func (s AgentState) Final() bool {
	switch s.Status {
	case protocol.CollabAgentStatusPendingInit, protocol.CollabAgentStatusRunning, protocol.CollabAgentStatusInterrupted:
		return false
	}
	return true
}

// MarshalJSON is the state as the model reads it: a word, or a word and a text.
func (s AgentState) MarshalJSON() ([]byte, error) {
	switch s.Status {
	case protocol.CollabAgentStatusCompleted, protocol.CollabAgentStatusErrored:
		return json.Marshal(map[string]*string{string(s.Status): s.Message})
	case protocol.CollabAgentStatusPendingInit:
		return []byte(`"pending_init"`), nil
	case protocol.CollabAgentStatusNotFound:
		return []byte(`"not_found"`), nil
	}
	return json.Marshal(string(s.Status))
}

// AgentTools are the tools to start and steer sub-agents with.
type AgentTools struct {
	Agents Agents
	Roles  []AgentRole
}

// agentTool is one of them.
type agentTool struct {
	agents Agents
	roles  []AgentRole
	run    func(c agentCall, args *agentArgs) Output
}

// Find implements Offer.
func (a AgentTools) Find(namespace, name string) (Tool, bool) {
	if namespace != AgentsNamespace {
		return nil, false
	}
	var run func(agentCall, *agentArgs) Output
	switch name {
	case "spawn_agent":
		run = agentCall.spawn
	case "send_input":
		run = agentCall.send
	case "wait_agent":
		run = agentCall.wait
	case "resume_agent":
		run = agentCall.resume
	case "close_agent":
		run = agentCall.close
	default:
		return nil, false
	}
	return agentTool{a.Agents, a.Roles, run}, true
}

// agentArgs are the arguments of all five tools.
type agentArgs struct {
	ID        string      `json:"id"`
	Target    string      `json:"target"`
	Targets   []string    `json:"targets"`
	TimeoutMs *float64    `json:"timeout_ms"`
	Message   *string     `json:"message"`
	Items     []agentPart `json:"items"`
	Interrupt bool        `json:"interrupt"`
	Fork      bool        `json:"fork_context"`
	Role      string      `json:"agent_type"`
	Model     string      `json:"model"`
	Effort    string      `json:"reasoning_effort"`
}

// Run implements Tool.
func (a agentTool) Run(ctx context.Context, t Turn, c Call) Output {
	var args agentArgs
	if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	return a.run(agentCall{ctx: ctx, turn: t, agents: a.agents, roles: a.roles, id: c.ID}, &args)
}

// agentCall is one call of an agents' tool.
type agentCall struct {
	ctx    context.Context
	turn   Turn
	agents Agents
	roles  []AgentRole
	id     string
}

func (c agentCall) spawn(args *agentArgs) Output {
	input, why := args.input()
	if why != "" {
		return Text(why)
	}
	effort := args.Effort
	if effort == "" {
		effort = c.agents.Effort()
	}
	item := c.start(protocol.CollabAgentToolSpawnAgent)
	item.Prompt, item.Model, item.ReasoningEffort = prompt(input), &args.Model, effortOf(effort)
	c.show(item)
	if args.Role != "" && !slices.ContainsFunc(c.roles, func(r AgentRole) bool { return r.Name == args.Role }) {
		return c.fail(item, fmt.Errorf("unknown agent_type '%s'", args.Role))
	}
	a, err := c.agents.Spawn(c.ctx, c.turn, AgentTask{Input: input, Fork: args.Fork, Model: args.Model, Effort: args.Effort, Role: args.Role})
	if err != nil {
		return c.fail(item, err)
	}
	defer a.Begin()
	item.ReceiverThreadIDs, item.Model, item.ReasoningEffort = []string{a.ID}, &a.Model, effortOf(a.Effort)
	c.complete(item)
	return reply(struct {
		ID       string `json:"agent_id"`
		Nickname string `json:"nickname"`
	}{a.ID, a.Nickname})
}

func (c agentCall) send(args *agentArgs) Output {
	input, why := args.input()
	if why == "" {
		why = badAgent(args.Target)
	}
	if why != "" {
		return Text(why)
	}
	item := c.start(protocol.CollabAgentToolSendInput, args.Target)
	item.Prompt = prompt(input)
	c.show(item)
	submission, begin, err := c.agents.Send(c.ctx, c.turn, args.Target, input, args.Interrupt)
	if err != nil {
		return c.fail(item, err)
	}
	defer begin()
	c.complete(item)
	return reply(map[string]string{"submission_id": submission})
}

func (c agentCall) resume(args *agentArgs) Output {
	if why := badAgent(args.ID); why != "" {
		return Text(why)
	}
	item := c.start(protocol.CollabAgentToolResumeAgent, args.ID)
	c.show(item)
	if err := c.agents.Resume(c.ctx, args.ID); err != nil {
		return c.fail(item, err)
	}
	c.complete(item)
	states, _ := c.agents.States(args.ID)
	return reply(map[string]AgentState{"status": states[0]})
}

func (c agentCall) close(args *agentArgs) Output {
	if why := badAgent(args.Target); why != "" {
		return Text(why)
	}
	item := c.start(protocol.CollabAgentToolCloseAgent, args.Target)
	c.show(item)
	previous, err := c.agents.Close(c.ctx, args.Target)
	if err != nil {
		return c.fail(item, err)
	}
	c.end(item, []AgentState{previous})
	return reply(map[string]AgentState{"previous_status": previous})
}

func (c agentCall) wait(args *agentArgs) Output {
	if len(args.Targets) == 0 {
		return Text("agent ids must be non-empty")
	}
	for _, id := range args.Targets {
		if why := badAgent(id); why != "" {
			return Text(why)
		}
	}
	limit := float64(defaultWait)
	if args.TimeoutMs != nil {
		if *args.TimeoutMs <= 0 {
			return Text("timeout_ms must be greater than zero")
		}
		limit = min(max(*args.TimeoutMs, shortestWait), longestWait)
	}
	item := c.start(protocol.CollabAgentToolWait, args.Targets...)
	c.show(item)
	since := c.turn.Now()
	done := c.await(args.Targets, time.Duration(limit)*time.Millisecond)
	item.ReceiverThreadIDs = []string{}
	var states []AgentState
	for _, id := range args.Targets {
		if s, ok := done[id]; ok && !slices.Contains(item.ReceiverThreadIDs, id) {
			item.ReceiverThreadIDs, states = append(item.ReceiverThreadIDs, id), append(states, s)
		}
	}
	if c.ctx.Err() != nil {
		item.Status = protocol.CollabAgentToolCallStatusInterrupted
	}
	c.end(item, states)
	if c.ctx.Err() != nil {
		return Errorf("aborted by user after %.1fs", c.turn.Now().Sub(since).Seconds())
	}
	return reply(struct {
		Status   map[string]AgentState `json:"status"`
		TimedOut bool                  `json:"timed_out"`
	}{done, len(done) == 0})
}

// await is the agents that are done, as soon as there is one; none if the time is
// up before, or the turn.
func (c agentCall) await(ids []string, limit time.Duration) map[string]AgentState {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		done := make(map[string]AgentState)
		states, changed := c.agents.States(ids...)
		for i, s := range states {
			if s.Final() {
				done[ids[i]] = s
			}
		}
		if len(done) > 0 {
			return done
		}
		select {
		case <-changed:
		case <-timer.C:
			return done
		case <-c.ctx.Done():
			return done
		}
	}
}

// start is the item that shows the call, with the agents it is about.
func (c agentCall) start(tool protocol.CollabAgentTool, receivers ...string) *protocol.ThreadItemCollabAgentToolCall {
	at := c.turn.Now().UnixMilli()
	if receivers == nil {
		receivers = []string{}
	}
	return &protocol.ThreadItemCollabAgentToolCall{ID: c.id, Tool: tool, Status: protocol.CollabAgentToolCallStatusInProgress,
		SenderThreadID: c.turn.ThreadID(), ReceiverThreadIDs: receivers, AgentsStates: map[string]protocol.CollabAgentState{}, StartedAtMs: &at}
}

func (c agentCall) show(item *protocol.ThreadItemCollabAgentToolCall) {
	shown := *item
	shown.AgentsStates = maps.Clone(item.AgentsStates)
	c.turn.Start(c.ctx, &shown)
}

// complete ends the item with the agents as they stand.
func (c agentCall) complete(item *protocol.ThreadItemCollabAgentToolCall) {
	states, _ := c.agents.States(item.ReceiverThreadIDs...)
	c.end(item, states)
}

// end tells and records what came of the call; states are those of the receivers.
func (c agentCall) end(item *protocol.ThreadItemCollabAgentToolCall, states []AgentState) {
	if item.Status == protocol.CollabAgentToolCallStatusInProgress {
		item.Status = protocol.CollabAgentToolCallStatusCompleted
	}
	for i, s := range states {
		item.AgentsStates[item.ReceiverThreadIDs[i]] = protocol.CollabAgentState{Status: s.Status, Message: s.Message}
		if s.Status == protocol.CollabAgentStatusNotFound || s.Status == protocol.CollabAgentStatusErrored {
			item.Status = protocol.CollabAgentToolCallStatusFailed
		}
	}
	at := c.turn.Now().UnixMilli()
	item.CompletedAtMs = &at
	c.turn.Complete(context.WithoutCancel(c.ctx), item)
}

// fail ends the item of a call that came to nothing.
func (c agentCall) fail(item *protocol.ThreadItemCollabAgentToolCall, err error) Output {
	item.Status = protocol.CollabAgentToolCallStatusFailed
	c.complete(item)
	return Text(err.Error())
}

func reply(v any) Output {
	b, err := json.Marshal(v)
	if err != nil {
		return Text(err.Error())
	}
	return Text(string(b))
}
