//go:build unix

package thread_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/hooks"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// TestMain lets the test binary be the supervisor of the hooks that tests run.
func TestMain(m *testing.M) {
	if run, ok := sandbox.Role(os.Args[1:]); ok {
		os.Exit(run())
	}
	os.Setenv("SHELL", "/bin/sh") // and no login files of whoever runs the tests
	os.Setenv("HOME", os.DevNull)
	os.Exit(m.Run())
}

// hooked runs a test as [engine] does, outside of a bubble: processes live in the
// time of the world.
func hooked(t *testing.T, f func(b *bench), replies ...reply) {
	t.Helper()
	b := newBench(t, t.TempDir(), t.TempDir(), replies...)
	b.heard.real = true
	defer func() {
		if b.thread != nil {
			b.shutdown()
		}
	}()
	f(b)
}

// hook has the thread run a shell script at an event; every script keeps what it
// reads in a file named after the event.
func (b *bench) hook(e hooks.Event, script string) {
	b.Helper()
	path := filepath.Join(b.home, "hooks.json")
	var file struct {
		Hooks map[hooks.Event][]any `json:"hooks"`
	}
	if raw, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(raw, &file) // written here
	}
	if file.Hooks == nil {
		file.Hooks = map[hooks.Event][]any{}
	}
	command := fmt.Sprintf("cat >> %s/%s; echo >> %[1]s/%[2]s; %[3]s", b.home, e, script)
	file.Hooks[e] = append(file.Hooks[e], map[string]any{"hooks": []any{map[string]any{"type": "command", "command": command, "timeout": 30}}})
	raw, err := json.Marshal(file)
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	loader := config.New(config.Options{Home: b.home, SystemFile: filepath.Join(b.home, "none", "config.toml"), Environ: func(string) string { return "" }})
	cfg, err := loader.Load(b.Context(), config.Query{})
	if err != nil {
		b.Fatal(err)
	}
	store := hooks.Store{TrustAll: true}
	b.services.Hooks = func(context.Context, thread.Settings) *hooks.Set { return store.Load(cfg) }
}

// read is what the hooks of an event have read, an object a line.
func (b *bench) read(e hooks.Event) []string {
	raw, _ := os.ReadFile(filepath.Join(b.home, string(e)))
	return strings.Fields(strings.ReplaceAll(string(raw), " ", "_"))
}

// endings are the hooks that ended since the client forgot, and how.
func (b *bench) endings() []string {
	b.heard.mu.Lock()
	defer b.heard.mu.Unlock()
	var out []string
	for _, e := range b.heard.seen {
		if n, ok := e.Params.(*protocol.HookCompletedNotification); ok {
			out = append(out, string(n.Run.EventName)+" "+string(n.Run.Status))
		}
	}
	return out
}

// sentContexts is what the nth request holds, less the host's own context.
func (b *bench) sentContexts(n int) []string {
	return slices.DeleteFunc(b.model.sent(n), func(l string) bool {
		return l == "developer: base" || strings.HasPrefix(l, "developer: <") || strings.HasPrefix(l, "user: <environment_context>")
	})
}

func TestHooksAddContext(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.SessionStart, "echo at the start")
		b.hook(hooks.UserPromptSubmit, "echo with the prompt")
		b.start()
		b.turn("one")
		same(t, b.sentContexts(0), []string{"developer: at the start", "user: one", "developer: with the prompt"})
		b.turn("two")
		same(t, b.endings(), []string{"sessionStart completed", "userPromptSubmit completed", "userPromptSubmit completed"})
		if got := b.read(hooks.SessionStart); len(got) != 1 || !strings.Contains(got[0], `"source":"startup"`) || !strings.Contains(got[0], `"transcript_path":"`+b.recorder.Path()) {
			t.Errorf("SessionStart read %s", got)
		}
		b.reopen(whole())
		b.turn("three")
		if got := b.read(hooks.SessionStart); len(got) != 2 || !strings.Contains(got[1], `"source":"resume"`) {
			t.Errorf("SessionStart read %s", got)
		}
	}, whole(says("m1", "1")), whole(says("m2", "2")))
}

