//go:build unix

package hooks

import (
	"fmt"
	"strings"
	"testing"
)

func say(json string) string { return "printf '%s' '" + json + "'" }

func specific(e Event, rest string) string {
	return say(fmt.Sprintf(`{"hookSpecificOutput":{"hookEventName":"%s",%s}}`, e, rest))
}

// The rows are what the reference was seen to do with the same programs.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		event   Event
		command string
		told    string // status and entries
		want    string // the result
	}{
		{UserPromptSubmit, "true", "completed", ""},
		{UserPromptSubmit, "echo '  some text'", "completed|context:some text", "context:some text"},
		{UserPromptSubmit, "echo no >&2; exit 2", "blocked|feedback:no", "block:no"},
		{UserPromptSubmit, "exit 2", "failed|error:UserPromptSubmit hook exited with code 2 but did not write a blocking reason to stderr", ""},
		{UserPromptSubmit, "echo x; echo y >&2; exit 7", "failed|error:hook exited with code 7", ""},
		{UserPromptSubmit, "echo '{bad'", "failed|error:hook returned invalid user prompt submit JSON output", ""},
		{UserPromptSubmit, "echo '[1]'", "failed|error:hook returned invalid user prompt submit JSON output", ""},
		{UserPromptSubmit, say(`{"zork":1}`), "failed|error:hook returned invalid user prompt submit JSON output", ""},
		{UserPromptSubmit, say(`{"decision":"block"}`), "failed|error:UserPromptSubmit hook returned decision:block without a non-empty reason", ""},
		{UserPromptSubmit, say(`{"decision":"zork","reason":"r"}`), "failed|error:hook returned invalid user prompt submit JSON output", ""},
		{UserPromptSubmit, say(`{"suppressOutput":true}`), "completed", ""},
		{UserPromptSubmit, say(`{"continue":false,"stopReason":"sr"}`), "stopped|stop:sr", "stop:sr"},
		{UserPromptSubmit, say(`{"decision":"block","reason":"r","systemMessage":"s","hookSpecificOutput":{"hookEventName":"UserPromptSubmit","additionalContext":"c"}}`),
			"blocked|warning:s|context:c|feedback:r", "context:c block:r"},
		{UserPromptSubmit, specific(PreToolUse, `"additionalContext":"c"`), "failed|error:hook returned invalid user prompt submit JSON output", ""},

		{SessionStart, "echo text", "completed|context:text", "context:text"},
		{SessionStart, "echo b >&2; exit 2", "failed|error:hook exited with code 2", ""},
		{SessionStart, say(`{"continue":false}`), "stopped|stop:SessionStart hook stopped execution", "stop:SessionStart hook stopped execution"},

		{PreToolUse, "echo text", "completed", ""},
		{PreToolUse, "echo no >&2; exit 2", "blocked|feedback:no", "block:no"},
		{PreToolUse, specific(PreToolUse, `"permissionDecision":"deny","permissionDecisionReason":"r"`), "blocked|feedback:r", "block:r"},
		{PreToolUse, specific(PreToolUse, `"permissionDecision":"deny"`), "failed|error:PreToolUse hook returned permissionDecision:deny without a non-empty permissionDecisionReason", ""},
		{PreToolUse, specific(PreToolUse, `"permissionDecision":"ask"`), "failed|error:PreToolUse hook returned unsupported permissionDecision:ask", ""},
		{PreToolUse, specific(PreToolUse, `"permissionDecision":"allow"`), "failed|error:PreToolUse hook returned unsupported permissionDecision:allow", ""},
		{PreToolUse, specific(PreToolUse, `"permissionDecision":"allow","updatedInput":{"command":"x"}`), "completed", `input:{"command":"x"}`},
		{PreToolUse, specific(PreToolUse, `"additionalContext":"c"`), "completed|context:c", "context:c"},
		{PreToolUse, say(`{"decision":"block","reason":"r"}`), "blocked|feedback:r", "block:r"},
		{PreToolUse, say(`{"decision":"approve"}`), "failed|error:PreToolUse hook returned unsupported decision:approve", ""},
		{PreToolUse, say(`{"continue":false}`), "failed|error:PreToolUse hook returned unsupported continue:false", ""},
		{PreToolUse, say(`{"suppressOutput":true}`), "failed|error:PreToolUse hook returned unsupported suppressOutput", ""},
		{PreToolUse, "echo '{'", "failed|error:hook returned invalid pre-tool-use JSON output", ""},

		{PermissionRequest, specific(PermissionRequest, `"decision":{"behavior":"allow"}`), "completed", "allowed"},
		{PermissionRequest, specific(PermissionRequest, `"decision":{"behavior":"deny","message":"m"}`), "blocked|feedback:m", "block:m"},
		{PermissionRequest, "echo no >&2; exit 2", "blocked|feedback:no", "block:no"},
		{PermissionRequest, specific(PermissionRequest, `"decision":{"behavior":"zork"}`), "failed|error:hook returned invalid permission-request JSON output", ""},
		{PermissionRequest, "exit 1", "failed|error:hook exited with code 1", ""},

		{PostToolUse, "echo fb >&2; exit 2", "blocked|feedback:fb", "block:fb"},
		{PostToolUse, say(`{"continue":false,"stopReason":"sr"}`), "stopped|stop:sr", "stop:sr"},
		{PostToolUse, "echo plain", "completed", ""},

		{Stop, "echo plain", "failed|error:hook returned invalid stop hook JSON output", ""},
		{Stop, "echo on >&2; exit 2", "blocked|feedback:on", "block:on"},
		{Stop, say(`{"decision":"block","reason":"r"}`), "blocked|feedback:r", "block:r"},
		{Stop, specific(Stop, `"additionalContext":"c"`), "failed|error:hook returned invalid stop hook JSON output", ""},

		{Stop, "exit 2", "failed|error:Stop hook exited with code 2 but did not write a continuation prompt to stderr", ""},

		{SubagentStart, "echo plain words", "completed|context:plain words", "context:plain words"},
		{SubagentStart, specific(SubagentStart, `"additionalContext":"c"`), "completed|context:c", "context:c"},
		{SubagentStart, say(`{"continue":false,"stopReason":"no agents"}`), "completed", ""},
		{SubagentStart, say(`{"continue":7}`), "failed|error:hook returned invalid subagent start JSON output", ""},
		{SubagentStart, "echo bad >&2; exit 2", "failed|error:hook exited with code 2", ""},
		{SubagentStop, "echo plain", "failed|error:hook returned invalid subagent stop hook JSON output", ""},
		{SubagentStop, "exit 2", "failed|error:SubagentStop hook exited with code 2 but did not write a continuation prompt to stderr", ""},
		{SubagentStop, "echo bad; exit 1", "failed|error:hook exited with code 1", ""},
		{SubagentStop, say(`{"decision":"block","reason":"go on"}`), "blocked|feedback:go on", "block:go on"},

		{PreCompact, "echo xx >&2; exit 2", "failed|error:xx", ""},
		{PreCompact, say(`{"continue":false,"stopReason":"sr"}`), "stopped|stop:sr", "stop:sr"},
		{PreModelRequest, say(`{"continue":false}`), "completed", ""},
		{PostModelRequest, "echo xx >&2; exit 2", "failed|error:xx", ""},
		{Interrupt, "exit 3", "failed|error:hook exited with code 3", ""},
	}
	for _, tt := range tests {
		t.Run(string(tt.event)+"/"+tt.command, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.hooks(tt.event, `,"timeout":3`, tt.command)
			r := w.run(t.Context(), tt.event, map[string]string{})
			if got := w.last(); got != tt.told {
				t.Errorf("told %q, want %q", got, tt.told)
			}
			if got := brief(r); got != tt.want {
				t.Errorf("result %q, want %q", got, tt.want)
			}
		})
	}
}

// brief is a result in one line.
func brief(r Result) string {
	var parts []string
	for _, c := range r.Contexts {
		parts = append(parts, "context:"+c)
	}
	for _, b := range r.Blocks {
		parts = append(parts, "block:"+b.Reason)
	}
	if r.Stopped {
		parts = append(parts, "stop:"+r.Why)
	}
	if r.Allowed {
		parts = append(parts, "allowed")
	}
	if r.Input != nil {
		parts = append(parts, "input:"+string(r.Input))
	}
	return strings.Join(parts, " ")
}
