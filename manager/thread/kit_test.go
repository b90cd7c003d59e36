package thread_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// The engine is tested as it runs: a real recorder on a real folder, and around
// it a model, tools, skills and a client that do what the test says. Each test
// lives in a bubble, so time costs nothing and a goroutine left behind fails it.

// A reply is one response of the scripted model.
type reply func(ctx context.Context, yield func(model.Event, error) bool)

// script is a model that answers request after request with its replies.
type script struct {
	t *testing.T

	mu       sync.Mutex // guards the fields below
	replies  []reply
	requests []*model.Request
}

func (s *script) Stream(ctx context.Context, r *model.Request) iter.Seq2[model.Event, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.requests)
	kept := *r
	kept.Input = slices.Clone(r.Input)
	s.requests = append(s.requests, &kept)
	if n >= len(s.replies) {
		s.t.Errorf("request %d to the model is one too many", n+1)
		return func(yield func(model.Event, error) bool) {
			yield(model.Event{}, &model.Error{Message: "no reply left"})
		}
	}
	return func(yield func(model.Event, error) bool) { s.replies[n](ctx, yield) }
}

// request is what the model was sent with its nth request, counted from 0.
func (s *script) request(n int) *model.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n >= len(s.requests) {
		s.t.Fatalf("the model was asked %d times, not %d", len(s.requests), n+1)
	}
	return s.requests[n]
}

// sent is the nth request, an item a line, in short.
func (s *script) sent(n int) []string {
	var out []string
	for _, raw := range s.request(n).Input {
		it, err := model.ParseItem(raw)
		if err != nil {
			s.t.Fatalf("request %d holds %s", n, raw)
		}
		switch it.Type {
		case "message":
			out = append(out, it.Role+": "+it.Text)
		case "function_call", "custom_tool_call":
			out = append(out, "call "+it.CallID)
		case "function_call_output", "custom_tool_call_output":
			out = append(out, "output "+it.CallID+": "+it.Output)
		default:
			out = append(out, it.Type)
		}
	}
	return out
}

// said is what the nth request holds of what people and the model said, without
// the host's own context.
func (s *script) said(n int) []string {
	return slices.DeleteFunc(s.sent(n), func(l string) bool {
		return strings.HasPrefix(l, "developer: ") || strings.HasPrefix(l, "user: <environment_context>") || strings.HasPrefix(l, "user: # AGENTS.md")
	})
}

// whole is a reply of the given events, ended well.
func whole(parts ...[]model.Event) reply {
	return cut(nil, append(parts, []model.Event{{Kind: model.Completed, ResponseID: "resp"}})...)
}

// spent is a reply that says what it cost.
func spent(tokens int64, parts ...[]model.Event) reply {
	u := &model.Usage{Input: tokens - 1, Output: 1, Total: tokens}
	return cut(nil, append(parts, []model.Event{{Kind: model.Completed, Usage: u}})...)
}

// cut is a reply that fails after its events; it hangs on where err is errHang.
func cut(err error, parts ...[]model.Event) reply {
	return func(ctx context.Context, yield func(model.Event, error) bool) {
		for _, e := range slices.Concat(parts...) {
			if ctx.Err() != nil {
				yield(model.Event{}, ctx.Err())
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err == errHang {
			<-ctx.Done()
			err = ctx.Err()
		}
		if err != nil {
			yield(model.Event{}, err)
		}
	}
}

var errHang = fmt.Errorf("hangs until it is cut")

// begun is a message of the model that grows by pieces and is not done.
func begun(id string, pieces ...string) []model.Event {
	out := []model.Event{{Kind: model.ItemAdded, ItemID: id, Head: model.ItemHead{Type: "message", ID: id, Role: "assistant"}}}
	for _, p := range pieces {
		out = append(out, model.Event{Kind: model.TextDelta, ItemID: id, Delta: p})
	}
	return out
}

// says is a whole message of the model, a delta for each piece.
func says(id string, pieces ...string) []model.Event {
	return append(begun(id, pieces...), message(id, strings.Join(pieces, ""))...)
}

// message is a whole message without anything before it.
func message(id, text string) []model.Event {
	raw := fmt.Sprintf(`{"type":"message","id":%q,"role":"assistant","content":[{"type":"output_text","text":%q}]}`, id, text)
	return item(raw)
}

// item is any whole item.
func item(raw string) []model.Event {
	it, err := model.ParseItem(json.RawMessage(raw))
	if err != nil {
		panic(err)
	}
	return []model.Event{{Kind: model.ItemDone, ItemID: it.ID, Head: it.ItemHead, Item: json.RawMessage(raw)}}
}

// calls is a call of a tool.
func calls(id, name, arguments string) []model.Event {
	return item(fmt.Sprintf(`{"type":"function_call","id":"fc_%s","call_id":%q,"name":%q,"arguments":%q}`, id, id, name, arguments))
}

// heard is the client: it notes what it is told and, at that moment, looks into
// the file for what should be there already.
type heard struct {
	t    *testing.T
	path string // of the rollout; empty without one
	real bool   // outside of a bubble, in the time of the world

	mu    sync.Mutex // guards the fields below
	lines []string
	seen  []thread.Event
}

func (h *heard) Event(_ context.Context, e thread.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, e)
	h.lines = append(h.lines, h.line(e))
	if h.path == "" {
		return
	}
	if want := trace(e); want != nil && !h.inFile(want) {
		h.t.Errorf("told before written: %s", h.lines[len(h.lines)-1])
	}
}

// inFile says whether a line of the rollout has all of some texts.
func (h *heard) inFile(want []string) bool {
	b, err := os.ReadFile(h.path)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		if !slices.ContainsFunc(want, func(s string) bool { return !bytes.Contains(line, []byte(s)) }) {
			return true
		}
	}
	return false
}