func TestHooksRefusePrompts(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"block": "echo no >&2; exit 2", "stop": `echo '{"continue":false}'`} {
		t.Run(name, func(t *testing.T) {
			hooked(t, func(b *bench) {
				b.hook(hooks.UserPromptSubmit, "if tail -1 "+b.home+"/UserPromptSubmit | grep -q '\"bad\"'; then "+script+"; fi")
				b.start()
				b.turn("bad")
				b.told("status active", "turn/started", "hook/started", "hook/completed", "status idle", "turn/completed completed notLoaded")
				b.turn("good")
				same(t, b.model.said(0), []string{"user: good"})
			}, whole(says("m1", "1")))
		})
	}
}

// A refused prompt that steers a turn leaves the turn as it is.
func TestHooksRefuseSteering(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.UserPromptSubmit, "if grep -q '\"bad\"' "+b.home+"/UserPromptSubmit; then echo no >&2; exit 2; fi")
		b.tools["slow"] = func(context.Context, tool.Turn, tool.Call) tool.Output {
			b.submit(&thread.UserTurn{Input: input("bad")})
			return tool.Text("out")
		}
		b.start()
		b.turn("go")
		same(t, b.model.said(1), []string{"user: go", "call c1", "output c1: out"})
	}, whole(calls("c1", "slow", "{}")), whole(says("m1", "1")))
}

func TestHookStopsTheSession(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.SessionStart, `echo '{"continue":false,"stopReason":"r"}'`)
		b.start()
		b.turn("one")
		b.told("status active", "turn/started", "hook/started", "hook/completed", "status idle", "turn/completed completed notLoaded")
	})
}

func TestHooksAroundTools(t *testing.T) {
	t.Parallel()
	const deny = `echo '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":"r"}}'`
	const change = `echo '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"allow","updatedInput":{"command":"other"}}}'`
	const add = `echo '{"hookSpecificOutput":{"hookEventName":"%s","additionalContext":"c"}}'`
	ran := func(_ context.Context, _ tool.Turn, c tool.Call) tool.Output {
		return tool.Text("Exit code: 0\nOutput:\nran " + c.Arguments)
	}
	tests := []struct {
		name, pre, post string
		call            string
		args            string
		want            []string // what the model reads
		read            string   // by PostToolUse; empty where it must not run
	}{
		{"denied", deny, "true", "exec_command", `{"cmd":"x y"}`, []string{"output c1: Command blocked by PreToolUse hook: r. Command: x y"}, ""},
		{"another tool denied", deny, "true", "other", `{"a":1}`, []string{"output c1: Tool call blocked by PreToolUse hook: r. Tool: other"}, ""},
		{"failed", "exit 1", "true", "exec_command", `{"cmd":"x"}`, []string{"output c1: Exit code: 0\nOutput:\nran {\"cmd\":\"x\"}"}, `"tool_response":"ran`},
		{"changed", change, "true", "exec_command", `{"cmd":"x","tty":true}`, []string{"output c1: Exit code: 0\nOutput:\nran {\"cmd\":\"other\",\"tty\":true}"}, `"tool_input":{"command":"other"}`},
		{"context", fmt.Sprintf(add, "PreToolUse"), fmt.Sprintf(add, "PostToolUse"), "exec_command", `{"cmd":"x"}`,
			[]string{"developer: c", "developer: c", "output c1: Exit code: 0\nOutput:\nran {\"cmd\":\"x\"}"}, `"tool_name":"Bash"`},
		{"feedback", "true", "echo fb >&2; exit 2", "shell", `{"command":["a","b"]}`, []string{"output c1: fb"}, `"tool_input":{"command":"a_b"}`},
		{"stopped", "true", `echo '{"continue":false,"stopReason":"sr"}'`, "other", `{"a":1}`, []string{"output c1: sr"}, `"tool_input":{"a":1}`},
		{"not hooked", deny, "true", "write_stdin", `{"session_id":1}`, []string{"output c1: Exit code: 0\nOutput:\nran {\"session_id\":1}"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hooked(t, func(b *bench) {
				b.hook(hooks.PreToolUse, tt.pre)
				b.hook(hooks.PostToolUse, tt.post)
				b.tools[tt.call] = ran
				b.start()
				b.turn("go")
				same(t, b.sentContexts(1), append([]string{"user: go", "call c1"}, tt.want...))
				got := strings.Join(b.read(hooks.PostToolUse), "\n")
				if tt.read == "" && got != "" || !strings.Contains(got, tt.read) {
					t.Errorf("PostToolUse read %q, want %q", got, tt.read)
				}
			}, whole(calls("c1", tt.call, tt.args)), whole(says("m1", "1")))
		})
	}
}

