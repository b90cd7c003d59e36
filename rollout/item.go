package rollout

// The files item*.go are the only ones that know how an item of the wire (camelCase, protocol.ThreadItem) is spelled in a
// rollout (PascalCase tags, snake_case members, a few other shapes), in both directions, and how legacy files
// say the same with events. It works on JSON, not on structs: what it does not know passes through with its key
// respelled, so that neither side loses the members of a newer one.

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