// trace is what the file must hold when an event is told; nil for events that no
// file remembers.
func trace(e thread.Event) []string {
	quoted := func(s string) string { return `"` + s + `"` }
	switch p := e.Params.(type) {
	case *protocol.TurnStartedNotification:
		return []string{"task_started", quoted(p.Turn.ID)}
	case *protocol.ItemCompletedNotification:
		return []string{"item_completed", quoted(idOf(p.Item))}
	case *protocol.ThreadTokenUsageUpdatedNotification:
		return []string{"token_count", fmt.Sprintf(`"total_tokens":%d`, p.TokenUsage.Total.TotalTokens)}
	case *protocol.TurnCompletedNotification:
		if p.Turn.Status == protocol.TurnStatusInterrupted {
			return []string{"turn_aborted", quoted(p.Turn.ID)}
		}
		return []string{"task_complete", quoted(p.Turn.ID)}
	}
	return nil
}

// line is an event in short.
func (h *heard) line(e thread.Event) string {
	switch p := e.Params.(type) {
	case *protocol.ThreadStatusChangedNotification:
		s := kindOf(p.Status)
		if a, ok := p.Status.(*protocol.ThreadStatusActive); ok {
			for _, f := range a.ActiveFlags {
				s += " " + string(f)
			}
		}
		return "status " + s
	case *protocol.TurnStartedNotification:
		return "turn/started"
	case *protocol.TurnCompletedNotification:
		s := "turn/completed " + string(p.Turn.Status) + " " + string(p.Turn.ItemsView)
		for _, i := range p.Turn.Items {
			s += " " + idOf(i)
		}
		return s
	case *protocol.ItemStartedNotification:
		return "started " + describe(p.Item)
	case *protocol.ItemCompletedNotification:
		return "completed " + describe(p.Item)
	case *protocol.ErrorNotification:
		info, _ := protocol.Append(nil, p.Error.CodexErrorInfo)
		s := fmt.Sprintf("error %v %q %s", p.WillRetry, p.Error.Message, info)
		if p.Error.AdditionalDetails != nil {
			s += fmt.Sprintf(" %q", *p.Error.AdditionalDetails)
		}
		return s
	case *protocol.ThreadTokenUsageUpdatedNotification:
		return fmt.Sprintf("tokens %d of %d", p.TokenUsage.Last.TotalTokens, p.TokenUsage.Total.TotalTokens)
	case *protocol.WarningNotification:
		return "warning " + p.Message
	case *protocol.ReasoningSummaryPartAddedNotification:
		return fmt.Sprintf("part %d of %s", p.SummaryIndex, p.ItemID)
	}
	switch e.Kind {
	case thread.Configured:
		return "configured"
	case thread.Closed:
		return "closed"
	case thread.Grew:
		s := strings.TrimPrefix(e.Method, "item/")
		if e.Delta.Index >= 0 {
			s += fmt.Sprintf("[%d]", e.Delta.Index)
		}
		return s + " " + e.Delta.ItemID + " " + e.Delta.Text
	}
	return e.Method
}

func kindOf(v any) string {
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", v), "*protocol.ThreadStatus"))
}

