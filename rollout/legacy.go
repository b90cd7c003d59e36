package rollout

import "strconv"

// Legacy files have events where paginated ones have items. This file puts both into each other's terms, with
// the spelling of item.go.

// legacyEvent finds what an event of a legacy file shows; nil if nothing.
func legacyEvent(name []byte) func(b *turnBuilder, payload []byte) {
	switch string(name) {
	case "user_message":
		return (*turnBuilder).userMessage
	case "agent_message":
		return (*turnBuilder).agentMessage
	case "agent_reasoning":
		return func(b *turnBuilder, p []byte) { b.reasoning(member(p, "text"), nil) }
	case "agent_reasoning_raw_content":
		return func(b *turnBuilder, p []byte) { b.reasoning(nil, member(p, "text")) }
	case "context_compacted":
		return func(b *turnBuilder, _ []byte) { b.numbered("ContextCompaction", nil) }
	case "entered_review_mode":
		return func(b *turnBuilder, p []byte) { b.numbered("EnteredReviewMode", p) }
	case "exited_review_mode":
		return func(b *turnBuilder, p []byte) { b.numbered("ExitedReviewMode", p) }
	case "patch_apply_end":
		return func(b *turnBuilder, p []byte) { b.toolEnd("FileChange", p) }
	case "mcp_tool_call_end":
		return (*turnBuilder).mcpEnd
	case "web_search_end":
		return func(b *turnBuilder, p []byte) { b.toolEnd("WebSearch", p) }
	case "exec_command_end":
		return func(b *turnBuilder, p []byte) { b.toolEnd("CommandExecution", p) }
	case "image_generation_end":
		return func(b *turnBuilder, p []byte) { b.toolEnd("ImageGeneration", p) }
	}
	return nil
}

func (b *turnBuilder) userMessage(payload []byte) {
	if t := b.current; t == nil || !t.explicit && (!t.stub || len(t.items) > 0) {
		b.openImplicit()
	}
	b.current.stub = false
	w := objectWriter{[]byte(`{"type":"UserMessage","content":[`)}
	part := func(kind, key string, value []byte) {
		if w.b[len(w.b)-1] == '}' {
			w.b = append(w.b, ',')
		}
		in := objectWriter{append(w.b, '{')}
		in.str("type", kind)
		in.raw(key, value)
		if kind == "text" {
			in.orEmpty("text_elements", member(payload, "text_elements"), "[]")
		}
		w.b = append(in.b, '}')
	}
	if text := member(payload, "message"); len(text) > 2 {
		part("text", "text", text)
	}
	elements(member(payload, "images"), func(v []byte) bool { part("image", "image_url", v); return true })
	elements(member(payload, "local_images"), func(v []byte) bool { part("local_image", "path", v); return true })
	w.b = append(w.b, ']')
	if id := member(payload, "client_id"); !isNull(id) {
		w.raw("client_id", id)
	}
	b.append(append(w.b, '}'))
}

func (b *turnBuilder) agentMessage(payload []byte) {
	text := member(payload, "message")
	if len(text) <= 2 {
		return
	}
	w := objectWriter{[]byte(`{"type":"AgentMessage","content":[{"type":"Text","text":`)}
	w.b = append(append(w.b, text...), `}]`...)
	for _, key := range []string{"phase", "memory_citation"} {
		if v := member(payload, key); !isNull(v) {
			w.raw(key, v)
		}
	}
	b.append(append(w.b, '}'))
}

// reasoning adds to the reasoning item before it, or makes one. The other product shows no item for raw content
// alone in a legacy file, but the text was worth keeping, so it is worth showing.
func (b *turnBuilder) reasoning(summary, raw []byte) {
	if len(summary) <= 2 && len(raw) <= 2 {
		return
	}
	var before [2][]byte
	t := b.here()
	n := len(t.items)
	merge := n > 0 && memberString(t.items[n-1].wire, "type") == "reasoning"
	if merge {
		before = [2][]byte{member(t.items[n-1].wire, "summary"), member(t.items[n-1].wire, "content")}
	}
	w := objectWriter{[]byte(`{"type":"Reasoning"`)}
	for i, more := range [2][]byte{summary, raw} {
		w.key([2]string{"summary_text", "raw_content"}[i])
		w.b = appendElement(w.b, before[i], more)
	}
	w.b = append(w.b, '}')
	if merge {
		id := t.items[n-1].id
		b.put(t, id, itemToWire(nil, withID(w.b, id), nil, nil))
		return
	}
	b.append(w.b)
}

// appendElement appends the array with one element more, if there is one.
func appendElement(dst, array, more []byte) []byte {
	if len(array) < 2 {
		array = []byte("[]")
	}
	dst = append(dst, array[:len(array)-1]...)
	if len(more) > 2 {
		if len(array) > 2 {
			dst = append(dst, ',')
		}
		dst = append(dst, more...)
	}
	return append(dst, ']')
}

// append adds an item that the file gives no id to the current turn.
func (b *turnBuilder) append(item []byte) {
	b.items++
	id := "item-" + strconv.Itoa(b.items)
	b.put(b.here(), id, itemToWire(nil, withID(item, id), nil, nil))
}

func withID(item []byte, id string) []byte {
	out := appendString(append(make([]byte, 0, len(item)+len(id)+8), `{"id":`...), id)
	if len(item) > 2 {
		out = append(out, ',')
	}
	return append(out, item[1:]...)
}

// numbered adds an item made of an event whose members are spelled as the item's.
func (b *turnBuilder) numbered(tag string, payload []byte) { b.append(retag(tag, "", payload)) }

