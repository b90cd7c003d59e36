package thread

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/codexhost/codexhost/manager/hooks"
	"github.com/codexhost/codexhost/manager/tool"
)

// A hookedCall is a tool call as hooks see it.
type hookedCall struct {
	call    tool.Call
	name    string
	aliases []string
	input   any
	command string // of Bash
	member  string // of the call's arguments that holds the command
}

// asHooked reads a call for hooks; ok is false for what they do not concern.
func asHooked(c tool.Call) (h hookedCall, ok bool) {
	h = hookedCall{call: c, name: c.Name}
	var args map[string]json.RawMessage
	if !c.Custom && json.Unmarshal([]byte(c.Arguments), &args) != nil {
		return h, false // the tool says what is wrong with them
	}
	switch {
	case c.Namespace == tool.AgentsNamespace: // by the reference's names, of which only one is as users expect it
		if h.input = args; c.Name != "spawn_agent" {
			h.name, h.aliases = c.Namespace+c.Name, []string{c.Name}
		}
	case c.Namespace != "":
		h.name = strings.TrimSuffix(c.Namespace, "__") + "__" + c.Name
		h.input = args
	case c.Name == "write_stdin":
		return h, false // its command was asked about when it began
	case c.Name == "exec_command":
		return h.bash("cmd", args)
	case c.Name == "shell_command", c.Name == "shell":
		return h.bash("command", args)
	case c.Name == "apply_patch":
		text := c.Arguments
		if !c.Custom && json.Unmarshal(args["input"], &text) != nil {
			return h, false
		}
		h.aliases = []string{"Edit", "Write"}
		h.input = map[string]string{"command": text}
	case c.Custom:
		h.input = c.Arguments
	default:
		h.input = args
	}
	return h, true
}

func (h hookedCall) bash(member string, args map[string]json.RawMessage) (hookedCall, bool) {
	h.name, h.member = "Bash", member
	var words []string
	if json.Unmarshal(args[member], &h.command) != nil {
		if json.Unmarshal(args[member], &words) != nil {
			return h, false
		}
		h.command = strings.Join(words, " ")
	}
	h.input = map[string]string{"command": h.command}
	return h, true
}

// with is the call with the input that a hook wants instead.
func (h hookedCall) with(input json.RawMessage) (hookedCall, bool) {
	c := h.call
	var wanted struct {
		Command *string `json:"command"`
	}
	switch {
	case h.member != "":
		args := map[string]json.RawMessage{}
		if json.Unmarshal(input, &wanted) != nil || wanted.Command == nil || json.Unmarshal([]byte(c.Arguments), &args) != nil {
			return h, false
		}
		args[h.member], _ = json.Marshal(*wanted.Command) // strings have a JSON form
		if c.Name == "shell" {
			args[h.member], _ = json.Marshal([]string{"sh", "-c", *wanted.Command})
		}
		b, _ := json.Marshal(args) // as does JSON that was read
		c.Arguments = string(b)
	case c.Name == "apply_patch" && c.Namespace == "":
		if json.Unmarshal(input, &wanted) != nil || wanted.Command == nil {
			return h, false
		}
		c.Arguments = *wanted.Command
		if !c.Custom {
			b, _ := json.Marshal(map[string]string{"input": *wanted.Command})
			c.Arguments = string(b)
		}
	case c.Custom:
		return h, false
	default:
		c.Arguments = string(input)
	}
	return asHooked(c)
}

// refusal is what the model reads of a call that a hook blocked.
func (h hookedCall) refusal(why string) tool.Output {
	if h.member != "" {
		return tool.Text("Command blocked by PreToolUse hook: " + why + ". Command: " + h.command)
	}
	return tool.Text("Tool call blocked by PreToolUse hook: " + why + ". Tool: " + h.name)
}

// response is what hooks read of the call's output. ok is false for a call that
// did not come to its end: a command that was refused, or that still runs.
func (h hookedCall) response(body json.RawMessage) (out any, ok bool) {
	var text string
	if json.Unmarshal(body, &text) != nil {
		return contentOf(body), true
	}
	if h.member == "" {
		return text, true
	}
	head, printed, found := strings.Cut(text, "\nOutput:\n")
	return printed, found && !strings.Contains(head, "Process running with session ID")
}

// contentOf is an output of several parts as a server gave it, without the part
// that the host puts before it.
func contentOf(body json.RawMessage) any {
	var parts []map[string]json.RawMessage
	if json.Unmarshal(body, &parts) != nil {
		return body
	}
	content := make([]map[string]json.RawMessage, 0, len(parts))
	for i, p := range parts {
		var text string
		if i == 0 && json.Unmarshal(p["text"], &text) == nil && strings.HasPrefix(text, "Wall time: ") {
			continue
		}
		if string(p["type"]) == `"input_text"` {
			p["type"] = json.RawMessage(`"text"`)
		}
		content = append(content, p)
	}
	return map[string]any{"content": content}
}

// runHooked carries out a call between the hooks that concern it.
func (tn *turn) runHooked(found tool.Tool, c tool.Call, out *output) {
	pre, post := tn.has(hooks.PreToolUse), tn.has(hooks.PostToolUse)
	h, ok := hookedCall{}, false
	if pre || post {
		h, ok = asHooked(c)
	}
	if !ok {
		out.body = tn.runTool(found, c).Body
		return
	}
	if pre {
		r := tn.raise(tn.ctx, hooks.PreToolUse, hookInput{ToolName: h.name, ToolInput: h.input, ToolUseID: c.ID}, h.subjects()...)
		out.contexts = r.Contexts
		switch {
		case len(r.Blocks) > 0:
			out.body = h.refusal(r.Why).Body
			return
		case tn.ctx.Err() != nil: // a hook that was cut off has allowed nothing
			out.body = tool.Text("aborted").Body
			return
		}
		if r.Input != nil {
			changed, ok := h.with(r.Input)
			if !ok {
				out.body = h.refusal("the input that a hook wants instead does not fit the tool").Body
				return
			}
			h = changed
		}
	}
	out.body = tn.runTool(found, h.call).Body
	if !post || tn.ctx.Err() != nil {
		return
	}
	response, ended := h.response(out.body)
	if !ended {
		return
	}
	r := tn.raise(tn.ctx, hooks.PostToolUse, hookInput{ToolName: h.name, ToolInput: h.input, ToolUseID: c.ID, ToolResponse: response}, h.subjects()...)
	out.contexts = append(out.contexts, r.Contexts...)
	switch {
	case r.Stopped:
		out.body = tool.Text(r.Why).Body
	case len(r.Blocks) > 0:
		reasons := make([]string, len(r.Blocks))
		for i, b := range r.Blocks {
			reasons[i] = b.Reason
		}
		out.body = tool.Text(strings.Join(reasons, "\n\n")).Body
	}
}

func (h hookedCall) subjects() []string { return append([]string{h.name}, h.aliases...) }

// Judge implements tool.Judge: hooks may answer in the user's place.
func (tn *turn) Judge(ctx context.Context, callID string, q tool.Question) tool.Judgement {
	if !tn.has(hooks.PermissionRequest) {
		return tool.Judgement{}
	}
	in := hookInput{ToolName: q.Tool, ToolInput: q.Input, ToolUseID: callID}
	r := tn.raise(ctx, hooks.PermissionRequest, in, append([]string{q.Tool}, q.Aliases...)...)
	return tool.Judgement{Allowed: r.Allowed, Refused: len(r.Blocks) > 0, Why: r.Why}
}