func idOf(i protocol.ThreadItem) string {
	raw, err := protocol.Append(nil, i)
	var head struct{ ID string }
	if err != nil || json.Unmarshal(raw, &head) != nil {
		return "?"
	}
	return head.ID
}

// describe is an item in short; ids that the host made are left out.
func describe(i protocol.ThreadItem) string {
	switch i := i.(type) {
	case *protocol.ThreadItemUserMessage:
		return "user " + textOf(i.Content)
	case *protocol.ThreadItemAgentMessage:
		return "agent " + i.ID + " " + i.Text
	case *protocol.ThreadItemReasoning:
		return strings.Join(append([]string{"reasoning", i.ID}, append(i.Summary, i.Content...)...), " ")
	case *protocol.ThreadItemContextCompaction:
		return "compaction"
	case *protocol.ThreadItemPlan:
		return "plan " + i.Text
	case *protocol.ThreadItemEnteredReviewMode:
		return "entered review " + i.Review
	case *protocol.ThreadItemExitedReviewMode:
		return "exited review " + i.Review
	case *protocol.ThreadItemDynamicToolCall:
		return "tool " + i.ID + " " + string(i.Status)
	}
	return fmt.Sprintf("%T", i)
}

func textOf(in []protocol.UserInput) string {
	var parts []string
	for _, i := range in {
		if t, ok := i.(*protocol.UserInputText); ok {
			parts = append(parts, t.Text)
		}
	}
	return strings.Join(parts, " ")
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

func (h *heard) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines, h.seen = nil, nil
}

// rest waits for the bubble to come to rest.
func (h *heard) rest() {
	if !h.real {
		synctest.Wait()
	}
}

// has waits for the bubble to come to rest and says whether a line was heard.
func (h *heard) has(prefix string) bool {
	h.rest()
	return slices.ContainsFunc(h.all(), func(l string) bool { return strings.HasPrefix(l, prefix) })
}

// toolFunc is a tool that is a function.
type toolFunc func(ctx context.Context, t tool.Turn, c tool.Call) tool.Output

func (f toolFunc) Run(ctx context.Context, t tool.Turn, c tool.Call) tool.Output { return f(ctx, t, c) }

// kit is what tools the model is offered, by name.
type kit map[string]toolFunc

func (k kit) Specs() []json.RawMessage { return nil }

func (k kit) Find(namespace, name string) (tool.Tool, bool) {
	f, ok := k[name]
	return f, ok && namespace == ""
}

// skills are two fields.
type skills struct {
	section   string
	mentioned []string
	warnings  []string
}

func (s *skills) Section(context.Context, thread.Settings, int64) (string, []string) {
	return s.section, s.warnings
}

func (s *skills) Mentioned(context.Context, thread.Settings, []protocol.UserInput) (messages, warnings []string) {
	return s.mentioned, nil
}

type askFunc func(ctx context.Context, q thread.Question) ([]byte, error)

func (f askFunc) Ask(ctx context.Context, q thread.Question) ([]byte, error) { return f(ctx, q) }

// bench is one thread and all that is around it. What a test wants otherwise it
// sets before it calls start.
type bench struct {
	*testing.T
	home     string
	store    *rollout.Store
	recorder *rollout.Recorder
	spec     thread.Spec
	services thread.Services
	thread   *thread.Thread

	model  *script
	heard  *heard
	tools  kit
	skills *skills
	docs   thread.Instructions
	info   model.Info
}

// engine runs a test with a thread that is not started yet.
func engine(t *testing.T, f func(b *bench), replies ...reply) {
	t.Helper()
	home, cwd := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, home, cwd, replies...)
		defer func() { // also after a Fatal, or the bubble would complain of the loop
			if b.thread != nil {
				b.shutdown()
			}
		}()
		f(b)
	})
}