// retag makes an item of an event: another type, the call's id as the item's, no turn id.
func retag(tag, id string, payload []byte) []byte {
	w := objectWriter{[]byte{'{'}}
	w.str("type", tag)
	w.opt("id", id)
	members(payload, func(key, value []byte) bool {
		switch string(key) {
		case "type", "call_id", "turn_id", "success":
		default:
			w.raw(string(key), value)
		}
		return true
	})
	return append(w.b, '}')
}

// toolEnd puts a finished tool call into its turn, even one that is over; one of an unknown turn is dropped.
func (b *turnBuilder) toolEnd(tag string, payload []byte) {
	id := memberString(payload, "call_id")
	t := b.of(payload)
	if t == nil {
		if memberString(payload, "turn_id") != "" {
			return
		}
		t = b.here()
	}
	b.put(t, id, itemToWire(nil, retag(tag, id, payload), nil, nil))
}

// mcpEnd unfolds {invocation:{server,tool,arguments}, result:{Ok|Err}}.
func (b *turnBuilder) mcpEnd(payload []byte) {
	w := objectWriter{[]byte{'{'}}
	members(payload, func(key, value []byte) bool {
		switch string(key) {
		case "invocation":
			for _, k := range []string{"server", "tool", "arguments"} {
				w.raw(k, member(value, k))
			}
		case "result":
			w.raw("result", member(value, "Ok"))
			w.raw("error", member(value, "Err"))
		default:
			w.raw(string(key), value)
		}
		return true
	})
	b.toolEnd("McpToolCall", append(w.b, '}'))
}

// legacyEvents gives the events that say in a legacy file what an item says, none for some items. Commands have
// no event that the other product would read back; they are written as items, which it passes over.
func legacyEvents(c *completedItem, emit func(payload []byte)) {
	item := itemToFile(nil, c.wire)
	w := objectWriter{[]byte{'{'}}
	switch tag := memberString(item, "type"); tag {
	case "UserMessage":
		w.str("type", "user_message")
		appendUserEvent(&w, item)
	case "AgentMessage":
		w.str("type", "agent_message")
		w.key("message")
		w.b = appendJoinedText(w.b, member(item, "content"))
		w.orNull("phase", member(item, "phase"))
		w.orNull("memory_citation", member(item, "memory_citation"))
	case "Reasoning":
		emitTexts(member(item, "summary_text"), "agent_reasoning", emit)
		emitTexts(member(item, "raw_content"), "agent_reasoning_raw_content", emit)
		return
	case "ContextCompaction":
		w.str("type", "context_compacted")
	case "EnteredReviewMode":
		w.fold("entered_review_mode", item, "")
	case "ExitedReviewMode":
		w.fold("exited_review_mode", item, "")
	case "FileChange":
		w.str("type", "patch_apply_end")
		w.str("call_id", memberString(item, "id"))
		w.str("turn_id", c.turnID)
		w.raw("success", []byte(strconv.FormatBool(memberString(item, "status") == "completed")))
		w.copy(item, "type", "id")
	case "McpToolCall":
		appendMCPEvent(&w, item, c.turnID)
	case "WebSearch":
		w.str("type", "web_search_end")
		w.str("call_id", memberString(item, "id"))
		w.copy(item, "type", "id")
	default:
		emit(appendItemCompleted(nil, c))
		return
	}
	emit(append(w.b, '}'))
}

// fold writes an event that has the members of the item, without its id.
func (w *objectWriter) fold(name string, item []byte, id string) {
	w.str("type", name)
	w.opt("call_id", id)
	w.copy(item, "type", "id")
}

// copy writes the members of an object, except some.
func (w *objectWriter) copy(object []byte, except ...string) {
	members(object, func(key, value []byte) bool {
		for _, x := range except {
			if string(key) == x {
				return true
			}
		}
		w.raw(string(key), value)
		return true
	})
}

func emitTexts(list []byte, name string, emit func([]byte)) {
	elements(list, func(text []byte) bool {
		w := event(name)
		w.raw("text", text)
		emit(append(w.b, '}'))
		return true
	})
}

func appendUserEvent(w *objectWriter, item []byte) {
	var text, marks, images, local []byte
	elements(member(item, "content"), func(part []byte) bool {
		switch memberString(part, "type") {
		case "text":
			if t := member(part, "text"); len(t) > 1 {
				text = append(text, t[1:len(t)-1]...)
			}
			elements(member(part, "text_elements"), func(v []byte) bool { marks = appendElement(nil, marks, v); return true })
		case "image":
			images = appendElement(nil, images, member(part, "image_url"))
		case "local_image":
			local = appendElement(nil, local, member(part, "path"))
		}
		return true
	})
	w.key("message")
	w.b = append(append(append(w.b, '"'), text...), '"')
	w.orEmpty("images", images, "[]")
	w.orEmpty("local_images", local, "[]")
	w.orEmpty("text_elements", marks, "[]")
	if id := member(item, "client_id"); !isNull(id) {
		w.raw("client_id", id)
	}
}

func appendMCPEvent(w *objectWriter, item []byte, turnID string) {
	w.str("type", "mcp_tool_call_end")
	w.str("call_id", memberString(item, "id"))
	w.str("turn_id", turnID)
	w.key("invocation")
	in := objectWriter{append(w.b, '{')}
	for _, k := range []string{"server", "tool", "arguments"} {
		in.raw(k, member(item, k))
	}
	w.b = append(in.b, '}')
	w.orEmpty("duration", member(item, "duration"), `{"secs":0,"nanos":0}`)
	w.key("result")
	if failure := member(item, "error"); !isNull(failure) {
		w.b = append(append(append(w.b, `{"Err":`...), orRaw(member(failure, "message"), `""`)...), '}')
	} else {
		w.b = append(append(append(w.b, `{"Ok":`...), orRaw(member(item, "result"), `{"content":[]}`)...), '}')
	}
}
