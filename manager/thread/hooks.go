package thread

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/codexhost/codexhost/manager/hooks"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// This file is where a turn raises its events, and carries out what the user's
// hooks want of it. Those about tools are in hooks_tool.go.

// findHooks finds what holds for the turn.
func (tn *turn) findHooks() {
	if find := tn.thread.services.Hooks; find != nil {
		tn.hooks = find(tn.ctx, tn.settings)
	}
}

// has says whether hooks wait for an event. What a reviewer does is not said by
// the user and ends nothing; only its tools are the user's concern.
func (tn *turn) has(e hooks.Event) bool {
	if !tn.hooks.Has(e) {
		return false
	}
	spec := tn.thread.spec
	return spec.Subagent == "" || spec.isAgent() || e == hooks.PreToolUse || e == hooks.PermissionRequest || e == hooks.PostToolUse
}

// beginning and end are the events at which an agent, or any other thread, takes
// up its work and lays it down.
func (s *Spec) beginning() hooks.Event {
	if s.isAgent() {
		return hooks.SubagentStart
	}
	return hooks.SessionStart
}

func (s *Spec) end() hooks.Event {
	if s.isAgent() {
		return hooks.SubagentStop
	}
	return hooks.Stop
}

func (s *Spec) isAgent() bool { return s.AgentType != "" }

// hookInput is what hooks read. Each event has some of the members.
type hookInput struct {
	SessionID      string       `json:"session_id"`
	TurnID         string       `json:"turn_id,omitempty"`
	Transcript     *string      `json:"transcript_path"`
	Cwd            string       `json:"cwd"`
	Event          hooks.Event  `json:"hook_event_name"`
	Model          string       `json:"model,omitempty"`
	PermissionMode string       `json:"permission_mode,omitempty"`
	Source         string       `json:"source,omitempty"`
	Trigger        string       `json:"trigger,omitempty"`
	Reason         string       `json:"reason,omitempty"`
	Prompt         *string      `json:"prompt,omitempty"`
	ToolName       string       `json:"tool_name,omitempty"`
	ToolInput      any          `json:"tool_input,omitempty"`
	ToolResponse   any          `json:"tool_response,omitempty"`
	ToolUseID      string       `json:"tool_use_id,omitempty"`
	StopHookActive *bool        `json:"stop_hook_active,omitempty"`
	LastMessage    *string      `json:"last_assistant_message,omitempty"`
	Status         string       `json:"status,omitempty"`
	Error          any          `json:"error,omitempty"`
	TokenUsage     *tokensSpent `json:"token_usage,omitempty"`

	AgentID         string  `json:"agent_id,omitempty"`
	AgentType       string  `json:"agent_type,omitempty"`
	AgentTranscript *string `json:"agent_transcript_path,omitempty"`
}

type tokensSpent struct {
	Input      int64 `json:"input_tokens"`
	Cached     int64 `json:"cached_input_tokens"`
	CacheWrite int64 `json:"cache_write_input_tokens"`
	Output     int64 `json:"output_tokens"`
	Reasoning  int64 `json:"reasoning_output_tokens"`
	Total      int64 `json:"total_tokens"`
}

// raise runs the hooks of an event of the turn, with what is particular to it in
// the input, and tells what they do.
func (tn *turn) raise(ctx context.Context, e hooks.Event, in hookInput, subjects ...string) hooks.Result {
	t := tn.thread
	in.SessionID, in.TurnID, in.Cwd, in.Event, in.Model = t.spec.SessionID, tn.id, tn.settings.Cwd, e, tn.settings.Model
	if r := t.spec.Recorder; r != nil {
		in.Transcript = ptr(r.Path())
	}
	if t.spec.isAgent() {
		in.AgentID, in.AgentType = t.id, t.spec.AgentType
	}
	call := in.ToolUseID
	switch e {
	case hooks.SessionStart:
		in.TurnID = ""
	case hooks.PermissionRequest:
		in.ToolUseID = "" // it belongs to the run only
	case hooks.SubagentStop: // of interest to the thread that the agent works for
		in.Transcript, in.AgentTranscript = nil, in.Transcript
		if path := t.spec.ParentTranscript; path != "" {
			in.Transcript = &path
		}
	}
	if e.ToldOfPermissions() {
		in.PermissionMode = tn.settings.permissionMode()
	}
	return tn.hooks.Run(ctx, hooks.Call{Event: e, Subjects: subjects, Input: in, ToolCall: call, Cwd: in.Cwd, Now: t.now,
		Tell: func(run protocol.HookRunSummary, ended bool) { t.tellHook(&tn.id, run, ended) }})
}