func TestStopHookHasTheTurnGoOn(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.Stop, "if grep -q '\"stop_hook_active\":true' "+b.home+"/Stop; then exit 0; fi; echo 'more & more' >&2; exit 2")
		b.start()
		b.turn("one")
		id := "stop:0:" + b.home + "/hooks.json"
		same(t, b.model.said(1), []string{"user: one", "assistant: 1", `user: <hook_prompt hook_run_id="` + id + `">more &amp; more</hook_prompt>`})
		same(t, b.endings(), []string{"stop blocked", "stop completed"})
		if !b.heard.has("completed *protocol.ThreadItemHookPrompt") {
			t.Error("no item")
		}
		if got := b.read(hooks.Stop); len(got) != 2 || !strings.Contains(got[1], `"last_assistant_message":"2"`) {
			t.Errorf("Stop read %s", got)
		}
		if f := strings.Join(b.file(), "\n"); !strings.Contains(f, "item_completed HookPrompt") {
			t.Error("the file has no such item:\n" + f)
		}
	}, whole(says("m1", "1")), whole(says("m2", "2")))
}

// An agent has events of its own where a thread begins and ends; in all others
// hooks are told whose they are.
func TestHooksOfAgents(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.SessionStart, "true")
		b.hook(hooks.SessionEnd, "true")
		b.hook(hooks.Stop, "true")
		b.hook(hooks.UserPromptSubmit, "true")
		b.hook(hooks.SubagentStart, "echo for agents")
		b.hook(hooks.SubagentStop, "if grep -q '\"stop_hook_active\":true' "+b.home+"/SubagentStop; then exit 0; fi; echo go on >&2; exit 2")
		b.spec.Subagent, b.spec.ParentThreadID, b.spec.AgentType, b.spec.ParentTranscript = "collab_spawn", "parent", "explorer", "/parent.jsonl"
		b.start()
		b.turn("one")
		b.turn("two")
		b.shutdown()
		same(t, b.sentContexts(0), []string{"developer: for agents", "user: one"})
		same(t, b.endings(), []string{"subagentStart completed", "userPromptSubmit completed", "subagentStop blocked", "subagentStop completed",
			"userPromptSubmit completed", "subagentStop completed"})
		agent := `"agent_id":"` + b.thread.ID() + `","agent_type":"explorer"`
		own := `"transcript_path":"` + b.recorder.Path() + `"`
		for event, want := range map[hooks.Event][]string{
			hooks.SubagentStart:    {agent, own, `"permission_mode":"`, `"turn_id":"`},
			hooks.UserPromptSubmit: {agent, own, `"prompt":"one"`},
			hooks.SubagentStop:     {agent, `"transcript_path":"/parent.jsonl"`, `"agent_` + own[1:], `"stop_hook_active":false`, `"last_assistant_message":"1"`},
			hooks.SessionStart:     nil,
			hooks.SessionEnd:       nil,
			hooks.Stop:             nil,
		} {
			got := b.read(event)
			if want == nil {
				if len(got) > 0 {
					t.Errorf("%s was raised: %s", event, got)
				}
				continue
			}
			for _, part := range want {
				if len(got) == 0 || !strings.Contains(got[0], part) {
					t.Errorf("%s read %s, want %s", event, got, part)
				}
			}
		}
	}, whole(says("m1", "1")), whole(says("m2", "2")), whole(says("m3", "3")))
}

