package rollout

import (
	"bytes"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// This file is the only one that knows how an item of the wire (camelCase, protocol.ThreadItem) is spelled in a
// rollout (PascalCase tags, snake_case members, a few other shapes), in both directions, and how legacy files
// say the same with events. It works on JSON, not on structs: what it does not know passes through with its key
// respelled, so that neither side loses the members of a newer one.

// fields is an object taken apart; take marks a member as dealt with.
type fields struct{ list []field }

type field struct {
	key, value []byte
	used       bool
}

// parseFields takes an object apart; the caller frees the result.
func parseFields(object []byte) *fields {
	f := freeFields.Get().(*fields)
	f.list = f.list[:0]
	members(object, func(key, value []byte) bool {
		f.list = append(f.list, field{key, value, false})
		return true
	})
	return f
}

// freeFields saves an allocation for each of the objects of a long history.
var freeFields = sync.Pool{New: func() any { return &fields{list: make([]field, 0, 24)} }}

func (f *fields) free() { freeFields.Put(f) }

// take returns the raw value of the first of the names that is there, or nil.
func (f *fields) take(names ...string) []byte {
	for _, name := range names {
		for i := range f.list {
			if string(f.list[i].key) == name {
				f.list[i].used = true
				return f.list[i].value
			}
		}
	}
	return nil
}

func (f *fields) rest(w *objectWriter, spell func(string) string) {
	for _, m := range f.list {
		if !m.used {
			w.key(spell(string(m.key)))
			w.b = append(w.b, m.value...)
		}
	}
}

// orNull writes a member, null where the value is absent.
func (w *objectWriter) orNull(name string, value []byte) {
	if len(value) == 0 {
		value = []byte("null")
	}
	w.raw(name, value)
}

func (w *objectWriter) orEmpty(name string, value []byte, empty string) {
	if isNull(value) {
		value = []byte(empty)
	}
	w.raw(name, value)
}

// itemToWire appends the wire form of a file item. The times, in milliseconds, may be nil.
func itemToWire(dst, item, started, completed []byte) []byte {
	f := parseFields(item)
	defer f.free()
	tag := decodeString(f.take("type"))
	w := objectWriter{append(dst, '{')}
	w.str("type", lowerFirst(tag))
	w.raw("id", f.take("id"))
	if spell, known := wireSpelling[tag]; known {
		spell(&w, f)
	}
	f.rest(&w, camel)
	w.orNull("startedAtMs", started)
	w.orNull("completedAtMs", completed)
	return append(w.b, '}')
}

// itemToFile appends the file form of a wire item. The times live beside the item in the file.
func itemToFile(dst, item []byte) []byte {
	f := parseFields(item)
	defer f.free()
	tag := upperFirst(decodeString(f.take("type")))
	f.take("startedAtMs")
	f.take("completedAtMs")
	w := objectWriter{append(dst, '{')}
	w.str("type", tag)
	w.raw("id", f.take("id"))
	if spell, known := fileSpelling[tag]; known {
		spell(&w, f)
	}
	for i := range f.list { // the file leaves nulls out
		f.list[i].used = f.list[i].used || isNull(f.list[i].value)
	}
	f.rest(&w, snake)
	return append(w.b, '}')
}

func appendItemCompleted(dst []byte, c *completedItem) []byte {
	w := objectWriter{append(dst, `{"type":"item_completed"`...)}
	w.str("thread_id", c.threadID)
	w.str("turn_id", c.turnID)
	w.key("item")
	w.b = itemToFile(w.b, c.wire)
	w.int("started_at_ms", c.startedAtMs)
	w.int("completed_at_ms", c.completedAt)
	return append(w.b, '}')
}

type spelling func(w *objectWriter, f *fields)

var wireSpelling = map[string]spelling{
	"UserMessage": func(w *objectWriter, f *fields) {
		w.orNull("clientId", f.take("client_id"))
		w.key("content")
		w.b = appendMapped(w.b, f.take("content"), inputToWire)
	},
	"AgentMessage": func(w *objectWriter, f *fields) {
		w.orNull("moderation", f.take("moderation"))
		w.key("text")
		w.b = appendJoinedText(w.b, f.take("content"))
		w.orNull("phase", f.take("phase"))
		w.key("memoryCitation")
		w.b = respell(w.b, f.take("memory_citation"), camel)
		w.orNull("delivery", f.take("delivery"))
		w.orNull("questions", f.take("questions"))
	},
	"Reasoning": func(w *objectWriter, f *fields) {
		w.orEmpty("summary", f.take("summary_text"), "[]")
		w.orEmpty("content", f.take("raw_content"), "[]")
	},
	"HookPrompt":       func(w *objectWriter, f *fields) { w.respelled("fragments", f.take("fragments"), camel) },
	"CommandExecution": commandToWire,
	"FileChange": func(w *objectWriter, f *fields) {
		f.take("stdout")
		f.take("stderr")
		f.take("auto_approved")
		w.key("changes")
		w.b = changesToWire(w.b, f.take("changes"))
		w.word("status", f.take("status"), camel, "completed")
	},
	"McpToolCall": mcpToWire,
	"DynamicToolCall": func(w *objectWriter, f *fields) {
		w.orNull("namespace", f.take("namespace"))
		w.raw("tool", f.take("tool"))
		w.orNull("arguments", f.take("arguments"))
		w.word("status", f.take("status"), camel, "completed")
		w.orNull("contentItems", f.take("content_items"))
		w.orNull("success", f.take("success"))
		w.durationMs(f.take("duration"))
	},
	"WebSearch": func(w *objectWriter, f *fields) {
		w.orEmpty("query", f.take("query"), `""`)
		w.tagged("action", f.take("action"), camel)
		w.orNull("results", f.take("results"))
	},
	"ImageView": func(w *objectWriter, f *fields) {
		w.key("path")
		w.b = appendString(w.b, uriToPath(decodeString(f.take("path"))))
	},
	"Sleep":             func(w *objectWriter, f *fields) { w.durationMs(f.take("duration")) },
	"EnteredReviewMode": func(w *objectWriter, f *fields) { w.str("review", reviewHint(f)) },
	"ExitedReviewMode":  func(w *objectWriter, f *fields) { w.str("review", ReviewText(f.take("review_output"))) },
	"CollabAgentToolCall": func(w *objectWriter, f *fields) {
		w.word("tool", f.take("tool"), camel, "")
		w.word("status", f.take("status"), camel, "completed")
		f.take("receiver_agents")
		w.key("agentsStates")
		w.b = statesToWire(w.b, f.take("agents_states"))
	},
	"SubAgentActivity": func(w *objectWriter, f *fields) { w.word("kind", f.take("kind"), camel, "") },
}

var fileSpelling = map[string]spelling{
	"UserMessage": func(w *objectWriter, f *fields) {
		w.key("content")
		w.b = appendMapped(w.b, f.take("content"), inputToFile)
	},
	"AgentMessage": func(w *objectWriter, f *fields) {
		w.b = append(w.b, `,"content":[{"type":"Text","text":`...)
		w.b = append(w.b, orRaw(f.take("text"), `""`)...)
		w.b = append(w.b, `}]`...)
		if v := f.take("memoryCitation"); !isNull(v) {
			w.respelled("memory_citation", v, snake)
		}
	},
	"Reasoning": func(w *objectWriter, f *fields) {
		w.orEmpty("summary_text", f.take("summary"), "[]")
		w.orEmpty("raw_content", f.take("content"), "[]")
	},
	"HookPrompt":       func(w *objectWriter, f *fields) { w.respelled("fragments", f.take("fragments"), snake) },
	"CommandExecution": commandToFile,
	"FileChange": func(w *objectWriter, f *fields) {
		w.key("changes")
		w.b = changesToFile(w.b, f.take("changes"))
		w.word("status", f.take("status"), snake, "completed")
		w.orEmpty("stdout", f.take("stdout"), `""`)
		w.orEmpty("stderr", f.take("stderr"), `""`)
	},
	"McpToolCall": mcpToFile,
	"DynamicToolCall": func(w *objectWriter, f *fields) {
		w.orNull("arguments", f.take("arguments"))
		w.word("status", f.take("status"), snake, "completed")
		w.duration(f.take("durationMs"))
	},
	"WebSearch": func(w *objectWriter, f *fields) {
		w.orEmpty("query", f.take("query"), `""`)
		w.tagged("action", f.take("action"), snake)
	},
	"ImageView": func(w *objectWriter, f *fields) { w.str("path", pathToURI(decodeString(f.take("path")))) },
	"Sleep":     func(w *objectWriter, f *fields) { w.duration(f.take("durationMs")) },
	"EnteredReviewMode": func(w *objectWriter, f *fields) {
		hint := orRaw(f.take("review"), `""`)
		w.b = append(append(w.b, `,"target":{"type":"custom","instructions":`...), hint...)
		w.b = append(w.b, '}')
		w.raw("user_facing_hint", hint)
	},
	"ExitedReviewMode": func(w *objectWriter, f *fields) {
		if output := f.take("reviewOutput"); output != nil {
			f.take("review")
			w.raw("review_output", output)
			return
		}
		w.b = append(w.b, `,"review_output":{"findings":[],"overall_correctness":"","overall_explanation":`...)
		w.b = append(append(w.b, orRaw(f.take("review"), `""`)...), `,"overall_confidence_score":0.0}`...)
	},
	"CollabAgentToolCall": func(w *objectWriter, f *fields) {
		w.word("tool", f.take("tool"), snake, "")
		w.word("status", f.take("status"), snake, "completed")
		w.key("agents_states")
		w.b = statesToFile(w.b, f.take("agentsStates"))
	},
	"SubAgentActivity": func(w *objectWriter, f *fields) { w.word("kind", f.take("kind"), snake, "") },
}

func orRaw(raw []byte, other string) []byte {
	if isNull(raw) {
		return []byte(other)
	}
	return raw
}

// --- users' input ---

func inputToWire(dst, part []byte) []byte {
	f := parseFields(part)
	defer f.free()
	tag := camel(decodeString(f.take("type")))
	w := objectWriter{append(dst, '{')}
	w.str("type", tag)
	switch tag {
	case "text":
		w.raw("text", f.take("text"))
		w.respelled("text_elements", orRaw(f.take("text_elements"), "[]"), camel)
	case "image":
		w.raw("url", f.take("image_url", "url"))
		w.orNull("detail", f.take("detail"))
	case "localImage":
		w.raw("path", f.take("path"))
		w.orNull("detail", f.take("detail"))
	}
	f.rest(&w, camel)
	return append(w.b, '}')
}

func inputToFile(dst, part []byte) []byte {
	f := parseFields(part)
	defer f.free()
	tag := snake(decodeString(f.take("type")))
	w := objectWriter{append(dst, '{')}
	w.str("type", tag)
	switch tag {
	case "text":
		w.raw("text", f.take("text"))
		w.respelled("text_elements", orRaw(f.take("text_elements"), "[]"), snake)
	case "image":
		w.raw("image_url", f.take("url"))
	}
	if v := f.take("detail"); !isNull(v) {
		w.raw("detail", v)
	}
	f.rest(&w, snake)
	return append(w.b, '}')
}

// appendJoinedText appends, as one string, the texts of an agent message's parts.
func appendJoinedText(dst, parts []byte) []byte {
	var texts [][]byte
	elements(parts, func(part []byte) bool {
		if t := member(part, "text"); len(t) > 0 && t[0] == '"' {
			texts = append(texts, t[1:len(t)-1])
		}
		return true
	})
	dst = append(dst, '"')
	for _, t := range texts { // still escaped as they came
		dst = append(dst, t...)
	}
	return append(dst, '"')
}

// --- commands ---

func commandToWire(w *objectWriter, f *fields) {
	w.orNull("pluginId", f.take("plugin_id"))
	w.orNull("scriptPath", f.take("script_path"))
	var argv []string
	elements(f.take("command"), func(v []byte) bool {
		argv = append(argv, decodeString(v))
		return true
	})
	w.str("command", protocol.JoinCommand(argv))
	cwd := uriToPath(decodeString(f.take("cwd")))
	w.str("cwd", cwd)
	w.orNull("processId", f.take("process_id"))
	w.word("source", f.take("source"), camel, "agent")
	w.word("status", f.take("status"), camel, "completed")
	w.key("commandActions")
	w.b = appendMapped(w.b, f.take("parsed_cmd"), func(dst, action []byte) []byte { return actionToWire(dst, action, cwd) })
	output := f.take("aggregated_output")
	if string(output) == `""` {
		output = nil
	}
	w.orNull("aggregatedOutput", output)
	w.orNull("exitCode", f.take("exit_code"))
	w.durationMs(f.take("duration"))
	for _, gone := range []string{"stdout", "stderr", "formatted_output", "interaction_input"} {
		f.take(gone)
	}
}

func commandToFile(w *objectWriter, f *fields) {
	if v := f.take("processId"); !isNull(v) {
		w.raw("process_id", v)
	}
	w.key("command")
	w.b = appendStrings(w.b, splitCommand(decodeString(f.take("command"))))
	w.str("cwd", pathToURI(decodeString(f.take("cwd"))))
	w.key("parsed_cmd")
	w.b = appendMapped(w.b, f.take("commandActions"), actionToFile)
	w.word("source", f.take("source"), snake, "agent")
	w.word("status", f.take("status"), snake, "completed")
	w.orEmpty("aggregated_output", f.take("aggregatedOutput"), `""`)
	if v := f.take("exitCode"); !isNull(v) {
		w.raw("exit_code", v)
	}
	w.duration(f.take("durationMs"))
}

// actionToWire respells one parsed command. The file has the path of a file that is read as it was typed.
func actionToWire(dst, action []byte, cwd string) []byte {
	f := parseFields(action)
	defer f.free()
	w := objectWriter{append(dst, '{')}
	tag := camel(decodeString(f.take("type")))
	w.str("type", tag)
	w.raw("command", f.take("cmd"))
	if tag == "read" {
		path := decodeString(f.take("path"))
		if !strings.HasPrefix(path, "/") && !filepath.IsAbs(path) {
			path = filepath.Join(cwd, path)
		}
		w.str("path", path)
	}
	f.rest(&w, camel)
	return append(w.b, '}')
}

func actionToFile(dst, action []byte) []byte {
	f := parseFields(action)
	defer f.free()
	w := objectWriter{append(dst, '{')}
	w.str("type", snake(decodeString(f.take("type"))))
	w.raw("cmd", f.take("command"))
	f.rest(&w, snake)
	return append(w.b, '}')
}

// uriToPath turns a file URI into a path; a path stays one.
func uriToPath(s string) string {
	rest, ok := strings.CutPrefix(s, "file://")
	if !ok {
		return s
	}
	p, err := url.PathUnescape(rest)
	if err != nil {
		return rest
	}
	if len(p) > 2 && p[0] == '/' && p[2] == ':' { // /C:/x
		p = p[1:]
	}
	return p
}

func pathToURI(p string) string {
	if strings.HasPrefix(p, "file://") {
		return p
	}
	if len(p) > 1 && p[1] == ':' {
		p = "/" + strings.ReplaceAll(p, `\`, "/")
	}
	return (&url.URL{Scheme: "file", Path: p}).String()
}

// --- patches ---

// changesToWire turns {path: {type, content | unified_diff, move_path}} into a list of {path, kind, diff}, by path.
func changesToWire(dst, changes []byte) []byte {
	f := parseFields(changes)
	defer f.free()
	slices.SortFunc(f.list, func(a, b field) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '[')
	for i, c := range f.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = changeToWire(dst, string(c.key), c.value)
	}
	return append(dst, ']')
}

func changeToWire(dst []byte, path string, change []byte) []byte {
	w := objectWriter{append(dst, '{')}
	w.str("path", path)
	tag := memberString(change, "type")
	w.key("kind")
	kind := objectWriter{append(w.b, '{')}
	kind.str("type", tag)
	diff := memberString(change, "content")
	if tag == "update" {
		move := member(change, "move_path")
		kind.orNull("move_path", move)
		diff = memberString(change, "unified_diff")
		if !isNull(move) {
			diff += movedTo + decodeString(move)
		}
	}
	w.b = append(kind.b, '}')
	w.str("diff", diff)
	return append(w.b, '}')
}

const movedTo = "\n\nMoved to: "

func changesToFile(dst, changes []byte) []byte {
	dst = append(dst, '{')
	elements(changes, func(change []byte) bool {
		w := objectWriter{dst}
		w.key(memberString(change, "path"))
		kind := member(change, "kind")
		tag := memberString(kind, "type")
		in := objectWriter{append(w.b, '{')}
		in.str("type", tag)
		diff := memberString(change, "diff")
		if tag == "update" {
			move := member(kind, "move_path")
			if !isNull(move) {
				diff = strings.TrimSuffix(diff, movedTo+decodeString(move))
			}
			in.str("unified_diff", diff)
			in.orNull("move_path", move)
		} else {
			in.str("content", diff)
		}
		dst = append(in.b, '}')
		return true
	})
	return append(dst, '}')
}

// --- MCP calls ---

func mcpToWire(w *objectWriter, f *fields) {
	w.raw("server", f.take("server"))
	w.raw("tool", f.take("tool"))
	result, failure := f.take("result"), f.take("error")
	status := "completed"
	if !isNull(failure) || string(member(result, "isError")) == "true" {
		status = "failed"
	}
	w.word("status", f.take("status"), camel, status)
	w.orNull("arguments", f.take("arguments"))
	for _, name := range [...][2]string{{"appContext", "app_context"}, {"mcpAppUi", "mcp_app_ui"}, {"pluginId", "plugin_id"}, {"readOnlyHint", "read_only_hint"}} {
		w.orNull(name[0], f.take(name[0], name[1]))
	}
	if isNull(result) {
		w.raw("result", []byte("null"))
	} else {
		w.key("result")
		in := objectWriter{append(w.b, '{')}
		in.orEmpty("content", member(result, "content"), "[]")
		structured := member(result, "structuredContent")
		if structured == nil {
			structured = member(result, "structured_content")
		}
		in.orNull("structuredContent", structured)
		in.orNull("_meta", member(result, "_meta"))
		w.b = append(in.b, '}')
	}
	if len(failure) > 0 && failure[0] == '"' {
		failure = append(append([]byte(`{"message":`), failure...), '}')
	}
	w.orNull("error", failure)
	w.durationMs(f.take("duration"))
}

func mcpToFile(w *objectWriter, f *fields) {
	w.raw("server", f.take("server"))
	w.raw("tool", f.take("tool"))
	w.orNull("arguments", f.take("arguments"))
	if v := f.take("readOnlyHint"); !isNull(v) {
		w.raw("readOnlyHint", v)
	}
	w.word("status", f.take("status"), snake, "completed")
	if v := f.take("result"); !isNull(v) {
		w.key("result")
		w.b = dropNulls(w.b, v)
	}
	w.duration(f.take("durationMs"))
}

func dropNulls(dst, object []byte) []byte {
	w := objectWriter{append(dst, '{')}
	members(object, func(key, value []byte) bool {
		if !isNull(value) {
			w.raw(string(key), value)
		}
		return true
	})
	return append(w.b, '}')
}

// --- agents ---

// statesToWire turns {id: "word" | {"word": message}} into {id: {status, message}}.
func statesToWire(dst, states []byte) []byte {
	w := objectWriter{append(dst, '{')}
	members(states, func(id, state []byte) bool {
		word, message := decodeString(state), []byte(nil)
		if word == "" {
			members(state, func(key, value []byte) bool {
				word, message = string(key), value
				return false
			})
		}
		w.key(string(id))
		in := objectWriter{append(w.b, '{')}
		in.str("status", camel(word))
		in.orNull("message", message)
		w.b = append(in.b, '}')
		return true
	})
	return append(w.b, '}')
}

func statesToFile(dst, states []byte) []byte {
	w := objectWriter{append(dst, '{')}
	members(states, func(id, state []byte) bool {
		word := snake(memberString(state, "status"))
		w.key(string(id))
		if message := member(state, "message"); !isNull(message) {
			in := objectWriter{append(w.b, '{')}
			in.key(word)
			w.b = append(append(in.b, message...), '}')
		} else {
			w.b = appendString(w.b, word)
		}
		return true
	})
	return append(w.b, '}')
}

// --- reviews ---

func reviewHint(f *fields) string {
	hint, target := f.take("user_facing_hint"), f.take("target")
	if isNull(hint) {
		hint = member(target, "instructions")
	}
	return orElse(decodeString(hint), "Review requested.")
}

// ReviewText renders what a reviewer found, given in the file's spelling, as the text that clients show.
// Nothing, or null, is a reviewer that found no words.
func ReviewText(output []byte) string {
	var parts []string
	if s := strings.TrimSpace(memberString(output, "overall_explanation")); s != "" {
		parts = append(parts, s)
	}
	findings, n := "", 0
	elements(member(output, "findings"), func(f []byte) bool {
		n++
		findings += "\n\n- " + memberString(f, "title")
		if loc := member(f, "code_location"); !isNull(loc) {
			lines := member(loc, "line_range")
			findings += " — " + memberString(loc, "absolute_file_path") + ":" + string(member(lines, "start")) + "-" + string(member(lines, "end"))
		}
		for _, line := range strings.Split(memberString(f, "body"), "\n") {
			findings += "\n  " + line
		}
		return true
	})
	switch {
	case n == 1:
		parts = append(parts, "Review comment:"+findings)
	case n > 1:
		parts = append(parts, "Full review comments:"+findings)
	}
	if len(parts) == 0 {
		return "Reviewer failed to output a response."
	}
	return strings.Join(parts, "\n\n")
}