func (t *Thread) tellHook(turnID *string, run protocol.HookRunSummary, ended bool) {
	ctx := context.Background() // of those that are told, none blocks
	if !ended {
		t.tell(ctx, nil, told("hook/started", &protocol.HookStartedNotification{ThreadID: t.id, TurnID: turnID, Run: run}))
		return
	}
	t.tell(ctx, nil, told("hook/completed", &protocol.HookCompletedNotification{ThreadID: t.id, TurnID: turnID, Run: run}))
}

// permissionMode is how hooks are told whether the user is asked.
func (s Settings) permissionMode() string {
	if s.Approval == protocol.AskForApprovalNever {
		return "bypassPermissions"
	}
	return "default"
}

// addContexts shows the model what hooks want it to know.
func (tn *turn) addContexts(contexts []string) {
	if len(contexts) > 0 {
		tn.thread.tell(tn.ctx, tn.contextRecords(nil, contexts))
	}
}

func (tn *turn) contextRecords(records []rollout.Record, contexts []string) []rollout.Record {
	for _, text := range contexts {
		raw := textMessage("msg_"+newID(), "developer", text)
		tn.thread.history.add(raw)
		records = append(records, rollout.ResponseItem(raw))
	}
	return records
}

// sessionStarts raises SessionStart, once for the life of a thread in this host,
// and again after a compaction; for an agent, SubagentStart. It reports whether the turn goes on; one that
// does not takes what the user said along.
func (tn *turn) sessionStarts() bool {
	t := tn.thread
	source := t.session
	t.session, t.sessionBegun = "", true
	event := t.spec.beginning()
	if source == "" || !tn.has(event) {
		return true
	}
	in, subject := hookInput{Source: source}, source
	if event == hooks.SubagentStart {
		in, subject = hookInput{}, t.spec.AgentType
	}
	r := tn.raise(tn.ctx, event, in, subject)
	tn.addContexts(r.Contexts)
	if !r.Stopped {
		return true
	}
	inputs, _ := tn.take(true)
	for _, in := range inputs {
		in.answered.wait(context.Background())
	}
	return false
}

// hear takes in what the user said, unless a hook refuses it. It reports whether
// anything is left to be answered.
func (tn *turn) hear(inputs []input) (heard bool) {
	heard = len(inputs) == 0
	for _, in := range inputs {
		if !tn.has(hooks.UserPromptSubmit) {
			tn.userMessage(in)
			heard = true
			continue
		}
		in.answered.wait(context.Background())
		r := tn.raise(tn.ctx, hooks.UserPromptSubmit, hookInput{Prompt: ptr(textOf(in.items))})
		if !r.Stopped && len(r.Blocks) == 0 {
			tn.userMessage(in)
			heard = true
		}
		tn.addContexts(r.Contexts)
	}
	return heard
}

// textOf is what the user said in words.
func textOf(items []protocol.UserInput) string {
	var words []string
	for _, item := range items {
		if text, ok := item.(*protocol.UserInputText); ok {
			words = append(words, text.Text)
		}
	}
	return strings.Join(words, "\n")
}