func TestHooksOfRequests(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.PreModelRequest, `echo '{"continue":false}'`) // it is told, and decides nothing
		b.hook(hooks.PostModelRequest, "exit 2")
		b.start()
		b.turn("one")
		same(t, b.endings(), []string{"preModelRequest completed", "postModelRequest failed"})
		if got := strings.Join(b.read(hooks.PostModelRequest), ""); !strings.Contains(got, `"status":"completed","error":null,"token_usage":{"input_tokens":6,`) {
			t.Errorf("PostModelRequest read %s", got)
		}
	}, spent(7, says("m1", "1")))
}

func TestHooksOfCompactions(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.PreCompact, "true")
		b.hook(hooks.PostCompact, "true")
		b.hook(hooks.SessionStart, "true")
		b.start()
		b.turn("one")
		b.submit(&thread.Compact{})
		b.idle()
		b.turn("two")
		same(t, b.endings(), []string{"sessionStart completed", "preCompact completed", "postCompact completed", "sessionStart completed"})
		if got := b.read(hooks.SessionStart); len(got) != 2 || !strings.Contains(got[1], `"source":"compact"`) {
			t.Errorf("SessionStart read %s", got)
		}
		if got := b.read(hooks.PreCompact); len(got) != 1 || !strings.Contains(got[0], `"trigger":"manual"`) {
			t.Errorf("PreCompact read %s", got)
		}
	}, whole(says("m1", "1")), whole(says("s", "short")), whole(says("m2", "2")))
}

func TestHookStopsACompaction(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.PreCompact, `echo '{"continue":false}'`)
		b.start()
		b.submit(&thread.Compact{})
		b.idle()
		if !b.heard.has("turn/completed interrupted") || b.heard.has("started compaction") {
			t.Errorf("heard\n%s", strings.Join(b.heard.all(), "\n"))
		}
	})
}

func TestHooksOfEndings(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	hangs := func(ctx context.Context, yield func(model.Event, error) bool) {
		close(asked)
		cut(errHang)(ctx, yield)
	}
	hooked(t, func(b *bench) {
		b.hook(hooks.Interrupt, "true")
		b.hook(hooks.Stop, "true")
		b.hook(hooks.SessionEnd, "true")
		b.start()
		r := b.say("one")
		<-asked
		b.submit(&thread.Interrupt{TurnID: r.TurnID})
		b.idle()
		same(t, b.endings(), []string{"interrupt completed"})
		if got := strings.Join(b.read(hooks.Interrupt), ""); !strings.Contains(got, `"turn_id":"`+r.TurnID) || !strings.HasSuffix(got, `"permission_mode":"default"}`) {
			t.Errorf("Interrupt read %s", got)
		}
		b.shutdown()
		same(t, b.endings(), []string{"interrupt completed", "sessionEnd completed"})
		if all := b.heard.all(); all[len(all)-1] != "closed" {
			t.Error("something is told of a thread that is closed")
		}
		b.thread = nil
	}, hangs)
}

