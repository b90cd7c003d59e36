package tool

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

const anAgent = "01900000-0000-7000-8000-000000000001"

// fakeAgents is one agent that does as the test says.
type fakeAgents struct {
	state    AgentState
	changed  chan struct{}
	begun    int
	refusal  error
	received []protocol.UserInput
}

func (f *fakeAgents) Effort() string { return "low" }

func (f *fakeAgents) Spawn(_ context.Context, _ Turn, s AgentTask) (SpawnedAgent, error) {
	f.received = s.Input
	return SpawnedAgent{ID: anAgent, Nickname: "Ada", Model: "m", Effort: "low", Begin: func() { f.begun++ }}, f.refusal
}

func (f *fakeAgents) Send(_ context.Context, _ Turn, _ string, input []protocol.UserInput, _ bool) (string, func(), error) {
	f.received = input
	return "sub", func() { f.begun++ }, f.refusal
}

func (f *fakeAgents) Resume(context.Context, string) error              { return f.refusal }
func (f *fakeAgents) Close(context.Context, string) (AgentState, error) { return f.state, f.refusal }

func (f *fakeAgents) States(ids ...string) ([]AgentState, <-chan struct{}) {
	out := make([]AgentState, len(ids))
	for i := range ids {
		out[i] = f.state
	}
	return out, f.changed
}

// agentsTurn is a turn that keeps the ends of items.
type agentsTurn struct {
	Turn
	items []*protocol.ThreadItemCollabAgentToolCall
	open  int
}

func (t *agentsTurn) ThreadID() string                           { return "thread" }
func (t *agentsTurn) TurnID() string                             { return "turn" }
func (t *agentsTurn) Now() time.Time                             { return time.Now() }
func (t *agentsTurn) Start(context.Context, protocol.ThreadItem) { t.open++ }

func (t *agentsTurn) Complete(_ context.Context, item protocol.ThreadItem) {
	t.open--
	t.items = append(t.items, item.(*protocol.ThreadItemCollabAgentToolCall))
}

// callAgents calls one of the tools and gives the text that the model reads.
func callAgents(ctx context.Context, t *testing.T, turn Turn, agents Agents, name, args string) string {
	t.Helper()
	found, ok := AgentTools{Agents: agents}.Find("multi_agent_v1", name)
	if !ok {
		t.Fatalf("no tool %s", name)
	}
	var text string
	if err := json.Unmarshal(found.Run(ctx, turn, Call{ID: "c", Name: name, Arguments: args}).Body, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhatAgentsCannotBeTold(t *testing.T) {
	for args, want := range map[string]string{
		`spawn_agent {}`: "Provide one of: message or items",
		`spawn_agent {"message":"a","items":[{"type":"text","text":"b"}]}`: "Provide either message or items, but not both",
		`spawn_agent {"message":" "}`:                                      "Empty message can't be sent to an agent",
		`spawn_agent {"items":[]}`:                                         "Items can't be empty",
		`spawn_agent {"items":[{"type":"smell"}]}`:                         "failed to parse function arguments: unknown variant `smell`",
		`spawn_agent {"message":7}`:                                        "failed to parse function arguments: ",
		`spawn_agent [`:                                                    "failed to parse function arguments: ",
		`send_input {"message":"a"}`:                                       "invalid agent id ",
		`send_input {"target":"zzz","message":"a"}`:                        "invalid agent id zzz: ",
		`wait_agent {"targets":[]}`:                                        "agent ids must be non-empty",
		`wait_agent {"targets":["zzz"]}`:                                   "invalid agent id zzz: ",
		`wait_agent {"targets":["` + anAgent + `"],"timeout_ms":0}`:        "timeout_ms must be greater than zero",
		`close_agent {"target":"zzz"}`:                                     "invalid agent id zzz: ",
		`resume_agent {}`:                                                  "invalid agent id ",
	} {
		name, arguments, _ := strings.Cut(args, " ")
		turn, agents := &agentsTurn{}, &fakeAgents{}
		if got := callAgents(t.Context(), t, turn, agents, name, arguments); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
		if turn.open != 0 || len(turn.items) != 0 || agents.received != nil {
			t.Errorf("%s: it was shown, or done", args)
		}
	}
}

// An item that began ends, and an agent that was made begins, whatever comes of the call.
func TestCallsOfAgentsAreShownToTheirEnd(t *testing.T) {
	for name, args := range map[string]string{
		"spawn_agent": `{"message":"go"}`, "send_input": `{"target":"` + anAgent + `","message":"go"}`, "wait_agent": `{"targets":["` + anAgent + `"]}`,
		"resume_agent": `{"id":"` + anAgent + `"}`, "close_agent": `{"target":"` + anAgent + `"}`,
	} {
		said := "done"
		turn, agents := &agentsTurn{}, &fakeAgents{state: AgentState{Status: protocol.CollabAgentStatusCompleted, Message: &said}}
		callAgents(t.Context(), t, turn, agents, name, args)
		if turn.open != 0 || len(turn.items) != 1 {
			t.Fatalf("%s: %d items, %d open", name, len(turn.items), turn.open)
		}
		if item := turn.items[0]; item.Status != protocol.CollabAgentToolCallStatusCompleted || item.AgentsStates[anAgent].Message != &said || item.SenderThreadID != "thread" {
			t.Errorf("%s: %+v", name, item)
		}
		if agents.received != nil && agents.begun != 1 {
			t.Errorf("%s: the agent was told to begin %d times", name, agents.begun)
		}
		if name == "wait_agent" {
			continue
		}
		turn, agents = &agentsTurn{}, &fakeAgents{refusal: errors.New("no such luck")}
		if got := callAgents(t.Context(), t, turn, agents, name, args); got != "no such luck" {
			t.Errorf("%s refused: %q", name, got)
		}
		if turn.open != 0 || len(turn.items) != 1 || turn.items[0].Status != protocol.CollabAgentToolCallStatusFailed {
			t.Errorf("%s refused: %+v", name, turn.items)
		}
	}
}

func TestAWaitForAgentsHasBounds(t *testing.T) {
	for timeout, want := range map[string]time.Duration{``: 30 * time.Second, `,"timeout_ms":1`: 10 * time.Second,
		`,"timeout_ms":45000`: 45 * time.Second, `,"timeout_ms":1e300`: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			agents := &fakeAgents{state: AgentState{Status: protocol.CollabAgentStatusRunning}, changed: make(chan struct{})}
			begun := time.Now()
			got := callAgents(t.Context(), t, &agentsTurn{}, agents, "wait_agent", `{"targets":["`+anAgent+`"]`+timeout+`}`)
			if took := time.Since(begun); took != want || got != `{"status":{},"timed_out":true}` {
				t.Errorf("timeout %q: %s after %s, want %s", timeout, got, took, want)
			}
		})
	}
}