func newBench(t *testing.T, home, cwd string, replies ...reply) *bench {
	b := &bench{T: t, home: home, store: rollout.NewStore(home, rollout.Options{Fsync: rollout.FsyncOff}), tools: kit{}, skills: &skills{},
		model: &script{t: t, replies: replies}, heard: &heard{t: t}, info: model.Info{Slug: "m", BaseInstructions: "base"}}
	b.spec = thread.Spec{Client: thread.ClientInfo{Originator: "test", UserAgent: "test/1"}, Settings: thread.Settings{
		Model: "m", Provider: "p", Cwd: cwd, WorkspaceRoots: []string{cwd}, StreamMaxRetries: 2,
		Approval: protocol.AskForApprovalOnRequest, Sandbox: &protocol.SandboxPolicyReadOnly{},
	}}
	b.services = thread.Services{
		Model:        b.model,
		ModelInfo:    func(slug string) (model.Info, bool) { return b.info, slug == b.info.Slug },
		Instructions: func(string) thread.Instructions { return b.docs },
		Skills:       b.skills,
		Tools:        func(context.Context, thread.Settings) tool.Offer { return b.tools },
		Asker:        askFunc(func(context.Context, thread.Question) ([]byte, error) { return nil, fmt.Errorf("nobody answers") }),
		Log:          hclog.NewNullLogger(),
		Now:          time.Now,
	}
	return b
}

// start brings the thread to life. Without a recorder of its own it gets a new one.
func (b *bench) start() {
	b.Helper()
	if b.spec.Recorder == nil && b.spec.ID == "" {
		r, err := b.store.Create(rollout.Meta{ID: "01990000-0000-4000-8000-000000000001", SessionID: "01990000-0000-4000-8000-000000000001", Cwd: b.spec.Settings.Cwd,
			ModelProvider: "p", Originator: "test", CLIVersion: "1", Source: json.RawMessage(`"vscode"`)})
		if err != nil {
			b.Fatal(err)
		}
		b.spec.ID, b.spec.SessionID, b.spec.Recorder = r.ID(), r.ID(), r
	}
	if r := b.spec.Recorder; r != nil {
		b.recorder, b.heard.path = r, r.Path()
	}
	b.thread = thread.Start(b.Context(), b.spec, b.services, b.heard)
	b.told("configured")
}

// reopen ends the thread and resumes it from its file.
func (b *bench) reopen(replies ...reply) {
	b.Helper()
	b.shutdown()
	r, h, err := b.store.Open(b.spec.ID)
	if err != nil {
		b.Fatal(err)
	}
	b.spec.Recorder, b.spec.History = r, h.Items
	b.model.replies, b.model.requests = replies, nil
	b.heard.forget()
	b.start()
}

func (b *bench) shutdown() {
	b.Helper()
	if _, err := b.thread.Submit(context.Background(), &thread.Shutdown{}); err != nil && err != thread.ErrDead {
		b.Errorf("shutting down: %v", err)
	}
	<-b.thread.Done()
}

// submit hands in an op and answers its caller.
func (b *bench) submit(op thread.Op) thread.Receipt {
	b.Helper()
	r, err := b.thread.Submit(b.Context(), op)
	if err != nil {
		b.Fatalf("%T: %v", op, err)
	}
	r.Release()
	return r
}

// say submits a user's text and waits until nothing moves any more.
func (b *bench) say(text string) thread.Receipt {
	b.Helper()
	r := b.submit(&thread.UserTurn{Input: input(text)})
	b.heard.rest()
	return r
}

// turn says something and waits for the end of the turn.
func (b *bench) turn(text string) {
	b.Helper()
	b.say(text)
	b.idle()
}

func (b *bench) idle() {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour) // of the bubble's time
	defer cancel()
	if err := b.thread.WaitIdle(ctx); err != nil {
		b.Fatalf("the turn does not end: %v", err)
	}
	b.heard.rest()
}

// told compares what the client has heard since the last time.
func (b *bench) told(want ...string) {
	b.Helper()
	b.heard.rest()
	got := b.heard.all()
	b.heard.forget()
	same(b.T, got, want)
}

// file is the rollout, a record a line, in short.
func (b *bench) file() []string {
	b.Helper()
	raw, err := os.ReadFile(b.recorder.Path())
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for line := range bytes.Lines(raw) {
		var r struct {
			Type    string
			Payload struct {
				Type, Role string
				Name       string
				CallID     string `json:"call_id"`
				Item       struct{ Type string }
				Reason     string
			}
		}
		if err := json.Unmarshal(line, &r); err != nil {
			b.Fatalf("%v in %s", err, line)
		}
		s := r.Type
		for _, x := range []string{r.Payload.Type, r.Payload.Role, r.Payload.CallID, r.Payload.Item.Type, r.Payload.Reason} {
			if x != "" {
				s += " " + x
			}
		}
		out = append(out, s)
	}
	return out
}

func input(text string) []protocol.UserInput {
	return []protocol.UserInput{&protocol.UserInputText{Text: text}}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

var listAll = rollout.ListOptions{}
