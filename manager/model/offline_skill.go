package model

import (
	"encoding/json"
	"strings"
)

// skillScript collects the steps of the injected skills, in their order, and the prompt without
// the mentions of those skills.
func skillScript(h *history) (lines []string, prompt string) {
	prompt = h.prompt
	for _, s := range h.skills {
		if steps := skillSteps(s.body); len(steps) > 0 {
			lines = append(lines, steps...)
			prompt = withoutMention(prompt, s.name)
		}
	}
	return lines, strings.TrimSpace(prompt)
}

// withoutMention removes "$name" and "[$name](path)".
func withoutMention(s, name string) string {
	if name == "" {
		return s
	}
	for at := 0; ; {
		i := strings.Index(s[at:], "$"+name)
		if i < 0 {
			return s
		}
		from, to := at+i, at+i+1+len(name)
		if to < len(s) && isNameByte(s[to]) {
			at = to
			continue
		}
		if end := strings.IndexByte(s[to:], ')'); from > 0 && s[from-1] == '[' && end > 0 && strings.HasPrefix(s[to:], "](") {
			from, to = from-1, to+end+1
		}
		s, at = s[:from]+s[to:], from
	}
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == ':' || c == '-'
}

// skillSteps reads the lines marked "offline:" and the fenced blocks of kind "offline".
func skillSteps(body string) (steps []string) {
	fenced, ours := false, false
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if info, ok := strings.CutPrefix(line, "```"); ok {
			ours = !fenced && strings.TrimSpace(info) == "offline"
			fenced = !fenced
			continue
		}
		step, marked := strings.CutPrefix(line, "offline:")
		if !ours && (!marked || fenced) {
			continue
		}
		if step = strings.TrimSpace(step); step != "" && !strings.HasPrefix(step, "#") {
			steps = append(steps, strings.Split(step, " ;; ")...)
		}
	}
	return steps
}

// quoting says how a substituted text is written.
type quoting int

const (
	plain      quoting = iota
	insideJSON         // between the quotes of a JSON string
	shellWord          // as one word of a POSIX shell
)

func (q quoting) write(s string) string {
	switch q {
	case insideJSON:
		b := quoted(s)
		return string(b[1 : len(b)-1])
	case shellWord:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// fill substitutes the placeholders. What is substituted is not looked at again.
func (w *writer) fill(s string, q quoting) string {
	if !strings.Contains(s, "{{") {
		return s
	}
	last := ""
	if n := len(w.h.outputs); n > 0 {
		last = w.h.outputs[n-1]
	}
	return strings.NewReplacer(
		"{{prompt}}", q.write(w.prompt),
		"{{output}}", q.write(last),
		"{{outputs}}", q.write(strings.Join(w.h.outputs, "\n")),
	).Replace(s)
}

// note answers what is no script: in words, or as a value of the output schema if one is set.
func note(r *Request, h *history) []string {
	if len(r.OutputSchema) > 0 {
		return []string{string(sample(r.OutputSchema, 0))}
	}
	said := "You said nothing."
	if p := strings.TrimSpace(h.prompt); p != "" {
		said = "You said: " + shorten(p, 200)
	}
	return words("[offline] This is codexhost's built-in offline model: no network, no key, and no thinking either. " + said +
		"\n\nWrite say:TEXT, exec:CMD, mcp:SERVER/TOOL {…}, patch:PATH, think:TEXT or a chain A ;; B to steer it, " +
		"or configure a provider (an OPENAI_API_KEY, or [model_providers] in config.toml) to talk to a real model.")
}

func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}

// sample is a minimal value of a JSON schema, as far as structured output uses schemas.
func sample(schema []byte, depth int) []byte {
	var s struct {
		Type       any                        `json:"type"`
		Enum       []json.RawMessage          `json:"enum"`
		Const      json.RawMessage            `json:"const"`
		AnyOf      []json.RawMessage          `json:"anyOf"`
		Required   []string                   `json:"required"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(schema, &s) != nil || depth > 32 {
		return []byte("null")
	}
	switch {
	case len(s.Const) > 0:
		return s.Const
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return sample(s.AnyOf[0], depth+1)
	}
	typ, _ := s.Type.(string)
	if list, ok := s.Type.([]any); ok && len(list) > 0 {
		typ, _ = list[0].(string)
	}
	switch typ {
	case "string":
		return []byte(`"offline"`)
	case "number", "integer":
		return []byte("0")
	case "boolean":
		return []byte("false")
	case "array":
		return []byte("[]")
	case "null":
		return []byte("null")
	}
	out := members{t: []byte{'{'}}
	for _, name := range s.Required {
		k := quoted(name)
		out.key(string(k[1 : len(k)-1]))
		out.t = append(out.t, sample(s.Properties[name], depth+1)...)
	}
	return append(out.t, '}')
}