func TestStatesOfAgentsAsTheModelReadsThem(t *testing.T) {
	said := "a \"word\""
	for status, want := range map[protocol.CollabAgentStatus]string{
		protocol.CollabAgentStatusPendingInit: `"pending_init"`, protocol.CollabAgentStatusRunning: `"running"`, protocol.CollabAgentStatusInterrupted: `"interrupted"`,
		protocol.CollabAgentStatusCompleted: `{"completed":"a \"word\""}`, protocol.CollabAgentStatusErrored: `{"errored":"a \"word\""}`,
		protocol.CollabAgentStatusShutdown: `"shutdown"`, protocol.CollabAgentStatusNotFound: `"not_found"`,
	} {
		got, err := json.Marshal(AgentState{Status: status, Message: &said})
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", status, got, err)
		}
	}
	if got, _ := json.Marshal(AgentState{Status: protocol.CollabAgentStatusCompleted}); string(got) != `{"completed":null}` {
		t.Errorf("nothing said: %s", got)
	}
}

func TestTheSpecsOfAgentsAreJSON(t *testing.T) {
	type offered struct {
		Name       string
		Parameters struct {
			Properties struct {
				Role struct{ Description string } `json:"agent_type"`
			}
		}
	}
	var spec struct{ Tools []offered }
	roles := []AgentRole{{Name: "scout", Description: "Looks \"around\".\nThen \xff reports."}, {Name: "plain"}}
	if err := json.Unmarshal(AgentTools{Roles: roles}.Specs()[0], &spec); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(spec.Tools, func(o offered) bool { return o.Name == "spawn_agent" })
	if got := spec.Tools[at].Parameters.Properties.Role.Description; !strings.HasSuffix(got, "\n- scout: Looks \"around\".\nThen \uFFFD reports.\n- plain") {
		t.Errorf("the roles are told as %q", got)
	}
	for _, s := range spec.Tools {
		if _, ok := (AgentTools{}).Find("multi_agent_v1", s.Name); !ok {
			t.Errorf("%s is offered and not there", s.Name)
		}
	}
	if len(spec.Tools) != 5 {
		t.Errorf("%d tools", len(spec.Tools))
	}
}