// goesOn raises Stop, or SubagentStop, when the model has nothing more to do. A hook that blocks
// the end says what is still to be done.
func (tn *turn) goesOn() bool {
	t := tn.thread
	t.mu.Lock()
	more := len(tn.pending) > 0
	t.mu.Unlock()
	event := t.spec.end()
	if more || tn.ctx.Err() != nil || !tn.has(event) {
		return false
	}
	in := hookInput{StopHookActive: ptr(tn.stopBlocked)}
	if tn.answer != nil {
		in.LastMessage = &tn.answer.Text
	}
	r := tn.raise(tn.ctx, event, in, t.spec.AgentType)
	if r.Stopped || len(r.Blocks) == 0 {
		return false
	}
	tn.stopBlocked = true
	id := "msg_" + newID()
	parts := make([]string, len(r.Blocks))
	item := &protocol.ThreadItemHookPrompt{ID: id, StartedAtMs: milliseconds(t.now())}
	for i, b := range r.Blocks {
		parts[i] = `<hook_prompt hook_run_id="` + escaped(b.RunID) + `">` + escaped(b.Reason) + `</hook_prompt>`
		item.Fragments = append(item.Fragments, protocol.HookPromptFragment{Text: b.Reason, HookRunID: b.RunID})
	}
	raw := textMessage(id, "user", parts...)
	t.history.add(raw)
	begun := *item
	tn.Start(tn.ctx, &begun)
	item.CompletedAtMs = milliseconds(t.now())
	tn.complete(tn.ctx, item, rollout.ResponseItem(raw))
	return true
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// asks raises PreModelRequest.
func (tn *turn) asks() {
	if tn.has(hooks.PreModelRequest) {
		tn.raise(tn.ctx, hooks.PreModelRequest, hookInput{})
	}
}

// asked raises PostModelRequest.
func (tn *turn) asked(err error) {
	if !tn.has(hooks.PostModelRequest) || tn.ctx.Err() != nil {
		return
	}
	in := hookInput{Status: "completed", Error: json.RawMessage("null")}
	if err != nil && !errors.Is(err, errSteered) {
		in.Status, in.Error = "failed", err.Error()
	}
	if err == nil {
		tn.thread.mu.Lock()
		in.TokenUsage = spentTokens(tn.thread.usage.last)
		tn.thread.mu.Unlock()
	}
	tn.raise(tn.ctx, hooks.PostModelRequest, in)
}

func spentTokens(u model.Usage) *tokensSpent {
	return &tokensSpent{u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning, u.Total}
}

// compacts raises an event of a compaction. A hook that stops it interrupts the turn.
func (tn *turn) compacts(e hooks.Event) error {
	if !tn.has(e) {
		return nil
	}
	trigger := "auto"
	if tn.kind == compactTurn {
		trigger = "manual"
	}
	if r := tn.raise(tn.ctx, e, hookInput{Trigger: trigger}, trigger); r.Stopped {
		tn.cancel(errInterrupted)
	}
	return tn.ctx.Err()
}

// wasInterrupted raises Interrupt. Its hooks have little time.
func (tn *turn) wasInterrupted() {
	if tn.has(hooks.Interrupt) && errors.Is(context.Cause(tn.ctx), errInterrupted) {
		tn.raise(context.WithoutCancel(tn.ctx), hooks.Interrupt, hookInput{})
	}
}

// sessionEnds raises SessionEnd, if a turn has begun. Its hooks have little time.
func (t *Thread) sessionEnds() {
	if t.services.Hooks == nil || !t.sessionBegun || t.spec.Subagent != "" {
		return
	}
	t.mu.Lock()
	s := t.settings
	t.mu.Unlock()
	ctx := context.Background()
	set := t.services.Hooks(ctx, s)
	if !set.Has(hooks.SessionEnd) {
		return
	}
	in := hookInput{SessionID: t.spec.SessionID, Cwd: s.Cwd, Event: hooks.SessionEnd, Reason: "other"}
	if r := t.spec.Recorder; r != nil {
		in.Transcript = ptr(r.Path())
	}
	set.Run(ctx, hooks.Call{Event: in.Event, Subjects: []string{in.Reason}, Input: in, Cwd: s.Cwd, Now: t.now,
		Tell: func(run protocol.HookRunSummary, ended bool) { t.tellHook(nil, run, ended) }})
}

// words are what the user's notify program is told of a completed turn.
func (tn *turn) words() hooks.TurnEnd {
	t := tn.thread
	end := hooks.TurnEnd{ThreadID: t.id, TurnID: tn.id, Cwd: tn.settings.Cwd, Client: t.spec.Client.Originator, Inputs: userTexts(t.history.items)}
	if tn.answer != nil {
		end.LastMessage = &tn.answer.Text
	}
	return end
}

// userTexts is all that the user said, as far as the model still sees it.
func userTexts(items []json.RawMessage) []string {
	var texts []string
	for _, raw := range items {
		if text, ok := userText(raw); ok {
			texts = append(texts, text)
		}
	}
	return texts
}
