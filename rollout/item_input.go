package rollout

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
