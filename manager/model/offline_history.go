package model

import (
	"encoding/json"
	"slices"
	"strings"
)

// history is what the offline model reads out of a request's input.
type history struct {
	prompt  string   // the last thing the user said
	at      int      // its index
	turns   int      // how many things the user said
	calls   int      // tool calls since then
	outputs []string // tool outputs since then, cleaned, oldest first
	skills  []skillText
}

// skillText is the body of an injected skill.
type skillText struct{ name, body string }

func readHistory(input []json.RawMessage) *history {
	h := &history{}
	for i, raw := range input {
		it, err := ParseItem(raw)
		if err != nil {
			continue
		}
		switch it.Type {
		case "message":
			if it.Role == "user" {
				h.user(i, userText(it))
			}
		case "function_call", "custom_tool_call", "local_shell_call":
			h.calls++
		case "function_call_output", "custom_tool_call_output", "mcp_tool_call_output":
			h.outputs = append(h.outputs, cleanOutput(it.Output))
		}
	}
	return h
}

// userText leaves out the tags that codex puts around an image.
func userText(it Item) string {
	parts := slices.DeleteFunc(partTexts(member(it.Raw, "content")), func(s string) bool {
		return strings.HasPrefix(s, "<image") || strings.HasPrefix(s, "</image")
	})
	if len(parts) == 0 {
		return it.Text
	}
	return strings.Join(parts, "")
}

func (h *history) user(i int, said string) {
	if s, ok := parseSkill(said); ok {
		h.skills = append(h.skills, s)
		return
	}
	if contextual(said) {
		return
	}
	*h = history{prompt: said, at: i, turns: h.turns + 1}
}

// contextualTags open the user messages that the host writes itself.
var contextualTags = [...]string{"# agents.md instructions", "<environment_context>", "<user_instructions>", "<skill>", "<user_shell_command>",
	"<turn_aborted>", "<subagent_notification>", "<hook_prompt", "<permissions instructions>"}

func contextual(said string) bool {
	s := strings.TrimLeft(said, " \t\r\n")
	return slices.ContainsFunc(contextualTags[:], func(tag string) bool {
		return len(s) >= len(tag) && strings.EqualFold(s[:len(tag)], tag)
	})
}

func parseSkill(said string) (s skillText, ok bool) {
	said, ok = strings.CutPrefix(strings.TrimSpace(said), "<skill>")
	if !ok {
		return s, false
	}
	said = strings.TrimSuffix(said, "</skill>")
	if _, rest, found := strings.Cut(said, "<name>"); found {
		s.name, s.body, _ = strings.Cut(rest, "</name>")
	} else {
		s.body = said
	}
	return s, true
}

// cleanOutput takes the host's frame off a tool output and the protocol's off an MCP result.
func cleanOutput(out string) string {
	if strings.HasPrefix(out, "Wall time:") || strings.HasPrefix(out, "Chunk ID:") || strings.HasPrefix(out, "Exit code:") {
		if _, after, ok := strings.Cut(out, "\nOutput:"); ok {
			out = strings.TrimPrefix(after, "\n")
		}
	}
	out = strings.TrimRight(out, "\r\n")
	raw := []byte(out)
	if content := member(raw, "content"); content != nil {
		raw = content
	}
	if parts := partTexts(raw); len(parts) > 0 {
		return strings.Join(parts, "\n")
	}
	return out
}