func TestHooksAnswerQuestions(t *testing.T) {
	t.Parallel()
	judge := func(answer string) string {
		return `echo '{"hookSpecificOutput":{"hookEventName":"PermissionRequest","decision":` + answer + `}}'`
	}
	for script, want := range map[string]tool.Judgement{
		"true":                          {},
		"exit 1":                        {},
		judge(`{"behavior":"allow"}`):   {Allowed: true},
		judge(`{"behavior":"deny"}`):    {Refused: true, Why: "PermissionRequest hook denied approval"},
		"echo not here >&2; exit 2":     {Refused: true, Why: "not here"},
		judge(`{"behavior":"perhaps"}`): {},
	} {
		hooked(t, func(b *bench) {
			b.hook(hooks.PermissionRequest, script)
			b.tools["asks"] = func(ctx context.Context, tn tool.Turn, c tool.Call) tool.Output {
				got := tn.(tool.Judge).Judge(ctx, c.ID, tool.Question{Tool: "Bash", Input: map[string]string{"command": "x"}})
				if got != want {
					t.Errorf("%s: %+v, want %+v", script, got, want)
				}
				return tool.Text("")
			}
			b.start()
			b.turn("go")
			if got := strings.Join(b.read(hooks.PermissionRequest), ""); !strings.Contains(got, `"tool_name":"Bash","tool_input":{"command":"x"}}`) {
				t.Errorf("PermissionRequest read %s", got)
			}
		}, whole(calls("c1", "asks", "{}")), whole())
	}
}

func TestNotify(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		var ends []hooks.TurnEnd
		b.services.Notify = func(e hooks.TurnEnd) {
			if !slices.ContainsFunc(b.heard.all(), func(l string) bool { return strings.HasPrefix(l, "turn/completed") }) {
				t.Error("notified before the client was told")
			}
			ends = append(ends, e)
		}
		b.start()
		b.turn("one")
		b.turn("two")
		b.turn("fails")
		if len(ends) != 2 {
			t.Fatalf("notified %d times, want of the completed turns only", len(ends))
		}
		e := ends[1]
		if e.ThreadID != b.spec.ID || e.Client != "test" || !slices.Equal(e.Inputs, []string{"one", "two"}) || *e.LastMessage != "2" || e.Cwd != b.spec.Settings.Cwd {
			t.Errorf("%+v", e)
		}
	}, whole(says("m1", "1")), whole(says("m2", "2")), cut(fmt.Errorf("broken")))
}

// An interrupt kills the hook that looks at a call; what it would have refused
// does not run for that.
func TestInterruptWhileAHookDecides(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.PreToolUse, "touch "+b.home+"/deciding; sleep 60")
		b.tools["exec_command"] = func(context.Context, tool.Turn, tool.Call) tool.Output {
			t.Error("the command ran")
			return tool.Text("")
		}
		b.start()
		r := b.say("go")
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := os.Stat(filepath.Join(b.home, "deciding")); err == nil {
				break
			}
		}
		b.submit(&thread.Interrupt{TurnID: r.TurnID})
		b.idle()
		same(t, b.endings(), []string{"preToolUse failed"})
	}, whole(calls("c1", "exec_command", `{"cmd":"x"}`)))
}

// named offers its tools in a namespace.
type named struct{ kit }

func (n named) Find(_, name string) (tool.Tool, bool) { return n.kit.Find("", name) }

func TestHooksKnowToolsOfServers(t *testing.T) {
	t.Parallel()
	hooked(t, func(b *bench) {
		b.hook(hooks.PreToolUse, "true")
		b.hook(hooks.PostToolUse, "true")
		b.tools["echo"] = func(context.Context, tool.Turn, tool.Call) tool.Output {
			return tool.Output{Body: json.RawMessage(`[{"type":"input_text","text":"Wall time: 0.0007 seconds\nOutput:"},{"type":"input_text","text":"x"}]`)}
		}
		b.services.Tools = func(context.Context, thread.Settings) tool.Offer { return named{b.tools} }
		b.start()
		b.turn("go")
		got := strings.Join(b.read(hooks.PostToolUse), "")
		if want := `"tool_name":"mcp__s__echo","tool_input":{"a":"x"},"tool_response":{"content":[{"text":"x","type":"text"}]},"tool_use_id":"c1"}`; !strings.HasSuffix(got, want) {
			t.Errorf("PostToolUse read %s, want %s", got, want)
		}
	}, whole(item(`{"type":"function_call","call_id":"c1","namespace":"mcp__s","name":"echo","arguments":"{\"a\":\"x\"}"}`)), whole())
}
