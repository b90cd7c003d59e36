package rollout

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
