package thread

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/codexhost/codexhost/rollout"
)

// A baseline is the context that the model was last told: each turn sends only
// what has changed since.
type baseline struct {
	known       bool // read back from the history, or sent
	developer   string
	skills      string
	permissions string
	mode        string
	agents      string
	environment string
}

// sendContext tells the model what holds for this turn and was not told before,
// and records what the turn runs with.
func (tn *turn) sendContext() error {
	t := tn.thread
	if !t.baseline.known {
		t.baseline = readBaseline(t.history.items)
	}
	now := tn.contextNow()
	var records []rollout.Record
	say := func(role string, parts []string) {
		if len(parts) == 0 {
			return
		}
		raw := textMessage("msg_"+newID(), role, parts...)
		t.history.add(raw)
		records = append(records, rollout.ResponseItem(raw))
	}
	was := t.baseline
	say("developer", changedParts(pair{was.developer, now.developer}, pair{was.skills, now.skills}, pair{was.permissions, now.permissions}, pair{was.mode, now.mode}))
	user := changedParts(pair{was.agents, now.agents}, pair{was.environment, now.environment})
	if was.agents != "" && len(user) > 0 && user[0] == now.agents {
		user[0] = agentsReplaced + now.agents
	}
	say("user", user)
	t.baseline = now
	t.tell(tn.ctx, append(records, tn.recordedContext()))
	return tn.ctx.Err()
}

// messages are the whole context, ready to be shown to a model that has lost it.
func (b baseline) messages() []json.RawMessage {
	var out []json.RawMessage
	say := func(role string, texts ...string) {
		if parts := changedParts(pairs(texts)...); len(parts) > 0 {
			out = append(out, textMessage("msg_"+newID(), role, parts...))
		}
	}
	say("developer", b.developer, b.skills, b.permissions, b.mode)
	say("user", b.agents, b.environment)
	return out
}

func pairs(texts []string) []pair {
	out := make([]pair, len(texts))
	for i, t := range texts {
		out[i].is = t
	}
	return out
}

type pair struct{ was, is string }

// changedParts are the texts that are not what they were. A text that is gone
// needs no telling: it still says what held when it was sent.
func changedParts(pairs ...pair) []string {
	var parts []string
	for _, p := range pairs {
		if p.is != "" && p.is != p.was {
			parts = append(parts, p.is)
		}
	}
	return parts
}

// contextNow is the context that holds for this turn.
func (tn *turn) contextNow() baseline {
	t := tn.thread
	skills, warnings := t.services.Skills.Section(tn.ctx, tn.settings, tn.info.ContextWindow)
	instructions := t.services.Instructions(tn.settings.Cwd)
	if instructions.Warning != "" {
		warnings = append(warnings, instructions.Warning)
	}
	for _, w := range warnings {
		tn.warn(w)
	}
	b := baseline{
		known:       true,
		developer:   tn.settings.DeveloperInstructions,
		skills:      skills,
		permissions: permissionsText(tn.settings),
		mode:        tn.settings.modeText(),
		environment: environmentContext(tn.settings, tn.started),
	}
	if instructions.Text != "" {
		b.agents = agentsOpen + tn.settings.Cwd + "\n\n<INSTRUCTIONS>\n" + instructions.Text + "\n</INSTRUCTIONS>"
	}
	return b
}

const (
	agentsOpen     = "# AGENTS.md instructions for "
	agentsReplaced = "# AGENTS.md instructions for this thread have changed: what follows replaces all earlier ones.\n\n"
)

// readBaseline finds in a history what the model was last told of its context.
// The history is the truth here, so it holds after a resume, a fork and a
// compaction alike, and for threads of another host.
func readBaseline(items []json.RawMessage) baseline {
	b := baseline{known: true}
	for _, raw := range items {
		for _, text := range contextTexts(raw) {
			switch {
			case strings.HasPrefix(text, "<skills_instructions>"):
				b.skills = text
			case strings.HasPrefix(text, "<permissions instructions>"):
				b.permissions = text
			case strings.HasPrefix(text, modeOpen):
				b.mode = text
			case strings.HasPrefix(text, "<environment_context>"):
				b.environment = text
			case strings.HasPrefix(text, agentsOpen):
				b.agents = strings.TrimPrefix(text, agentsReplaced)
			case !strings.HasPrefix(text, "<"):
				b.developer = text
			}
		}
	}
	return b
}

// contextTexts are the texts of a developer message, or of a user message that
// opens with a tag or with AGENTS.md; nil for what people and the model said.
func contextTexts(raw json.RawMessage) []string {
	head := string(raw[:min(len(raw), 160)])
	if !strings.Contains(head, `"developer"`) && !(strings.Contains(head, `"user"`) && (bytes.Contains(raw, []byte(agentsOpen)) || bytes.Contains(raw, []byte("environment_context")))) {
		return nil // nearly all there is in a long history
	}
	var m struct {
		Type, Role string
		Content    []struct{ Text string }
	}
	if json.Unmarshal(raw, &m) != nil || m.Type != "message" {
		return nil
	}
	var texts []string
	for _, c := range m.Content {
		if m.Role == "developer" || m.Role == "user" && (strings.HasPrefix(c.Text, agentsOpen) || strings.HasPrefix(c.Text, "<environment_context>")) {
			texts = append(texts, c.Text)
		}
	}
	return texts
}
